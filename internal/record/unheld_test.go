package record_test

import (
	"context"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// An id that no database can hold names no record, on both of them.
func TestAnIDThatCannotBeHeldIsThatOfNone(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{exceptions}, func(t *testing.T, l *ledgertest.Ledger) {
		for _, id := range []string{"\x00", "e\x00", "\xff", ""} {
			if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
				if _, err := record.Get(r, "exception", id); !errors.Is(err, record.ErrNone) {
					t.Errorf("%q: %v", id, err)
				}
				if _, err := record.GetVersion(r, "exception", id, 1); !errors.Is(err, record.ErrNone) {
					t.Errorf("version 1 of %q: %v", id, err)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}
