package expr

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// CEL charges the cost of a function after it ran, so MaxCost cannot stop one
// call whose result is the product of its arguments' sizes, or that takes
// their product in steps. Such calls are refused at load, unless their form
// bounds them. What is left ends: one call is at most linear in its arguments,
// or takes the product of the item's size and the expression's, and values
// that grow in a comprehension meet MaxMemory.

// refusedFunctions are never needed by a predicate, and have no bounded form.
var refusedFunctions = map[string]string{
	"join":     "compare the elements of the list with all() or exists()",
	"format":   "compare the values themselves",
	"flatten":  "use a nested all() or exists()",
	"distinct": "use all() and exists_one()",
}

// unbounded says what in a checked expression could take time or memory
// without limit, or "".
func unbounded(checked *cel.Ast) string {
	found := ""
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || found != "" {
			return
		}
		call := e.AsCall()
		switch name := call.FunctionName(); name {
		case "replace":
			if !shrinks(call.Args()) {
				found = "replace needs literal texts, the second not longer than the first, so that its result is bounded"
			}
		case "sets.contains", "sets.equivalent", "sets.intersects":
			if call.Args()[0].Kind() != ast.ListKind && call.Args()[1].Kind() != ast.ListKind {
				found = fmt.Sprintf("%s needs a literal list on one side, so that its cost is bounded; use all() or exists() with in", name)
			}
		default:
			if instead, refused := refusedFunctions[name]; refused {
				found = fmt.Sprintf("%s() is not available, since its cost has no bound; %s", name, instead)
			}
		}
	}))
	return found
}

// shrinks says whether replace(old, new) cannot make a text longer.
func shrinks(args []ast.Expr) bool {
	if len(args) < 2 || args[0].Kind() != ast.LiteralKind || args[1].Kind() != ast.LiteralKind {
		return false
	}
	before, ok1 := args[0].AsLiteral().(types.String)
	after, ok2 := args[1].AsLiteral().(types.String)
	return ok1 && ok2 && before != "" && len(after) <= len(before)
}

// limits are the program options that keep a checked expression within
// MaxCost and MaxMemory. An expression without a comprehension needs neither:
// it evaluates each of its nodes at most once. One that puts no texts or lists
// together needs no bound on memory.
func limits(checked *cel.Ast) []cel.ProgramOption {
	native := checked.NativeRep()
	loops, grows := false, false
	ast.PreOrderVisit(native.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.ComprehensionKind:
			loops = true
		case ast.CallKind:
			if e.AsCall().FunctionName() == operators.Add {
				switch native.GetType(e.ID()).Kind() {
				case types.IntKind, types.UintKind, types.DoubleKind, types.TimestampKind, types.DurationKind:
				default:
					grows = true
				}
			}
		}
	}))
	var options []cel.ProgramOption
	if loops {
		options = append(options, cel.CostLimit(MaxCost))
	}
	if loops && grows {
		options = append(options, cel.MemoryLimit(MaxMemory), cel.MemoryTracking(
			types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(
				types.SizeCalculatorMaxDepth(maxDepth), types.SizeCalculatorMaxTraversal(MaxMemory)))))
	}
	return options
}
