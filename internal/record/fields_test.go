package record_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record"
)

// A deadline that is a day ends with it in the zone, and is found to have passed exactly
// when it has ended; one that is a moment is that moment.
func TestADeadlineHasPassedWhenItHasEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "America/St_Johns"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		field := rapid.SampledFrom([]record.Field{{}, {Day: true}, {LastDay: true}}).Draw(t, "field")
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 365*24*4).Draw(t, "quarters")) * 15 * time.Minute)
		now := at.Add(time.Duration(rapid.IntRange(-72*60, 72*60).Draw(t, "minutes")) * time.Minute)
		ends := field.Ends(at, zone)
		if ends.Before(at) && !field.LastDay {
			t.Fatalf("what is due on %s ends at %s", at, ends)
		}
		if field.Whole() && ends.In(zone).Format("2006-01-02 15:04:05.999999") != field.Read(at, zone).Format(time.DateOnly)+" 23:59:59.999999" {
			t.Fatalf("%+v: the day of %s ends at %s", field, at, ends.In(zone))
		}
		if passed := at.Before(field.Passed(now, zone)); passed != ends.Before(now) {
			t.Fatalf("%+v: what ends at %s has passed at %s: %t", field, ends, now, passed)
		}
	})
}
