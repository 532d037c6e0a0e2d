package controls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/internal/record/expr"
)

// MaxFileSize bounds a control file, in bytes.
const MaxFileSize = 1 << 20

// reader walks the YAML nodes of one file and collects everything wrong.
type reader struct {
	file string
	errs Errors
}

func (r *reader) fail(line int, format string, args ...any) {
	r.errs = append(r.errs, Error{r.file, max(1, line), fmt.Sprintf(format, args...)})
}

// yamlLine finds the line in an error of the YAML library.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)

// document parses data as exactly one YAML document and returns its root.
func (r *reader) document(data []byte) *yaml.Node {
	if len(data) > MaxFileSize {
		r.fail(1, "the file has %d bytes; a control file has at most %d", len(data), MaxFileSize)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root yaml.Node
	if err := decoder.Decode(&root); err != nil {
		if errors.Is(err, io.EOF) {
			r.fail(1, "the file is empty; a control file is a map with id, title, criteria, owner, frequency and tests")
			return nil
		}
		r.syntax(err)
		return nil
	}
	var next yaml.Node
	if err := decoder.Decode(&next); err == nil {
		r.fail(next.Line, "a second document; a file holds one control")
	} else if !errors.Is(err, io.EOF) {
		r.syntax(err)
		return nil
	}
	return root.Content[0]
}

func (r *reader) syntax(err error) {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	line := 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	r.fail(line, "not valid YAML: %s", strings.TrimPrefix(text, "yaml: "))
}

// object reads a map: each known key once, through its function.
func (r *reader) object(node *yaml.Node, what string, required []string, keys map[string]func(*yaml.Node), order []string) {
	if node.Kind != yaml.MappingNode {
		r.fail(node.Line, "%s must be a map with %s, but is %s", what, strings.Join(order, ", "), nodeKind(node))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		read, known := keys[key.Value]
		if key.Kind != yaml.ScalarNode || !known {
			r.fail(key.Line, "unknown key %s in %s; it may have %s", expr.Quote(key.Value), what, strings.Join(order, ", "))
			continue
		}
		if line, twice := seen[key.Value]; twice {
			r.fail(key.Line, "%s is already given on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		if value.Kind == yaml.AliasNode {
			r.fail(value.Line, "%s is a YAML alias; write the value out", key.Value)
			continue
		}
		read(value)
	}
	for _, key := range required {
		if _, ok := seen[key]; !ok {
			r.fail(node.Line, "%s needs %s", what, key)
		}
	}
}

// text reads a scalar that is not empty.
func (r *reader) text(node *yaml.Node, name string) (string, bool) {
	if node.Kind != yaml.ScalarNode {
		r.fail(node.Line, "%s must be text, but is %s", name, nodeKind(node))
		return "", false
	}
	value := strings.TrimSpace(node.Value)
	if value == "" || node.Tag == "!!null" {
		r.fail(node.Line, "%s is empty", name)
		return "", false
	}
	return value, true
}

// list reads a sequence of at least one; a single scalar counts as a list of
// one.
func (r *reader) list(node *yaml.Node, name string, read func(*yaml.Node)) {
	if node.Kind == yaml.ScalarNode && node.Tag != "!!null" {
		read(node)
		return
	}
	if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
		r.fail(node.Line, "%s must be a list of at least one, but is %s", name, nodeKind(node))
		return
	}
	for _, element := range node.Content {
		if element.Kind == yaml.AliasNode {
			r.fail(element.Line, "%s holds a YAML alias; write the value out", name)
			continue
		}
		read(element)
	}
}

func nodeKind(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a map"
	case yaml.SequenceNode:
		if len(node.Content) == 0 {
			return "an empty list"
		}
		return "a list"
	case yaml.ScalarNode:
		if node.Tag == "!!null" {
			return "empty"
		}
		return "the value " + expr.Quote(node.Value)
	case yaml.AliasNode:
		return "an alias"
	}
	return "empty"
}
