package reports

import (
	"context"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
)

// instant is the least distance of two instants.
const instant = time.Microsecond

// waiting collects what has not been done: one line for an occurrence, whatever
// reads it; of another item one for each thing that is not done.
type waiting map[[2]string]*Pending

func (w waiting) add(p Pending, what, test string) {
	key := [2]string{p.Item, what}
	known := w[key]
	if known == nil {
		p.Tests = []string{}
		known = &p
		w[key] = known
	}
	if test != "" {
		known.Tests = append(known.Tests, test)
	}
	if p.Deadline.Before(known.Deadline) {
		known.Deadline = p.Deadline
	}
}

// pending lists what has not been done: of duties, of what tests with a
// deadline read, of readings that lapse and documents that fall due.
func (b *builder) pending(ctx context.Context, report *Readiness, day *Day) error {
	found := waiting{}
	open := map[string]*occurrence{} // what can be done now
	take := func(o *occurrence) {
		if o.DoneAt == nil && o.State != notOccurring && o.State != missed && !o.OpensAt.After(report.At) {
			open[o.ID] = o
			found.add(Pending{Item: "task/" + o.ID, Title: o.Title, Due: o.DueAt, Deadline: o.Deadline, Owner: o.Responsible}, "", "")
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
		for _, given := range b.question.Controls {
			parts, err := b.question.Files.Plan(ctx, b.snapshot, size, given, report.Period)
			if err != nil {
				return err
			}
			for i := range parts {
				if err := b.ofPart(report, day, &parts[i], open, found); err != nil {
					return err
				}
			}
		}
	}
	for _, p := range found {
		switch {
		case !p.Deadline.After(report.At):
			day.Late = append(day.Late, *p)
		case !p.Deadline.After(day.Until):
			day.Coming = append(day.Coming, *p)
		}
	}
	for _, list := range [][]Pending{day.Late, day.Coming} {
		slices.SortFunc(list, func(a, b Pending) int {
			if c := a.Deadline.Compare(b.Deadline); c != 0 {
				return c
			}
			if c := strings.Compare(a.Item, b.Item); c != 0 {
				return c
			}
			return slices.Compare(a.Tests, b.Tests)
		})
	}
	return nil
}

// ofPart adds what the tests of the file that is in force over a part of the
// period find not done.
func (b *builder) ofPart(report *Readiness, day *Day, part *results.Part, open map[string]*occurrence, found waiting) error {
	control := part.Control
	for _, test := range control.Tests {
		if test.Population.Awaited || test.Population.From == controls.FromItems {
			continue
		}
		name := control.ID + " " + test.ID
		var err error
		switch test.Kind {
		case controls.Occurrence:
			err = b.undone(report, day, part, test, func(u controltests.Undone) {
				p := Pending{Item: b.reference(test, u.Item), Title: test.Title, Due: u.Due.UTC(), Deadline: u.Deadline.UTC(), Owner: control.Owner}
				if test.Population.From == sourceOccurrences {
					if open[u.Item] != nil {
						found.add(p, "", name)
					}
					return
				}
				found.add(p, name, name)
			})
		case controls.State:
			err = b.lapsing(report, part, test, func(l controltests.Lapsing) {
				found.add(Pending{
					Item: l.Item, Title: test.Title, Due: l.Due, Deadline: l.Deadline, Owner: control.Owner,
					Do: "scaf observation record --resource " + l.Item,
				}, name, name)
			})
		case controls.Document:
			err = b.documents(part, report, test, func(l controltests.Lapsing) {
				p := Pending{
					Item: "document " + l.Item, Title: test.Title, Due: l.Due.UTC(), Deadline: l.Deadline.UTC(), Owner: control.Owner,
					Do: "scaf evidence add FILE --control " + control.ID + " --test " + test.ID,
				}
				if l.Unread != "" {
					p.Do = "scaf evidence review " + l.Unread
				}
				found.add(p, name, name)
			})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// undone visits what a test with a deadline reads that has not been done.
func (b *builder) undone(report *Readiness, day *Day, part *results.Part, test *controls.Test, visit func(controltests.Undone)) error {
	from, to := test.Population, day.Until
	if from.From == populations.FromLogChecks { // it gives whole days: those to come can be done on none but theirs
		to = report.At
	}
	stream, err := b.open(report, &from, populations.Window{From: part.From, To: earlier(to, part.To), AsOf: report.Ledger.Size})
	if stream == nil || err != nil {
		return err
	}
	return controltests.EachUndone(test, stream, func(u controltests.Undone) error {
		// A check of the log belongs to its day, and is never made up for.
		if from.From != populations.FromLogChecks || u.Due.After(report.At) {
			visit(u)
		}
		return nil
	})
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
	window := populations.Window{From: period.From, To: period.To, AsOf: report.Ledger.Size}
	stream, err := b.open(report, &test.Population, window)
	if stream == nil || err != nil {
		return err
	}
	changes, err := results.Changes(b.snapshot, b.question.Kinds, test, window)
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
	stream, err := b.open(report, &test.Population, populations.Window{From: part.From, To: part.To, AsOf: report.Ledger.Size})
	if stream == nil || err != nil {
		return err
	}
	return controltests.EachLapsing(test, stream, controltests.Options{}, visit)
}

// open reads a population over a window; nil where the window is empty.
func (b *builder) open(report *Readiness, from *controls.Population, window populations.Window) (*populations.Stream, error) {
	if !window.From.Before(window.To) {
		return nil, nil //nolint:nilnil // there is nothing to read
	}
	zone, err := time.LoadLocation(report.Period.Timezone)
	if err != nil {
		return nil, err
	}
	window.Zone = zone
	return populations.Open(b.snapshot, b.question.Kinds, from, window)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
