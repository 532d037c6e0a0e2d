package store_test

import (
	"context"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
)

type onceKey struct{ name string }

// What is read once of a snapshot is read again of the next, after a failure, and each time in
// a transaction that writes.
func whatIsReadOnceOfASnapshot(t *testing.T, db *store.DB) {
	reads := 0
	read := func() (int, error) { reads++; return reads, nil }
	for want := 1; want <= 2; want++ {
		must(t, db.Read(context.Background(), func(r *store.Reader) error {
			if _, err := store.Once(r, onceKey{"a"}, func() (int, error) { return 0, errors.New("away") }); err == nil {
				t.Error("a failure is kept")
			}
			for range 3 {
				if got, err := store.Once(r, onceKey{"a"}, read); got != want || err != nil {
					t.Errorf("%d, want %d (%v)", got, want, err)
				}
			}
			return nil
		}))
	}
	must(t, write(t, db, func(tx *store.Tx) error {
		for want := 3; want <= 4; want++ {
			if got, err := store.Once(&tx.Reader, onceKey{"a"}, read); got != want || err != nil {
				t.Errorf("%d, want %d (%v)", got, want, err)
			}
		}
		return nil
	}))
}
