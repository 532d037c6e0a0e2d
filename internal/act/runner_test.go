package act_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func newRunner(l *ledgertest.Ledger) *act.Runner {
	return act.NewRunner(l.Door, slog.New(slog.NewTextHandler(io.Discard, nil)))
}

func runDue(t *testing.T, r *act.Runner) {
	t.Helper()
	if err := r.RunDue(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// enqueue has an action enqueue a job.
func enqueue(t *testing.T, l *ledgertest.Ledger, kind, key string, at time.Time) {
	t.Helper()
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "x", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: "scaf.test.caused.v1", Subject: "x"}); err != nil {
			return err
		}
		return tx.Enqueue(kind, key, "payload", at)
	}); err != nil {
		t.Fatal(err)
	}
}

// effects counts the events that jobs left.
func effects(t *testing.T, l *ledgertest.Ledger) int {
	t.Helper()
	n := 0
	if err := ledger.Find(context.Background(), l.DB, ledger.Query{Type: "scaf.test.effect.v1"}, func(*ledger.Event) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// effect is a handler's work: an event, and the end of the job in the same
// transaction.
func effect(l *ledgertest.Ledger, job *jobs.Job) error {
	_, err := l.Do(context.Background(), act.JobCaller(job.Kind), "test", "x", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: "scaf.test.effect.v1", Subject: "x"}); err != nil {
			return err
		}
		return tx.FinishJob(job)
	})
	return err
}

// count reads a counter or gauge of the runner; -1 when it is not there.
func count(t *testing.T, c prometheus.Collector, name string, labels map[string]string) float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			same := family.GetName() == name
			for _, pair := range metric.GetLabel() {
				want, ok := labels[pair.GetName()]
				same = same && (!ok || want == pair.GetValue())
			}
			if same {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
			}
		}
	}
	return -1
}

func TestAJobIsEnqueuedWithItsCauseOrNotAtAll(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		r := newRunner(l)
		var got []string
		r.Handle("test", func(_ context.Context, job *jobs.Job) error {
			got = append(got, job.Key+" "+string(job.Payload))
			return nil
		})
		broken := errors.New("broken")
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "x", func(tx *act.Tx) error {
			return errors.Join(tx.Enqueue("test", "lost", nil, tx.Now()), broken)
		}); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		enqueue(t, l, "test", "kept", l.Clock.Now())
		enqueue(t, l, "test", "kept", l.Clock.Now())
		runDue(t, r)
		runDue(t, r)
		enqueue(t, l, "test", "kept", l.Clock.Now())
		runDue(t, r)
		if fmt.Sprint(got) != `[kept "payload"]` {
			t.Errorf("ran %v", got)
		}
		if n := count(t, r, "scaf_job_runs_total", map[string]string{"outcome": "done"}); n != 1 {
			t.Errorf("counted %v", n)
		}
	})
}

// died is a process that claims a job, does its work without finishing, and dies.
func died(t *testing.T, l *ledgertest.Ledger) (claimed *jobs.Job) {
	t.Helper()
	enqueue(t, l, "test", "1", l.Clock.Now())
	l.Reopen(t)
	other, err := store.Open(context.Background(), l.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ledgertest.Write(t, other, func(tx *store.Tx) (err error) {
		claimed, err = jobs.Claim(tx, []string{"test"}, l.Clock.Now())
		return err
	})
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	return claimed
}

// A runner that begins does not wait for the leases of the process before it: what that one
// had begun runs again after the pause of a failure.
func TestARunnerTakesBackWhatAProcessBeforeItHadBegun(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		died(t, l)
		r := newRunner(l)
		ran := make(chan int, 1)
		r.Handle("test", func(_ context.Context, job *jobs.Job) error { ran <- job.Attempt; return nil })
		ctx, stop := context.WithCancel(t.Context())
		tick, ended := make(chan time.Time), make(chan struct{})
		go func() { r.Run(ctx, tick); close(ended) }()
		tick <- l.Clock.Now() // taken only when the round before has ended
		if len(ran) != 0 {
			t.Error("it runs at once, whatever ended the process before")
		}
		l.Clock.Advance(jobs.Backoff(1))
		tick <- l.Clock.Now()
		if attempt := <-ran; attempt != 2 {
			t.Errorf("it runs as attempt %d, want the second", attempt)
		}
		stop()
		<-ended
	})
}

func TestAJobWhoseProcessDiedRunsAgainAfterItsLease(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		claimed := died(t, l)
		r := newRunner(l)
		r.Handle("test", func(_ context.Context, job *jobs.Job) error { return effect(l, job) })
		runDue(t, r)
		if n := effects(t, l); n != 0 {
			t.Fatalf("%d effects under the lease of another", n)
		}
		l.Clock.Advance(jobs.Lease)
		runDue(t, r)
		runDue(t, r)
		if n := effects(t, l); n != 1 {
			t.Errorf("%d effects, want 1", n)
		}
		// The first process was only slow: what it writes now is refused.
		if err := effect(l, claimed); !errors.Is(err, jobs.ErrLost) {
			t.Errorf("the late one got %v, want ErrLost", err)
		}
		if n := effects(t, l); n != 1 {
			t.Errorf("%d effects, want 1", n)
		}
	})
}

func TestAFailedJobIsRetriedWithItsReasonKept(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		r := newRunner(l)
		runs := 0
		r.Handle("test", func(_ context.Context, job *jobs.Job) error {
			switch runs++; runs {
			case 1:
				return errors.New("the other side is down")
			case 2:
				panic("a bug")
			}
			return effect(l, job)
		})
		enqueue(t, l, "test", "1", l.Clock.Now())
		runDue(t, r)
		var failure string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			return r.One(`SELECT failure FROM job WHERE kind = 'test'`, nil, []any{&failure})
		}); err != nil || failure != "the other side is down" {
			t.Errorf("kept %q (%v)", failure, err)
		}
		runDue(t, r)
		if runs != 1 {
			t.Errorf("%d runs at once", runs)
		}
		l.Clock.Advance(jobs.Backoff(1))
		runDue(t, r)
		l.Clock.Advance(jobs.Backoff(2))
		runDue(t, r)
		if runs != 3 || effects(t, l) != 1 {
			t.Errorf("%d runs, %d effects", runs, effects(t, l))
		}
		if n := count(t, r, "scaf_job_runs_total", map[string]string{"outcome": "retried"}); n != 2 {
			t.Errorf("counted %v retries", n)
		}
	})
}

func TestADailyDutyIsAnchoredToTheCalendar(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		fail := false
		daily := func() *act.Runner {
			r := newRunner(l)
			r.Daily("duty", jobs.Daily{Minute: 30, Zone: berlin}, func(_ context.Context, job *jobs.Job) error {
				if keys = append(keys, job.Key); fail {
					return errors.New("no")
				}
				return nil
			})
			return r
		}
		r := daily()
		at := func(text string) {
			moment, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			l.Clock.Set(moment)
		}
		at("2026-03-27T10:00:00+01:00") // begun in the middle of a day: today's is done at once
		runDue(t, r)
		runDue(t, r)
		at("2026-03-28T00:29:00+01:00")
		runDue(t, r)
		at("2026-03-28T00:47:00+01:00") // the tick comes late: the next one is not later for that
		runDue(t, r)
		at("2026-03-29T00:30:00+01:00") // the day on which the clocks change
		runDue(t, r)
		r = daily() // restarted after days without a run: the latest one, once
		at("2026-04-02T08:00:00+02:00")
		runDue(t, r)
		runDue(t, r)
		fail = true
		at("2026-04-03T00:30:00+02:00")
		runDue(t, r)
		at("2026-04-04T00:30:00+02:00") // yesterday's failed and still waits: today's takes its place
		runDue(t, r)
		want := "[2026-03-26T23:30:00Z 2026-03-27T23:30:00Z 2026-03-28T23:30:00Z 2026-04-01T22:30:00Z 2026-04-02T22:30:00Z 2026-04-03T22:30:00Z]"
		if fmt.Sprint(keys) != want {
			t.Errorf("ran   %v\nwant %s", keys, want)
		}
		if n := count(t, r, "scaf_jobs", map[string]string{"state": "failed"}); n != 1 {
			t.Errorf("%v jobs given up, want yesterday's", n)
		}
	})
}

func TestAStopGivesTheJobUnderWayBack(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	r := newRunner(l)
	ctx, stop := context.WithCancel(context.Background())
	runs := 0
	r.Handle("test", func(ctx context.Context, job *jobs.Job) error {
		if runs++; runs == 1 {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}
		if job.Attempt != 1 {
			t.Errorf("attempt %d: the interrupted one must not count", job.Attempt)
		}
		return nil
	})
	enqueue(t, l, "test", "1", l.Clock.Now())
	r.Run(ctx, nil) // returns since the context has ended
	runDue(t, r)
	if runs != 2 {
		t.Errorf("%d runs", runs)
	}
}

// How far a job is is written at the beginning and the end of each part and once a second
// in between, and is gone when the job is not being done.
func TestItIsWrittenHowFarAJobIs(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		at := func() string {
			var s *jobs.Standing
			if err := l.DB.Read(t.Context(), func(r *store.Reader) (err error) { s, err = jobs.Last(r, "a"); return err }); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("%d of %d %s", s.Reached.Done, s.Reached.Total, s.Reached.Of)
		}
		act.Reached(t.Context(), "things", 1, 2) // of no job
		r := newRunner(l)
		var got []string
		fails := true
		r.Handle("a", func(ctx context.Context, _ *jobs.Job) error {
			got = append(got, at())
			for _, step := range []struct {
				of   string
				done int
				wait time.Duration
			}{{"read", 0, 0}, {"read", 1, 0}, {"read", 2, time.Second}, {"read", 1, time.Second}, {"read", 9, 0}, {"written", 0, 0}} {
				l.Clock.Advance(step.wait)
				act.Reached(ctx, step.of, step.done, 9)
				got = append(got, at())
			}
			if fails {
				return errors.New("no")
			}
			return nil
		})
		enqueue(t, l, "a", "1", l.Clock.Now())
		want := "[0 of 0  0 of 9 read 0 of 9 read 2 of 9 read 2 of 9 read 9 of 9 read 0 of 9 written]"
		for _, fails = range []bool{true, false} {
			got = nil
			runDue(t, r)
			if fmt.Sprint(got) != want || at() != "0 of 0 " {
				t.Errorf("%v, then %s; want %s", got, at(), want)
			}
			l.Clock.Advance(time.Hour)
		}
	})
}

func TestTheRunnerWorksAtEveryTick(t *testing.T) {
	l := ledgertest.New(t, t.TempDir()+"/scaf.db")
	r := newRunner(l)
	ran := make(chan string, 2) // the first round may still be on its way when the second job is due
	r.Handle("test", func(_ context.Context, job *jobs.Job) error { ran <- job.Key; return nil })
	ctx, stop := context.WithCancel(context.Background())
	tick, ended := make(chan time.Time), make(chan struct{})
	enqueue(t, l, "test", "1", l.Clock.Now())
	go func() { r.Run(ctx, tick); close(ended) }()
	if key := <-ran; key != "1" {
		t.Errorf("ran %s at the start", key)
	}
	tick <- l.Clock.Now() // taken only when the round before has ended
	enqueue(t, l, "test", "2", l.Clock.Now().Add(time.Hour))
	l.Clock.Advance(time.Hour)
	tick <- l.Clock.Now()
	if key := <-ran; key != "2" {
		t.Errorf("ran %s at the tick", key)
	}
	stop()
	<-ended
}

func TestAnEventBringsTheJobThatReactsToIt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		l.Reactions = map[string][]string{"scaf.test.a.v1": {"react"}, "scaf.test.b.v1": {"react"}}
		var seen []string
		runner := newRunner(l)
		runner.Handle("react", func(_ context.Context, job *jobs.Job) error {
			seen = append(seen, job.Key+" "+string(job.Payload))
			return effect(l, job)
		})
		do := func(fails error, types ...string) {
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "x", func(tx *act.Tx) error {
				for _, name := range types {
					if _, err := tx.Event(act.Event{Type: name, Subject: "x"}); err != nil {
						return err
					}
				}
				return fails
			})
			if !errors.Is(err, fails) {
				t.Fatal(err)
			}
		}
		do(nil, "scaf.test.other.v1")
		do(nil, "scaf.test.other.v1", "scaf.test.a.v1", "scaf.test.b.v1")
		do(errors.New("changed my mind"), "scaf.test.a.v1")
		runDue(t, runner)
		runDue(t, runner)
		if want := `1 {"first":1,"events":3}`; len(seen) != 1 || seen[0] != want {
			t.Errorf("reactions: %q, want %q once", seen, want)
		}
	})
}

func TestAHandlerSaysWhenItsJobRunsAgain(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		begin := l.Clock.Now()
		answers := []error{&act.Later{At: begin.Add(time.Hour)}, &act.Later{At: begin.Add(3 * time.Hour), Err: errors.New("come back")}, nil}
		runs := 0
		runner := newRunner(l)
		runner.Handle("k", func(_ context.Context, job *jobs.Job) error {
			if want := []int{1, 1, 2}[runs]; job.Attempt != want {
				t.Errorf("run %d is attempt %d", runs, job.Attempt)
			}
			runs++
			return answers[runs-1]
		})
		enqueue(t, l, "k", "1", begin)
		for i, step := range []time.Duration{0, time.Hour - time.Second, time.Second, 2*time.Hour - time.Second, time.Second} {
			l.Clock.Advance(step)
			runDue(t, runner)
			if want := []int{1, 1, 2, 2, 3}[i]; runs != want {
				t.Fatalf("step %d: %d runs, want %d", i, runs, want)
			}
		}
		if n := count(t, runner, "scaf_job_runs_total", map[string]string{"kind": "k", "outcome": "postponed"}); n != 1 {
			t.Errorf("postponed %v times", n)
		}
	})
}

func TestAJobThatIsGivenUpBringsTheOneThatReactsToIt(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		var told []string
		runner := newRunner(l)
		runner.OnGivenUp("tell")
		runner.Handle("k", func(context.Context, *jobs.Job) error { return errors.New("no such luck") })
		runner.Beside().Handle("unused", nil)
		runner.Handle("tell", func(_ context.Context, job *jobs.Job) error {
			told = append(told, string(job.Payload))
			return nil
		})
		enqueue(t, l, "k", "1", l.Clock.Now())
		for range jobs.MaxAttempts {
			runDue(t, runner)
			l.Clock.Advance(time.Hour)
		}
		runDue(t, runner)
		if want := `{"kind":"k","key":"1","failure":"no such luck"}`; len(told) != 1 || told[0] != want {
			t.Errorf("told %q, want %q once", told, want)
		}
	})
}
