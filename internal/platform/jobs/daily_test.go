package jobs_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/platform/jobs"
)

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu"}

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestTheLatestOccurrenceFollowsTheCalendar(t *testing.T) {
	for _, test := range []struct{ zone, now, want string }{
		{"UTC", "2026-03-02T00:30:00Z", "2026-03-02T00:30:00Z"},
		{"UTC", "2026-03-02T00:29:59Z", "2026-03-01T00:30:00Z"},
		{"Europe/Berlin", "2026-07-01T12:00:00Z", "2026-06-30T22:30:00Z"},
		{"Europe/Berlin", "2026-01-15T12:00:00Z", "2026-01-14T23:30:00Z"},
		{"America/New_York", "2026-03-09T03:00:00Z", "2026-03-08T05:30:00Z"}, // clocks change at 02:00 that day
		{"America/New_York", "2026-03-09T12:00:00Z", "2026-03-09T04:30:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, test.now)
		if err != nil {
			t.Fatal(err)
		}
		if got := (jobs.Daily{Minute: 30, Zone: zone(t, test.zone)}).Latest(now).Format(time.RFC3339); got != test.want {
			t.Errorf("%s at %s: %s, want %s", test.zone, test.now, got, test.want)
		}
	}
}

// Walking through time in any steps, every day of the calendar has exactly one
// occurrence, and occurrences never go back, clock changes included.
func TestThereIsOneOccurrenceADay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := jobs.Daily{
			Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute"),
			Zone: zone(t, rapid.SampledFrom(zones).Draw(t, "zone")),
		}
		now := time.Unix(rapid.Int64Range(1_500_000_000, 1_900_000_000).Draw(t, "begin"), 0)
		end := now.AddDate(0, 0, 20)
		var occurrences []time.Time
		for ; now.Before(end); now = now.Add(time.Duration(rapid.IntRange(1, 3*60).Draw(t, "step")) * time.Minute) {
			at := d.Latest(now)
			if at.After(now) || now.Sub(at) > 50*time.Hour {
				t.Fatalf("at %s the latest occurrence is %s", now, at)
			}
			if n := len(occurrences); n == 0 || !at.Equal(occurrences[n-1]) {
				occurrences = append(occurrences, at)
			}
		}
		for i := 1; i < len(occurrences); i++ {
			if gap := occurrences[i].Sub(occurrences[i-1]); gap < 21*time.Hour || gap > 49*time.Hour {
				t.Fatalf("%s comes %s after %s", occurrences[i], gap, occurrences[i-1])
			}
		}
	})
}
