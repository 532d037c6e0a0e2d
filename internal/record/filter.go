package record

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// ErrFilter says: the filter or the order of a list cannot be used.
var ErrFilter = errors.New("cannot list by this")

// maxConditions is the most conditions of a filter.
const maxConditions = 200

// condition turns a filter into SQL. A filter is CEL over item, of which it
// takes what an index can answer: comparisons of a declared column with a
// literal or timestamp("..."), in, startsWith, contains, has, and &&, || and !.
// A comparison with a missing value is false, != included; ask has() for it.
type condition struct {
	kind    *Kind
	dialect store.Dialect
	by      string // the column by whose index rows are found; empty: the database's choice
	args    []any
	count   int
}

// compileFilter returns the condition and its arguments, which are numbered
// from the first on. The error wraps ErrFilter and says what would be right.
func (k *Kind) compileFilter(dialect store.Dialect, filter, by string, first int) (string, []any, error) {
	env, err := k.environment()
	if err != nil {
		return "", nil, err
	}
	root, wrong := env.Check(expr.Truth("filter"), filter)
	if len(wrong) > 0 {
		return "", nil, fmt.Errorf("%w: %w", ErrFilter, wrong[0])
	}
	c := &condition{kind: k, dialect: dialect, by: by, args: make([]any, first-1)}
	text, err := c.of(root)
	if err != nil {
		return "", nil, fmt.Errorf("%w: %w", ErrFilter, err)
	}
	return text, c.args[first-1:], nil
}

// Filterable are the names of the columns that lists are filtered by.
func (k *Kind) Filterable() []string {
	var names []string
	for _, c := range k.columns() {
		if c.Filter {
			names = append(names, c.Field)
		}
	}
	return names
}

// Sortable are the names of the columns that lists are sorted by.
func (k *Kind) Sortable() []string {
	var names []string
	for _, c := range k.sorts() {
		if c == nil {
			names = append(names, "id")
		} else {
			names = append(names, c.Field)
		}
	}
	return names
}

// value is a column's value in SQL. SQLite does not go by the index of a value with a
// plus before it.
func (c *condition) value(column *column) string {
	value := c.kind.sql(c.dialect, column)
	if c.by != "" && c.by != column.Field && c.dialect == store.SQLite {
		return "+" + value
	}
	return value
}

func (c *condition) of(e ast.Expr) (string, error) {
	if c.count++; c.count > maxConditions {
		return "", fmt.Errorf("the filter has more than %d parts", maxConditions)
	}
	switch e.Kind() {
	case ast.LiteralKind:
		if truth, ok := e.AsLiteral().(types.Bool); ok {
			return map[bool]string{true: "(1 = 1)", false: "(1 = 0)"}[bool(truth)], nil
		}
	case ast.SelectKind:
		column, err := c.column(e)
		if err != nil {
			return "", err
		}
		value := c.value(column)
		if e.AsSelect().IsTestOnly() {
			return value + " IS NOT NULL", nil
		}
		return value + " = " + c.truth(true), nil // the checker knows it for a bool
	case ast.CallKind:
		return c.call(e.AsCall())
	}
	return "", c.refuse("this expression")
}

// comparisons are CEL's operators in SQL, and as they are when the sides are
// exchanged.
var comparisons = map[string][2]string{
	operators.Equals: {"=", "="}, operators.NotEquals: {"<>", "<>"},
	operators.Less: {"<", ">"}, operators.LessEquals: {"<=", ">="},
	operators.Greater: {">", "<"}, operators.GreaterEquals: {">=", "<="},
}

func (c *condition) call(call ast.CallExpr) (string, error) {
	args := call.Args()
	name := call.FunctionName()
	if operator, ok := comparisons[name]; ok {
		return c.compare(operator, args[0], args[1])
	}
	switch name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.join(map[string]string{operators.LogicalAnd: " AND ", operators.LogicalOr: " OR "}[name], args)
	case operators.LogicalNot:
		inner, err := c.of(args[0])
		if args[0].Kind() == ast.SelectKind && args[0].AsSelect().IsTestOnly() && args[0].AsSelect().FieldName() == c.by {
			return strings.TrimSuffix(inner, " IS NOT NULL") + " IS NULL", err // so that its index is gone by
		}
		return "NOT COALESCE((" + inner + "), " + c.truth(false) + ")", err
	case operators.In:
		return c.in(args[0], args[1])
	case "startsWith", "contains":
		if !call.IsMemberFunction() {
			break
		}
		column, err := c.column(call.Target())
		if err != nil {
			return "", err
		}
		part, ok := args[0].AsLiteral().(types.String)
		if args[0].Kind() != ast.LiteralKind || !ok || strings.ContainsRune(string(part), 0) {
			return "", fmt.Errorf("%s() takes a literal text", name)
		}
		return c.within(name, c.value(column), string(part))
	}
	return "", c.refuse(strings.Trim(name, "_@"))
}

// join puts conditions together.
func (c *condition) join(word string, args []ast.Expr) (string, error) {
	parts := make([]string, len(args))
	for i, arg := range args {
		part, err := c.of(arg)
		if err != nil {
			return "", err
		}
		parts[i] = part
	}
	return "(" + strings.Join(parts, word) + ")", nil
}

func (c *condition) compare(operator [2]string, left, right ast.Expr) (string, error) {
	written := operator[0]
	if left.Kind() != ast.SelectKind {
		left, right, written = right, left, operator[1]
	}
	column, err := c.column(left)
	if err != nil {
		return "", err
	}
	value, err := c.literal(column, right)
	return c.value(column) + " " + written + " " + value, err
}

func (c *condition) in(element, list ast.Expr) (string, error) {
	column, err := c.column(element)
	if err != nil {
		return "", err
	}
	if list.Kind() != ast.ListKind || len(list.AsList().Elements()) > maxConditions {
		return "", fmt.Errorf("in takes a literal list of at most %d values", maxConditions)
	}
	var values []string
	for _, one := range list.AsList().Elements() {
		value, err := c.literal(column, one)
		if err != nil {
			return "", err
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		return "(1 = 0)", nil
	}
	return c.value(column) + " IN (" + strings.Join(values, ", ") + ")", nil
}

// within is startsWith or contains.
func (c *condition) within(name, value, part string) (string, error) {
	switch {
	case part == "":
		return value + " IS NOT NULL", nil
	case name == "contains" && c.dialect == store.SQLite:
		return "instr(" + value + ", " + c.arg(part) + ") > 0", nil
	case name == "contains":
		return "strpos(" + value + ", " + c.arg(part) + ") > 0", nil
	}
	// All texts from the part to the next one that does not begin with it: an
	// index can answer that.
	text := value + " >= " + c.arg(part)
	if end := after(part); end != "" {
		text = "(" + text + " AND " + value + " < " + c.arg(end) + ")"
	}
	return text, nil
}

// after is the first text after all that begin with this one, in the order of
// the bytes; empty when there is none.
func after(prefix string) string {
	runes := []rune(prefix)
	for i, last := range slices.Backward(runes) {
		switch last {
		case '\U0010FFFF':
			continue
		case 0xD7FF:
			last = 0xDFFF // no text holds surrogates
		}
		return string(append(runes[:i:i], last+1))
	}
	return ""
}

// column is the declared column that an expression names.
func (c *condition) column(e ast.Expr) (*column, error) {
	if e.Kind() != ast.SelectKind || e.AsSelect().Operand().Kind() != ast.IdentKind || e.AsSelect().Operand().AsIdent() != "item" {
		return nil, c.refuse("a comparison of anything but a column with a literal")
	}
	name := e.AsSelect().FieldName()
	if column := c.kind.column(name); column != nil && column.Filter {
		return column, nil
	}
	return nil, c.refuse("item." + name)
}

// literal is a literal's value in the form that the column has.
func (c *condition) literal(column *column, e ast.Expr) (string, error) {
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == "timestamp" && len(e.AsCall().Args()) == 1 && column.kind == valueTime {
		if text, ok := e.AsCall().Args()[0].AsLiteral().(types.String); ok && e.AsCall().Args()[0].Kind() == ast.LiteralKind {
			at, err := time.Parse(time.RFC3339Nano, string(text))
			if err != nil {
				return "", fmt.Errorf("%s is not an RFC 3339 time such as 2026-01-31T09:30:00Z", expr.Quote(string(text)))
			}
			if c.dialect == store.SQLite { // which keeps the statement for another time; PostgreSQL plans by the value
				return c.arg(at.UnixMicro()), nil
			}
			return strconv.FormatInt(at.UnixMicro(), 10), nil
		}
	}
	if e.Kind() == ast.CallKind && e.AsCall().FunctionName() == operators.Negate && len(e.AsCall().Args()) == 1 {
		value, err := c.literal(column, e.AsCall().Args()[0])
		return "-" + value, err
	}
	if e.Kind() != ast.LiteralKind {
		return "", c.refuse("a comparison of item." + column.Field + " with anything but a literal")
	}
	switch value := e.AsLiteral().(type) {
	case types.String:
		if strings.ContainsRune(string(value), 0) {
			return "", fmt.Errorf("no text in item.%s contains the character U+0000", column.Field)
		}
		if column.kind == valueText {
			return c.arg(string(value)), nil
		}
	case types.Int:
		if column.kind == valueInt || column.kind == valueDouble {
			return strconv.FormatInt(int64(value), 10), nil
		}
	case types.Double:
		if (column.kind == valueInt || column.kind == valueDouble) && !math.IsInf(float64(value), 0) && !math.IsNaN(float64(value)) {
			return strconv.FormatFloat(float64(value), 'e', -1, 64), nil
		}
	case types.Bool:
		if column.kind == valueBool {
			return c.truth(bool(value)), nil
		}
	}
	return "", fmt.Errorf("item.%s cannot be compared with %v: ask has(item.%s) whether it is there", column.Field, e.AsLiteral().Value(), column.Field)
}

func (c *condition) arg(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *condition) truth(value bool) string {
	if c.dialect == store.SQLite {
		return map[bool]string{true: "1", false: "0"}[value]
	}
	return strconv.FormatBool(value)
}

// refuse says what a list can be filtered by.
func (c *condition) refuse(what string) error {
	names := c.kind.Filterable()
	if len(names) == 0 {
		return fmt.Errorf("%s have no columns to filter by", c.kind.Register)
	}
	return fmt.Errorf("%s is not available in a list: %s are filtered by %s, compared with literals (== != < <= > >= in startsWith contains has && || !)", what, c.kind.Register, strings.Join(names, ", "))
}
