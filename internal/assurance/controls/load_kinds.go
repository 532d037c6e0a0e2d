package controls

import (
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/internal/record/expr"
)

// The roles of a control file's expressions.
var (
	rolePredicate = expr.Truth("pass")
	roleWhere     = expr.Truth("where")
	roleID        = expr.Identifier("id")
	roleAt        = expr.Instant("at")
	roleDue       = expr.Instant("due")
	roleDone      = expr.Instant("done")
	roleResource  = expr.Identifier("resource")
	roleFailed    = expr.Truth("failed")
	roleAbsent    = expr.Truth("absent")
	roleSince     = expr.Instant("since")
	roleKey       = expr.Identifier("key")
	roleWithKey   = expr.Identifier("with_key")
	roleOther     = expr.Instant("other")
)

// testFile is a test of a control before its expressions are compiled.
type testFile struct {
	node, population           *yaml.Node
	changes, reconcile, cutoff *yaml.Node
	pass, due, done            *expression
	resource, failed, absent   *expression
	since                      *expression
	interval                   time.Duration
	idLine, everyLine          int
	lines                      map[string]int // of every key that is given
	test                       *Test
}

// kindKeys are the keys that only some kinds of tests have, and those that a
// kind needs.
var kindKeys = []struct {
	key  string
	of   []Kind
	need []Kind
}{
	{"population", []Kind{Census, Occurrence, State, Document}, []Kind{Census, Occurrence, State}},
	{"pass", []Kind{Census, Occurrence, State, Document}, []Kind{Census, State}},
	{"due", []Kind{Occurrence}, []Kind{Occurrence}},
	{"done", []Kind{Occurrence}, []Kind{Occurrence}},
	{"grace", []Kind{Occurrence, Document}, nil},
	{"interval", []Kind{State}, []Kind{State}},
	{"resource", []Kind{State}, nil},
	{"failed", []Kind{State}, nil},
	{"absent", []Kind{State}, nil},
	{"since", []Kind{State}, nil},
	{"changes", []Kind{State}, nil},
	{"every", []Kind{Document}, nil},
	{"reconcile", []Kind{Census, Occurrence, State}, nil},
	{"cutoff", []Kind{Census, Occurrence}, nil},
}

func (l *loader) addTest(node *yaml.Node, c *Control) {
	t := &Test{}
	f := &testFile{node: node, lines: map[string]int{}, test: t}
	keys := map[string]func(*yaml.Node){
		"id":         func(n *yaml.Node) { t.ID, f.idLine = l.id(n, "test id"), n.Line },
		"title":      func(n *yaml.Node) { t.Title, _ = l.text(n, "title") },
		"kind":       func(n *yaml.Node) { t.Kind = l.kind(n) },
		"population": func(n *yaml.Node) { f.population = n },
		"pass":       l.expression(rolePredicate, &f.pass),
		"due":        l.expression(roleDue, &f.due),
		"done":       l.expression(roleDone, &f.done),
		"grace":      func(n *yaml.Node) { t.Grace = l.grace(n) },
		"resource":   l.expression(roleResource, &f.resource),
		"failed":     l.expression(roleFailed, &f.failed),
		"absent":     l.expression(roleAbsent, &f.absent),
		"since":      l.expression(roleSince, &f.since),
		"interval":   func(n *yaml.Node) { f.interval = l.positive(n, "interval") },
		"changes":    func(n *yaml.Node) { f.changes = n },
		"every":      func(n *yaml.Node) { t.Every, f.everyLine = l.frequency(n), n.Line },
		"reconcile":  func(n *yaml.Node) { f.reconcile = n },
		"cutoff":     func(n *yaml.Node) { f.cutoff = n },
	}
	for _, k := range kindKeys { // where each stands, for what the kind says of it
		read := keys[k.key]
		keys[k.key] = func(n *yaml.Node) { f.lines[k.key] = n.Line; read(n) }
	}
	order := []string{"id", "kind", "title"}
	for _, k := range kindKeys {
		order = append(order, k.key)
	}
	l.object(node, "a test", []string{"id", "kind", "title"}, keys, order)
	if _, twice := c.Test(t.ID); twice && t.ID != "" {
		l.fail(f.idLine, "test id %q is given twice", t.ID)
	}
	if node.Kind == yaml.MappingNode {
		l.keysOfKind(f)
	}
	if l.lines[t] = node.Line; f.everyLine > 0 {
		l.lines[t] = f.everyLine
	}
	l.compileTest(f)
	c.Tests = append(c.Tests, t)
}

// keysOfKind names the keys that belong to another kind of test, and those that
// are missing.
func (l *loader) keysOfKind(f *testFile) {
	if !slices.Contains(Kinds(), f.test.Kind) {
		if f.lines["population"] == 0 {
			l.fail(f.node.Line, "a test needs population")
		}
		return
	}
	for _, k := range kindKeys {
		line, given := f.lines[k.key]
		switch {
		case given && !slices.Contains(k.of, f.test.Kind):
			l.fail(line, "%s belongs to %s test, and this is %s", k.key, ofKinds(k.of), withArticle(f.test.Kind))
		case !given && slices.Contains(k.need, f.test.Kind):
			what := withArticle(f.test.Kind)
			if k.key == "population" {
				what = "a"
			}
			l.fail(f.node.Line, "%s test needs %s", what, k.key)
		}
	}
}

func withArticle(kind Kind) string {
	if kind == Occurrence {
		return "an occurrence"
	}
	return "a " + string(kind)
}

func ofKinds(kinds []Kind) string {
	names := []string{withArticle(kinds[0])}
	for _, kind := range kinds[1:] {
		names = append(names, string(kind))
	}
	return strings.Join(names, " or ")
}

// compileTest reads the populations of a test and compiles its expressions.
func (l *loader) compileTest(f *testFile) {
	t := f.test
	var env *expr.Environment
	switch {
	case f.population != nil:
		env = l.population(f.population, &t.Population)
	case t.Kind == Document:
		node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: FromDocuments, Line: f.node.Line}
		env = l.population(&yaml.Node{Kind: yaml.MappingNode, Line: f.node.Line, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Tag: "!!str", Value: "from", Line: f.node.Line}, node,
		}}, &t.Population)
	}
	if (t.Kind == Document) != (t.Population.From == FromDocuments) && t.Population.From != "" && t.Population.From != FromItems && slices.Contains(Kinds(), t.Kind) {
		if t.Kind == Document {
			l.fail(f.lines["population"], "a document test is over documents, the evidence that was due, or over items; not over %s", t.Population.From)
		} else {
			l.fail(f.lines["population"], "documents are the population of a document test, and this is %s", withArticle(t.Kind))
		}
	}
	t.Pass, t.pass = l.compile(env, f.pass)
	t.Due, t.due = l.compile(env, f.due)
	t.Done, t.done = l.compile(env, f.done)
	t.day = l.schemas[t.Population.From].Days[strings.TrimPrefix(strings.TrimSpace(t.Due), "item.")]
	if t.Kind == State {
		l.state(f, env)
	}
	if f.reconcile != nil {
		t.Reconcile = l.reconcile(f, env)
	}
	if f.cutoff != nil {
		t.Cutoff = l.cutoff(f, env)
	}
}

// state compiles what only a state test has. Of observations it is known what
// they are of, and how they say that nothing was read; of other sources that
// have an outcome, the same.
func (l *loader) state(f *testFile, env *expr.Environment) {
	s := &StateTerms{Interval: f.interval}
	f.test.StateTerms = s
	p := &f.test.Population
	by := func(given *expression, role expr.Role, field, source string) *expression {
		dynamic := p.fields == nil && env != nil
		switch {
		case given != nil:
			return given
		case dynamic && field == "outcome":
			return &expression{role: role, source: "has(item.outcome) && " + source, line: f.node.Line}
		case dynamic || expr.Has(p.fields, field, expr.String):
			return &expression{role: role, source: source, line: f.node.Line}
		}
		return nil
	}
	resource := by(f.resource, roleResource, "resource", "item.resource")
	if resource == nil && env != nil {
		l.fail(f.node.Line, "a state test over %s needs resource: what an observation is of", p.From)
	}
	s.Resource, s.resource = l.compile(env, resource)
	s.Failed, s.failed = l.compile(env, by(f.failed, roleFailed, "outcome", `item.outcome == "failed"`))
	s.Absent, s.absent = l.compile(env, by(f.absent, roleAbsent, "outcome", `item.outcome == "absent"`))
	s.Since, s.since = l.compile(env, f.since)
	if f.changes == nil {
		return
	}
	c := &Changes{}
	var resourceOf *expression
	var scope string
	within := l.within(f.changes, map[string]func(*yaml.Node){
		"resource": l.expression(roleResource, &resourceOf),
		"scope":    func(n *yaml.Node) { scope, _ = l.text(n, "scope") },
	})
	env = l.population(within, &c.Population)
	if env != nil && (c.From == FromItems || c.Awaited || c.From == p.From) {
		l.fail(f.changes.Line, "changes: %s is no record of changes: name a source of SCAF other than the population's own", c.From)
	}
	c.Scope = scope
	c.Resource, c.resource = l.compile(env, resourceOf)
	s.Changes = c
}

// within reads the keys of a map that has those of a population, and some
// more; it returns the map without these.
func (l *loader) within(node *yaml.Node, more map[string]func(*yaml.Node)) *yaml.Node {
	if node.Kind != yaml.MappingNode {
		return node // named by whoever reads it
	}
	rest := &yaml.Node{Kind: yaml.MappingNode, Line: node.Line, Column: node.Column}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		read, mine := more[key.Value]
		switch {
		case !mine:
			rest.Content = append(rest.Content, key, value)
		case seen[key.Value] > 0:
			l.fail(key.Line, "%s is already given on line %d", key.Value, seen[key.Value])
		default:
			seen[key.Value] = key.Line
			read(value)
		}
	}
	return rest
}

// reconcile reads the second population and the keys.
func (l *loader) reconcile(f *testFile, env *expr.Environment) *Reconcile {
	r := &Reconcile{}
	var with *yaml.Node
	var key, withKey *expression
	l.object(f.reconcile, "reconcile", []string{"with", "key", "with_key"}, map[string]func(*yaml.Node){
		"with": func(n *yaml.Node) { with = n }, "key": l.expression(roleKey, &key), "with_key": l.expression(roleWithKey, &withKey),
	}, []string{"with", "key", "with_key"})
	r.Key, r.key = l.compile(env, key)
	if with == nil {
		return r
	}
	other := l.population(with, &r.With)
	p := &f.test.Population
	switch {
	case other == nil:
	case r.With.From == FromItems || r.With.From == FromDocuments:
		l.fail(with.Line, "reconcile: with names a source of SCAF, not %s", r.With.From)
	case r.With.From == p.From && r.With.Where == p.Where:
		l.fail(with.Line, "reconcile: a population cannot be reconciled with itself")
	}
	r.WithKey, r.withKey = l.compile(other, withKey)
	return r
}

func (l *loader) cutoff(f *testFile, env *expr.Environment) *Cutoff {
	c := &Cutoff{}
	var other *expression
	l.object(f.cutoff, "cutoff", []string{"other"}, map[string]func(*yaml.Node){
		"other": l.expression(roleOther, &other), "tolerance": func(n *yaml.Node) { c.Tolerance = l.duration(n, "tolerance") },
	}, []string{"other", "tolerance"})
	c.Other, c.other = l.compile(env, other)
	return c
}

// documents says how often the documents of a control's tests are due, once its
// frequency is known.
func (l *loader) documents(c *Control) {
	for _, t := range c.Tests {
		if t.Kind != Document {
			continue
		}
		if t.Every == "" {
			t.Every = c.Frequency
		}
		if t.Every == AdHoc || t.Every == MultiDaily {
			l.fail(l.lines[t], "a document test needs every: documents are not due %s, but annual, quarterly, monthly, weekly or daily", t.Every)
		}
		t.Population.Documents = &Documents{c.ID, t.ID, t.Every}
	}
}

func (l *loader) kind(node *yaml.Node) Kind {
	value, ok := l.text(node, "kind")
	if ok && !slices.Contains(Kinds(), Kind(value)) {
		var names []string
		for _, kind := range Kinds() {
			names = append(names, string(kind))
		}
		l.fail(node.Line, "unknown kind %s; one of %s", expr.Quote(value), strings.Join(names, ", "))
	}
	return Kind(value)
}

// positive reads a duration greater than zero.
func (l *loader) positive(node *yaml.Node, name string) time.Duration {
	before := len(l.errs)
	d := l.duration(node, name)
	if d == 0 && len(l.errs) == before {
		l.fail(node.Line, "%s is zero; it is the longest time between two readings", name)
	}
	return d
}
