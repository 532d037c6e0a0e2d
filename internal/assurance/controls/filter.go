package controls

import "fmt"

// Reads reports whether an expression of the test may read the item's field of
// this name (or the item whole).
func (t *Test) Reads(field string) bool {
	for _, p := range []*program{t.pass, t.due, t.done, t.Population.where} {
		if p == nil {
			continue
		}
		for _, r := range p.reads {
			if len(r.path) == 0 || r.path[0] == field {
				return true
			}
		}
	}
	return false
}

// NewFilter compiles a predicate over a source's items: its In tells whether
// an item is kept. The error says what is wrong with the expression, in one
// line.
func NewFilter(schema Schema, expression string) (*Population, error) {
	env, err := newEnvironment(schema.Fields)
	if err != nil {
		return nil, err
	}
	where, errs := compile(env, schema.Fields, roleWhere, expression)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%s", errs[0].text)
	}
	return &Population{Where: expression, fields: schema.Fields, where: where}, nil
}
