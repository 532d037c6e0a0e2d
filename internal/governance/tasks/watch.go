package tasks

import (
	"context"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// watched is how far back the watch looks for occurrences that were not done.
// Nothing older can be new to it: it runs every day.
const watched = 400 * 24 * time.Hour

// perWatch bounds the records that one Watch writes; the rest is for the next.
const perWatch = 400

// Watched is what a Watch found.
type Watched struct {
	Escalated []string // occurrences
	Orphaned  []string // duties whose owner has left
}

// Watch brings occurrences that were not done in time to whom they are
// escalated, once each, and marks the duties whose owner has left. Each of
// these is an event. Where there is nothing to do, nothing is written.
func (d *Desk) Watch(ctx context.Context, caller act.Caller) (*Watched, error) {
	if err := d.Door.Check(ctx, caller, "task.watch", "tasks"); err != nil {
		return nil, err
	}
	quiet := false
	if err := d.Door.DB.Read(ctx, func(r *store.Reader) error {
		overdue, drifted, err := d.look(r, d.Door.Clock.Now())
		quiet = len(overdue) == 0 && len(drifted) == 0
		return err
	}); err != nil || quiet {
		return &Watched{}, err
	}
	var found *Watched
	_, err := d.Door.Do(ctx, caller, "task.watch", "tasks", func(tx *act.Tx) error {
		found = &Watched{}
		overdue, drifted, err := d.look(&tx.Reader, tx.Now())
		if err != nil {
			return err
		}
		for _, e := range overdue {
			if err := e.record(tx); err != nil {
				return err
			}
			found.Escalated = append(found.Escalated, e.o.ID)
		}
		found.Orphaned, err = mark(tx, drifted)
		return err
	})
	return found, err
}

// look finds the occurrences that are to be escalated now, at most perWatch, and
// the duties that are marked otherwise than their owner stands.
func (d *Desk) look(r *store.Reader, now time.Time) (overdue []escalation, drifted []*Task, err error) {
	past := d.Past(r)
	all, err := load(past)
	if err != nil {
		return nil, nil, err
	}
	if err := eachOf(all, past, now.Add(-watched), now, at(now), func(t *Task, o *Occurrence) error {
		if t.overdue(o, now) && len(overdue) < perWatch {
			overdue = append(overdue, escalation{t, o})
		}
		return nil
	}); err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		t := one.Task
		standing, err := d.People.Standing(r, t.Owner(now))
		if err != nil {
			return nil, nil, err
		}
		if left := standing == Gone || standing == Unknown; left != (t.Orphaned != nil) {
			drifted = append(drifted, t)
		}
	}
	return overdue, drifted, nil
}

type escalation struct {
	t *Task
	o *Occurrence
}

// overdue reports whether the occurrence is to be escalated now.
func (t *Task) overdue(o *Occurrence, now time.Time) bool {
	after, err := time.ParseDuration(t.Escalate.After)
	return err == nil && t.Escalate.To != "" && o.EscalatedAt == nil && o.DoneAt == nil &&
		o.State != calendar.NotOccurring && now.After(o.DueAt.Add(after))
}

func (e escalation) record(tx *act.Tx) error {
	p, version, err := performance(&tx.Reader, e.o.ID)
	if err != nil {
		return err
	}
	p.Duty, p.DueAt = e.t.ID, e.o.DueAt
	p.Escalations = append(p.Escalations, Escalated{To: e.t.Escalate.To, At: tx.Now(), Owner: e.o.Owner})
	_, err = record.Put(tx, Performances, record.Change{Verb: "escalated", ID: p.ID, Doc: p, Expect: version})
	return err
}

// mark marks the duties whose owner has left, or is not known any more, and
// unmarks those whose owner came back. It gives the ids of the former.
func mark(tx *act.Tx, drifted []*Task) ([]string, error) {
	var orphaned []string
	for _, t := range drifted {
		verb := "recovered"
		if t.Orphaned != nil {
			t.Orphaned = nil
		} else {
			verb, t.Orphaned = "orphaned", &Orphaned{Owner: t.Owner(tx.Now()), At: tx.Now()}
			orphaned = append(orphaned, t.ID)
		}
		_, version, err := get(&tx.Reader, t.ID)
		if err != nil {
			return nil, err
		}
		if _, err := record.Put(tx, Register, record.Change{Verb: verb, ID: t.ID, Doc: t, Expect: version}); err != nil {
			return nil, err
		}
	}
	return orphaned, nil
}
