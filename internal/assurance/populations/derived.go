package populations

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Past is a snapshot up to a checkpoint, as sources that are computed from
// records and events read it. An asOf of 0 means now.
func Past(from Snapshot, asOf int64) record.Past { return past{from, asOf} }

type past struct {
	snapshot Snapshot
	asOf     int64
}

// Memo implements record.Past.
func (p past) Memo() *sync.Map { return Memo(p.snapshot) }

// Memo is what lies beside the database that the snapshot is of (see
// store.Reader.Memo); nil: there is none.
func Memo(from Snapshot) *sync.Map {
	switch s := from.(type) {
	case *memory:
		return Memo(s.Snapshot)
	case stored:
		return s.reader.Memo()
	}
	return nil
}

// Documents implements record.Past.
func (p past) Documents(kind string, from, to time.Time, visit func(json.RawMessage) error) error {
	return p.snapshot.Versions(record.Range{Kind: kind, AsOf: p.asOf, From: from, To: to}, func(v *record.Version) error { return visit(v.Doc) })
}

// Happened implements record.Past.
func (p past) Happened(eventType string, since, until time.Time, visit func(record.Fact) error) error {
	query := ledger.Query{Type: eventType, Since: since, Until: until, To: p.asOf}
	return p.snapshot.Events(query, func(e *ledger.Event) error {
		return visit(record.Fact{Index: e.Index, At: e.Instant(), Actor: e.Actor, Outcome: e.Outcome})
	})
}

// derived gives the items of a computed source that belong to the window.
func (r *Reading) derived(from *record.Derived, take func([]byte) error) error {
	if at := "item." + from.At; r.of[0].At != at { // what it computes is bounded by this instant
		return fmt.Errorf("%w: %s is selected by %s, not by %s", ErrSource, from.Name, at, r.of[0].At)
	}
	return Items(r.reader, from, r.window.AsOf, r.window.From, r.window.To, take)
}

// Items gives the items of a computed source, as of a checkpoint; 0 is now. A
// document is valid during the call only.
func Items(from Snapshot, source *record.Derived, asOf int64, since, until time.Time, take func([]byte) error) error {
	if m, ok := from.(*memory); ok {
		return m.computed(source, asOf, since, until, take)
	}
	return encoded(source, Past(from, asOf), since, until, take)
}

// encoded gives the items of a computed source as documents.
func encoded(source *record.Derived, past record.Past, since, until time.Time, take func([]byte) error) error {
	return source.Items(past, since, until, Encoded(take))
}

// Encoded takes the items of a computed source as documents.
func Encoded(take func(doc []byte) error) func(item any) error {
	return func(item any) error {
		if made, ok := item.(record.Documented); ok && made.Document() != nil {
			return take(made.Document())
		}
		doc, err := record.Canonical(item)
		if err != nil {
			return err
		}
		return take(doc)
	}
}

// Computed is the coverage of a source that is computed from what was
// recorded: it speaks for a window that begins when it began, or later. What
// it computes is its own recorded query.
func Computed(from Snapshot, source *record.Derived, window Window) (*Coverage, error) {
	type begins struct {
		source string
		asOf   int64
	}
	began, err := Once(from, begins{source.Name, window.AsOf}, func() (*time.Time, error) { return source.Since(Past(from, window.AsOf)) })
	if err != nil {
		return nil, err
	}
	query, err := json.Marshal(map[string]any{"computed": source.Name, "since": began})
	c := &Coverage{Imports: 1, Complete: true, Until: window.To, Query: query}
	if began == nil || began.After(window.From) {
		c.Complete, c.Until = false, window.From
		c.Gaps = []string{fmt.Sprintf("%s has nothing to say: it has not begun", source.Name)}
		if began != nil {
			c.Gaps[0] = fmt.Sprintf("%s begins at %s: nothing is known of the time before", source.Name, began.UTC().Format(time.RFC3339))
		}
	}
	return c, err
}
