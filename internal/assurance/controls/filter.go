package controls

import "scaf.dev/scaf/internal/record/expr"

// Reads reports whether an expression of the test may read the item's field of
// this name (or the item whole).
func (t *Test) Reads(field string) bool {
	if s := t.StateTerms; s != nil && (s.resource.Reads(field) || s.failed.Reads(field) || s.absent.Reads(field)) {
		return true
	}
	return t.pass.Reads(field) || t.due.Reads(field) || t.done.Reads(field) || t.Population.where.Reads(field)
}

// NewFilter compiles a predicate over a source's items: its In tells whether
// an item is kept. The error says what is wrong with the expression, in one
// line.
func NewFilter(schema Schema, expression string) (*Population, error) {
	env, err := expr.NewEnvironment(schema.Fields)
	if err != nil {
		return nil, err
	}
	where, errs := env.Compile(roleWhere, expression)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return &Population{Where: expression, fields: schema.Fields, env: env, where: where}, nil
}
