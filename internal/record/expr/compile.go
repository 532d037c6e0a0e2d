package expr

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// Role is what an expression is for: what it must give.
type Role struct {
	Name string // in an error message
	want string
	ok   func(*cel.Type) bool
}

// Truth is the role of an expression that gives true or false.
func Truth(name string) Role { return Role{name, "true or false", anyOf(cel.BoolType)} }

// Identifier is the role of an expression that gives an identifier.
func Identifier(name string) Role {
	return Role{name, "a string or an int", anyOf(cel.StringType, cel.IntType)}
}

// Instant is the role of an expression that gives a time.
func Instant(name string) Role {
	return Role{name, "a timestamp or an RFC 3339 string", anyOf(cel.TimestampType, cel.StringType)}
}

func anyOf(want ...*cel.Type) func(*cel.Type) bool {
	return func(t *cel.Type) bool {
		return t.Kind() == types.DynKind || slices.ContainsFunc(want, t.IsExactType)
	}
}

// Error is what is wrong with an expression.
type Error struct {
	Line int // of the expression, from 1
	Text string
}

// Error implements error.
func (e Error) Error() string { return e.Text }

// Program is a compiled expression; safe for concurrent use.
type Program struct {
	cel.Program
	role  string
	reads []read
	bare  bool // the expression is nothing but the one field that it reads
}

// Reads reports whether the expression may read the item's field of this name
// (or the item whole). A nil program reads nothing.
func (p *Program) Reads(field string) bool {
	return p != nil && slices.ContainsFunc(p.reads, func(r read) bool {
		return len(r.path) == 0 || r.path[0] == field
	})
}

// Compile parses and type-checks one expression. The errors are all that is
// wrong with it.
func (env *Environment) Compile(r Role, source string) (*Program, []Error) {
	checked, wrong := env.check(r, source)
	if len(wrong) > 0 {
		return nil, wrong
	}
	prg, err := env.cel.Program(checked, append(limits(checked), cel.EvalOptions(cel.OptOptimize))...)
	if err != nil {
		return nil, []Error{{1, err.Error()}}
	}
	reads := fieldsRead(checked)
	_, bare := itemPath(checked.NativeRep().Expr())
	return &Program{Program: prg, role: r.Name, reads: reads, bare: bare && !reads[0].shape}, nil
}

// check parses and type-checks one expression, and holds it against the bounds.
func (env *Environment) check(r Role, source string) (*cel.Ast, []Error) {
	checked, issues := env.cel.Compile(source)
	if issues.Err() != nil {
		var list []Error
		for _, e := range issues.Errors() {
			list = append(list, Error{Line: max(1, e.Location.Line()), Text: explain(e.Message, env.fields)})
		}
		return nil, list
	}
	if t := checked.OutputType(); !r.ok(t) {
		return nil, []Error{{1, fmt.Sprintf("must give %s, but gives %s", r.want, typeName(t))}}
	}
	if text := unbounded(checked); text != "" {
		return nil, []Error{{1, text}}
	}
	if field := nullComparison(checked); field != "" {
		return nil, []Error{{1, fmt.Sprintf("a timestamp is never null; write has(%s) to ask whether it is there", field)}}
	}
	return checked, nil
}

// typeName names a type without SCAF's internal names for item types.
func typeName(t *cel.Type) string {
	if strings.HasPrefix(t.String(), itemTypeName) {
		return "an object"
	}
	return t.String()
}

// noOverload is CEL's message for an operator or function that does not take
// its operands.
var noOverload = regexp.MustCompile(`^found no matching overload for '_?([^']*?)_?' applied to '(.*)'$`)

// explain shortens CEL's message to one line in plain words, and says for an
// unknown field what can be read instead.
func explain(message string, fields []Field) string {
	message, _, _ = strings.Cut(message, "\n")
	message = strings.ReplaceAll(message, " (in container '')", "")
	if name, ok := strings.CutPrefix(message, "undefined field '"); ok {
		return fmt.Sprintf("no field %q there; an item has %s", strings.TrimSuffix(name, "'"), Listed(fields))
	}
	if m := noOverload.FindStringSubmatch(message); m != nil {
		message = fmt.Sprintf("%s cannot be applied to %s", m[1], m[2])
	}
	return strings.ReplaceAll(message, itemTypeName, "item")
}

// Listed writes declared fields out, those of objects in braces.
func Listed(fields []Field) string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.Name
		inner, open, shut := f.Type, "", ""
		for inner.kind == kindList {
			inner, open, shut = *inner.elem, open+"[", "]"+shut
		}
		if inner.kind == kindObject {
			list[i] += " " + open + "{" + Listed(inner.fields) + "}" + shut
		}
	}
	return strings.Join(list, ", ")
}

// Check parses and type-checks an expression without making a program of it,
// for those who make something else of it.
func (env *Environment) Check(r Role, source string) (ast.Expr, []Error) {
	checked, wrong := env.check(r, source)
	if len(wrong) > 0 {
		return nil, wrong
	}
	return checked.NativeRep().Expr(), nil
}
