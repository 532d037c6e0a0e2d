// Package apptest opens real data folders for tests of what works on them, on
// SQLite and on PostgreSQL.
package apptest

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts/accountstest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// Begin is the instant at which the clocks of these folders stand.
var Begin = ledgertest.Begin

// Operator may do everything.
var Operator = act.Caller{ID: "local/test", Roles: []string{"administrator"}}

// Folder is an open data folder with its clock.
type Folder struct {
	*surface.System
	Manual *clock.Manual

	backend app.Backend
	dir     string
}

// Each runs the test on both databases.
func Each(t *testing.T, test func(t *testing.T, f *Folder)) {
	t.Run("sqlite", func(t *testing.T) { test(t, New(t, config.Config{})) })
	t.Run("postgres", func(t *testing.T) { test(t, New(t, config.Config{Database: Postgres(t)})) })
}

// Making the tables of all registers, with their indexes, takes longer than most
// tests. Databases begin with them: without a ledger, as if somebody had made
// them before `scaf init`, which goes on from there as from an empty one.
var (
	sqlite = sync.OnceValues(func() (file []byte, err error) {
		dir, err := os.MkdirTemp("", "apptest-")
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		path := (&config.Config{}).DatabaseLocation(dir)
		if err := prepare(path); err != nil {
			return nil, err
		}
		return os.ReadFile(path)
	})
	postgres = storetest.Template{Prepare: prepare}
)

func prepare(location string) error {
	ctx := context.Background()
	db, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	err = db.Migrate(ctx)
	if err == nil {
		_, err = app.Kinds.Adopt(ctx, db)
	}
	return errors.Join(err, db.Close())
}

// Postgres is the URL of a fresh database for New.
func Postgres(t testing.TB) string {
	t.Helper()
	return postgres.Postgres(t)
}

// New makes a folder with what the configuration says and the rest as usual, and
// registers beside those of the program, and opens it for writing.
func New(t testing.TB, c config.Config, kinds ...*record.Kind) *Folder {
	t.Helper()
	accountstest.Cheap(t)
	f := &Folder{Manual: clock.NewManual(Begin), dir: t.TempDir()}
	f.backend = app.Backend{Clock: f.Manual, Version: "test", Registers: kinds}
	c.Organization = "Test"
	if c.Timezone == "" {
		c.Timezone = "UTC"
	}
	if c.Database == "" {
		file, err := sqlite()
		if err == nil {
			err = os.WriteFile(c.DatabaseLocation(f.dir), file, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.backend.Init(context.Background(), f.dir, c); err != nil {
		t.Fatal(err)
	}
	f.open(t)
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close the folder: %v", err)
		}
	})
	return f
}

func (f *Folder) open(t testing.TB) {
	t.Helper()
	var err error
	if f.System, err = f.backend.Open(context.Background(), f.dir, surface.Write); err != nil {
		t.Fatal(err)
	}
}

// Reopen closes the folder and opens it again, as after a restart.
func (f *Folder) Reopen(t testing.TB) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f.open(t)
}

// Token makes a token with the role.
func (f *Folder) Token(t testing.TB, role string, lifetime time.Duration) (token, id string) {
	t.Helper()
	token, kept, err := access.CreateToken(context.Background(), f.Door, Operator, role, "test", lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return token, kept.ID
}

// Behind changes the database behind the folder's back.
func (f *Folder) Behind(t testing.TB, body func(*store.Tx) error) {
	t.Helper()
	db, err := store.Open(context.Background(), f.Config.DatabaseLocation(f.dir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	ledgertest.Write(t, db, body)
}

// Append appends events and returns their receipts.
func (f *Folder) Append(t testing.TB, documents ...[]byte) []act.Receipt {
	t.Helper()
	var entries []act.Entry
	for _, document := range documents {
		entry, err := f.Parser().Parse(document, f.Manual.Now())
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	receipts, err := f.Door.Append(context.Background(), Operator, entries)
	if err != nil {
		t.Fatal(err)
	}
	return receipts
}
