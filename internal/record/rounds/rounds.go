// Package rounds says what is to be done to each record of a register once in
// every quarter, or every year: confirm it, review it, try it. Rounds are parts of
// the calendar, so that doing one late does not move the next.
package rounds

import (
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"time"
)

// Every is how often there is a round.
type Every int

// Intervals, in months.
const (
	Quarter Every = 3
	Year    Every = 12
)

// Round is one of them: its name, "2026-Q1" or "2026", and its last day, until whose
// end it can be done (record.Field.LastDay). Midnight in UTC of that day lies within
// the quarter in every time zone.
type Round struct {
	Name  string    `json:"round"`
	DueAt time.Time `json:"due_at" day:"last"`
}

// At is the round in which an instant lies, in UTC.
func (e Every) At(at time.Time) Round {
	at = at.UTC()
	n := (int(at.Month())-1)/int(e) + 1
	due := time.Date(at.Year(), time.Month(n*int(e)+1), 0, 0, 0, 0, 0, time.UTC)
	if e == Year {
		return Round{fmt.Sprintf("%04d", at.Year()), due}
	}
	return Round{fmt.Sprintf("%04d-Q%d", at.Year(), n), due}
}

// Words is what people call a round, and how it is written.
func (e Every) Words() string {
	if e == Year {
		return "year: write it like 2026"
	}
	return "quarter: write it like 2026-Q1"
}

// Begins is when a round begins in a zone: what is done before is of none of it.
func (e Every) Begins(r Round, zone *time.Location) time.Time {
	last := r.DueAt.UTC()
	return time.Date(last.Year(), last.Month()-time.Month(e)+1, 1, 0, 0, 0, 0, zone)
}

// Next is the round after one.
func (e Every) Next(r Round) Round { return e.At(r.DueAt.AddDate(0, 0, 1)) }

// First is when something that comes to be there at an instant is due.
func (e Every) First(at time.Time) *time.Time {
	due := e.At(at).DueAt
	return &due
}

// Take is the round of what is due, where that has begun by an instant, and when the
// one after it is due. Otherwise nothing is due yet: what is done once more in a round
// counts for none to come.
func (e Every) Take(due *time.Time, now time.Time) (taken Round, next *time.Time, ok bool) {
	if due == nil || due.After(e.At(now).DueAt) {
		return Round{}, due, false
	}
	taken = e.At(*due)
	return taken, e.First(taken.DueAt.AddDate(0, 0, 1)), true
}

// lastOfBefore is the end of the last quarter in which people set due dates.
var lastOfBefore = time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)

// Listed is when something came to be there, for documents of before rounds: when it
// was due by the date that people set, or when it was done, where that was ahead of it,
// nil for never. What was put off beyond the last quarter in which that could be came
// in that quarter.
func Listed(due time.Time, done *time.Time) time.Time {
	switch {
	case done != nil && done.Before(due):
		return *done
	case done == nil && lastOfBefore.Before(due):
		return lastOfBefore
	}
	return due
}

// Due are the rounds of something that is there from an instant to another one,
// nil for still, that fall due in the half-open interval. The first is the round in
// which it came.
func (e Every) Due(since, until *time.Time, from, to time.Time) iter.Seq[Round] {
	return func(yield func(Round) bool) {
		if since == nil {
			return
		}
		r := e.At(*since)
		if from.After(r.DueAt) {
			r = e.At(from)
		}
		for ; r.DueAt.Before(to) && (until == nil || r.DueAt.Before(*until)); r = e.Next(r) {
			if !r.DueAt.Before(from) && !yield(r) {
				return
			}
		}
	}
}

// nameShape has the year, and the quarter where it names one.
var nameShape = regexp.MustCompile(`^(20\d\d)(?:-Q([1-4]))?$`)

// Parse is the round with this name; false for none of the interval.
func (e Every) Parse(name string) (Round, bool) {
	of := nameShape.FindStringSubmatch(name)
	if of == nil || (of[2] == "") != (e == Year) {
		return Round{}, false
	}
	year, _ := strconv.Atoi(of[1]) // digits
	month := 1
	if of[2] != "" {
		quarter, _ := strconv.Atoi(of[2])
		month = 3*quarter - 2
	}
	return e.At(time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)), true
}
