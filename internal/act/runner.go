package act

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
)

// Enqueue adds a job that runs once the transaction has committed, at the
// given instant or later. A job of the same kind and key is the same job,
// also when it is done already.
func (tx *Tx) Enqueue(kind, key string, payload any, at time.Time) error {
	_, err := jobs.Enqueue(tx.Tx, kind, key, payload, at)
	return err
}

// FinishJob marks the job as done in the transaction that writes its result,
// so that its effect comes exactly once. jobs.ErrLost when it is no longer
// this claim's: the body then fails and nothing is written.
func (tx *Tx) FinishJob(job *jobs.Job) error { return jobs.Finish(tx.Tx, job) }

// JobCaller is who acts when a job of this kind does: it holds the one role
// that is named like it.
func JobCaller(kind string) Caller {
	return Caller{ID: "job/" + kind, Roles: []string{"job/" + kind}}
}

// Handler does a job. It changes things through Door.Do like everybody, as
// JobCaller of its kind. It may be called again for the same job after a
// failure or a crash. The context ends with the job's lease.
type Handler func(ctx context.Context, job *jobs.Job) error

// Runner does the jobs of a door, one after the other.
type Runner struct {
	door     *Door
	log      *slog.Logger
	handlers map[string]Handler
	kinds    []string
	daily    map[string]jobs.Daily
	runs     *prometheus.CounterVec
	givenUp  string // the kind of the job that reacts to one that was given up
}

// Later is a handler's error that says when the job is to run again.
type Later struct {
	At time.Time
	// Err is why it failed, and At then comes no sooner than the usual pause. Nil:
	// it did not fail, and was not begun.
	Err error
}

// Error implements error.
func (l *Later) Error() string {
	if l.Err != nil {
		return l.Err.Error()
	}
	return "put off until " + l.At.Format(time.RFC3339)
}

// Unwrap returns why the job failed.
func (l *Later) Unwrap() error { return l.Err }

// NewRunner returns a runner without handlers.
func NewRunner(door *Door, log *slog.Logger) *Runner {
	return &Runner{door: door, log: log, handlers: map[string]Handler{}, daily: map[string]jobs.Daily{}, runs: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scaf_job_runs_total",
		Help: "Jobs that were run, by kind and outcome: done, retried (failed, runs again), gave_up, lost (ran past its lease), interrupted (the program stopped), postponed (not begun, runs later).",
	}, []string{"kind", "outcome"})}
}

// Beside returns a runner for other kinds of jobs, which shares the metrics and
// runs at the same time: what waits for other machines keeps nothing else waiting.
func (r *Runner) Beside() *Runner {
	return &Runner{door: r.door, log: r.log, handlers: map[string]Handler{}, daily: map[string]jobs.Daily{}, runs: r.runs, givenUp: r.givenUp}
}

// OnGivenUp names the kind of the job that is enqueued, in the same transaction, when
// a job is given up; its payload is a GivenUp. Of those jobs themselves none is.
func (r *Runner) OnGivenUp(kind string) { r.givenUp = kind }

// GivenUp is a job that was given up.
type GivenUp struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Failure string `json:"failure"`
}

// Handle says who does the jobs of a kind. Call it before Run.
func (r *Runner) Handle(kind string, handler Handler) {
	r.handlers[kind] = handler
	r.kinds = append(r.kinds, kind)
	sort.Strings(r.kinds)
	for _, outcome := range []string{jobDone, jobRetried, jobGaveUp} {
		r.runs.WithLabelValues(kind, outcome) // a counter that is there can be alerted on
	}
}

// Daily is Handle for a duty of every day. After any time without a run the
// latest occurrence is done once, and no earlier one. The job's key is the
// instant at which the occurrence is due (RFC 3339, UTC).
func (r *Runner) Daily(kind string, at jobs.Daily, handler Handler) {
	r.Handle(kind, handler)
	r.daily[kind] = at
}

// Run does what is due, then again at every tick, until the context ends. A
// job that is under way then is told by its context, and given back. At first it takes
// back what a process before this one had begun and not ended: nobody else does the jobs
// of its kinds meanwhile.
func (r *Runner) Run(ctx context.Context, tick <-chan time.Time) {
	orphaned := true
	for {
		if orphaned {
			orphaned = r.takeBack(ctx) != nil // or it is found out below what is wrong
		}
		worked, err := r.runDue(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Error("the jobs could not be run", "error", err)
		}
		if worked { // a job may have read a whole ledger, and the next one is a day away
			r.door.DB.Release()
			debug.FreeOSMemory()
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// errDied is why a job has failed that nobody ended.
var errDied = errors.New("the program ended while it was under way")

// takeBack settles what a process before this one left under way, as if it had failed: what
// made that process end may do so again.
func (r *Runner) takeBack(ctx context.Context) error {
	var left []*jobs.Job
	if err := r.door.DB.Read(ctx, func(reader *store.Reader) (err error) {
		left, err = jobs.Claimed(reader, r.kinds)
		return err
	}); err != nil {
		return err
	}
	for _, job := range left {
		outcome, err := r.settle(ctx, job, errDied, false)
		if err != nil {
			return err
		}
		r.runs.WithLabelValues(job.Kind, outcome).Inc()
		r.log.Warn("a job was under way when the program ended", "kind", job.Kind, "key", job.Key, "attempt", job.Attempt, "outcome", outcome)
	}
	return nil
}

// RunDue does everything that is due now. It fails when jobs cannot be read or
// claimed; a job that fails is not its error.
func (r *Runner) RunDue(ctx context.Context) error {
	_, err := r.runDue(ctx)
	return err
}

// runDue is RunDue; it says whether it did anything.
func (r *Runner) runDue(ctx context.Context) (worked bool, err error) {
	if err := r.schedule(ctx); err != nil {
		return false, err
	}
	for ; ctx.Err() == nil; worked = true {
		job, err := r.claim(ctx)
		if errors.Is(err, jobs.ErrNone) {
			return worked, nil
		}
		if err != nil {
			return worked, err
		}
		r.run(ctx, job)
	}
	return worked, ctx.Err()
}

// schedule enqueues the latest occurrence of every daily duty.
func (r *Runner) schedule(ctx context.Context) error {
	for _, kind := range r.kinds {
		daily, ok := r.daily[kind]
		if !ok {
			continue
		}
		now := r.door.Clock.Now()
		at := daily.Latest(now)
		key := at.Format(time.RFC3339)
		var known bool
		if err := r.door.DB.Read(ctx, func(reader *store.Reader) (err error) {
			known, err = jobs.Known(reader, kind, key)
			return err
		}); err != nil || known {
			if err != nil {
				return err
			}
			continue
		}
		if err := r.silently(ctx, func(tx *store.Tx) error {
			if _, err := jobs.Enqueue(tx, kind, key, map[string]any{"due": at}, at); err != nil {
				return err
			}
			return jobs.Supersede(tx, kind, key, now)
		}); err != nil {
			return err
		}
	}
	return nil
}

// claim takes a job; it writes only when there is one.
func (r *Runner) claim(ctx context.Context) (*jobs.Job, error) {
	now := r.door.Clock.Now()
	var waiting bool
	if err := r.door.DB.Read(ctx, func(reader *store.Reader) (err error) {
		waiting, err = jobs.Due(reader, r.kinds, now)
		return err
	}); err != nil {
		return nil, err
	}
	if !waiting {
		return nil, jobs.ErrNone
	}
	var job *jobs.Job
	err := r.silently(ctx, func(tx *store.Tx) (err error) {
		job, err = jobs.Claim(tx, r.kinds, now)
		return err
	})
	return job, err
}

// silently does the runner's bookkeeping in the lane: no event tells of it.
func (r *Runner) silently(ctx context.Context, body func(*store.Tx) error) error {
	_, err := r.door.lane.submit(ctx, &member{silent: body})
	return err
}

// Outcomes of a run.
const (
	jobDone        = "done"
	jobRetried     = "retried"
	jobGaveUp      = "gave_up"
	jobLost        = "lost"
	jobInterrupted = "interrupted"
	jobPostponed   = "postponed"
)

// run does one claimed job and settles it, also while the program is stopping.
func (r *Runner) run(ctx context.Context, job *jobs.Job) {
	limited, cancel := context.WithTimeout(ctx, jobs.Lease)
	failure := r.handle(r.following(limited, job), job)
	cancel()
	outcome, err := r.settle(context.WithoutCancel(ctx), job, failure, ctx.Err() != nil)
	if errors.Is(err, jobs.ErrLost) {
		outcome, err = jobLost, nil
	}
	log := r.log.With("kind", job.Kind, "key", job.Key, "attempt", job.Attempt)
	if err != nil {
		log.Error("the job could not be settled: it runs again when its lease has ended", "error", err)
		return
	}
	r.runs.WithLabelValues(job.Kind, outcome).Inc()
	switch outcome {
	case jobDone, jobInterrupted, jobPostponed:
		log.Info("job", "outcome", outcome)
	default:
		log.Error("job", "outcome", outcome, "error", failure)
	}
}

// handle calls the handler; a panic is its failure.
func (r *Runner) handle(ctx context.Context, job *jobs.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the job panicked: %v", p)
		}
	}()
	return r.handlers[job.Kind](ctx, job)
}

// settle writes what became of the job.
func (r *Runner) settle(ctx context.Context, job *jobs.Job, failure error, stopping bool) (outcome string, err error) {
	err = r.silently(ctx, func(tx *store.Tx) error {
		if done, err := jobs.Finished(&tx.Reader, job); err != nil || done {
			outcome = jobDone
			return err
		}
		switch {
		case failure == nil:
			outcome = jobDone
			return jobs.Finish(tx, job)
		case stopping:
			outcome = jobInterrupted
			return jobs.Release(tx, job)
		}
		var later *Later
		var notBefore time.Time
		if errors.As(failure, &later) {
			if notBefore = later.At; later.Err == nil {
				outcome = jobPostponed
				return jobs.Postpone(tx, job, later.At)
			}
		}
		now := r.door.Clock.Now()
		again, err := jobs.Retry(tx, job, failure.Error(), now, notBefore)
		if outcome = jobRetried; again || err != nil {
			return err
		}
		outcome = jobGaveUp
		if r.givenUp == "" || r.givenUp == job.Kind {
			return nil
		}
		_, err = jobs.Enqueue(tx, r.givenUp, job.Kind+" "+job.Key, GivenUp{job.Kind, job.Key, failure.Error()}, now)
		return err
	})
	return outcome, err
}

var jobsDescription = prometheus.NewDesc("scaf_jobs", "Jobs that wait, and jobs that were given up (failed).", []string{"kind", "state"}, nil)

// Describe implements prometheus.Collector.
func (r *Runner) Describe(out chan<- *prometheus.Desc) {
	r.runs.Describe(out)
	out <- jobsDescription
}

// Collect implements prometheus.Collector.
func (r *Runner) Collect(out chan<- prometheus.Metric) {
	r.runs.Collect(out)
	err := r.door.DB.Read(context.Background(), func(reader *store.Reader) error {
		return jobs.Open(reader, func(kind, state string, n int64) {
			out <- prometheus.MustNewConstMetric(jobsDescription, prometheus.GaugeValue, float64(n), kind, state)
		})
	})
	if err != nil {
		out <- prometheus.NewInvalidMetric(jobsDescription, err)
	}
}
