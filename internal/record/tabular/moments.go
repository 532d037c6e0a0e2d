package tabular

import (
	"math"
	"time"

	"github.com/xuri/excelize/v2"
)

// A spreadsheet holds a moment as the number of days since 30 December 1899, or 1 January
// 1904, on a clock without a time zone. To the microsecond that is exact until 2079.
const (
	microsADay = 24 * 60 * 60 * 1_000_000
	// firstDay is 1 March 1900: Excel has a 29 February of that year before it.
	firstDay = 61
	// A number that was kept with 15 digits only is this many microseconds away.
	blur = 5
)

var firstOf1900, firstOf1904 = time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC), time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)

// moments is what clock and calendar show for a number of days.
func moments(days float64, from1904 bool) (time.Time, bool) {
	first := firstOf1900
	switch {
	case from1904:
		first = firstOf1904
	case days < 1:
		return time.Time{}, false
	case days < firstDay:
		at, err := excelize.ExcelDateToTime(days, false)
		return at, err == nil
	}
	if days < 0 || days > 3e6 { // beyond the year 9999
		return time.Time{}, false
	}
	whole, part := math.Modf(days)
	micros := int64(math.Round(part * microsADay))
	if second := (micros + 500_000) / 1_000_000 * 1_000_000; max(second-micros, micros-second) <= blur {
		micros = second
	}
	at := first.AddDate(0, 0, int(whole)).Add(time.Duration(micros) * time.Microsecond)
	return at, at.Year() <= 9999
}

// serial is the number of days by which a spreadsheet holds an instant of a time zone, if
// the same instant is read again: hours that a clock shows twice are not, nor what is
// shorter than a microsecond.
func serial(at time.Time, zone *time.Location) (float64, bool) {
	at = at.In(zone)
	wall := time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), time.UTC)
	day := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	days := float64((day.Unix()-firstOf1900.Unix())/86400) + float64(wall.Sub(day).Microseconds())/microsADay
	if days < firstDay {
		return 0, false
	}
	again, ok := moments(days, false)
	return days, ok && there(again, zone).Equal(at)
}

// there is when clock and calendar of a time zone show this.
func there(wall time.Time, zone *time.Location) time.Time {
	return time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), wall.Nanosecond(), zone)
}
