package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/calendar"
)

// An independent implementation of RFC 5545 agrees on the dates. There a month
// without the day has no occurrence, so the 31st is said as the last of 28 to
// 31; times that the clocks skip are left to our own table, since the library
// takes what time.Date gives.
func TestDatesAreThoseOfAnRRULE(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(t)
		s.Timezone, s.At = "UTC", "12:00"
		from := time.Date(rapid.IntRange(1990, 2105).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "start")), 1, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(9, 0, 0)
		option := rrule.ROption{Dtstart: from.Add(12 * time.Hour), Until: to.Add(-time.Second)}
		switch s.Frequency {
		case calendar.Daily:
			option.Freq = rrule.DAILY
		case calendar.Weekly:
			option.Freq = rrule.WEEKLY
			option.Byweekday = []rrule.Weekday{[]rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}[slices.Index(weekdays, s.Weekday)]}
		default:
			option.Freq = rrule.MONTHLY
			for day := min(s.Day, 28); day <= s.Day; day++ {
				option.Bymonthday = append(option.Bymonthday, day)
			}
			option.Bysetpos = []int{-1}
			switch s.Frequency {
			case calendar.Quarterly:
				option.Bymonth = []int{s.Month, s.Month + 3, s.Month + 6, s.Month + 9}
			case calendar.Annual:
				option.Bymonth = []int{s.Month}
			}
		}
		peer, err := rrule.NewRRule(option)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, at := range peer.All() {
			want = append(want, at.Format(time.RFC3339))
		}
		for o := range rule(t, s).Between(from, to) {
			got = append(got, o.Due.Format(time.RFC3339))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v\ngot  %v\nwant %v", s, got, want)
		}
	})
}
