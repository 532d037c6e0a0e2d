package portal_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/trust/ledger"
)

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
