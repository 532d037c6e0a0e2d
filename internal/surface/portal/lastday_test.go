package portal_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/systems"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// Until the moment that pages say, what is late is in time for the test that reads it; a
// moment later it is a deviation. Days are those of the organisation's time zone.
func TestTheDeviationComesAfterTheMomentThatPagesSay(t *testing.T) {
	for _, test := range []struct{ zone, lastMoment string }{
		{"Europe/Berlin", "2026-04-15T21:59:59.999999Z"},
		{"America/Los_Angeles", "2026-04-16T06:59:59.999999Z"},
	} {
		t.Run(test.zone, func(t *testing.T) {
			zone, err := time.LoadLocation(test.zone)
			if err != nil {
				t.Fatal(err)
			}
			c, ctx := &company{site: serve(t, config.Config{Timezone: test.zone}), t: t}, t.Context()
			c.at("2026-01-10T09:00:00Z")
			c.period, err = periods.OpenPeriod(ctx, c.Door, apptest.Operator, periods.Period{
				Name: "H1", From: time.Date(2026, 1, 11, 0, 0, 0, 0, zone), To: time.Date(2026, 7, 1, 0, 0, 0, 0, zone), Timezone: test.zone,
			})
			c.must(err)
			_, err = c.AddRecord(ctx, apptest.Operator, people.Register, fields("id", "E1", "name", "Example E1", "joined_at", "2025-02-10T09:00:00Z"))
			c.must(err)
			_, _, err = c.VersionDesk().Adopt(ctx, person("E1"), []*controls.Control{c.control("AST-01")}, nil)
			c.must(err)
			c.at("2026-02-10T09:00:00Z")
			for _, name := range []string{"Laptop 1", "Laptop 2"} {
				_, err = c.AddRecord(ctx, apptest.Operator, systems.Assets, fields("name", name, "kind", "device", "owner", "person/E1", "data_class", "internal"))
				c.must(err)
			}
			last, err := time.Parse(time.RFC3339Nano, test.lastMoment)
			c.must(err)
			c.at(last.Add(-time.Hour).Format(time.RFC3339))
			b := c.signed(t, "ann", "compliance")
			if line := b.get("/").want(t, http.StatusOK).around(t, `id="coming"`, 700); !strings.Contains(line, "due 2026-03-31, a deviation after 2026-04-15 23:59") || !strings.Contains(line, `<a href="/r/assets/AST-1" title="AST-1@2026-Q1">Laptop 1, 2026-Q1</a>`) {
				t.Errorf("what breaks soon says %s", line)
			}
			// An agenda leads there, too, and says who confirms it: not whose control the test is of.
			_, err = c.AddRecord(ctx, apptest.Operator, meetings.Register, fields("title", "Week 16", "series", meetings.Management, "chair", "person/E1", "keeper", "person/E1", "planned_for", last.Add(time.Hour).Format(time.RFC3339)))
			c.must(err)
			_, err = c.PrepareMeeting(ctx, apptest.Operator, "MTG-1")
			c.must(err)
			b.get("/r/meetings/MTG-1").want(t, http.StatusOK, "Becomes a deviation soon", `<a href="/r/assets/AST-1" title="AST-1@2026-Q1">Laptop 1, 2026-Q1</a>`, `<a href="/r/people/E1" title="person/E1">Example E1</a>`)
			confirm := func(id string) {
				values := fields()
				values["flows"] = []byte(`["none"]`)
				_, err := c.MoveRecord(ctx, person("E1"), systems.Assets, id, record.AnyVersion, systems.InUse, values)
				c.must(err)
			}
			c.at(test.lastMoment)
			confirm("AST-1")
			c.at(last.Add(time.Microsecond).Format(time.RFC3339Nano))
			confirm("AST-2")
			control := c.control("AST-01")
			confirmed, _ := control.Test("confirmed")
			outcome, err := c.Lab().Perform(ctx, apptest.Operator, results.Task{Control: control, Test: confirmed, Period: *c.period})
			c.must(err)
			if d := outcome.Result.Exceptions; outcome.Result.Passed != 1 || len(d) != 1 || d[0].Item != "AST-2@2026-Q1" || d[0].Reason != controltests.Late {
				t.Errorf("%d passed, and of the rest %+v", outcome.Result.Passed, d)
			}
			// What is computed of a record leads to it wherever it is named.
			item := `<a href="/r/assets/AST-2" title="AST-2@2026-Q1">Laptop 2, 2026-Q1</a>`
			deviations := b.get("/controls/AST-01/deviations").want(t, http.StatusOK, item)
			one := regexp.MustCompile(`href="(/results/[^"]+/deviation[^"]+)"`).FindStringSubmatch(deviations.body)
			if one == nil {
				t.Fatal("no deviation has a page")
			}
			b.get(html.UnescapeString(one[1])).want(t, http.StatusOK, item)
		})
	}
}
