package store_test

import (
	"context"
	"sync"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

// readTogether opens as many snapshots at once and then lets go of them.
func readTogether(t *testing.T, db *store.DB, snapshots int) {
	t.Helper()
	var open, done sync.WaitGroup
	open.Add(snapshots)
	for range snapshots {
		done.Go(func() {
			if err := db.Read(context.Background(), func(r *store.Reader) error {
				var n int
				err := r.One(`SELECT count(*) FROM record_version`, nil, []any{&n})
				open.Done()
				open.Wait() // all are open at once
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
}

// What waits for readers is given back, and the next reader reads all the same,
// as does one that has a snapshot open meanwhile.
func TestReleasedConnectionsAreClosed(t *testing.T) {
	const snapshots = 3
	for name, location := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			db := open(t, location)
			readTogether(t, db, snapshots)
			if got := db.Waiting(); got < snapshots {
				t.Fatalf("%d connections wait after %d snapshots: the test shows nothing", got, snapshots)
			}
			must(t, db.Read(context.Background(), func(r *store.Reader) error {
				db.Release()
				if got := db.Waiting(); got != 0 {
					t.Errorf("%d connections wait", got)
				}
				var n int
				return r.One(`SELECT count(*) FROM record_version`, nil, []any{&n})
			}))
			readTogether(t, db, snapshots)
			if got := db.Waiting(); got < snapshots {
				t.Errorf("%d connections wait after %d more snapshots", got, snapshots)
			}
		})
	}
}
