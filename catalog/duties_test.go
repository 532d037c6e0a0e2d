package catalog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
)

// reading are the tests of the catalog that read a duty's occurrences, by the duty.
func reading(t *testing.T) map[string][]*controls.Test {
	t.Helper()
	all := map[string][]*controls.Test{}
	for _, c := range load(t) {
		for _, test := range c.Tests {
			if test.Population.From != "occurrences" {
				continue
			}
			_, name, _ := strings.Cut(test.Population.Where, `item.duty == "`)
			name, _, _ = strings.Cut(name, `"`)
			all[name] = append(all[name], test)
		}
	}
	return all
}

func dutiesIn(t *testing.T, zone string) []tasks.Duty {
	t.Helper()
	duties, err := tasks.Load(catalog.Duties(), zone)
	if err != nil {
		t.Fatal(err)
	}
	return duties
}

// Whoever does a duty is told until when its grace lasts; the test waits as long, over
// every change of the clocks.
func TestTestsWaitAsLongAsTheirDuties(t *testing.T) {
	tests := reading(t)
	for _, place := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"} {
		zone, err := time.LoadLocation(place)
		if err != nil {
			t.Fatal(err)
		}
		for _, duty := range dutiesIn(t, place) {
			rule, err := calendar.New(duty.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests[duty.ID] {
				e := test.Evaluator()
				for o := range rule.Between(time.Date(2026, 1, 1, 0, 0, 0, 0, zone), time.Date(2027, 1, 1, 0, 0, 0, 0, zone)) {
					item := fmt.Sprintf(`{"id":"%s@%s","duty":%q,"state":"due","due_at":%q}`, duty.ID, o.Date, duty.ID, o.Due.UTC().Format(time.RFC3339Nano))
					if err := e.Read([]byte(item)); err != nil {
						t.Fatal(err)
					}
					if u, ok := controltests.UndoneOf(e, zone); !ok || !u.Deadline.Equal(o.Deadline) {
						t.Errorf("%s: %s has grace until %s, and its test %s waits until %s", place, u.Item, o.Deadline, test.ID, u.Deadline)
					}
				}
			}
		}
	}
}
