package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What is promised to customers is written by one person, approved by another, and in
// force when customers were told of it.
func TestACommitmentToCustomers(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "control-owner")
	path := v.adds("commitments", "f-title", "Answers within a second", "f-owner", "person/E5", "f-changes", "Two seconds before", "f-document", "https://example.com/terms",
		"f-customer_duties", "They send one person a request.", "f-system_description", "Section 3", "f-effective_at", "2026-02-01T00:00")
	v.stands("Draft")
	v.audited("commitment-draft")
	if v.offers("Approve") {
		t.Error("who wrote it is offered to approve it")
	}

	executive := c.signs(t, "executive")
	executive.goes("/r/commitments")
	executive.follows("main", path)
	executive.holds("main", "Two seconds before", "They send one person a request.")
	executive.presses("Approve")
	executive.says("Approved by", "Cleo Example")

	v.goes("/work")
	v.follows("main", path)
	v.unfolds("Put in force")
	if status := v.sends("Put in force"); status != 422 {
		t.Errorf("customers who were not told are answered with %d", status)
	}
	v.fills("in_force-f-told_at", "2026-01-15T09:00", "in_force-f-told_by", "A letter to all customers")
	v.presses("Put in force")
	v.stands("In force")
	v.audited("commitment")

	lead := c.signs(t, "compliance")
	lead.goes(path)
	lead.says("Owner", "Emil Example")
	lead.says("Written by", "Emil Example")
	lead.says("Approved by", "Cleo Example")
	c.tests(t, "COM-01", "told", 1, 1)
}

// What somebody outside reports goes to whoever can act on it, who finds it among their
// work and answers it, with what became of it.
func TestAReportFromOutside(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "engineer")
	received := time.Now().AddDate(0, 0, -1).In(berlin(t))
	v.goes("/new/outside_reports")
	v.fills("f-title", "A form takes scripts", "f-what", "The form of the newsletter runs what one types.", "f-channel", "e-mail", "f-anonymous", "true", "f-routed_to", "person/E5",
		"f-received_at", time.Now().AddDate(0, 0, 2).Format("2006-01-02T15:04"))
	if status := v.sends("Add it"); status != 422 {
		t.Errorf("a report of the day after tomorrow is answered with %d", status)
	}
	v.holds("[role=alert]", "is in the future")
	if kept := in(v, chromedp.Value(chromedp.ID("f-what"))); kept != "The form of the newsletter runs what one types." {
		t.Errorf("the form keeps %q", kept)
	}
	v.fills("f-received_at", received.Format("2006-01-02T15:04"))
	v.presses("Add it")
	path := v.path()
	v.says("Answer due", received.AddDate(0, 0, 5).Format(time.DateOnly))
	v.audited("outside-report-received")

	owner := c.signs(t, "control-owner")
	finding := owner.adds("findings", "f-title", "A form takes scripts", "f-source", "other", "f-severity", "high", "f-found_at", received.Format("2006-01-02T15:04"), "f-owner", "person/E4")
	owner.goes("/work")
	owner.holds("main", "Answer the report from outside")
	owner.follows("main", path)
	owner.unfolds("Record the answer")
	owner.fills("answered-f-assessment", "It does.", "answered-f-became", ref("finding", finding))
	if status := owner.sends("Record the answer"); status != 422 {
		t.Errorf("an answer that nobody was given is answered with %d", status)
	}
	if kept := in(owner, chromedp.Value(chromedp.ID("answered-f-assessment"))); kept != "It does." {
		t.Errorf("the form keeps %q", kept)
	}
	owner.audited("outside-report-refused")
	owner.fills("answered-f-answer", "Thank you: it is mended.")
	owner.presses("Record the answer")
	owner.stands("Answered")
	owner.says("Answered by", "Emil Example")
	owner.audited("outside-report")
	owner.follows("main", finding)
	c.tests(t, "COM-02", "answered", 1, 1)
}
