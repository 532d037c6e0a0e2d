package tabular

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// column feeds a field, or a part of a field that is an object.
type column struct {
	index       int
	field, part string
	holds       holding
	zone        *time.Location // where a date without a time begins
	choices     map[string]string
	refers      string // the kind of the records that it names, if of one
}

// bare is how the number of a record looks by itself: no name of two words, no reference.
var bare = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// holding is what a column's field holds.
type holding int

// What a field holds.
const (
	others holding = iota // written as JSON
	texts
	times
	lists // of texts
	numbers
)

// match decides which column feeds which field, and which has the versions that records
// were exported at; -1: none.
func match(kind *record.Kind, header []string, o Options) (columns []column, version int, err error) {
	version = -1
	at := map[string]int{} // a column's name to its index
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice {
			return nil, 0, fmt.Errorf("the column %q is there twice", name)
		}
		at[name] = i
	}
	fields, called := fieldNames(kind), namesOf(kind)
	fed := map[string]int{}      // a field's name to the index of its column
	used := map[string]bool{}    // columns
	ignored := map[string]bool{} // columns
	for _, name := range o.Ignored {
		if _, ok := at[name]; !ok {
			return nil, 0, noColumn(name, at)
		}
		ignored[name], used[name] = true, true
	}
	for _, field := range slices.Sorted(maps.Keys(o.Columns)) {
		name := o.Columns[field]
		if !slices.Contains(fields, field) {
			return nil, 0, fmt.Errorf("%q is no field of %s: %s", field, kind.Register, strings.Join(fields, ", "))
		}
		index, ok := at[name]
		if !ok {
			return nil, 0, noColumn(name, at)
		}
		fed[field], used[name] = index, true
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(at)) {
		field := called.find(name)
		_, taken := fed[field]
		switch {
		case used[name]:
		case field == "" && plain(name) == plain(versions):
			version = at[name]
		case field == "":
			unknown = append(unknown, name)
		case taken:
			return nil, 0, fmt.Errorf("the field %s is fed by two columns, %q and %q", field, strings.TrimSpace(header[fed[field]]), name)
		default:
			fed[field] = at[name]
		}
	}
	if len(unknown) > 0 {
		return nil, 0, fmt.Errorf("%w: no field of %s is like the column %s: call it as the field that it feeds, or take it out; the fields are %s",
			ErrColumn, kind.Register, quoted(unknown), strings.Join(fields, ", "))
	}
	if _, ok := fed["id"]; !ok && slices.Contains(fields, "id") {
		return nil, 0, fmt.Errorf("%w: no column says which record a row is of: call the one that does %q or id; the columns are %s", ErrColumn, called.heading(kind, "id"), quoted(inOrder(at)))
	}
	for _, name := range slices.Sorted(maps.Keys(fed)) {
		field, part, _ := strings.Cut(name, ".")
		if _, whole := fed[field]; whole && part != "" {
			return nil, 0, fmt.Errorf("the field %s is fed as a whole and in part", field)
		}
		columns = append(columns, column{fed[name], field, part, holds(kind.Type(field), part), zoneOf(kind, field, o.Zone), choices(kind, name), ""})
		if part == "" {
			columns[len(columns)-1].refers = kind.Field(field).Refers
		}
	}
	return columns, version, nil
}

// versionOf reads the version that a record was exported at; 0: none.
func versionOf(cell cell) (int, error) {
	if cell.text == "" && cell.wrong == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(cell.text)
	if err != nil || n < 1 || cell.wrong != "" {
		return 0, &record.Invalid{Fields: []record.FieldError{{Field: versions, Problem: fmt.Sprintf("%q is no version: leave the column as it was exported, and empty for new records", cell.text)}}}
	}
	return n, nil
}

func noColumn(name string, at map[string]int) error {
	return fmt.Errorf("there is no column %q: the columns are %s", name, quoted(inOrder(at)))
}

// inOrder are the names of columns as they come in the table.
func inOrder(at map[string]int) []string {
	return slices.SortedFunc(maps.Keys(at), func(a, b string) int { return at[a] - at[b] })
}

// mostNames and longestName bound what is told of a table's headings, which may be anything.
const mostNames, longestName = 20, 60

// quoted are names in a sentence: the first ones, and how many there are beyond them.
func quoted(names []string) string {
	var some []string
	for _, name := range names[:min(len(names), mostNames)] {
		if runes := []rune(name); len(runes) > longestName {
			name = string(runes[:longestName]) + "…"
		}
		some = append(some, strconv.Quote(name))
	}
	if more := len(names) - len(some); more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(some, ", "), more)
	}
	return strings.Join(some, ", ")
}

// names are the fields that a column can feed, by what it can be called (plain): as the
// field, or by its label, where no other field is called so.
type names map[string]string

func namesOf(kind *record.Kind) names {
	all, said := names{}, map[string]string{}
	fields := fieldNames(kind)
	for _, field := range fields {
		if name := plain(field); all[name] == "" {
			all[name] = field
		}
	}
	for _, field := range fields {
		label := plain(label(kind, field))
		if before, twice := said[label]; twice && before != field {
			said[label] = ""
		} else {
			said[label] = field
		}
	}
	for label, field := range said {
		if all[label] == "" && field != "" {
			all[label] = field
		}
	}
	return all
}

// find returns the field that a column of this name feeds, empty when none does.
func (n names) find(name string) string { return n[plain(name)] }

// heading is what people see above the column of a field, by which it is found again.
func (n names) heading(kind *record.Kind, field string) string {
	if field == versions {
		return record.Words(versions)
	}
	if label := label(kind, field); n.find(label) == field {
		return label
	}
	return field
}

// label is what people call a field, or a part of one: "Author: Name".
func label(kind *record.Kind, field string) string {
	whole, name, of := strings.Cut(field, ".")
	label := kind.Field(whole).Label
	if of {
		for _, part := range record.Parts(kind.Type(whole)) {
			if part.Name == name {
				return label + ": " + part.Label
			}
		}
	}
	return label
}

// zoneOf is where the days of a field begin: those of the last days of a quarter are the
// same everywhere.
func zoneOf(kind *record.Kind, field string, zone *time.Location) *time.Location {
	if kind.Field(field).LastDay {
		return time.UTC
	}
	return zone
}

var separators = strings.NewReplacer(" ", "", "-", "", "_", "", ".", "", ":", "")

func plain(name string) string { return strings.ToLower(separators.Replace(name)) }

// fieldNames are the fields that a column can feed: those of the document, and
// the texts in its objects.
func fieldNames(kind *record.Kind) []string {
	var names []string
	for _, field := range kind.Fields() {
		names = append(names, field)
		t := kind.Type(field)
		if !isObject(t) {
			continue
		}
		for i := range t.NumField() {
			part, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			if part != "" && part != "-" && t.Field(i).Type.Kind() == reflect.String {
				names = append(names, field+"."+part)
			}
		}
	}
	return names
}

func holds(t reflect.Type, part string) holding {
	switch {
	case part != "" || t.Kind() == reflect.String:
		return texts
	case isTime(t):
		return times
	}
	switch record.ShapeOf(t) {
	case record.ShapeTexts:
		return lists
	case record.ShapeNumber:
		return numbers
	default:
		return others
	}
}

func isTime(t reflect.Type) bool   { return t == reflect.TypeFor[time.Time]() }
func isObject(t reflect.Type) bool { return t != nil && t.Kind() == reflect.Struct && !isTime(t) }

// choices are the values of a field by what people see of them, where that differs.
func choices(kind *record.Kind, name string) map[string]string {
	field := kind.Field(name)
	values := slices.Clone(field.Choices)
	if name == "state" {
		for _, state := range kind.States {
			values = append(values, state.Name)
		}
	}
	seen := map[string]string{}
	for _, value := range values {
		if words := field.Choice(value); !slices.Contains(values, words) {
			seen[words] = value
		}
	}
	return seen
}

// chosen is the value that people call so, and the reference of a record by its number
// alone: the field says of which register.
func (c column) chosen(text string) string {
	if c.refers != "" && bare.MatchString(text) {
		return c.refers + "/" + text
	}
	if value, ok := c.choices[text]; ok {
		return value
	}
	return text
}

// listed are the texts of a list as people write it into a cell: a line each, or on
// one line with semicolons between them.
func listed(text string) []string {
	between := ";"
	if strings.Contains(text, "\n") {
		between = "\n"
	}
	all := []string{}
	for one := range strings.SplitSeq(text, between) {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// value reads a cell. A cell is data: what a spreadsheet would take for a
// formula is text here.
func (c column) value(kind *record.Kind, cell cell) (json.RawMessage, error) {
	wrong := func(format string, args ...any) error {
		return &record.Invalid{Fields: []record.FieldError{{Field: c.field, Problem: fmt.Sprintf(format, args...)}}}
	}
	text := cell.text
	switch {
	case cell.wrong != "":
		return nil, wrong("%s", cell.wrong)
	case c.holds == times:
		switch cell.form {
		case number:
			return nil, wrong("the cell holds the number %s: format it as a date, or write text like 2026-01-31", text)
		case moment:
			return json.Marshal(there(cell.at, c.zone).UTC())
		case written:
		}
	case cell.form == moment:
		return nil, wrong("the cell holds a date, and the field none: format the cell as text and write its value again")
	}
	switch {
	case c.holds == texts: // also of a part of an object, which is no field
		return json.Marshal(c.chosen(text))
	case c.holds == lists && !strings.HasPrefix(text, "["):
		all := listed(text)
		for i, one := range all {
			all[i] = c.chosen(one)
		}
		return json.Marshal(all)
	}
	return kind.Value(c.field, text, c.zone)
}
