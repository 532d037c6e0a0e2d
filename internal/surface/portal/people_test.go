package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// People are called by their names wherever they are named, with a link for those who
// may read their register; a list that shows a part says so.
func TestPeopleAreCalledByTheirNames(t *testing.T) {
	c := openCompany(t)
	if _, err := c.Desk().Assign(t.Context(), person("E3"), "posture-review", "person/E3"); err != nil {
		t.Fatal(err)
	}
	b := c.signed(t, "ann", "ciso")
	const e1, e3 = `<a href="/r/people/E1" title="person/E1">Example E1</a>`, `<a href="/r/people/E3" title="person/E3">Example E3</a>`
	b.get("/duties?from=2026-03-01").want(t, http.StatusOK, "· Example E3</span>")
	b.get("/controls/PPL-01").want(t, http.StatusOK, "("+e3+", 2026-01-10)")
	b.get("/ledger").want(t, http.StatusOK)
	b.get("/ledger?actor=person%2FE1").want(t, http.StatusOK, `title="person/E1: only what they did">Example E1</a>`)
	c.signed(t, "eve", "engineer").get("/ledger?actor=person%2FE1").want(t, http.StatusOK, `only what they did">Example E1</a>`)
	_, err := c.CommentRecord(t.Context(), person("E1"), findings.Register, "FND-1", "Seen.")
	c.must(err)
	_, err = c.SetRecord(t.Context(), person("E1"), findings.Register, "FND-1", record.AnyVersion, fields("what", "Nobody looked."))
	c.must(err)
	b.get("/r/findings/FND-1").want(t, http.StatusOK, "Seen.</p><span class=\"soft\">"+e1)
	b.get("/r/findings/FND-1/history").want(t, http.StatusOK, "· "+e1+" · event")
	if got := b.get("/r/people/E1"); strings.Contains(got.body, "and there are more") {
		t.Error("a whole list says that there are more")
	}
	for range 11 {
		_, err = c.AddRecord(t.Context(), apptest.Operator, findings.Register, fields("title", "Gap", "source", "audit", "severity", "low", "found_at", "2026-03-10T08:00:00Z", "owner", "person/E1"))
		c.must(err)
	}
	b.get("/r/people/E1").want(t, http.StatusOK, "These are 10 of them, and there are more.")
}

// Managers whom the HR system names and who are not there are said above the list, with
// those who name them.
func TestManagersWhoAreNotThereAreSeen(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	if page := b.get("/r/people"); strings.Contains(page.body, "who are not in the register") {
		t.Error("a manager is missing before anybody names one")
	}
	var told []string
	for i := range 22 {
		told = append(told, fmt.Sprintf(`{"id":"N%d","name":"New %d","manager":"M%02d"}`, i, i, i))
	}
	_, err := people.Take(t.Context(), c.Door, apptest.Operator, "m1", fmt.Appendf(nil, `{"type":"people.changed","timestamp":"2026-03-01T09:00:00Z","data":{"people":[%s]}}`, strings.Join(told, ",")))
	c.must(err)
	page := b.get("/r/people").want(t, http.StatusOK, "Managers who are not in the register, with those who name them: ", `<a href="/r/people?f.manager=person%2FM00">person/M00</a>`, "person/M19</a> and 2 more.")
	if strings.Contains(page.body, `manager=person%2FM20"`) {
		t.Error("there are more than twenty")
	}
	b.get("/r/people?f.manager=person%2FM00").want(t, http.StatusOK, "New 0")
}

// What somebody owns and owes is seen by those who may read the register of people,
// as far as they may read what it is about; and looking is recorded.
func TestWhatAPersonOwnsAndOwes(t *testing.T) {
	c := openCompany(t)
	viewed := func() (n int) {
		if err := ledger.Find(t.Context(), c.DB, ledger.Query{Type: "scaf.access.viewed.v1", Subject: "person/E1"}, func(*ledger.Event) error {
			n++
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	c.employed("eva", "E1", "control-owner")
	ann := c.signed(t, "ann", "compliance")
	before := viewed()
	page := ann.get("/people/E1").want(t, http.StatusOK, `<h2 id="owes">`, `href="/duties/access-review/2026-02-28"`, "A key without rotation",
		"security lead", `href="/controls/ACC-02"`, `href="/duties/access-review"`, "Findings: Owner", `href="/r/findings?`, `href="/r/people/E1"`, "control-owner")
	if strings.Contains(page.body, "A door without a lock") {
		t.Error("it has what somebody else owes")
	}
	if viewed() != before+1 {
		t.Error("looking at a person is not recorded")
	}
	ann.get("/r/people/E1").want(t, http.StatusOK, `href="/people/E1"`)
	ann.get("/people/E99").want(t, http.StatusNotFound)
	c.signed(t, "aud", "auditor").get("/people/E1").want(t, http.StatusOK, "access-review")
	for _, role := range []string{"engineer", "employee", "executive", "control-owner"} {
		c.signed(t, "no-"+role, role).get("/people/E1").want(t, http.StatusForbidden)
	}
	// A case that somebody looks into is for those who may read such cases.
	fields := map[string]json.RawMessage{}
	c.must(json.Unmarshal([]byte(`{"reported_at":"2026-02-01T09:00:00Z","channel":"manager","rule":"code-of-conduct 6","investigated_by":"person/E1"}`), &fields))
	_, err := c.AddRecord(t.Context(), apptest.Operator, people.ConductCases, fields)
	c.must(err)
	if strings.Contains(ann.get("/people/E1").body, "reported breach") {
		t.Error("compliance learns of a conduct case")
	}
	c.signed(t, "sec", "ciso").get("/people/E1").want(t, http.StatusOK, "Look into the reported breach", "Conduct cases: Looked into by")
}
