package controls

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Grace is how long after it was due something is still in time: days of the
// organisation's calendar, as a file gives them ("5d"), and a time beside.
type Grace struct {
	Days int
	Time time.Duration
}

// String is "14 days" or "12 hours"; empty: there is none.
func (g Grace) String() string {
	var parts []string
	count := func(n int, unit string) {
		if n == 1 {
			parts = append(parts, "1 "+unit)
		} else if n > 1 {
			parts = append(parts, fmt.Sprintf("%d %ss", n, unit))
		}
	}
	count(g.Days, "day")
	if g.Time%time.Hour == 0 {
		count(int(g.Time/time.Hour), "hour")
	} else {
		parts = append(parts, g.Time.String())
	}
	return strings.Join(parts, " and ")
}

// after is the end of the grace of what is due at a time of a field: the same time of a
// later day in the time zone, and the end of that day where only the day counts.
func (g Grace) after(due time.Time, of *record.Field, zone *time.Location) time.Time {
	return of.Ends(of.Read(due, zone).AddDate(0, 0, g.Days), zone).Add(g.Time).UTC()
}

// Term is when an occurrence is due.
type Term struct {
	// Due of a Day is its last moment in the organisation's time zone.
	Due time.Time
	// Day: the record says a day, at whatever time of it something is done.
	Day bool
	// Deadline is the end of the grace: until then it is in time.
	Deadline time.Time
}

// Deadline is the end of the grace of what is due at an instant.
func (t *Test) Deadline(due time.Time, zone *time.Location) time.Time {
	return t.Grace.after(due, &record.Field{}, zone)
}
