package tasks

import (
	"context"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/calendar"
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
// these is an event. Doing it again does nothing.
func (d *Desk) Watch(ctx context.Context, caller act.Caller) (*Watched, error) {
	var found *Watched
	_, err := d.Door.Do(ctx, caller, "task.watch", "tasks", func(tx *act.Tx) error {
		found = &Watched{}
		past, now := d.Past(&tx.Reader), tx.Now()
		var overdue []escalation
		err := each(past, now.Add(-watched), now, at(now), func(t *Task, o *Occurrence) error {
			if t.overdue(o, now) && len(overdue) < perWatch {
				overdue = append(overdue, escalation{t, o})
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range overdue {
			if err := e.record(tx); err != nil {
				return err
			}
			found.Escalated = append(found.Escalated, e.o.ID)
		}
		found.Orphaned, err = d.orphans(tx, past)
		return err
	})
	return found, err
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

// orphans marks the duties whose owner has left, or is not known any more.
func (d *Desk) orphans(tx *act.Tx, past record.Past) ([]string, error) {
	all, err := load(past)
	if err != nil {
		return nil, err
	}
	var orphaned []string
	for _, t := range all {
		owner := t.Owner(tx.Now())
		standing, err := d.People.Standing(&tx.Reader, owner)
		if err != nil {
			return nil, err
		}
		left := standing == Gone || standing == Unknown
		if left == (t.Orphaned != nil) {
			continue
		}
		verb := "recovered" // somebody came back
		if t.Orphaned = nil; left {
			verb, t.Orphaned = "orphaned", &Orphaned{Owner: owner, At: tx.Now()}
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
