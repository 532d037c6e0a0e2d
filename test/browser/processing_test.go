package browser

import (
	"net/http"
	"strings"
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

// What a program takes in, sends out and stores it reports by the API, with a token that was
// made for it and reads nothing. People see what does not add up, and put right what was
// reported wrongly; an auditor reads the same.
func TestWhatAProgramReports(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	officer := c.signs(t, "ciso")
	officer.goes("/settings/tokens")
	officer.fills("f-name", "the pipeline", "f-role", "processing")
	officer.presses("Make it")
	token := in(officer, chromedp.Text(chromedp.CSS("code.secret")))
	reports := func(method, path, body string, want int) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, c.url+"/v1/records/"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "If-Match": {"*"}}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil || answer.StatusCode != want {
			t.Errorf("%s %s is answered with %s, %v", method, path, answer.Status, err)
		}
	}
	reports("POST", "input_batches", `{"id":"b1","source":"customer 4","received_at":"2026-02-01T09:00:00Z","records":100,"accepted":98,"refused":2,"refused_with_reason":2}`, 201)
	reports("POST", "input_batches", `{"id":"b2","source":"customer 4","received_at":"2026-02-02T09:00:00Z","records":100,"accepted":97,"refused":2,"refused_with_reason":2}`, 201)
	reports("POST", "input_batches", `{"id":"b3","source":"customer 5","received_at":"2026-02-02T09:00:00Z","records":10,"accepted":9,"refused":1}`, 201)
	reports("POST", "deliveries", `{"id":"d1","sent_at":"2026-02-01T10:00:00Z","recipient":"customer 4","intended":"customer 4","records":98,"made":98,"protected":true}`, 201)
	reports("POST", "deliveries", `{"id":"d2","sent_at":"2026-02-02T10:00:00Z","recipient":"customer 5","intended":"customer 4","records":97,"made":97,"protected":true,"confirmed_at":"2026-02-02T10:10:00Z"}`, 201)
	reports("PATCH", "deliveries/d1", `{"confirmed_at":"2026-02-01T10:10:00Z"}`, 200)
	reports("POST", "storage_checks", `{"id":"s1","store":"The database","due_at":"2026-02-01T01:00:00Z","done_at":"2026-02-01T01:10:00Z","records":500,"compared":500}`, 201)
	reports("POST", "storage_checks", `{"id":"s2","store":"The database","due_at":"2026-02-02T01:00:00Z","done_at":"2026-02-02T01:10:00Z","records":500,"compared":500,"changed":1}`, 201)
	reports("POST", "storage_checks", `{"id":"s3","store":"The database","due_at":"2026-02-03T01:00:00Z","records":500,"compared":501}`, 422)
	reports("GET", "deliveries/d1", "", 403)

	v := c.signs(t, "engineer")
	v.goes("/r/input_batches?f.reconciled=false")
	v.holds("main", "b2", "b3")
	v.audited("input-batches")
	v.follows("main table", "/r/input_batches/b3")
	v.says("Reconciled", "No")
	v.follows("main", "/r/input_batches/b3/edit")
	v.fills("f-refused_with_reason", "-1")
	if status := v.sends("Save"); status != 422 {
		t.Errorf("a negative number is answered with %d", status)
	}
	v.holds("[role=alert]", "Refused with a reason")
	v.audited("input-batch-refused")
	v.fills("f-refused_with_reason", "1")
	v.presses("Save")
	v.says("Reconciled", "Yes")
	v.goes("/r/input_batches/b3/history")
	v.holds("main", "Dora Example", "the pipeline")
	v.goes("/r/deliveries")
	v.follows("main table", "/r/deliveries/d1")
	v.says("Confirmed", "2026-02-01 11:10") // as the organisation's clocks say
	v.says("Protected", "Yes")
	v.audited("delivery")
	v.goes("/r/storage_checks")
	v.follows("main table", "/r/storage_checks/s2")
	v.says("Changed", "1")
	v.audited("storage-check")

	reader := c.signs(t, "auditor")
	for path, heading := range map[string]string{"/r/input_batches/b2": "b2", "/r/deliveries/d2": "d2", "/r/storage_checks/s2": "s2"} {
		reader.goes(path)
		reader.at(path, heading)
		if in(reader, chromedp.Evaluate[bool](`document.querySelector("main a[href$='/edit'], main form[method=post]") !== null`)) {
			t.Errorf("an auditor is offered to change %s", path)
		}
	}
	c.tests(t, "INT-02", "accepted", 3, 2)
	c.tests(t, "INT-03", "delivered", 2, 1)
	c.tests(t, "INT-03", "intact", 2, 1)
}
