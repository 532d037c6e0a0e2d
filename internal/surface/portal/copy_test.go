package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// The page of everything that has one of its own says its address, for whoever copies it.
func TestEveryRecordHasAnAddressToCopy(t *testing.T) {
	c := openCompany(t)
	dir := filepath.Join(c.Dir, surface.ControlsDir)
	c.must(os.MkdirAll(dir, 0o700))
	c.must(os.WriteFile(filepath.Join(dir, "OWN-01.yaml"), []byte(reconciled), 0o600))
	c.test("OWN-01")
	c.inForce(t, "acceptable-use")
	_, err := c.AddRecord(t.Context(), apptest.Operator, training.Courses, fields("id", "basics", "title", "Look twice", "owner", "person/E1", "audience", "everybody", "text", "Because."))
	c.must(err)
	_, err = c.MoveRecord(t.Context(), apptest.Operator, training.Courses, "basics", record.AnyVersion, training.Offered, nil)
	c.must(err)
	_, err = c.AssignTrainings(t.Context(), apptest.Operator)
	c.must(err)
	c.records(t, "agreements", `{"person":"person/E3","terms":"Confidentiality 2026","access_from":"2026-03-01T09:00:00Z"}`)
	mismatch := "/results/RES-3/mismatch?mismatch=" + url.QueryEscape("only here: A door without a lock")
	b, signer := c.signed(t, "ann", "auditor"), c.employed("cee", "E3", "employee")
	says := regexp.MustCompile(`<span class="copy"><a href="([^"]+)">Link to this page</a>`)
	for path, who := range map[string]*browser{
		"/r/people/E1": b, "/r/results/RES-2": b, "/people/E1": b, "/controls/PPL-01": b, "/controls/PPL-01/versions/PPL-01.1": b, "/criteria/CC6.2": b,
		"/duties/access-review": b, "/duties/access-review/2026-01-31": b, "/ledger/3": b, "/policies/PV-1": b, "/training/basics.E1.1": b,
		"/results/RES-2/deviation?item=E2": b, mismatch: b, "/agreements/AGR-1": signer,
	} {
		found := says.FindAllStringSubmatch(who.get(path).want(t, http.StatusOK).body, -1)
		if len(found) != 1 || strings.ReplaceAll(html.UnescapeString(found[0][1]), "%20", "+") != path {
			t.Errorf("%s says its address as %q", path, found)
		}
	}
}
