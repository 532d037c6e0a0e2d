package browser

import "testing"

// Whoever performs a control says how it went in a quarter. The reviewer returns it with a
// question, and reads it when that is answered.
func TestASelfAssessmentAndItsReviewer(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	path := lead.adds("self_assessments", "f-control", "NET-01", "f-quarter", "2025-Q1", "f-assessor", "person/E4", "f-reviewer", "person/E1")
	lead.says("Control", "NET-01")
	lead.says("Quarter", "2025-Q1")
	if lead.offers("Submit") {
		t.Error("somebody else than the assessor is offered to submit it")
	}

	v := c.signs(t, "engineer")
	v.goes("/work")
	v.follows("main", path)
	v.fills("submitted-f-as_written", "Yes, but for one host", "submitted-f-evidence", "The list of hosts", "submitted-f-improvements", "Nothing", "submitted-f-result", "works_with_gaps")
	if status := v.sends("Submit"); status != 422 {
		t.Errorf("a gap that nobody names is answered with %d", status)
	}
	v.holds("main", "are missing: they are named unless the control works")
	v.audited("self-assessment-refused")
	v.fills("submitted-f-gaps", "One host is not in the list")
	v.presses("Submit")
	v.says("Submitted by", "Dora Example")
	if v.offers("Record the review") {
		t.Error("the assessor is offered to review it")
	}

	lead.goes("/work")
	lead.follows("main", path)
	lead.fills("returned-f-review", "Which host?")
	lead.presses("Return")
	lead.stands("Returned")

	v.goes("/work")
	v.follows("main", path)
	v.says("What the reviewer says", "Which host?")
	v.fills("submitted-f-gaps", "The host mail-2 is not in the list")
	v.presses("Submit again")

	lead.goes(path)
	lead.fills("reviewed-f-review", "The host is added this week")
	lead.presses("Record the review")
	lead.stands("Reviewed")
	lead.says("Reviewed by", "Ada Example")
	lead.says("What the reviewer says", "The host is added this week")
	lead.says("Gaps", "mail-2")
	lead.audited("self-assessment")
	lead.follows("main", "/controls/NET-01")

	c.tests(t, "MON-01", "reviewed", 1, 0) // long after the quarter
}
