package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
)

// insertions fill two tables, the second with rows of this size.
func insertions(size int) []store.Insertion {
	var keys, bundles [][]any
	for i := range 5 {
		keys = append(keys, []any{fmt.Sprintf("id-%d", i), []string{"", "source é"}[i%2], int64(i)})
		bundles = append(bundles, []any{i, 1, bytes.Repeat([]byte{byte(i)}, size/2), bytes.Repeat([]byte{0, byte(i)}, size/2)})
	}
	return []store.Insertion{
		{Table: "ledger_key", Columns: []string{"id", "source", "idx"}, Rows: keys},
		{Table: "ledger_tile", Columns: []string{"level", "n", "hashes"}},
		{Table: "ledger_bundle", Columns: []string{"first", "events", "leaves", "bodies"}, Rows: bundles},
	}
}

func tablesThatAreFilledTogetherAreAsFilledApart(t *testing.T, db *store.DB) {
	for _, size := range []int{0, 64, 5000, 200_000} {
		for _, after := range []bool{false, true} { // another statement, so that the transaction is under way
			must(t, write(t, db, func(tx *store.Tx) error {
				if after {
					must(t, tx.Insert("record_version", versionColumns, [][]any{version(fmt.Sprintf("%d", size), nil)}))
				}
				n, err := tx.Together(insertions(size), `UPDATE record_version SET doc = doc WHERE version < $1`, 2)
				if want := map[bool]int64{true: 1}[after]; n != want {
					t.Errorf("the first statement changed %d rows, want %d", n, want)
				}
				if want := int64(10); !after && tx.Changed() != want {
					t.Errorf("%d rows were changed, want %d", tx.Changed(), want)
				}
				return err
			}))
			must(t, db.Read(context.Background(), func(r *store.Reader) error {
				var id, source string
				var index, first, events int64
				var leaves, bodies store.Raw
				i := 0
				must(t, r.Each(`SELECT id, source, idx FROM ledger_key ORDER BY idx`, nil, []any{&id, &source, &index}, func() error {
					if id != fmt.Sprintf("id-%d", i) || source != []string{"", "source é"}[i%2] || index != int64(i) {
						t.Errorf("row %d is %q, %q, %d", i, id, source, index)
					}
					i++
					return nil
				}))
				must(t, r.Each(`SELECT first, events, leaves, bodies FROM ledger_bundle ORDER BY first`, nil, []any{&first, &events, &leaves, &bodies}, func() error {
					i++
					if events != 1 || !bytes.Equal(leaves, bytes.Repeat([]byte{byte(first)}, size/2)) || !bytes.Equal(bodies, bytes.Repeat([]byte{0, byte(first)}, size/2)) {
						t.Errorf("bundle %d of %d bytes came back as another one", first, size)
					}
					return nil
				}))
				if i != 10 {
					t.Errorf("%d rows, want 10", i)
				}
				return nil
			}))
			must(t, write(t, db, func(tx *store.Tx) error {
				_, err := tx.Exec(`DELETE FROM ledger_key`)
				must(t, err)
				_, err = tx.Exec(`DELETE FROM record_version`)
				must(t, err)
				_, err = tx.Exec(`DELETE FROM ledger_bundle`)
				return err
			}))
		}
	}
}

func whatFailsTogetherLeavesNothing(t *testing.T, db *store.DB) {
	twice := insertions(5000)
	twice[0].Rows = append(twice[0].Rows, twice[0].Rows[0])
	err := write(t, db, func(tx *store.Tx) error {
		_, err := tx.Together(twice, `DELETE FROM record_version`)
		return err
	})
	if !errors.Is(err, store.ErrUnique) {
		t.Errorf("got %v, want ErrUnique", err)
	}
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		var n int
		must(t, r.One(`SELECT (SELECT count(*) FROM ledger_key) + (SELECT count(*) FROM ledger_bundle)`, nil, []any{&n}))
		if n != 0 {
			t.Errorf("%d rows were kept", n)
		}
		return nil
	}))
}
