package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
)

// Whoever has to sign something comes from their work to a page that says what it is and
// whom to ask: that they signed is for somebody else to record.
func TestWhatSomebodyHasToSign(t *testing.T) {
	c := openCompany(t)
	c.records(t, "agreements", `{"person":"person/E3","terms":"Confidentiality 2026","access_from":"2026-03-01T09:00:00Z"}`)
	root := c.signed(t, "root", "administrator")
	b := c.employed("cee", "E3", "employee")
	b.get("/work").want(t, http.StatusOK, `<a href="/agreements/AGR-1">Sign the terms of confidentiality and security</a>`, `<span title="person/E3">Example E3</span>`)
	b.get("/agreements/AGR-1").want(t, http.StatusOK, "<h1>Confidentiality 2026</h1>", "To be signed by", "Ask Example root for these terms", "they record")
	ann := c.signed(t, "ann", "compliance")
	if page := b.get("/agreements/AGR-1").want(t, http.StatusOK, "Ask Example ann for these terms"); strings.Contains(page.body, "Example root") {
		t.Error("administrators are to be asked, and it is somebody's work")
	}
	ann.get("/agreements/AGR-1").goes(t, "/r/agreements/AGR-1")
	root.get("/agreements/AGR-2").want(t, http.StatusNotFound)
	c.employed("eva", "E1", "control-owner").get("/agreements/AGR-1").want(t, http.StatusForbidden)
	_, err := c.MoveRecord(t.Context(), apptest.Operator, people.Agreements, "AGR-1", record.AnyVersion, people.Signed, fields("signed_at", "2026-03-10T10:00:00Z", "document", "terms-E3.pdf"))
	c.must(err)
	if page := b.get("/agreements/AGR-1").want(t, http.StatusOK, "You have signed", "terms-E3.pdf"); strings.Contains(page.body, "Example ann") {
		t.Error("there is nothing left to ask for")
	}
}
