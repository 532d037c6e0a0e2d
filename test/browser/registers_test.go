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

// What players are told on the way is written for the exercise, and what they did beside it
// as it is held; the facilitator corrects that until somebody else has reviewed it.
func TestTheInjectsOfAnExercise(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	v.goes("/new/exercises")
	v.fills("f-title", "The region is gone", "f-facilitator", "person/E4", "f-planned_for", minute(t, time.Now().Add(time.Hour)), "f-scenario", "It is Friday, 17:00, and nothing answers.",
		"f-injects-0-after", "soon", "f-injects-0-what", "A customer calls.", "f-injects-1-after", "20m", "f-injects-1-what", "The status page is on the same region.", "f-injects-1-expect", "Somebody tells customers by other ways.")
	if status := v.sends("Add it"); status != 422 {
		t.Errorf("an inject without a time is answered with %d", status)
	}
	v.holds("[role=alert]", "is no length of time like 20m")
	v.audited("exercise-injects-refused")
	v.fills("f-injects-0-after", "5m")
	v.presses("Add it")
	path := v.path()
	v.stands("Planned")
	v.holds("main", "A customer calls.", "The status page is on the same region.")
	v.unfolds("Record that it was held")
	v.fills("held-f-held_at", minute(t, time.Now().Add(-time.Minute)), "held-f-participants", "person/E4\nperson/E5",
		"held-f-injects-0-answer", "They were put off.", "held-f-injects-1-answer", "Nobody knew another way.")
	v.presses("Record that it was held")
	v.stands("Held")
	v.holds("main", "Somebody tells customers by other ways.", "Nobody knew another way.")
	v.unfolds("Correct the record")
	v.fills("held-f-injects-0-answer", "They were called back.")
	v.presses("Correct the record")
	v.holds("main", "They were called back.")
	v.audited("exercise-injects")

	lead := c.signs(t, "compliance")
	lead.goes(path)
	lead.unfolds("Record the review")
	lead.fills("reviewed-f-worked", "Customers were called back.", "reviewed-f-lessons", "The status page moves.")
	if status := lead.sends("Record the review"); status != 422 {
		t.Errorf("a lesson of which nothing comes is answered with %d", status)
	}
	lead.holds("[role=alert]", "no action names the exercise")
	lead.fills("reviewed-f-no_actions", "It was moved on the same day.")
	lead.presses("Record the review")
	lead.says("Reviewed by", "Ada Example")
	lead.audited("exercise-reviewed")
	v.goes(path)
	if v.offers("Correct the record") {
		t.Error("what was reviewed is offered to be corrected")
	}
	c.tests(t, "INC-02", "reviewed", 1, 1)
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

// The agenda of a meeting is made of what changed since the one before; what was decided
// there stands in the agenda of the next one, until it is done.
func TestAnAgendaIsMadeOfWhatChanged(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	keeper := c.signs(t, "compliance")
	finding := keeper.adds("findings", "f-title", "A door without a lock", "f-source", "audit", "f-severity", "high", "f-found_at", minute(t, time.Now().AddDate(0, 0, -1)), "f-owner", "person/E5")
	path := keeper.adds("meetings", "f-title", "Week 9", "f-series", "posture review", "f-chair", "person/E3", "f-keeper", "person/E1", "f-planned_for", minute(t, time.Now().Add(time.Hour)))
	keeper.presses("Make the agenda now")
	keeper.holds("main", "New findings", "A door without a lock", "Emil Example")
	keeper.says("Planned for", time.Now().Add(time.Hour).In(berlin(t)).Format(time.DateOnly))
	keeper.audited("meeting-agenda")
	keeper.follows("main", finding)
	keeper.goes(path)
	keeper.unfolds("Record the minutes")
	keeper.fills("held-f-held_at", minute(t, time.Now().Add(-time.Minute)), "held-f-attendees", "person/E1", "held-f-notes", "The door was looked at.")
	if status := keeper.sends("Record the minutes"); status != 422 {
		t.Errorf("a meeting of one person that decided nothing is answered with %d", status)
	}
	keeper.holds("[role=alert]", "names one person", "say what was decided, or why nothing was")
	keeper.audited("meeting-refused")
	keeper.fills("held-f-attendees", "person/E1\nperson/E3", "held-f-decisions", "Buy a lock")
	keeper.presses("Record the minutes")
	keeper.stands("Held")
	if keeper.offers("Make the agenda now") {
		t.Error("an agenda is offered to be made of a meeting that was held")
	}
	action := keeper.adds("actions", "f-title", "Buy a lock", "f-owner", "person/E5", "f-due_at", minute(t, time.Now().AddDate(0, 0, 7)), "f-meeting", ref("meeting", path))

	chair := c.signs(t, "executive")
	chair.goes("/work")
	chair.follows("main", path)
	chair.presses("Confirm")
	chair.says("Confirmed by", "Cleo Example")
	chair.holds("main", "Buy a lock")

	next := keeper.adds("meetings", "f-title", "Week 10", "f-series", "posture review", "f-chair", "person/E3", "f-keeper", "person/E1", "f-planned_for", minute(t, time.Now().AddDate(0, 0, 7)))
	keeper.presses("Make the agenda now")
	keeper.holds("main", "It decided: Buy a lock")
	keeper.follows("main", action)

	reader := c.signs(t, "auditor")
	reader.goes(next)
	reader.holds("main", "It decided: Buy a lock")
	if reader.offers("Make the agenda now") {
		t.Error("an auditor is offered to make an agenda")
	}
	c.tests(t, "MON-02", "minutes", 1, 1) // the next one is not held yet
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

// What is announced is approved by somebody who did not write it. Then SCAF tells its audience,
// and the record says by which way it went out; what is said in a meeting somebody writes down.
func TestAnAnnouncementGoesOut(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "control-owner")
	v.goes("/new/announcements")
	v.fills("f-title", "The office moves", "f-text", "On **Monday**, to the other street.", "f-audience", "everybody")
	v.ticks("f.channels", "portal", "meeting")
	v.presses("Add it")
	path := v.path()
	v.stands("Draft")
	v.holds("main", "On Monday, to the other street.")

	executive := c.signs(t, "executive")
	executive.goes(path)
	executive.presses("Approve")
	executive.says("Approved by", "Cleo Example")
	v.goes(path + "/edit")
	v.holds("main", "stand as they were when the record became approved")

	c.meanwhile(t, nil, v) // it is told within the minute, or when the portal is opened
	employee := c.signs(t, "employee")
	employee.awaits("/inbox", "The office moves")
	employee.holds("main", "On Monday, to the other street.")
	employee.audited("inbox-announcement")
	v.awaits(path, "6 inboxes")
	v.stands("Approved") // nobody has said it in the meeting yet
	v.unfolds("Record that it was delivered")
	v.fills("delivered-f-deliveries-1-channel", "meeting", "delivered-f-deliveries-1-at", minute(t, time.Now().AddDate(0, 0, -1)), "delivered-f-deliveries-1-reference", "Minutes of week 9")
	if status := v.sends("Record that it was delivered"); status != 422 {
		t.Errorf("what was told before it was approved is answered with %d", status)
	}
	v.holds("[role=alert]", "it goes out after its approval")
	v.audited("announcement-refused")
	v.fills("delivered-f-deliveries-1-at", minute(t, time.Now().AddDate(0, 0, 1)))
	if status := v.sends("Record that it was delivered"); status != 422 {
		t.Errorf("what is told tomorrow is answered with %d", status)
	}
	v.holds("[role=alert]", "is in the future")
	v.fills("delivered-f-deliveries-1-at", minute(t, time.Now()))
	v.presses("Record that it was delivered")
	v.stands("Delivered")
	v.holds("main", "Minutes of week 9", "6 inboxes")
	v.says("Delivered by", "Emil Example")
	v.audited("announcement")

	reader := c.signs(t, "auditor")
	reader.goes("/r/announcements?f.state=delivered")
	reader.follows("main table", path)
	reader.says("Approved by", "Cleo Example")
	c.tests(t, "POL-02", "announced", 1, 1)
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
