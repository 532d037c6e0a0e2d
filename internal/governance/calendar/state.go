package calendar

import "time"

// State is how an occurrence stands at an instant.
type State string

// The states. Late and missed are for ever: from late an occurrence can only
// become missed, and from missed nothing.
const (
	// NotYetDue: its due time has not come.
	NotYetDue State = "not_yet_due"
	// Due: its due time has come, its grace has not ended.
	Due State = "due"
	// Done: it was done before the end of its grace.
	Done State = "done"
	// Late: its grace ended without it. It may have been done since.
	Late State = "late"
	// Missed: it was not done before the next one fell due. That it was done
	// even later is recorded beside it.
	Missed State = "missed"
	// NotOccurring: before the end of its grace somebody recorded why there was
	// nothing to do.
	NotOccurring State = "not_occurring"
)

// States lists all of them.
func States() []State { return []State{NotYetDue, Due, Done, Late, Missed, NotOccurring} }

// Facts are what was recorded about an occurrence; zero times: nothing.
type Facts struct{ Done, NotOccurring time.Time }

// State is the occurrence's at the given instant. What was recorded after it
// does not count.
func (o Occurrence) State(facts Facts, now time.Time) State {
	by := func(at, limit time.Time) bool { return !at.IsZero() && !at.After(now) && !at.After(limit) }
	switch {
	case by(facts.NotOccurring, o.Deadline) && (facts.Done.IsZero() || facts.NotOccurring.Before(facts.Done)):
		return NotOccurring // the first word counts
	case by(facts.Done, o.Deadline):
		return Done
	case o.Lost.IsZero() && now.After(o.Deadline):
		return Late
	case !o.Lost.IsZero() && now.After(o.Lost) && !by(facts.Done, o.Lost):
		return Missed
	case now.After(o.Deadline):
		return Late
	case !now.Before(o.Due):
		return Due
	}
	return NotYetDue
}
