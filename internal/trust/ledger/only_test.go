package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// unit are the events under a tile of level 1; tile is the granularity of
// Verification.Only.
const (
	unit = 65536
	tile = 256
)

// flip changes a byte of an event.
func flip(t *testing.T, l *ledgertest.Ledger, index int64, text string) {
	t.Helper()
	behind(t, l, func(tx *store.Tx) error {
		return ledgertest.Edit(tx, index, func(bundle []byte) error {
			at := bytes.Index(bundle, []byte(text))
			if at < 0 {
				return fmt.Errorf("no %q in the bundle of event %d", text, index)
			}
			bundle[at+len(text)-1] ^= 1
			return nil
		})
	})
}

// A verification of some spans finds what is wrong in them, widened to whole
// tiles, passes over the rest, and says what it has read.
func TestOnlySomeSpansAreRead(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	size := int64(2*unit + 1000)
	l.Fill(t, int(size))
	verify := func(only ...ledger.Span) (*ledger.Verified, error) {
		return ledger.Verification{VerifierKey: l.VerifierKey, Only: only}.Verify(context.Background(), l.DB)
	}
	for _, test := range []struct {
		only []ledger.Span
		want string
	}{
		{nil, fmt.Sprint([]ledger.Span{{From: 0, To: size}})},
		{[]ledger.Span{{From: 7, To: 8}}, fmt.Sprint([]ledger.Span{{From: 0, To: tile}})},
		{[]ledger.Span{{From: unit, To: unit + 1}, {From: 0, To: 0}}, fmt.Sprint([]ledger.Span{{From: unit, To: unit + tile}})},
		{[]ledger.Span{{From: 2*unit + 999, To: 1 << 62}, {From: 0, To: unit}}, fmt.Sprint([]ledger.Span{{From: 0, To: unit}, {From: 2*unit + 3*tile, To: size}})},
		{[]ledger.Span{{From: unit - 1, To: unit + 1}, {From: 5, To: 2 * unit}}, fmt.Sprint([]ledger.Span{{From: 0, To: 2 * unit}})},
		{[]ledger.Span{{From: 5000, To: 20_000}}, fmt.Sprint([]ledger.Span{{From: 19 * tile, To: 79 * tile}})},
		{[]ledger.Span{}, "[]"},
	} {
		verified, err := verify(test.only...)
		if err != nil {
			t.Fatal(err)
		}
		var events int64
		for _, span := range verified.Ranges {
			events += span.To - span.From
		}
		if fmt.Sprint(verified.Ranges) != test.want && test.only != nil || verified.Events != events {
			t.Errorf("%v: read %v (%d events), want %s", test.only, verified.Ranges, verified.Events, test.want)
		}
	}
	flip(t, l, 70_000, "thing/fill-0070000")
	if _, err := verify(ledger.Span{From: 0, To: unit}, ledger.Span{From: 2 * unit, To: size}); err != nil {
		t.Errorf("what is wrong lies elsewhere: %v", err)
	}
	var damage *ledger.DamageError
	if _, err := verify(ledger.Span{From: 69_999, To: 70_001}); !errors.As(err, &damage) || damage.Index != 70_000 {
		t.Errorf("got %v, want event 70000", err)
	}

	// A tile of level 1 is held against those parts of it that are read.
	behind(t, l, func(tx *store.Tx) error {
		var hashes []byte
		if err := tx.One(`SELECT hashes FROM ledger_tile WHERE level = 1 AND n = 0`, nil, []any{&hashes}); err != nil {
			return err
		}
		hashes[100*32] ^= 1 // of the events 25,600 to 25,855
		_, err := tx.Exec(`UPDATE ledger_tile SET hashes = $1 WHERE level = 1 AND n = 0`, hashes)
		return err
	})
	for _, test := range []struct {
		read  ledger.Span
		names string
	}{
		{ledger.Span{From: 25_700, To: 25_701}, "hash 100 of tile level 1"},
		{ledger.Span{From: 20_000, To: 30_000}, "hash 100 of tile level 1"},
		{ledger.Span{From: 0, To: 10_000}, fmt.Sprintf("the root of the %d events", size)},
	} {
		_, err := verify(test.read)
		if err == nil || !strings.Contains(err.Error(), test.names) {
			t.Errorf("reading %v: %v, want %q", test.read, err, test.names)
		}
	}
}
