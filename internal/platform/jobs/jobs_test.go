package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
)

var begin = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// table is a database with the table of jobs.
type table struct {
	t  *testing.T
	db *store.DB
	w  *store.Writer
}

func each(t *testing.T, test func(t *testing.T, tab *table)) {
	for name, location := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			db, err := store.Open(ctx, location(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			if err := db.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			w, err := db.Writer(ctx)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = w.Close() })
			test(t, &table{t, db, w})
		})
	}
}

// write runs body in a transaction, which is kept when it succeeds.
func (tab *table) write(body func(tx *store.Tx) error) error {
	tab.t.Helper()
	tx, err := tab.w.Begin()
	if err != nil {
		tab.t.Fatal(err)
	}
	if err := body(tx); err != nil {
		tab.w.Rollback()
		return err
	}
	if err := tab.w.Commit(); err != nil {
		tab.t.Fatal(err)
	}
	return nil
}

func (tab *table) enqueue(kind, key string, at time.Time) (fresh bool) {
	tab.t.Helper()
	if err := tab.write(func(tx *store.Tx) (err error) {
		fresh, err = jobs.Enqueue(tx, kind, key, map[string]int{"n": 1}, at)
		return err
	}); err != nil {
		tab.t.Fatal(err)
	}
	return fresh
}

// claim returns nil when there is nothing to claim.
func (tab *table) claim(now time.Time, kinds ...string) *jobs.Job {
	tab.t.Helper()
	var job *jobs.Job
	err := tab.write(func(tx *store.Tx) (err error) {
		if job, err = jobs.Claim(tx, kinds, now); errors.Is(err, jobs.ErrNone) {
			job, err = nil, nil
		}
		return err
	})
	if err != nil {
		tab.t.Fatal(err)
	}
	return job
}

func (tab *table) open() map[string]int64 {
	tab.t.Helper()
	open := map[string]int64{}
	if err := tab.db.Read(context.Background(), func(r *store.Reader) error {
		return jobs.Open(r, func(kind, state string, n int64) { open[kind+" "+state] = n })
	}); err != nil {
		tab.t.Fatal(err)
	}
	return open
}

func TestAJobIsClaimedOnceUntilItsLeaseEnds(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		if !tab.enqueue("a", "1", begin) || tab.enqueue("a", "1", begin.Add(time.Hour)) {
			t.Error("the same job must be new the first time only")
		}
		if job := tab.claim(begin.Add(-time.Second), "a"); job != nil {
			t.Errorf("claimed %v before it is due", job)
		}
		if job := tab.claim(begin, "b"); job != nil {
			t.Errorf("claimed %v of another kind", job)
		}
		first := tab.claim(begin, "b", "a")
		if first == nil || first.Kind != "a" || first.Key != "1" || first.Attempt != 1 || string(first.Payload) != `{"n":1}` {
			t.Fatalf("claimed %+v", first)
		}
		if job := tab.claim(begin.Add(jobs.Lease-time.Second), "a"); job != nil {
			t.Errorf("claimed %v under the lease of another", job)
		}
		second := tab.claim(begin.Add(jobs.Lease), "a")
		if second == nil || second.Attempt != 2 {
			t.Fatalf("after the lease: %+v", second)
		}
		if err := tab.write(func(tx *store.Tx) error { return jobs.Finish(tx, first) }); !errors.Is(err, jobs.ErrLost) {
			t.Errorf("the first claim finished the job of the second: %v", err)
		}
		first.Result, second.Result = json.RawMessage(`"of the first"`), json.RawMessage(`"of the second"`)
		if err := tab.write(func(tx *store.Tx) error { return jobs.Finish(tx, second) }); err != nil {
			t.Error(err)
		}
		if err := tab.write(func(tx *store.Tx) error {
			at, err := jobs.Get(&tx.Reader, "a", second.Key)
			if err != nil || at == nil || at.State != "done" || string(at.Result) != `"of the second"` {
				t.Errorf("what came of it: %+v, %v", at, err)
			}
			if none, err := jobs.Get(&tx.Reader, "a", "none"); none != nil || err != nil {
				t.Errorf("there is %+v, %v", none, err)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
		if err := tab.write(func(tx *store.Tx) error { return jobs.Finish(tx, second) }); !errors.Is(err, jobs.ErrLost) {
			t.Errorf("finished twice: %v", err)
		}
		if tab.enqueue("a", "1", begin) || tab.claim(begin.AddDate(1, 0, 0), "a") != nil {
			t.Error("a job that is done was done again")
		}
	})
}

func TestAFailedJobRunsAgainLaterAndIsGivenUpInTheEnd(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		tab.enqueue("a", "1", begin)
		now := begin
		for attempt := 1; attempt <= jobs.MaxAttempts; attempt++ {
			job := tab.claim(now, "a")
			if job == nil || job.Attempt != attempt {
				t.Fatalf("attempt %d: claimed %+v", attempt, job)
			}
			var again bool
			if err := tab.write(func(tx *store.Tx) (err error) {
				again, err = jobs.Retry(tx, job, "no", now, now) // which is no later than the pause
				return err
			}); err != nil {
				t.Fatal(err)
			}
			pause := jobs.Backoff(attempt)
			if job := tab.claim(now.Add(pause-time.Second), "a"); job != nil {
				t.Fatalf("attempt %d: again before the pause of %s", attempt, pause)
			}
			if now = now.Add(pause); again != (attempt < jobs.MaxAttempts) {
				t.Fatalf("after attempt %d: again is %v", attempt, again)
			}
		}
		if job := tab.claim(now.AddDate(1, 0, 0), "a"); job != nil {
			t.Errorf("claimed %+v, which was given up", job)
		}
		if got := tab.open(); got["a failed"] != 1 || got["a waiting"] != 0 {
			t.Errorf("open: %v", got)
		}
	})
}

func TestAJobRunsNoSoonerThanItIsToldTo(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		tab.enqueue("a", "1", begin)
		at := begin.Add(3 * time.Hour)
		job := tab.claim(begin, "a")
		if err := tab.write(func(tx *store.Tx) error { return jobs.Postpone(tx, job, at) }); err != nil {
			t.Fatal(err)
		}
		if early := tab.claim(at.Add(-time.Second), "a"); early != nil {
			t.Errorf("claimed %+v before the instant that it was put off to", early)
		}
		if job = tab.claim(at, "a"); job == nil || job.Attempt != 1 {
			t.Fatalf("claimed %+v: putting off is no attempt", job)
		}
		later := at.Add(5 * time.Hour)
		if err := tab.write(func(tx *store.Tx) error { _, err := jobs.Retry(tx, job, "no", at, later); return err }); err != nil {
			t.Fatal(err)
		}
		if early := tab.claim(later.Add(-time.Second), "a"); early != nil {
			t.Errorf("claimed %+v before the instant that was asked for", early)
		}
		if job = tab.claim(later, "a"); job == nil || job.Attempt != 2 {
			t.Errorf("claimed %+v", job)
		}
	})
}

func TestAJobThatNeverComesToAnEndIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		tab.enqueue("a", "1", begin)
		now := begin
		for range jobs.MaxAttempts {
			if tab.claim(now, "a") == nil {
				t.Fatal("not claimed")
			}
			now = now.Add(jobs.Lease)
		}
		if job := tab.claim(now, "a"); job != nil {
			t.Errorf("claimed %+v", job)
		}
		if got := tab.open(); got["a failed"] != 1 {
			t.Errorf("open: %v", got)
		}
		var failed []string
		if err := tab.db.Read(context.Background(), func(r *store.Reader) error {
			return jobs.Failed(r, func(kind, key, failure string) { failed = append(failed, kind, key, failure) })
		}); err != nil || len(failed) != 3 || failed[0] != "a" || failed[1] != "1" || failed[2] == "" {
			t.Errorf("failed: %q, %v", failed, err)
		}
	})
}

func TestJobsComeInTheOrderInWhichTheyAreDue(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		for i, key := range []string{"c", "a", "b"} {
			tab.enqueue("k", key, begin.Add(time.Duration(-i)*time.Minute))
		}
		for _, want := range []string{"b", "a", "c"} {
			if job := tab.claim(begin, "k"); job == nil || job.Key != want {
				t.Errorf("claimed %+v, want %s", job, want)
			}
		}
	})
}

func TestALaterOccurrenceTakesThePlaceOfEarlierOnes(t *testing.T) {
	each(t, func(t *testing.T, tab *table) {
		tab.enqueue("k", "1", begin)
		tab.enqueue("k", "2", begin)
		tab.enqueue("other", "1", begin)
		running := tab.claim(begin, "k")
		tab.enqueue("k", "3", begin)
		if err := tab.write(func(tx *store.Tx) error { return jobs.Supersede(tx, "k", "3", begin) }); err != nil {
			t.Fatal(err)
		}
		if got := tab.open(); got["k failed"] != 1 || got["k waiting"] != 2 || got["other waiting"] != 1 {
			t.Errorf("open: %v; want the running and the newest one of k, and the other kind", got)
		}
		if err := tab.write(func(tx *store.Tx) error { return jobs.Finish(tx, running) }); err != nil {
			t.Error(err)
		}
		if job := tab.claim(begin, "k"); job == nil || job.Key != "3" {
			t.Errorf("claimed %+v, want 3", job)
		}
	})
}
