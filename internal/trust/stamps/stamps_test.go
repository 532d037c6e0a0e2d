package stamps_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

// A range of events existed at the earliest time of all the stamps over it,
// also when a later stamp has the earlier time (authorities' clocks differ).
func TestTheEarliestTimeOfARangeCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var found []stamps.Existed
		n := rapid.IntRange(0, 8).Draw(t, "stamps")
		for range n {
			found = append(found, stamps.Existed{
				Span:      ledger.Span{To: rapid.Int64Range(0, 20).Draw(t, "size")},
				Time:      time.Unix(rapid.Int64Range(1, 10).Draw(t, "time"), 0),
				Authority: "A",
			})
		}
		ranges := stamps.Earliest(found)
		for index := range int64(21) {
			var want, got time.Time
			for _, stamp := range found {
				if index < stamp.To && (want.IsZero() || stamp.Time.Before(want)) {
					want = stamp.Time
				}
			}
			for _, one := range ranges {
				if one.From <= index && index < one.To {
					if !got.IsZero() {
						t.Fatalf("event %d is in two ranges: %v", index, ranges)
					}
					got = one.Time
				}
			}
			if !got.Equal(want) {
				t.Fatalf("event %d existed at %v, want %v: %v", index, got, want, ranges)
			}
		}
	})
}
