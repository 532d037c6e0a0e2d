// Package expr is the language of expressions over items: CEL over JSON
// objects, with declared fields or without. Tests of controls, populations,
// filters and the guards of registers are written in it.
//
// Nothing here reads a clock, a database or a network, so an evaluation gives
// the same answer wherever and whenever it runs; limits are counted, not timed.
package expr

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/ext"
)

// Limits of an expression. They are counted, not timed, so that a result does
// not depend on the machine.
const (
	// MaxExpressionSize is the length of an expression in code points.
	MaxExpressionSize = 16 << 10
	// MaxExpressionNodes bounds the checked expression, macros expanded.
	MaxExpressionNodes = 10_000
	// MaxCost is the CEL cost that one evaluation may spend on one item, about
	// one unit for a field, a comparison or a step of a comprehension. An item
	// that costs more is an evaluation error.
	MaxCost = 1_000_000
	// MaxMemory bounds every value that an expression with a comprehension
	// makes, in elements, where a text counts one for some characters (CEL's
	// measure). A larger one is an evaluation error.
	MaxMemory = 1 << 20
	// maxDepth is how deep JSON nests at most (jsontext's limit).
	maxDepth = 10_000
	// maxRange bounds lists.range.
	maxRange = 10_000
	// maxRegexProgram bounds a compiled regular expression (RE2 instructions).
	maxRegexProgram = 10_000
)

// Environment is the language of expressions over one kind of item: standard
// CEL with strings, sets, lists and optional values, and the variable `item`.
// There is no way to read a clock, so a result can be computed again.
type Environment struct {
	fields []Field
	cel    *cel.Env
}

// NewEnvironment returns the environment of items with these fields. Where no
// fields are declared (nil), `item` is dynamic.
func NewEnvironment(fields []Field) (*Environment, error) {
	env, err := newEnvironment(fields)
	if err != nil {
		return nil, err
	}
	return &Environment{fields, env}, nil
}

func newEnvironment(fields []Field) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.OptionalTypes(),
		cel.CrossTypeNumericComparisons(true),
		cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(MaxExpressionSize),
		cel.ExpressionNodeLimit(MaxExpressionNodes),
		cel.RegexProgramSizeLimit(maxRegexProgram),
		cel.CostModelVersion(1),
		ext.Strings(ext.StringsVersion(4)),
		ext.Sets(),
		ext.Lists(ext.ListsVersion(3), ext.ListsMaxRangeSize(maxRange)),
	}
	if fields == nil {
		return cel.NewEnv(append(options, cel.Variable("item", cel.DynType))...)
	}
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, fmt.Errorf("type registry: %w", err)
	}
	provider := &itemTypes{Provider: registry, types: map[string]Type{}}
	item := Object(fields...)
	provider.add(itemTypeName, item)
	return cel.NewEnv(append(options,
		cel.CustomTypeAdapter(registry), cel.CustomTypeProvider(provider),
		cel.Variable("item", item.celType(itemTypeName)))...)
}

// itemTypeName is the CEL type of an item with declared fields; the objects in
// it are named after their path.
const itemTypeName = "scaf.Item"

// itemTypes tells CEL of the objects in a schema. At run time such an object
// is a map[string]any that a document's decoder filled, with only the fields
// that some expression reads.
type itemTypes struct {
	types.Provider
	types map[string]Type
}

func (p *itemTypes) add(name string, t Type) {
	switch t.kind {
	case kindList:
		p.add(name+"_element", *t.elem)
	case kindObject:
		p.types[name] = t
		for _, f := range t.fields {
			p.add(name+"."+f.Name, f.Type)
		}
	}
}

// FindStructType implements types.Provider.
func (p *itemTypes) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.types[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Provider.FindStructType(name)
}

// FindStructFieldNames implements types.Provider.
func (p *itemTypes) FindStructFieldNames(name string) ([]string, bool) {
	if t, ok := p.types[name]; ok {
		return t.names(), true
	}
	return p.Provider.FindStructFieldNames(name)
}

// FindStructFieldType implements types.Provider.
func (p *itemTypes) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	t, ok := p.types[name]
	if !ok {
		return p.Provider.FindStructFieldType(name, field)
	}
	ft := t.field(field)
	if ft == nil {
		return nil, false
	}
	return &types.FieldType{
		Type:    ft.celType(name + "." + field),
		IsSet:   func(target any) bool { return isSet(target, field) },
		GetFrom: func(target any) (any, error) { return getFrom(target, field, ft.kind) },
	}, true
}

func isSet(target any, field string) bool {
	object, ok := target.(map[string]any)
	if !ok {
		return false
	}
	_, ok = object[field]
	return ok
}

func getFrom(target any, field string, declared kind) (any, error) {
	object, ok := target.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("no object to read %q from", field)
	}
	value, ok := object[field]
	switch {
	case ok:
		if bad, isBad := value.(mismatch); isBad {
			return nil, bad.err
		}
		return value, nil
	case declared == kindTimestamp:
		return nil, &absentTimestamp{field: field}
	default:
		return nil, fmt.Errorf("no such key: %s", field)
	}
}

// absentTimestamp is what reading a declared timestamp that an item does not
// have gives: not a value, so nothing can compare with it as if it were zero.
// CEL's && and || absorb it where the other side decides; where it reaches the
// end, the item is a deviation (docs/deviation-rule.md: a missing timestamp in a
// predicate is a deviation).
type absentTimestamp struct{ field string }

func (e *absentTimestamp) Error() string { return fmt.Sprintf("timestamp %q is missing", e.field) }
