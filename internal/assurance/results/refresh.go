package results

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/together"
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
	if err := ledger.ReadTogether(ctx, l.DB, min(runtime.GOMAXPROCS(0), maxReaders), func(readers []*store.Reader) (err error) {
		answers, err = l.reconsider(ctx, readers, all, period, since, done)
		return err
	}); err != nil {
		return nil, err
	}
	for i, a := range answers {
		act.Reached(ctx, "new results of "+period.Name+" recorded", i, len(answers))
		outcome, err := l.enter(ctx, caller, &a.task, a.answer)
		if err != nil {
			return nil, err
		}
		done.Performed = append(done.Performed, outcome)
	}
	return done, nil
}

// maxReaders is how many sources are read at once. Each may hold a population that
// is sorted in memory.
const maxReaders = 4

// answered is a test with what reconsidering it came to.
type answered struct {
	task   Task
	answer *Answer // nil: no other one than before
	passed error   // why it has none
}

// reconsider finds the tests that have another answer than before.
func (l *Lab) reconsider(ctx context.Context, readers []*store.Reader, all []*controls.Control, period periods.Period, since Mark, done *Refreshed) ([]answered, error) {
	r := readers[0]
	head, err := ledger.ReadHead(r)
	if err != nil {
		return nil, err
	}
	now := l.Clock.Now()
	done.Mark = Mark{head.Size, now, filesOf(all)}
	if since.Controls != done.Mark.Controls {
		since = Mark{}
	}
	before, err := Latest(r, period.Name, head.Size)
	if err != nil {
		return nil, err
	}
	snapshots := make([]populations.Snapshot, len(readers))
	for i := range readers {
		snapshots[i] = populations.Remember(populations.Stored(readers[i]))
	}
	tasks, err := l.ofControls(ctx, snapshots[0], all, period, now, done)
	if err != nil {
		return nil, err
	}
	var sources [][]*answered // what reads one source is asked together
	place := map[string]int{}
	for i := range tasks {
		from := tasks[i].task.Test.Population.From
		at, ok := place[from]
		if !ok {
			at = len(sources)
			place[from], sources = at, append(sources, nil)
		}
		sources[at] = append(sources[at], &tasks[i])
	}
	var asked atomic.Int64
	reached := func(more int64) {
		act.Reached(ctx, "tests over "+period.Name+" looked at", int(asked.Add(more)), len(tasks))
	}
	reached(0)
	again := &asking{Lab: l, before: before, since: since, now: now, reached: func() { reached(1) }, kept: map[string]bool{}}
	var next atomic.Int64
	asks := make([]func(context.Context) error, len(readers))
	for i := range readers {
		asks[i] = func(ctx context.Context) error {
			for {
				at := next.Add(1) - 1
				if at >= int64(len(sources)) || ctx.Err() != nil {
					return ctx.Err()
				}
				if err := again.ask(ctx, readers[i], snapshots[i], head.Size, sources[at]); err != nil {
					return err
				}
			}
		}
	}
	if err := together.Do(ctx, asks...); err != nil {
		return nil, err
	}
	for i := range tasks {
		switch a := &tasks[i]; {
		case a.passed != nil:
			done.Passed = append(done.Passed, a.passed)
		case a.answer == nil:
			done.Unchanged++
		}
	}
	return slices.DeleteFunc(tasks, func(a answered) bool { return a.answer == nil }), nil
}

// ofControls are the tests of controls over the parts of the period that have
// begun.
func (l *Lab) ofControls(ctx context.Context, from populations.Snapshot, all []*controls.Control, period periods.Period, now time.Time, done *Refreshed) (tasks []answered, err error) {
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
				tasks = append(tasks, answered{task: Task{Control: parts[i].Control, Test: test, Period: period, Part: &parts[i].Part}})
			}
		}
	}
	return tasks, nil
}

// asking asks tests again.
type asking struct {
	*Lab

	before map[Key]Result
	since  Mark
	now    time.Time

	// reached tells that one more was looked at.
	reached func()

	mu   sync.Mutex
	kept map[string]bool // hashes of the control files that are
}

// ask asks those tests again whose latest answer may not stand.
func (g *asking) ask(ctx context.Context, r *store.Reader, from populations.Snapshot, size int64, all []*answered) error {
	var tasks []Task
	var doubted []*answered
	var latest []*known
	for _, a := range all {
		task := &a.task
		k, err := g.latest(r, task, g.before, g.since)
		if err != nil {
			return err
		}
		if k != nil {
			stands, err := g.stands(r, from, size, *task, k, g.now)
			if err != nil {
				return fmt.Errorf("control %s, test %s: %w", task.Control.ID, task.Test.ID, err)
			}
			if stands {
				g.reached()
				continue
			}
			if task.before, err = k.progress(r); err != nil {
				return err
			}
		}
		tasks, doubted, latest = append(tasks, *task), append(doubted, a), append(latest, k)
	}
	return g.examine(ctx, r, from, tasks, g.now, func(number int, a *Answer, err error) error {
		g.reached()
		one, k := doubted[number], latest[number]
		switch {
		case errors.Is(err, ErrNotBegun) && one.task.Part.From.After(one.task.Period.From): // the sources do not reach into this part yet
		case errors.Is(err, populations.ErrSource):
			one.passed = err
		case err != nil:
			return err
		case k != nil && k.says(a):
		default:
			one.answer = a
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.keep(ctx, &one.task, a, g.kept)
		}
		return nil
	})
}

// latest is a test's latest result, with what it takes to ask it again; nil:
// there is none.
func (l *Lab) latest(r *store.Reader, task *Task, before map[Key]Result, since Mark) (*known, error) {
	last, performed := before[KeyOf(task.Control.ID, task.Test.ID, task.Part.From)]
	if !performed {
		return nil, nil //nolint:nilnil // none
	}
	banked, err := bankedOf(r, KeyOf(task.Control.ID, task.Test.ID, task.Part.From), last.Population)
	if err != nil {
		return nil, err
	}
	k := &known{last, *banked, Mark{max(banked.Checkpoint.Size, since.Size), last.To, since.Controls}}
	if since.At.After(last.To) {
		k.mark.At = since.At
	}
	if last.Count == 0 && last.Interim == task.interim() { // whoever looked in the period did not see its end
		task.RecordedQuery = last.RecordedQuery
	}
	return k, nil
}

// bankedKey is where the population of a test's latest result is kept beside the
// open database.
type bankedKey struct{ Key }

// bankedOf is the population of a test's latest result. Nobody changes what a
// population holds, so that it is read once for as long as the result stays the
// latest.
func bankedOf(r *store.Reader, key Key, id string) (*populations.Banked, error) {
	memo := r.Memo()
	if memo == nil {
		return populations.Get(r, id)
	}
	kept, _ := memo.Load(bankedKey{key})
	if banked, ok := kept.(*populations.Banked); ok && banked.ID == id {
		return banked, nil
	}
	banked, err := populations.Get(r, id)
	if err == nil {
		memo.Store(bankedKey{key}, banked)
	}
	return banked, err
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
// decided anything since, the imports say the same of the test's window as they
// did, nothing has come into the window, and no instant has passed that matters.
func (l *Lab) stands(r *store.Reader, snapshot populations.Snapshot, size int64, task Task, k *known, now time.Time) (bool, error) {
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
	if task.Test.Kind == controls.Occurrence && k.result.Open > 0 {
		return false, nil // a deadline may have passed
	}
	was, is, same, err := l.windows(snapshot, size, &task, k, now)
	if err != nil || !same {
		return false, err
	}
	if k.result.Deviations > 0 && month(was.To, was.Zone) != month(is.To, is.Zone) {
		return false, nil // the rule counts the months in which deviations began
	}
	if from == populations.FromEvents {
		got, err := populations.GotEvent(snapshot, &task.Test.Population, was, is)
		return !got, err
	}
	kind, err := l.Kinds.Find(from)
	if err != nil {
		return false, err
	}
	if task.Test.Population.At != "item."+kind.At {
		return false, nil // an item's instant may have come
	}
	changed, err := record.ChangedSince(r, kind.Name, k.mark.Size)
	if err != nil || changed {
		return false, err
	}
	if !was.To.Before(is.To) {
		return true, nil
	}
	arrived, err := record.Count(r, record.Range{Kind: kind.Name, From: was.To, To: is.To})
	return arrived == 0, err
}

// windows are the window that the known result looked at when it was last known
// to hold, and the present one, and whether what imports say of each is the same.
func (l *Lab) windows(snapshot populations.Snapshot, size int64, task *Task, k *known, now time.Time) (was, is populations.Window, same bool, err error) {
	var said [2]*populations.Coverage
	for i, w := range []*populations.Window{&was, &is} {
		at, asOf := k.mark.At, k.mark.Size
		if w == &is {
			at, asOf = now, size
		}
		if *w, err = task.window(snapshot, l.Kinds, asOf, at); errors.Is(err, ErrNotBegun) {
			return was, is, false, nil // who performs the test says so
		}
		if err == nil {
			said[i], err = coverage(snapshot, l.Kinds, task.Test, *w)
		}
		if err != nil {
			return was, is, false, err
		}
	}
	a, b := said[0], said[1]
	same = !is.To.Before(was.To) && (a.Imports > 0) == (b.Imports > 0) && a.Complete == b.Complete && slices.Equal(a.Gaps, b.Gaps)
	return was, is, same, nil
}

// month is the calendar month that an interval with this end reaches into.
func month(end time.Time, zone *time.Location) string {
	return end.Add(-time.Microsecond).In(zone).Format("2006-01")
}
