package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A control file is proposed in the browser, and somebody else reads what changes in it
// before it comes into force.
func TestAControlVersionIsProposedAndApproved(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso", "engineer", "auditor")
	v := s.signs(t, "compliance")
	v.goes("/controls/CHG-01")
	v.holds("main", "Nobody has approved this file")
	v.presses("Adopt it")
	v.at("/controls/CHG-01#versions", "CHG-01 Every change is reviewed by somebody other than its author")
	v.goes("/controls/CHG-01/versions/CHG-01.1")
	v.holds("main", "Approved", "this is the whole file", "id: CHG-01")
	v.do(chromedp.Click(chromedp.CSS(`#design + details summary`)))
	if status := v.sends("Record the assessment"); status != 422 {
		t.Fatalf("an empty assessment is answered with %d", status)
	}
	v.holds("main", "Precision: is missing")
	v.audited("control-version-assessment-refused")
	v.fills("f-assess-risk", "A change is made by one person alone.", "f-assess-precision", "any change", "f-assess-walkthrough", "event/1", "f-assess-conclusion", "effective", "f-assess-reason", "It was followed.")
	v.presses("Record the assessment")
	v.holds("main", "effective ASM-1")

	other := s.signs(t, "engineer")
	other.goes("/controls/CHG-01")
	other.follows("main", "Propose a version")
	text := in(other, chromedp.Value(chromedp.CSS("#f-text")))
	changed := strings.Replace(text, "owner: ", "owner: deputy ", 1)
	other.do(chromedp.SetValue(chromedp.CSS("#f-text"), strings.Replace(changed, "criteria:", "criterion:", 1)))
	if status := other.sends("Propose it"); status != 422 {
		t.Fatalf("a file with a wrong key is answered with %d", status)
	}
	other.holds("main", "The file: ", "criterion")
	other.audited("control-proposal-refused")
	other.do(chromedp.SetValue(chromedp.CSS("#f-text"), changed))
	other.presses("Propose it")
	other.at("/controls/CHG-01/versions/CHG-01.2", "CHG-01.2 Every change is reviewed by somebody other than its author")
	other.holds("main", "You proposed it: another person decides", "Take it back")

	v.goes("/controls/CHG-01/versions/CHG-01.2")
	v.holds("main", "Owner: deputy", "Example Engineer", "Compared with CHG-01.1")
	v.audited("control-version")
	v.do(chromedp.Click(chromedp.CSS(`.answer details summary`)))
	if status := v.sends("Reject it"); status != 422 {
		t.Fatalf("a rejection without a reason is answered with %d", status)
	}
	v.holds("main", "Why it does not come into force: is missing")
	v.presses("Approve it")
	v.holds("main", "Approved", "Example Compliance")

	reader := s.signs(t, "auditor")
	reader.goes("/controls/CHG-01")
	reader.follows("main", "CHG-01.2")
	reader.holds("main", "Compared with CHG-01.1")
}

// Evidence is added on the page of its control, and somebody else reads it and concludes.
func TestEvidenceIsAddedAndReviewed(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "engineer", "auditor")
	v := s.signs(t, "engineer")
	v.goes("/controls/GOV-01")
	v.follows("main", "Add evidence")
	v.fills("f-source", "The company's wiki", "f-query", "page Minutes, revision 7")
	if status := v.sends("Add it"); status != 422 {
		t.Fatalf("a form without a file is answered with %d", status)
	}
	v.holds("main", "File: is missing: choose one", "First day that it covers: is missing")
	v.audited("evidence-refused")
	file := filepath.Join(t.TempDir(), "minutes.txt")
	if err := os.WriteFile(file, []byte("We looked at the findings."), 0o600); err != nil {
		t.Fatal(err)
	}
	v.fills("f-from", "2026-01-01", "f-to", "2026-01-31")
	v.do(chromedp.SetUploadFiles(chromedp.CSS("#f-file"), []string{file}))
	v.presses("Add it")
	v.at("/r/evidence/EVD-1", "EVD-1")

	reader := s.signs(t, "compliance")
	reader.goes("/r/evidence/EVD-1")
	if status := reader.sends("Record it"); status != 422 {
		t.Fatalf("an empty conclusion is answered with %d", status)
	}
	reader.holds("main", "Conclusion: is missing", "Reason: is missing")
	reader.audited("evidence-review-refused")
	reader.fills("f-review-conclusion", "accepted", "f-review-reason", "It names who was there.")
	reader.presses("Record it")
	reader.holds("main", "It names who was there.")
	reader.goes("/controls/GOV-01")
	reader.holds("main", "minutes.txt", "Accepted", "2026-01-01 to 2026-01-31")

	auditor := s.signs(t, "auditor")
	auditor.goes("/r/evidence/EVD-1")
	auditor.holds("main", "It names who was there.")
}

// An account is made with a password that is shown once, and whoever gets it chooses
// their own; work that takes long is asked for, and seen to be under way.
func TestTheSettingsAndErrands(t *testing.T) {
	t.Parallel()
	s := house(t, "ciso")
	v := s.signs(t, "ciso")
	v.goes("/settings/new-account")
	v.fills("f-id", "zoe@example.com", "f-name", "Zoe Example")
	if status := v.sends("Make the account"); status != 422 {
		t.Fatalf("an account without a role is answered with %d", status)
	}
	v.holds("main", "Roles: choose one at least")
	v.audited("account-refused")
	v.do(chromedp.Click(chromedp.CSS(`input[name="f.roles"][value="engineer"]`)))
	v.presses("Make the account")
	v.holds("main", "shown this once")
	v.audited("account-made")
	if gap := in(v, chromedp.Evaluate[float64](`document.querySelector(".facts").getBoundingClientRect().top - document.querySelector(".answer").getBoundingClientRect().bottom`)); gap < 16 {
		t.Errorf("%v pixels are between the password and what is under it", gap)
	}
	given := in(v, chromedp.Text(chromedp.CSS("code.secret")))

	zoe := s.open(t)
	zoe.goes("/signin")
	zoe.do(chromedp.SetValue(chromedp.CSS("#id"), "zoe@example.com"), chromedp.SetValue(chromedp.CSS("#password"), given))
	zoe.presses("Sign in")
	zoe.at("/account", "My account")
	zoe.holds("main", "a password that was made for you")
	zoe.audited("account-one-time")

	v.goes("/settings/tokens")
	v.fills("f-name", "the pipeline", "f-role", "ingester")
	v.presses("Make it")
	v.holds("main", "shown this once", "the pipeline")
	v.audited("token-made")

	v.goes("/policies")
	v.presses("Offer the catalog's policies as drafts")
	v.holds("main", "PV-1")
	v.goes("/r/regulatory_feeds")
	v.presses("Read the feeds now")
	v.at("/errands", "Work under way")
	v.holds("main", "Reading the regulatory feeds", "Example Ciso")
}
