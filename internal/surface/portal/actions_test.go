package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/risks"
)

// The page of a risk lists the actions that treat it, with their states, and says how
// many of them are late.
func TestARiskShowsTheActionsThatTreatIt(t *testing.T) {
	c := openCompany(t)
	b := c.signedIn(t, "lead", "administrator")
	_, err := c.AddRecord(t.Context(), apptest.Operator, risks.Register, fields("title", "Flood", "category", "operations", "owner", "person/E3", "due_at", "2026-09-12T00:00:00Z"))
	c.must(err)
	b.post("/r/actions", "f.title", "Move the archive", "f.owner", "Example E1", "f.due_at", "2026-04-01", "f.risk", "risk/RSK-1").goes(t, "/r/actions/ACT-1")
	if page := b.get("/r/risks/RSK-1").want(t, http.StatusOK, "<h2>Actions</h2>", "Move the archive", "Open"); strings.Contains(page.body, "1 late") {
		t.Error("what is to come is late")
	}
	c.at("2026-04-02T09:00:00Z")
	b = c.signedIn(t, "lead2", "administrator")
	b.get("/r/risks/RSK-1").want(t, http.StatusOK, "<strong>1 late</strong>")
	_, err = c.MoveRecord(t.Context(), person("E1"), actions.Register, "ACT-1", 0, actions.Done, fields("result", "It is upstairs"))
	c.must(err)
	if page := b.get("/r/risks/RSK-1").want(t, http.StatusOK, "Move the archive", "Done"); strings.Contains(page.body, "1 late") {
		t.Error("what is done is late")
	}
}
