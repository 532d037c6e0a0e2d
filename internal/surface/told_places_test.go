package surface

import (
	"testing"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
)

// What becomes a deviation leads to where it is done.
func TestWhatPressesLeadsToWhereItIsDone(t *testing.T) {
	t.Parallel()
	a := &audience{s: &System{Kinds: record.Kinds{findings.Register, documents.Register, tasks.Register, tasks.Performances}}}
	tests := []string{"GOV-01 meetings"}
	for want, p := range map[string]reports.Pending{
		"/duties/access-review/2026-01-31":        {Item: "task/access-review@2026-01-31", Tests: tests},
		"/r/findings/FND-1":                       {Item: "finding/FND-1", Tests: tests},
		"/controls/GOV-01/evidence?test=meetings": {Item: "document 2026-Q1", Tests: tests, Kind: controls.Document},
		"/r/evidence/EVD-1":                       {Item: "document 2026-Q1", Tests: tests, Kind: controls.Document, Unread: "EVD-1"},
		"/controls/GOV-01":                        {Item: "tls://a", Tests: tests, Kind: controls.State},
		"/":                                       {Item: "something else"},
	} {
		if to, _ := a.doing(&p); to.path != want {
			t.Errorf("%s leads to %s, want %s", p.Item, to.path, want)
		}
	}
}
