package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/platform/store"
)

// Kind describes the records of one register; Define makes it.
type Kind struct {
	Name     string // "change": what references and event types say
	Register string // "changes": what people say
	Title    string // "Changes"
	// Purpose and Comes say what it is for, and how records come (Definition).
	Purpose, Comes string
	Mirror         bool // its records are copies of what another system keeps (Definition)
	// At is the top-level field that holds the record's instant, by which
	// periods select it; empty when the kind has none.
	At string
	// Personal marks registers whose reading is recorded.
	Personal bool
	// Internal marks kinds that SCAF keeps for itself: read by everybody who
	// may read records, written by their own commands only.
	Internal bool
	// New returns a pointer to an empty document.
	New func() any
	// Identify returns the id of a document that is added.
	Identify func(doc any) string
	// Validate returns what is wrong with a document.
	Validate func(doc any) []FieldError
	// Fixed are fields that nobody can change once the record is there.
	Fixed []string
	// States are the states of the lifecycle, the first one being that of a
	// new record, with the states that each may move to.
	States []State
	// Derived are sources of populations that are computed from the kind's
	// records.
	Derived []Derived

	// What Define adds; see Definition.
	Singular    string
	Named       string
	Described   []Field
	Explain     func(r *store.Reader) (map[string]string, error)
	Dues        []Due
	Prefix      string
	IDField     string
	Author      string
	Authors     string
	Transitions []Transition
	Columns     []Column
	Shown       []string
	Retention   Retention
	Version     int
	Migrations  []Migration
	Opening     *Opening

	settled   []Settled
	unsettled []string
	past      bool // it has fields that say when something happened
	wrong     func() error
	plan      plan
}

// Area is what some kinds are about.
type Area struct {
	Title string
	Kinds Kinds
}

// State is a state of a lifecycle. The document's field "state" holds it.
type State struct {
	Name string
	To   []string // states that a record may move to from here
}

// As gives a document its type: that of what the kind's New returns. Another
// type is a mistake in the program, and panics.
func As[T any](doc any) *T {
	typed, ok := doc.(*T)
	if !ok {
		panic(fmt.Sprintf("record: a %T where %T belongs", doc, typed))
	}
	return typed
}

// Naming are the fields by which people call a record, the first one that holds something.
func (k *Kind) Naming() []string {
	if k.Named != "" {
		return []string{k.Named}
	}
	return []string{"name", "title"}
}

// Caption is what people call a record with a document; empty where that says nothing.
func (k *Kind) Caption(doc json.RawMessage) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(doc, &fields) == nil {
		for _, name := range k.Naming() {
			var text string
			if json.Unmarshal(fields[name], &text) == nil && strings.TrimSpace(text) != "" {
				return text
			}
		}
	}
	return ""
}

// Decode reads a document strictly: an unknown field, a value of another type
// or a rule of the register that does not hold is *Invalid. It names all that is wrong:
// of a document with fields that cannot be read, what is wrong with the others, too.
func (k *Kind) Decode(raw []byte) (any, error) {
	doc, err := k.read(raw)
	if err == nil {
		return k.valid(doc)
	}
	var fields map[string]json.RawMessage
	var unread *Invalid
	if !errors.As(err, &unread) || json.Unmarshal(raw, &fields) != nil {
		return nil, err
	}
	return nil, k.Others(unread, fields)
}

// Draft reads a document that may be a part of one that is there already: short is what
// Decode would refuse of it by the rules of the register. Fields that cannot be read, and
// an id that is none, are an error, as of Decode.
func (k *Kind) Draft(raw []byte) (doc any, short, err error) {
	doc, short = k.Decode(raw)
	var wrong *Invalid
	if !errors.As(short, &wrong) {
		return doc, nil, short
	}
	doc, err = k.read(raw)
	if err != nil || slices.ContainsFunc(wrong.Fields, func(one FieldError) bool { return one.Field == k.IDField }) {
		return nil, nil, short
	}
	return doc, short, nil
}

// Others adds to what is wrong with some fields of a new document, which cannot be read,
// what is wrong with the others that people fill in.
func (k *Kind) Others(unread *Invalid, fields map[string]json.RawMessage) *Invalid {
	all := &Invalid{slices.Clone(unread.Fields)}
	left, wrong := maps.Clone(fields), map[string]bool{}
	skip := func(more []FieldError) {
		for _, one := range more {
			wrong[top(one.Field)] = true
			delete(left, top(one.Field))
		}
	}
	skip(unread.Fields)
	for {
		raw, err := overlay(k.New(), left)
		if err != nil {
			return all
		}
		doc, err := k.read(raw)
		var more *Invalid
		if errors.As(err, &more) {
			before := len(wrong)
			skip(more.Fields)
			if len(wrong) == before {
				return all
			}
			all.Fields = append(all.Fields, more.Fields...)
			continue
		}
		if err == nil {
			_, err = k.valid(doc)
		}
		if errors.As(err, &more) {
			editable := k.Editable(false)
			for _, one := range more.Fields {
				name := top(one.Field)
				if _, given := left[name]; !wrong[name] && (given || slices.ContainsFunc(editable, func(f Field) bool { return f.Name == name })) {
					all.Fields = append(all.Fields, one)
				}
			}
		}
		return all
	}
}

// top is the field of a document in which a part of it stands: "injects" of
// "injects[0].after".
func top(field string) string {
	if at := strings.IndexAny(field, ".["); at >= 0 {
		return field[:at]
	}
	return field
}

// read reads a document of the kind's type, up to the first field that cannot be read.
func (k *Kind) read(raw []byte) (any, error) {
	doc := k.New()
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(doc); err != nil {
		return nil, k.explain(raw, err)
	}
	return doc, nil
}

// valid is a document whose computed fields are filled in, and that keeps to the rules of
// the register.
func (k *Kind) valid(doc any) (any, error) {
	if computes, ok := doc.(interface{ Compute() }); ok {
		computes.Compute()
	}
	if k.Validate != nil {
		if wrong := k.Validate(doc); len(wrong) > 0 {
			return nil, &Invalid{wrong}
		}
	}
	return doc, nil
}

// explain turns a decoding error into the field's.
func (k *Kind) explain(raw []byte, err error) error {
	var wrong *json.UnmarshalTypeError
	var moment *time.ParseError
	field, its := astray(k.of(), raw)
	if its != nil {
		err = its
	}
	switch {
	case errors.As(err, &wrong):
		return &Invalid{[]FieldError{{cmp.Or(field, wrong.Field), fmt.Sprintf("is a %s, and must be %s", wrong.Value, typeName(wrong.Type))}}}
	case errors.As(err, &moment):
		return &Invalid{[]FieldError{{cmp.Or(field, "time"), fmt.Sprintf("%q is no time such as 2026-01-31T09:30:00Z", strings.Trim(moment.Value, `"`))}}}
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if unknown, ok := strings.CutPrefix(text, "unknown field "); ok {
		return &Invalid{[]FieldError{{strings.Trim(unknown, `"`), "is no field of " + k.Register + ": " + strings.Join(k.Fields(), ", ")}}}
	}
	return &Invalid{[]FieldError{{cmp.Or(field, "document"), text}}}
}

// astray is the name of the first field, by name, whose value is none of its type, and why, with
// its place in lists and structs: "injects[0].after". Empty: there is none. Errors of
// times and other types that read their JSON themselves do not say which it is.
func astray(t reflect.Type, raw []byte) (string, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch shape := ShapeOf(t); {
	case t.Kind() == reflect.Slice && shape != ShapeText:
		var all []json.RawMessage
		if json.Unmarshal(raw, &all) == nil {
			for i, one := range all {
				if err := json.Unmarshal(one, reflect.New(t.Elem()).Interface()); err != nil {
					rest, within := astray(t.Elem(), one)
					return fmt.Sprintf("[%d]%s", i, further(rest)), cmp.Or(within, err)
				}
			}
		}
	case shape == ShapeParts:
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil {
			return "", nil //nolint:nilerr // what holds it is wrong as a whole, and is named
		}
		inside := places(t)
		for _, name := range slices.Sorted(maps.Keys(inside)) {
			of := t.FieldByIndex(inside[name]).Type
			value, ok := fields[name]
			if !ok {
				continue
			}
			if err := json.Unmarshal(value, reflect.New(of).Interface()); err != nil {
				rest, within := astray(of, value)
				return name + further(rest), cmp.Or(within, err)
			}
		}
	}
	return "", nil
}

// further is how the name of a field goes on, at an element of a list or in a struct.
func further(rest string) string {
	if rest == "" || rest[0] == '[' {
		return rest
	}
	return "." + rest
}

func typeName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return "a time"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct:
		return "an object"
	case t.Kind() == reflect.String:
		return "a text"
	}
	return written(t)
}

// Fields are the names of the document's top-level fields, sorted.
func (k *Kind) Fields() []string {
	var names []string
	for field := range places(k.of()) {
		names = append(names, field)
	}
	sort.Strings(names)
	return names
}

// of is the struct of the kind's documents.
func (k *Kind) of() reflect.Type { return reflect.TypeOf(k.New()).Elem() }

// Type is the Go type of a top-level field, without a pointer; nil when there
// is no such field.
func (k *Kind) Type(field string) reflect.Type {
	of := k.of()
	i, ok := places(of)[field]
	if !ok {
		return nil
	}
	t := of.FieldByIndex(i).Type
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// Value reads a field's value as a person types it, at the command line or in a
// cell of a table: text as it is, a time in RFC 3339 or as a date, which begins
// at midnight in the zone, everything else as JSON. An empty text clears the
// field (it becomes null).
func (k *Kind) Value(field, text string, zone *time.Location) (json.RawMessage, error) {
	t := k.Type(field)
	if t == nil {
		return nil, &Invalid{[]FieldError{{field, "is no field of " + k.Register + ": " + strings.Join(k.Fields(), ", ")}}}
	}
	return Part{k.Field(field), t}.Value(text, zone)
}

// topLevel is the value of a document's field, nil when it has none. What
// follows the field is not read.
func topLevel(doc []byte, field string) (jsontext.Value, error) {
	in := jsontext.NewDecoder(bytes.NewBuffer(doc))
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, err
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return nil, err
		}
		if name.String() == field {
			return in.ReadValue()
		}
		if err := in.SkipValue(); err != nil {
			return nil, err
		}
	}
	_, err := in.ReadToken()
	return nil, err
}

// Instant reads the record's instant (At) from a canonical document, in
// microseconds since 1970; nil when it has none.
func (k *Kind) Instant(doc []byte) (*int64, error) {
	if k.At == "" {
		return nil, nil
	}
	at, err := instantOf(doc, k.At)
	if at == nil || err != nil {
		return nil, err
	}
	micro := at.UnixMicro()
	return &micro, nil
}

// instantOf is the time in a top-level field; nil when there is none.
func instantOf(doc []byte, field string) (*time.Time, error) {
	raw, err := topLevel(doc, field)
	if err != nil || raw == nil || string(raw) == "null" {
		return nil, err
	}
	var at time.Time
	if err := json.Unmarshal(raw, &at); err != nil {
		return nil, &Invalid{[]FieldError{{field, "is not an RFC 3339 time like 2026-01-31T09:30:00Z"}}}
	}
	return &at, nil
}

// Move checks that the lifecycle lets a record go from one state to another.
func (k *Kind) Move(from, to string) error {
	var names []string
	for _, state := range k.States {
		names = append(names, state.Name)
		if state.Name != from {
			continue
		}
		for _, next := range state.To {
			if next == to {
				return nil
			}
		}
		if len(state.To) == 0 {
			return &Invalid{[]FieldError{{"state", fmt.Sprintf("%q is final", from)}}}
		}
		return &Invalid{[]FieldError{{"state", fmt.Sprintf("from %q a record of %s can move to: %s", from, k.Register, strings.Join(state.To, ", "))}}}
	}
	return &Invalid{[]FieldError{{"state", fmt.Sprintf("%q is no state of %s: %s", from, k.Register, strings.Join(names, ", "))}}}
}

// Kinds are the kinds that a program knows.
type Kinds []*Kind

// Find returns the kind that the text names, as "change", "changes" or the
// first part of a reference.
func (ks Kinds) Find(name string) (*Kind, error) {
	for _, k := range ks {
		if name == k.Name || name == k.Register {
			return k, nil
		}
	}
	var registers []string
	for _, k := range ks {
		if !k.Internal {
			registers = append(registers, k.Register)
		}
	}
	return nil, fmt.Errorf("%w: %q: the registers are %s", ErrRegister, name, strings.Join(registers, ", "))
}

// ErrRegister says: there is no such register.
var ErrRegister = errors.New("unknown register")

// Parse splits a reference like "change/4f2a".
func (ks Kinds) Parse(ref string) (*Kind, string, error) {
	name, id, ok := strings.Cut(ref, "/")
	if !ok || id == "" {
		return nil, "", fmt.Errorf("%w: %q is no reference: write it as kind/id, like person/E1001", ErrRegister, ref)
	}
	k, err := ks.Find(name)
	return k, id, err
}
