package expr

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// fieldPath is a field of an item, outermost name first; empty for the whole item.
type fieldPath []string

// read is a path that an expression reads. Of a shape it asks only whether the
// value is there and of what type it is.
type read struct {
	path  fieldPath
	shape bool
}

// fieldsRead lists the paths below `item` that a checked expression may read.
// It may name too many, never too few: what it cannot follow (a computed key,
// a comprehension over the item) reads the value as a whole.
func fieldsRead(checked *cel.Ast) []read {
	var reads []read
	collectReads(checked.NativeRep().Expr(), &reads)
	return reads
}

func collectReads(e ast.Expr, reads *[]read) {
	if p, ok := itemPath(e); ok {
		shape := e.Kind() == ast.SelectKind && e.AsSelect().IsTestOnly()
		*reads = append(*reads, read{p, shape})
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		collectReads(e.AsSelect().Operand(), reads)
	case ast.CallKind:
		call := e.AsCall()
		if call.FunctionName() == overloads.TypeConvertType && len(call.Args()) == 1 {
			if p, ok := itemPath(call.Args()[0]); ok {
				*reads = append(*reads, read{p, true})
				return
			}
		}
		if call.IsMemberFunction() {
			collectReads(call.Target(), reads)
		}
		for _, arg := range call.Args() {
			collectReads(arg, reads)
		}
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			collectReads(element, reads)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			collectReads(entry.AsMapEntry().Key(), reads)
			collectReads(entry.AsMapEntry().Value(), reads)
		}
	case ast.StructKind:
		for _, field := range e.AsStruct().Fields() {
			collectReads(field.AsStructField().Value(), reads)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			collectReads(part, reads)
		}
	}
}

// itemPath recognises `item`, and below it `.name`, `["name"]`, `.?name` and
// `[?"name"]`. A comprehension's own variable named item is taken for the
// item, which only reads too much.
func itemPath(e ast.Expr) (fieldPath, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return nil, strings.TrimPrefix(e.AsIdent(), ".") == "item"
	case ast.SelectKind:
		s := e.AsSelect()
		if p, ok := itemPath(s.Operand()); ok {
			return append(p, s.FieldName()), true
		}
	case ast.CallKind:
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			if len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
				return nil, false
			}
			name, ok := call.Args()[1].AsLiteral().(types.String)
			if !ok {
				return nil, false
			}
			if p, ok := itemPath(call.Args()[0]); ok {
				return append(p, string(name)), true
			}
		}
	}
	return nil, false
}

// nullComparison finds `X == null` or `X != null` where X is a timestamp, and
// returns X's last name. CEL's checker lets it pass, and it would be an
// absent timestamp for exactly the items that it asks about.
func nullComparison(checked *cel.Ast) string {
	native := checked.NativeRep()
	found := ""
	ast.PreOrderVisit(native.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		if !slices.Contains([]string{operators.Equals, operators.NotEquals}, call.FunctionName()) {
			return
		}
		for i, side := range call.Args() {
			other := call.Args()[1-i]
			if side.Kind() == ast.LiteralKind && side.AsLiteral() == types.NullValue &&
				native.GetType(other.ID()).IsExactType(cel.TimestampType) {
				found = "the timestamp"
				if p, ok := itemPath(other); ok {
					found = strings.Join(append(fieldPath{"item"}, p...), ".")
				}
			}
		}
	}))
	return found
}

// need is the part of an item that a test's expressions read: a tree of
// names. A node that is whole is decoded with everything below it. Of one that
// is not, an object is decoded with only the children, anything else whole.
type need struct {
	whole    bool
	children map[string]*need
}

func (n *need) add(r read) {
	for _, name := range r.path {
		if n.whole {
			return
		}
		if n.children == nil {
			n.children = map[string]*need{}
		}
		child := n.children[name]
		if child == nil {
			child = &need{}
			n.children[name] = child
		}
		n = child
	}
	if !r.shape {
		n.whole, n.children = true, nil
	}
}
