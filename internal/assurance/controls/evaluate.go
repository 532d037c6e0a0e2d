package controls

import (
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/record/expr"
)

// ErrAbsent is the error of a time that an item does not have: its field is
// missing, null or the empty string.
var ErrAbsent = expr.ErrAbsent

// Evaluator evaluates a test's expressions over one item after the other. It
// is not safe for concurrent use: make one per goroutine; they share the
// compiled expressions.
type Evaluator struct {
	population *Population
	test       *Test // nil for a population alone
	item       *expr.Item
	filter     *filter // where others ask it of the same items; else nil

	resource, failed, absent, since *expr.Program // of a state test, or its record of changes
	key                             *expr.Program // of a reconciliation
	other                           *expr.Program // of a cut-off
}

// Evaluator returns a new evaluator for the test.
func (t *Test) Evaluator() *Evaluator {
	e := &Evaluator{population: &t.Population, test: t}
	if s := t.StateTerms; s != nil {
		e.resource, e.failed, e.absent, e.since = s.resource, s.failed, s.absent, s.since
	}
	return e.prepare()
}

// Evaluator returns a new evaluator that knows of items only what their
// population says: identifier, instant and filter.
func (p *Population) Evaluator() *Evaluator {
	return (&Evaluator{population: p}).prepare()
}

// prepare makes what reads of an item all that the evaluator's programs need.
func (e *Evaluator) prepare() *Evaluator {
	e.item = e.population.env.Items(e.population.From != FromItems, e.programs()...)
	return e
}

// programs are all that the evaluator may be asked for; some may be nil.
func (e *Evaluator) programs() []*expr.Program {
	p := e.population
	programs := []*expr.Program{p.id, p.at, p.where, e.resource, e.failed, e.absent, e.since, e.key, e.other}
	if t := e.test; t != nil {
		programs = append(programs, t.pass, t.due, t.done)
	}
	return programs
}

// Read takes the next item, a JSON object. It checks the syntax of all of it
// and decodes what the expressions read; json is not used after the return. That
// names are unique is not checked of items that SCAF's own sources give, which
// are canonical. The error says in what way the item is not a JSON object.
func (e *Evaluator) Read(json []byte) error { return e.item.Read(json) }

// ID returns the item's identifier: a string that is not empty, or an integer
// in decimal.
func (e *Evaluator) ID() (string, error) {
	id, err := e.item.Identifier(e.population.id)
	if err != nil {
		return "", fmt.Errorf("no id (%s): %w", e.population.ID, err)
	}
	return id, nil
}

// In says whether the item belongs to the population by its filter. The error
// is an evaluation error.
func (e *Evaluator) In() (bool, error) {
	if e.population.where == nil {
		return true, nil
	}
	if e.filter == nil {
		return e.item.Truth(e.population.where)
	}
	if !e.filter.asked {
		in, err := e.item.Truth(e.population.where)
		*e.filter = filter{true, in, err}
	}
	return e.filter.in, e.filter.err
}

// At returns the item's instant, in UTC.
func (e *Evaluator) At() (time.Time, error) {
	at, err := e.item.Instant(e.population.at)
	if err != nil {
		return time.Time{}, fmt.Errorf("no time (%s): %w", e.population.At, err)
	}
	return at, nil
}

// Pass evaluates the predicate; a test without one passes. A declared
// timestamp that is missing, and that decides, makes it false. The error is an
// evaluation error; so is a value that does not fit the declared type of a
// field that the test reads, even where the predicate does not come to it.
func (e *Evaluator) Pass() (bool, error) {
	if err := e.item.Misfit(); err != nil {
		return false, err
	}
	if e.test == nil || e.test.pass == nil {
		return true, nil
	}
	return e.item.Truth(e.test.pass)
}

// Term returns when the occurrence is due, in the organisation's time zone. The
// error is an evaluation error; it is ErrAbsent if there is no due time.
func (e *Evaluator) Term(zone *time.Location) (Term, error) {
	due, err := e.item.Instant(e.test.due)
	if err != nil {
		return Term{}, fmt.Errorf("no due time (%s): %w", e.test.Due, err)
	}
	day := &e.test.day
	return Term{day.Ends(due, zone), day.Whole(), e.test.Grace.after(due, day, zone)}, nil
}

// Done returns when the occurrence was done, and false if it was not: the
// expression gives null or an empty string, or cannot be evaluated and a field
// that it reads is missing, null or empty. Any other error is an evaluation
// error.
func (e *Evaluator) Done() (time.Time, bool, error) {
	done, err := e.item.Instant(e.test.done)
	switch {
	case err == nil:
		return done, true, nil
	case errors.Is(err, ErrAbsent):
		return time.Time{}, false, nil
	}
	return time.Time{}, false, fmt.Errorf("done (%s): %w", e.test.Done, err)
}
