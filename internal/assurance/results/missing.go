package results

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Missing is something without which nothing can be concluded.
type Missing struct {
	Kind    string `json:"kind"`
	Control string `json:"control,omitempty"`
	Test    string `json:"test,omitempty"`
	What    string `json:"what"`
	// Who can do something about it, and Command what; empty where What says it,
	// or nobody can any more.
	Who     string `json:"who,omitempty"`
	Command string `json:"command,omitempty"`
}

// The kinds of what is missing, in the order in which they are listed.
const (
	MissingApproval    = "approval"    // a control file that nobody has brought into force
	MissingAssessment  = "assessment"  // a version whose design nobody has assessed
	MissingImport      = "import"      // a hole in what was imported
	MissingObservation = "observation" // a resource that was not read for too long
	MissingEvidence    = "evidence"    // a document that nobody has, or has reviewed
	MissingResult      = "result"      // a test that was not performed
)

var missingOrder = []string{MissingApproval, MissingAssessment, MissingImport, MissingObservation, MissingEvidence, MissingResult}

// Wanting is the question what is missing for tests.
type Wanting struct {
	Files    *Files
	Kinds    record.Kinds
	Period   *periods.Period
	Controls []*controls.Control // the files in use
	// Adoptable reports whether a file is the catalog's own, which one person can
	// bring into force as a first version.
	Adoptable func(*controls.Control) bool
	Now       time.Time
}

// FindMissing lists what is missing for the controls' tests over a period, as
// of now: approvals of control files, assessments of their designs, holes in
// imports, gaps in observations, evidence that is not there or not reviewed,
// tests that were not performed. It records nothing. Tests that wait for a
// register are not in it: they are not tested whatever is collected.
func FindMissing(ctx context.Context, r *store.Reader, q Wanting) ([]Missing, error) {
	period, now := q.Period, q.Now
	head, err := ledger.ReadHead(r)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(period.Timezone)
	if err != nil {
		return nil, err
	}
	f := &finder{from: populations.Stored(r), kinds: q.Kinds, known: map[Missing]bool{}, found: []Missing{}}
	f.window = populations.Window{From: period.From, To: period.To, Zone: zone, AsOf: head.Size, Interim: period.State != periods.Closed}
	if f.window.Interim && now.Before(f.window.To) {
		f.window.To = now
	}
	if !f.window.From.Before(f.window.To) {
		return nil, fmt.Errorf("%w: %s begins at %s", ErrNotBegun, period.Name, period.From.Format(time.RFC3339))
	}
	latest, err := Latest(r, period.Name, 0)
	if err != nil {
		return nil, err
	}
	whole := f.window
	for _, given := range q.Controls {
		parts, err := q.Files.Plan(ctx, f.from, 0, given, period)
		if err != nil {
			return nil, fmt.Errorf("control %s: %w", given.ID, err)
		}
		for i := range parts {
			f.window = whole
			f.window.From = parts[i].From
			if parts[i].To.Before(whole.To) {
				f.window.To = parts[i].To
			}
			if !f.window.From.Before(f.window.To) {
				continue // a version that is still to take effect
			}
			if err := f.decided(&parts[i], q.Adoptable(given)); err != nil {
				return nil, fmt.Errorf("control %s: %w", given.ID, err)
			}
			if err := f.part(ctx, &parts[i], latest); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(f.found, func(a, b Missing) int {
		return cmp.Compare(slices.Index(missingOrder, a.Kind), slices.Index(missingOrder, b.Kind))
	})
	return f.found, nil
}

// finder collects what is missing, each once.
type finder struct {
	from   populations.Snapshot
	kinds  record.Kinds
	window populations.Window
	known  map[Missing]bool
	found  []Missing
}

func (f *finder) add(m Missing) {
	if !f.known[m] {
		f.known[m] = true
		f.found = append(f.found, m)
	}
}

// runnable reports whether a test can be performed at all.
func runnable(test *controls.Test) bool {
	return !test.Population.Awaited && test.Population.From != controls.FromItems
}

// part finds what the tests of a control lack over a part of the period.
func (f *finder) part(ctx context.Context, part *Part, latest map[Key]Result) error {
	control := part.Control
	for _, test := range control.Tests {
		if !runnable(test) {
			continue
		}
		if err := f.test(ctx, control, test); err != nil {
			return fmt.Errorf("control %s, test %s: %w", control.ID, test.ID, err)
		}
		result, ok := latest[KeyOf(control.ID, test.ID, part.From)]
		add := func(format string, args ...any) {
			f.add(Missing{Kind: MissingResult, Control: control.ID, Test: test.ID, What: fmt.Sprintf(format, args...)})
		}
		switch {
		case !ok:
			add("it was not performed: test it")
		case result.ControlSHA256 != control.SHA256:
			add("the control file has changed since %s: test it again", result.ID)
		case result.Interim && !f.window.Interim:
			add("%s is interim, and the period is closed: test it again", result.ID)
		}
	}
	return nil
}

// test finds what a test lacks.
func (f *finder) test(ctx context.Context, control *controls.Control, test *controls.Test) error {
	sources := []controls.Population{test.Population}
	if test.Reconcile != nil && !test.Reconcile.With.Awaited {
		sources = append(sources, test.Reconcile.With)
	}
	for i, source := range sources {
		of := *test
		of.Population = source
		if i > 0 {
			of.Kind = controls.Census
		}
		covered, err := coverage(f.from, f.kinds, &of, f.window)
		if err != nil {
			return err
		}
		for _, gap := range covered.Gaps { // of a source, whichever test reads it
			if f.kinds.Derived(source.From) == nil { // which names itself
				gap = source.From + ": " + gap
			}
			f.add(Missing{Kind: MissingImport, What: gap})
		}
	}
	kind := map[controls.Kind]string{controls.State: MissingObservation, controls.Document: MissingEvidence}[test.Kind]
	if kind == "" {
		return nil
	}
	changes, err := Changes(f.from, f.kinds, test, f.window)
	if err != nil {
		return err
	}
	stream, err := populations.Open(f.from, f.kinds, &test.Population, f.window)
	if err != nil {
		return err
	}
	ran, err := controltests.Run(ctx, stream, controltests.Subject{Control: control, Test: test, Options: controltests.Options{
		Period: &controltests.Period{From: f.window.From, To: f.window.To}, Zone: f.window.Zone, UniqueIDs: true, Changes: changes,
	}})
	if err != nil {
		return err
	}
	details := ran[0]
	for _, gap := range details.Gaps {
		f.add(Missing{Kind: kind, Control: control.ID, Test: test.ID, What: gap.String()})
	}
	for _, deviation := range details.Deviations {
		if deviation.Reason == controltests.Missing {
			f.add(Missing{Kind: kind, Control: control.ID, Test: test.ID, What: "document " + deviation.Item + ": there is no evidence"})
		}
	}
	if test.Kind == controls.State && details.Population.Count == 0 {
		f.add(Missing{Kind: kind, Control: control.ID, Test: test.ID, What: "nothing was observed"})
	}
	return nil
}
