package portal_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

func taskEntry(ref string) tasks.Entry { return tasks.Entry{Ref: ref, Note: "Looked at"} }

func TestMyWorkIsWhatIOwe(t *testing.T) {
	c := openCompany(t)
	// By the title in the register of people.
	b := c.employed("eva", "E1", "control-owner")
	mine := b.get("/work").want(t, http.StatusOK, `<h2 id="late">`, `href="/duties/access-review/2026-02-28"`, `href="/duties/access-review/2026-03-31"`, "security lead",
		`<h2 id="coming">`, `href="/r/findings/FND-`, "A key without rotation", "2026-03-17")
	for _, other := range []string{"executive-summary", "A door without a lock", "access-review/2026-01-31"} {
		if strings.Contains(mine.body, other) {
			t.Errorf("it has %s", other)
		}
	}
	c.done(person("E1"), taskEntry("access-review@2026-02-28"))
	if mine := b.get("/work"); strings.Contains(mine.body, "access-review/2026-02-28") {
		t.Error("what was done is still to be done")
	}
	// By the reference of the person, of whom a duty was made theirs.
	c.people(t, `{"id":"E4","name":"Kim Example"}`)
	none := c.employed("kim", "E4", "employee")
	if to := c.browser(t).post("/signin", "id", "kim", "password", password); to.to != "/work" {
		t.Errorf("whoever has no overview comes to %s", to.to)
	}
	none.get("/work").want(t, http.StatusOK, "You owe nothing", "register of people")
	if _, err := c.Desk().Delegate(t.Context(), person("E1"), "access-review", "person/E3", c.Manual.Now().AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	theirs := c.employed("cee", "E3", "employee").get("/work").want(t, http.StatusOK, "access-review@2026-03-31")
	if strings.Contains(theirs.body, `href="/duties/`) {
		t.Error("a link leads where they may not go")
	}
	// An account without a person owes what is given to its name or its role.
	c.signed(t, "ann", "compliance").get("/work").want(t, http.StatusOK, "as compliance", "You owe nothing")
	if _, err := c.Desk().Assign(t.Context(), person("E1"), "posture-review", "account/ann"); err != nil {
		t.Fatal(err)
	}
	c.signed(t, "bob", "compliance").get("/work").want(t, http.StatusOK, "You owe nothing")
}

// What SCAF does itself is nobody's work: whoever owns it is told when it was not done.
func TestMyWorkLeavesOutWhatSCAFDoes(t *testing.T) {
	c := openCompany(t)
	if _, err := c.Desk().Assign(t.Context(), person("E3"), "log-integrity-check", "person/E1"); err != nil {
		t.Fatal(err)
	}
	mine := c.employed("eva", "E1", "control-owner").get("/work").want(t, http.StatusOK, "SCAF itself was to do", `<a href="/duties/log-integrity-check">`, "access-review@2026-03-31")
	if strings.Contains(mine.body, "log-integrity-check@") || strings.Count(mine.body, "SCAF itself was to do") != 1 {
		t.Error("it lists what nobody but SCAF can do")
	}
}

// What does not fit into a page of work is said, not left out.
func TestMyWorkSaysWhenThereIsMore(t *testing.T) {
	c := openCompany(t)
	b := c.employed("eva", "E1", "control-owner")
	if mine := b.get("/work"); strings.Contains(mine.body, "There are more") {
		t.Error("there is more than one finding")
	}
	found, due := c.Manual.Now(), c.Manual.Now().AddDate(0, 0, 8)
	var all []record.Change
	for i := range 500 {
		id := fmt.Sprintf("FND-9%03d", i)
		all = append(all, record.Change{Verb: "added", ID: id, Doc: findings.Finding{
			ID: id, Title: "Gap", Source: "audit", Severity: "critical", Owner: "person/E1", State: findings.Open, ReportedBy: "person/E2", FoundAt: &found, DueAt: &due,
		}})
	}
	_, err := c.Door.Do(t.Context(), apptest.Operator, "finding.add", findings.Register.Register, func(tx *act.Tx) error {
		_, err := record.Put(tx, findings.Register, all...)
		return err
	})
	c.must(err)
	mine := b.get("/work").want(t, http.StatusOK, "The 100 that fall due first are below", "A key without rotation", "FND-9098")
	// The list of all of them, of hers alone.
	whole := regexp.MustCompile(`There are more than 500 of “<a href="([^"]+)">Close the finding</a>”`).FindStringSubmatch(mine.body)
	if whole == nil {
		t.Fatal("it does not say of what there is more, with the list of all of it")
	}
	filter, err := url.Parse(html.UnescapeString(whole[1]))
	c.must(err)
	c.must(c.DB.Read(t.Context(), func(r *store.Reader) error {
		if n, err := record.Counted(r, findings.Register, filter.Query().Get("filter")); err != nil || n != 501 {
			t.Errorf("the list has %d, %v", n, err)
		}
		return nil
	}))
	b.get(filter.String()).want(t, http.StatusOK, "A key without rotation", "FND-9000")
	// The others are on the pages after it, as many as it says.
	listed := strings.Count(mine.body, "finding/FND-")
	for next := mine; ; {
		link := regexp.MustCompile(`<a href="(/work\?after=\d+)">(\d+) more</a>`).FindStringSubmatch(next.body)
		if link == nil {
			break
		}
		if want := strconv.Itoa(500 - listed); link[2] != want {
			t.Errorf("it says that %s more fall due, not %s", link[2], want)
		}
		next = b.get(link[1]).want(t, http.StatusOK, "of 500")
		listed += strings.Count(next.body, "finding/FND-")
	}
	if listed != 500 {
		t.Errorf("the pages have %d of them", listed)
	}
	b.get("/work?after=x").want(t, http.StatusOK, "The 100 that fall due first")
	if strings.Contains(mine.body, "FND-9099") || len(mine.body) > 150_000 {
		t.Errorf("101 are listed, in %d bytes", len(mine.body))
	}
	if strings.Contains(mine.body, "not in the register") { // the names of so many are read together
		t.Error("some that are listed are said not to be in the register")
	}
}

// The last day of a quarter reads as that day west of Greenwich, too, and lists find it.
func TestTheLastDayOfAQuarterIsThatDayEverywhere(t *testing.T) {
	c := &company{site: serve(t, config.Config{Timezone: "America/Los_Angeles"}), t: t}
	c.at("2026-03-01T09:00:00Z")
	b := c.signed(t, "ann", "compliance")
	_, err := c.AddRecord(t.Context(), apptest.Operator, people.Register, fields("id", "E1", "name", "Example E1", "title", "Engineer", "joined_at", "2025-02-10T09:00:00Z"))
	c.must(err)
	_, err = c.AddRecord(t.Context(), apptest.Operator, assessments.Register, fields("control", "CHG-01", "quarter", "2026-Q1", "assessor", "person/E1", "reviewer", "account/ann"))
	c.must(err)
	mine := c.employed("eva", "E1", "control-owner")
	for _, page := range []page{
		b.get("/r/self_assessments/SA-CHG-01-2026-Q1"), b.get("/r/self_assessments?f.due_at.from=2026-03-31&f.due_at.to=2026-03-31"), b.get("/people/E1"), mine.get("/work"),
	} {
		page.want(t, http.StatusOK, "SA-CHG-01-2026-Q1", "2026-03-31<")
	}
	for _, other := range []string{"f.due_at.to=2026-03-30", "f.due_at.from=2026-04-01"} {
		if page := b.get("/r/self_assessments?" + other); strings.Contains(page.body, "SA-CHG-01-2026-Q1") {
			t.Errorf("%s lists it", other)
		}
	}
	mine.get("/work").want(t, http.StatusOK, `<span class="chip due">`, `<tr class="toned due"><th scope="row">`)
	c.at("2026-04-01T06:50:00Z")
	if page := c.signed(t, "bob", "compliance").get("/people/E1").want(t, http.StatusOK, "SA-CHG-01-2026-Q1"); strings.Contains(page.body, "1 thing late") {
		t.Error("on the last day it is late")
	}
	c.at("2026-04-01T07:00:00Z")
	c.signed(t, "cem", "compliance").get("/people/E1").want(t, http.StatusOK, "1 thing late")
	mine.post("/signin", "id", "eva", "password", password) // the session has ended
	mine.get("/work").want(t, http.StatusOK, `<span class="chip late">`, `<tr class="toned late"><th scope="row">`)
}

// An agenda has the days of the organisation's time zone, and its people by name for who
// may read people.
func TestAnAgendaHasTheDaysOfHereAndNamesPeople(t *testing.T) {
	c := &company{site: serve(t, config.Config{Timezone: "Europe/Berlin"}), t: t}
	c.at("2026-03-01T09:00:00Z")
	_, err := c.AddRecord(t.Context(), apptest.Operator, people.Register, fields("id", "E1", "name", "Zoe Example", "title", "Engineer", "joined_at", "2025-02-10T09:00:00Z"))
	c.must(err)
	_, err = c.AddRecord(t.Context(), apptest.Operator, meetings.Register, fields("title", "Week 9", "series", meetings.Posture, "chair", "person/E1", "keeper", "person/E1", "planned_for", "2026-03-12T09:00:00Z"))
	c.must(err)
	for _, found := range []string{"2026-02-28T23:30:00Z", "2026-03-01T08:00:00Z"} { // of 1 March both
		_, err = c.AddRecord(t.Context(), apptest.Operator, findings.Register, fields("title", "A gap of "+found, "source", "audit", "severity", "critical", "found_at", found, "owner", "person/E1"))
		c.must(err)
	}
	c.at("2026-03-11T09:00:00Z")
	_, err = c.PrepareMeeting(t.Context(), apptest.Operator, "MTG-1")
	c.must(err)
	agenda := c.signed(t, "bob", "compliance").get("/r/meetings/MTG-1").want(t, http.StatusOK, ">Who<", "A gap of 2026-02-28T23:30:00Z (due 2026-03-08, overdue)", "A gap of 2026-03-01T08:00:00Z (due 2026-03-08, overdue)", ">Zoe Example</a>")
	if strings.Contains(agenda.body, "(person/E1") {
		t.Error("a text has the reference of a person")
	}
	c.signed(t, "cem", "executive").get("/r/meetings/MTG-1").want(t, http.StatusOK, "A gap of", "person/E1")
}
