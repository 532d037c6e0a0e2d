// Package calendar says when duties are due: recurrence in a time zone,
// anchored to the calendar. It reads no clock and keeps nothing: occurrences
// and their states are functions of the schedule, of what was done, and of an
// instant that the caller gives.
package calendar

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Frequency is how often a duty recurs.
type Frequency string

// The frequencies.
const (
	Once      Frequency = "once"
	Daily     Frequency = "daily"
	Weekly    Frequency = "weekly"
	Monthly   Frequency = "monthly"
	Quarterly Frequency = "quarterly"
	Annual    Frequency = "annual"
)

// Frequencies lists all of them.
func Frequencies() []Frequency {
	return []Frequency{Once, Daily, Weekly, Monthly, Quarterly, Annual}
}

// Schedule says on which days a duty falls due, until what time of these days,
// and how long it may still be done after that.
type Schedule struct {
	Frequency Frequency `json:"frequency"`
	// Weekday is that of a weekly duty: monday ... sunday.
	Weekday string `json:"weekday,omitempty"`
	// Day is the day of the month of a monthly, quarterly or annual duty. In a
	// month without this day it is the month's last: 31 is always the last day.
	Day int `json:"day,omitempty"`
	// Month is 1 to 12 for an annual duty, and 1 to 3 for a quarterly one: the
	// month of the quarter.
	Month int `json:"month,omitempty"`
	// Date is the day of a duty that comes once: 2026-01-31.
	Date string `json:"date,omitempty"`
	// At is the time of day, HH:MM. Empty: the end of the day.
	At string `json:"at,omitempty"`
	// Grace is how long after the due time it counts as done in time: hours
	// (36h), which are exact, or days of the calendar (5d), after which the
	// clocks show the same. Empty: none.
	Grace string `json:"grace,omitempty"`
	// Timezone is an IANA name.
	Timezone string `json:"timezone"`
}

// Problem is what is wrong with one field of a schedule.
type Problem struct{ Field, Text string }

// Check returns everything that is wrong with the schedule.
func (s *Schedule) Check() []Problem {
	var wrong []Problem
	add := func(field, format string, args ...any) {
		wrong = append(wrong, Problem{field, fmt.Sprintf(format, args...)})
	}
	if !slices.Contains(Frequencies(), s.Frequency) {
		add("frequency", "%q is not known: once, daily, weekly, monthly, quarterly or annual", s.Frequency)
		return wrong
	}
	needs := map[string]bool{
		"weekday": s.Frequency == Weekly,
		"day":     s.Frequency == Monthly || s.Frequency == Quarterly || s.Frequency == Annual,
		"month":   s.Frequency == Quarterly || s.Frequency == Annual,
		"date":    s.Frequency == Once,
	}
	given := map[string]bool{"weekday": s.Weekday != "", "day": s.Day != 0, "month": s.Month != 0, "date": s.Date != ""}
	for _, field := range []string{"weekday", "day", "month", "date"} {
		if given[field] && !needs[field] {
			add(field, "does not belong to a duty that is %s", s.Frequency)
		}
		if needs[field] && !given[field] {
			add(field, "is missing: a duty that is %s needs it", s.Frequency)
		}
	}
	if s.Weekday != "" && slices.Index(weekdays, s.Weekday) < 0 {
		add("weekday", "%q is none of %s", s.Weekday, strings.Join(weekdays, ", "))
	}
	if s.Day < 0 || s.Day > 31 {
		add("day", "%d is no day of a month: 1 to 31, where 31 is the last day of every month", s.Day)
	}
	if most := map[bool]int{true: 3, false: 12}[s.Frequency == Quarterly]; s.Month < 0 || s.Month > most {
		add("month", "%d is not between 1 and %d", s.Month, most)
	}
	if s.Frequency == Annual && s.Month == 2 && s.Day > 29 || s.Frequency == Annual && s.Day == 31 && slices.Contains([]int{4, 6, 9, 11}, s.Month) {
		add("day", "month %d never has a day %d", s.Month, s.Day)
	}
	if _, err := time.Parse(time.DateOnly, s.Date); s.Date != "" && err != nil {
		add("date", "%q is no date such as 2026-01-31", s.Date)
	}
	if _, err := time.Parse("15:04", s.At); s.At != "" && (err != nil || len(s.At) != len("15:04")) {
		add("at", "%q is no time of day such as 09:30; leave it away for the end of the day", s.At)
	}
	if g, err := parseGrace(s.Grace); err != nil {
		add("grace", "%v", err)
	} else if most := graces[s.Frequency]; g.days > most || g.hours > time.Duration(most)*24*time.Hour {
		add("grace", "%s is longer than the time between two occurrences: at most %dd for a duty that is %s", s.Grace, most, s.Frequency)
	}
	if _, err := time.LoadLocation(s.Timezone); err != nil || s.Timezone == "" || s.Timezone == "Local" {
		add("timezone", "%q is not known: use an IANA name such as Europe/Berlin, or UTC", s.Timezone)
	}
	return wrong
}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// graces are the most days of grace: the shortest distance of two occurrences
// (a quarterly duty on the 31st: from January 31 to April 30).
var graces = map[Frequency]int{Once: 366, Daily: 1, Weekly: 7, Monthly: 28, Quarterly: 89, Annual: 365}

// grace is either of the two.
type grace struct {
	hours time.Duration
	days  int
}

func parseGrace(text string) (grace, error) {
	if text == "" {
		return grace{}, nil
	}
	number, err := strconv.Atoi(text[:len(text)-1])
	if err == nil && number >= 0 && number <= 10_000 && text[0] != '+' && text[0] != '-' {
		switch text[len(text)-1] {
		case 'h':
			return grace{hours: time.Duration(number) * time.Hour}, nil
		case 'd':
			return grace{days: number}, nil
		}
	}
	return grace{}, fmt.Errorf("%q is neither hours such as 36h nor days such as 5d", text)
}

// String is the schedule as a person says it.
func (s *Schedule) String() string {
	var text string
	switch s.Frequency {
	case Once:
		text = "once, on " + s.Date
	case Weekly:
		text = "weekly, on " + s.Weekday
	case Monthly:
		text = "monthly, on " + ordinal(s.Day)
	case Quarterly:
		text = fmt.Sprintf("quarterly, on %s of the quarter's month %d", ordinal(s.Day), s.Month)
	case Annual:
		text = "annually, on " + ordinal(s.Day) + " of " + time.Month(s.Month).String()
	default:
		text = string(s.Frequency)
	}
	if s.At != "" {
		text += ", by " + s.At
	}
	if s.Grace != "" {
		text += ", grace " + s.Grace
	}
	return text
}

func ordinal(number int) string {
	if number == 31 {
		return "the last day"
	}
	return "day " + strconv.Itoa(number)
}
