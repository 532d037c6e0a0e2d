package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/operations/processing"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
)

// People are chosen by their names: the form offers them to whoever may read the
// records in which they are named, takes a name that is one person's alone, and of very many offers those who are
// called so.
func TestPeopleAreChosenByName(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`, `{"id":"E2","name":"Bob Twin"}`, `{"id":"E3","name":"Bob Twin"}`)
	b := s.signed(t, "ann", "compliance")
	form := b.get("/new/risks").want(t, 200, `<datalist id="f-owner-list"><option value="person/E2">Bob Twin</option>`, `<option value="person/E1">Zoe Example</option>`)
	if strings.Count(form.body, "person/E1\">") != 1 {
		t.Error("people are listed more than once")
	}
	eve := s.signed(t, "eve", "control-owner")
	eve.get("/new/risks").want(t, 200, `<option value="person/E1">Zoe Example</option>`)
	b.post("/r/risks", "f.title", "Flood", "f.category", "operations", "f.owner", "Zoe Example").goes(t, "/r/risks/RSK-1")
	b.get("/r/risks/RSK-1").want(t, 200, `<a href="/r/people/E1" title="person/E1">Zoe Example</a>`)
	b.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "Bob Twin").want(t, 422, "several people are called Bob Twin", "&#34;person/E2&#34; or &#34;person/E3&#34;", `value="Bob Twin"`)
	b.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "Zoe").want(t, 422, `value="Zoe"`)
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf(`{"id":"M%03d","name":"Extra Person %03d"}`, i, i))
	}
	s.people(t, many...)
	if form := b.get("/new/risks").want(t, 200, "of 303 people, those are offered who are called so"); strings.Contains(form.body, "<option value=\"person/") {
		t.Error("some of very many people are offered")
	}
	narrowed := b.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "person 29").want(t, 422, `list="f-owner-list"`, `<option value="person/M290">Extra Person 290</option>`)
	if strings.Contains(narrowed.body, "person/M289") || strings.Count(narrowed.body, `<option value="person/`) != 13 {
		t.Error("it is not narrowed to those who are called so")
	}
	b.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "Extra Person 290").goes(t, "/r/risks/RSK-2")
	// What else the register says of them is found by nobody who may not read it.
	s.people(t, `{"id":"S1","name":"Sam Sample","department":"Extra Department"}`)
	for words, offered := range map[string]int{"sample": 1, "extra department": 0} {
		got := eve.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", words).want(t, 422)
		if n := strings.Count(got.body, `<option value="person/`); n != offered {
			t.Errorf("%q offers %d people", words, n)
		}
	}
	eve.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "person/E999").want(t, 422, "person/E999 is not in the register.")
}

// What a colleague is called is known to whoever may read records in which people are
// named; the register of people is not theirs for that.
func TestColleaguesAreCalledByTheirNames(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example","email":"zoe@example.com"}`, `{"id":"E2","name":"Bob Other"}`)
	s.records(t, "risks", `{"title":"A flood","category":"operations","owner":"person/E1"}`)
	const named = `<span title="person/E1">Zoe Example</span>`
	for _, role := range []string{"control-owner", "engineer", "executive"} {
		b := s.signed(t, "x-"+role, role)
		before := s.size(t)
		for _, path := range []string{"/r/risks", "/r/risks/RSK-1"} {
			if got := b.get(path).want(t, 200, named); strings.Contains(got.body, "/r/people") || strings.Contains(got.body, "zoe@") {
				t.Errorf("%s leads %s to the register of people", path, role)
			}
		}
		if s.size(t) != before {
			t.Errorf("a name that %s sees is recorded as a reading", role)
		}
		b.get("/r/people/E1").want(t, http.StatusForbidden)
	}
	b := s.signed(t, "eve", "control-owner")
	b.get("/r/risks/RSK-1/edit").want(t, 200, `value="person/E1"`, `<p class="soft help">Zoe Example</p>`)
	b.post("/r/risks/RSK-1", "version", "1", "f.owner", "Bob Other").goes(t, "/r/risks/RSK-1")
	b.get("/r/risks/RSK-1").want(t, 200, `<span title="person/E2">Bob Other</span>`)
	ann := s.signed(t, "ann", "compliance")
	ann.get("/account").want(t, 200)
	ann.post("/r/privacy_checks", "f.title", "2026", "f.owner", "Zoe Example", "f.due_at", "2026-12-01T00:00", "f.findings.0.text", "A form", "f.findings.0.owner", "Bob Other").goes(t, "/r/privacy_checks/PCH-1")
	ann.get("/r/privacy_checks/PCH-1").want(t, 200, `title="person/E1">Zoe Example</a>`, `title="person/E2">Bob Other</a>`)
}

// A reference that names nothing says so, and leads nowhere.
func TestAReferenceThatNamesNothing(t *testing.T) {
	c := openCompany(t)
	_, err := c.Door.Do(t.Context(), apptest.Operator, "risk.add", "risks", func(tx *act.Tx) error {
		_, err := record.Put(tx, risks.Register, record.Change{Verb: "added", ID: "RSK-9", Doc: risks.Risk{
			ID: "RSK-9", Title: "Flood", Category: "operations", Owner: "person/E999", State: "identified", Controls: []string{"PPL-01", "NOPE-99"}, Tasks: []string{"task/access-review", "task/access-review@2026-03-31", "task/none"},
		}})
		return err
	})
	c.must(err)
	const duty = "Review who has access"
	page := c.signed(t, "ann", "compliance").get("/r/risks/RSK-9").want(t, 200, `person/E999 <span class="soft">(not in the register)</span>`, `NOPE-99 <span class="soft">(not in the catalog)</span>`,
		`<a href="/controls/PPL-01">PPL-01</a>`, `<a href="/duties/access-review" title="task/access-review">`+duty+`</a>`, `<a href="/duties/access-review/2026-03-31" title="task/access-review@2026-03-31">`+duty+`, 2026-03-31</a>`, `task/none <span class="soft">(not in the register)</span>`)
	for _, dead := range []string{"/r/people/E999", "/controls/NOPE-99", "/duties/none"} {
		if strings.Contains(page.body, `href="`+dead) {
			t.Errorf("a link leads to %s", dead)
		}
	}
}

// Vendors, duties and controls are taken by their names, in texts and in lists.
func TestRecordsAreTakenByName(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`)
	s.records(t, "vendors", `{"name":"IdentCheck AG","service":"Checks","category":"software","owner":"person/E1"}`,
		`{"name":"Twin","service":"One","category":"software","owner":"person/E1"}`, `{"name":"Twin","service":"Two","category":"software","owner":"person/E1"}`)
	b := s.signed(t, "ann", "compliance")
	b.get("/new/risks").want(t, 200, "What can be named: 3", "IdentCheck AG <code>vendor/VEN-1</code>", "<code>ACC-01</code>")
	title := ""
	all, err := s.Controls()
	if err != nil {
		t.Fatal(err)
	}
	for _, control := range all {
		if control.ID == "ACC-01" {
			title = control.Title
		}
	}
	b.post("/r/risks", "f.title", "Flood", "f.category", "operations", "f.owner", "Ann Example", "f.vendors", "IdentCheck AG\nVEN-2", "f.controls", title).goes(t, "/r/risks/RSK-1")
	b.get("/r/risks/RSK-1").want(t, 200, `href="/r/vendors/VEN-1"`, `href="/r/vendors/VEN-2"`, `href="/controls/ACC-01"`)
	b.get("/account")
	b.post("/r/risks", "f.title", "Frost", "f.category", "operations", "f.owner", "E9", "f.vendors", "VEN-9").want(t, 422, "&#34;E9&#34; does not name a record: write it as person/id; forms and tables take its number alone, and forms its name", "&#34;VEN-9&#34; does not name")
	b.post("/r/risks", "f.title", "Hail", "f.category", "operations", "f.owner", "E1").goes(t, "/r/risks/RSK-2")
	b.post("/r/risks", "f.title", "Storm", "f.category", "operations", "f.owner", "Ann Example", "f.vendors", "Twin").want(t, 422, "several records are called Twin", "&#34;vendor/VEN-2&#34; or &#34;vendor/VEN-3&#34;")
}

// Whoever has left is refused at the field of who has something to do, and marked where
// they still stand.
func TestWhoHasLeftIsMarked(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`, `{"id":"E2","name":"Gus Gone"}`, `{"id":"E3","name":"Lea Later"}`)
	s.records(t, "risks", `{"title":"A flood","category":"operations","owner":"person/E2"}`)
	s.records(t, "findings", `{"title":"A gap","source":"audit","severity":"low","found_at":"2026-02-01T08:00:00Z","owner":"person/E3"}`)
	b := s.signed(t, "ann", "compliance")
	for _, page := range []string{"/r/risks/RSK-1", "/r/risks"} {
		if got := b.get(page).want(t, 200, "Gus Gone"); strings.Contains(got.body, "(left") {
			t.Errorf("%s says of somebody who works here that they have left", page)
		}
	}
	left := s.Clock.Now().AddDate(0, 0, -3).UTC()
	for id, at := range map[string]time.Time{"E2": left, "E3": left.AddDate(0, 1, 0)} {
		if _, err := s.MoveRecord(t.Context(), apptest.Operator, people.Register, id, record.AnyVersion, people.Left, fields("left_at", at.Format(time.RFC3339))); err != nil {
			t.Fatal(err)
		}
	}
	mark := `>Gus Gone</a> <span class="soft">(left ` + left.Format(time.DateOnly) + `)</span>`
	b.get("/r/risks/RSK-1").want(t, 200, mark)
	b.get("/r/risks").want(t, 200, mark)
	if got := b.get("/r/findings/FND-1").want(t, 200, "Lea Later"); strings.Contains(got.body, "(left") {
		t.Error("who leaves in a month has left")
	}
	b.get("/new/findings").want(t, 200, `<option value="person/E2">Gus Gone, left `+left.Format(time.DateOnly)+`</option>`, `<option value="person/E3">Lea Later</option>`)
	b.post("/r/findings", "f.title", "Gap", "f.source", "audit", "f.severity", "low", "f.found_at", "2026-02-01T08:00", "f.owner", "Gus Gone").
		want(t, 422, "Gus Gone (person/E2) left on "+left.Format(time.DateOnly)+": name somebody who works here", `value="Gus Gone"`)
	b.post("/r/findings", "f.title", "Gap", "f.source", "audit", "f.severity", "low", "f.found_at", "2026-02-01T08:00", "f.owner", "Lea Later").goes(t, "/r/findings/FND-2")
	b.get("/r/risks/RSK-1/edit")
	b.post("/r/risks/RSK-1", "version", "1", "f.title", "A high flood", "f.owner", "person/E2").goes(t, "/r/risks/RSK-1")
}

// A program is called as whoever made its token says, whose number says nothing to anybody.
func TestAProgramIsCalledByItsToken(t *testing.T) {
	s := serve(t, config.Config{})
	_, token, err := access.CreateToken(t.Context(), s.Door, apptest.Operator, "processing", "the pipeline", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	pipeline := act.Caller{ID: "token/" + token.ID, Roles: []string{"processing"}}
	if _, err := s.AddRecord(t.Context(), pipeline, processing.Checks, fields("id", "s1", "store", "The database", "due_at", "2026-02-01T09:00:00Z")); err != nil {
		t.Fatal(err)
	}
	s.signed(t, "ann", "engineer").get("/r/storage_checks/s1/history").want(t, http.StatusOK, ">the pipeline</a>")
}
