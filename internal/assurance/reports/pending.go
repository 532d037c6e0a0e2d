package reports

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/record"
)

// instant is the least distance of two instants.
const instant = time.Microsecond

// waiting collects what has not been done: one line for an occurrence, whatever
// reads it; of another item one for each test that finds it so.
type waiting struct {
	occurrences map[string]*Pending // by reference
	others      []*Pending
	lists       [][]*Pending // each in order
}

// occurrence takes one that can be done now.
func (w *waiting) occurrence(o *record.Occurrence) {
	item := "task/" + o.ID
	w.occurrences[item] = &Pending{Item: item, Title: o.Title, Due: o.DueAt, Deadline: o.Deadline, Owner: o.Responsible, Tests: []string{}}
}

// read says that a test reads an occurrence, up to an instant.
func (w *waiting) read(item, test string, deadline time.Time) {
	if known := w.occurrences[item]; known != nil {
		known.Tests = append(known.Tests, test)
		if deadline.Before(known.Deadline) {
			known.Deadline = deadline
		}
	}
}

// ordered is all of it up to an instant.
func (w *waiting) ordered(until time.Time) []*Pending {
	w.others = slices.AppendSeq(w.others, maps.Values(w.occurrences))
	slices.SortFunc(w.others, byDeadline)
	lists := append(w.lists, w.others)
	slices.SortFunc(lists, func(a, b []*Pending) int { return cmp.Compare(len(a), len(b)) }) // the long ones are gone through last
	var all []*Pending
	for _, list := range lists {
		all = merged(all, list)
	}
	return all[:after(all, until)]
}

// after is where those begin, in a list in order, whose deadline comes after an instant.
func after(list []*Pending, at time.Time) int {
	n, _ := slices.BinarySearchFunc(list, at, func(p *Pending, at time.Time) int {
		if p.Deadline.After(at) {
			return 1
		}
		return -1
	})
	return n
}

// merged are the lines of two lists in order, in order.
func merged(a, b []*Pending) []*Pending {
	if len(a) == 0 || len(b) == 0 {
		return slices.Concat(a, b)
	}
	all := make([]*Pending, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		from := &a
		if byDeadline(b[0], a[0]) < 0 {
			from = &b
		}
		all, *from = append(all, (*from)[0]), (*from)[1:]
	}
	return append(append(all, a...), b...)
}

// byDeadline is the order of lists: what presses most comes first.
func byDeadline(a, b *Pending) int {
	if c := a.Deadline.Compare(b.Deadline); c != 0 {
		return c
	}
	if c := strings.Compare(a.Item, b.Item); c != 0 {
		return c
	}
	return slices.Compare(a.Tests, b.Tests)
}

// pending lists what has not been done: of duties, of what tests with a
// deadline read, of readings that lapse and documents that fall due.
func (b *builder) pending(ctx context.Context, report *Readiness, day *Day) error {
	found := &waiting{occurrences: map[string]*Pending{}}
	take := func(o *record.Occurrence) {
		if o.DoneAt == nil && o.State != notOccurring && o.State != missed && !o.OpensAt.After(report.At) {
			found.occurrence(o)
		}
	}
	size := report.Ledger.Size
	// Each part is judged at its end: what has fallen due now, what comes then.
	if err := b.occurrences(report.At.Add(-watched), report.At.Add(instant), size, take); err != nil {
		return err
	}
	if err := b.occurrences(report.At.Add(instant), day.Until, size, take); err != nil {
		return err
	}
	if report.Period != nil && size > 0 {
		if err := b.ofTests(ctx, report, day, found); err != nil {
			return err
		}
	}
	all := found.ordered(day.Until)
	late := after(all, report.At)
	day.Late, day.Coming = append(day.Late, all[:late]...), append(day.Coming, all[late:]...)
	return nil
}

// asked is a test of the file that is in force over a part of the period.
type asked struct {
	part   *results.Part
	test   *controls.Test
	before string     // what stands before the id in an item's reference
	tests  []string   // it, as lines have it
	undone []*Pending // of a test with a deadline, in order
}

// pending is the line of an item that has not been done.
func (a *asked) pending(u controltests.Undone) *Pending {
	return &Pending{Item: a.before + u.Item, Title: a.test.Title, Due: u.Due.UTC(), Day: u.Day, Deadline: u.Deadline, Owner: a.part.Control.Owner, Tests: a.tests}
}

// ofTests adds what the tests of the period find not done.
func (b *builder) ofTests(ctx context.Context, report *Readiness, day *Day, found *waiting) (err error) {
	if b.zone, err = time.LoadLocation(report.Period.Timezone); err != nil {
		return err
	}
	var all []*asked
	for _, given := range b.question.Controls {
		parts, err := b.question.Files.Plan(ctx, b.snapshot, report.Ledger.Size, given, report.Period)
		if err != nil {
			return err
		}
		for i := range parts {
			for _, test := range parts[i].Control.Tests {
				if !test.Population.Awaited && test.Population.From != controls.FromItems {
					all = append(all, &asked{part: &parts[i], test: test, before: referencePrefix(b.question.Kinds, test), tests: []string{parts[i].Control.ID + " " + test.ID}})
				}
			}
		}
	}
	if err := b.undone(ctx, report, day, all); err != nil {
		return err
	}
	for _, a := range all {
		if err := b.ofTest(report, a, found); err != nil {
			return err
		}
	}
	return nil
}

// ofTest adds what a test finds not done.
func (b *builder) ofTest(report *Readiness, a *asked, found *waiting) error {
	part, test, control, tests := a.part, a.test, a.part.Control, a.tests
	add := func(p *Pending) { found.others = append(found.others, p) }
	switch test.Kind {
	case controls.Occurrence:
		if test.Population.From != sourceOccurrences {
			found.lists = append(found.lists, a.undone)
			break
		}
		for _, p := range a.undone {
			found.read(p.Item, tests[0], p.Deadline)
		}
	case controls.State:
		return b.lapsing(report, part, test, func(l controltests.Lapsing) {
			add(&Pending{
				Item: l.Item, Title: test.Title, Due: l.Due, Deadline: l.Deadline, Owner: control.Owner,
				Do: "scaf observation record --resource " + l.Item, Tests: tests, Kind: test.Kind,
			})
		})
	case controls.Document:
		return b.documents(part, report, test, func(l controltests.Lapsing) {
			p := Pending{
				Item: "document " + l.Item, Title: test.Title, Due: l.Due.UTC(), Deadline: l.Deadline.UTC(), Owner: control.Owner,
				Do: "scaf evidence add FILE --control " + control.ID + " --test " + test.ID, Tests: tests, Kind: test.Kind, Unread: l.Unread,
			}
			if l.Unread != "" {
				p.Do = "scaf evidence review " + l.Unread
			}
			add(&p)
		})
	}
	return nil
}

// interval is half open.
type interval struct{ from, to time.Time }

// undone finds what tests with a deadline read that has not been done: in registers
// and what is made of one record each by what is kept of them, elsewhere by reading.
func (b *builder) undone(ctx context.Context, report *Readiness, day *Day, all []*asked) error {
	type registered struct {
		asked   []*asked
		windows []interval
	}
	registers := map[origin]*registered{}
	var rest []*asked
	for _, a := range all {
		if a.test.Kind != controls.Occurrence {
			continue
		}
		from, ok := b.origin(a.test)
		if !ok {
			rest = append(rest, a)
			continue
		}
		if registers[from] == nil {
			registers[from] = &registered{}
		}
		of := registers[from]
		of.asked, of.windows = append(of.asked, a), append(of.windows, interval{a.part.From, earlier(day.Until, a.part.To)})
	}
	for from, of := range registers {
		err := b.kept(from, report.Ledger.Size, of.asked, of.windows, day.Until)
		if errors.Is(err, errNotKept) {
			rest = append(rest, of.asked...)
		} else if err != nil {
			return err
		}
	}
	return b.unkept(ctx, report, day, rest)
}

// unkept reads what tests find undone. What several of them read alike over the
// same interval is read once.
func (b *builder) unkept(ctx context.Context, report *Readiness, day *Day, all []*asked) error {
	type shared struct {
		alike string
		interval
	}
	groups := map[shared][]*asked{}
	for _, a := range all {
		until := day.Until
		if a.test.Population.From == populations.FromLogChecks { // it gives whole days: those to come can be done on none but theirs
			until = report.At
		}
		key := shared{populations.Alike(b.question.Kinds, &a.test.Population), interval{a.part.From.UTC(), earlier(until, a.part.To).UTC()}}
		groups[key] = append(groups[key], a)
	}
	for over, group := range groups {
		window := b.window(report, over.from, over.to)
		if window == nil {
			continue
		}
		tests, read := make([]*controls.Test, len(group)), make([]*controls.Population, len(group))
		for i, a := range group {
			tests[i], read[i] = a.test, &a.test.Population
		}
		reading, err := populations.Read(ctx, b.snapshot, b.question.Kinds, *window, read...)
		if err != nil {
			return err
		}
		if err := controltests.EachUndone(tests, reading, b.zone, func(number int, u controltests.Undone) error {
			// A check of the log belongs to its day, and is never made up for.
			if read[number].From != populations.FromLogChecks || u.Due.After(report.At) {
				group[number].undone = append(group[number].undone, group[number].pending(u))
			}
			return nil
		}); err != nil {
			return err
		}
		for _, a := range group {
			slices.SortFunc(a.undone, byDeadline)
		}
	}
	return nil
}

// lapsing visits the resources whose last reading speaks no longer than up to an
// instant to come within the period: what it does not speak for becomes a gap.
// Without a record of changes no reading from before the interval speaks now.
func (b *builder) lapsing(report *Readiness, part *results.Part, test *controls.Test, visit func(controltests.Lapsing)) error {
	if !part.To.After(report.At) {
		return nil // it is over
	}
	period := controltests.Period{From: part.From, To: report.At.Add(instant)}
	if back := report.At.Add(-test.Interval); test.Changes == nil && back.After(period.From) {
		period.From = back
	}
	stream, err := b.open(report, &test.Population, period.From, period.To)
	if stream == nil || err != nil {
		return err
	}
	changes, err := results.Changes(b.snapshot, b.question.Kinds, test, populations.Window{From: period.From, To: period.To, AsOf: report.Ledger.Size})
	if err != nil {
		return err
	}
	return controltests.EachLapsing(test, stream, controltests.Options{Period: &period, Changes: changes}, func(l controltests.Lapsing) {
		if l.Deadline.After(report.At) && l.Deadline.Before(report.Period.To) {
			visit(l)
		}
	})
}

// documents visits the documents of a part of the period that accepted evidence
// does not cover.
func (b *builder) documents(part *results.Part, report *Readiness, test *controls.Test, visit func(controltests.Lapsing)) error {
	stream, err := b.open(report, &test.Population, part.From, part.To)
	if stream == nil || err != nil {
		return err
	}
	return controltests.EachLapsing(test, stream, controltests.Options{Zone: b.zone}, visit)
}

// open reads a population over an interval; nil where that is empty.
func (b *builder) open(report *Readiness, of *controls.Population, from, to time.Time) (*populations.Stream, error) {
	window := b.window(report, from, to)
	if window == nil {
		return nil, nil //nolint:nilnil // there is nothing to read
	}
	return populations.Open(b.snapshot, b.question.Kinds, of, *window)
}

// window is an interval at the report's checkpoint; nil where it is empty.
func (b *builder) window(report *Readiness, from, to time.Time) *populations.Window {
	if !from.Before(to) {
		return nil
	}
	return &populations.Window{From: from, To: to, Zone: b.zone, AsOf: report.Ledger.Size}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
