package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A course is written by the compliance lead and offered: its audience has to finish it, and
// somebody does. When it is retired nobody is given it any more.
func TestACourseIsMadeAndOffered(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	lead.goes("/new/courses")
	lead.fills("f-id", "Writing Code", "f-title", "Writing safe code", "f-owner", "security lead", "f-audience", "everybody", "f-renewal_months", "12")
	if status := lead.sends("Add it"); status != 422 {
		t.Errorf("a course without content is answered with %d", status)
	}
	lead.holds("[role=alert]", "must be small letters and digits with hyphens", "is missing, and so is a reference")
	lead.audited("course-refused")
	lead.fills("f-id", "safe-code", "f-text", "## Inputs\n\nTrust **none** of them.")
	lead.presses("Add it")
	lead.stands("Draft")
	lead.says("Within days", "30")
	lead.holds("main", "Trust none of them.")
	lead.presses("Offer")
	lead.stands("Offered")
	lead.audited("course")
	if employee := c.signs(t, "employee"); employee.goes("/r/courses") != 403 {
		t.Error("an employee reads the register of courses")
	}

	c.meanwhile(t, nil, lead) // whose audience is given it within the minute, or when it is opened
	employee := c.signs(t, "employee")
	employee.awaits("/work", "Writing safe code")
	employee.follows("main", "/training/safe-code.E6.1")
	employee.holds("main", "Inputs", "Trust none of them.", "It is recorded with the hash of the content.")
	employee.presses("I have finished it")
	employee.at("/training", "Training")
	employee.goes("/training/safe-code.E6.1")
	employee.holds("main", "You finished it on", "It is due again from")
	employee.audited("training-finished")
	if status := employee.goes("/training/safe-code.E5.1"); status != 403 {
		t.Errorf("somebody else's training is answered with %d", status)
	}

	lead.goes("/r/trainings?f.course=course/safe-code&f.state=completed")
	lead.follows("main table", "safe-code.E6.1")
	lead.says("Person", "Fay Example")
	lead.goes("/r/courses/safe-code")
	lead.presses("Retire")
	lead.stands("Retired")
	lead.audited("course-retired")
	employee.goes("/training")
	if text := in(employee, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(text, "Writing safe code") {
		t.Error("what was finished is not there any more")
	}
	c.tests(t, "PPL-07", "finished", 12, 1) // six people, and both courses
}
