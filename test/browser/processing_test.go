package browser

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A specification is approved by somebody other than its author, and of what programs
// report it is seen whether every record is accounted for.
func TestASpecificationAndItsRuns(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso", "engineer", "auditor")
	v := s.signs(t, "compliance")
	v.goes("/new/specifications")
	v.fills("f-product", "Screening", "f-owner", "person/engineer", "f-text", "It compares a person with the lists.", "f-tolerance", "none",
		"f-inputs-0-name", "person", "f-inputs-0-format", "JSON", "f-inputs-0-source", "customer", "f-inputs-1-name", "lists")
	v.loads(chromedp.Click(chromedp.CSS(`button[name="more"][value="inputs"]`)))
	v.holds("main", "Inputs 5")
	v.fills("f-inputs-4-name", "nothing", "f-outputs-0-name", "score", "f-outputs-0-recipient", "customer")
	if status := v.sends("Add it"); status != 422 {
		t.Fatalf("an input without a format is answered with %d", status)
	}
	v.holds("main", "Inputs 2, Format: is missing", "Inputs 3, Source: is missing")
	v.audited("specification-refused")
	v.fills("f-inputs-1-format", "CSV", "f-inputs-1-source", "authorities")
	v.do(chromedp.Click(chromedp.CSS(`input[name="f.inputs.2"]`)))
	v.presses("Add it")
	v.at("/r/specifications/SPC-1", "SPC-1")
	v.holds("main", "Screening", "It compares a person", "authorities", "Approve: for somebody else to do")
	v.audited("specification")

	other := s.signs(t, "ciso")
	other.goes("/r/specifications/SPC-1")
	other.presses("Approve")
	other.holds("main", "Approved by", "Example Ciso", "Limits of error\nnone")

	runs := s.signs(t, "engineer")
	runs.goes("/new/processing_runs")
	runs.fills("f-id", "run-1", "f-specification", "specification/SPC-1", "f-ran_at", "2026-02-01T09:00", "f-records", "100", "f-processed", "99", "f-failed", "1")
	runs.presses("Add it")
	runs.at("/r/processing_runs/run-1", "run-1")
	runs.holds("main", "Reconciled\nNo")
	runs.goes("/r/processing_runs/run-1/edit")
	runs.fills("f-corrected", "1", "f-settled_at", "2026-02-02T09:00")
	runs.presses("Save")
	runs.holds("main", "Reconciled\nYes")
	runs.audited("processing-run")

	reader := s.signs(t, "auditor")
	reader.goes("/r/processing_runs")
	reader.holds("main", "run-1")
	reader.goes("/r/specifications/SPC-1")
	reader.holds("main", "Screening")
}
