package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Terms are what an agreement that SCAF opens is about, until whoever puts the
// signature on record says which version was signed.
const Terms = "Confidentiality and security"

// Opened is what Plan did.
type Opened struct {
	Agreements int `json:"agreements"` // to be signed
	Reviews    int `json:"reviews"`    // to be held
	Reviewers  int `json:"reviewers"`  // planned reviews that got another reviewer, or lost theirs
}

// Plan opens what those who work here owe and nobody has opened: the agreement about
// the terms, and the next performance review. The populations of PPL-06 and PPL-08 then
// hold those of whom nobody thought. Employees and contractors owe them alike, from when
// they are in the register; who has left owes nothing more (Settle). It can be run again.
//
//   - An agreement is opened for whoever has none, from the moment of joining, until which
//     it is to be signed; who joined before the register of people began has daysToSign from
//     coming into it. One that is signed goes on to bind: nobody is asked again who changes
//     jobs or comes back.
//   - The first review is due a year after joining. Of somebody who has none and
//     joined before the register began, it is due on the next anniversary after coming into
//     it, and not before daysToTalk after that; of somebody else who joined longer ago it was
//     due on the last anniversary: nobody who is entered late is spared a year. Each next one is due a year after the one before. One
//     that people planned counts, unless it was put off for more than a year.
//   - Reviewers are the managers, and follow the person to another one, unless people chose
//     somebody else. Where there is no manager, or who was chosen has left, there is none,
//     and it is for the people lead to find one (record.Due).
//   - Who comes back before a review was due owes it as before; later, by the next
//     anniversary. Where it is not known when somebody joined, it is now.
func Plan(ctx context.Context, door *act.Door, caller act.Caller) (done Opened, err error) {
	var known roster
	if err := door.DB.Read(ctx, func(r *store.Reader) (err error) {
		known, err = readRoster(r, door.Clock.Now())
		return err
	}); err != nil {
		return done, err
	}
	if done.Agreements, err = open(ctx, door, caller, "agreement.open", Agreements, known.here, known.agreements, known.unsigned); err != nil {
		return done, err
	}
	if done.Reviews, err = open(ctx, door, caller, "performance_review.plan", Reviews, known.here, known.reviews, known.unreviewed); err != nil {
		return done, err
	}
	if _, err = record.Revise(ctx, door, caller, "agreement.open", Agreements, fmt.Sprintf("item.state == %q && !has(item.due_at)", Awaited), known.fallen); err != nil {
		return done, err
	}
	done.Reviewers, err = record.Revise(ctx, door, caller, "performance_review.assign", Reviews, fmt.Sprintf("item.state == %q", Planned), known.reassign)
	return done, err
}

// roster are the people at an instant, with what they have.
type roster struct {
	at         time.Time
	began      time.Time          // the register of people
	here       []*Person          // who work here, or will
	known      map[string]*Person // everybody, by reference and by e-mail address in small letters
	agreements map[string][]*Agreement
	reviews    map[string][]*PerformanceReview
}

func readRoster(r *store.Reader, at time.Time) (all roster, err error) {
	all = roster{at: at, known: map[string]*Person{}, agreements: map[string][]*Agreement{}, reviews: map[string][]*PerformanceReview{}}
	if all.began, err = began(r); err != nil {
		return all, err
	}
	return all, errors.Join(
		everyone(r, Register, func(p *Person) {
			all.known[p.Ref()] = p
			if p.Email != "" {
				all.known[strings.ToLower(p.Email)] = p
			}
			if p.Gone(at) == nil {
				all.here = append(all.here, p)
			}
		}),
		everyone(r, Agreements, func(a *Agreement) { all.agreements[a.Person] = append(all.agreements[a.Person], a) }),
		everyone(r, Reviews, func(v *PerformanceReview) { all.reviews[v.Person] = append(all.reviews[v.Person], v) }),
	)
}

// everyone visits the current records of a register, by their instant.
func everyone[T any](r *store.Reader, kind *record.Kind, visit func(*T)) error {
	return record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
		doc := new(T)
		if err := json.Unmarshal(v.Doc, doc); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		visit(doc)
		return nil
	})
}

// manager is the reference of somebody's manager, where that is somebody else who works
// here; empty: there is none.
func (all *roster) manager(p *Person) string {
	m := all.known[p.Manager]
	if m == nil {
		m = all.known[strings.ToLower(strings.TrimPrefix(p.Manager, Register.Name+"/"))]
	}
	if m == nil || m.ID == p.ID || m.Gone(all.at) != nil {
		return ""
	}
	return m.Ref()
}

// until is when somebody leaves of whom it is known; nil: they stay.
func (p *Person) until() *time.Time {
	if p.State == Left {
		return p.LeftAt
	}
	return nil
}

// unsigned is the agreement that somebody owes who has these, by the instant from which
// they hold; nil: none.
func (all *roster) unsigned(p *Person, have []*Agreement) *Agreement {
	from := all.at
	if p.JoinedAt != nil {
		from = *p.JoinedAt
	}
	for _, a := range have {
		if a.LeftAt == nil || a.State == Signed {
			return nil
		}
		if !from.After(*a.LeftAt) { // who has come back
			from = all.at
		}
	}
	if until := p.until(); until != nil && !from.Before(*until) {
		return nil
	}
	return &Agreement{Person: p.Ref(), Employment: p.Employment, Terms: Terms, State: Awaited, AccessFrom: &from, DueAt: p.due(from, all.began)}
}

// fallen says by when an agreement is signed of before that was noted.
func (all *roster) fallen(a *Agreement) (verb string) {
	a.DueAt = all.known[a.Person].due(*a.AccessFrom, all.began)
	return "fell_due"
}

// unreviewed is the review that somebody owes who has these, by when they are due; nil:
// none.
func (all *roster) unreviewed(p *Person, have []*PerformanceReview) *PerformanceReview {
	joined := all.at
	if p.JoinedAt != nil {
		joined = *p.JoinedAt
	}
	due := joined.AddDate(1, 0, 0)
	switch last := anniversary(joined, all.at); {
	case p.ListedAt != nil && joined.Before(all.began): // who was here before is not late at once
		if last = anniversary(joined, *p.ListedAt); last.Before(*p.ListedAt) {
			last = joined.AddDate(last.Year()-joined.Year()+1, 0, 0)
		}
		if due = p.ListedAt.AddDate(0, 0, daysToTalk); last.After(due) {
			due = last
		}
	case last.After(due):
		due = last
	}
	for _, v := range have {
		switch {
		case v.State == Held:
			due = v.DueAt.AddDate(1, 0, 0)
		case v.LeftAt == nil || joined.After(*v.LeftAt): // planned, or of earlier work here
		case v.DueAt.After(all.at):
			due = *v.DueAt
		default:
			due = anniversary(joined, all.at).AddDate(1, 0, 0)
		}
	}
	latest := all.at.AddDate(1, 0, 0)
	if due.After(latest) {
		latest = due
	}
	if slices.ContainsFunc(have, func(v *PerformanceReview) bool { return v.State == Planned && !v.DueAt.After(latest) }) {
		return nil
	}
	if until := p.until(); until != nil && !due.Before(*until) {
		return nil
	}
	manager := all.manager(p)
	return &PerformanceReview{Person: p.Ref(), Reviewer: manager, Manager: manager, State: Planned, DueAt: &due}
}

// daysToTalk are the days, at least, that there are for the first review of somebody who
// joined before the register of people began.
const daysToTalk = 30

// anniversary is the last one of a day by an instant, or the day itself.
func anniversary(day, at time.Time) time.Time {
	for years := at.Year() - day.Year(); years > 0; years-- {
		if a := day.AddDate(years, 0, 0); !a.After(at) {
			return a
		}
	}
	return day
}

// reassign makes a review that of who is the manager now, unless people chose somebody
// else who still works here.
func (all *roster) reassign(v *PerformanceReview) (verb string) {
	p := all.known[v.Person]
	if p == nil {
		return ""
	}
	if chosen := all.known[v.Reviewer]; v.Reviewer != "" && v.Reviewer != v.Manager && (chosen == nil || chosen.Gone(all.at) == nil) {
		return ""
	}
	manager := all.manager(p)
	if v.Reviewer == manager && v.Manager == manager {
		return ""
	}
	v.Reviewer, v.Manager = manager, manager
	return "assigned"
}

// numbering is a document that is given its id.
type numbering[T any] interface {
	*T
	number(id string)
}

func (a *Agreement) number(id string)         { a.ID = id }
func (v *PerformanceReview) number(id string) { v.ID = id }

// open makes the records that people owe: owed says of somebody which, by what they have.
func open[T any, D numbering[T]](ctx context.Context, door *act.Door, caller act.Caller, action string, kind *record.Kind, here []*Person, have map[string][]*T, owed func(*Person, []*T) *T) (int, error) {
	owing := slices.DeleteFunc(slices.Clone(here), func(p *Person) bool { return owed(p, have[p.Ref()]) == nil })
	return record.InBatches(ctx, door, caller, action, kind.Register, kind, owing, func(tx *act.Tx, batch []*Person) (changes []record.Change, err error) {
		next := record.Numbering(&tx.Reader, kind)
		for _, p := range batch {
			var now []*T // it may be that somebody has opened it meanwhile
			if _, err := record.List(&tx.Reader, kind, record.Query{Filter: fmt.Sprintf("item.person == %q", p.Ref()), By: "person"}, func(v *record.Version) error {
				doc := new(T)
				now = append(now, doc)
				return json.Unmarshal(v.Doc, doc)
			}); err != nil {
				return nil, err
			}
			doc := owed(p, now)
			if doc == nil {
				continue
			}
			id, err := next()
			if err != nil {
				return nil, err
			}
			D(doc).number(id)
			changes = append(changes, record.Change{Verb: "opened", ID: id, Doc: doc})
		}
		return changes, nil
	})
}
