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
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Perform performs one test: a run of one.
func (l *Lab) Perform(ctx context.Context, caller act.Caller, task Task) (outcome *Outcome, err error) {
	var why error
	err = l.Run(ctx, caller, []Task{task}, func(_ int, o *Outcome, err error) error {
		outcome, why = o, err
		return nil
	})
	if err == nil {
		err = why
	}
	return outcome, err
}

// Run performs tests: it reads all populations at the latest checkpoint, each
// source once for many tests, tests every item, and records population and result
// of each test in one transaction, in the order of the tasks. tell is told of each
// task, in that order, what was recorded or why nothing was: a test that fails is
// no reason not to record the others. What was recorded stays when the run ends
// early. Its error is that of tell, a caller's that may not test, or one of
// reading the store.
//
// While the period is open a result is interim: it covers the period, or the part
// of it that is named, up to now, or up to where complete imports reach.
func (l *Lab) Run(ctx context.Context, caller act.Caller, tasks []Task, tell func(number int, o *Outcome, err error) error) error {
	for i := range tasks {
		if err := l.Door.Check(ctx, caller, "control.test", "control/"+tasks[i].Control.ID); err != nil {
			return err
		}
	}
	run := &run{lab: l, caller: caller, tasks: tasks, ready: make([]*ready, len(tasks)), files: map[string]bool{}, tell: tell}
	return l.DB.Read(ctx, func(r *store.Reader) error {
		return l.examine(ctx, r, populations.Remember(populations.Stored(r)), tasks, l.Clock.Now(), func(number int, a *Answer, err error) error {
			return run.take(ctx, number, a, err)
		})
	})
}

// run records answers in the order of the tasks.
type run struct {
	lab    *Lab
	caller act.Caller
	tasks  []Task
	ready  []*ready
	next   int             // to be recorded
	files  map[string]bool // hashes of the control files that are kept
	tell   func(number int, o *Outcome, err error) error
}

// ready is an answer that waits for those before it.
type ready struct {
	answer *Answer // without its details, which are evidence by now
	err    error
}

// take takes an answer, and records it and those that waited for it.
func (run *run) take(ctx context.Context, number int, a *Answer, err error) error {
	if err == nil {
		err = run.lab.keep(ctx, &run.tasks[number], a, run.files)
	}
	run.ready[number] = &ready{a, err}
	for ; run.next < len(run.tasks) && run.ready[run.next] != nil; run.next++ {
		one := run.ready[run.next]
		run.ready[run.next] = nil
		var outcome *Outcome
		if err = one.err; err == nil {
			outcome, err = run.lab.enter(ctx, run.caller, &run.tasks[run.next], one.answer)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := run.tell(run.next, outcome, err); err != nil {
			return err
		}
	}
	return nil
}

// keep stores what the result is computed from and what it came to, for
// whoever computes it again. Control files that are kept already are known by
// their hashes.
func (l *Lab) keep(ctx context.Context, task *Task, a *Answer, known map[string]bool) error {
	put := func(content []byte) (string, error) {
		hash, _, err := l.Blobs.Put(ctx, bytes.NewReader(content))
		return hash, err
	}
	if file := task.Control; len(file.Source) > 0 && !known[file.SHA256] {
		if _, err := put(file.Source); err != nil {
			return err
		}
		known[file.SHA256] = true
	}
	if task.BankOnly {
		return nil
	}
	details, err := json.Marshal(a.Details)
	if err != nil {
		return err
	}
	a.Result.Details, err = put(details)
	a.Details = nil
	return err
}

// enter records an answer that is kept: population and result in one transaction.
func (l *Lab) enter(ctx context.Context, caller act.Caller, task *Task, a *Answer) (*Outcome, error) {
	outcome := &Outcome{}
	_, err := l.Door.Do(ctx, caller, "control.test", "control/"+task.Control.ID, func(tx *act.Tx) (err error) {
		if outcome.Population, err = populations.Bank(tx, a.Banked); err != nil || task.BankOnly {
			return err
		}
		number, err := record.Number(&tx.Reader, Register.Name)
		if err != nil {
			return err
		}
		result := a.Result
		result.ID = fmt.Sprintf("RES-%d", number)
		result.Population = outcome.Population.ID
		result.PerformedAt, result.PerformedBy = tx.Now(), tx.Caller().ID
		outcome.Result = &result
		if _, err = record.Put(tx, Register, record.Change{Verb: "performed", ID: result.ID, Doc: result}); err != nil || a.Progress == nil {
			return err
		}
		return a.Progress.keep(tx, &result)
	})
	if err != nil {
		return nil, err
	}
	return outcome, nil
}

// examine does the reading and the testing, outside any write transaction, all at
// one checkpoint and one instant.
func (l *Lab) examine(ctx context.Context, r *store.Reader, from populations.Snapshot, tasks []Task, now time.Time, tell func(number int, a *Answer, err error) error) error {
	head, err := ledger.ReadHead(r)
	if err != nil {
		return err
	}
	var questions []*Question
	var asked []int // by question: the number of its task
	for number := range tasks {
		task := &tasks[number]
		var window populations.Window
		err := task.refused()
		if err == nil {
			window, err = task.window(from, l.Kinds, head.Size, now)
		}
		if err != nil {
			if err := tell(number, nil, task.failed(err)); err != nil {
				return err
			}
			continue
		}
		asked = append(asked, number)
		questions = append(questions, &Question{
			Control: task.Control, Test: task.Test, Period: task.Period.Name, Interim: task.interim(), Window: window,
			Root: hex.EncodeToString(head.Root), Engine: l.Engine, RecordedQuery: task.RecordedQuery, Before: task.before,
		})
	}
	return Compute(ctx, from, l.Kinds, questions, func(number int, a *Answer, err error) error {
		number = asked[number]
		if err != nil {
			err = tasks[number].failed(err)
		}
		return tell(number, a, err)
	})
}

// failed says of which task an error is.
func (t *Task) failed(err error) error {
	if errors.Is(err, periods.ErrOpen) { // it is the period's
		return err
	}
	return fmt.Errorf("control %s, test %s: %w", t.Control.ID, t.Test.ID, err)
}

// refused says why a task is not even tried; nil: it is.
func (t *Task) refused() error {
	if from := t.Test.Population; from.Awaited {
		return fmt.Errorf("not_tested: %w", &AwaitedError{from.From})
	}
	if t.Final && t.interim() {
		return fmt.Errorf("%w: %s runs up to %s; a final test is refused before it is closed", periods.ErrOpen, t.Period.Name, t.Period.To.Format(time.RFC3339))
	}
	return nil
}
