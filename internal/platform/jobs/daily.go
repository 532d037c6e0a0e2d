package jobs

import "time"

// Daily is a time of day in the calendar of a time zone: when a recurring job
// is due. It does not depend on when the job last ran.
type Daily struct {
	Hour, Minute int
	Zone         *time.Location
}

// Latest is the latest occurrence that is not after the given instant. There
// is exactly one occurrence on each day of the calendar. Where a change of the
// clocks leaves the time of day out, the occurrence is before or after the
// gap; where it comes twice, it is one of the two.
func (d Daily) Latest(now time.Time) time.Time {
	year, month, day := now.In(d.Zone).Date()
	for back := -1; ; back++ { // a skipped time of day may fall on the day before
		at := time.Date(year, month, day-back, d.Hour, d.Minute, 0, 0, d.Zone)
		if !at.After(now) {
			return at.UTC()
		}
	}
}
