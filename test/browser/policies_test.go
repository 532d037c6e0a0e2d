package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A version of a policy is written by one person, comes back from review with what has to be
// another, and is approved in the next round by another person, who sees what changed. Then it is in
// force in the place of the version before, and whoever works here acknowledges or refuses it.
func TestAVersionOfAPolicyIsWrittenReviewedAndRefused(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	text := strings.Replace(aPolicy, "1. Lock it away.\n", "1. Lock it away.\n2. Wipe the board.\n", 1)
	lead.goes("/new/policy_versions")
	lead.fills("f-policy", "policy/desks", "f-procedure", "The page Desks of the wiki", "f-text", strings.Replace(text, "audience: everybody", "audience: nobody", 1))
	if status := lead.sends("Add it"); status != 422 {
		t.Errorf("a text for nobody is answered with %d", status)
	}
	lead.holds("[role=alert]", "audience")
	lead.audited("policy-version-refused")
	lead.fills("f-text", text)
	lead.presses("Add it")
	path := lead.path()
	lead.stands("Draft")
	lead.unfolds("Put into review")
	lead.presses("Put into review")
	lead.stands("In review")
	if lead.offers("Approve") {
		t.Error("the author is offered to approve it")
	}

	executive := c.signs(t, "executive")
	executive.goes("/policies")
	executive.follows(`section[aria-labelledby="coming"]`, path)
	executive.follows("main", "All changes")
	executive.holds("main", "Compared with version 1 (PV-1)", "2. Wipe the board.")
	executive.goes(path)
	executive.unfolds("Back to draft")
	if status := executive.sends("Back to draft"); status != 422 {
		t.Errorf("a text that comes back without a word is answered with %d", status)
	}
	executive.holds("[role=alert]", "is needed")
	executive.fills("draft-f-returned_reason", "Say when the board is wiped.")
	executive.audited("policy-version-returned")
	executive.presses("Back to draft")
	executive.stands("Draft")

	lead.goes(path)
	lead.says("Why it came back", "Say when the board is wiped.")
	lead.follows("main", path+"/edit")
	lead.fills("f-text", strings.Replace(text, "Wipe the board.", "Wipe the board in the evening.", 1))
	lead.presses("Save")
	lead.unfolds("Put into review")
	lead.presses("Put into review")
	lead.says("Review round", "2")
	lead.follows("main", "What changed in this round")
	lead.holds("main", "Compared with round 1", "2. Wipe the board.", "2. Wipe the board in the evening.")
	lead.audited("policy-changes-round")
	lead.follows("main", "All changes")
	lead.holds("main", "Compared with version 1 (PV-1)", "2. Wipe the board in the evening.")
	if text := in(lead, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "Wipe the board.") {
		t.Error("all changes show what was only in between")
	}
	lead.audited("policy-changes")

	executive.goes(path)
	executive.unfolds("Approve")
	executive.fills("approved-f-effective_at", "") // in force as soon as it is announced
	executive.presses("Approve")
	executive.says("Approved by", "Cleo Example")
	lead.goes(path)
	lead.unfolds("Put in force")
	if status := lead.sends("Put in force"); status != 422 {
		t.Errorf("a text that nobody is told of is answered with %d", status)
	}
	lead.ticks("f.channels", "portal")
	lead.presses("Put in force")
	lead.stands("In force")
	lead.goes("/r/policy_versions/PV-1")
	lead.stands("Superseded")
	lead.goes("/r/policies/desks")
	lead.stands("In force")
	lead.says("Version number", "2")

	c.meanwhile(t, nil, lead) // whoever works here is asked within the minute, or when it is opened
	employee := c.signs(t, "employee")
	employee.awaits("/work", "Clear desks")
	employee.follows("main", "/policies/PV-2")
	employee.holds("main", "Wipe the board in the evening.")
	employee.unfolds("I do not")
	if status := employee.sends("Refuse"); status != 422 {
		t.Errorf("a refusal without a reason is answered with %d", status)
	}
	employee.holds("[role=alert]", "Reason is needed")
	employee.audited("policy-refused-without-reason")
	employee.fills("reason", "I have no board.")
	employee.presses("Refuse")
	employee.goes("/policies/PV-2")
	employee.holds("main", "You refused on", "I have no board.")
	employee.audited("policy-refused")

	lead.goes("/policies")
	lead.holds(`section[aria-labelledby="all"]`, "version 2", "1 refused")
	lead.goes("/r/acknowledgments?f.state=refused")
	lead.follows("main table", "PV-2.E6")
	lead.says("Reason", "I have no board.")
	lead.says("Person", "Fay Example")
	if lead.offers("Acknowledge after all") {
		t.Error("somebody else is offered to answer")
	}
	c.tests(t, "POL-02", "versions", 2, 2)
}
