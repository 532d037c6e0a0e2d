package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// follows opens the first link that an element holds and whose address or words say
// this, and returns where it leads.
func (v *tab) follows(element, says string) string {
	v.t.Helper()
	to := in(v, chromedp.Evaluate[string](fmt.Sprintf(
		`([...document.querySelector(%q).querySelectorAll("a[href]")].find(a => a.href.includes(%[2]q) || a.innerText.includes(%[2]q))?.getAttribute("href") ?? "")`, element, says)))
	if to == "" {
		v.t.Fatalf("%s of %s has no link that says %q: %.900s", element, v.path(), says, in(v, chromedp.Text(chromedp.CSS(element))))
	}
	if status := v.goes(strings.Split(to, "#")[0]); status != 200 {
		v.t.Fatalf("%s is answered with %d", to, status)
	}
	return to
}

// The compliance lead sees on the overview what breaks soon, and by whom and what it
// puts at risk, and opens it. Whoever does the duty finds it among their work, and records
// what came of it: nobody else is offered that.
func TestWhatBreaksSoonIsDoneByWhoeverDoesIt(t *testing.T) {
	t.Parallel()
	v := demonstration(t).signs(t, "compliance")
	v.at("/", "Overview")
	v.holds("main", "Breaks soon", "puts at risk", "Since yesterday", "Why")
	v.follows(`section[aria-labelledby="coming"]`, "/duties/")
	v.holds("main", "Whoever does this duty records that it was done: Radek Oyelowo.")
	if in(v, chromedp.Evaluate[bool](`document.querySelector("#note") !== null`)) {
		t.Error("somebody else is offered to record that it was done")
	}
	duty := v.path()

	owner := demonstration(t).signs(t, keeper)
	owner.goes("/work")
	meeting := owner.adds("meetings", "f-title", "Week 4", "f-series", "posture review", "f-chair", "person/E1004", "f-keeper", "person/E1003", "f-topics", "Alerts", "f-decisions", "Rotate the key")
	owner.fills("held-f-held_at", "2025-01-21T10:00", "held-f-attendees", "person/E1003\nperson/E1004", "held-f-notes", "Alerts were read.")
	owner.presses("Record the minutes")
	owner.goes("/work")
	owner.follows("main", duty)
	owner.holds("main", "It has been done", "the meeting, with its minutes")
	owner.fills("note", "Held today; two points are open.", "evidence", ref("meeting", meeting))
	owner.presses("Record that it was done")
	owner.holds("main", "Held today; two points are open.", "Radek Oyelowo")

	v.goes("/")
	if in(v, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector('section[aria-labelledby="coming"]').innerHTML.includes(%q)`, duty))) {
		t.Errorf("%s was done, and still breaks soon", duty)
	}
}

// An auditor follows a number: from the criterion to the control, its items, their population, its
// event, and the proof of it. Nothing on the way can be changed.
func TestAnAuditorFollowsANumberToItsProof(t *testing.T) {
	t.Parallel()
	v := demonstration(t).signs(t, "auditor")
	v.goes("/criteria")
	v.follows("main", "/criteria/CC8.1")
	v.follows("main table", "/controls/CHG-01")
	v.follows("main .figures", "/results/")
	v.holds("main", "What became of it", "tested again as it stood")
	v.follows("main", "/r/populations/")
	v.holds("main", "Checkpoint", "Count")
	v.follows("main", "/history")
	v.follows("main", "/ledger/")
	v.holds("main", "The proof holds", "Check it yourself")
	if forms := in(v, chromedp.Evaluate[int](`document.querySelectorAll("main form[method=post]").length`)); forms > 0 {
		t.Errorf("an auditor is offered %d forms", forms)
	}
}

// Four roles keep an organisation's registers, each what is theirs.
func TestRolesKeepTheRegisters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range [][]string{
		{"init", "--org", "Example Corp", "--timezone", "Europe/Berlin"},
		{"policy", "install"},
		{"record", "move", "policy_version/PV-1", "in_review"},
	} {
		if _, err := scaf(dir, "", command...); err != nil {
			t.Fatal(err)
		}
	}
	hires(t, dir, "compliance", "executive", "control-owner")
	s := fresh(t, dir)
	keeper := s.signs(t, "compliance")

	t.Run("the compliance lead files a vendor, and imports others", func(t *testing.T) {
		v := keeper.on(t)
		v.goes("/new/vendors")
		v.fills("f-name", "Example Mail", "f-owner", "person/control-owner")
		if status := v.sends("Add it"); status != 422 {
			t.Errorf("a form without what is required is answered with %d", status)
		}
		v.holds("[role=alert]", "Not taken", "Service", "Category")
		if kept := in(v, chromedp.Value(chromedp.ID("f-name"))); kept != "Example Mail" {
			t.Errorf("the form keeps %q", kept)
		}
		v.audited("form-wrong")
		v.fills("f-service", "Sends letters.", "f-category", "software")
		v.presses("Add it")
		v.at("/r/vendors/VEN-1", "Example Mail")

		table := filepath.Join(t.TempDir(), "vendors.csv")
		if err := os.WriteFile(table, []byte("id,name,service,category,owner\nVEN-1,Example Mail,Sends letters and parcels.,software,person/control-owner\nVEN-7,Example Cloud,Runs our systems.,cloud,person/control-owner\nVEN-8,Nobody,,weather,\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		v.goes("/import/vendors")
		v.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
		v.presses("Show what it would do")
		v.holds("main", "Nothing has been written yet", "Sends letters and parcels.", "VEN-7", "vendors.csv:4", "weather")
		v.audited("import-preview")
		v.presses("Take the others")
		v.holds("main", "was read to its end", "vendors.csv:4")
		v.audited("import-done")
		v.goes("/r/vendors/VEN-1")
		v.holds("main", "Sends letters and parcels.")
	})

	t.Run("an executive approves a version of a policy", func(t *testing.T) {
		v := s.signs(t, "executive")
		v.goes("/r/policy_versions/PV-1")
		v.fills("approved-f-effective_at", "") // in force as soon as it is announced
		v.presses("Approve")
		v.holds("main", "Approved by", "Example Executive")
		v.audited("policy-approved")
	})

	t.Run("a control owner resolves a finding, and somebody else closes it", func(t *testing.T) {
		v := keeper.on(t)
		v.goes("/new/findings")
		v.fills("f-title", "A door without a lock", "f-source", "audit", "f-severity", "high", "f-found_at", "2026-02-24T10:00", "f-owner", "person/control-owner")
		v.presses("Add it")
		owner := s.signs(t, "control-owner")
		owner.goes("/work")
		owner.follows("main", "/r/findings/FND-1")
		owner.fills("in_progress-f-plan", "A lock is bought.", "in_progress-f-told_to", "person/executive")
		owner.presses("Begin the work")
		owner.fills("remediated-f-remediation", "The door has a lock.")
		owner.presses("Record the remediation")
		owner.holds("main", "Remediated by", "Example Control-owner")
		owner.goes("/work")
		if text := in(owner, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(text, "A door without a lock") {
			t.Errorf("it is not closed, and the owner's work lacks it: %s", text)
		}
		v.goes("/r/findings/FND-1")
		v.fills("closed-f-retest", "Tried it: it is locked.", "closed-f-evidence", "https://wiki.example.com/door")
		v.presses("Close")
		v.holds("main", "Closed by", "Example Compliance")
		owner.goes("/work")
		if text := in(owner, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "A door without a lock") {
			t.Errorf("what is closed is still owed: %s", text)
		}
	})
}
