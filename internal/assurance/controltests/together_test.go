package controltests_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/assurance/controls"
	ct "scaf.dev/scaf/internal/assurance/controltests"
)

// several are tests of all kinds of filters and predicates over one source.
const several = `id: ALL-1
title: Several
criteria: [CC8.1]
owner: engineering lead
frequency: multi_daily
tests:
  - {id: plain, kind: census, title: Plain, population: {from: changes}, pass: size(item.title) > 2}
  - {id: times, kind: census, title: Times, population: {from: changes}, pass: item.authored_at < item.merged_at}
  - {id: nested, kind: census, title: Nested, population: {from: changes}, pass: item.author.name != "" && has(item.reviewers)}
  - {id: listed, kind: census, title: Listed, population: {from: changes}, pass: "item.reviewers.exists(r, r.email != item.author.email)"}
  - {id: chosen, kind: census, title: Chosen, population: {from: changes, where: item.repository == "shop"}, pass: size(item.title) > 2}
  - {id: again, kind: census, title: Again, population: {from: changes, where: item.repository == "shop"}, pass: "!item.merge"}
  - {id: numbered, kind: census, title: Numbered, population: {from: changes, where: int(item.title) > 1}, pass: "true"}
  - {id: due, kind: occurrence, title: Due, population: {from: changes}, due: item.authored_at, done: item.merged_at, grace: 1h, pass: item.merge}
  - {id: due_too, kind: occurrence, title: Due too, population: {from: changes, where: item.repository == "shop"}, due: item.authored_at, done: item.merged_at, grace: 3h}
`

// members count and hash what they are told.
type members struct {
	sum  hash.Hash
	docs []string
}

func newMembers() *members { return &members{sum: sha256.New()} }

func (m *members) Take(doc []byte) error {
	m.docs = append(m.docs, string(doc))
	m.sum.Write(doc)
	return nil
}

func (m *members) SHA256() string { return fmt.Sprintf("%x", m.sum.Sum(nil)) }

// reused gives every item in the same memory.
type reused []string

func (r reused) Name() string { return "" }

func (r reused) Items() iter.Seq2[ct.Item, error] {
	return func(yield func(ct.Item, error) bool) {
		var room []byte
		for _, line := range r {
			room = append(room[:0], line...)
			if !yield(ct.Item{JSON: room}, nil) {
				return
			}
		}
	}
}

// said is all that comes of a test.
type said struct {
	Result   string
	Docs     []string // of the population
	Watched  []string // the same, as they came
	Outcomes []ct.ItemOutcome
}

// runTogether runs tests of a control over one source.
func runTogether(c *controls.Control, tests []*controls.Test, source ct.Source) ([]said, error) {
	all := make([]said, len(tests))
	told := make([]*members, len(tests))
	by := map[string]*members{}
	period := &ct.Period{From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	var subjects []ct.Subject
	for i, test := range tests {
		if by[test.Population.Where] == nil {
			by[test.Population.Where] = newMembers()
		}
		told[i] = by[test.Population.Where]
		subjects = append(subjects, ct.Subject{Control: c, Test: test, Population: told[i], Options: ct.Options{
			Period: period, Until: period.To.Add(time.Hour), UniqueIDs: i%2 == 0,
			Each: func(o ct.ItemOutcome) error { all[i].Outcomes = append(all[i].Outcomes, o); return nil },
			Doc:  func(doc []byte) error { all[i].Watched = append(all[i].Watched, string(doc)); return nil },
		}})
	}
	results, err := ct.Run(context.Background(), source, subjects...)
	if err != nil {
		return nil, err
	}
	for i, r := range results {
		text, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		all[i].Result, all[i].Docs = string(text), told[i].docs
	}
	return all, nil
}

// Tests that run together say what each of them says alone, whatever the items
// are like: fields of wrong types that only some of the tests read, filters that
// cannot be evaluated, numbers that fit nowhere, items that are none.
func TestTestsThatRunTogetherSayWhatEachSaysAlone(t *testing.T) {
	c := load(t, several)
	one := func(values ...string) *rapid.Generator[string] { return rapid.SampledFrom(values) }
	rapid.Check(t, func(rt *rapid.T) {
		var lines reused
		for i := range rapid.IntRange(0, 350).Draw(rt, "items") {
			fields := []string{fmt.Sprintf(`"id":"c%d"`, i), `"merged_at":"` + time.Date(2026, 1, 1, i%800, 0, 0, 0, time.UTC).Format(time.RFC3339) + `"`}
			for _, field := range []*rapid.Generator[string]{
				one(``, `"title":"a"`, `"title":"long"`, `"title":"7"`, `"title":7`, `"title":null`),
				one(``, `"author":{"name":"A","email":"a@x"}`, `"author":{"name":1}`, `"author":"A"`, `"author":{}`),
				one(``, `"reviewers":[]`, `"reviewers":[{"email":"b@x"}]`, `"reviewers":[{"email":2}]`, `"reviewers":7`),
				one(``, `"repository":"shop"`, `"repository":"shop"`, `"repository":"other"`, `"repository":true`),
				one(``, `"authored_at":"2026-01-09T00:00:00Z"`, `"authored_at":"2026-01-20T00:00:00Z"`, `"authored_at":""`, `"authored_at":"soon"`),
				one(``, `"merge":true`, `"merge":false`, `"merge":"no"`),
			} {
				// Most items are as they should be, so that batches differ.
				if text := field.Draw(rt, "field"); text != "" {
					fields = append(fields, text)
				}
			}
			lines = append(lines, "{"+strings.Join(fields, ",")+"}")
		}
		if n := len(lines); n > 0 && rapid.IntRange(0, 3).Draw(rt, "unusable") == 0 {
			at := rapid.IntRange(0, n-1).Draw(rt, "at")
			lines[at] = one(`{"merged_at":"2026-01-03T00:00:00Z"}`, `{"id":"x"}`, `{"id":"x","title":1e999,"merged_at":"2026-01-03T00:00:00Z"}`, `[]`, `{"id":`, `{"id":"","repository":"shop"}`, `{"id":"x","repository":"other","merged_at":5}`).Draw(rt, "instead")
		}
		tests := rapid.Permutation(c.Tests).Draw(rt, "tests")[:rapid.IntRange(1, len(c.Tests)).Draw(rt, "how many")]
		together, err := runTogether(c, tests, lines)
		failed := false
		for i, test := range tests {
			alone, errAlone := runTogether(c, []*controls.Test{test}, lines)
			if failed = failed || errAlone != nil; err != nil || errAlone != nil {
				continue
			}
			got, want := together[i], alone[0]
			if got.Result != want.Result || !slices.Equal(got.Docs, want.Docs) || !slices.Equal(got.Watched, want.Docs) || !slices.Equal(got.Outcomes, want.Outcomes) {
				rt.Fatalf("%s\ntogether %s\nalone    %s", test.ID, got.Result, want.Result)
			}
		}
		if failed != (err != nil) {
			rt.Fatalf("together: %v, one of them alone fails: %v", err, failed)
		}
		tests = slices.DeleteFunc(slices.Clone(tests), func(test *controls.Test) bool { return test.Kind != controls.Occurrence })
		found := undone(tests, lines)
		for i, test := range tests {
			if alone := undone([]*controls.Test{test}, lines); !slices.Equal(found[i], alone[0]) {
				rt.Fatalf("%s\nundone together %q\nundone alone    %q", test.ID, found[i], alone[0])
			}
		}
	})
}

// undone is what occurrence tests over one source find not done.
func undone(tests []*controls.Test, source ct.Source) [][]string {
	found := make([][]string, len(tests))
	if err := ct.EachUndone(tests, source, time.UTC, func(test int, u ct.Undone) error {
		found[test] = append(found[test], fmt.Sprint(u.Item, u.Due, u.Deadline))
		return nil
	}); err != nil {
		panic(err) // the source gives no error
	}
	return found
}

// What is to be kept of all of them is bounded; one alone keeps what it must.
func TestTestsThatRunTogetherKeepABoundedNumberOfItems(t *testing.T) {
	c := load(t, several)
	var lines reused
	for i := range 100_001 {
		lines = append(lines, fmt.Sprintf(`{"id":"c%d","merged_at":"2026-01-03T00:00:00Z","title":""}`, i))
	}
	plain, _ := c.Test("plain")
	if _, err := runTogether(c, []*controls.Test{plain, plain}, lines); !errors.Is(err, ct.ErrTogether) {
		t.Errorf("two tests with 100,001 deviations each: %v", err)
	}
	if _, err := runTogether(c, []*controls.Test{plain}, lines); err != nil {
		t.Errorf("one of them alone: %v", err)
	}
}
