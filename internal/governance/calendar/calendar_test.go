package calendar_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/calendar"
)

// The zones have what goes wrong: changes at 02:00 and 01:00, a change of half
// an hour, a day left out, four changes in a year, changes at midnight.
var zones = []string{
	"UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Africa/Casablanca", "Australia/Lord_Howe",
	"America/Santiago", "Asia/Kolkata", "America/Havana", "Asia/Beirut",
}

var weekdays = []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}

// schedules draws any schedule that is allowed.
func schedules(t *rapid.T) calendar.Schedule {
	s := calendar.Schedule{
		Frequency: rapid.SampledFrom(calendar.Frequencies()[1:]).Draw(t, "frequency"),
		Timezone:  rapid.SampledFrom(zones).Draw(t, "zone"),
	}
	switch s.Frequency {
	case calendar.Weekly:
		s.Weekday = rapid.SampledFrom(weekdays).Draw(t, "weekday")
	case calendar.Monthly, calendar.Quarterly, calendar.Annual:
		s.Day = rapid.SampledFrom([]int{1, 2, 15, 28, 29, 30, 31}).Draw(t, "day")
	}
	switch s.Frequency {
	case calendar.Quarterly:
		s.Month = rapid.IntRange(1, 3).Draw(t, "month")
	case calendar.Annual:
		s.Month = rapid.IntRange(1, 12).Draw(t, "month")
		if s.Month == 2 && s.Day > 29 {
			s.Day = 29
		} else if s.Day == 31 {
			s.Month = 12
		}
	}
	if rapid.Bool().Draw(t, "at") {
		s.At = rapid.SampledFrom([]string{"00:00", "00:30", "01:30", "02:15", "02:30", "09:00", "23:59"}).Draw(t, "at")
	}
	s.Grace = rapid.SampledFrom([]string{"", "1h", "24h", "1d"}).Draw(t, "grace")
	return s
}

func rule(t interface {
	Helper()
	Fatal(...any)
}, s calendar.Schedule) *calendar.Rule {
	t.Helper()
	r, err := calendar.New(s)
	if err != nil {
		t.Fatal(fmt.Sprintf("%+v: %v", s, err))
	}
	return r
}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// Years of any schedule: due times are strictly later each time, each is on
// its own date, and each opens when the one before it fell due.
func TestOccurrencesHaveNoGapAndNoDouble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(t)
		from := time.Date(rapid.IntRange(2005, 2030).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		years := rapid.IntRange(1, 8).Draw(t, "years")
		all := slices.Collect(rule(t, s).Between(from, from.AddDate(years, 0, 0)))
		per := map[calendar.Frequency]float64{
			calendar.Daily: 365.25, calendar.Weekly: 52.18, calendar.Monthly: 12, calendar.Quarterly: 4, calendar.Annual: 1,
		}[s.Frequency]
		if want := per * float64(years); float64(len(all)) < want-2 || float64(len(all)) > want+2 {
			t.Fatalf("%d occurrences in %d years of %s", len(all), years, s.Frequency)
		}
		for i, o := range all {
			if o.Deadline.Before(o.Due) || !o.Opens.Before(o.Due) || o.Lost.Before(o.Deadline) {
				t.Fatalf("%+v", o)
			}
			if i == 0 {
				continue
			}
			before := all[i-1]
			if !before.Due.Before(o.Due) || before.Date >= o.Date {
				t.Fatalf("%+v follows %+v", o, before)
			}
			if !o.Opens.Equal(before.Due) || before.Lost.Before(o.Due) {
				t.Fatalf("between %+v and %+v is a gap", before, o)
			}
		}
	})
}

// Whatever stretch of time is asked for, its occurrences are the same ones.
func TestOccurrencesDoNotDependOnWhereOneLooks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rule(t, schedules(t))
		from := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.Int64Range(0, 5*365*24*3600).Draw(t, "from")) * time.Second)
		whole := slices.Collect(r.Between(from, from.AddDate(2, 0, 0)))
		var parts []calendar.Occurrence
		for at := from; at.Before(from.AddDate(2, 0, 0)); {
			next := at.Add(time.Duration(rapid.IntRange(1, 400*24).Draw(t, "step")) * time.Hour)
			if next.After(from.AddDate(2, 0, 0)) {
				next = from.AddDate(2, 0, 0)
			}
			parts = append(parts, slices.Collect(r.Between(at, next))...)
			at = next
		}
		if fmt.Sprint(whole) != fmt.Sprint(parts) {
			t.Fatalf("whole %v\nparts %v", whole, parts)
		}
	})
}

// On every day the occurrence's clock shows what the schedule says, unless the
// clocks skip it; the end of the day is a microsecond before the next date.
func TestDueTimesShowTheTimeOfDay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedules(t)
		z, err := time.LoadLocation(s.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		from := time.Date(rapid.IntRange(2008, 2026).Draw(t, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		off := 0
		for o := range rule(t, s).Between(from, from.AddDate(3, 0, 0)) {
			local := o.Due.In(z)
			switch {
			case s.At == "":
				if next := o.Due.Add(time.Microsecond).In(z); next.Format(time.DateOnly) <= o.Date {
					t.Fatalf("%s ends at %s", o.Date, local)
				}
				if local.Format(time.DateOnly) != o.Date {
					off++
				}
			case local.Format("2006-01-02 15:04") != o.Date+" "+s.At:
				off++
			case local.Add(-time.Hour).Format("15:04") == s.At || local.Add(-30*time.Minute).Format("15:04") == s.At:
				t.Fatalf("%s is the second %s of its day", local, s.At)
			}
		}
		if off > 3*3 { // the days of changes of the clocks
			t.Fatalf("%d occurrences of %+v are not at their time", off, s)
		}
	})
}

func TestDueTimes(t *testing.T) {
	for name, test := range map[string]struct {
		schedule calendar.Schedule
		from     string
		want     []string // date, due
	}{
		"the 31st of every month": {
			calendar.Schedule{Frequency: calendar.Monthly, Day: 31, At: "12:00", Timezone: "UTC"}, "2027-12-15",
			[]string{"2027-12-31 2027-12-31T12:00:00Z", "2028-01-31 2028-01-31T12:00:00Z", "2028-02-29 2028-02-29T12:00:00Z", "2028-03-31 2028-03-31T12:00:00Z", "2028-04-30 2028-04-30T12:00:00Z"},
		},
		"February 29": {
			calendar.Schedule{Frequency: calendar.Annual, Month: 2, Day: 29, At: "12:00", Timezone: "UTC"}, "2027-01-01",
			[]string{"2027-02-28 2027-02-28T12:00:00Z", "2028-02-29 2028-02-29T12:00:00Z", "2029-02-28 2029-02-28T12:00:00Z"},
		},
		"the year 2100 is no leap year": {
			calendar.Schedule{Frequency: calendar.Annual, Month: 2, Day: 29, At: "12:00", Timezone: "UTC"}, "2100-01-01",
			[]string{"2100-02-28 2100-02-28T12:00:00Z"},
		},
		"a week over the new year": {
			calendar.Schedule{Frequency: calendar.Weekly, Weekday: "friday", At: "17:00", Timezone: "Europe/Berlin"}, "2026-12-20",
			[]string{"2026-12-25 2026-12-25T16:00:00Z", "2027-01-01 2027-01-01T16:00:00Z", "2027-01-08 2027-01-08T16:00:00Z"},
		},
		"days of 23 hours end when they end": {
			calendar.Schedule{Frequency: calendar.Daily, Timezone: "Europe/Berlin"}, "2026-03-28",
			[]string{"2026-03-28 2026-03-28T22:59:59.999999Z", "2026-03-29 2026-03-29T21:59:59.999999Z", "2026-03-30 2026-03-30T21:59:59.999999Z"},
		},
		"a time that is skipped counts by the offset before": {
			calendar.Schedule{Frequency: calendar.Daily, At: "02:30", Timezone: "America/New_York"}, "2026-03-07",
			[]string{"2026-03-07 2026-03-07T07:30:00Z", "2026-03-08 2026-03-08T07:30:00Z", "2026-03-09 2026-03-09T06:30:00Z"},
		},
		"of a time that comes twice the first counts": {
			calendar.Schedule{Frequency: calendar.Daily, At: "01:30", Timezone: "America/New_York"}, "2026-10-31",
			[]string{"2026-10-31 2026-10-31T05:30:00Z", "2026-11-01 2026-11-01T05:30:00Z", "2026-11-02 2026-11-02T06:30:00Z"},
		},
		"a day that the zone left out has no daily duty": {
			calendar.Schedule{Frequency: calendar.Daily, At: "09:00", Timezone: "Pacific/Apia"}, "2011-12-29",
			[]string{"2011-12-28 2011-12-29T19:00:00Z"[:0], "2011-12-29 2011-12-29T19:00:00Z", "2011-12-31 2011-12-30T19:00:00Z"},
		},
		"a weekly duty on a day that was left out is due before it": {
			calendar.Schedule{Frequency: calendar.Weekly, Weekday: "friday", At: "09:00", Timezone: "Pacific/Apia"}, "2011-12-24",
			[]string{"2011-12-30 2011-12-30T09:59:59.999999Z", "2012-01-06 2012-01-05T19:00:00Z"},
		},
		"half an hour": {
			calendar.Schedule{Frequency: calendar.Daily, At: "02:15", Timezone: "Australia/Lord_Howe"}, "2026-10-03T12:00:00Z",
			[]string{"2026-10-04 2026-10-03T15:45:00Z", "2026-10-05 2026-10-04T15:15:00Z"},
		},
		"midnight that is skipped": {
			calendar.Schedule{Frequency: calendar.Daily, Timezone: "America/Havana"}, "2026-03-06T12:00:00Z",
			[]string{"2026-03-06 2026-03-07T04:59:59.999999Z", "2026-03-07 2026-03-08T04:59:59.999999Z", "2026-03-08 2026-03-09T03:59:59.999999Z"},
		},
		"once": {
			calendar.Schedule{Frequency: calendar.Once, Date: "2026-05-01", Timezone: "Europe/Berlin"}, "2026-01-01",
			[]string{"2026-05-01 2026-05-01T21:59:59.999999Z"},
		},
		"quarters": {
			calendar.Schedule{Frequency: calendar.Quarterly, Month: 2, Day: 31, At: "12:00", Timezone: "UTC"}, "2026-01-01",
			[]string{"2026-02-28 2026-02-28T12:00:00Z", "2026-05-31 2026-05-31T12:00:00Z", "2026-08-31 2026-08-31T12:00:00Z", "2026-11-30 2026-11-30T12:00:00Z", "2027-02-28 2027-02-28T12:00:00Z"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(slices.Clone(test.want), func(s string) bool { return s == "" })
			from, err := time.Parse(time.RFC3339, test.from)
			if err != nil {
				if from, err = time.Parse(time.DateOnly, test.from); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for o := range rule(t, test.schedule).Between(from, from.AddDate(3, 0, 0)) {
				if got = append(got, o.Date+" "+o.Due.Format(time.RFC3339Nano)); len(got) == len(want) {
					break
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("\ngot  %v\nwant %v", got, want)
			}
		})
	}
}

func TestGraceOfDaysEndsWhenTheClocksShowTheSame(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	from := time.Date(2026, 3, 27, 0, 0, 0, 0, z)
	for grace, want := range map[string]string{"3d": "2026-03-30 09:00", "72h": "2026-03-30 10:00", "": "2026-03-27 09:00"} {
		o, ok := rule(t, calendar.Schedule{Frequency: calendar.Weekly, Weekday: "friday", At: "09:00", Grace: grace, Timezone: "Europe/Berlin"}).First(from)
		if got := o.Deadline.In(z).Format("2006-01-02 15:04"); !ok || got != want {
			t.Errorf("%s: %s, want %s", grace, got, want)
		}
	}
}

func TestBadSchedulesAreRefused(t *testing.T) {
	good := calendar.Schedule{Frequency: calendar.Monthly, Day: 31, Grace: "5d", Timezone: "UTC"}
	for field, change := range map[string]func(*calendar.Schedule){
		"frequency": func(s *calendar.Schedule) { s.Frequency = "hourly" },
		"day":       func(s *calendar.Schedule) { s.Day = 32 },
		"weekday":   func(s *calendar.Schedule) { s.Weekday = "monday" },
		"month":     func(s *calendar.Schedule) { s.Month = 3 },
		"date":      func(s *calendar.Schedule) { s.Date = "2026-01-01" },
		"at":        func(s *calendar.Schedule) { s.At = "24:00" },
		"grace":     func(s *calendar.Schedule) { s.Grace = "29d" },
		"timezone":  func(s *calendar.Schedule) { s.Timezone = "Local" },
	} {
		s := good
		change(&s)
		if wrong := s.Check(); len(wrong) != 1 || wrong[0].Field != field {
			t.Errorf("%s: %v", field, wrong)
		}
	}
	for _, grace := range []string{"5", "d", "-1d", "+1d", "5w", "1.5d", "99999999999999999999d"} {
		s := good
		if s.Grace = grace; len(s.Check()) != 1 {
			t.Errorf("the grace %q is taken", grace)
		}
	}
	if _, err := calendar.New(calendar.Schedule{Frequency: calendar.Annual, Month: 4, Day: 31, Timezone: "UTC"}); err == nil {
		t.Error("April 31 is taken")
	}
}

func FuzzSchedule(f *testing.F) {
	f.Add("monthly", "", 31, 0, "", "09:30", "5d", "Europe/Berlin")
	f.Add("once", "", 0, 0, "2026-02-30", "", "1h", "UTC")
	f.Fuzz(func(t *testing.T, frequency, weekday string, day, month int, date, at, grace, zone string) {
		s := calendar.Schedule{Frequency: calendar.Frequency(frequency), Weekday: weekday, Day: day, Month: month, Date: date, At: at, Grace: grace, Timezone: zone}
		r, err := calendar.New(s)
		if err != nil {
			return
		}
		from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		n := 0
		for range r.Between(from, from.AddDate(1, 0, 0)) {
			n++
		}
		if n > 366 {
			t.Fatalf("%d occurrences in a year", n)
		}
	})
}

func BenchmarkTenYearsOfDays(b *testing.B) {
	r := rule(b, calendar.Schedule{Frequency: calendar.Daily, At: "09:00", Grace: "1d", Timezone: "Europe/Berlin"})
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		for range r.Between(from, from.AddDate(10, 0, 0)) {
		}
	}
}
