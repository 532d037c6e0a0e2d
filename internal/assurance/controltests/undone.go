package controltests

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Undone is an item of an occurrence test that has not been done.
type Undone struct {
	Item string
	// Not done by the deadline, it is a deviation for ever.
	controls.Term
}

// EachUndone visits the items of occurrence tests over one source that have not
// been done, in the order of the source, with the number of the test. An item
// that cannot be evaluated is passed over: Run says what is wrong with it.
func EachUndone(tests []*controls.Test, source Source, zone *time.Location, visit func(test int, u Undone) error) error {
	panel := controls.NewPanel(tests)
	for item, err := range source.Items() {
		if err != nil {
			return err
		}
		panel.Read(item.JSON)
		for i := range tests {
			e, unread := panel.Evaluator(i)
			if unread != nil {
				continue
			}
			u, ok := UndoneOf(e, zone)
			if !ok {
				continue
			}
			if err := visit(i, u); err != nil {
				return err
			}
		}
	}
	return nil
}

// UndoneOf says whether the item that an evaluator of an occurrence test has read
// is one of its population that has not been done; false of one that cannot be
// evaluated.
func UndoneOf(e *controls.Evaluator, zone *time.Location) (Undone, bool) {
	if in, err := e.In(); err != nil || !in {
		return Undone{}, false
	}
	id, noID := e.ID()
	term, noDue := e.Term(zone)
	_, done, noDone := e.Done()
	if noID != nil || noDue != nil || noDone != nil || done {
		return Undone{}, false
	}
	return Undone{id, term}, true
}

// Lapsing is what a state or document test will miss unless somebody does
// something: a resource whose last reading speaks up to Deadline only, or a
// document that accepted evidence does not cover.
type Lapsing struct {
	Item     string    // a resource, or a document's id
	Due      time.Time // at which it is to be there
	Deadline time.Time // after which it is missing
	// Unread is evidence for the document that nobody has reviewed; empty when
	// there is none.
	Unread string
}

// EachLapsing visits what a state or document test will miss, by the name of
// the item. Of a state test the source gives the readings up to now, within
// opt.Period; a resource that is gone, and one that was never read, does not
// lapse. Items that cannot be evaluated are passed over: Run says what is wrong
// with them.
func EachLapsing(test *controls.Test, source Source, opt Options, visit func(Lapsing)) error {
	if test.Kind == controls.Document {
		return eachDocument(test, source, cmp.Or(opt.Zone, time.UTC), visit)
	}
	w, j, e := newWatch(test.Interval, &opt), newJudge(&Subject{Test: test, Options: opt}), test.Evaluator()
	for item, err := range source.Items() {
		if err != nil {
			return err
		}
		v, _ := j.judge(e, e.Read(item.JSON), item)
		if v.resource != "" && v.err == nil {
			w.add(&v, 0)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.resources)) {
		if until, ok := w.speaks(name, w.resources[name]); ok {
			visit(Lapsing{Item: name, Due: until, Deadline: until})
		}
	}
	return nil
}

// eachDocument visits the documents that accepted evidence does not cover.
func eachDocument(test *controls.Test, source Source, zone *time.Location, visit func(Lapsing)) error {
	for item, err := range source.Items() {
		if err != nil {
			return err
		}
		var d Document
		if json.Unmarshal(item.JSON, &d) == nil && d.covered().Before(d.To) {
			visit(Lapsing{Item: d.ID, Due: d.To, Deadline: test.Deadline(d.To, zone), Unread: d.unread()})
		}
	}
	return nil
}
