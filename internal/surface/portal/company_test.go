package portal_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// person is somebody of the register of people who may do everything.
func person(id string) act.Caller {
	return act.Caller{ID: "person/" + id, Roles: []string{"administrator"}}
}

// company is a folder in the middle of a half-year: E1 is its security lead, E2
// has left and kept access, which PPL-01 found; the access review of January was
// done, the one of February is late.
type company struct {
	*site

	t      *testing.T
	period *periods.Period
}

func (c *company) at(text string) {
	c.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.t.Fatal(err)
	}
	c.Manual.Set(at)
}

func (c *company) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func openCompany(t *testing.T) *company {
	t.Helper()
	c, ctx := &company{site: serve(t, config.Config{}), t: t}, context.Background()
	c.at("2026-01-10T09:00:00Z")
	_, err := c.Establish(ctx, apptest.Operator)
	c.must(err)
	c.period, err = periods.OpenPeriod(ctx, c.Door, apptest.Operator, periods.Period{
		Name: "H1", From: time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), Timezone: "UTC",
	})
	c.must(err)
	for id, title := range map[string]string{"E1": "Security lead", "E2": "Engineer", "E3": "Chief executive"} {
		_, err := c.AddRecord(ctx, apptest.Operator, people.Register, fields("id", id, "name", "Example "+id, "title", title, "joined_at", "2025-02-10T09:00:00Z"))
		c.must(err)
	}
	_, _, err = c.VersionDesk().Adopt(ctx, person("E3"), []*controls.Control{c.control("PPL-01")}, nil)
	c.must(err)
	_, err = c.VersionDesk().Assess(ctx, person("E3"), versions.Assessment{
		Control: "PPL-01", Risk: "somebody keeps access", Precision: "any", Walkthrough: "person/E2", Conclusion: controltests.Effective, Reason: "it would find it",
	})
	c.must(err)
	c.at("2026-01-30T15:00:00Z")
	c.done(person("E1"), tasks.Entry{Ref: "access-review@2026-01-31", Note: "Two accounts were removed.", Evidence: []string{"person/E1"}})
	c.at("2026-02-27T12:00:00Z")
	_, err = c.MoveRecord(ctx, apptest.Operator, people.Register, "E2", record.AnyVersion, people.Left, fields("left_at", "2026-02-27T12:00:00Z"))
	c.must(err)
	c.at("2026-02-27T13:00:00Z")
	c.test("PPL-01") // within the day: nothing has failed
	c.at("2026-03-10T09:00:00Z")
	c.test("PPL-01")
	c.at("2026-03-10T12:00:00Z")
	for title, owner := range map[string]string{"A key without rotation": "person/E1", "A door without a lock": "person/E3"} {
		_, err = c.AddRecord(ctx, apptest.Operator, findings.Register, fields("title", title, "source", "audit", "severity", "critical", "found_at", "2026-03-10T08:00:00Z", "owner", owner))
		c.must(err)
	}
	return c
}

// done records that an occurrence was done, with a file that shows it.
func (c *company) done(by act.Caller, e tasks.Entry) {
	c.t.Helper()
	_, err := c.Done(context.Background(), by, e, e.Ref+".csv", strings.NewReader("what,decision\n"))
	c.must(err)
}

func fields(pairs ...string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = json.RawMessage(`"` + pairs[i+1] + `"`)
	}
	return values
}

func (c *company) control(id string) *controls.Control {
	c.t.Helper()
	control, err := c.Control(id)
	c.must(err)
	return control
}

func (c *company) test(id string) {
	c.t.Helper()
	control := c.control(id)
	for _, test := range control.Tests {
		_, err := c.Lab().Perform(context.Background(), apptest.Operator, results.Task{Control: control, Test: test, Period: *c.period})
		c.must(err)
	}
}

// employed is the browser of somebody new whose account is of a person.
func (c *company) employed(id, person string, roles ...string) *browser {
	c.t.Helper()
	_, err := accounts.Create(context.Background(), c.Door, apptest.Operator, accounts.Account{ID: id, Name: "Example " + id, Person: "person/" + person, Roles: roles}, password)
	c.must(err)
	b := c.browser(c.t)
	b.post("/signin", "id", id, "password", password)
	b.get("/account").want(c.t, 200, "Example "+id)
	return b
}
