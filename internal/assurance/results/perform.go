// Package results performs tests of controls over what SCAF has recorded and
// keeps what came of them.
package results

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
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
	"scaf.dev/scaf/internal/trust/ledger"
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
}

func (t *Task) interim() bool { return t.Period.State != periods.Closed }

// Outcome is what a task came to.
type Outcome struct {
	Population *populations.Banked
	Result     *Result // nil when only banked
}

// Perform reads the population at the latest checkpoint, tests every item of
// it, and records population and result in one transaction. While the period
// is open the result is interim: it covers the period, or the part of it that is
// named, up to now, or up to where complete imports reach.
func (l *Lab) Perform(ctx context.Context, caller act.Caller, task Task) (*Outcome, error) {
	if err := l.Door.Check(ctx, caller, "control.test", "control/"+task.Control.ID); err != nil {
		return nil, err
	}
	if from := task.Test.Population; from.Awaited {
		return nil, fmt.Errorf("control %s, test %s: not_tested: %w", task.Control.ID, task.Test.ID, &AwaitedError{from.From})
	}
	if task.Final && task.interim() {
		return nil, fmt.Errorf("%w: %s runs up to %s; a final test is refused before it is closed (scaf period close)", periods.ErrOpen, task.Period.Name, task.Period.To.Format(time.RFC3339))
	}
	var answer *Answer
	err := l.DB.Read(ctx, func(r *store.Reader) (err error) {
		answer, err = l.examine(ctx, r, populations.Stored(r), task, l.Clock.Now())
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("control %s, test %s: %w", task.Control.ID, task.Test.ID, err)
	}
	return l.enter(ctx, caller, task, answer)
}

// enter records an answer: population and result in one transaction.
func (l *Lab) enter(ctx context.Context, caller act.Caller, task Task, performed *Answer) (*Outcome, error) {
	if err := l.keep(ctx, task, performed); err != nil {
		return nil, err
	}
	outcome := &Outcome{}
	_, err := l.Door.Do(ctx, caller, "control.test", "control/"+task.Control.ID, func(tx *act.Tx) (err error) {
		if outcome.Population, err = populations.Bank(tx, performed.Banked); err != nil || task.BankOnly {
			return err
		}
		number, err := record.Number(&tx.Reader, Register.Name)
		if err != nil {
			return err
		}
		result := performed.Result
		result.ID = fmt.Sprintf("RES-%d", number)
		result.Population = outcome.Population.ID
		result.PerformedAt, result.PerformedBy = tx.Now(), tx.Caller().ID
		outcome.Result = &result
		_, err = record.Put(tx, Register, record.Change{Verb: "performed", ID: result.ID, Doc: result})
		return err
	})
	return outcome, err
}

// AwaitedError says: a test's population is a register that is still to come.
// It is a populations.ErrSource.
type AwaitedError struct{ Register string }

func (e *AwaitedError) Error() string {
	return fmt.Sprintf("the register %s is not there yet", e.Register)
}

// Is implements errors.Is.
func (e *AwaitedError) Is(target error) bool { return target == populations.ErrSource }

// keep stores what the result is computed from and what it came to, for
// whoever computes it again.
func (l *Lab) keep(ctx context.Context, task Task, a *Answer) error {
	put := func(content []byte) (string, error) {
		hash, _, err := l.Blobs.Put(ctx, bytes.NewReader(content))
		return hash, err
	}
	if len(task.Control.Source) > 0 {
		if _, err := put(task.Control.Source); err != nil {
			return err
		}
	}
	if task.BankOnly {
		return nil
	}
	details, err := json.Marshal(a.Details)
	if err != nil {
		return err
	}
	a.Result.Details, err = put(details)
	return err
}

// examine does the reading and the testing, outside any write transaction.
func (l *Lab) examine(ctx context.Context, r *store.Reader, from populations.Snapshot, task Task, now time.Time) (*Answer, error) {
	head, err := ledger.ReadHead(r)
	if err != nil {
		return nil, err
	}
	window, err := task.window(from, head.Size, now)
	if err != nil {
		return nil, err
	}
	return Compute(ctx, from, l.Kinds, Question{
		Control: task.Control, Test: task.Test, Period: task.Period.Name, Interim: task.interim(), Window: window,
		Root: hex.EncodeToString(head.Root), Engine: l.Engine, RecordedQuery: task.RecordedQuery,
	})
}

// ErrNotBegun says: a period that lies in the future has nothing to test.
var ErrNotBegun = errors.New("the period has not begun")
