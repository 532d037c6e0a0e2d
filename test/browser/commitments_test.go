package browser

import "testing"

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
