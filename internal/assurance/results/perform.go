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
	Population    string `json:"population"` // POP-...
	Count         int    `json:"count"`
	Passed        int    `json:"passed"`
	Deviations    int    `json:"deviations"`
	Open          int    `json:"open"`
	Asserted      int64  `json:"asserted"`
	Rate          string `json:"rate"` // as decimal text: RFC 8785 documents hold no rounded number
	// Exceptions are the first deviations; Details holds all of them.
	Exceptions []controltests.Deviation `json:"exceptions"`
	Markers    []controltests.Marker    `json:"markers"`
	// Census is the conclusion that the deviation rule gives for the items as
	// they are. Conclusion is Census, or incomplete where the population is.
	Census        controltests.Conclusion `json:"census"`
	Conclusion    controltests.Conclusion `json:"conclusion"`
	NeedsJudgment bool                    `json:"needs_judgment"`
	Because       []string                `json:"because"`
	// Details is the SHA-256 of the evidence file with the whole result.
	Details     string    `json:"details"`
	PerformedAt time.Time `json:"performed_at"`
	PerformedBy string    `json:"performed_by"`
}

// maxExceptions is how many deviations a result's record lists itself.
const maxExceptions = 50

// Register describes the register of results.
var Register = &record.Kind{
	Name: "result", Register: "results", Title: "Results", At: "performed_at", Internal: true,
	New: func() any { return &Result{} },
}

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
	Notes   controltests.Notes
	// BankOnly banks the population and tests nothing.
	BankOnly bool
}

// Outcome is what a task came to.
type Outcome struct {
	Population *populations.Banked
	Result     *Result // nil when only banked
}

// Perform reads the population at the latest checkpoint, tests every item of
// it, and records population and result in one transaction. While the period
// is open the result is interim: it covers the period up to now, or up to
// where complete imports reach.
func (l *Lab) Perform(ctx context.Context, caller act.Caller, task Task) (*Outcome, error) {
	if err := l.Door.Check(ctx, caller, "control.test", "control/"+task.Control.ID); err != nil {
		return nil, err
	}
	performed, err := l.examine(ctx, task)
	if err != nil {
		return nil, fmt.Errorf("control %s, test %s: %w", task.Control.ID, task.Test.ID, err)
	}
	if !task.BankOnly {
		details, err := json.Marshal(performed.details)
		if err != nil {
			return nil, err
		}
		if performed.result.Details, _, err = l.Blobs.Put(ctx, bytes.NewReader(details)); err != nil {
			return nil, err
		}
	}
	outcome := &Outcome{}
	_, err = l.Door.Do(ctx, caller, "control.test", "control/"+task.Control.ID, func(tx *act.Tx) error {
		if outcome.Population, err = populations.Bank(tx, performed.banked); err != nil || task.BankOnly {
			return err
		}
		number, err := record.Number(&tx.Reader, Register.Name)
		if err != nil {
			return err
		}
		result := performed.result
		result.ID = fmt.Sprintf("RES-%d", number)
		result.Population = outcome.Population.ID
		result.PerformedAt, result.PerformedBy = tx.Now(), tx.Caller().ID
		outcome.Result = &result
		_, err = record.Put(tx, Register, record.Change{Verb: "performed", ID: result.ID, Doc: result})
		return err
	})
	return outcome, err
}

// performed is what examining gives before it is recorded.
type performed struct {
	banked  populations.Banked
	result  Result
	details *controltests.Result
}

// examine does the reading and the testing, outside any write transaction.
func (l *Lab) examine(ctx context.Context, task Task) (*performed, error) {
	zone, err := time.LoadLocation(task.Period.Timezone)
	if err != nil {
		return nil, err
	}
	var p *performed
	err = l.DB.Read(ctx, func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		if err != nil {
			return err
		}
		window := populations.Window{From: task.Period.From, To: task.Period.To, Zone: zone, AsOf: head.Size}
		interim := task.Period.State != periods.Closed
		if now := l.Clock.Now(); interim && now.Before(window.To) {
			window.To = now
		}
		coverage, err := populations.Covered(r, task.Test.Population.From, window)
		if err != nil {
			return err
		}
		if interim && coverage.Imports > 0 && coverage.Until.After(window.From) && coverage.Until.Before(window.To) {
			window.To = coverage.Until.Truncate(time.Microsecond) // interim: as far as we know
			coverage.Complete, coverage.Gaps = true, nil
		}
		if !window.From.Before(window.To) {
			return fmt.Errorf("%w: %s begins at %s", ErrNotBegun, task.Period.Name, task.Period.From.Format(time.RFC3339))
		}
		stream, err := populations.Open(r, l.Kinds, &task.Test.Population, window)
		if err != nil {
			return err
		}
		notes := task.Notes
		if coverage.Complete && notes.RecordedQuery == "" {
			notes.RecordedQuery = string(coverage.Query)
		}
		details, err := controltests.Run(ctx, task.Control, task.Test, stream, controltests.Options{
			Notes: notes, Period: &controltests.Period{From: window.From, To: window.To}, Zone: zone,
			UniqueIDs: task.Test.Population.ID == "item.id", // the store holds no id twice
		})
		if err != nil {
			return err
		}
		p = &performed{details: details}
		p.banked = populations.Banked{
			Control: task.Control.ID, Test: task.Test.ID, Period: task.Period.Name, Interim: interim,
			Query: populations.Query{
				Source: task.Test.Population.From, At: task.Test.Population.At, Where: task.Test.Population.Where,
				From: window.From.UTC(), To: window.To.UTC(), Zone: task.Period.Timezone, Order: populations.Order,
			},
			Checkpoint: populations.Checkpoint{Size: head.Size, Root: hex.EncodeToString(head.Root)},
			Count:      stream.Count(), SHA256: stream.SHA256(), Asserted: stream.Asserted(),
		}
		if coverage.Imports > 0 {
			p.banked.Coverage = coverage
		}
		p.result = l.result(task, window, interim, details, stream.Asserted(), coverage)
		return nil
	})
	return p, err
}

// ErrNotBegun says: a period that lies in the future has nothing to test.
var ErrNotBegun = errors.New("the period has not begun")

// result makes the record of a test, with the caps on its conclusion.
func (l *Lab) result(task Task, window populations.Window, interim bool, d *controltests.Result, asserted int64, coverage *populations.Coverage) Result {
	r := Result{
		Control: task.Control.ID, Test: task.Test.ID, Period: task.Period.Name, Interim: interim,
		From: window.From.UTC(), To: window.To.UTC(), ControlSHA256: task.Control.SHA256, Engine: l.Engine,
		Count: d.Population.Count, Passed: d.Passed, Deviations: len(d.Deviations), Open: len(d.Open), Asserted: asserted,
		Rate: decimal(d.Rate), Exceptions: d.Deviations[:min(len(d.Deviations), maxExceptions)],
		Markers: d.Markers, Census: d.Conclusion, Conclusion: d.Conclusion, NeedsJudgment: d.NeedsJudgment, Because: []string{},
	}
	if coverage.Imports > 0 && !coverage.Complete {
		r.Because = append(r.Because, "The population is not complete: "+join(coverage.Gaps)+".")
		if r.Conclusion != controltests.Ineffective { // missing data makes nothing better
			r.Conclusion = controltests.Incomplete
		}
	}
	if asserted > 0 && readsAsserted(task.Test) {
		r.Because = append(r.Because, fmt.Sprintf("Reviewers of %d of %d items are asserted by commit messages, which their authors can write: the control reads incomplete until an independent source, such as the review system, is connected. By the items as they are it would be %s.", asserted, d.Population.Count, d.Conclusion.Words()))
		r.Conclusion = controltests.Incomplete
	}
	r.Because = append(r.Because, d.Because...)
	return r
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
