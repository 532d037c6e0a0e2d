package tasks_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/tasks"
)

// The narrative's calendar: what recurs, and how often.
func TestTheCatalogHasTheNarrativesCalendar(t *testing.T) {
	duties, err := tasks.Load(catalog.Duties(), "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]calendar.Frequency{
		"log-integrity-check": calendar.Daily, "readiness-report": calendar.Daily,
		"posture-review": calendar.Weekly,
		"access-review":  calendar.Monthly, "executive-summary": calendar.Monthly,
		"control-tests": calendar.Quarterly, "control-self-assessments": calendar.Quarterly,
		"tabletop-exercise": calendar.Quarterly, "regulatory-review": calendar.Quarterly,
		"risk-assessment": calendar.Annual, "penetration-test": calendar.Annual, "policy-review": calendar.Annual,
		"vendor-reassessment": calendar.Annual, "security-training": calendar.Annual,
	}
	for _, duty := range duties {
		if duty.Schedule.Frequency != want[duty.ID] {
			t.Errorf("%s is %s, want %q", duty.ID, duty.Schedule.Frequency, want[duty.ID])
		}
		if duty.File != duty.ID+".yaml" || duty.What == "" || duty.Narrative == "" {
			t.Errorf("%s is incomplete: %+v", duty.ID, duty)
		}
		delete(want, duty.ID)
	}
	if len(want) > 0 {
		t.Errorf("missing: %v", want)
	}
}

const good = `id: key-ceremony
title: Rotate the root key
owner: security lead
frequency: annual
month: 3
day: 31
grace: 5d
escalate:
  to: chief executive officer
  after: 48h
`

func TestEveryMistakeInADutysFileIsNamedWithItsLine(t *testing.T) {
	if _, _, err := tasks.Parse("d.yaml", []byte(good), "UTC"); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ old, new, want string }{
		"unknown field":        {"grace: 5d", "graze: 5d", `d.yaml:7: unknown field "graze": it may be at, date, day, escalate,`},
		"a field twice":        {"grace: 5d", "title: Again", "d.yaml:7: title is already given on line 2"},
		"a field missing":      {"owner: security lead\n", "", "d.yaml:1: owner is missing"},
		"a field empty":        {"owner: security lead", "owner:", "d.yaml:3: owner must be one value, and not empty"},
		"a list":               {"owner: security lead", "owner: [a, b]", "d.yaml:3: owner must be one value, and not empty"},
		"no escalation":        {"escalate:\n  to: chief executive officer\n  after: 48h\n", "", "d.yaml:1: escalate.to is missing\nd.yaml:1: escalate.after is missing"},
		"escalation is text":   {"escalate:\n  to: chief executive officer\n  after: 48h\n", "escalate: soon\n", "d.yaml:8: escalate must be a map\nd.yaml:8: escalate.to is missing\nd.yaml:8: escalate.after is missing"},
		"a bad duration":       {"after: 48h", "after: 2d", `d.yaml:10: escalate.after is "2d", it must be a duration of hours such as 48h`},
		"a bad id":             {"id: key-ceremony", "id: Key Ceremony", `d.yaml:1: the id "Key Ceremony" must be small letters and digits`},
		"a bad frequency":      {"frequency: annual", "frequency: yearly", `d.yaml:4: frequency: "yearly" is not known: once, daily,`},
		"a day that is none":   {"day: 31", "day: 32", "d.yaml:6: day: 32 is no day of a month"},
		"a day that is a word": {"day: 31", "day: last", `d.yaml:6: day is "last", it must be a number from 1`},
		"February 30":          {"month: 3\nday: 31", "month: 2\nday: 30", "d.yaml:6: day: month 2 never has a day 30"},
		"a grace too long":     {"grace: 5d", "grace: 400d", "d.yaml:7: grace: 400d is longer than the time between two occurrences"},
		"a field of others":    {"grace: 5d", "weekday: monday", "d.yaml:7: weekday: does not belong to a duty that is annual"},
		"a foreign event":      {"grace: 5d", "performed_by: com.example.done", `d.yaml:7: performed_by is "com.example.done"`},
		"no YAML":              {"grace: 5d", "grace: [", "d.yaml:"},
		"two documents":        {"  after: 48h\n", "  after: 48h\n---\nid: x\n", "d.yaml:11: a second document"},
		"empty":                {good, "", "d.yaml:1: the file is empty"},
		"not a map":            {good, "- a\n", "d.yaml:1: a duty must be a map"},
		"too large":            {"security lead", strings.Repeat("x", 70_000), "d.yaml:1: the file has 70"},
		"two mistakes":         {"title: Rotate the root key\nowner: security lead", "titel: x", "d.yaml:2: unknown field \"titel\""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, test.old, test.new, 1)
			_, _, err := tasks.Parse("d.yaml", []byte(text), "UTC")
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v\nwant %s...", err, test.want)
			}
		})
	}
	_, err := tasks.Load(fstest.MapFS{"a.yaml": {Data: []byte(good)}, "b.yaml": {Data: []byte(good)}}, "UTC")
	if want := "b.yaml:1: the id key-ceremony is already that of a.yaml"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestAnOrganisationsOwnDutyTakesThePlaceOfTheCatalogs(t *testing.T) {
	base := []tasks.Duty{{ID: "a", Title: "1"}, {ID: "b", Title: "2"}}
	all := tasks.Override(base, []tasks.Duty{{ID: "c", Title: "3"}, {ID: "a", Title: "4"}})
	if got := fmt.Sprint(all[0].Title, all[1].Title, all[2].Title); got != "423" || base[0].Title != "1" {
		t.Errorf("%s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("id: &a x\ntitle: *a\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		duty, _, err := tasks.Parse("d.yaml", data, "UTC")
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "d.yaml:") {
					t.Fatalf("%q names no line", line)
				}
			}
			return
		}
		if _, err := calendar.New(duty.Schedule); err != nil || duty.ID == "" || duty.Owner == "" {
			t.Fatalf("%+v: %v", duty, err)
		}
	})
}
