package sampling_test

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/sampling"
)

var update = flag.Bool("update", false, "write the frozen samples into testdata")

func TestSize(t *testing.T) {
	for _, c := range []struct {
		frequency controls.Frequency
		sizes     map[int]int
	}{
		{controls.Annual, map[int]int{0: 0, 1: 1, 9: 1}},
		{controls.Quarterly, map[int]int{0: 0, 1: 1, 2: 2, 4: 2}},
		{controls.Monthly, map[int]int{1: 1, 12: 2}},
		{controls.Weekly, map[int]int{4: 4, 5: 5, 52: 5}},
		{controls.Daily, map[int]int{24: 24, 365: 25}},
		{controls.MultiDaily, map[int]int{39: 39, 41: 40, 100000: 40}},
		{controls.AdHoc, map[int]int{0: 0, 1: 1, 10: 10, 11: 8, 50: 8, 51: 15, 250: 15, 251: 25, 100000: 25}},
	} {
		for n, want := range c.sizes {
			if got, ok := sampling.Size(c.frequency, n); got != want || !ok {
				t.Errorf("Size(%s, %d) = %d, %v, want %d", c.frequency, n, got, ok, want)
			}
		}
	}
	if _, ok := sampling.Size("hourly", 5); ok {
		t.Error("an unknown frequency has a size")
	}
}

// items are n lines, not in order; several are at one instant, written in
// different zones.
func items(n int) string {
	var b strings.Builder
	for i := range n {
		k := (i*7 + 3) % n // n is no multiple of 7
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(k/3) * time.Hour)
		if k%2 == 0 {
			at = at.In(time.FixedZone("", 5*3600+1800))
		}
		fmt.Fprintf(&b, `{"id":"c%d","occurred_at":%q}`+"\n", k, at.Format(time.RFC3339Nano))
	}
	return b.String()
}

// derive draws a sample by another way: strings and big integers.
func derive(text string, opt sampling.Options, size int) *sampling.Sample {
	type item struct {
		ID string    `json:"id"`
		At time.Time `json:"occurred_at"`
	}
	var list []item
	for line := range strings.Lines(text) {
		var i item
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			panic(err)
		}
		list = append(list, i)
	}
	key := func(i item) string { return i.At.UTC().Format("2006-01-02T15:04:05.000000000") + "\x00" + i.ID }
	slices.SortFunc(list, func(a, b item) int { return cmp.Compare(key(a), key(b)) })
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	seed := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s|%s|%s", opt.Engagement, opt.Control, sum)))
	s := &sampling.Sample{Population: controltests.Population{Count: len(list), SHA256: sum}, Seed: seed, Size: size, Runs: []sampling.Run{}}
	runs := make([][]item, size)
	for k := range runs { // deal the lengths one by one
		for range len(list) / size {
			runs[k] = append(runs[k], item{})
		}
	}
	for k := range len(list) % max(size, 1) {
		runs[k] = append(runs[k], item{})
	}
	for k := range runs {
		copy(runs[k], list)
		list = list[len(runs[k]):]
		digest := fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s|%d", seed, k)))
		number, _ := new(big.Int).SetString(digest[:16], 16)
		index := number.Mod(number, big.NewInt(int64(len(runs[k])))).Int64()
		s.Runs = append(s.Runs, sampling.Run{Run: k, From: runs[k][0].ID, To: runs[k][len(runs[k])-1].ID, Picked: runs[k][index].ID})
	}
	return s
}

func TestTheSampleIsTheOneThatAnybodyDerives(t *testing.T) {
	var frozen bytes.Buffer
	for _, c := range []struct {
		n         int
		frequency controls.Frequency
		size      int
	}{
		{0, controls.Daily, 0}, {1, controls.Annual, 1}, {8, controls.Quarterly, 2}, {12, controls.AdHoc, 8},
		{53, controls.Weekly, 5}, {100, controls.MultiDaily, 40}, {250, controls.AdHoc, 15}, {366, controls.Daily, 25},
	} {
		opt := sampling.Options{Engagement: "2026 Type II", Control: "CHG-1", Frequency: c.frequency}
		text := items(c.n)
		got, err := sampling.FromFile("items.jsonl", strings.NewReader(text), opt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(derive(text, opt, c.size), got); diff != "" {
			t.Errorf("%d items, %s (-derived +got):\n%s", c.n, c.frequency, diff)
		}
		line, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		frozen.Write(append(line, '\n'))
	}
	const name = "testdata/frozen.jsonl"
	if *update {
		if err := os.WriteFile(name, frozen.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), frozen.String()); diff != "" {
		t.Errorf("a published sample changed (-frozen +got):\n%s", diff)
	}
}

func TestAnEmptyPopulationHasNoRuns(t *testing.T) {
	s, err := sampling.FromFile("f", strings.NewReader(""), sampling.Options{Engagement: "E", Control: "C", Frequency: controls.Daily})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"population":{"count":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"seed":"` +
		fmt.Sprintf("%x", sha256.Sum256([]byte("E|C|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))) + `","size":0,"runs":[]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRunsCoverThePopulationEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		entries := make([]sampling.Entry, n)
		for i := range entries {
			entries[i] = sampling.Entry{ID: fmt.Sprint(i), At: time.Unix(int64(rapid.IntRange(0, 20).Draw(t, "at")), 0)}
		}
		frequency := rapid.SampledFrom(controls.Frequencies()).Draw(t, "frequency")
		opt := sampling.Options{Engagement: "E", Control: "C", Frequency: frequency}
		s, err := sampling.Draw(slices.Clone(entries), "sum", opt)
		if err != nil {
			t.Fatal(err)
		}
		again, err := sampling.Draw(rapid.Permutation(entries).Draw(t, "order"), "sum", opt)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(s, again); diff != "" {
			t.Fatalf("another order, another sample:\n%s", diff)
		}
		slices.SortFunc(entries, func(a, b sampling.Entry) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
		index := map[string]int{}
		for i, e := range entries {
			index[e.ID] = i
		}
		next, least, most := 0, n, 0
		for k, run := range s.Runs {
			from, to, picked := index[run.From], index[run.To], index[run.Picked]
			if run.Run != k || from != next || picked < from || picked > to {
				t.Fatalf("run %d is %+v: from %d to %d picks %d", k, run, from, to, picked)
			}
			next = to + 1
			least, most = min(least, to-from+1), max(most, to-from+1)
		}
		if next != n || len(s.Runs) != s.Size || most-least > 1 && n > 0 {
			t.Fatalf("%d runs of %d to %d cover %d of %d", len(s.Runs), least, most, next, n)
		}
	})
}

func TestWhatCannotBeSampled(t *testing.T) {
	good := sampling.Options{Engagement: "E", Control: "C", Frequency: controls.Daily}
	with := func(change func(*sampling.Options)) sampling.Options {
		o := good
		change(&o)
		return o
	}
	line := `{"id":"a","occurred_at":"2026-01-01T00:00:00Z"}` + "\n"
	for _, c := range []struct {
		name, items string
		opt         sampling.Options
		want        string
		input       bool
	}{
		{"malformed", line + "{", good, "f:2: not valid JSON: unexpected EOF after byte 1", true},
		{"no id", "{}", good, "f:1: no id (item.id): no such key: id", true},
		{"no time", `{"id":1}`, good, `f:1: item "1": no time (item.occurred_at): missing`, true},
		{"twice", line + line, good, `f:2: the id "a" is already on line 1`, true},
		{"other fields", line, with(func(o *sampling.Options) { o.ID, o.At = "item.key", "item.when" }), "f:1: no id (item.key): no such key: key", true},
		{"bad expression", line, with(func(o *sampling.Options) { o.At = "1" }), "at: must give a timestamp or an RFC 3339 string, but gives int", false},
		{"frequency", line, with(func(o *sampling.Options) { o.Frequency = "often" }), `unknown frequency "often"; one of [annual quarterly monthly weekly daily multi_daily ad_hoc]`, false},
		{"engagement", line, with(func(o *sampling.Options) { o.Engagement = "" }), `engagement "" must be a name without '|'`, false},
		{"separator", line, with(func(o *sampling.Options) { o.Control = "a|b" }), `control "a|b" must be a name without '|'`, false},
	} {
		_, err := sampling.FromFile("f", strings.NewReader(c.items), c.opt)
		var input *controltests.InputError
		if err == nil || err.Error() != c.want || errors.As(err, &input) != c.input {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
}
