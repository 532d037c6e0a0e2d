package criteria

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parse reads the list of the criteria. The error names file and line of
// everything that is wrong.
func parse(file string, data []byte) ([]Criterion, error) {
	var groups []struct {
		Group    yaml.Node `yaml:"group"`
		Criteria []struct {
			ID    yaml.Node `yaml:"id"`
			Title yaml.Node `yaml:"title"`
		} `yaml:"criteria"`
	}
	if err := decode(file, data, &groups); err != nil {
		return nil, err
	}
	var list []Criterion
	p := problems{file: file}
	titles := map[string]int{}
	for i := range groups {
		group := &groups[i]
		if group.Group.Value == "" {
			p.add(group.Group.Line, "a group without a title")
		}
		for k := range group.Criteria {
			one := &group.Criteria[k]
			if one.ID.Value == "" || one.Title.Value == "" {
				p.add(max(one.ID.Line, one.Title.Line), "a criterion needs id and title")
				continue
			}
			p.unique(titles, &one.ID, "criterion")
			p.unique(titles, &one.Title, "title")
			list = append(list, Criterion{ID: one.ID.Value, Title: one.Title.Value, Group: group.Group.Value})
		}
	}
	return list, p.err()
}

// decode reads one YAML document; a key that the value has no place for is an
// error.
func decode(file string, data []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s:1: the file is empty", file)
		}
		return yamlError(file, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: a second document; one is read", file)
	}
	return nil
}

// yamlError says by line what the YAML library found wrong.
func yamlError(file string, err error) error {
	texts := []string{strings.TrimPrefix(err.Error(), "yaml: ")}
	var wrong *yaml.TypeError
	if errors.As(err, &wrong) {
		texts = wrong.Errors
	}
	p := problems{file: file}
	for _, text := range texts {
		line := 1
		if m := yamlLine.FindStringSubmatch(text); m != nil {
			line, _ = strconv.Atoi(m[1])
			text = m[2]
		}
		if key, _, unknown := strings.Cut(text, " not found in type "); unknown {
			text = "unknown key: " + strings.TrimPrefix(key, "field ")
		}
		text, _, _ = strings.Cut(text, " into struct ") // the names of Go say nothing here
		p.add(line, "%s", strings.ReplaceAll(text, "\n", " "))
	}
	return p.err()
}

// yamlLine finds the line in an error of the YAML library.
var yamlLine = regexp.MustCompile(`^line (\d+): (.*)$`)

// problems collects what is wrong with a file.
type problems struct {
	file string
	list []string
}

func (p *problems) add(line int, format string, args ...any) {
	p.list = append(p.list, fmt.Sprintf("%s:%d: %s", p.file, max(1, line), fmt.Sprintf(format, args...)))
}

// unique adds a problem if a value is there already.
func (p *problems) unique(seen map[string]int, node *yaml.Node, what string) {
	if line, twice := seen[node.Value]; twice {
		p.add(node.Line, "the %s %q is already on line %d", what, node.Value, line)
		return
	}
	seen[node.Value] = node.Line
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.list, "\n"))
}
