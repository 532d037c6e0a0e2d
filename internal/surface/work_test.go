package surface_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/vendors"
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

// What is overdue follows the time and the records: the first few of what is open are kept
// between two looks, and nothing of them outlives a change.
func TestWhatIsOverdueFollowsTheTimeAndTheRecords(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		begin := f.Manual.Now().Truncate(time.Hour)
		vendor := "vendor/" + o.add(vendors.Register, map[string]any{"name": "Example", "service": "Sends letters.", "category": "software", "owner": "person/E4"})
		var ids []string
		for hour := range 4 {
			ids = append(ids, o.add(actions.Register, map[string]any{"title": "Example", "owner": "person/E4", "vendor": vendor, "due_at": begin.Add(time.Duration(hour+1) * time.Hour)}))
		}
		late := func(hour int, count int64, want ...string) {
			t.Helper()
			now := begin.Add(time.Duration(hour)*time.Hour + 30*time.Minute)
			f.Manual.Set(now)
			all, err := f.Overdue(t.Context(), apptest.Operator, now, 2)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			var counted int64
			for _, one := range all {
				if one.Kind == actions.Register {
					counted = one.Count
					for _, d := range one.Each {
						found = append(found, strings.TrimPrefix(d.Ref, "action/"))
					}
				}
			}
			if counted != count || !slices.Equal(found, want) {
				t.Errorf("after %d hours %d are late: %q, want %d and %q", hour, counted, found, count, want)
			}
		}
		late(0, 0)
		late(1, 1, ids[0])
		late(3, 3, ids[0], ids[1])
		o.move(act.Caller{ID: "person/E4", Roles: []string{"administrator"}}, actions.Register, ids[0], actions.Done, map[string]any{"result": "It is done."})
		late(3, 2, ids[1], ids[2])
		o.set(actions.Register, ids[3], map[string]any{"due_at": begin.Add(2 * time.Hour)})
		late(4, 3, ids[1], ids[3])
	})
}
