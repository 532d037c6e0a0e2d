package store_test

import (
	"context"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

// One process at a time owns a database: it keeps it when its sessions are cut, and lets it go
// when it closes.
func TestOneProcessOwnsADatabase(t *testing.T) {
	url, ctx := storetest.Postgres(t), context.Background()
	first, second := open(t, url), open(t, url)
	must(t, first.Own(ctx))
	must(t, first.Own(ctx))
	if err := second.Own(ctx); !errors.Is(err, store.ErrBusy) {
		t.Errorf("a second process gets %v, want ErrBusy", err)
	}
	if _, err := second.Writer(ctx); !errors.Is(err, store.ErrBusy) {
		t.Errorf("who wants it and has it not writes: %v, want ErrBusy", err)
	}
	cutConnections(t, url)
	w, err := first.Writer(ctx)
	must(t, err)
	must(t, w.Close())
	third := open(t, url)
	if err := third.Own(ctx); !errors.Is(err, store.ErrBusy) {
		t.Errorf("after its sessions were cut a third process gets %v, want ErrBusy", err)
	}
	other := open(t, storetest.Postgres(t))
	must(t, other.Own(ctx)) // another database of the same server
	must(t, first.Close())
	must(t, second.Own(ctx))
}

// Whoever takes the database of a process whose session was cut has it: the first one does
// not write any more, also where that session alone was cut and it was about to write in it.
func TestWhoLostADatabaseDoesNotWrite(t *testing.T) {
	url, ctx := storetest.Postgres(t), context.Background()
	first := open(t, url)
	must(t, first.Own(ctx))
	w, err := first.Writer(ctx)
	must(t, err)
	tx, err := w.Begin()
	must(t, err)
	must(t, tx.Insert("record_version", versionColumns, [][]any{version("a", nil)}))
	cutOwner(t, url)
	second := open(t, url)
	must(t, second.Own(ctx))
	if err := w.Commit(); !errors.Is(err, store.ErrUnknown) {
		t.Errorf("it commits what it had begun: %v, want ErrUnknown", err)
	}
	_ = w.Close() // the connection is gone
	if _, err := first.Writer(ctx); !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if n := count(t, second); n != 0 {
		t.Errorf("%d rows", n)
	}
}

// cutOwner ends the one session that holds the lock of the database.
func cutOwner(t *testing.T, location string) {
	t.Helper()
	db := open(t, location)
	must(t, write(t, db, func(tx *store.Tx) error {
		var ended int
		err := tx.One(`SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, nil, []any{&ended})
		if err == nil && ended != 1 {
			t.Errorf("%d sessions hold the lock, want 1", ended)
		}
		return err
	}))
}
