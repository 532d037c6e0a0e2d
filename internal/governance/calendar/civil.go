package calendar

import "time"

// day is a day of the calendar, counted from 1970-01-01, which is 0. It is in
// no time zone.
type day int64

const secondsOfDay = 24 * 60 * 60

// dayOf is the day with this date. The day of the month may lie outside it.
func dayOf(year int, month time.Month, number int) day {
	return day(time.Date(year, month, number, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay)
}

// date is the day's date.
func (d day) date() (int, time.Month, int) {
	return time.Unix(int64(d)*secondsOfDay, 0).UTC().Date()
}

// String is the date as 2026-01-31.
func (d day) String() string { return time.Unix(int64(d)*secondsOfDay, 0).UTC().Format(time.DateOnly) }

// dayIn is the day that the instant falls on in the zone.
func dayIn(at time.Time, zone *time.Location) day {
	return dayOf(at.In(zone).Date())
}

// clamped is the day of the month with this number, or the month's last day
// when it has no such number.
func clamped(year int, month time.Month, number int) day {
	last := dayOf(year, month+1, 1) - 1
	return min(dayOf(year, month, 1)+day(number)-1, last)
}

// begin is the first instant of the day. A day that the zone left out begins
// where the next one does.
func (d day) begin(zone *time.Location) time.Time {
	at, gap := local(d, 0, zone)
	if !gap.IsZero() {
		return gap
	}
	return at
}

// exists reports whether the zone has the day. Pacific/Apia has no 2011-12-30.
func (d day) exists(zone *time.Location) bool {
	return d.begin(zone).Before((d + 1).begin(zone))
}

// end is the last instant of the day, to the microsecond.
func (d day) end(zone *time.Location) time.Time {
	return (d + 1).begin(zone).Add(-time.Microsecond)
}

// at is the instant at which the clocks show the time of day, as RFC 5545
// 3.3.5 reads local times: the first one of two, and a time that the clocks
// skip counted with the offset from before the gap.
func (d day) at(ofDay time.Duration, zone *time.Location) time.Time {
	at, _ := local(d, ofDay, zone)
	return at
}

// local finds the instant of a local time. In a gap of the clocks it is the
// one by the offset before the gap, and gap is the instant at which the clocks
// skip.
func local(d day, ofDay time.Duration, zone *time.Location) (at, gap time.Time) {
	naive := time.Unix(int64(d)*secondsOfDay, 0).Add(ofDay)
	// What time.Date gives of a time that is there twice, or not at all, is not
	// specified, but it lies beside the change of the clocks.
	near := time.Date(1970, time.January, 1+int(d), 0, 0, int(ofDay/time.Second), 0, zone)
	start, end := near.ZoneBounds()
	if far := 48 * time.Hour; (start.IsZero() || near.Sub(start) > far) && (end.IsZero() || end.Sub(near) > far) {
		return naive.Add(-seconds(offset(near))).UTC(), time.Time{} // no change of the clocks is near
	}
	offsets := []int{offset(near)}
	for _, change := range []time.Time{start, end} {
		if change.IsZero() {
			continue
		}
		before, after := offset(change.Add(-time.Second)), offset(change)
		if local := naive.Sub(change); local >= seconds(before) && local < seconds(after) {
			return naive.Add(-seconds(before)).UTC(), change.UTC()
		}
		offsets = append(offsets, before, after)
	}
	for _, off := range offsets {
		candidate := naive.Add(-seconds(off))
		if offset(candidate.In(zone)) == off && (at.IsZero() || candidate.Before(at)) {
			at = candidate
		}
	}
	return at.UTC(), time.Time{}
}

// offset is in seconds east of UTC.
func offset(at time.Time) int {
	_, off := at.Zone()
	return off
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func floorMod(n, of int64) int { return int(((n % of) + of) % of) }

func floorDiv(n, by int64) int64 {
	q := n / by
	if n%by < 0 {
		q--
	}
	return q
}
