package calendar

import (
	"fmt"
	"iter"
	"slices"
	"time"
)

// Rule is a schedule that was checked, with its time zone loaded. Occurrences
// are numbered by the calendar (days, weeks, months, quarters or years), so
// each is computed from its number alone: none depends on another one.
type Rule struct {
	schedule Schedule
	zone     *time.Location
	ofDay    time.Duration // endOfDay: the end
	grace    grace
}

const endOfDay = -1

// New checks a schedule. The error names the first field that is wrong.
func New(s Schedule) (*Rule, error) {
	if wrong := s.Check(); len(wrong) > 0 {
		return nil, fmt.Errorf("%s: %s", wrong[0].Field, wrong[0].Text)
	}
	r := &Rule{schedule: s, ofDay: endOfDay}
	var err error
	if r.zone, err = time.LoadLocation(s.Timezone); err != nil {
		return nil, err
	}
	if s.At != "" {
		at, err := time.Parse("15:04", s.At)
		if err != nil {
			return nil, err
		}
		r.ofDay = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	}
	r.grace, err = parseGrace(s.Grace)
	return r, err
}

// Schedule is what the rule was made of.
func (r *Rule) Schedule() Schedule { return r.schedule }

// number is that of the occurrence in the stretch (day, week, month ...) that
// holds the day.
func (r *Rule) number(d day) int64 {
	year, month, _ := d.date()
	switch r.schedule.Frequency {
	case Daily:
		return int64(d)
	case Weekly:
		return floorDiv(int64(d)+3, 7) // weeks begin on Monday; 1970-01-01 was a Thursday
	case Monthly:
		return int64(year)*12 + int64(month) - 1
	case Quarterly:
		return int64(year)*4 + int64(month-1)/3
	case Annual:
		return int64(year)
	}
	return 0
}

// day is that of an occurrence.
func (r *Rule) day(number int64) day {
	s := &r.schedule
	switch s.Frequency {
	case Daily:
		return day(number)
	case Weekly:
		return day(number*7 - 3 + int64(slices.Index(weekdays, s.Weekday)))
	case Monthly:
		return clamped(int(floorDiv(number, 12)), time.Month(floorMod(number, 12)+1), s.Day)
	case Quarterly:
		return clamped(int(floorDiv(number, 4)), time.Month(floorMod(number, 4)*3+s.Month), s.Day)
	case Annual:
		return clamped(int(number), time.Month(s.Month), s.Day)
	}
	at, err := time.Parse(time.DateOnly, s.Date)
	if err != nil { // New has read it
		panic(err)
	}
	return dayOf(at.Date())
}

// has reports whether there is an occurrence with this number. The zone may
// have left a day out: a daily duty has no occurrence then, every other one is
// due at the last moment before.
func (r *Rule) has(number int64) bool {
	switch r.schedule.Frequency {
	case Once:
		return number == 0
	case Daily:
		return day(number).exists(r.zone)
	}
	return true
}

// instant is the moment on the day at which the duty's time comes.
func (r *Rule) instant(d day) time.Time {
	if r.ofDay == endOfDay || !d.exists(r.zone) {
		return d.end(r.zone)
	}
	return d.at(r.ofDay, r.zone)
}

// step finds the next number, forward (1) or backward (-1), that has an
// occurrence.
func (r *Rule) step(number, by int64) (int64, bool) {
	if r.schedule.Frequency == Once {
		return 0, false
	}
	for number += by; !r.has(number); number += by {
	}
	return number, true
}

// Occurrence is one scheduled performance of a duty.
type Occurrence struct {
	// Date is its day in the calendar: it tells occurrences of a duty apart.
	Date string
	// Opens is when it can first be done: when the one before it fell due. The
	// zero time when there is none before it.
	Opens time.Time
	// Due is when it has to be done, Deadline the end of the grace after it.
	Due, Deadline time.Time
	// Lost is when it can no longer be made up for, because the next one falls
	// due. The zero time when there is no next one.
	Lost time.Time
}

func (r *Rule) occurrence(number int64) Occurrence {
	d := r.day(number)
	o := Occurrence{Date: d.String(), Due: r.instant(d)}
	switch {
	case r.grace.days > 0:
		o.Deadline = r.instant(d + day(r.grace.days))
	default:
		o.Deadline = o.Due.Add(r.grace.hours)
	}
	if before, ok := r.step(number, -1); ok {
		o.Opens = r.instant(r.day(before))
	}
	if next, ok := r.step(number, 1); ok {
		o.Lost = r.instant(r.day(next))
		if o.Lost.Before(o.Deadline) { // 24 hours of grace on a day that has 23
			o.Lost = o.Deadline
		}
	}
	return o
}

// Between gives the occurrences that fall due in the half-open interval, the
// earliest first. Each duty has one due time at most in a day.
func (r *Rule) Between(from, to time.Time) iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		if !from.Before(to) {
			return
		}
		if r.schedule.Frequency == Once {
			if o := r.occurrence(0); !o.Due.Before(from) && o.Due.Before(to) {
				yield(o)
			}
			return
		}
		// A due time may lie on the day after its own, where the clocks skip.
		for number := r.number(dayIn(from, r.zone)-2) - 1; ; number++ {
			if !r.has(number) {
				continue
			}
			due := r.instant(r.day(number))
			if !due.Before(to) {
				return
			}
			if !due.Before(from) && !yield(r.occurrence(number)) {
				return
			}
		}
	}
}

// First is the first occurrence that falls due at the instant or later. There
// is none when the duty comes once and its time is over.
func (r *Rule) First(from time.Time) (Occurrence, bool) {
	for o := range r.Between(from, from.AddDate(2, 0, 0)) {
		return o, true
	}
	if r.schedule.Frequency == Once {
		if o := r.occurrence(0); !o.Due.Before(from) {
			return o, true
		}
	}
	return Occurrence{}, false
}
