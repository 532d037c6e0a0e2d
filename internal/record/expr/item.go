package expr

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

// ErrAbsent is the error of a time that an item does not have: its field is
// missing, null or the empty string.
var ErrAbsent = errors.New("missing")

// Item evaluates programs over one JSON object after the other, and decodes of
// each only what they read. It is not safe for concurrent use: make one per
// goroutine; they share the programs.
type Item struct {
	decoder *decoder
	item    map[string]any
}

// Items returns an Item for programs of this environment; nil ones are passed
// over. That names are unique is not checked of canonical objects, which have
// them by their making.
func (env *Environment) Items(canonical bool, programs ...*Program) *Item {
	var n need
	for _, program := range programs {
		if program == nil {
			continue
		}
		for _, r := range program.reads {
			n.add(r)
		}
	}
	return &Item{decoder: newDecoder(&n, env.fields, canonical)}
}

// Read takes the next object. It checks the syntax of all of it and decodes
// what the programs read; json is not used after the return. The error says in
// what way it is not a JSON object.
func (i *Item) Read(json []byte) error {
	item, err := i.decoder.decode(json)
	i.item = item
	return err
}

// Misfit is the first value that does not fit the declared type of a field
// that the programs read, even where they do not come to it; nil for none.
func (i *Item) Misfit() error { return i.decoder.bad }

// ResolveName implements cel.Activation.
func (i *Item) ResolveName(name string) (any, bool) {
	if name == "item" {
		return i.item, true
	}
	return nil, false
}

// Parent implements cel.Activation.
func (i *Item) Parent() cel.Activation { return nil }

// Identifier evaluates a program of that role: a string that is not empty, or
// an integer in decimal.
func (i *Item) Identifier(p *Program) (string, error) {
	if id, ok := i.bare(p).(string); ok && id != "" {
		return id, nil
	}
	value, err := i.eval(p)
	if err != nil {
		return "", err
	}
	switch id := value.(type) {
	case types.String:
		if id != "" {
			return string(id), nil
		}
		return "", errors.New("it is empty")
	case types.Int:
		return strconv.FormatInt(int64(id), 10), nil
	}
	return "", fmt.Errorf("it must be a string or an integer, but is %s", describe(value))
}

// Truth evaluates a program of that role. A declared timestamp that is
// missing, and that decides, makes it false. The error is an evaluation error.
func (i *Item) Truth(p *Program) (bool, error) {
	value, err := i.eval(p)
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

// Instant evaluates a program of that role; ErrAbsent where the item does not
// have the time. Any other error is an evaluation error.
func (i *Item) Instant(p *Program) (time.Time, error) {
	switch at := i.bare(p).(type) {
	case types.Timestamp:
		return at.Time, nil
	case string:
		if at != "" {
			return parseInstant(at)
		}
	}
	value, err := i.eval(p)
	if err != nil {
		for _, r := range p.reads {
			if i.absent(r.path) {
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
func (i *Item) absent(p fieldPath) bool {
	var value any = i.item
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
func (i *Item) bare(p *Program) any {
	if !p.bare {
		return nil
	}
	var value any = i.item
	for _, name := range p.reads[0].path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func (i *Item) eval(p *Program) (ref.Val, error) {
	value, _, err := p.Eval(i)
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
		return "the string " + Quote(string(v))
	case types.Int, types.Double, types.Uint, types.Bool:
		return fmt.Sprintf("the %s %v", v.Type().TypeName(), v.Value())
	}
	return "a " + value.Type().TypeName()
}
