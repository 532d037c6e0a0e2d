// Package results performs tests of controls over what SCAF has recorded and
// keeps what came of them.
package results

import (
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Result is what a test of a control over a period came to.
type Result struct {
	ID      string `json:"id"` // RES-1, RES-2 ...
	Control string `json:"control"`
	Test    string `json:"test"`
	Period  string `json:"period"`
	// Interim results were computed while the period was open.
	Interim bool      `json:"interim"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	// ControlSHA256 is the hash of the control file, Engine the version of the
	// program: with the population they are what the result is computed from.
	ControlSHA256 string `json:"control_sha256"`
	Engine        string `json:"engine"`
	// RecordedQuery is the query by which somebody found that nothing occurred.
	RecordedQuery string `json:"recorded_query,omitempty"`
	Owner         string `json:"owner"` // of the control, as the file names it
	// Version is the version whose file it is, where it was approved and in
	// force from From to To; ApprovedBy and ApprovedAt say by whom and when.
	Version    string     `json:"version,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	Population string     `json:"population"` // POP-...
	Count      int        `json:"count"`
	Passed     int        `json:"passed"`
	Deviations int        `json:"deviations"`
	Open       int        `json:"open"`
	Asserted   int64      `json:"asserted"`
	Rate       string     `json:"rate"` // as decimal text: RFC 8785 documents hold no rounded number
	// Exceptions are the first deviations; Details holds all of them.
	Exceptions []controltests.Deviation `json:"exceptions"`
	Markers    []controltests.Marker    `json:"markers"`
	// State is what a state test knows of its resources, Gaps what it, or a
	// document test, does not know: the first ones.
	State *controltests.State `json:"state,omitempty"`
	Gaps  []controltests.Gap  `json:"gaps,omitempty"`
	// Reconciliation and Cutoff are there where the control asks for them.
	Reconciliation *Reconciliation `json:"reconciliation,omitempty"`
	Cutoff         *CutoffCheck    `json:"cutoff,omitempty"`
	// Census is the conclusion that the deviation rule gives for the items as
	// they are. Three things are kept apart: Design is how the design of this
	// version was assessed (not_tested: it was not), in Assessment; Operating is
	// Census, or incomplete where the population, an approval or the assessment
	// is missing; Attestation is Census where it rests on what people say of
	// themselves, and empty elsewhere. Conclusion is Operating, or ineffective
	// where the design is.
	Census        controltests.Conclusion `json:"census"`
	Design        controltests.Conclusion `json:"design"`
	Assessment    string                  `json:"assessment,omitempty"`
	Operating     controltests.Conclusion `json:"operating"`
	Attestation   controltests.Conclusion `json:"attestation,omitempty"`
	Conclusion    controltests.Conclusion `json:"conclusion"`
	NeedsJudgment bool                    `json:"needs_judgment"`
	Because       []string                `json:"because"`
	// Details is the SHA-256 of the evidence file with the whole result. The
	// control file is kept as evidence, too, under ControlSHA256.
	Details     string    `json:"details"`
	PerformedAt time.Time `json:"performed_at"`
	PerformedBy string    `json:"performed_by"`
}

// maxExceptions is how many deviations a result's record lists itself.
const maxExceptions = 50

// Register describes the register of results.
var Register = record.Define[Result](record.Definition{
	Kind: "result", Register: "results", Title: "Results", At: "performed_at", Internal: true,
	Purpose: "What a test of a control came to, each time it was performed.",
	Shown:   []string{"control", "test", "period", "interim", "conclusion", "deviations", "performed_at"},
	Columns: []record.Column{
		{Field: "performed_at", Label: "Performed", Filter: true, Sort: true},
		{Field: "control", Label: "Control", Filter: true},
		{Field: "period", Label: "Period", Filter: true},
		{Field: "conclusion", Label: "Conclusion", Filter: true},
	},
})

// AssertedFields are fields that a change's own author can write: a test that
// reads one of them cannot make a control effective by it alone (ADR 7).
var AssertedFields = []string{"reviewers"}

// Lab performs tests.
type Lab struct {
	DB     *store.DB
	Door   *act.Door
	Kinds  record.Kinds
	Blobs  blob.Store
	Clock  clock.Clock
	Engine string
}

// Task is one test to perform.
type Task struct {
	Control *controls.Control
	Test    *controls.Test
	Period  periods.Period
	// Part is the part of the period over which the control file is tested; nil:
	// all of it.
	Part *versions.Part
	// RecordedQuery is the query by which the caller found that nothing occurred,
	// where no import says it; empty for none.
	RecordedQuery string
	// Final refuses the task while the period is open (periods.ErrOpen).
	Final bool
	// BankOnly banks the population and tests nothing.
	BankOnly bool

	before *Progress // that of its latest result; nil: none is known
}

func (t *Task) interim() bool { return t.Period.State != periods.Closed }

// Outcome is what a task came to.
type Outcome struct {
	Population *populations.Banked
	Result     *Result // nil when only banked
}

// AwaitedError says: a test's population is a register that is still to come.
// It is a populations.ErrSource.
type AwaitedError struct{ Register string }

func (e *AwaitedError) Error() string {
	return fmt.Sprintf("the register %s is not there yet", e.Register)
}

// Is implements errors.Is.
func (e *AwaitedError) Is(target error) bool { return target == populations.ErrSource }

// ErrNotBegun says: a period that lies in the future has nothing to test.
var ErrNotBegun = errors.New("the period has not begun")
