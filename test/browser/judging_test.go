package browser

import (
	"os"
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
	hires(t, dir, "compliance", "ciso", "auditor")
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
	v.goes("/controls/PPL-01/deviations")
	v.holds("main", "Alex Example")
	v.audited("deviations")

	other := s.signs(t, "ciso")
	other.goes("/controls/PPL-01")
	other.follows("main", "Confirm it")
	other.audited("deviation-confirm")
	other.presses("Confirm it")
	other.holds("main", "counts from the next test")

	v.goes("/controls/PPL-01")
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

// deployed is a control whose changes are held against what a program says of them.
const deployed = `id: OWN-1
title: What is merged is deployed
criteria: [CC8.1]
owner: head of engineering
frequency: multi_daily
tests:
  - id: deployed
    kind: census
    title: Each change was deployed
    population: {from: changes}
    pass: "true"
    reconcile:
      with: {from: events, where: item.type == "com.example.deployed"}
      key: item.id
      with_key: item.subject
`

// One person says why two lists do not agree, and another confirms it.
func TestAMismatchIsExplainedByTwo(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	changes, events := filepath.Join(t.TempDir(), "changes.csv"), filepath.Join(t.TempDir(), "events.jsonl")
	if _, err := scaf(dir, "", "init", "--org", "Example Corp", "--timezone", "Europe/Berlin"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "controls"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		filepath.Join(dir, "controls", "OWN-1.yaml"): deployed,
		changes: "id,title,author,merged_at\nc2,The handbook,\"{\"\"name\"\":\"\"Ann Example\"\"}\",2026-01-11T00:00:00Z\n",
		events: `{"specversion":"1.0","id":"0","source":"//ci","type":"com.example.started","time":"2026-01-01T00:00:00Z"}` + "\n" +
			`{"specversion":"1.0","id":"9","source":"//ci","type":"com.example.deployed","subject":"c9","time":"2026-01-12T01:00:00Z"}` + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, command := range [][]string{
		{"import", "csv", "changes", changes},
		{"import", "events", events},
		{"period", "open", "January", "--from", "2026-01-01", "--to", "2026-02-01"},
		{"control", "test", "OWN-1", "--period", "January"},
	} {
		if _, err := scaf(dir, "", command...); err != nil && command[0] != "control" { // a test that fails says so
			t.Fatal(err)
		}
	}
	hires(t, dir, "compliance", "ciso")
	s := fresh(t, dir)
	v := s.signs(t, "compliance")
	v.goes("/r/changes")
	v.follows("main table", "/r/changes/c2")
	v.holds("main", "The handbook", "Ann Example")
	v.goes("/controls/OWN-1")
	v.holds("main", "only here: c2", "only there: c9")
	v.follows("main", "2 mismatches")
	v.holds("main", "2 do not agree", "only here: c2", "only there: c9")
	v.audited("reconciled")
	v.goes("/controls/OWN-1")
	v.follows("main", "Say why")
	if status := v.sends("Propose it"); status != 422 {
		t.Fatalf("a form without a reason is answered with %d", status)
	}
	v.holds("main", "is missing")
	v.audited("mismatch-refused")
	v.fills("f-reason", "A change of the handbook is not deployed.")
	v.presses("Propose it")
	v.holds("main", "not confirmed yet", "You proposed it: somebody else confirms it.")
	v.audited("mismatch")

	other := s.signs(t, "ciso")
	other.goes("/controls/OWN-1")
	other.follows("main", "Confirm it")
	other.audited("mismatch-confirm")
	other.presses("Confirm it")
	other.holds("main", "confirmed by", "It is resolved from the next test of")
	other.audited("mismatch-resolved")
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
