package controls

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/internal/record/expr"
)

// Defaults for a population of FromItems that does not say.
const (
	DefaultID = "item.id"
	DefaultAt = "item.occurred_at"
)

// population reads a test's population and returns the environment that its
// expressions are compiled in, or nil if that cannot be said.
func (l *loader) population(node *yaml.Node, p *Population) *expr.Environment {
	var id, at, where *expression
	var from, fields *yaml.Node
	l.object(node, "a population", []string{"from"},
		map[string]func(*yaml.Node){
			"from":   func(n *yaml.Node) { from = n },
			"id":     l.expression(roleID, &id),
			"at":     l.expression(roleAt, &at),
			"where":  l.expression(roleWhere, &where),
			"fields": func(n *yaml.Node) { fields = n },
		},
		[]string{"from", "id", "at", "where", "fields"})
	if from == nil || !l.source(from, fields, p) {
		return nil
	}
	schema := Schema{ID: DefaultID, At: DefaultAt}
	switch {
	case p.Awaited: // nothing is known of it but what the file says
		for _, e := range []struct {
			name  string
			given *expression
		}{{"id", id}, {"at", at}} {
			if e.given == nil {
				l.fail(node.Line, "a population from %s, a register that is still to come, needs %s", p.From, e.name)
			}
		}
		if id == nil || at == nil {
			return nil
		}
	case p.From != FromItems:
		schema = l.schemas[p.From]
	}
	if id == nil {
		id = &expression{role: roleID, source: schema.ID, line: from.Line}
	}
	if at == nil {
		if schema.At == "" {
			l.fail(node.Line, "a population from %s needs at", p.From)
			return nil
		}
		at = &expression{role: roleAt, source: schema.At, line: from.Line}
	}
	env, err := expr.NewEnvironment(p.fields)
	if err != nil {
		l.fail(node.Line, "%v", err)
		return nil
	}
	p.env = env
	p.ID, p.id = l.compile(env, id)
	p.At, p.at = l.compile(env, at)
	p.Where, p.where = l.compile(env, where)
	return env
}

// source reads from and fields; false if the fields of an item are unknown.
func (l *loader) source(from, fields *yaml.Node, p *Population) bool {
	name, ok := l.text(from, "from")
	if !ok {
		return false
	}
	p.From = name
	if name == FromItems {
		if fields == nil {
			return true
		}
		p.fields, ok = l.declared(fields)
		return ok
	}
	schema, known := l.schemas[name]
	if fields == nil {
		if !known {
			l.fail(from.Line, "unknown source %s; one of %s; a register that is still to come needs fields, id and at", expr.Quote(name),
				strings.Join(append([]string{FromItems}, l.schemas.Names()...), ", "))
		}
		p.fields = schema.Fields
		return known
	}
	declared, ok := l.declared(fields)
	switch {
	case !ok:
		return false
	case known:
		l.agree(fields, name, declared, schema.Fields)
		p.fields = expr.Refined(schema.Fields, declared)
		return true
	case !registerName.MatchString(name):
		l.fail(from.Line, "%s is not a register's name: lowercase letters, digits and '_', beginning with a letter, at most 64", expr.Quote(name))
		return false
	}
	p.Awaited, p.fields = true, declared
	return true
}

// registerName is what a register is called.
var registerName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// declared reads the fields that a file declares; the list is never nil.
func (l *loader) declared(node *yaml.Node) ([]expr.Field, bool) {
	before := len(l.errs)
	t := l.fieldType(node, "fields")
	if len(l.errs) > before {
		return nil, false
	}
	fields, ok := t.Fields()
	if !ok {
		l.fail(node.Line, "fields must be a map from a field's name to its type, but is %s", nodeKind(node))
		return nil, false
	}
	return append([]expr.Field{}, fields...), true
}

// agree holds that what a file declares of a source is so: a file that was
// written before its register arrived goes on loading only if it was right.
func (l *loader) agree(node *yaml.Node, source string, declared, known []expr.Field) {
	if name, want, got := expr.Conflict(expr.Object(declared...), expr.Object(known...)); name != "" {
		if want == "" {
			l.fail(node.Line, "fields: %s has no field %q; it has %s", source, name, expr.Listed(known))
			return
		}
		l.fail(node.Line, "fields: field %q of %s is %s, not %s", name, source, want, got)
	}
}

// fieldName is a name that an expression can read with a dot.
var fieldName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// fieldType reads a declared type: a name, a map of fields, or a list that
// holds one of either.
func (l *loader) fieldType(node *yaml.Node, name string) expr.Type {
	switch node.Kind {
	case yaml.ScalarNode:
		t, err := expr.ParseType(node.Value)
		if err != nil {
			l.fail(node.Line, "%s: %v", name, err)
		}
		return t
	case yaml.SequenceNode:
		if len(node.Content) == 1 {
			return expr.List(l.fieldType(node.Content[0], name))
		}
		l.fail(node.Line, "%s: a list type holds exactly one type", name)
		return expr.Dyn
	case yaml.MappingNode:
		var fields []expr.Field
		for i := 0; i+1 < len(node.Content); i += 2 {
			key, value := node.Content[i], node.Content[i+1]
			if key.Kind != yaml.ScalarNode || !fieldName.MatchString(key.Value) {
				l.fail(key.Line, "%s is not a field's name: letters, digits and '_', beginning with a letter or '_', at most 64", expr.Quote(key.Value))
				continue
			}
			if slices.ContainsFunc(fields, func(f expr.Field) bool { return f.Name == key.Value }) {
				l.fail(key.Line, "field %q is declared twice", key.Value)
				continue
			}
			fields = append(fields, expr.Field{Name: key.Value, Type: l.fieldType(value, key.Value)})
		}
		return expr.Object(fields...)
	}
	l.fail(node.Line, "%s must be %s, but is %s", name, expr.TypeNames, nodeKind(node))
	return expr.Dyn
}

// NewPopulation is a population of FromItems that a caller describes without
// a control file. id and at are expressions over the item; where they are
// empty, DefaultID and DefaultAt. The error says what is wrong with them.
func NewPopulation(id, at string) (*Population, error) {
	p := &Population{From: FromItems, ID: cmp.Or(id, DefaultID), At: cmp.Or(at, DefaultAt)}
	env, err := expr.NewEnvironment(nil)
	if err != nil {
		return nil, err
	}
	p.env = env
	for _, e := range []struct {
		role   expr.Role
		source string
		into   **expr.Program
	}{{roleID, p.ID, &p.id}, {roleAt, p.At, &p.at}} {
		prg, errs := env.Compile(e.role, e.source)
		if len(errs) > 0 {
			return nil, fmt.Errorf("%s: %s", e.role.Name, errs[0].Text)
		}
		*e.into = prg
	}
	return p, nil
}
