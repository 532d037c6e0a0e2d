package results

import (
	"bytes"
	"encoding/json"
	"fmt"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
)

// Question is a test of a control over a window, at a checkpoint. The answer
// depends on it, on the snapshot and on nothing else: not on the clock, and
// not on where the snapshot comes from.
type Question struct {
	Control *controls.Control
	Test    *controls.Test
	Period  string // its name
	Interim bool
	Window  populations.Window
	// Root is the root at the checkpoint Window.AsOf, lowercase hex.
	Root   string
	Engine string
	// RecordedQuery is the query by which somebody found that nothing occurred,
	// where no import says it; empty for none.
	RecordedQuery string
	// Begin is called when the reading of the population begins, and once more when
	// it has to begin again; nil where nobody looks on.
	Begin func() (*Witness, error)
	// Before is the progress of an earlier answer to go on from, where that can be
	// done; nil: from the beginning. The answer is the same either way.
	Before *Progress
}

// Witness is told what a computation goes over; either function may be nil.
type Witness struct {
	// Doc is given every document of the population, Each every item's outcome,
	// both in order. A document is valid during the call only.
	Doc  func(doc []byte) error
	Each func(controltests.ItemOutcome) error
}

// Answer is what a question comes to: population and result as they are
// recorded, without what recording adds (ids, who, when, evidence files).
type Answer struct {
	Banked  populations.Banked
	Result  Result
	Details *controltests.Result
	// Progress is what it takes to go on from this answer; nil: that cannot be done.
	Progress *Progress
}

// result makes the record of a test: what the items say, what the sources say,
// and what people decided.
//
// The keeper is the register whose imports say how complete the source is, where it is a
// mirror of another system's.
func (q *Question) result(d *controltests.Result, asserted int64, keeper string, mirrored bool, coverage *populations.Coverage, checks *checks, stands *standing) Result {
	r := Result{
		Control: q.Control.ID, Test: q.Test.ID, Period: q.Period, Interim: q.Interim, Owner: q.Control.Owner, RecordedQuery: q.RecordedQuery,
		From: q.Window.From.UTC(), To: q.Window.To.UTC(), ControlSHA256: q.Control.SHA256, Engine: q.Engine,
		Count: d.Population.Count, Passed: d.Passed, Deviations: len(d.Deviations), Open: len(d.Open), Asserted: asserted,
		Rate: decimal(d.Rate), Exceptions: d.Deviations[:min(len(d.Deviations), maxExceptions)],
		State: d.State, Gaps: d.Gaps[:min(len(d.Gaps), maxListed)], Reconciliation: checks.reconciliation, Cutoff: checks.cutoff,
		Markers: d.Markers, Census: d.Conclusion, Operating: d.Conclusion, NeedsJudgment: d.NeedsJudgment, Because: []string{},
	}
	if coverage.Imports > 0 && !coverage.Complete {
		r.Because = append(r.Because, "The population is not complete: "+join(coverage.Gaps)+".")
		if r.Operating != controltests.Ineffective { // missing data makes nothing better
			r.Operating = controltests.Incomplete
		}
	}
	if coverage.Imports == 0 && d.Population.Count == 0 && q.RecordedQuery == "" {
		r.Because = append(r.Because, q.empty(keeper, mirrored))
	}
	checks.stop(&r.Because, &r.Operating)
	switch {
	case asserted == 0 || !readsAsserted(q.Test):
	case checks.lifts(q.Test):
		r.Because = append(r.Because, fmt.Sprintf("Reviewers of %d of %d items are asserted by commit messages; %s, an independent source, bears them out.", asserted, d.Population.Count, q.Test.Reconcile.With.From))
	default:
		r.Because = append(r.Because, fmt.Sprintf("Reviewers of %d of %d items are asserted by commit messages, which their authors can write: the control reads incomplete until an independent source, such as the review system, is connected. By the items as they are it would be %s.", asserted, d.Population.Count, d.Conclusion.Words()))
		r.Attestation, r.Operating = d.Conclusion, controltests.Incomplete
	}
	if q.Test.Kind == controls.Document { // what a person read and accepted
		r.Attestation = d.Conclusion
	}
	stands.conclude(&r, d)
	r.Because = append(r.Because, d.Because...)
	if late := stands.late(q.Window); late != "" {
		r.Because = append(r.Because, late)
	}
	return r
}

// empty says why an empty population shows nothing, and what would show that nothing happened.
func (q *Question) empty(keeper string, mirrored bool) string {
	source := q.Test.Population.From
	switch itself := keeper == source; {
	case mirrored && itself:
		return fmt.Sprintf("Nothing says that %s is complete: no import into it covers the period, and that it is empty may mean that nobody kept it. Import the period, or say where you looked and found nothing.", source)
	case mirrored:
		return fmt.Sprintf("Nothing says that %s, which SCAF computes from %s, is complete: no import into %s covers the period, and that it is empty may mean that nobody kept it. Import the period, or say where you looked and found nothing.", source, keeper, keeper)
	case itself:
		return fmt.Sprintf("Nothing says that %s is complete: people keep it here, and that it is empty may mean that nobody did. Record what happened, or say where you looked and found nothing.", source)
	}
	return fmt.Sprintf("Of %s, which SCAF computes from %s, nothing falls into the period, and nothing says that %s is complete: people keep it here. Record what is missing there, or say where you looked and found nothing.", source, keeper, keeper)
}

func readsAsserted(test *controls.Test) bool {
	for _, field := range AssertedFields {
		if test.Reads(field) {
			return true
		}
	}
	return false
}

// decimal writes a number as JSON does.
func decimal(f float64) string {
	text, err := json.Marshal(f)
	if err != nil {
		return "0"
	}
	return string(text)
}

func join(texts []string) string {
	const most = 5
	var b bytes.Buffer
	for i, text := range texts {
		if i == most {
			fmt.Fprintf(&b, "; and %d more", len(texts)-most)
			break
		}
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(text)
	}
	return b.String()
}
