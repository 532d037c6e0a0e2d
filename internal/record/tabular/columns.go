package tabular

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// column feeds a field, or a part of a field that is an object.
type column struct {
	index       int
	field, part string
	holds       holding
}

// holding is what a column's field holds.
type holding int

// What a field holds.
const (
	others holding = iota // written as JSON
	texts
	times
)

// match decides which column feeds which field.
func match(kind *record.Kind, header []string, o Options) ([]column, error) {
	at := map[string]int{} // a column's name to its index
	for i, name := range header {
		name = strings.TrimSpace(name)
		if _, twice := at[name]; twice {
			return nil, fmt.Errorf("the column %q is there twice", name)
		}
		at[name] = i
	}
	fields := fieldNames(kind)
	fed := map[string]int{}      // a field's name to the index of its column
	used := map[string]bool{}    // columns
	ignored := map[string]bool{} // columns
	for _, name := range o.Ignored {
		if _, ok := at[name]; !ok {
			return nil, noColumn(name, at)
		}
		ignored[name], used[name] = true, true
	}
	for _, field := range slices.Sorted(maps.Keys(o.Columns)) {
		name := o.Columns[field]
		if !slices.Contains(fields, field) {
			return nil, fmt.Errorf("%q is no field of %s: %s", field, kind.Register, strings.Join(fields, ", "))
		}
		index, ok := at[name]
		if !ok {
			return nil, noColumn(name, at)
		}
		fed[field], used[name] = index, true
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(at)) {
		field := find(fields, name)
		_, taken := fed[field]
		switch {
		case used[name]:
		case field == "":
			unknown = append(unknown, fmt.Sprintf("%q", name))
		case taken:
			return nil, fmt.Errorf("the field %s is fed by two columns, %q and %q", field, strings.TrimSpace(header[fed[field]]), name)
		default:
			fed[field] = at[name]
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%w: no field of %s is like the column %s: call it as the field that it feeds, or take it out; the fields are %s",
			ErrColumn, kind.Register, strings.Join(unknown, ", "), strings.Join(fields, ", "))
	}
	if _, ok := fed["id"]; !ok && slices.Contains(fields, "id") {
		return nil, fmt.Errorf("%w: no column feeds the field id, by which a record is known again: call the one that does id; the columns are %s", ErrColumn, quoted(at))
	}
	var columns []column
	for _, name := range slices.Sorted(maps.Keys(fed)) {
		field, part, _ := strings.Cut(name, ".")
		if _, whole := fed[field]; whole && part != "" {
			return nil, fmt.Errorf("the field %s is fed as a whole and in part", field)
		}
		columns = append(columns, column{fed[name], field, part, holds(kind.Type(field), part)})
	}
	return columns, nil
}

func noColumn(name string, at map[string]int) error {
	return fmt.Errorf("there is no column %q: the columns are %s", name, quoted(at))
}

func quoted(at map[string]int) string {
	var names []string
	for _, name := range slices.SortedFunc(maps.Keys(at), func(a, b string) int { return at[a] - at[b] }) {
		names = append(names, fmt.Sprintf("%q", name))
	}
	return strings.Join(names, ", ")
}

// find returns the field that is like the column's name, empty when none is.
func find(fields []string, name string) string {
	if slices.Contains(fields, name) {
		return name
	}
	for _, field := range fields {
		if plain(field) == plain(name) {
			return field
		}
	}
	return ""
}

var separators = strings.NewReplacer(" ", "", "-", "", "_", "", ".", "")

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
	return others
}

func isTime(t reflect.Type) bool   { return t == reflect.TypeFor[time.Time]() }
func isObject(t reflect.Type) bool { return t != nil && t.Kind() == reflect.Struct && !isTime(t) }

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
func (c column) value(kind *record.Kind, cell cell, zone *time.Location) (json.RawMessage, error) {
	wrong := func(format string, args ...any) error {
		return &record.Invalid{Fields: []record.FieldError{{Field: c.field, Problem: fmt.Sprintf(format, args...)}}}
	}
	text := cell.text
	switch {
	case cell.wrong != "":
		return nil, wrong("%s", cell.wrong)
	case c.holds == times:
		if cell.form == number {
			return nil, wrong("the cell holds the number %s: format it as a date, or write text like 2026-01-31", text)
		}
	case cell.form == moment:
		return nil, wrong("the cell holds a date, and the field none: format the cell as text and write its value again")
	}
	switch {
	case c.holds == texts: // also of a part of an object, which is no field
		return json.Marshal(text)
	case kind.Shape(c.field) == record.ShapeTexts && !strings.HasPrefix(text, "["):
		return json.Marshal(listed(text))
	}
	return kind.Value(c.field, text, zone)
}
