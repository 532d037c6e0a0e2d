package populations

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestReachIsTheEndOfWhatIsCovered compares with going step by step.
func TestReachIsTheEndOfWhatIsCovered(t *testing.T) {
	moment := func(n int) time.Time { return time.Unix(int64(n), 0) }
	rapid.Check(t, func(t *rapid.T) {
		type part struct{ from, to int }
		parts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) part {
			return part{rapid.IntRange(0, 20).Draw(t, "from"), rapid.IntRange(0, 20).Draw(t, "to")}
		}), 0, 6).Draw(t, "parts")
		from := rapid.IntRange(0, 20).Draw(t, "begin")
		var list []interval
		for _, p := range parts {
			list = append(list, interval{moment(p.from), moment(p.to)})
		}
		want := from
		for slices.ContainsFunc(parts, func(p part) bool { return p.from <= want && want < p.to }) {
			want++
		}
		if got := reach(list, moment(from)); !got.Equal(moment(want)) {
			t.Fatalf("%v from %d: reach %d, want %d", parts, from, got.Unix(), want)
		}
	})
}
