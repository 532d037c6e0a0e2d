package browser

import (
	"fmt"
	"testing"

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
	v.fills("f-name", "Identity Example", "f-service", "Checks of identity documents", "f-category", "KYC/AML provider", "f-owner", "account/ciso")
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
	v.audited("vendor-assessment")
	v.fills("done-f-result", "fit")
	v.presses("Done")
	v.holds("main", "Done by", "account/compliance")

	v.goes("/new/assurance_reports")
	v.fills("f-vendor", "vendor/VEN-1", "f-owner", "account/ciso", "f-type", "SOC 2 type 2", "f-due_at", "2026-05-01T09:00", "f-method", "inclusive", "f-physical", "true",
		"f-first", "true", "f-covers_from", "2025-01-01T00:00", "f-covers_to", "2025-12-31T00:00",
		"f-exception_list-0-what", "Two leavers kept access for a week.",
		"f-customer_duty_list-0-what", "Customers remove their own leavers.", "f-customer_duty_list-0-controls", "PPL-01")
	v.presses("Add it")
	v.at("/r/assurance_reports/REP-1", "REP-1")
	v.holds("main", "Two leavers kept access", "Customers remove their own leavers.", "PPL-01")
	v.fills("read-f-method", "inclusive")
	if status := v.sends("Read"); status != 422 {
		t.Fatalf("an exception that nobody judged is answered with %d", status)
	}
	v.holds("main", "each exception has a judgment")
	v.fills("read-f-exception_list-0-judgment", "They see test data only.")
	v.presses("Read")
	v.holds("main", "Read by", "They see test data only.")
	v.audited("assurance-report")

	reader := s.signs(t, "auditor")
	reader.goes("/r/vendor_assessments/VAS-1")
	reader.holds("main", questions[0].Text)
}
