package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// In the yearly round every risk is reviewed by its owner. It covers every field, and
// somebody other than its author approves it.
func TestTheYearlyRoundOfRisks(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	risk := lead.adds("risks", "f-title", "A laptop is lost", "f-category", "security", "f-owner", "person/E5", "f-likelihood", "4", "f-impact", "4")
	round := lead.adds("risk_assessments", "f-title", "Risk assessment 2026", "f-trigger", "yearly")
	lead.stands("Planned")
	lead.presses("Open")
	lead.stands("Open")
	lead.holds("main", "Still to be reviewed: 1 of 1 risks", "A laptop is lost")
	lead.holds("main", "Approve: for somebody else to do")
	lead.follows("main", round+"/edit")
	lead.fills("f-held_at", time.Now().In(berlin(t)).Format(time.DateOnly), "f-goals", "Stay in business", "f-result", "One to reduce.")
	lead.ticks("f.covers", "threats from outside", "insiders", "fraud", "separation of duties", "suppliers", "people", "technology")
	lead.presses("Save")
	lead.audited("risk-assessment-open")

	executive := c.signs(t, "executive")
	executive.goes(round)
	executive.holds("main", "Withdraw: not yet", "Whoever may change the record fills that in")
	executive.unfolds("Approve")
	if status := executive.sends("Approve"); status != 422 {
		t.Errorf("a round that does not cover every field is answered with %d", status)
	}
	executive.holds("[role=alert]", "lacks a field")
	executive.ticks("f.covers", "changes")
	if status := executive.sends("Approve"); status != 422 {
		t.Errorf("a round with a risk that nobody reviewed is answered with %d", status)
	}
	executive.holds("[role=alert]", "every risk that is not closed is reviewed since the round was opened, and these are not: RSK-1")
	if kept := in(executive, chromedp.Evaluate[bool](`document.querySelector('main input[name="f.covers"][value="changes"]').checked`)); !kept {
		t.Error("what was ticked is not kept")
	}
	executive.audited("risk-assessment-refused")

	owner := c.signs(t, "control-owner")
	owner.goes(risk)
	owner.unfolds("Assess")
	owner.fills("assessed-f-response", "reduce")
	if status := owner.sends("Assess"); status != 422 {
		t.Errorf("a high risk without a control is answered with %d", status)
	}
	owner.holds("[role=alert]", "names none")
	owner.fills("assessed-f-controls", "END-01")
	owner.presses("Assess")
	owner.says("Reviewed by", "Emil Example")

	executive.presses("Approve") // the form as it stood
	executive.stands("Approved")
	executive.says("Approved by", "Cleo Example")
	executive.says("Author", "Ada Example")
	executive.audited("risk-assessment")
	c.tests(t, "RSK-02", "scope", 1, 1)
}
