// Package jobs keeps work to be done later as rows of the database: enqueued
// in the transaction that caused it, claimed under a lease, tried again after
// a growing pause, and given up after MaxAttempts with the reason kept.
//
// A job is the same job by kind and key: enqueued twice it is there once, and
// once done it is never done again. Rows of jobs that are done stay for that.
// Delivery is at least once: a process that dies between the work and Finish
// leaves a job that is claimed again: when its lease has ended, or sooner, when the runner
// begins that does its kind. Whoever writes
// its result in a transaction calls Finish in the same one, and then it is
// exactly once.
package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Limits of a job.
const (
	// Lease is how long a job may take. Then it is somebody else's.
	Lease = 10 * time.Minute
	// MaxAttempts is how often a job is begun; with Backoff this is about 18
	// hours.
	MaxAttempts = 24
	// maxFailure bounds the reason that is kept, in bytes.
	maxFailure = 2000
)

// Errors of jobs.
var (
	// ErrNone: no job is due.
	ErrNone = errors.New("no job is due")
	// ErrLost: the lease has ended and the job is somebody else's, or it is
	// done or given up.
	ErrLost = errors.New("the job is no longer ours")
)

// Job is a claimed job.
type Job struct {
	Kind    string
	Key     string // what makes it the same job among those of its kind
	Payload json.RawMessage
	Attempt int // from 1; also what tells this claim from an earlier one
	// Result is what came of it, for whoever asked for it: Finish keeps it.
	Result json.RawMessage
}

// Enqueue adds a job that is to run at the given instant, and reports whether
// it is new: a job of this kind and key that is there already, done or not,
// is left as it is.
func Enqueue(tx *store.Tx, kind, key string, payload any, at time.Time) (bool, error) {
	data, err := json.Marshal(payload)
	if err != nil {
		return false, fmt.Errorf("the payload of job %s %s: %w", kind, key, err)
	}
	n, err := tx.Exec(`INSERT INTO job (kind, key, payload, state, run_at, attempt, lease, failure)
		VALUES ($1, $2, $3, 'waiting', $4, 0, NULL, '') ON CONFLICT (kind, key) DO NOTHING`, kind, key, string(data), at.UnixMicro())
	return n == 1, err
}

// Known reports whether a job is there, in whatever state.
func Known(r *store.Reader, kind, key string) (bool, error) {
	var one int
	err := r.One(`SELECT 1 FROM job WHERE kind = $1 AND key = $2`, []any{kind, key}, []any{&one})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// due is the condition of a job that can be claimed at $1.
const due = `state = 'waiting' AND run_at <= $1 AND (lease IS NULL OR lease <= $1)`

// Due reports whether Claim would find something.
func Due(r *store.Reader, kinds []string, now time.Time) (bool, error) {
	if len(kinds) == 0 {
		return false, nil
	}
	var one int
	err := r.One(`SELECT 1 FROM job WHERE `+due+` AND kind IN (`+store.Parameters(2, len(kinds))+`) LIMIT 1`, arguments(now, kinds), []any{&one})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Claim takes the job of these kinds that has been due for longest, for the
// length of Lease. Jobs that were begun MaxAttempts times and never came to an
// end are given up on the way. ErrNone when nothing is due.
func Claim(tx *store.Tx, kinds []string, now time.Time) (*Job, error) {
	if len(kinds) == 0 {
		return nil, ErrNone
	}
	if _, err := tx.Exec(`UPDATE job SET state = 'failed', lease = NULL, failure = 'begun ' || attempt || ' times, and the last time it did not come to an end'
		WHERE state = 'waiting' AND lease <= $1 AND attempt >= $2`, now.UnixMicro(), MaxAttempts); err != nil {
		return nil, err
	}
	job := &Job{}
	var payload string
	err := tx.One(`SELECT kind, key, payload, attempt FROM job WHERE `+due+` AND kind IN (`+store.Parameters(2, len(kinds))+`)
		ORDER BY run_at, kind, key LIMIT 1`+tx.ForUpdate(), arguments(now, kinds), []any{&job.Kind, &job.Key, &payload, &job.Attempt})
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	job.Attempt++
	job.Payload = json.RawMessage(payload)
	n, err := tx.Exec(`UPDATE job SET lease = $1, attempt = $2, `+nowhere+` WHERE kind = $3 AND key = $4 AND state = 'waiting' AND attempt = $5`,
		now.Add(Lease).UnixMicro(), job.Attempt, job.Kind, job.Key, job.Attempt-1)
	if err == nil && n != 1 {
		err = ErrLost
	}
	return job, err
}

// Claimed are the jobs of these kinds that somebody does.
func Claimed(r *store.Reader, kinds []string) (all []*Job, err error) {
	if len(kinds) == 0 {
		return nil, nil
	}
	args := make([]any, len(kinds))
	for i, kind := range kinds {
		args[i] = kind
	}
	var job Job
	return all, r.Each(`SELECT kind, key, attempt FROM job WHERE state = 'waiting' AND lease IS NOT NULL AND kind IN (`+store.Parameters(1, len(kinds))+`) ORDER BY kind, key`,
		args, []any{&job.Kind, &job.Key, &job.Attempt}, func() error {
			one := job
			all = append(all, &one)
			return nil
		})
}

func arguments(now time.Time, kinds []string) []any {
	args := []any{now.UnixMicro()}
	for _, kind := range kinds {
		args = append(args, kind)
	}
	return args
}

// Finish marks the job as done. ErrLost when it is no longer this claim's, so
// that a transaction which also writes the job's result leaves nothing.
func Finish(tx *store.Tx, job *Job) error {
	return settle(tx, job, `state = 'done', lease = NULL, failure = '', result = $4`, string(job.Result))
}

// Finished reports whether the job is done.
func Finished(r *store.Reader, job *Job) (bool, error) {
	var state string
	err := r.One(`SELECT state FROM job WHERE kind = $1 AND key = $2`, []any{job.Kind, job.Key}, []any{&state})
	return state == "done", err
}

// Retry keeps the reason of a failure and lets the job run again after
// Backoff, but not before the given instant (zero: whenever that is), or gives it
// up after the last attempt. It reports whether it runs again.
func Retry(tx *store.Tx, job *Job, reason string, now, notBefore time.Time) (bool, error) {
	reason = reason[:min(len(reason), maxFailure)]
	if job.Attempt >= MaxAttempts {
		return false, settle(tx, job, `state = 'failed', lease = NULL, failure = $4`, reason)
	}
	at := now.Add(Backoff(job.Attempt))
	if notBefore.After(at) {
		at = notBefore
	}
	return true, settle(tx, job, `lease = NULL, failure = $4, run_at = $5`, reason, at.UnixMicro())
}

// Postpone gives a claimed job back as if it had not been begun, to run at the
// given instant.
func Postpone(tx *store.Tx, job *Job, at time.Time) error {
	return settle(tx, job, `lease = NULL, attempt = attempt - 1, run_at = $4`, at.UnixMicro())
}

// Release gives a claimed job back as if it had not been begun.
func Release(tx *store.Tx, job *Job) error {
	return settle(tx, job, `lease = NULL, attempt = attempt - 1`)
}

// Reached is how far a job is: Done of Total, of what Of says in words.
type Reached struct {
	Of          string
	Done, Total int64 // Total 0: nobody knows
}

// nowhere is how far a job is that nobody does.
const nowhere = `reached = '', done = 0, total = 0`

// Reach keeps how far a claimed job is.
func Reach(tx *store.Tx, job *Job, at Reached) error {
	return claimed(tx, job, `reached = $4, done = $5, total = $6`, at.Of, at.Done, at.Total)
}

// settle ends a claim.
func settle(tx *store.Tx, job *Job, set string, args ...any) error {
	return claimed(tx, job, nowhere+`, `+set, args...)
}

// claimed changes a job while it is this claim's.
func claimed(tx *store.Tx, job *Job, set string, args ...any) error {
	n, err := tx.Exec(`UPDATE job SET `+set+` WHERE kind = $1 AND key = $2 AND attempt = $3 AND state = 'waiting'`,
		append([]any{job.Kind, job.Key, job.Attempt}, args...)...)
	if err == nil && n != 1 {
		err = fmt.Errorf("%w: %s %s", ErrLost, job.Kind, job.Key)
	}
	return err
}

// Supersede gives up what still waits of an earlier occurrence of a recurring
// job and that nobody is doing now; the reason of its last failure is kept.
func Supersede(tx *store.Tx, kind, key string, now time.Time) error {
	_, err := tx.Exec(`UPDATE job SET state = 'failed', lease = NULL, failure = 'a later occurrence took its place' || CASE failure WHEN '' THEN '' ELSE ': ' || failure END
		WHERE kind = $1 AND key <> $2 AND state = 'waiting' AND (lease IS NULL OR lease <= $3)`, kind, key, now.UnixMicro())
	return err
}

// Failed visits the jobs that were given up, but for those whose place a later
// occurrence took.
func Failed(r *store.Reader, visit func(kind, key, failure string)) error {
	var kind, key, failure string
	return r.Each(`SELECT kind, key, failure FROM job WHERE state = 'failed' AND failure NOT LIKE 'a later occurrence took its place%' ORDER BY kind, key`, nil,
		[]any{&kind, &key, &failure}, func() error { visit(kind, key, failure); return nil })
}

// Backoff is the pause after the attempt with this number: a minute, doubled
// each time up to an hour.
func Backoff(attempt int) time.Duration {
	return min(time.Minute<<min(max(attempt-1, 0), 6), time.Hour)
}

// Open counts the jobs that wait and those that were given up.
func Open(r *store.Reader, visit func(kind, state string, n int64)) error {
	var kind, state string
	var n int64
	return r.Each(`SELECT kind, state, count(*) FROM job WHERE state <> 'done' GROUP BY kind, state ORDER BY kind, state`, nil,
		[]any{&kind, &state, &n}, func() error { visit(kind, state, n); return nil })
}
