package catalog_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/app"
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
			all[dutyOf(test)] = append(all[dutyOf(test)], test)
		}
	}
	return all
}

// dutyOf is the duty whose occurrences a test reads.
func dutyOf(test *controls.Test) string {
	_, name, _ := strings.Cut(test.Population.Where, `item.duty == "`)
	name, _, _ = strings.Cut(name, `"`)
	return name
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

// elsewhere are the tests that read only that somebody recorded a duty as done: by
// control and test, with the test of the same control that reads what the duty is about.
var elsewhere = map[string]string{
	"COM-03 quarterly": "reviewed", // each regulation, with what was found of it in the quarter
	"PPL-07 yearly":    "finished", // each training, with who finished it and when
}

// That somebody recorded a duty as done shows nothing by itself: its test reads what shows
// it, SCAF did it itself and an event shows it, or another test reads what it is about.
func TestNoTestReadsOnlyThatADutyWasRecordedAsDone(t *testing.T) {
	duties, left := map[string]tasks.Duty{}, maps.Clone(elsewhere)
	for _, duty := range dutiesIn(t, "UTC") {
		duties[duty.ID] = duty
	}
	for _, c := range load(t) {
		for _, test := range c.Tests {
			name := c.ID + " " + test.ID
			if test.Population.From != "occurrences" || test.Reads("evidence") || duties[dutyOf(test)].PerformedBy != "" {
				continue
			}
			by, listed := left[name]
			delete(left, name)
			if !listed {
				t.Errorf("%s reads only that somebody recorded %s as done: let the duty ask for evidence, and the test read it", name, dutyOf(test))
			} else if !slices.ContainsFunc(c.Tests, func(other *controls.Test) bool {
				return other.ID == by && other.Population.From != "occurrences" && other.Pass != ""
			}) {
				t.Errorf("%s has no test %s that reads what %s is about", c.ID, by, dutyOf(test))
			}
		}
	}
	for name := range left {
		t.Errorf("%s is no such test any more: take it from the list", name)
	}
}

// What the test of a control wants of a duty's evidence is what the duty asks for: an
// occurrence is not recorded as done without what its test would then miss.
func TestDutiesAskForTheEvidenceThatTheirTestsRead(t *testing.T) {
	tests := reading(t)
	for _, place := range []string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"} {
		zone, err := time.LoadLocation(place)
		if err != nil {
			t.Fatal(err)
		}
		for _, duty := range dutiesIn(t, place) {
			for _, name := range duty.Evidence.Kinds() {
				if _, _, err := app.Kinds.Parse(name + "/x"); err != nil {
					t.Errorf("%s asks for what is in no register: %v", duty.ID, err)
				}
			}
			rule, err := calendar.New(duty.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			for _, test := range tests[duty.ID] {
				asks, e := test.Reads("evidence"), test.Evaluator()
				for o := range rule.Between(time.Date(2026, 1, 1, 0, 0, 0, 0, zone), time.Date(2027, 1, 1, 0, 0, 0, 0, zone)) {
					passes := func(evidence ...string) bool {
						item, err := json.Marshal(map[string]any{
							"id": duty.ID + "@" + o.Date, "duty": duty.ID, "state": "done", "owner": "person/E1", "done_by": "person/E1",
							"due_at": o.Due.UTC(), "done_at": o.Due.UTC(), "evidence": evidence,
						})
						if err != nil {
							t.Fatal(err)
						}
						if err := e.Read(item); err != nil {
							t.Fatal(err)
						}
						pass, err := e.Pass()
						return pass && err == nil
					}
					if passes("person/E1") == asks {
						t.Fatalf("%s %s reads evidence: %v, and says of one that shows nothing: %v", duty.ID, test.ID, asks, !asks)
					}
					if asks && len(duty.Evidence.Like) == 0 {
						t.Fatalf("%s does not ask for what its test %s reads: %s", duty.ID, test.ID, test.Pass)
					}
					if !asks {
						continue
					}
					for _, like := range duty.Evidence.Of(o.Date) {
						if ref := strings.ReplaceAll(like, "*", "ACC-01"); !passes(ref) {
							t.Errorf("%s: %s@%s takes %s, and its test %s does not", place, duty.ID, o.Date, ref, test.ID)
						}
					}
				}
			}
		}
	}
}
