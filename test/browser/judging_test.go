package browser

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// One person states the cause of a deviation, and another confirms it; then one concludes
// from the result, and the auditor does.
func TestADeviationIsJudgedAndAResultConcluded(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range [][]string{
		{"init", "--org", "Example Corp", "--timezone", "Europe/Berlin"},
		{"period", "open", "2025", "--from", "2025-01-01", "--to", "2026-01-01"},
		{"record", "add", "people", "id=E1", "name=Alex Example", "title=Engineer", "joined_at=2025-01-05T09:00:00Z"},
		{"record", "move", "person/E1", "left", "left_at=2025-06-01T09:00:00Z"},
		{"control", "test", "PPL-01", "--period", "2025"},
	} {
		if _, err := scaf(dir, "", command...); err != nil && command[0] != "control" { // a test that fails says so
			t.Fatal(err)
		}
	}
	for _, role := range []string{"compliance", "ciso", "auditor"} {
		if err := account(dir, role, role); err != nil {
			t.Fatal(err)
		}
	}
	s := fresh(t, dir)
	v := s.signs(t, "compliance")
	v.goes("/controls/PPL-01")
	v.follows("main", "State its cause")
	if status := v.sends("State it"); status != 422 {
		t.Fatalf("a form without a cause is answered with %d", status)
	}
	v.holds("main", "Cause: is missing")
	v.audited("deviation-refused")
	v.fills("f-cause", "handover", "f-note", "Nobody told IT.")
	v.presses("State it")
	v.holds("main", "Nobody told IT.", "You stated it: somebody else confirms it.")
	v.audited("deviation")

	other := s.signs(t, "ciso")
	other.goes("/controls/PPL-01")
	other.follows("main", "Confirm it")
	other.presses("Confirm it")
	other.holds("main", "counts from the next test")

	v.follows("main", "/r/results/")
	v.holds("main", "Nobody has concluded from it", "Deviations")
	v.do(chromedp.Click(chromedp.CSS(`details.move summary`)))
	if status := v.sends("Conclude"); status != 422 {
		t.Fatalf("a form without a conclusion is answered with %d", status)
	}
	v.holds("main", "Conclusion: is missing")
	v.audited("result-refused")
	v.fills("f-conclude-conclusion", "ineffective", "f-conclude-reason", "One of one kept access.")
	v.presses("Conclude")
	v.holds("main", "One of one kept access.", "for management")
	v.audited("result-concluded")

	auditor := s.signs(t, "auditor")
	auditor.goes("/controls/PPL-01")
	auditor.follows("main", "Conclude from")
	auditor.fills("f-audit-role", "auditor", "f-audit-conclusion", "ineffective")
	auditor.presses("Record it")
	auditor.holds("main", "as the auditor")
}

// A compliance lead opens a period of the past and closes it; a duty of a title that nobody
// has is given to somebody, and handed over for some days.
func TestAPeriodIsOpenedAndClosedAndADutyIsGiven(t *testing.T) {
	t.Parallel()
	s := house(t, "compliance", "ciso", "auditor")
	v := s.signs(t, "compliance")
	v.goes("/")
	v.follows("main", "/periods/open")
	if status := v.sends("Open it"); status != 422 {
		t.Fatalf("a period without days is answered with %d", status)
	}
	v.holds("main", "Name: is missing", "First day: is missing")
	v.audited("period-refused")
	v.fills("f-name", "2024", "f-from", "2024-01-01", "f-to", "2024-12-31")
	v.presses("Open it")
	v.at("/r/periods/2024", "2024")
	v.audited("period")
	v.do(chromedp.Click(chromedp.CSS(`details.move summary`)))
	v.presses("Close 2024")
	v.holds("main", "It is closed for good", "Examine it again")
	reader := s.signs(t, "auditor")
	reader.goes("/r/periods/2024")
	reader.holds("main", "It is closed for good")

	v.goes("/duties/access-review")
	v.holds("main", "Nobody is")
	v.follows("main", "/duties/access-review/assign")
	v.fills("f-to", "nobody there")
	if status := v.sends("Give it to them"); status != 422 {
		t.Fatalf("a duty given to nobody is answered with %d", status)
	}
	v.audited("duty-assign-refused")
	v.fills("f-to", "ciso")
	v.presses("Give it to them")
	v.at("/duties/access-review", "Review who has access")
	v.holds("main", "ciso")
	v.follows("main", "/duties/access-review/delegate")
	v.fills("f-to", "auditor", "f-until", time.Now().AddDate(0, 0, 14).Format(time.DateOnly))
	v.presses("Hand it over")
	v.at("/duties/access-review", "Review who has access")
	v.holds("main", "delegated to auditor")
	v.audited("duty-delegated")
}
