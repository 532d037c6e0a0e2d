package browser

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// house is the site of an organisation that begins, with an account for each role
// that is named, whose id is the role's name.
func house(t *testing.T, roles ...string) *site {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := scaf(dir, "", "init", "--org", "Example Corp", "--timezone", "Europe/Berlin"); err != nil {
		t.Fatal(err)
	}
	hires(t, dir, roles...)
	return fresh(t, dir)
}

// fills puts values into the fields of a form: those of a record's are f-name, those
// of a move state-f-name.
func (v *tab) fills(values ...string) {
	v.t.Helper()
	for i := 0; i < len(values); i += 2 {
		if there := in(v, chromedp.Evaluate[bool](fmt.Sprintf(`(e => { if (!e) return false; e.closest("details")?.setAttribute("open", ""); e.value = %[2]q; return e.value === %[2]q })(document.getElementById(%[1]q))`,
			values[i], values[i+1]))); !there {
			v.t.Fatalf("%s: the field %s does not take %q", v.path(), values[i], values[i+1])
		}
	}
}

// presses sends the form whose button says this, by the key.
func (v *tab) presses(button string) {
	v.t.Helper()
	if status := v.sends(button); status != 200 {
		v.t.Fatalf("%s is answered with %d: %s", button, status, in(v, chromedp.Text(chromedp.CSS("main"))))
	}
}

// sends does so, and returns the status of the answer.
func (v *tab) sends(button string) int64 {
	v.t.Helper()
	v.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		`[...document.querySelectorAll("main button")].find(b => b.innerText.trim() === %q && !b.closest("details:not([open])")).focus()`, button)))
	return v.loads(v.typing(kb.Enter))
}

// on is the tab for a part of a test.
func (v *tab) on(t *testing.T) *tab {
	t.Helper()
	whole := v.t
	v.t = t
	t.Cleanup(func() { v.t = whole })
	return v
}

// An exercise is planned from a playbook and held by one person, and read by another.
func TestATabletopExercise(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso")
	v := s.signs(t, "compliance")
	v.goes("/new/exercises")
	v.fills("f-title", "A key is public", "f-playbook", "leaked-key", "f-facilitator", "person/compliance", "f-planned_for", "2026-02-24T10:00")
	v.presses("Add it")
	v.at("/r/exercises/EXE-1", "A key is public")
	v.holds("main", "It is Thursday, 16:40", "Planned")
	v.fills("held-f-held_at", "2026-02-24T10:00", "held-f-participants", "person/ciso\nperson/compliance")
	v.presses("Record that it was held")
	v.holds("main", "Record the review: for somebody else to do")
	v.audited("exercise")

	v.goes("/new/actions")
	v.fills("f-title", "Print the roster", "f-owner", "person/compliance", "f-due_at", minute(t, time.Now().AddDate(0, 1, 0)), "f-exercise", "exercise/EXE-1")
	v.presses("Add it")

	other := s.signs(t, "ciso")
	other.goes("/r/exercises/EXE-1")
	other.holds("main", "Print the roster")
	other.fills("reviewed-f-worked", "Somebody led", "reviewed-f-lessons", "The roster was old")
	other.presses("Record the review")
	if path := other.path(); !strings.HasPrefix(path, "/r/exercises/EXE-1") {
		t.Errorf("it leads to %s", path)
	}
	other.holds("main", "Reviewed by", "Example Ciso")
}

// The minutes of a meeting are kept by one person and confirmed by another.
func TestTheMinutesOfAMeeting(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "executive")
	v := s.signs(t, "compliance")
	v.goes("/new/meetings")
	v.fills("f-title", "Week 9", "f-series", "posture review", "f-chair", "person/executive", "f-keeper", "person/compliance", "f-topics", "Alerts",
		"f-decisions", "Rotate the key\nBuy a safe")
	v.presses("Add it")
	v.at("/r/meetings/MTG-1", "Week 9")
	v.fills("held-f-held_at", "2026-02-24T10:00", "held-f-attendees", "person/compliance\nperson/executive", "held-f-notes", "Alerts were read")
	v.presses("Record the minutes")
	v.holds("main", "Buy a safe", "Confirm: for somebody else to do")
	v.audited("meeting")

	other := s.signs(t, "executive")
	other.goes("/r/meetings/MTG-1")
	other.presses("Confirm")
	other.holds("main", "Confirmed by", "Example Executive")
}

// A regulation is listed, reviewed, and announced with the approval of somebody else.
func TestARegulationAndItsAnnouncement(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "executive")
	v := s.signs(t, "compliance")
	v.goes("/new/regulations")
	v.fills("f-title", "A new law", "f-kind", "law", "f-jurisdiction", "EU", "f-source", "https://law.example", "f-owner", "person/compliance",
		"f-impact", "A new notice", "f-obligations", "Answer within a month")
	v.presses("Add it")
	v.fills("reviewed-f-applies", "yes", "reviewed-f-reason", "We have customers there")
	v.presses("Record the review")
	v.holds("main", "Reviewed by", "Example Compliance")
	v.audited("regulation")
	v.goes("/new/announcements")
	v.fills("f-title", "A new notice", "f-text", "Read it.", "f-audience", "everybody", "f-regulation", "regulation/REG-1")
	v.do(chromedp.Click(chromedp.CSS(`input[name="f.channels"][value="portal"]`)))
	v.presses("Add it")
	v.holds("main", "Approve: for somebody else to do")

	other := s.signs(t, "executive")
	other.goes("/r/announcements/ANN-1")
	other.presses("Approve")
	other.holds("main", "Approved by", "Example Executive")
}

// A privacy request has its deadline from the law, and a breach is judged.
func TestAPrivacyRequest(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "auditor")
	v := s.signs(t, "compliance")
	v.goes("/new/subject_requests")
	v.fills("f-subject", "u-17", "f-kind", "access", "f-law", "GDPR", "f-handler", "person/compliance", "f-received_at", "2026-01-31T10:00")
	v.presses("Add it")
	v.holds("main", "2026-02-28 23:59", "Extend: for somebody else to do", "Correct what is asked: for somebody else to do")
	v.fills("answered-f-identity_checked_at", "2026-02-01T10:00", "answered-f-outcome", "granted", "answered-f-answer", "The answer")
	v.presses("Record the answer")
	v.holds("main", "Answered by", "Example Compliance")
	v.audited("privacy-request")

	other := s.signs(t, "auditor")
	if status := other.goes("/r/subject_requests/PRQ-1"); status != 200 {
		t.Errorf("the auditor is answered with %d", status)
	}
	other.holds("main", "u-17")
}
