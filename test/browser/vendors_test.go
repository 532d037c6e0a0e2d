package browser

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"scaf.dev/scaf/internal/governance/vendors"
)

// A vendor is assessed by its questionnaire, and its report is read: with the exception
// that it names, and a duty that it leaves to customers and a control of ours does.
func TestAVendorIsAssessedAndItsReportRead(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso", "auditor")
	v := s.signs(t, "compliance")
	v.goes("/new/vendors")
	v.fills("f-name", "Identity Example", "f-service", "Checks of identity documents", "f-category", "KYC/AML provider", "f-owner", "person/ciso")
	v.presses("Add it")
	v.at("/r/vendors/VEN-1", "Identity Example")

	questions := vendors.Questions("kyc-aml")
	v.goes("/new/vendor_assessments")
	v.fills("f-vendor", "vendor/VEN-1", "f-year", "2026", "f-tier", "high")
	v.presses("Show what is asked")
	v.holds("main", "1. "+questions[0].Text, fmt.Sprintf("%d. %s", len(questions), questions[len(questions)-1].Text))
	v.audited("vendor-assessment-form")
	for n := range questions {
		answer := "yes"
		if n == 3 {
			answer = "partly"
		}
		v.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`input[name="f.answers.%d.answer"][value=%q]`, n, answer))))
	}
	if status := v.sends("Add it"); status != 422 {
		t.Fatalf("an answer that needs a note is answered with %d", status)
	}
	v.holds("#f-answers-3-note-wrong", "is needed where the answer is partly")
	v.fills("f-answers-3-note", "The rate is theirs.")
	v.presses("Add it")
	v.at("/r/vendor_assessments/VAS-1", "VAS-1")
	v.holds("main", questions[3].Text, "Partly", "The rate is theirs.")
	v.says("Questionnaire", "KYC/AML")
	v.audited("vendor-assessment")
	v.fills("done-f-result", "fit")
	v.presses("Finish the assessment")
	v.holds("main", "Done by", "Example Compliance")

	v.goes("/new/assurance_reports")
	v.fills("f-vendor", "vendor/VEN-1", "f-owner", "person/ciso", "f-type", "SOC 2 type 2", "f-due_at", "2026-05-01", "f-method", "inclusive", "f-physical", "true",
		"f-first", "true", "f-covers_from", "2025-01-01", "f-covers_to", "2025-12-31",
		"f-exception_list-0-what", "Two leavers kept access for a week.",
		"f-customer_duty_list-0-what", "Customers remove their own leavers.", "f-customer_duty_list-0-controls", "PPL-01")
	v.presses("Add it")
	v.at("/r/assurance_reports/REP-1", "REP-1")
	v.holds("main", "Two leavers kept access", "Customers remove their own leavers.", "PPL-01")
	v.fills("read-f-method", "inclusive")
	if status := v.sends("Record what it says"); status != 422 {
		t.Fatalf("an exception that nobody judged is answered with %d", status)
	}
	v.holds("main", "has one without a judgment")
	v.fills("read-f-exception_list-0-judgment", "They see test data only.")
	v.presses("Record what it says")
	v.holds("main", "Read by", "They see test data only.")
	v.audited("assurance-report")

	reader := s.signs(t, "auditor")
	reader.goes("/r/vendor_assessments/VAS-1")
	reader.holds("main", questions[0].Text)
}

// A vendor is taken on: proposed by one person, assessed, approved by another, bound by a
// contract, and read about in each year, with a letter for the time between two reports.
// In the end its access ends and the data comes back, with a certificate.
func TestAVendorIsTakenOnAndGivenUp(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "control-owner")
	path := v.adds("vendors", "f-name", "Example Cloud", "f-service", "Runs our systems", "f-category", "cloud", "f-owner", "person/E5")
	vendor := ref("vendor", path)
	v.stands("Proposed")
	v.unfolds("Finish the assessment")
	v.ticks("f.data", "confidential")
	v.fills("assessed-f-access", "production", "assessed-f-criticality", "essential")
	if status := v.sends("Finish the assessment"); status != 422 {
		t.Errorf("a vendor that nobody assessed is answered with %d", status)
	}
	v.holds("[role=alert]", "there is no finished assessment")

	lead := c.signs(t, "compliance")
	lead.goes("/new/vendor_assessments")
	lead.fills("f-vendor", vendor, "f-year", "2026", "f-tier", "critical")
	lead.presses("Show what is asked")
	for n := range vendors.Questions("general") {
		lead.ticks(fmt.Sprintf("f.answers.%d.answer", n), "yes")
	}
	lead.presses("Add it")
	lead.fills("done-f-result", "fit with conditions")
	if status := lead.sends("Finish the assessment"); status != 422 {
		t.Errorf("conditions that nobody names are answered with %d", status)
	}
	lead.fills("done-f-conditions", "Our keys stay with us")
	lead.presses("Finish the assessment")
	lead.says("Conditions", "Our keys stay with us")
	lead.says("Done by", "Ada Example")

	v.goes(path) // it has an assessment now
	v.unfolds("Finish the assessment")
	v.ticks("f.data", "confidential")
	v.fills("assessed-f-access", "production", "assessed-f-criticality", "essential")
	v.presses("Finish the assessment")
	v.stands("Assessed")
	v.says("Tier", "Critical")
	if v.offers("Approve") {
		t.Error("the owner is offered to approve it")
	}
	lead.goes(path)
	if lead.offers("Approve") {
		t.Error("who assessed it is offered to approve it")
	}
	lead.holds("main", "Approve: for somebody else to do.", "proposed or assessed VEN-1")
	executive := c.signs(t, "executive")
	executive.goes(path)
	executive.presses("Approve")
	executive.says("Approved by", "Cleo Example")
	v.goes(path)
	v.unfolds("Put in use")
	v.fills("in_use-f-used_from", "2026-02-01T00:00")
	v.presses("Put in use")
	v.stands("In use")
	due := time.Now().AddDate(0, 0, 90)
	v.says("Report to be read by", due.Format("2006-01"))
	v.goes("/calendar?week=" + due.Format(time.DateOnly))
	v.holds("main", "Get the vendor's first report and have it read: Example Cloud")

	lead.goes("/new/vendor_contracts")
	lead.fills("f-vendor", vendor, "f-title", "Terms", "f-owner", "person/E5", "f-begins_at", "2026-01-20", "f-signed_at", "2026-01-10", "f-personal_data", "true", "f-notice", "48h")
	lead.ticks("f.terms", "security", "confidentiality", "return of data", "audit", "data processing")
	lead.fills("f-document", "contracts/cloud.pdf")
	lead.presses("Add it")
	lead.says("Vendor", "Example Cloud")
	lead.stands("Draft")
	contract := lead.path()
	if lead.offers("Confirm") {
		t.Error("who wrote the contract is offered to confirm it")
	}
	lead.holds("main", "Confirm: for somebody else to do.")
	executive.goes(contract)
	executive.presses("Confirm")
	executive.stands("In force")
	executive.says("Confirmed by", "Cleo Example")
	executive.unfolds("Change its end")
	executive.fills("in_force-f-ends_at", "2030-01-19")
	if status := executive.sends("Change its end"); status != 422 {
		t.Errorf("another end without a reason is answered with %d", status)
	}
	executive.fills("in_force-f-changed_why", "It was signed for four years")
	executive.presses("Change its end")
	executive.says("Why it was changed", "It was signed for four years")
	executive.audited("vendor-contract")
	lead.goes(contract + "/edit")
	lead.holds("main", "stand as they were when the record became in force")

	report := lead.adds("assurance_reports", "f-vendor", vendor, "f-owner", "person/E5", "f-type", "SOC 2 type 2", "f-due_at", time.Now().AddDate(0, 0, -7).Format(time.DateOnly))
	v.goes("/work")
	v.follows("main", report)
	v.goes(report + "/edit")
	v.fills("f-covers_from", "2025-10-01", "f-covers_to", "2026-09-30", "f-previous_to", "2025-06-30", "f-bridge_to", "2025-09-15",
		"f-customer_duty_list-0-what", "Customers keep their keys.", "f-customer_duty_list-0-controls", "ENC-01")
	v.presses("Save")
	v.says("Gap", "15 days") // from the end of the letter
	v.unfolds("Record what it says")
	v.fills("read-f-method", "carve-out", "read-f-physical", "true")
	v.presses("Record what it says")
	v.says("Read by", "Emil Example")
	v.audited("assurance-report-bridged")

	v.goes(path)
	v.says("First report read", "REP-1")
	v.says("Report read by", "Emil Example")
	v.unfolds("Begin offboarding")
	ended := time.Now().UTC().AddDate(0, 0, -10) // its owner says it soon
	v.fills("offboarding-f-ended_at", ended.Format("2006-01-02")+"T12:00")
	v.presses("Begin offboarding")
	v.goes("/work")
	v.holds("main", "End the vendor's access and settle our data")
	v.follows("main", path)
	v.unfolds("Record the end")
	v.fills("ended-f-access_ended_at", ended.Format("2006-01-02")+"T13:00", "ended-f-data_settled_at", ended.AddDate(0, 0, 9).Format("2006-01-02")+"T09:00", "ended-f-data_settled", "returned and destroyed", "ended-f-proof", "letter-9")
	v.presses("Record the end")
	v.stands("Ended")
	v.says("Certificate", "letter-9")
	v.audited("vendor-ended")
	v.goes("/work")
	if text := in(v, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "settle our data") {
		t.Error("the data came back, and still is to be settled")
	}

	c.tests(t, "VND-01", "ended", 1, 1)
	c.tests(t, "VND-01", "onboarded", 1, 1) // used when the register began, and approved within thirty days
	c.tests(t, "VND-03", "terms", 1, 1)
	c.tests(t, "VND-04", "read", 1, 1)
}

// That a vendor of the tier critical gives no report is said with a reason by who assesses it,
// and stands in its record; then none is asked for.
func TestAVendorGivesNoReport(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "control-owner")
	path := v.adds("vendors", "f-name", "Small Example", "f-service", "Runs our pager", "f-category", "software", "f-owner", "person/E5")
	lead := c.signs(t, "compliance")
	lead.goes("/new/vendor_assessments")
	lead.fills("f-vendor", "Small Example", "f-year", "2026", "f-tier", "critical")
	lead.presses("Show what is asked")
	for n := range vendors.Questions("general") {
		lead.ticks(fmt.Sprintf("f.answers.%d.answer", n), "yes")
	}
	lead.presses("Add it")
	lead.fills("done-f-result", "fit", "done-f-reports", "false")
	if status := lead.sends("Finish the assessment"); status != 422 {
		t.Errorf("that it gives no report, without a reason, is answered with %d", status)
	}
	lead.holds("[role=alert]", "is missing, and the vendor gives no reports")
	lead.fills("done-f-no_report_reason", "It is five people: we rely on its answers.")
	lead.presses("Finish the assessment")
	lead.says("Why it gives none", "It is five people: we rely on its answers.")

	v.goes(path)
	v.says("Why it gives no report", "It is five people: we rely on its answers.")
	v.says("No report, says", "Ada Example")
	v.unfolds("Finish the assessment")
	v.ticks("f.data", "none")
	v.fills("assessed-f-access", "production", "assessed-f-criticality", "low")
	v.presses("Finish the assessment")
	executive := c.signs(t, "executive")
	executive.goes(path)
	executive.presses("Approve")
	v.goes(path)
	v.unfolds("Put in use")
	v.fills("in_use-f-used_from", "2026-02-01T00:00")
	v.presses("Put in use")
	v.stands("In use")
	v.audited("vendor-without-report")
	if text := in(v, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "Report to be read by") {
		t.Error("a report is asked for, and the vendor gives none")
	}
}
