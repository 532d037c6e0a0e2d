package controls

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// program is a compiled expression; safe for concurrent use.
type program struct {
	cel.Program
	role  string
	reads []read
	bare  bool // the expression is nothing but the one field that it reads
}

// ErrAbsent is the error of a time that an item does not have: its field is
// missing, null or the empty string.
var ErrAbsent = errors.New("missing")

// Evaluator evaluates a test's expressions over one item after the other. It
// is not safe for concurrent use: make one per goroutine; they share the
// compiled expressions.
type Evaluator struct {
	population *Population
	test       *Test // nil for a population alone
	decoder    *decoder
	item       map[string]any
}

// Evaluator returns a new evaluator for the test.
func (t *Test) Evaluator() *Evaluator {
	return newEvaluator(&t.Population, t)
}

// Evaluator returns a new evaluator that knows of items only what their
// population says: identifier, instant and filter.
func (p *Population) Evaluator() *Evaluator {
	return newEvaluator(p, nil)
}

func newEvaluator(p *Population, t *Test) *Evaluator {
	programs := []*program{p.id, p.at, p.where}
	if t != nil {
		programs = append(programs, t.pass, t.due, t.done)
	}
	var n need
	for _, prg := range programs {
		if prg == nil {
			continue
		}
		for _, r := range prg.reads {
			n.add(r)
		}
	}
	return &Evaluator{population: p, test: t, decoder: newDecoder(&n, p.fields, p.From != FromItems)}
}

// Read takes the next item, a JSON object. It checks the syntax of all of it
// and decodes what the expressions read; json is not used after the return. That
// names are unique is not checked of items that SCAF's own sources give, which
// are canonical. The error says in what way the item is not a JSON object.
func (e *Evaluator) Read(json []byte) error {
	item, err := e.decoder.decode(json)
	e.item = item
	return err
}

// ResolveName implements cel.Activation.
func (e *Evaluator) ResolveName(name string) (any, bool) {
	if name == "item" {
		return e.item, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (e *Evaluator) Parent() cel.Activation { return nil }

// ID returns the item's identifier: a string that is not empty, or an integer
// in decimal.
func (e *Evaluator) ID() (string, error) {
	if id, ok := e.bare(e.population.id).(string); ok && id != "" {
		return id, nil
	}
	value, err := e.eval(e.population.id)
	if err != nil {
		return "", fmt.Errorf("no id (%s): %w", e.population.ID, err)
	}
	switch id := value.(type) {
	case types.String:
		if id != "" {
			return string(id), nil
		}
		return "", fmt.Errorf("no id (%s): it is empty", e.population.ID)
	case types.Int:
		return strconv.FormatInt(int64(id), 10), nil
	}
	return "", fmt.Errorf("no id (%s): it must be a string or an integer, but is %s", e.population.ID, describe(value))
}

// In says whether the item belongs to the population by its filter. The error
// is an evaluation error.
func (e *Evaluator) In() (bool, error) {
	if e.population.where == nil {
		return true, nil
	}
	return e.boolean(e.population.where)
}

// At returns the item's instant, in UTC.
func (e *Evaluator) At() (time.Time, error) {
	at, err := e.instant(e.population.at)
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
	if e.decoder.bad != nil {
		return false, e.decoder.bad
	}
	if e.test == nil || e.test.pass == nil {
		return true, nil
	}
	return e.boolean(e.test.pass)
}

// Due returns when the occurrence is due, without grace. The error is an
// evaluation error; it is ErrAbsent if there is no due time.
func (e *Evaluator) Due() (time.Time, error) {
	due, err := e.instant(e.test.due)
	if err != nil {
		return time.Time{}, fmt.Errorf("no due time (%s): %w", e.test.Due, err)
	}
	return due, nil
}

// Done returns when the occurrence was done, and false if it was not: the
// expression gives null or an empty string, or cannot be evaluated and a field
// that it reads is missing, null or empty. Any other error is an evaluation
// error.
func (e *Evaluator) Done() (time.Time, bool, error) {
	done, err := e.instant(e.test.done)
	switch {
	case err == nil:
		return done, true, nil
	case errors.Is(err, ErrAbsent):
		return time.Time{}, false, nil
	}
	return time.Time{}, false, fmt.Errorf("done (%s): %w", e.test.Done, err)
}

func (e *Evaluator) boolean(p *program) (bool, error) {
	value, err := e.eval(p)
	if err != nil {
		var absent *absentTimestamp
		if errors.As(err, &absent) {
			return false, nil
		}
		return false, err
	}
	if b, ok := value.(types.Bool); ok {
		return bool(b), nil
	}
	return false, fmt.Errorf("%s gives %s, not true or false", p.role, describe(value))
}

func (e *Evaluator) instant(p *program) (time.Time, error) {
	switch at := e.bare(p).(type) {
	case types.Timestamp:
		return at.Time, nil
	case string:
		if at != "" {
			return parseInstant(at)
		}
	}
	value, err := e.eval(p)
	if err != nil {
		for _, r := range p.reads {
			if e.absent(r.path) {
				return time.Time{}, ErrAbsent
			}
		}
		return time.Time{}, err
	}
	switch at := value.(type) {
	case types.Timestamp:
		return at.UTC(), nil
	case types.String:
		if at == "" {
			return time.Time{}, ErrAbsent
		}
		return parseInstant(string(at))
	case types.Null:
		return time.Time{}, ErrAbsent
	}
	return time.Time{}, fmt.Errorf("it must be an RFC 3339 time, but is %s", describe(value))
}

// absent says whether a field of the item is missing, null or empty.
func (e *Evaluator) absent(p fieldPath) bool {
	var value any = e.item
	for _, name := range p {
		object, ok := value.(map[string]any)
		if !ok {
			return value == nil
		}
		if value, ok = object[name]; !ok {
			return true
		}
	}
	return value == nil || value == ""
}

// bare is the value of an expression that is nothing but a field of the item,
// without going through CEL; nil for any other expression, and where anything
// is in the way, so that CEL says what.
func (e *Evaluator) bare(p *program) any {
	if !p.bare {
		return nil
	}
	var value any = e.item
	for _, name := range p.reads[0].path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func (e *Evaluator) eval(p *program) (ref.Val, error) {
	value, _, err := p.Eval(e)
	if err != nil {
		return nil, &EvaluationError{err}
	}
	return value, nil
}

// EvaluationError is an expression that could not be evaluated over an item.
type EvaluationError struct{ err error }

// Error says in one line why.
func (e *EvaluationError) Error() string {
	text, _, _ := strings.Cut(e.err.Error(), "\n")
	return text
}

// Unwrap returns CEL's error.
func (e *EvaluationError) Unwrap() error { return e.err }

// describe names a value's type for an error message, and shows a short one.
func describe(value ref.Val) string {
	switch v := value.(type) {
	case types.Null:
		return "null"
	case types.String:
		return "the string " + shortQuote(string(v))
	case types.Int, types.Double, types.Uint, types.Bool:
		return fmt.Sprintf("the %s %v", v.Type().TypeName(), v.Value())
	}
	return "a " + value.Type().TypeName()
}
