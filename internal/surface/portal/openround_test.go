package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/platform/config"
)

// A quarter's self-assessments are opened at once: for controls in force, by their owners
// where those are one person, and what nobody assesses is listed. Again it opens the rest.
func TestAQuarterOfSelfAssessmentsIsOpened(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "lead", "compliance")
	s.people(t, `{"id":"E1","name":"Ann Example","title":"People lead"}`, `{"id":"E2","name":"Bob Example","title":"security lead"}`, `{"id":"E3","name":"Cyd Example","title":"Security lead"}`, `{"id":"E4","name":"Dee Example"}`)
	var all []*controls.Control
	for _, id := range []string{"PPL-01", "ACC-02", "CHG-01"} {
		control, err := s.Control(id)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, control)
	}
	if _, _, err := s.VersionDesk().Adopt(t.Context(), act.Caller{ID: "person/E9", Roles: []string{"ciso"}}, all, nil); err != nil {
		t.Fatal(err)
	}
	quarter := "2026-Q1"
	b.get("/r/self_assessments").want(t, 200, `<a href="/open/self_assessments">Open a quarter</a>`)
	b.get("/self-assessments/open").goes(t, "/open/self_assessments")
	b.get("/open/self_assessments").want(t, 200, `name="f.quarter"`, `value="2026-Q1"`)
	open := func(fields ...string) page { return b.post("/open/self_assessments", fields...) }
	size := s.size(t)
	open("f.quarter", "", "f.reviewer", "").want(t, http.StatusUnprocessableEntity, `<a href="#f-quarter">Quarter</a>: is missing`, `<a href="#f-reviewer">Reviewer</a>: is missing`)
	open("f.quarter", "2026-5", "f.reviewer", "person/E4").want(t, http.StatusUnprocessableEntity, "is no quarter: write it like 2026-Q1", `value="person/E4"`)
	open("f.quarter", quarter, "f.reviewer", "person/E4", "f.assessor", "Dee Example").want(t, http.StatusUnprocessableEntity, "is the reviewer: name somebody else")
	open("f.quarter", quarter, "f.reviewer", "person/E99").want(t, http.StatusUnprocessableEntity, `<a href="#f-reviewer">Reviewer</a>: person/E99 names no record`)
	if s.size(t) != size {
		t.Error("what was refused left something")
	}
	left := open("f.quarter", quarter, "f.reviewer", "Dee Example").want(t, 200, ">1 self-assessment opened</a>", "Left: 2", ">ACC-02</a>", "2 people are its owner, the security lead", ">CHG-01</a>", "nobody is its owner, the engineering lead")
	if strings.Contains(left.body, "PPL-01") || strings.Contains(left.body, "POL-01") {
		t.Error("a control is left that is opened, or not in force")
	}
	b.get("/r/self_assessments/SA-PPL-01-2026-Q1").want(t, 200, "Ann Example", "Dee Example", "Draft", "Submit: for somebody else to do. Ann Example is the assessor, and submits it in their own name.")
	open("f.quarter", quarter, "f.reviewer", "person/E1", "f.assessor", "person/E4").goes(t, "/r/self_assessments?f.quarter=2026-Q1")
	b.get("/r/self_assessments?f.quarter=2026-Q1").want(t, 200, "SA-ACC-02-2026-Q1", "SA-CHG-01-2026-Q1", "SA-PPL-01-2026-Q1")
	size = s.size(t)
	s.Manual.Advance(time.Hour)
	open("f.quarter", quarter, "f.reviewer", "person/E1").goes(t, "/r/self_assessments?f.quarter=2026-Q1")
	if s.size(t) != size {
		t.Error("what is there is opened again")
	}
	// Whose own control it is is not their own reviewer.
	open("f.quarter", "2026-Q2", "f.reviewer", "person/E1").want(t, 200, "Left: 3", "its owner, the people lead, is the reviewer")
	eve := s.signed(t, "eve", "employee")
	eve.get("/open/self_assessments").want(t, 403)
	eve.post("/open/self_assessments", "f.quarter", "2026-Q2", "f.reviewer", "person/E4").want(t, 403)
}
