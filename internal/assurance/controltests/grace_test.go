package controltests_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	ct "scaf.dev/scaf/internal/assurance/controltests"
)

// days are the catalog's tests of what is due on a day: the last one of a quarter or a
// year, or one that people chose.
var days = []string{
	"AST-01 confirmed", "BCP-01 restored", "BCP-02 practised", "CAP-01 reviewed", "COM-03 reviewed", "DAT-01 classed", "END-01 seen", "MON-01 reviewed",
	"PHY-02 reviewed", "PPL-08 reviews", "PRV-03 activities", "RSK-02 answered", "VND-03 terms", "VND-04 read",
}

// Whatever a test of the catalog reads, what is done on the last day of its grace is in
// time, as the list of what is not done yet says; a moment later it is late.
func TestTheLastDayOfGraceEndsInTheOrganisationsTimeZone(t *testing.T) {
	all, err := controls.LoadFS(catalog.Controls(), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range all {
		for _, test := range c.Tests {
			due, plain := strings.CutPrefix(test.Due, "item.")
			if test.Kind != controls.Occurrence || !plain || test.Population.Awaited || !strings.HasPrefix(test.Done, "item.") {
				continue
			}
			name, isDay := c.ID+" "+test.ID, false
			for _, zone := range []string{"UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"} {
				for _, day := range []string{"2026-12-31", "2026-03-31", "2026-10-23", "2026-03-27"} { // the clocks change after two of them
					term := termOf(t, test, due, day+"T00:00:00Z", zone)
					isDay = term.Day
					if !term.Day {
						continue
					}
					at, _ := time.Parse(time.DateOnly, day)
					if field := fieldOf(test.Population.From, due); field == "zone" {
						at = at.In(place(t, zone))
					}
					year, month, of := at.AddDate(0, 0, test.Grace.Days).Date()
					if want := time.Date(year, month, of+1, 0, 0, 0, 0, place(t, zone)).Add(-time.Microsecond); !term.Deadline.Equal(want) {
						t.Errorf("%s in %s: what is due on %s can be done until %s, want %s", name, zone, day, term.Deadline.In(place(t, zone)), want)
					}
					for after, late := range map[time.Duration]bool{0: false, time.Microsecond: true} {
						item := itemOf(test, due, day+"T00:00:00Z", term.Deadline.Add(after).Format(time.RFC3339Nano))
						result, err := runOne(context.Background(), c, test, ct.NewFile("items.jsonl", strings.NewReader(item)), ct.Options{Zone: place(t, zone)})
						if err != nil {
							t.Fatalf("%s: %v", name, err)
						}
						if is := len(result.Deviations) == 1 && result.Deviations[0].Reason == ct.Late; is != late {
							t.Errorf("%s in %s: done %s after what it says: late is %v, %+v", name, zone, after, is, result.Deviations)
						}
					}
				}
			}
			if isDay {
				found = append(found, name)
			}
		}
	}
	if slices.Sort(found); !slices.Equal(found, days) {
		t.Errorf("due on a day:\n%q, want\n%q", found, days)
	}
}

// Days of grace are those of the calendar, as a duty's are; hours are hours.
func TestGraceInDaysIsOfTheCalendar(t *testing.T) {
	for _, c := range []struct{ grace, deadline string }{
		{"3d", "2026-10-26T23:30:00+01:00"}, // the clocks go back on the 25th
		{"72h", "2026-10-26T22:30:00+01:00"},
		{"2d1h", "2026-10-26T00:30:00+01:00"},
		{"0s", "2026-10-23T23:30:00+02:00"},
	} {
		control := load(t, fmt.Sprintf(`id: T-1
title: It is done
criteria: [CC8.1]
owner: engineering lead
frequency: daily
tests:
  - {id: t, kind: occurrence, title: It is done, population: {from: items}, due: item.due_at, done: item.done_at, grace: %s}
`, c.grace))
		if term := termOf(t, control.Tests[0], "due_at", "2026-10-23T23:30:00+02:00", "Europe/Berlin"); term.Deadline.In(place(t, "Europe/Berlin")).Format(time.RFC3339) != c.deadline {
			t.Errorf("%s: %+v, want %s", c.grace, term, c.deadline)
		}
	}
}

func place(t *testing.T, zone string) *time.Location {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return location
}

// fieldOf says where the day of a source's field begins: in the organisation's zone, or in UTC.
func fieldOf(source, name string) string {
	if kind, err := app.Kinds.Find(source); err == nil {
		if field := kind.Field(name); field.Day {
			return "zone"
		}
	} else if derived := app.Kinds.Derived(source); derived != nil {
		if field := derived.Field(name); field.Day {
			return "zone"
		}
	}
	return "UTC"
}

// itemOf is an item that is due, and done where that is said.
func itemOf(test *controls.Test, due, at, done string) string {
	item := fmt.Sprintf(`{"id":"x",%q:%q`, due, at)
	for _, name := range []string{test.Population.At, test.Population.ID} {
		if name = strings.TrimPrefix(name, "item."); name != due && name != "id" {
			item += fmt.Sprintf(`,%q:%q`, name, at)
		}
	}
	if done != "" {
		item += fmt.Sprintf(`,%q:%q`, strings.TrimPrefix(test.Done, "item."), done)
	}
	return item + "}"
}

// termOf is what the list of what is not done says.
func termOf(t *testing.T, test *controls.Test, due, at, zone string) (term controls.Term) {
	t.Helper()
	e := test.Evaluator()
	if err := e.Read([]byte(itemOf(test, due, at, ""))); err != nil {
		t.Fatal(err)
	}
	u, ok := ct.UndoneOf(e, place(t, zone))
	if in, _ := e.In(); !ok && in {
		t.Fatalf("%s is done, or is no item: %s", test.ID, itemOf(test, due, at, ""))
	}
	return u.Term
}
