package evidence_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// Whoever may write to the ledger can record a result that was never computed.
// Export says so, and verifying does.
func TestRecordedResultsThatWereNotComputedAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		population func(b *populations.Banked)
		result     func(r *results.Result)
		says       []string
	}{
		"as computed":        {},
		"count":              {population: func(b *populations.Banked) { b.Count-- }, says: []string{"POP-1: count is recorded as 14, computing it again gives 15"}},
		"hash":               {population: func(b *populations.Banked) { b.SHA256 = strings.Repeat("a", 64) }, says: []string{"POP-1: sha256 is recorded", "populations/aaaa"}},
		"asserted":           {population: func(b *populations.Banked) { b.Asserted = 3 }, says: []string{"POP-1: asserted"}},
		"filter":             {population: func(b *populations.Banked) { b.Query.Where = "true" }, says: []string{"POP-1: query is recorded as"}},
		"order":              {population: func(b *populations.Banked) { b.Query.Order = "random" }, says: []string{"POP-1: query is recorded as"}},
		"shorter":            {population: func(b *populations.Banked) { b.Query.To = b.Query.To.Add(-time.Hour) }, says: []string{"POP-1: it was read from"}},
		"checkpoint":         {population: func(b *populations.Banked) { b.Checkpoint.Size-- }, says: []string{"POP-1: it was read at a checkpoint of size"}},
		"earlier checkpoint": {population: func(b *populations.Banked) { b.Checkpoint = populations.Checkpoint{Root: emptyRoot} }, says: []string{"read before the period was closed"}},
		"zone":               {population: func(b *populations.Banked) { b.Query.Zone = "Mars/Olympus" }, says: []string{"not computed again"}},
		"another control":    {population: func(b *populations.Banked) { b.Control = "C-2" }, says: []string{"is of C-1 and has no test"}},
		"another test":       {population: func(b *populations.Banked) { b.Test = "none" }, says: []string{`has no test "none"`}},
		"conclusion":         {result: func(r *results.Result) { r.Conclusion = controltests.Effective }, says: []string{`RES-1: conclusion is recorded as "effective"`}},
		"deviations":         {result: func(r *results.Result) { r.Deviations, r.Passed = 0, r.Passed+r.Deviations }, says: []string{"RES-1: deviations is recorded as 0", "RES-1: passed is"}},
		"an exception":       {result: func(r *results.Result) { r.Exceptions = r.Exceptions[1:] }, says: []string{"RES-1: exceptions is"}},
		"reasons":            {result: func(r *results.Result) { r.Because = nil }, says: []string{"RES-1: because is"}},
		"details of another": {result: func(r *results.Result) { r.Details = r.ControlSHA256 }, says: []string{"is not JSON"}},
		"no approver":        {result: func(r *results.Result) { r.ApprovedBy = "local/somebody" }, says: []string{`RES-1: approved_by is recorded as "local/somebody"`}},
		"design":             {result: func(r *results.Result) { r.Design = controltests.Ineffective }, says: []string{`RES-1: design is recorded as "ineffective"`}},
		"another owner":      {result: func(r *results.Result) { r.Owner = "nobody" }, says: []string{`RES-1: owner is recorded as "nobody"`}},
		"no population":      {result: func(r *results.Result) { r.Population = "POP-9" }, says: []string{`RES-1: its population "POP-9" is not one of the period`}},
		"an unknown control": {result: func(r *results.Result) { r.ControlSHA256 = strings.Repeat("b", 64) }, says: []string{"RES-1: control_sha256 is"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config.Config{})
			w.add(15)
			w.close()
			w.record(c.population, c.result)
			bundle, written := w.export()
			verified, err := verify(bundle, check(w.VerifierKey))
			var found []string
			if err != nil {
				found = []string{err.Error()}
			} else {
				found = verified.Differences
			}
			if (len(c.says) == 0) != (len(found) == 0) || err == nil && len(found) > 0 && name != "no population" && len(written.Differences) == 0 {
				t.Errorf("verifying: %q, exporting: %q", found, written.Differences)
			}
			for _, says := range c.says {
				if !strings.Contains(strings.Join(found, "\n"), says) {
					t.Errorf("%q, want %q", found, says)
				}
			}
		})
	}
}

// emptyRoot is the root of a log without events.
const emptyRoot = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// record performs the first test and records, as a second version, something
// else than it gave.
func (w *world) record(population func(*populations.Banked), result func(*results.Result)) {
	w.t.Helper()
	outcome, err := w.Lab().Perform(context.Background(), apptest.Operator, results.Task{
		Control: w.control, Test: w.control.Tests[0], Period: w.period,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Door.Do(context.Background(), apptest.Operator, "test", "test", func(tx *act.Tx) error {
		if population != nil {
			population(outcome.Population)
			_, err := record.Put(tx, populations.Register, record.Change{Verb: "changed", ID: "POP-1", Doc: outcome.Population, Expect: 1})
			return err
		}
		if result == nil {
			_, err := tx.Event(act.Event{Type: "scaf.test.happened.v1", Subject: "test"})
			return err
		}
		result(outcome.Result)
		_, err := record.Put(tx, results.Register, record.Change{Verb: "changed", ID: "RES-1", Doc: outcome.Result, Expect: 1})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// A control file that is nowhere any more is an omission, and is named; the rest
// of the bundle is there.
func TestControlFileThatIsLostIsNamed(t *testing.T) {
	w := newWorld(t, config.Config{})
	w.add(10)
	lost := *w.control
	lost.SHA256, lost.Source = strings.Repeat("d", 64), nil // is not kept as evidence, and is not one of the folder's
	w.control = &lost
	w.test()
	bundle, written := w.export()
	verified, err := verify(bundle, check(w.VerifierKey))
	if err != nil {
		t.Fatal(err)
	}
	for _, differences := range [][]string{written.Differences, verified.Differences} {
		if !strings.Contains(strings.Join(differences, "\n"), "POP-4: not computed again: the control file with the SHA-256 "+w.control.SHA256+" is missing") {
			t.Errorf("%q", differences)
		}
	}
	if all := strings.Join(verified.Differences, "\n"); !strings.Contains(all, "controls/"+w.control.SHA256+".yaml is left out") || len(verified.Results) != 4 || verified.Results[0].Same {
		t.Errorf("%q %+v", verified.Differences, verified.Results)
	}
}
