package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// counted is a mark: how many rows there are.
func counted(r *store.Reader) (string, error) {
	n := 0
	err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&n})
	return fmt.Sprint(n), err
}

func add(t *testing.T, db *store.DB) {
	t.Helper()
	must(t, write(t, db, func(tx *store.Tx) error {
		return tx.Insert("record_version", versionColumns, [][]any{version(fmt.Sprint(rowNumber.Load()), nil)})
	}))
}

// However often somebody writes while readers are opened: those that body has see
// the same moment, and go on to see it.
func readersTogetherSeeTheSameMoment(t *testing.T, db *store.DB) {
	most := store.MaxTogether()
	if most < 2 {
		t.Fatalf("%d readers together", most)
	}
	for writes, want := range map[int]int{0: most, 1: most, 2: most, 1000: 1} { // the last leave no moment
		left := writes
		must(t, db.ReadTogether(context.Background(), most, func(r *store.Reader) (string, error) {
			mark, err := counted(r)
			if left > 0 {
				left--
				add(t, db)
			}
			return mark, err
		}, func(readers []*store.Reader) error {
			if len(readers) != want {
				t.Errorf("%d writes: %d readers, want %d", writes, len(readers), want)
			}
			add(t, db)
			first, err := counted(readers[0])
			must(t, err)
			for _, r := range readers {
				if again, err := counted(r); err != nil || again != first {
					t.Errorf("one reader sees %s rows, another one %s: %v", first, again, err)
				}
			}
			return nil
		}))
	}
}

// More at once than there are connections wait for each other, and none for ever.
func readersTogetherDoNotWaitForEver(t *testing.T, db *store.DB) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	const all = 64
	errs := make(chan error, all)
	for range all {
		go func() {
			errs <- db.ReadTogether(ctx, 4, counted, func(readers []*store.Reader) error {
				for _, r := range readers {
					if _, err := counted(r); err != nil {
						return err
					}
				}
				return nil
			})
		}()
	}
	for range all {
		must(t, <-errs)
	}
}

// However many readers are asked for: others can read while body runs, as long as it
// takes, and so can body itself.
func readersTogetherLeaveRoomForOthers(t *testing.T, db *store.DB) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	must(t, db.ReadTogether(ctx, 1000, counted, func([]*store.Reader) error {
		return db.Read(ctx, func(r *store.Reader) error {
			_, err := counted(r)
			return err
		})
	}))
}

// The error of body, and that of a mark, is what ReadTogether returns, and body is
// not tried again.
func readersTogetherFailAsTheBodyDoes(t *testing.T, db *store.DB) {
	broken := errors.New("broken")
	calls := 0
	err := db.ReadTogether(context.Background(), 2, counted, func([]*store.Reader) error { calls++; return broken })
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	err = db.ReadTogether(context.Background(), 2, func(*store.Reader) (string, error) { return "", broken }, func([]*store.Reader) error { calls++; return nil })
	if !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
