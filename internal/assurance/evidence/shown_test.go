package evidence_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/config"
)

// What is named to show that a duty was done has to be in the ledger by then. Nobody can
// record it otherwise with SCAF; whoever may write to the ledger can.
func TestWhatShowsADutyWasThereBefore(t *testing.T) {
	w := newWorld(t, config.Config{})
	w.add(20)
	done := func(date string, refs ...string) {
		w.forge(apptest.Operator, tasks.Performances, "review@"+date, func(json.RawMessage) any {
			return tasks.Performance{ID: "review@" + date, Duty: "review", DueAt: w.Manual.Now(), Done: &tasks.Doing{At: w.Manual.Now(), By: "local/test", Evidence: refs}}
		})
	}
	done("2026-01-01", "change/c001", "the wiki", "wiki/page")
	done("2026-01-02", "change/none")
	done("2026-01-03", "change/later")
	w.forge(apptest.Operator, tasks.Performances, "review@2026-01-01", func(before json.RawMessage) any {
		return edited[tasks.Performance](before, func(p *tasks.Performance) {
			p.Added = []tasks.Doing{{At: w.Manual.Now(), By: "local/test", Evidence: []string{"change/later", "change/c000"}}}
		})
	})
	w.forge(apptest.Operator, changes.Register, "later", func(json.RawMessage) any {
		return changes.Change{ID: "later", Title: "good", Author: changes.Person{Name: "Ann"}, Reviewers: []changes.Person{}, State: changes.Merged}
	})
	done("2026-01-04", "change/later")
	w.forge(apptest.Operator, changes.Register, "c001", func(before json.RawMessage) any { // it was there before
		return edited[changes.Change](before, func(c *changes.Change) { c.Title = "fine" })
	})
	bundle, _ := w.export()
	verified, err := verify(bundle, check(w.VerifierKey))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, one := range verified.Differences {
		if _, says, ok := strings.Cut(one, "performance/review@"); ok {
			found = append(found, says)
		}
	}
	var want []string
	for _, one := range []string{"02: change/none", "03: change/later", "01: change/later"} {
		want = append(want, fmt.Sprintf("2026-01-%s is named as evidence, and was not in the ledger before", one))
	}
	if !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
}
