package results

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Refreshed is what Refresh came to.
type Refreshed struct {
	// Performed are the tests whose answer is another one than before.
	Performed []*Outcome
	// Unchanged is the number of those of which nothing new can be said.
	Unchanged int
	// Awaited is the number of those whose register is not there yet.
	Awaited int
	// Mark is the moment up to which all of them now say what they say.
	Mark Mark
	// Passed says why other tests could not be performed.
	Passed []error
}

// Mark is a moment up to which every test of a period is known to say what its
// latest result says.
type Mark struct {
	Size int64     `json:"size"` // of the ledger
	At   time.Time `json:"at"`
	// Controls is the hash of the files of the controls that were looked at: it
	// says nothing of others.
	Controls string `json:"controls"`
}

// filesOf is the hash of the hashes of the controls' files.
func filesOf(all []*controls.Control) string {
	sum := sha256.New()
	for _, c := range all {
		sum.Write([]byte(c.ID + " " + c.SHA256 + "\n"))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Refresh performs those tests again whose answer may have changed since the
// mark, or since their latest result in the period where that is later, over the
// parts at which a version of the control was in force, and records the answers
// that are other ones. A final result stands.
func (l *Lab) Refresh(ctx context.Context, caller act.Caller, all []*controls.Control, period periods.Period, since Mark) (*Refreshed, error) {
	if err := l.Door.Check(ctx, caller, "control.test", "control"); err != nil {
		return nil, err
	}
	done := &Refreshed{}
	var answers []answered
	// All of them at one checkpoint and one instant.
	if err := l.DB.Read(ctx, func(r *store.Reader) (err error) {
		answers, err = l.reconsider(ctx, r, all, period, since, done)
		return err
	}); err != nil {
		return nil, err
	}
	for _, a := range answers {
		outcome, err := l.enter(ctx, caller, &a.task, a.answer)
		if err != nil {
			return nil, err
		}
		done.Performed = append(done.Performed, outcome)
	}
	return done, nil
}

// answered is a test with its new answer.
type answered struct {
	task   Task
	answer *Answer
}

// reconsider finds the tests that have another answer than before.
func (l *Lab) reconsider(ctx context.Context, r *store.Reader, all []*controls.Control, period periods.Period, since Mark, done *Refreshed) ([]answered, error) {
	head, err := ledger.ReadHead(r)
	if err != nil {
		return nil, err
	}
	now := l.Clock.Now()
	done.Mark = Mark{head.Size, now, filesOf(all)}
	if since.Controls != done.Mark.Controls {
		since = Mark{}
	}
	from := populations.Remember(populations.Stored(r))
	before, err := Latest(r, period.Name, 0)
	if err != nil {
		return nil, err
	}
	var tasks []Task
	files := l.files()
	for _, given := range all {
		parts, err := files.Plan(ctx, from, 0, given, &period)
		if err != nil {
			return nil, fmt.Errorf("control %s: %w", given.ID, err)
		}
		for i := range parts {
			if i > 0 && period.State != periods.Closed && !parts[i].From.Before(now) {
				break // it is still to take effect
			}
			for _, test := range parts[i].Control.Tests {
				if test.Population.Awaited {
					done.Awaited++
					continue
				}
				tasks = append(tasks, Task{Control: parts[i].Control, Test: test, Period: period, Part: &parts[i].Part})
			}
		}
	}
	var doubted []Task
	var latest []*known
	for _, task := range tasks {
		k, err := l.latest(r, &task, before, since)
		if err != nil {
			return nil, err
		}
		if k != nil {
			stands, err := l.stands(r, from, task, k, now)
			if err != nil {
				return nil, fmt.Errorf("control %s, test %s: %w", task.Control.ID, task.Test.ID, err)
			}
			if stands {
				done.Unchanged++
				continue
			}
		}
		doubted, latest = append(doubted, task), append(latest, k)
	}
	answers, kept := make([]answered, len(doubted)), map[string]bool{}
	if err := l.examine(ctx, r, from, doubted, now, func(number int, a *Answer, err error) error {
		task, k := doubted[number], latest[number]
		switch {
		case errors.Is(err, ErrNotBegun) && task.Part.From.After(period.From):
			done.Unchanged++ // the sources do not reach into this part yet
		case errors.Is(err, populations.ErrSource):
			done.Passed = append(done.Passed, err)
		case err != nil:
			return err
		case k != nil && k.says(a):
			done.Unchanged++
		default:
			answers[number] = answered{task, a}
			return l.keep(ctx, &task, a, kept)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(answers, func(a answered) bool { return a.answer == nil }), nil
}

// latest is a test's latest result, with what it takes to ask it again; nil:
// there is none.
func (l *Lab) latest(r *store.Reader, task *Task, before map[Key]Result, since Mark) (*known, error) {
	last, performed := before[KeyOf(task.Control.ID, task.Test.ID, task.Part.From)]
	if !performed {
		return nil, nil //nolint:nilnil // none
	}
	banked, err := populations.Get(r, last.Population)
	if err != nil {
		return nil, err
	}
	k := &known{last, *banked, Mark{max(banked.Checkpoint.Size, since.Size), last.To, since.Controls}}
	if since.At.After(last.To) {
		k.mark.At = since.At
	}
	task.RecordedQuery = last.RecordedQuery
	return k, nil
}

// known is a test's latest result and the population that it is about.
type known struct {
	result Result
	banked populations.Banked
	mark   Mark // it is known to hold up to there
}

// says reports whether the answer is that of the known result, but for the
// instant up to which it looked.
func (k *known) says(a *Answer) bool {
	was, is := k.result, a.Result
	for _, r := range []*Result{&was, &is} {
		r.ID, r.To, r.Population, r.Details, r.PerformedAt, r.PerformedBy = "", time.Time{}, "", "", time.Time{}, ""
	}
	before, err1 := json.Marshal(was)
	after, err2 := json.Marshal(is)
	return err1 == nil && err2 == nil && string(before) == string(after) && k.banked.SHA256 == a.Banked.SHA256 && k.banked.Count == a.Banked.Count
}

// decisions are the kinds of what people decide, which a test takes.
var decisions = []*record.Kind{versions.Register, versions.Assessments, judgments.Deviations}

// stands reports whether the answer of the known result cannot have changed:
// the control, the program and the state of the period are the same, nobody has
// decided anything since, nothing has come to the test's source since, and no instant has passed that matters
// to it.
func (l *Lab) stands(r *store.Reader, snapshot populations.Snapshot, task Task, k *known, now time.Time) (bool, error) {
	final := task.Period.State == periods.Closed
	switch {
	case k.result.ControlSHA256 != task.Control.SHA256, k.result.Engine != l.Engine, k.result.Interim == final:
		return false, nil
	case final:
		return k.result.To.Equal(task.Part.To), nil
	}
	for _, kind := range decisions {
		changed, err := record.ChangedSince(r, kind.Name, k.mark.Size)
		if err != nil || changed {
			return false, err
		}
	}
	from := task.Test.Population.From
	if kind := task.Test.Kind; kind != controls.Census && kind != controls.Occurrence || task.Test.Reconcile != nil || task.Test.Cutoff != nil ||
		from == populations.FromLogChecks || from == populations.FromObservations || l.Kinds.Derived(from) != nil {
		return false, nil // the clock makes items of these, or they have a second source
	}
	to := now
	if to.After(task.Part.To) {
		to = task.Part.To
	}
	zone, err := time.LoadLocation(task.Period.Timezone)
	if err != nil {
		return false, err
	}
	if k.result.Deviations > 0 && month(k.mark.At, zone) != month(to, zone) {
		return false, nil // the rule counts the months in which deviations began
	}
	imported, err := importedSince(snapshot, from, k.mark.Size)
	if err != nil || imported {
		return false, err
	}
	if from == populations.FromEvents {
		touched, err := eventsSince(snapshot, task.Test, k, task.Period.From, to)
		return !touched, err
	}
	kind, err := l.Kinds.Find(from)
	if err != nil {
		return false, err
	}
	if task.Test.Kind == controls.Occurrence && k.result.Open > 0 || task.Test.Population.At != "item."+kind.At {
		return false, nil // a deadline may have passed, an item's instant may have come
	}
	changed, err := record.ChangedSince(r, kind.Name, k.mark.Size)
	if err != nil || changed {
		return false, err
	}
	arrived, err := record.Count(r, record.Range{Kind: kind.Name, From: k.mark.At, To: to})
	return arrived == 0, err
}

// month is the calendar month that an interval with this end reaches into.
func month(end time.Time, zone *time.Location) string {
	return end.Add(-time.Microsecond).In(zone).Format("2006-01")
}

// importedSince reports whether an import into the source has ended at the
// index or later: it changes what is covered.
func importedSince(r populations.Snapshot, source string, index int64) (bool, error) {
	found := false
	err := r.Events(ledger.Query{Type: record.CompletedType, From: index}, func(e *ledger.Event) error {
		var done struct{ Register string }
		if err := json.Unmarshal(e.Data, &done); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "the import's data cannot be read"}
		}
		if done.Register == source {
			found = true
			return ledger.Stop
		}
		return nil
	})
	return found, err
}

// eventsSince reports whether the population has got an event that the known
// result did not read.
func eventsSince(r populations.Snapshot, test *controls.Test, k *known, from, to time.Time) (bool, error) {
	if test.Population.At != "item.time" {
		return true, nil
	}
	for _, q := range []ledger.Query{
		{From: k.mark.Size, Since: from, Until: to},
		{To: k.mark.Size, Since: k.mark.At, Until: to}, // of a future that has come
	} {
		if q.From >= q.To && q.To > 0 || !q.Since.Before(q.Until) {
			continue
		}
		found, err := populations.HasEvent(r, &test.Population, q)
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}
