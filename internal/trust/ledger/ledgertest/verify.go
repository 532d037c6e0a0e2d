package ledgertest

import (
	"context"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Verify verifies the log, and that every record of the kinds is what
// replaying the events gives.
func (l *Ledger) Verify(t testing.TB, kinds record.Kinds) {
	t.Helper()
	check := ledger.Verification{
		VerifierKey: l.VerifierKey,
		State: func(r *store.Reader, from, to int64, own []*ledger.Event) error {
			applied := make([]record.Applied, len(own))
			for i, event := range own {
				applied[i] = record.Applied{Index: event.Index, Type: event.Type, Subject: event.Subject, Data: event.Data}
			}
			return kinds.Check(r, from, to, applied)
		},
		Closing: func(r *store.Reader, head ledger.Head, _ []ledger.Span) error {
			return errors.Join(kinds.CheckLists(r), record.CheckOutside(r, head.Size), record.CheckEnds(r, 0, head.Size))
		},
	}
	if _, err := check.Verify(context.Background(), l.DB); err != nil {
		t.Fatalf("the ledger does not verify: %v", err)
	}
}

// Events reads the events of a type, in order.
func (l *Ledger) Events(t testing.TB, kind string) []*ledger.Event {
	t.Helper()
	var all []*ledger.Event
	err := ledger.Find(context.Background(), l.DB, ledger.Query{Type: kind}, func(e *ledger.Event) error {
		all = append(all, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Population reads the current documents of a kind in the order of
// populations, one a line.
func (l *Ledger) Population(t testing.TB, kind string) []string {
	t.Helper()
	var docs []string
	err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		return record.Each(r, record.Range{Kind: kind}, func(v *record.Version) error {
			docs = append(docs, string(v.Doc))
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}
