package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A finding stays as it is, and a risk is lived with, until a day: somebody other than the
// owner says so, with the reason, for a year at most. When that day has come they are open
// again, and are decided anew.
func TestExceptionsAndAcceptancesExpire(t *testing.T) {
	t.Parallel()
	dir := office(t)
	var until time.Time
	soon := func() string { // later than the command that says it is done, on a machine that does something else as well
		until = time.Now().Add(5 * time.Second)
		return "accepted_until=" + until.Format(time.RFC3339Nano)
	}
	found := time.Now().AddDate(0, 0, -3)
	for _, command := range [][]string{
		{"record", "add", "findings", "title=An old library", "source=audit", "severity=high", "found_at=" + found.Format(time.RFC3339), "owner=person/E5", "--as", "person/E1"},
		{"record", "add", "risks", "title=The only office burns", "category=operations", "owner=person/E5", "likelihood=1", "impact=4", "--as", "person/E5"},
		{"record", "move", "risk/RSK-1", "assessed", "response=accept", "--as", "person/E5"},
	} {
		if _, err := scaf(dir, "", command...); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range [][]string{{"finding/FND-1", "It goes this week"}, {"risk/RSK-1", "We move this week"}} {
		if _, err := scaf(dir, "", "record", "move", one[0], "accepted", soon(), "accepted_reason="+one[1], "--as", "person/E3"); err != nil {
			t.Fatal(err)
		}
	}
	for !time.Now().After(until) { // which the program's first look at the registers finds to be over
		if _, err := scaf(dir, "", "record", "show", "finding/FND-1"); err != nil {
			t.Fatal(err)
		}
	}
	c := &company{site: fresh(t, dir), dir: dir}
	owner := c.signs(t, "control-owner")
	owner.awaits("/work", "Close the finding")
	owner.follows("main", "/r/finding")
	owner.stands("Open")
	owner.goes("/r/findings/FND-1/history")
	owner.holds("main", "Cleo Example", "It goes this week")
	owner.goes("/r/findings/FND-1")
	if owner.offers("Accept") {
		t.Error("the owner is offered to let the finding be")
	}

	executive := c.signs(t, "executive")
	executive.goes("/r/findings/FND-1")
	executive.unfolds("Accept")
	executive.fills("accepted-f-accepted_until", minute(t, time.Now().AddDate(1, 1, 0)), "accepted-f-accepted_reason", "The supplier mends it in spring.")
	if status := executive.sends("Accept"); status != 422 {
		t.Errorf("an exception for more than a year is answered with %d", status)
	}
	executive.holds("[role=alert]", "has to be a day ahead, within a year")
	executive.audited("exception-refused")
	end := time.Now().AddDate(0, 2, 0)
	executive.fills("accepted-f-accepted_until", minute(t, end))
	executive.presses("Accept")
	executive.stands("Accepted")
	executive.says("Accepted by", "Cleo Example")
	executive.says("Accepted until", end.In(berlin(t)).Format(time.DateOnly))
	executive.audited("finding-accepted")
	executive.goes("/calendar?week=" + end.In(berlin(t)).Format(time.DateOnly))
	executive.holds("main", "Decide about the exception that ends", "An old library")
	owner.goes("/r/findings/FND-1/edit")
	if in(owner, chromedp.Evaluate[bool](`document.querySelector("main [name='f.accepted_until']:not([disabled])") !== null`)) {
		t.Error("the end of an exception is offered to be changed by the owner")
	}

	owner.awaits("/r/risks/RSK-1", "Assess again")
	owner.stands("Assessed")
	if owner.offers("Accept") {
		t.Error("the owner is offered to accept the risk")
	}
	executive.goes("/r/risks/RSK-1")
	executive.unfolds("Accept")
	executive.fills("accepted-f-accepted_until", minute(t, end))
	if status := executive.sends("Accept"); status != 422 {
		t.Errorf("a risk that is accepted without a reason is answered with %d", status)
	}
	executive.holds("[role=alert]", "Why it is accepted: is needed")
	executive.fills("accepted-f-accepted_reason", "There is a second office in summer.")
	executive.presses("Accept")
	executive.stands("Accepted")
	executive.says("Why it is accepted", "There is a second office in summer.")
	executive.says("Accepted by", "Cleo Example")
	executive.audited("risk-accepted")
	executive.goes("/r/risks/RSK-1/history")
	executive.holds("main", "We move this week")

	reader := c.signs(t, "auditor")
	for path, named := range map[string]string{"/r/findings?f.state=accepted": "An old library", "/r/risks?f.state=accepted": "The only office burns"} {
		reader.goes(path)
		reader.follows("main table", named)
		reader.says("Accepted by", "Cleo Example")
		if reader.offers("Back to open") || reader.offers("Back to assessed") {
			t.Errorf("an auditor is offered to end what is accepted at %s", path)
		}
	}
	owner.goes("/work")
	if text := in(owner, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "An old library") {
		t.Error("the finding is accepted, and its owner is to close it")
	}
	c.tests(t, "RSK-02", "answered", 0, 0) // its review is a year away
}
