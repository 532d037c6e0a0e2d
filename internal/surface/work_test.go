package surface_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
)

// What is due on a day can be done until that day ends where the organisation is, and
// everything says so: what somebody owes, what is late, the calendar, the messages.
func TestWhatIsDueOnADayIsInTimeUntilItEnds(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati"} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			f := apptest.New(t, config.Config{Timezone: name})
			o := openTold(t, f)
			o.add(assessments.Register, map[string]any{"control": "CHG-01", "quarter": "2026-Q1", "assessor": "person/E4", "reviewer": "person/E1"})
			o.set(people.Register, "E4", map[string]any{"manager": "person/E1", "engaged_until": time.Date(2026, 3, 31, 0, 0, 0, 0, zone)})
			days := []time.Time{time.Date(2026, 3, 30, 0, 0, 0, 0, zone), time.Date(2026, 3, 31, 0, 0, 0, 0, zone), time.Date(2026, 4, 1, 0, 0, 0, 0, zone), time.Date(2026, 4, 2, 0, 0, 0, 0, zone)}
			end := days[2].Add(-time.Microsecond)
			for _, test := range []struct {
				at   time.Time
				late bool
			}{{days[1].Add(-time.Hour), false}, {days[1].Add(15 * time.Minute), false}, {days[2].Add(-15 * time.Minute), false}, {days[2].Add(15 * time.Minute), true}} {
				f.Manual.Set(test.at)
				late, err := f.Overdue(ctx, apptest.Operator, test.at, 10)
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, one := range late {
					found = found || one.Kind == assessments.Register && one.Count == 1 && len(one.Each) == 1 && one.Each[0].At.Equal(end) && one.Each[0].Day
				}
				if found != test.late {
					t.Errorf("at %s it is late: %t", test.at, found)
				}
			}
			falling, err := f.Falling(ctx, apptest.Operator, days, 10)
			if err != nil {
				t.Fatal(err)
			}
			for i, all := range falling {
				var on []string
				for _, one := range all {
					for _, d := range one.Each {
						on = append(on, d.Ref)
					}
				}
				if found := strings.Contains(strings.Join(on, " "), "self_assessment/SA-CHG-01-2026-Q1"); found != (i == 1) {
					t.Errorf("on %s fall due: %q", days[i], on)
				}
			}
			for who, what := range map[string]string{"E4": "Assess the control", "E1": "Extend the engagement, or see that it ends"} {
				owed, err := f.Owed(ctx, act.Caller{ID: "person/" + who, Roles: []string{"account"}}, 24*time.Hour)
				if err != nil {
					t.Fatal(err)
				}
				found := false
				for _, d := range owed.Deadlines {
					found = found || d.What == what && d.At.Equal(end) && d.Day
				}
				if !found {
					t.Errorf("%s owes %+v", who, owed.Deadlines)
				}
			}
			f.Manual.Set(days[1].Add(9 * time.Hour))
			o.run()
			o.wants("person/E4", notifications.Deadline, "Assess the control: self_assessment/SA-CHG-01-2026-Q1, by 31 March 2026 -> /work")
		})
	}
}
