package populations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var kinds = record.Kinds{changes.Register, people.Register, populations.Register}

// population compiles the population of a control file: lines of YAML.
func population(t testing.TB, lines ...string) *controls.Population {
	t.Helper()
	file := "id: T-1\ntitle: test\nowner: test\nfrequency: daily\ncriteria: [CC8.1]\ntests:\n" +
		"  - id: one\n    kind: census\n    title: test\n    pass: has(item.id)\n    population:\n      " + strings.Join(lines, "\n      ") + "\n"
	control, err := controls.Parse("test.yaml", []byte(file), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return &control.Tests[0].Population
}

// have is a population as it was read.
type have struct {
	docs     []string
	ids      []string
	sha256   string
	count    int64
	asserted int64
}

// read reads a population; its window's zone is UTC unless it has one.
func read(t testing.TB, db *store.DB, from *controls.Population, window populations.Window) have {
	t.Helper()
	h, err := tryRead(db, from, window)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func tryRead(db *store.DB, from *controls.Population, window populations.Window) (h have, err error) {
	if window.Zone == nil {
		window.Zone = time.UTC
	}
	return h, db.Read(context.Background(), func(r *store.Reader) error {
		if window.AsOf == 0 {
			head, err := ledger.ReadHead(r)
			if err != nil {
				return err
			}
			window.AsOf = head.Size
		}
		stream, err := populations.Open(populations.Stored(r), kinds, from, window)
		if err != nil {
			return err
		}
		for item, err := range stream.Items() {
			if err != nil {
				return err
			}
			var doc struct{ ID string }
			if err := json.Unmarshal(item.JSON, &doc); err != nil {
				return err
			}
			h.docs, h.ids = append(h.docs, string(item.JSON)), append(h.ids, doc.ID)
			if item.Line != len(h.docs) {
				return fmt.Errorf("item %d has number %d", len(h.docs), item.Line)
			}
		}
		h.sha256, h.count, h.asserted = stream.SHA256(), stream.Count(), stream.Asserted()
		return nil
	})
}

// put writes versions of records in one transaction and returns the size of
// the ledger after it.
func put(t testing.TB, l *ledgertest.Ledger, kind *record.Kind, list ...record.Change) int64 {
	t.Helper()
	receipts, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
		_, err := record.Put(tx, kind, list...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return receipts[0].Size
}

// say records an event of SCAF's own.
func say(t testing.TB, l *ledgertest.Ledger, e act.Event) {
	t.Helper()
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
		_, err := tx.Event(e)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func pointer[T any](value T) *T { return &value }

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	found, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sizeOf(t testing.TB, l *ledgertest.Ledger) int64 {
	t.Helper()
	var head ledger.Head
	if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return head.Size
}
