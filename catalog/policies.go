package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

//go:embed policies/*.md
var policies embed.FS

// Policy is a policy as its file has it: YAML front matter, then Markdown.
type Policy struct {
	ID       string // a slug, such as access-control; the file's name without .md
	Title    string
	Summary  string   // one sentence: what it is for
	Owner    string   // a role that answers for it
	Audience string   // who has to acknowledge it; one of Audiences
	Review   string   // how often it is reviewed; one of Reviews
	Criteria []string // ids of the criteria that it bears on
	Controls []string // ids of the controls by which it is checked
	Text     string   // the Markdown after the front matter, without empty lines before it
	File     []byte   // the whole file, byte for byte: what a hash is taken of
}

// Audiences are the groups of people that a policy can be written for.
var Audiences = []string{"everybody", "engineers", "managers", "executives"}

// Reviews are the intervals at which a policy can be reviewed.
var Reviews = []string{"annual", "semiannual", "quarterly"}

// MaxPolicySize bounds a policy's file, in bytes.
const MaxPolicySize = 256 << 10

// Policies are the policies that come with the product, by id. The caller owns
// the slice, and must not change what its elements point to.
func Policies() []Policy { return slices.Clone(shipped()) }

var shipped = sync.OnceValue(func() []Policy {
	sub, err := fs.Sub(policies, "policies")
	if err != nil { // the path is a constant, and valid
		panic(err)
	}
	all, err := ReadPolicies(sub)
	if err != nil { // the files are part of the program, and a test holds them
		panic(err)
	}
	return all
})

// ReadPolicies reads every .md file at the root of the file system, by name. A
// file is named after the id of its policy. The error has a line for each thing
// that is wrong, with file and line.
func ReadPolicies(files fs.FS) ([]Policy, error) {
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return nil, err
	}
	var all []Policy
	var wrong []error
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		policy, err := ParsePolicy(name, data)
		if err == nil && policy.ID+".md" != name {
			err = fmt.Errorf("%s:1: the policy's id is %q, so its file is %s.md", name, policy.ID, policy.ID)
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		all = append(all, policy)
	}
	return all, errors.Join(wrong...)
}

// ParsePolicy reads a policy: a line ---, YAML with every key of the front
// matter exactly once and no other, a line ---, Markdown. Whether the owner,
// the criteria and the controls exist is for the caller to say. The error has a
// line for each thing that is wrong, with file and line.
func ParsePolicy(file string, data []byte) (Policy, error) {
	p := policyReader{file: file}
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // of an editor: it is no part of the text
	policy := Policy{File: slices.Clone(data)}
	front, text, line := p.split(data)
	if len(p.wrong) > 0 {
		return Policy{}, p.err()
	}
	if policy.Text = strings.TrimLeft(string(text), "\r\n"); strings.TrimSpace(policy.Text) == "" {
		p.fail(line, "there is no text after the front matter")
	}
	if root := p.document(front); root != nil {
		p.fields(root, &policy)
	}
	if len(p.wrong) > 0 {
		return Policy{}, p.err()
	}
	return policy, nil
}

// policyReader collects what is wrong with one file.
type policyReader struct {
	file  string
	wrong []policyProblem
}

type policyProblem struct {
	line int
	text string
}

func (p *policyReader) fail(line int, format string, args ...any) {
	p.wrong = append(p.wrong, policyProblem{max(1, line), fmt.Sprintf(format, args...)})
}

func (p *policyReader) err() error {
	slices.SortStableFunc(p.wrong, func(a, b policyProblem) int { return cmp.Compare(a.line, b.line) })
	var lines []error
	for _, one := range p.wrong {
		lines = append(lines, fmt.Errorf("%s:%d: %s", p.file, one.line, one.text))
	}
	return errors.Join(lines...)
}

// split returns the front matter, the text, and the line on which the front
// matter ends.
func (p *policyReader) split(data []byte) (front, text []byte, line int) {
	switch {
	case len(data) > MaxPolicySize:
		p.fail(1, "the file has %d bytes; a policy has at most %d", len(data), MaxPolicySize)
		return nil, nil, 0
	case !utf8.Valid(data) || bytes.ContainsRune(data, 0):
		p.fail(1, "the file is not text in UTF-8")
		return nil, nil, 0
	}
	start := 0
	for one := range bytes.Lines(data) {
		line++
		mark := string(bytes.TrimRight(one, "\r\n")) == "---"
		switch {
		case line == 1 && !mark:
			p.fail(1, "a policy begins with a line ---, then its front matter")
			return nil, nil, line
		case line == 1:
			start = len(one)
			front = data[start:start]
		case mark:
			return front, data[start+len(front)+len(one):], line
		default:
			front = data[start : start+len(front)+len(one)]
		}
	}
	p.fail(max(1, line), "the front matter does not end: a line --- is missing")
	return nil, nil, line
}

// policyYAMLLine finds the line in an error of the YAML library.
var policyYAMLLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (?s:(.*))$`)

// document parses the front matter, which begins on line 2 of the file, as one
// YAML map.
func (p *policyReader) document(front []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(front))
	var root, next yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		p.fail(2, "the front matter is empty; it has %s", strings.Join(policyKeys, ", "))
		return nil
	}
	if err == nil {
		if err = decoder.Decode(&next); errors.Is(err, io.EOF) {
			err = nil
		} else if err == nil {
			p.fail(next.Line+1, "a second document in the front matter")
			return nil
		}
	}
	if err != nil {
		line, text := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := policyYAMLLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
			text = m[2]
		}
		p.fail(line+1, "not valid YAML: %s", strings.ReplaceAll(text, "\n", " "))
		return nil
	}
	if root.Content[0].Kind != yaml.MappingNode {
		p.fail(root.Content[0].Line+1, "the front matter is a map with %s", strings.Join(policyKeys, ", "))
		return nil
	}
	return root.Content[0]
}

var (
	policyKeys = []string{"id", "title", "summary", "owner", "audience", "criteria", "controls", "review"}

	policyID    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	criterionID = regexp.MustCompile(`^[A-Z]{1,2}[0-9]\.[0-9]$`)
	controlID   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) // as package controls has it
)

const maxPolicyID = 80 // bytes

func (p *policyReader) fields(root *yaml.Node, policy *Policy) {
	seen := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if !slices.Contains(policyKeys, key.Value) {
			p.fail(key.Line+1, "unknown key %q; the front matter has %s", key.Value, strings.Join(policyKeys, ", "))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			p.fail(key.Line+1, "%s is already given on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line + 1
		switch key.Value {
		case "id":
			policy.ID = p.text(value, key.Value)
			if policy.ID != "" && (len(policy.ID) > maxPolicyID || !policyID.MatchString(policy.ID)) {
				p.fail(value.Line+1, "id %q must be small letters and digits with hyphens between, at most %d, such as access-control", policy.ID, maxPolicyID)
			}
		case "title":
			policy.Title = p.text(value, key.Value)
		case "summary":
			policy.Summary = p.text(value, key.Value)
		case "owner":
			policy.Owner = p.text(value, key.Value)
		case "audience":
			policy.Audience = p.choice(value, key.Value, Audiences)
		case "review":
			policy.Review = p.choice(value, key.Value, Reviews)
		case "criteria":
			policy.Criteria = p.ids(value, "criteria", criterionID, "CC6.1")
		case "controls":
			policy.Controls = p.ids(value, "controls", controlID, "ACC-01")
		}
	}
	for _, key := range policyKeys {
		if seen[key] == 0 {
			p.fail(root.Line+1, "the front matter has no %s", key)
		}
	}
}

// text reads a text of one line that is not empty; "" when it has failed.
func (p *policyReader) text(node *yaml.Node, name string) string {
	value := strings.TrimSpace(node.Value)
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" || value == "" || strings.ContainsAny(value, "\r\n") {
		p.fail(node.Line+1, "%s must be a text of one line", name)
		return ""
	}
	return value
}

func (p *policyReader) choice(node *yaml.Node, name string, choices []string) string {
	value := p.text(node, name)
	if value != "" && !slices.Contains(choices, value) {
		p.fail(node.Line+1, "%s is one of %s, not %q", name, strings.Join(choices, ", "), value)
	}
	return value
}

// ids reads a list of one identifier or more, each once.
func (p *policyReader) ids(node *yaml.Node, name string, shape *regexp.Regexp, example string) []string {
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		p.fail(node.Line+1, "%s must be a list of one or more, such as [%s]", name, example)
		return nil
	}
	var all []string
	for _, one := range node.Content {
		value := p.text(one, "each of "+name)
		switch {
		case value == "":
		case !shape.MatchString(value):
			p.fail(one.Line+1, "%q in %s is no identifier such as %s", value, name, example)
		case slices.Contains(all, value):
			p.fail(one.Line+1, "%s is twice in %s", value, name)
		default:
			all = append(all, value)
		}
	}
	return all
}
