package results_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// A control with tests that can be performed, and with one that cannot: of two
// items of its population the ids are the same.
const mixed = `
id: M-1
title: Several things hold of changes
owner: test
frequency: multi_daily
criteria: [CC8.1]
tests:
  - {id: titled, kind: census, title: Titled, population: {from: changes}, pass: item.title != "bad"}
  - {id: twice, kind: census, title: Twice, population: {from: changes, id: item.title}, pass: "true"}
  - {id: ones, kind: census, title: Ones, population: {from: changes, where: item.title == "1"}, pass: size(item.reviewers) > 0}
  - {id: written, kind: census, title: Written, population: {from: changes, at: item.authored_at}, pass: "true"}
  - {id: reviewed, kind: census, title: Reviewed, population: {from: changes}, pass: size(item.reviewers) > 0}
  - {id: later, kind: census, title: Later, population: {from: later, id: item.id, at: item.at, fields: {id: string, at: timestamp}}, pass: "true"}
`

func parseMixed(t testing.TB) *controls.Control {
	t.Helper()
	control, err := controls.Parse("M-1.yaml", []byte(mixed), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return control
}

// A run records what each test comes to by itself, in the order of the tests, at
// one checkpoint; those that fail are told of and stop nothing.
func TestARunRecordsWhatEachTestComesTo(t *testing.T) {
	each(t, func(l *laboratory) {
		control := parseMixed(l.T)
		l.add(month(1), reviewed, bad, unreviewed, reviewed)
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		var tasks []results.Task
		for _, test := range control.Tests {
			tasks = append(tasks, results.Task{Control: control, Test: test, Period: p})
		}
		var outcomes []*results.Outcome
		var why []error
		if err := l.Lab.Run(context.Background(), ledgertest.Operator, tasks, func(number int, o *results.Outcome, err error) error {
			if number != len(outcomes) {
				l.Errorf("task %d is told of after %d others", number, len(outcomes))
			}
			outcomes, why = append(outcomes, o), append(why, err)
			return nil
		}); err != nil {
			l.Fatal(err)
		}
		var awaited *results.AwaitedError
		var unusable *controltests.InputError
		if !errors.As(why[1], &unusable) || outcomes[1] != nil || why[1].Error() != `control M-1, test twice: record 3: the id "1" is already that of record 1` {
			l.Errorf("two items with one id: %v, %v", outcomes[1], why[1])
		}
		if !errors.As(why[5], &awaited) || outcomes[5] != nil {
			l.Errorf("a register that is not there: %v, %v", outcomes[5], why[5])
		}
		recorded := 0
		for i, together := range outcomes {
			if together == nil {
				continue
			}
			recorded++
			if together.Result.ID != fmt.Sprint("RES-", recorded) || together.Population.Checkpoint != outcomes[0].Population.Checkpoint {
				l.Errorf("%s is %s, read at %v, the first one at %v", tasks[i].Test.ID, together.Result.ID, together.Population.Checkpoint, outcomes[0].Population.Checkpoint)
			}
			alone, err := l.Perform(context.Background(), ledgertest.Operator, tasks[i])
			if err != nil {
				l.Fatal(err)
			}
			alone.Result.ID, alone.Result.Population = together.Result.ID, together.Population.ID
			alone.Population.ID, alone.Population.Checkpoint = together.Population.ID, together.Population.Checkpoint
			if diff := cmp.Diff(alone, together); diff != "" {
				l.Errorf("%s (-alone +together):\n%s", tasks[i].Test.ID, diff)
			}
		}
		if all := l.Events(l.T, "scaf.result.performed.v1"); recorded != 4 || len(all) != 8 {
			l.Errorf("%d were recorded of the run, %d events", recorded, len(all))
		}
	})
}

// Who may test nothing is refused, and is told of nothing.
func TestARunIsRefusedBeforeAnythingIsRead(t *testing.T) {
	each(t, func(l *laboratory) {
		p := l.period("Q1", month(1), month(3))
		tasks := []results.Task{{Control: l.control, Test: l.control.Tests[0], Period: p}, {Control: l.control, Test: l.control.Tests[1], Period: p}}
		err := l.Lab.Run(context.Background(), act.Caller{ID: "token/none"}, tasks, func(int, *results.Outcome, error) error {
			l.Error("a task was told of")
			return nil
		})
		if !errors.Is(err, act.ErrDenied) {
			l.Errorf("a caller without a role: %v", err)
		}
		stop := errors.New("stop")
		if err := l.Lab.Run(context.Background(), ledgertest.Operator, tasks, func(int, *results.Outcome, error) error { return stop }); !errors.Is(err, stop) {
			l.Errorf("who is told does not want more: %v", err)
		}
		if all := l.Events(l.T, "scaf.result.performed.v1"); len(all) != 1 {
			l.Errorf("%d results, want the one before the end", len(all))
		}
	})
}

// counting counts the readings of parts of registers.
type counting struct {
	populations.Snapshot
	parts int
}

func (c *counting) Versions(q record.Range, visit func(*record.Version) error) error {
	if !q.From.IsZero() {
		c.parts++
	}
	return c.Snapshot.Versions(q, visit)
}

// What many tests read is read once for all of them, and once more for each half
// that is left when one of them fails.
func TestManyTestsReadTheirSourceOnce(t *testing.T) {
	each(t, func(l *laboratory) {
		control := parseMixed(l.T)
		l.add(month(1), reviewed, bad, unreviewed, reviewed)
		ask := func(n int, ids ...string) (parts, answers int) {
			l.Helper()
			var questions []*results.Question
			for range n {
				for _, id := range ids {
					test, _ := control.Test(id)
					questions = append(questions, &results.Question{Control: control, Test: test, Window: populations.Window{From: month(1), To: month(3), Zone: time.UTC, AsOf: 10}})
				}
			}
			if err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) error {
				c := &counting{Snapshot: populations.Stored(r)}
				err := results.Compute(context.Background(), c, kinds, questions, func(_ int, a *results.Answer, _ error) error {
					if a != nil {
						answers++
					}
					return nil
				})
				parts = c.parts
				return err
			}); err != nil {
				l.Fatal(err)
			}
			return parts, answers
		}
		if parts, answers := ask(20, "titled", "ones", "reviewed"); parts != 1 || answers != 60 {
			l.Errorf("60 tests: %d readings, %d answers", parts, answers)
		}
		if parts, answers := ask(100, "titled", "ones", "reviewed"); parts != 5 || answers != 300 {
			l.Errorf("300 tests: %d readings, %d answers", parts, answers)
		}
		if parts, answers := ask(1, "titled", "twice", "ones", "reviewed"); parts != 5 || answers != 3 {
			l.Errorf("one of 4 fails: %d readings, %d answers", parts, answers)
		}
	})
}
