package portal

import (
	"fmt"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/surface"
)

// Each item is counted once, the first ones are lines, and a line has all tests that
// read its item, wherever they stand.
func TestOnlyTheFirstItemsAreLines(t *testing.T) {
	p := &Portal{System: &surface.System{Kinds: app.Kinds}}
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []*reports.Pending
	for i := range mostPressing + 200 {
		all = append(all, &reports.Pending{Item: fmt.Sprintf("risk/RSK-%d", i), Title: "Review it", Owner: "lead", Deadline: begin.AddDate(0, 0, i), Tests: []string{"RSK-01 reviewed"}})
	}
	again := *all[3]
	again.Tests = []string{"RSK-02 again"}
	all = append(all, &again, all[mostPressing+3])
	lines, at := p.items(all, map[string][]string{"RSK-01": {"CC3.2"}, "RSK-02": {"CC3.1"}})
	if len(lines) != mostPressing || len(at) != mostPressing+200 {
		t.Fatalf("%d lines of %d items", len(lines), len(at))
	}
	if i := at["risk/RSK-3"]; i != 3 || len(lines[3].Tests) != 2 || fmt.Sprint(lines[3].Criteria) != "[CC3.1 CC3.2]" || lines[3].What != "Review it" {
		t.Errorf("line %d: %+v", i, lines[3])
	}
	if i := at[fmt.Sprintf("risk/RSK-%d", mostPressing+3)]; i != unlisted {
		t.Errorf("an item after the first lines has line %d", i)
	}
}
