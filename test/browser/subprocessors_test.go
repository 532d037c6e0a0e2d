package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Customers' data goes to a vendor that runs models over it when somebody other than who
// proposed it has reviewed that, it stands on the published list, and customers were told.
func TestASubprocessorIsAnnounced(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	vendor := lead.adds("vendors", "f-name", "Example Models", "f-service", "Reads documents", "f-category", "software", "f-owner", "person/E5")
	lead.follows("main", "/new/subprocessors")
	if named := in(lead, chromedp.Value(chromedp.ID("f-vendor"))); named != ref("vendor", vendor) {
		t.Errorf("the form of a new subprocessor names %q", named)
	}
	lead.fills("f-owner", "person/E5", "f-purpose", "Reads passports", "f-countries", "Germany", "f-model_provider", "true", "f-training_excluded", "true")
	lead.presses("Add it")
	path := lead.path()
	lead.stands("Proposed")
	lead.holds("main", "Record the review: for somebody else to do")

	officer := c.signs(t, "ciso")
	officer.goes(path)
	officer.holds("main", "Record the review: not yet", "it is known how long it keeps the data", "it is known which data may go there")
	officer.audited("subprocessor-proposed")
	lead.goes(path + "/edit")
	lead.fills("f-retention", "30 days", "f-allowed_data", "Passports")
	lead.presses("Save")
	officer.goes(path)
	officer.presses("Record the review")
	officer.stands("Reviewed")
	officer.says("Reviewed by", "Ben Example")
	if under := in(officer, chromedp.Evaluate[string](`[...document.querySelectorAll("main dt")].find(e => e.innerText === "Written by").closest("section").querySelector("h2").innerText`)); under != "Review" {
		t.Errorf("who wrote it stands under %q", under)
	}

	lead.goes(path)
	lead.unfolds("Begin its use")
	lead.fills("active-f-listed", "true", "active-f-told_at", "2026-02-09T09:00", "active-f-told_by", "A letter to all customers", "active-f-data_from", "2026-02-01T09:00")
	if status := lead.sends("Begin its use"); status != 422 {
		t.Errorf("customers who were told afterwards are answered with %d", status)
	}
	lead.holds("[role=alert]", "is after the first data went there: customers are told before")
	if from := in(lead, chromedp.Value(chromedp.ID("active-f-data_from"))); from != "2026-02-01T09:00" {
		t.Errorf("the form keeps %q of when data went there", from)
	}
	lead.audited("subprocessor-refused")
	now := time.Now().In(berlin(t))
	lead.fills("active-f-told_at", "2026-01-09T09:00", "active-f-data_from", now.Format("2006-01-02T15:04")) // after its review
	lead.presses("Begin its use")
	lead.stands("Active")
	lead.says("How", "A letter to all customers")
	lead.goes(path + "/edit")
	lead.holds("main", "stand as they were when the record became active")
	lead.goes(path)
	lead.unfolds("Record the end")
	lead.fills("ended-f-ended_at", now.Format("2006-01-02T15:04"))
	lead.presses("Record the end")
	lead.stands("Ended")
	lead.audited("subprocessor")
	lead.goes(vendor)
	lead.holds("main", "Subprocessors")
	c.tests(t, "VND-05", "announced", 1, 1)
}
