package store_test

import (
	"context"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

// cutConnections ends every other session of the database, as an operator or a
// crash of a server process does.
func cutConnections(t *testing.T, location string) {
	t.Helper()
	db, err := store.Open(context.Background(), location)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	must(t, write(t, db, func(tx *store.Tx) error {
		var ended int
		return tx.One(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`, nil, []any{&ended})
	}))
}

func TestALostConnectionIsErrUnavailableAndANewWriterWorks(t *testing.T) {
	url := storetest.Postgres(t)
	db := open(t, url)
	for name, step := range map[string]func(*store.Writer) error{
		"statement": func(w *store.Writer) error { return broken(t, w, url, nil) },
		"copy": func(w *store.Writer) error {
			return broken(t, w, url, func(tx *store.Tx) error {
				return tx.Insert("record_version", versionColumns, [][]any{version("a", nil), version("b", nil), version("c", nil), version("d", nil)})
			})
		},
		"savepoint": func(w *store.Writer) error {
			return broken(t, w, url, func(tx *store.Tx) error { return tx.Savepoint(func() error { return nil }) })
		},
	} {
		w, err := db.Writer(context.Background())
		must(t, err)
		if err := step(w); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: got %v, want ErrUnavailable", name, err)
		}
		_ = w.Close() // the connection is gone
	}
	must(t, write(t, db, func(tx *store.Tx) error {
		return tx.Insert("record_version", versionColumns, [][]any{version("after", nil)})
	}))
}

// broken cuts the connection in an open transaction and runs a step of it.
func broken(t *testing.T, w *store.Writer, url string, step func(*store.Tx) error) error {
	tx, err := w.Begin()
	must(t, err)
	cutConnections(t, url)
	if step == nil {
		step = func(tx *store.Tx) error { _, err := tx.Exec(`DELETE FROM record_version`); return err }
	}
	return step(tx)
}

func TestACommitOnALostConnectionIsErrUnknown(t *testing.T) {
	url := storetest.Postgres(t)
	db := open(t, url)
	w, err := db.Writer(context.Background())
	must(t, err)
	tx, err := w.Begin()
	must(t, err)
	must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
	cutConnections(t, url)
	if err := w.Commit(); !errors.Is(err, store.ErrUnknown) || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnknown", err)
	}
	_ = w.Close()
	if n := count(t, db); n != 0 {
		t.Errorf("%d rows", n)
	}
}

func TestTheServerGoesAndComesBack(t *testing.T) {
	server := storetest.NewServer(t)
	db := open(t, server.URL())
	must(t, write(t, db, func(tx *store.Tx) error {
		return tx.Insert("record_version", versionColumns, [][]any{version("before", nil)})
	}))
	server.Stop()
	err := db.Read(context.Background(), func(r *store.Reader) error {
		return r.One(`SELECT count(*) FROM record_version`, nil, []any{new(int)})
	})
	if !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if _, err := db.Writer(context.Background()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	server.Start()
	if n := count(t, db); n != 1 {
		t.Errorf("%d rows are there after the restart, want the one that was committed", n)
	}
}
