package tasks

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/record"
)

// Occurrence is an occurrence of a duty as populations and lists show it.
type Occurrence struct {
	ID          string             `json:"id"` // duty@date
	Duty        string             `json:"duty"`
	Title       string             `json:"title"`
	Frequency   calendar.Frequency `json:"frequency"`
	Owner       string             `json:"owner"`       // when it was due
	Responsible string             `json:"responsible"` // the owner, or the one whom it was delegated to
	OpensAt     time.Time          `json:"opens_at"`
	DueAt       time.Time          `json:"due_at"`
	Deadline    time.Time          `json:"deadline"` // the end of the grace
	State       calendar.State     `json:"state"`
	DoneAt      *time.Time         `json:"done_at,omitempty"`
	DoneBy      string             `json:"done_by,omitempty"`
	// OK: it was done, and what did it did not report a failure.
	OK       bool     `json:"ok"`
	Note     string   `json:"note,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
	// Reason is why it is not occurring, and who said so.
	Reason   string `json:"reason,omitempty"`
	ReasonBy string `json:"reason_by,omitempty"`
	// Event is the ledger index of the event by which SCAF did it itself.
	Event       *int64     `json:"event,omitempty"`
	EscalatedTo string     `json:"escalated_to,omitempty"`
	EscalatedAt *time.Time `json:"escalated_at,omitempty"`

	doc []byte // its document; nil where that was not made
}

// Document implements record.Documented.
func (o *Occurrence) Document() []byte { return o.doc }

// between gives the duty's occurrences that fall due in the half-open
// interval, over all its schedules, the earliest first.
func (t *Task) between(from, to time.Time) (iter.Seq[calendar.Occurrence], error) {
	spans, err := t.spans()
	if err != nil {
		return nil, err
	}
	return func(yield func(calendar.Occurrence) bool) {
		for i := range spans {
			s := &spans[i]
			if s.first == nil {
				continue
			}
			end := to
			if s.last != nil && s.last.Due.Before(to) {
				end = s.last.Due.Add(time.Microsecond)
			}
			for o := range s.rule.Between(later(from, s.first.Due), end) {
				if o.Date == s.first.Date {
					o.Opens = s.after
				}
				if s.last != nil && o.Date == s.last.Date {
					o.Lost = time.Time{}
					if i+1 < len(spans) && spans[i+1].first != nil {
						o.Lost = later(spans[i+1].first.Due, o.Deadline)
					}
				}
				if !yield(o) {
					return
				}
			}
		}
	}, nil
}

// span is the part of time that one schedule governs.
type span struct {
	rule *calendar.Rule
	// after and afterDate are the last occurrence before it, or the beginning.
	after     time.Time
	afterDate string
	// first and last are its own. Without a first it has none; without a last it
	// has no end.
	first, last *calendar.Occurrence
}

// spans says which schedule governs when. A change takes effect after the
// first occurrence that the schedule before it still has; a schedule that was
// changed before it took effect never does.
func (t *Task) spans() ([]span, error) {
	var spans []span
	for i, plan := range t.Schedules {
		rule, err := calendar.New(plan.Schedule)
		if err != nil {
			return nil, fmt.Errorf("task %s, schedule %d: %w", t.ID, i+1, err)
		}
		s := span{rule: rule, after: plan.Since}
		if n := len(spans); n > 0 {
			before := &spans[n-1]
			if n > 1 && !plan.Since.After(before.after) { // it never took effect
				s.after, s.afterDate = before.after, before.afterDate
				spans = spans[:n-1]
			} else {
				s.follow(before, plan.Since)
			}
		}
		s.first = s.from(s.after)
		spans = append(spans, s)
	}
	return spans, nil
}

// follow ends the span before at its first occurrence from the change on, and
// begins after it. One that has none any more, because it was to come once,
// ends with the change.
func (s *span) follow(before *span, change time.Time) {
	s.afterDate = before.afterDate
	if before.first == nil {
		return
	}
	before.last = before.from(later(change, before.first.Due.Add(-time.Microsecond)))
	if before.last == nil {
		before.last = before.first
		s.after = later(change, before.last.Due)
	} else {
		s.after = before.last.Due
	}
	s.afterDate = before.last.Date
}

// from is the span's first occurrence that falls due after the instant and on
// a later day than what was before the span.
func (s *span) from(after time.Time) *calendar.Occurrence {
	for at := after.Add(time.Microsecond); ; {
		o, ok := s.rule.First(at)
		if !ok {
			return nil
		}
		if o.Date > s.afterDate {
			return &o
		}
		at = o.Due.Add(time.Microsecond)
	}
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// clock says at what instant an occurrence is judged.
type clock func(p *Performance, done *record.Fact) time.Time

// each gives the occurrences of all duties that fall due in the half-open
// interval, judged at the clock's instant, duty by duty. Nobody changes them.
func each(past record.Past, from, to time.Time, judged clock, give func(*Task, *Occurrence) error) error {
	all, err := load(past)
	if err != nil {
		return err
	}
	return eachOf(all, past, from, to, judged, give)
}

// nothing was recorded about an occurrence.
var nothing = &Performance{}

func eachOf(all []*duty, past record.Past, from, to time.Time, judged clock, give func(*Task, *Occurrence) error) error {
	performances := map[string]*Performance{}
	if err := past.Documents(kindPerformance, from, to, func(doc json.RawMessage) error {
		p, err := performanceOf(past, doc)
		if err == nil {
			performances[p.ID] = p
		}
		return err
	}); err != nil {
		return err
	}
	for _, d := range all {
		occurrences, err := d.between(from, to)
		if err != nil {
			return err
		}
		facts, err := d.facts(past, occurrences)
		if err != nil {
			return err
		}
		for _, o := range occurrences {
			p := performances[d.ID+"@"+o.Date]
			if p == nil {
				p = nothing
			}
			fact := firstIn(facts, o)
			shown, err := d.show(o, p, fact, judged(p, fact))
			if err != nil {
				return err
			}
			if err := give(d.Task, shown); err != nil {
				return err
			}
		}
	}
	return nil
}

// facts reads the events by which SCAF did these occurrences itself.
func (t *Task) facts(past record.Past, occurrences []calendar.Occurrence) ([]record.Fact, error) {
	if t.PerformedBy == "" || len(occurrences) == 0 {
		return nil, nil
	}
	var facts []record.Fact
	until := occurrences[len(occurrences)-1].Deadline.Add(time.Microsecond)
	err := past.Happened(t.PerformedBy, occurrences[0].Opens, until, func(f record.Fact) error {
		facts = append(facts, f)
		return nil
	})
	slices.SortStableFunc(facts, func(a, b record.Fact) int { return a.At.Compare(b.At) })
	return facts, err
}

// firstIn is the first of the facts after the occurrence opened and before its
// grace ended. What comes later belongs to the next one.
func firstIn(facts []record.Fact, o calendar.Occurrence) *record.Fact {
	i, _ := slices.BinarySearchFunc(facts, o.Opens, func(f record.Fact, at time.Time) int {
		if f.At.After(at) {
			return 1
		}
		return -1
	})
	if i < len(facts) && !facts[i].At.After(o.Deadline) {
		return &facts[i]
	}
	return nil
}

// show puts together what is known of an occurrence at an instant.
func (t *Task) show(o calendar.Occurrence, p *Performance, fact *record.Fact, now time.Time) *Occurrence {
	s := &Occurrence{
		ID: t.ID + "@" + o.Date, Duty: t.ID, Title: t.Title, Frequency: t.Schedule().Frequency, Owner: t.Owner(o.Due),
		OpensAt: o.Opens.UTC(), DueAt: o.Due.UTC(), Deadline: o.Deadline.UTC(),
	}
	var known calendar.Facts
	switch {
	case p.Done != nil:
		known.Done = p.Done.At
		s.DoneAt, s.DoneBy, s.OK, s.Note, s.Evidence = &p.Done.At, p.Done.By, true, p.Done.Note, p.Done.Evidence
		for _, added := range p.Added {
			s.Evidence = append(slices.Clip(s.Evidence), added.Evidence...)
		}
	case fact != nil:
		at := fact.At.UTC()
		known.Done = at
		s.DoneAt, s.DoneBy, s.OK, s.Event = &at, fact.Actor, fact.Outcome == "success", &fact.Index
	}
	if p.NotOccurring != nil {
		known.NotOccurring = p.NotOccurring.At
		s.Reason, s.ReasonBy = p.NotOccurring.Note, p.NotOccurring.By
	}
	if n := len(p.Escalations); n > 0 {
		s.EscalatedTo, s.EscalatedAt = p.Escalations[n-1].To, &p.Escalations[n-1].At
	}
	s.State = o.State(known, now)
	switch {
	case !known.Done.IsZero():
		s.Responsible = t.Responsible(known.Done)
	default:
		s.Responsible = t.Responsible(later(o.Due, now))
	}
	return s
}

// since is when the calendar began: of the time before it nothing is known.
func since(past record.Past) (*time.Time, error) {
	all, err := load(past)
	var first *time.Time
	for _, t := range all {
		if at := &t.Schedules[0].Since; first == nil || at.Before(*first) {
			first = at
		}
	}
	return first, err
}

// Occurrence implements record.Occurring.
func (o *Occurrence) Occurrence() record.Occurrence {
	return record.Occurrence{
		ID: o.ID, Title: o.Title, Responsible: o.Responsible, OpensAt: o.OpensAt, DueAt: o.DueAt, Deadline: o.Deadline,
		State: string(o.State), DoneAt: o.DoneAt,
	}
}

// items gives occurrences as the items of a population. Each is judged at the
// end of the interval, or at the later instant at which something was recorded
// about it: so the same checkpoint gives the same bytes whenever it is read.
func items(past record.Past, from, to time.Time, give func(item any) error) error {
	judged := func(p *Performance, fact *record.Fact) time.Time {
		at := to
		for _, d := range []*Doing{p.Done, p.NotOccurring} {
			if d != nil {
				at = later(at, d.At)
			}
		}
		if fact != nil {
			at = later(at, fact.At)
		}
		return at
	}
	return each(past, from, to, judged, func(_ *Task, o *Occurrence) error { return give(o) })
}
