package act

import (
	"context"
	"time"
)

// tally counts the denials of callers that nobody knows. They are recorded
// once a minute and not one by one, so that nobody can fill an immutable log
// from outside.
type tally struct {
	since  time.Time
	counts map[string]int64
}

// anonymousWindow is the time for which anonymous denials are added up.
const anonymousWindow = time.Minute

func (d *Door) countAnonymous(ctx context.Context, action string) {
	now := d.Clock.Now()
	d.mu.Lock()
	if d.anonymous.counts == nil {
		d.anonymous = tally{since: now, counts: map[string]int64{}}
	}
	d.anonymous.counts[action]++
	full := now.Sub(d.anonymous.since) >= anonymousWindow
	d.mu.Unlock()
	if full {
		d.flushAnonymous(ctx)
	}
}

// flushAnonymous records the denials counted so far as one event.
func (d *Door) flushAnonymous(ctx context.Context) {
	d.mu.Lock()
	counted := d.anonymous
	d.anonymous = tally{}
	d.mu.Unlock()
	if len(counted.counts) == 0 {
		return
	}
	_, _ = d.lane.submit(ctx, &member{caller: Caller{ID: "scaf/door"}, body: func(tx *Tx) error {
		_, err := tx.Event(Event{
			Type: "scaf.access.denied_anonymous.v1", Subject: "access/anonymous", Outcome: Denied,
			Data: map[string]any{"since": counted.since, "counts": counted.counts},
		})
		return err
	}}) // a failure is counted by the lane; the caller was refused all the same
}
