package populations

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Coverage says for which part of a window complete imports speak.
type Coverage struct {
	// Imports is the number of imports into the source, complete or not.
	Imports int `json:"imports"`
	// Complete: every scope's imports cover the window without a hole.
	Complete bool `json:"complete"`
	// Until is the instant up to which every scope is covered without a hole
	// from the window's beginning; zero when there is none.
	Until time.Time `json:"-"`
	// Gaps says what is missing.
	Gaps []string `json:"gaps,omitempty"`
	// Query is the latest import's query: the recorded query of an empty
	// population. Of a very long one it names the event that holds it.
	Query json.RawMessage `json:"query,omitempty"`
}

// What a banked population, which is one record, holds of an import.
const (
	maxGaps  = 40     // each has a few hundred bytes
	maxQuery = 16_000 // bytes
)

// interval is a half-open part of time.
type interval struct{ from, to time.Time }

// Covered reads the imports into a source and computes what they cover.
func Covered(r Snapshot, source string, window Window) (*Coverage, error) {
	if m, ok := r.(*memory); ok {
		return m.coverage(source, window)
	}
	return covered(r, source, window)
}

// imported is what an import has to say for its source.
type imported struct {
	interval
	scope string
	gap   string // why it is incomplete; empty: it is complete
	query json.RawMessage
}

// importsAt is what imports gives of a remembered snapshot.
type importsAt int64

// imports are those before a checkpoint, by their source, in the order of the ledger.
func imports(r Snapshot, asOf int64) (map[string][]imported, error) {
	all := map[string][]imported{}
	err := r.Events(ledger.Query{Type: record.CompletedType, To: asOf}, func(e *ledger.Event) error {
		var done record.Completed
		if err := jsonv2.Unmarshal(e.Data, &done); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "the import's data cannot be read"}
		}
		one := imported{interval: spoken(&done, e.Instant()), scope: done.Scope}
		if !done.Complete {
			one.gap = fmt.Sprintf("import %d is incomplete: %s", e.Index, first(done.Gaps))
		}
		var err error
		if one.query, err = json.Marshal(done.Query); len(one.query) > maxQuery {
			one.query, err = json.Marshal(map[string]int64{"event": e.Index})
		}
		all[done.Register] = append(all[done.Register], one)
		return err
	})
	return all, err
}

func covered(r Snapshot, source string, window Window) (*Coverage, error) {
	covered := map[string][]interval{} // by scope
	gaps := map[string][]string{}
	result := &Coverage{}
	all, err := Once(r, importsAt(window.AsOf), func() (map[string][]imported, error) { return imports(r, window.AsOf) })
	if err != nil || len(all[source]) == 0 {
		return result, err
	}
	for _, one := range all[source] {
		if one.gap != "" {
			gaps[one.scope] = append(gaps[one.scope], one.gap)
		}
		covered[one.scope] = append(covered[one.scope], one.interval)
		result.Imports, result.Query = result.Imports+1, one.query
	}
	result.Until = window.To
	for _, scope := range slices.Sorted(maps.Keys(covered)) {
		until := reach(covered[scope], window.From)
		if until.Before(window.To) {
			result.Gaps = append(result.Gaps, label(scope)+hole(window, until))
			result.Gaps = append(result.Gaps, gaps[scope]...)
		}
		if until.Before(result.Until) {
			result.Until = until
		}
	}
	result.Complete = len(result.Gaps) == 0
	if more := len(result.Gaps) - maxGaps; more > 0 {
		result.Gaps = append(result.Gaps[:maxGaps], fmt.Sprintf("and %d more", more))
	}
	return result, nil
}

// Recorded are the parts of time of which every scope's complete imports into a
// source speak, in order, apart from each other; of one scope, when it is
// named. Without an import it is none.
func Recorded(r Snapshot, source, scope string, asOf int64) ([]controltests.Span, error) {
	byScope := map[string][]interval{}
	err := r.Events(ledger.Query{Type: "scaf.import.completed.v1", To: asOf}, func(e *ledger.Event) error {
		var done record.Completed
		if err := jsonv2.Unmarshal(e.Data, &done); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "the import's data cannot be read"}
		}
		if done.Register != source || scope != "" && done.Scope != scope {
			return nil
		}
		part := spoken(&done, e.Instant())
		byScope[done.Scope] = append(byScope[done.Scope], part)
		return nil
	})
	var common []controltests.Span
	for i, name := range slices.Sorted(maps.Keys(byScope)) {
		joined := join(byScope[name])
		if i > 0 {
			joined = intersect(common, joined)
		}
		common = joined
	}
	return common, err
}

// spoken is the part of time that an import speaks for: nothing after itself,
// and nothing at all where it is not complete.
func spoken(done *record.Completed, at time.Time) interval {
	part := interval{time.Time{}, at}
	if done.Since != nil {
		part.from = *done.Since
	}
	if done.Until != nil && done.Until.Before(at) {
		part.to = *done.Until
	}
	if !done.Complete {
		part.to = part.from
	}
	return part
}

// join puts parts that touch or overlap together.
func join(parts []interval) []controltests.Span {
	slices.SortFunc(parts, func(a, b interval) int { return a.from.Compare(b.from) })
	var joined []controltests.Span
	for _, part := range parts {
		if !part.from.Before(part.to) {
			continue
		}
		if n := len(joined); n > 0 && !part.from.After(joined[n-1].To) {
			if part.to.After(joined[n-1].To) {
				joined[n-1].To = part.to
			}
			continue
		}
		joined = append(joined, controltests.Span{From: part.from, To: part.to})
	}
	return joined
}

// intersect is what lies in both lists.
func intersect(a, b []controltests.Span) []controltests.Span {
	var both []controltests.Span
	for _, one := range a {
		for _, other := range b {
			from, to := one.From, one.To
			if other.From.After(from) {
				from = other.From
			}
			if other.To.Before(to) {
				to = other.To
			}
			if from.Before(to) {
				both = append(both, controltests.Span{From: from, To: to})
			}
		}
	}
	return both
}

// reach is the end of the part that the intervals cover without a hole from
// the given instant on; the instant itself when they do not cover it.
func reach(parts []interval, from time.Time) time.Time {
	slices.SortFunc(parts, func(a, b interval) int { return a.from.Compare(b.from) })
	for _, part := range parts {
		if !part.from.After(from) && part.to.After(from) {
			from = part.to
		}
	}
	return from
}

// hole says in words what is not covered.
func hole(window Window, until time.Time) string {
	if !until.After(window.From) {
		return "no complete import covers the beginning of the period, " + window.From.UTC().Format(time.RFC3339)
	}
	return fmt.Sprintf("complete imports reach up to %s, the period runs to %s", until.UTC().Format(time.RFC3339), window.To.UTC().Format(time.RFC3339))
}

func label(scope string) string {
	if scope == "" {
		return ""
	}
	return scope + ": "
}

func first(texts []string) string {
	if len(texts) == 0 {
		return "no reason was recorded"
	}
	return texts[0]
}
