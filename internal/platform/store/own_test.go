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
// not write any more.
func TestWhoLostADatabaseDoesNotWrite(t *testing.T) {
	url, ctx := storetest.Postgres(t), context.Background()
	first := open(t, url)
	must(t, first.Own(ctx))
	cutConnections(t, url)
	must(t, open(t, url).Own(ctx))
	if _, err := first.Writer(ctx); !errors.Is(err, store.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
}
