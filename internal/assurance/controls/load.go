package controls

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/record/expr"
)

// Parse reads one control file. file is its name, for error messages. The
// error is Errors: everything that is wrong with the file, sorted by line.
func Parse(file string, data []byte, schemas Schemas) (*Control, error) {
	c, errs := parse(file, data, schemas)
	if len(errs) > 0 {
		return nil, errs
	}
	return c, nil
}

func parse(file string, data []byte, schemas Schemas) (*Control, Errors) {
	sum := sha256.Sum256(data)
	l := &loader{reader: reader{file: file}, schemas: schemas, lines: map[*Test]int{}}
	c := &Control{File: file, SHA256: hex.EncodeToString(sum[:]), Source: bytes.Clone(data)}
	if root := l.document(data); root != nil {
		l.control(root, c)
	}
	return c, l.errs.sorted()
}

// LoadFS reads every .yaml and .yml file below the root of fsys, in order of
// their paths, and returns the controls sorted by id. The error is Errors, of
// all files together, if a file is wrong or an id is given twice; otherwise it
// is an error of reading.
func LoadFS(fsys fs.FS, schemas Schemas) ([]*Control, error) {
	var loaded []*Control
	var errs Errors
	byID := map[string]*Control{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, path.Ext(name)) {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		c, wrong := parse(name, data, schemas)
		errs = append(errs, wrong...)
		if len(wrong) > 0 {
			return nil
		}
		if first, twice := byID[c.ID]; twice {
			errs = append(errs, Error{name, c.idLine, fmt.Sprintf("control id %q is already taken by %s", c.ID, first.File)})
			return nil
		}
		byID[c.ID] = c
		loaded = append(loaded, c)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read control files: %w", err)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	slices.SortFunc(loaded, byControlID)
	return loaded, nil
}

// Override returns the controls of base, with those of own added, or put in
// the place of the one with the same id; sorted by id.
func Override(base, own []*Control) []*Control {
	byID := map[string]*Control{}
	for _, c := range slices.Concat(base, own) {
		byID[c.ID] = c
	}
	all := make([]*Control, 0, len(byID))
	for _, c := range byID {
		all = append(all, c)
	}
	slices.SortFunc(all, byControlID)
	return all
}

func byControlID(a, b *Control) int { return strings.Compare(a.ID, b.ID) }

// loader fills a Control from YAML nodes.
type loader struct {
	reader
	schemas Schemas
	lines   map[*Test]int // of the test, or of its every
}

// idShape is what an id of a control or a test looks like.
var idShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func (l *loader) id(node *yaml.Node, what string) string {
	id, ok := l.text(node, what)
	if ok && !idShape.MatchString(id) {
		l.fail(node.Line, "%s %s is not an id: letters, digits, '.', '_' and '-', beginning with a letter or digit, at most 64", what, expr.Quote(id))
	}
	return id
}

func (l *loader) control(node *yaml.Node, c *Control) {
	text := func(name string, into *string) func(*yaml.Node) {
		return func(n *yaml.Node) { *into, _ = l.text(n, name) }
	}
	l.object(node, "a control", []string{"id", "title", "criteria", "owner", "frequency", "tests"},
		map[string]func(*yaml.Node){
			"id":        func(n *yaml.Node) { c.ID, c.idLine = l.id(n, "id"), n.Line },
			"title":     text("title", &c.Title),
			"objective": text("objective", &c.Objective),
			"narrative": text("narrative", &c.Narrative),
			"owner":     text("owner", &c.Owner),
			"frequency": func(n *yaml.Node) { c.Frequency = l.frequency(n) },
			"criteria": func(n *yaml.Node) {
				l.list(n, "criteria", func(n *yaml.Node) { c.Criteria = l.criterion(n, c.Criteria) })
			},
			"tests": func(n *yaml.Node) {
				if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
					l.fail(n.Line, "tests must be a list of tests, but is %s", nodeKind(n))
					return
				}
				l.list(n, "tests", func(n *yaml.Node) { l.addTest(n, c) })
			},
		},
		[]string{"id", "title", "objective", "narrative", "owner", "frequency", "criteria", "tests"})
	l.documents(c)
}

func (l *loader) frequency(node *yaml.Node) Frequency {
	value, ok := l.text(node, "frequency")
	if ok && !slices.Contains(Frequencies(), Frequency(value)) {
		var names []string
		for _, f := range Frequencies() {
			names = append(names, string(f))
		}
		l.fail(node.Line, "unknown frequency %s; one of %s", expr.Quote(value), strings.Join(names, ", "))
	}
	return Frequency(value)
}

func (l *loader) criterion(node *yaml.Node, list []string) []string {
	id, ok := l.text(node, "criterion")
	switch {
	case !ok:
	case !criteria.Known(id):
		l.fail(node.Line, "unknown criterion %s; the criteria are CC1.1 to CC9.2, A1.1 to A1.3, C1.1 and C1.2, PI1.1 to PI1.5, P1.1 to P8.1", expr.Quote(id))
	case slices.Contains(list, id):
		l.fail(node.Line, "criterion %s is given twice", id)
	default:
		return append(list, id)
	}
	return list
}

// expression is the source of one before it is compiled.
type expression struct {
	role   expr.Role
	source string
	line   int // in the file, of the expression's first line
	block  bool
}

// lineOf is the line in the file of a line of the expression. Only a literal
// block keeps its line breaks; in another scalar it is the line on which the
// scalar begins.
func (e *expression) lineOf(line int) int {
	if e.block {
		return e.line + line
	}
	return e.line
}

func (l *loader) expression(r expr.Role, into **expression) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if source, ok := l.text(n, r.Name); ok {
			*into = &expression{r, source, n.Line, n.Style&yaml.LiteralStyle != 0}
		}
	}
}

// compile turns an expression into a program, or says what is wrong with it.
func (l *loader) compile(env *expr.Environment, e *expression) (string, *expr.Program) {
	if e == nil || env == nil {
		return "", nil
	}
	prg, errs := env.Compile(e.role, e.source)
	for _, err := range errs {
		l.fail(e.lineOf(err.Line), "%s: %s", e.role.Name, err.Text)
	}
	return e.source, prg
}

// graceShape is a number of whole days, and anything that time.ParseDuration
// takes after it.
var graceShape = regexp.MustCompile(`^(\d{1,5})d(.*)$`)

// duration reads a duration that is not negative, of a key with this name.
func (l *loader) duration(node *yaml.Node, name string) time.Duration {
	value, ok := l.text(node, name)
	if !ok {
		return 0
	}
	d, err := parseGrace(value)
	if err != nil {
		l.fail(node.Line, "%s %s is not a duration such as 48h, 30m or 7d", name, expr.Quote(value))
		return 0
	}
	if d < 0 {
		l.fail(node.Line, "%s %s is negative", name, expr.Quote(value))
	}
	return d
}

// grace reads the time after something is due.
func (l *loader) grace(node *yaml.Node) Grace {
	before := len(l.errs)
	length := l.duration(node, "grace")
	if len(l.errs) > before {
		return Grace{}
	}
	var g Grace
	if m := graceShape.FindStringSubmatch(node.Value); m != nil {
		g.Days, _ = strconv.Atoi(m[1]) // digits
	}
	g.Time = length - time.Duration(g.Days)*day
	return g
}

const day = 24 * time.Hour

func parseGrace(value string) (time.Duration, error) {
	var days time.Duration
	if m := graceShape.FindStringSubmatch(value); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return 0, err
		}
		days, value = time.Duration(n)*day, m[2]
		if value == "" {
			return days, nil
		}
	}
	rest, err := time.ParseDuration(value)
	if err == nil && rest > 0 && days+rest < 0 {
		err = fmt.Errorf("duration overflow")
	}
	return days + rest, err
}
