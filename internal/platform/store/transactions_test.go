package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

func aTakenKeyIsErrUniqueAndAMissingRowErrNotFound(t *testing.T, db *store.DB) {
	must(t, write(t, db, func(tx *store.Tx) error {
		return tx.Insert("record_version", versionColumns, [][]any{version("a", nil)})
	}))
	for _, n := range []int{1, 20} {
		err := write(t, db, func(tx *store.Tx) error {
			var rows [][]any
			for i := range n - 1 {
				rows = append(rows, version(fmt.Sprint(i), nil))
			}
			return tx.Insert("record_version", versionColumns, append(rows, version("a", nil)))
		})
		if !errors.Is(err, store.ErrUnique) {
			t.Errorf("%d rows: got %v, want ErrUnique", n, err)
		}
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1: a refused insert leaves nothing", n)
	}
	var id string
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.One(`SELECT id FROM record_version WHERE id = $1`, []any{"b"}, []any{&id})
	})
	if !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func aSavepointThatFailsLeavesTheRestOfTheTransaction(t *testing.T, db *store.DB) {
	refused := errors.New("no")
	must(t, write(t, db, func(tx *store.Tx) error {
		for i, body := range []func() error{
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept", nil)}) },
			func() error {
				if err := tx.Insert("record_version", versionColumns, [][]any{version("undone", nil)}); err != nil {
					return err
				}
				return refused
			},
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept", nil)}) },
			func() error { return tx.Insert("record_version", versionColumns, [][]any{version("kept too", nil)}) },
		} {
			before := tx.Changed()
			err := tx.Savepoint(body)
			switch i {
			case 1:
				if !errors.Is(err, refused) || tx.Changed() != before {
					t.Errorf("got %v and %d changed rows, want the body's error and %d", err, tx.Changed(), before)
				}
			case 2:
				if !errors.Is(err, store.ErrUnique) {
					t.Errorf("got %v, want ErrUnique", err)
				}
			default:
				if err != nil || tx.Changed() != before+1 {
					t.Errorf("savepoint %d: %v, %d rows changed, want %d", i, err, tx.Changed(), before+1)
				}
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic of a body was swallowed")
				}
			}()
			_ = tx.Savepoint(func() error {
				must(t, tx.Insert("record_version", versionColumns, [][]any{version("panicked", nil)}))
				panic("a bug")
			})
		}()
		return nil
	}))
	if got := texts(t, db, `SELECT id FROM record_version ORDER BY id`); !slices.Equal(got, []string{"kept", "kept too"}) {
		t.Errorf("the table holds %q", got)
	}
}

func aReadSeesOneMomentAndCannotWrite(t *testing.T, db *store.DB) {
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		var before, after int
		if err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&before}); err != nil {
			return err
		}
		must(t, write(t, db, func(tx *store.Tx) error {
			return tx.Insert("record_version", versionColumns, [][]any{version("a", nil)})
		}))
		if err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&after}); err != nil {
			return err
		}
		if before != 0 || after != 0 {
			t.Errorf("the snapshot counts %d rows, and %d after another's commit", before, after)
		}
		return nil
	}))
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.Each(`DELETE FROM record_version RETURNING id`, nil, []any{new(string)}, func() error { return nil })
	})
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a reader's DELETE: got %v, want ErrReadOnly", err)
	}
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func nothingOfARolledBackTransactionIsKept(t *testing.T, db *store.DB) {
	w, err := db.Writer(context.Background())
	must(t, err)
	for _, end := range []func(){w.Rollback, func() { must(t, w.Close()) }} {
		tx, err := w.Begin()
		must(t, err)
		if _, err := w.Begin(); err == nil {
			t.Error("a second transaction could be opened beside the first")
		}
		must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
		end()
	}
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows, want none", n)
	}
}

func anEmptyTransactionCanBeEnded(t *testing.T, db *store.DB) {
	w, err := db.Writer(context.Background())
	must(t, err)
	defer func() { must(t, w.Close()) }()
	_, err = w.Begin()
	must(t, err)
	must(t, w.Commit())
	_, err = w.Begin()
	must(t, err)
	w.Rollback()
	tx, err := w.Begin()
	must(t, err)
	must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
	must(t, w.Commit())
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

func aVisitCannotQuery(t *testing.T, db *store.DB) {
	var n int
	query := func(r *store.Reader) error { return r.One(`SELECT 1`, nil, []any{&n}) }
	must(t, db.Read(context.Background(), func(r *store.Reader) error {
		err := r.Each(`SELECT 1`, nil, []any{&n}, func() error { return query(r) })
		if err == nil {
			t.Error("a visit could query")
		}
		return query(r) // afterwards it can be used
	}))
}

// PostgreSQL answers such a commit with ROLLBACK, and no error.
func TestACommitThatKeptNothingIsAnError(t *testing.T) {
	db := open(t, storetest.Postgres(t))
	err := write(t, db, func(tx *store.Tx) error {
		must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
		if _, err := tx.Exec(`SELECT 1/0`); err == nil {
			t.Error("a division by zero succeeded")
		}
		return nil // forgets the error
	})
	if !errors.Is(err, store.ErrBroken) || count(t, db) != 0 {
		t.Errorf("got %v with %d rows kept, want ErrBroken and none", err, count(t, db))
	}
}

func TestDurabilityDoesNotDependOnTheServersDefaults(t *testing.T) {
	lite := open(t, storetest.SQLite(t))
	url := storetest.Postgres(t)
	first := open(t, url)
	must(t, write(t, first, func(tx *store.Tx) error {
		name := texts(t, first, `SELECT current_database()`)[0]
		_, err := tx.Exec(`ALTER DATABASE ` + name + ` SET synchronous_commit = off`)
		return err
	}))
	for query, check := range map[string]struct {
		db   *store.DB
		want string
	}{
		"PRAGMA synchronous":      {lite, "2"}, // FULL
		"PRAGMA journal_mode":     {lite, "wal"},
		"SHOW synchronous_commit": {open(t, url), "on"},
	} {
		must(t, write(t, check.db, func(tx *store.Tx) error {
			var got string
			if err := tx.One(query, nil, []any{&got}); err != nil {
				return err
			}
			if got != check.want {
				t.Errorf("%s is %s, want %s", query, got, check.want)
			}
			return nil
		}))
	}
}
