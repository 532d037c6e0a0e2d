package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A breach of the rules that was reported is looked into and answered by somebody whom it
// is not about. Dates and outcomes stand there, for security officers, executives and
// auditors: nobody else finds the case or its register.
func TestABreachOfTheRulesIsAnswered(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "executive")
	reported := time.Now().AddDate(0, 0, -20).In(berlin(t))
	v.goes("/new/conduct_cases")
	v.fills("f-reported_at", reported.Format("2006-01-02T15:04"), "f-channel", "form without a name", "f-rule", "He shouted at Dora", "f-about", "person/E2")
	if status := v.sends("Add it"); status != 422 {
		t.Errorf("a story in place of a rule is answered with %d", status)
	}
	v.holds("[role=alert]", "must be the id of a policy and the number of its rule")
	if about := in(v, chromedp.Value(chromedp.ID("f-about"))); about != "person/E2" {
		t.Errorf("the form keeps %q of whom it is about", about)
	}
	v.audited("conduct-case-refused")
	v.fills("f-rule", "code-of-conduct 6")
	v.presses("Add it")
	path := v.path()
	v.stands("Reported")
	v.says("About", "Ben Example")
	v.says("Due", reported.AddDate(0, 0, 30).Format(time.DateOnly))

	officer := c.signs(t, "ciso")
	officer.goes(path)
	officer.holds("main", "Begin to look into it: for somebody else to do")
	if officer.offers("Begin to look into it") {
		t.Error("whom it is about is offered to look into it")
	}

	v.unfolds("Begin to look into it")
	v.fills("investigating-f-investigated_by", "person/E2")
	if status := v.sends("Begin to look into it"); status != 422 {
		t.Errorf("an investigation by whom it is about is answered with %d", status)
	}
	v.holds("[role=alert]", "is whom it is about: somebody else looks into it")
	v.fills("investigating-f-investigated_by", "person/E3")
	v.presses("Begin to look into it")
	v.stands("Investigating")
	v.goes("/work")
	v.follows("main", path)
	v.unfolds("Close")
	v.fills("closed-f-heard_at", reported.AddDate(0, 0, 5).Format(time.DateOnly), "closed-f-outcome", "confirmed in part", "closed-f-action", "talk")
	v.presses("Close")
	v.stands("Closed")
	v.says("Person heard", reported.AddDate(0, 0, 5).Format(time.DateOnly))
	v.says("Closed by", "Cleo Example")
	v.audited("conduct-case")

	for _, role := range []string{"compliance", "engineer", "employee"} {
		other := c.signs(t, role)
		for _, to := range []string{path, path + "/history", "/r/conduct_cases"} {
			if status := other.goes(to); status != 403 {
				t.Errorf("%s is answered with %d at %s", role, status, to)
			}
		}
		if role == "compliance" {
			other.audited("conduct-case-forbidden")
			other.goes("/people/E2")
			if text := in(other, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "onduct") {
				t.Errorf("what stands of Ben Example for compliance speaks of conduct: %s", text)
			}
		}
	}
	auditor := c.signs(t, "auditor")
	auditor.goes("/r/conduct_cases")
	auditor.follows("main table", path)
	auditor.says("Outcome", "Confirmed in part")
	if auditor.offers("Comment") {
		t.Error("an auditor is offered to change the case")
	}
	c.tests(t, "GOV-04", "answered", 1, 1)
}
