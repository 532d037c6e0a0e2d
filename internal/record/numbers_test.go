package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// numbered is a record that SCAF numbers.
type numbered struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

var numbers = record.Define[numbered](record.Definition{
	Kind: "numbered", Register: "numbers", Title: "Numbers", Internal: true, Prefix: "NUM",
	Columns: []record.Column{{Field: "name", Label: "Name", Filter: true, Sort: true}},
})

// Records that SCAF numbers come in the order of their numbers where nothing else says
// which comes first: NUM-2 before NUM-10, on every page of a list.
func TestNumbersAreOrderedAsNumbers(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{numbers}, func(t *testing.T, l *ledgertest.Ledger) {
		var changes []record.Change
		var named, others, all []string
		for n := 1; n <= 101; n += 4 {
			doc := &numbered{ID: fmt.Sprintf("NUM-%d", n)}
			if n%3 != 0 {
				doc.Name = "the same"
				named = append(named, doc.ID)
			} else {
				others = append(others, doc.ID)
			}
			all = append(all, doc.ID)
			changes = append(changes, record.Change{Verb: "added", ID: doc.ID, Doc: doc})
		}
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "x", func(tx *act.Tx) error {
			_, err := record.Put(tx, numbers, changes...)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		back := func(ids []string) []string {
			ids = slices.Clone(ids)
			slices.Reverse(ids)
			return ids
		}
		for _, one := range []struct {
			sort, filter string
			want         []string
		}{
			{"", "", all}, {"id", "", all}, {"-id", "", back(all)}, {"", `item.name == "the same"`, named},
			{"name", "", slices.Concat(others, named)}, {"-name", "", slices.Concat(back(named), back(others))},
		} {
			for _, limit := range []int{0, 4} {
				var got []string
				q := record.Query{Sort: one.sort, Filter: one.filter, Limit: limit}
				for again := true; again; again = q.After != "" {
					if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
						q.After, err = record.List(r, numbers, q, func(v *record.Version) error { got = append(got, v.ID); return nil })
						return err
					}); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(got, one.want) {
					t.Errorf("%q, %q, %d a page: %s\nwant %s", one.sort, one.filter, limit, strings.Join(got, " "), strings.Join(one.want, " "))
				}
			}
		}
	})
}
