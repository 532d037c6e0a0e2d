package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Day is what a report says about the day that it is for.
type Day struct {
	Since time.Time `json:"since"` // what is new is new since then
	// Before is the checkpoint of that instant.
	Before Ledger `json:"before"`
	// Changes are the tests that read otherwise than before.
	Changes []Change `json:"changes"`
	// Deviations are those that were not known before.
	Deviations []NewDeviation `json:"deviations"`
	// More counts new deviations that the results' records do not list
	// themselves: their details do.
	More int `json:"more_deviations"`
	// Turned are the occurrences of duties that became late or missed.
	Turned []Turned `json:"turned"`
	// Late is what was not done in time and can still be done.
	Late []*Pending `json:"late"`
	// Coming is what becomes a deviation, for ever, before Until.
	Coming []*Pending `json:"coming"`
	Until  time.Time  `json:"until"`
	// Duties counts the period's occurrences that have fallen due, by state.
	Duties []DutyCount `json:"duties"`
}

// Change is a test that reads otherwise than before.
type Change struct {
	Control string                  `json:"control"`
	Test    string                  `json:"test"`
	From    controltests.Conclusion `json:"from"`
	To      controltests.Conclusion `json:"to"`
	Result  string                  `json:"result,omitempty"` // RES-...
	// Because are the reasons that were not there before: new gaps among them.
	Because []string `json:"because"`
}

// NewDeviation is a deviation that was not known before.
type NewDeviation struct {
	Control string              `json:"control"`
	Test    string              `json:"test"`
	Item    string              `json:"item"` // a reference, where there is a register
	Reason  controltests.Reason `json:"reason"`
	Result  string              `json:"result"`

	// ID is the item's own, by which the result knows it.
	ID string `json:"-"`
}

// Deviated are the deviations that the latest results show of some items, by their
// references. all gives those of a result by item: its record lists the first ones only.
func (r *Readiness) Deviated(kinds record.Kinds, refs []string, all func(*results.Result) (map[string]controltests.Reason, error)) (map[string][]NewDeviation, error) {
	found := map[string][]NewDeviation{}
	for i := range r.Controls {
		for _, test := range r.Controls[i].Tests {
			if test.Result == nil || test.test == nil || test.Result.Deviations == 0 {
				continue
			}
			deviate, err := all(test.Result)
			if err != nil {
				return nil, err
			}
			prefix := referencePrefix(kinds, test.test)
			for _, ref := range refs {
				item, ok := strings.CutPrefix(ref, prefix)
				if reason := deviate[item]; ok && reason != "" {
					found[ref] = append(found[ref], NewDeviation{r.Controls[i].ID, test.ID, ref, reason, test.Result.ID, item})
				}
			}
		}
	}
	return found, nil
}

// Turned is an occurrence that became late or missed.
type Turned struct {
	Occurrence  string    `json:"occurrence"` // duty@date
	Title       string    `json:"title"`
	State       string    `json:"state"`
	Responsible string    `json:"responsible"`
	Deadline    time.Time `json:"deadline"`
}

// Pending is something that has not been done.
type Pending struct {
	// Item is a reference: task/access-review@2026-01-31, person/E1001.
	Item  string    `json:"item"`
	Title string    `json:"title"` // of the duty, or of the test
	Due   time.Time `json:"due"`
	// Day: what is due says a day; Due is the last moment of it.
	Day      bool      `json:"day,omitempty"`
	Deadline time.Time `json:"deadline"` // after it, it is a deviation for ever
	// Owner is who can do it: a person, or the words of a role.
	Owner string `json:"owner"`
	// Do is the command that does it, where that is no duty of the calendar's.
	Do string `json:"do,omitempty"`
	// Tests are the tests that read it, as "control test".
	Tests []string `json:"tests"`
	// Kind is that of the test, where it waits for a document or a reading; Unread is the
	// evidence that waits for somebody to read it.
	Kind   controls.Kind `json:"-"`
	Unread string        `json:"-"`
}

// DutyCount counts occurrences in a state.
type DutyCount struct {
	State string `json:"state"`
	Count int    `json:"count"`
}

// States of occurrences that mean something here.
const (
	late         = "late"
	missed       = "missed"
	notOccurring = "not_occurring"
)

// sourceOccurrences is the source that gives the occurrences of duties.
const sourceOccurrences = "occurrences"

// watched is how far back occurrences are looked at: those of a yearly duty
// that are late are younger.
const watched = 400 * 24 * time.Hour

// newDay is the day of a report, with nothing to say yet.
func newDay(q Question, before Ledger) *Day {
	return &Day{
		Since: q.Since.UTC(), Before: before, Until: q.At.Add(q.Horizon).UTC(),
		Changes: []Change{}, Deviations: []NewDeviation{}, Turned: []Turned{}, Late: []*Pending{}, Coming: []*Pending{}, Duties: []DutyCount{},
	}
}

// undoneDuties says how duties stand, what is late, and what comes.
func (b *builder) undoneDuties(ctx context.Context, report *Readiness) error {
	if err := b.duties(report, report.Day); err != nil {
		return err
	}
	return b.pending(ctx, report, report.Day)
}

// changed compares what the tests say with what they said before.
func (b *builder) changed(ctx context.Context, report *Readiness) error {
	day := report.Day
	was, err := b.view(report.Period, day.Before.Size, day.Since)
	if err != nil {
		return err
	}
	for i, control := range b.question.Controls {
		old, err := was.control(ctx, control)
		if err != nil {
			return err
		}
		for _, now := range report.Controls[i].Tests {
			before := Test{Conclusion: controltests.NotTested}
			for _, one := range old.Tests { // of the same part, or of all of the period where it had none
				if one.ID == now.ID && (one.from.Equal(now.from) || len(old.Parts) == 1) {
					before = one
				}
			}
			if now.Conclusion != before.Conclusion {
				change := Change{Control: control.ID, Test: now.ID, From: before.Conclusion, To: now.Conclusion, Because: []string{}}
				if now.Result != nil {
					change.Result = now.Result.ID
				}
				for _, reason := range now.Because {
					if !slices.Contains(before.Because, reason) {
						change.Because = append(change.Because, reason)
					}
				}
				day.Changes = append(day.Changes, change)
			}
			b.deviations(day, control, now.test, before.Result, now.Result)
		}
	}
	return nil
}

// deviations adds those of a result that the one before did not have.
func (b *builder) deviations(day *Day, control *controls.Control, test *controls.Test, before, now *results.Result) {
	if now == nil || before != nil && before.ID == now.ID {
		return
	}
	known := map[string]bool{}
	had := 0
	if before != nil {
		had = before.Deviations
		for _, d := range before.Exceptions {
			known[d.Item] = true
		}
	}
	listed := 0
	for _, d := range now.Exceptions {
		if !known[d.Item] {
			listed++
			day.Deviations = append(day.Deviations, NewDeviation{control.ID, test.ID, b.reference(test, d.Item), d.Reason, now.ID, d.Item})
		}
	}
	day.More += max(0, now.Deviations-had-listed)
}

// reference names an item by its register, where it has one.
func (b *builder) reference(test *controls.Test, id string) string {
	return Reference(b.question.Kinds, test, id)
}

// Reference names an item of a test by its register, where it has one.
func Reference(kinds record.Kinds, test *controls.Test, id string) string {
	return referencePrefix(kinds, test) + id
}

// referencePrefix is what stands before the id in an item's reference.
func referencePrefix(kinds record.Kinds, test *controls.Test) string {
	if test.Population.From == sourceOccurrences {
		return "task/"
	}
	if kind, err := kinds.Find(test.Population.From); err == nil {
		return kind.Name + "/"
	}
	return ""
}

// occurrences visits the occurrences of duties that fall due in the half-open
// interval, as they were known at a checkpoint.
func (b *builder) occurrences(from, to time.Time, asOf int64, visit func(*record.Occurrence)) error {
	source := b.question.Kinds.Derived(sourceOccurrences)
	if source == nil || asOf == 0 {
		return nil
	}
	type known struct {
		interval
		asOf int64
	}
	all, err := populations.Once(b.snapshot, known{interval{from, to}, asOf}, func() (all []record.Occurrence, err error) {
		err = source.Items(populations.Past(b.snapshot, asOf), from, to, func(item any) error {
			o, ok := item.(record.Occurring)
			if !ok {
				return fmt.Errorf("%s gives a %T, which is no occurrence", source.Name, item)
			}
			all = append(all, o.Occurrence())
			return nil
		})
		return all, err
	})
	for i := range all {
		visit(&all[i])
	}
	return err
}

// duties counts the period's occurrences, and lists those that turned late or
// missed.
func (b *builder) duties(report *Readiness, day *Day) error {
	counts := map[string]int{}
	var overdue []record.Occurrence
	if err := b.occurrences(report.At.Add(-watched), report.At.Add(instant), report.Ledger.Size, func(o *record.Occurrence) {
		if p := report.Period; p != nil && !o.DueAt.Before(p.From) && o.DueAt.Before(p.To) {
			counts[o.State]++
		}
		if o.State == late || o.State == missed {
			overdue = append(overdue, *o)
		}
	}); err != nil {
		return err
	}
	for state, count := range counts {
		day.Duties = append(day.Duties, DutyCount{state, count})
	}
	slices.SortFunc(day.Duties, func(a, b DutyCount) int { return cmp.Compare(a.State, b.State) })
	if len(overdue) == 0 {
		return nil
	}
	// How these stood before: one that falls due later was neither.
	was, first := map[string]string{}, slices.MinFunc(overdue, func(a, b record.Occurrence) int { return a.DueAt.Compare(b.DueAt) }).DueAt
	err := b.occurrences(first, day.Since.Add(instant), day.Before.Size, func(o *record.Occurrence) { was[o.ID] = o.State })
	for _, o := range overdue {
		if was[o.ID] != o.State {
			day.Turned = append(day.Turned, Turned{o.ID, o.Title, o.State, o.Responsible, o.Deadline})
		}
	}
	slices.SortFunc(day.Turned, func(a, b Turned) int {
		return cmp.Or(a.Deadline.Compare(b.Deadline), cmp.Compare(a.Occurrence, b.Occurrence))
	})
	return err
}

// builder builds one report from one snapshot.
type builder struct {
	reader   *store.Reader
	snapshot populations.Snapshot
	question Question
	zone     *time.Location // of the period; nil where there is none
}
