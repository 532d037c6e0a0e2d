// Package ledgertest opens real ledgers for tests, on SQLite and on
// PostgreSQL.
package ledgertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Origin is the origin of the ledgers that this package makes.
const Origin = "scaf.test/ledger"

// Begin is the instant at which their clocks stand.
var Begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// Operator may do everything in these ledgers.
var Operator = act.Caller{ID: "local/test", Roles: []string{"administrator"}}

// Ledger is a ledger with its door.
type Ledger struct {
	kinds record.Kinds
	*act.Door
	DB          *store.DB
	URL         string
	Clock       *clock.Manual
	VerifierKey string
	Signer      note.Signer
	Parser      ledger.Parser
	Side        string
}

// Everything is an authorizer that refuses callers without a role.
type Everything struct{}

// Authorize implements act.Authorizer.
func (Everything) Authorize(caller act.Caller, action, _ string) error {
	if len(caller.Roles) == 0 {
		return fmt.Errorf("nobody without a role may do %s", action)
	}
	return nil
}

// Each runs the test on both databases.
func Each(t *testing.T, test func(t *testing.T, l *Ledger)) {
	t.Run("sqlite", func(t *testing.T) { test(t, New(t, storetest.SQLite(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, New(t, storetest.Postgres(t))) })
}

// EachOf runs the test on both databases, which know these registers.
func EachOf(t *testing.T, kinds record.Kinds, test func(t *testing.T, l *Ledger)) {
	t.Run("sqlite", func(t *testing.T) { test(t, New(t, storetest.SQLite(t), kinds...)) })
	t.Run("postgres", func(t *testing.T) { test(t, New(t, storetest.Postgres(t), kinds...)) })
}

// New makes a ledger in a fresh database that knows the registers.
func New(t testing.TB, url string, kinds ...*record.Kind) *Ledger {
	t.Helper()
	secret, verifier, err := note.GenerateKey(rand.Reader, Origin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return of(t, url, signer, verifier, kinds)
}

// Twin makes a ledger in a fresh database with another one's key.
func Twin(t testing.TB, url string, other *Ledger) *Ledger {
	t.Helper()
	return of(t, url, other.Signer, other.VerifierKey, other.kinds)
}

func of(t testing.TB, url string, signer note.Signer, verifier string, kinds record.Kinds) *Ledger {
	t.Helper()
	l := &Ledger{kinds: kinds, URL: url, Clock: clock.NewManual(Begin), VerifierKey: verifier, Signer: signer,
		Parser: ledger.Parser{Source: ledger.OwnSource(Origin)}, Side: filepath.Join(t.TempDir(), "unwritten.jsonl")}
	l.open(t)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("close the ledger: %v", err)
		}
	})
	return l
}

func (l *Ledger) open(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	var err error
	if l.DB, err = store.Open(ctx, l.URL); err != nil {
		t.Fatal(err)
	}
	if err := l.DB.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	if exists, err := ledger.Exists(ctx, l.DB); err != nil {
		t.Fatal(err)
	} else if !exists {
		Write(t, l.DB, ledger.NewLog(Origin, l.Signer, l.VerifierKey).Create)
	}
	if _, err := l.kinds.Adopt(ctx, l.DB); err != nil {
		t.Fatal(err)
	}
	l.OpenDoor(t)
}

// OpenDoor opens the door of a ledger whose door was closed.
func (l *Ledger) OpenDoor(t testing.TB) {
	t.Helper()
	log := ledger.NewLog(Origin, l.Signer, l.VerifierKey)
	var err error
	if l.Door, err = act.Open(act.Config{DB: l.DB, Log: log, Auth: Everything{}, Clock: l.Clock, IDs: ids.NewSource(), Side: l.Side}); err != nil {
		t.Fatal(err)
	}
}

// Another opens the same ledger once more, as another process does.
func (l *Ledger) Another(t testing.TB) *Ledger {
	t.Helper()
	other := *l
	other.Side = filepath.Join(t.TempDir(), "unwritten.jsonl")
	other.open(t)
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Errorf("close the other ledger: %v", err)
		}
	})
	return &other
}

// Close closes the door and the database.
func (l *Ledger) Close() error {
	if err := l.Door.Close(); err != nil {
		return err
	}
	return l.DB.Close()
}

// Reopen closes the ledger and opens it again, as after a restart.
func (l *Ledger) Reopen(t testing.TB) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.open(t)
}

// Write changes the database behind the door's back.
func Write(t testing.TB, db *store.DB, body func(*store.Tx) error) {
	t.Helper()
	w, err := db.Writer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	tx, err := w.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := body(tx); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
}

// Event is the JSON of an event with this id.
func Event(id string, data any) []byte { return event(id, Begin, data) }

// Timed is an event that happened at an instant.
func Timed(id string, at time.Time) []byte { return event(id, at, nil) }

func event(id string, at time.Time, data any) []byte {
	document, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "//test", "type": "com.example.test",
		"subject": "thing/" + id, "time": at.Format(time.RFC3339), "data": data,
	})
	if err != nil {
		panic(err)
	}
	return document
}

// Parse reads submitted events, which must be right.
func (l *Ledger) Parse(t testing.TB, documents ...[]byte) []act.Entry {
	t.Helper()
	var entries []act.Entry
	for _, document := range documents {
		entry, err := l.Parser.Parse(document, l.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, entry)
	}
	return entries
}

// Add appends events and returns their receipts.
func (l *Ledger) Add(t testing.TB, documents ...[]byte) []act.Receipt {
	t.Helper()
	receipts, err := l.Append(context.Background(), Operator, l.Parse(t, documents...))
	if err != nil {
		t.Fatal(err)
	}
	return receipts
}

// Fill appends n events in batches.
func (l *Ledger) Fill(t testing.TB, n int) {
	t.Helper()
	for begin := 0; begin < n; begin += act.MaxBatch {
		var batch [][]byte
		for i := begin; i < min(n, begin+act.MaxBatch); i++ {
			batch = append(batch, Event(fmt.Sprintf("fill-%07d", i), map[string]any{"n": i}))
		}
		l.Add(t, batch...)
	}
}
