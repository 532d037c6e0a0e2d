package tasks

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"scaf.dev/scaf/internal/governance/calendar"
)

// Duty is a duty as a file describes it.
type Duty struct {
	ID, Title, What, Narrative, Owner, PerformedBy string
	Evidence                                       Asked // of no Like: nothing is asked for
	Escalate                                       Escalate
	Schedule                                       calendar.Schedule
	File                                           string
	SHA256                                         string // of the file and the time zone, lowercase hex
}

// FileError is one thing wrong with a duty's file.
type FileError struct {
	File string
	Line int
	Text string
}

// Error is file:line: what is wrong.
func (e *FileError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

const (
	maxFile = 64 << 10 // bytes of a duty's file
	maxText = 4000     // bytes of a field
)

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Load reads the duties of the files *.yaml at the root of a file system, by
// file name, with the organisation's time zone. The error holds everything
// that is wrong, each a *FileError.
func Load(fsys fs.FS, timezone string) ([]Duty, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var duties []Duty
	var wrong []error
	files := map[string]string{}
	for _, name := range names {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		duty, line, err := Parse(name, data, timezone)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if first, twice := files[duty.ID]; twice {
			wrong = append(wrong, &FileError{name, line, fmt.Sprintf("the id %s is already that of %s", duty.ID, first)})
			continue
		}
		files[duty.ID] = name
		duties = append(duties, *duty)
	}
	return duties, errors.Join(wrong...)
}

// Override returns base with the duties of own added, or in the place of those
// with the same id.
func Override(base, own []Duty) []Duty {
	all := slices.Clone(base)
	for _, duty := range own {
		if i := slices.IndexFunc(all, func(d Duty) bool { return d.ID == duty.ID }); i >= 0 {
			all[i] = duty
			continue
		}
		all = append(all, duty)
	}
	slices.SortFunc(all, func(a, b Duty) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// file reads one duty's file.
type file struct {
	name  string
	lines map[string]int // of the fields
	wrong []error
}

func (f *file) fail(line int, format string, args ...any) {
	f.wrong = append(f.wrong, &FileError{f.name, max(line, 1), fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`line (\d+): (.*)`)

// Parse reads a duty's file. It also returns the line of the id.
func Parse(name string, data []byte, timezone string) (*Duty, int, error) {
	f := &file{name: name, lines: map[string]int{}}
	duty := &Duty{File: name}
	duty.Schedule.Timezone = timezone
	if root := f.document(data); root != nil {
		f.fields(root, "", duty.targets())
		f.check(duty)
	}
	sum := sha256.Sum256(append(bytes.Clone(data), "\x00"+timezone...))
	duty.SHA256 = hex.EncodeToString(sum[:])
	return duty, f.lines["id"], errors.Join(f.wrong...)
}

// document reads the one document of a file.
func (f *file) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		f.fail(1, "the file has %d bytes, a duty's file has at most %d", len(data), maxFile)
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, next yaml.Node
	err := decoder.Decode(&root)
	if err == nil {
		if err = decoder.Decode(&next); errors.Is(err, io.EOF) {
			return root.Content[0]
		}
		if err == nil {
			f.fail(next.Line, "a second document: a file holds one duty")
			return nil
		}
	}
	if errors.Is(err, io.EOF) {
		f.fail(1, "the file is empty: a duty has id, title, owner, frequency and escalate")
		return nil
	}
	text, line := strings.ReplaceAll(err.Error(), "\n", " "), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = m[2]
	}
	f.fail(line, "not valid YAML: %s", strings.TrimPrefix(text, "yaml: "))
	return nil
}

// targets says where each field of a file goes.
func (d *Duty) targets() map[string]any {
	return map[string]any{
		"id": &d.ID, "title": &d.Title, "what": &d.What, "narrative": &d.Narrative, "owner": &d.Owner,
		"performed_by": &d.PerformedBy,
		"evidence":     map[string]any{"what": &d.Evidence.What, "like": &d.Evidence.Like, "states": &d.Evidence.States},
		"escalate":     map[string]any{"to": &d.Escalate.To, "after": &d.Escalate.After},
		"frequency":    (*string)(&d.Schedule.Frequency), "weekday": &d.Schedule.Weekday, "day": &d.Schedule.Day,
		"month": &d.Schedule.Month, "date": &d.Schedule.Date, "at": &d.Schedule.At, "grace": &d.Schedule.Grace,
	}
}

// fields reads a map into its targets.
func (f *file) fields(node *yaml.Node, prefix string, targets map[string]any) {
	if node.Kind != yaml.MappingNode {
		f.fail(node.Line, "%s must be a map", strings.TrimSuffix(cmp.Or(prefix, "a duty."), "."))
		return
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := prefix + key.Value
		target, ok := targets[key.Value]
		if !ok {
			f.fail(key.Line, "unknown field %q: it may be %s", name, strings.Join(names(targets), ", "))
			continue
		}
		if line, twice := f.lines[name]; twice {
			f.fail(key.Line, "%s is already given on line %d", name, line)
			continue
		}
		f.lines[name] = key.Line
		if inner, ok := target.(map[string]any); ok {
			f.fields(value, name+".", inner)
			continue
		}
		f.scalar(value, name, target)
	}
}

// list reads a list of texts.
func (f *file) list(value *yaml.Node, name string, into *[]string) {
	if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
		f.fail(value.Line, "%s must be a list, and not empty", name)
		return
	}
	for _, one := range value.Content {
		var text string
		f.scalar(one, name, &text)
		*into = append(*into, text)
	}
}

func (f *file) scalar(value *yaml.Node, name string, target any) {
	if into, ok := target.(*[]string); ok {
		f.list(value, name, into)
		return
	}
	text := strings.TrimSpace(value.Value)
	if value.Kind != yaml.ScalarNode || text == "" || value.Tag == "!!null" {
		f.fail(value.Line, "%s must be one value, and not empty", name)
		return
	}
	switch into := target.(type) {
	case *string:
		if len(text) > maxText {
			f.fail(value.Line, "%s has %d bytes, at most %d are taken", name, len(text), maxText)
		}
		*into = text
	case *int:
		number, err := strconv.Atoi(text)
		if err != nil || number < 1 {
			f.fail(value.Line, "%s is %q, it must be a number from 1", name, text)
			// The schedule's own check would say that it is missing.
			number = 1
		}
		*into = number
	}
}

func names(targets map[string]any) []string {
	var all []string
	for name := range targets {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// check reports what is missing, and what the values cannot be.
func (f *file) check(d *Duty) {
	first := f.lines["id"]
	for _, need := range []struct{ field, value string }{
		{"id", d.ID}, {"title", d.Title}, {"owner", d.Owner}, {"escalate.to", d.Escalate.To}, {"escalate.after", d.Escalate.After},
	} {
		if _, given := f.lines[need.field]; !given && need.value == "" {
			line := first
			if strings.HasPrefix(need.field, "escalate.") {
				line = cmp.Or(f.lines["escalate"], first)
			}
			f.fail(line, "%s is missing", need.field)
		}
	}
	if d.ID != "" && (!idShape.MatchString(d.ID) || len(d.ID) > 60) {
		f.fail(first, "the id %q must be small letters and digits in words with dashes, at most 60, like access-review", d.ID)
	}
	if after, err := time.ParseDuration(d.Escalate.After); d.Escalate.After != "" && (err != nil || after <= 0) {
		f.fail(f.lines["escalate.after"], "escalate.after is %q, it must be a duration of hours such as 48h", d.Escalate.After)
	}
	if d.PerformedBy != "" && !strings.HasPrefix(d.PerformedBy, "scaf.") {
		f.fail(f.lines["performed_by"], "performed_by is %q, it must be the type of an event of SCAF's own, like scaf.ledger.verified.v1", d.PerformedBy)
	}
	line := cmp.Or(f.lines["evidence.like"], f.lines["evidence"])
	switch asks := len(d.Evidence.Like) > 0; {
	case f.lines["evidence"] == 0:
	case !asks || d.Evidence.What == "":
		f.fail(line, "evidence has what, which says in words what shows that it was done, and like, the references that may be named")
	case d.PerformedBy != "":
		f.fail(line, "evidence is asked of people, and SCAF does this duty itself")
	}
	for _, like := range d.Evidence.Like {
		if like != "" && !likeShape.MatchString(like) {
			f.fail(line, "evidence.like is %q, it must be a reference such as attachment/* or self_assessment/SA-*-{quarter}, with {year}, {quarter} or {month}", like)
		}
	}
	for _, problem := range d.Schedule.Check() {
		f.fail(cmp.Or(f.lines[problem.Field], f.lines["frequency"], first), "%s: %s", problem.Field, problem.Text)
	}
}
