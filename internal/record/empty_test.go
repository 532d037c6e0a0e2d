package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type sparse struct {
	ID    string     `json:"id"`
	Title string     `json:"title,omitempty"`
	Score *int       `json:"score,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// A register is sorted by what most of its records lack without going through all of it, in
// both directions, by each type of value, and with those that have it in their order.
func TestAListIsSortedByWhatMostRecordsLack(t *testing.T) {
	kind := record.Define[sparse](record.Definition{Kind: "sparse", Register: "sparses", Title: "Sparse", Columns: []record.Column{
		{Field: "title", Filter: true, Sort: true}, {Field: "score", Filter: true, Sort: true}, {Field: "at", Filter: true, Sort: true},
	}})
	l := ledgertest.New(t, storetest.SQLite(t), kind)
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "sparses", func(tx *act.Tx) error {
		var all []record.Change
		for i := range 900 {
			doc := &sparse{ID: fmt.Sprintf("s%04d", i)}
			if i%100 == 7 {
				score, at := i-500, ledgertest.Begin.Add(time.Duration(i-500)*time.Hour)
				doc.Title, doc.Score, doc.At = fmt.Sprintf("t%04d", i), &score, &at
			}
			all = append(all, record.Change{Verb: "added", ID: doc.ID, Doc: doc})
		}
		_, err := record.Put(tx, kind, all...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		for _, sort := range []string{"title", "-title", "score", "-score", "at", "-at"} {
			q := record.Query{Sort: sort, Limit: 12}
			steps, err := record.Planned(r, kind, q)
			if err != nil {
				return err
			}
			for _, step := range steps {
				if strings.Contains(step, "TEMP B-TREE") || strings.HasPrefix(step, "SCAN record_current") {
					t.Errorf("by %s it goes through all: %s", sort, strings.Join(steps, "; "))
					break
				}
			}
			var got []string
			if _, err := record.List(r, kind, q, func(v *record.Version) error { got = append(got, v.ID); return nil }); err != nil {
				return err
			}
			want := []string{"s0000", "s0001", "s0002", "s0003", "s0004", "s0005", "s0006", "s0008", "s0009", "s0010", "s0011", "s0012"}
			if strings.HasPrefix(sort, "-") {
				want = []string{"s0807", "s0707", "s0607", "s0507", "s0407", "s0307", "s0207", "s0107", "s0007", "s0899", "s0898", "s0897"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %s: %v, want %v", sort, got, want)
			}
			got = nil
			q.Valued = true
			if _, err := record.List(r, kind, q, func(v *record.Version) error { got = append(got, v.ID); return nil }); err != nil || len(got) != 9 {
				t.Errorf("by %s, those that have it: %v (%v)", sort, got, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
