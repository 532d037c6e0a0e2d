package act

import (
	"context"
	"sync"
	"time"

	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
)

// reachedKey is where a context has who is told how far the work is.
type reachedKey struct{}

// Reached tells, from the work of a job, how far it is: done of total, of what the words
// say ("feeds read"). Any goroutine may call it, but not the body of an action. Where the
// context is no job's, nobody is told.
func Reached(ctx context.Context, of string, done, total int) {
	if tell, ok := ctx.Value(reachedKey{}).(func(jobs.Reached)); ok {
		tell(jobs.Reached{Of: of, Done: int64(done), Total: int64(total)})
	}
}

// pace is how often it is written at most how far a job is, but for the beginning and the
// end of each part.
const pace = time.Second

// following returns a context by which the runner writes how far a job is. That it
// cannot be written is logged, and no failure of the job.
func (r *Runner) following(ctx context.Context, job *jobs.Job) context.Context {
	var mu sync.Mutex
	var last jobs.Reached
	var written time.Time
	return context.WithValue(ctx, reachedKey{}, func(at jobs.Reached) {
		mu.Lock()
		defer mu.Unlock()
		now := r.door.Clock.Now()
		if at.Of == last.Of && (at.Done <= last.Done || at.Done < at.Total && now.Sub(written) < pace) {
			return
		}
		last, written = at, now
		if err := r.silently(ctx, func(tx *store.Tx) error { return jobs.Reach(tx, job, at) }); err != nil {
			r.log.Warn("how far the job is could not be written", "kind", job.Kind, "key", job.Key, "error", err)
		}
	})
}
