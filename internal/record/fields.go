package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// Field says how people see a field of a record: in forms, on pages, as the
// heading of a column.
type Field struct {
	Name, Label string
	// Help says in a sentence what belongs there.
	Help string
	// Section is the heading under which the field and those after it stand;
	// empty: that of the field before.
	Section string
	// Required fields are never empty: a text with something in it, a list with an
	// element, a time.
	Required bool
	// Choices are the only values that the field can have, if it has one; each
	// element of a list is one of them.
	Choices []string
	// Called is what people see of choices that their own words do not say well.
	Called map[string]string
	// Refers is the kind of the records that the field names, one or a list, by
	// their references: "vendor/VEN-12". Where it is a person, an account that
	// belongs to nobody in the register of people may stand there, too.
	Refers string
	// Leavers says, of a field that names people, that it takes those who have left: it says
	// whom something is or was about, or is a fact that others report. Then is the field that
	// holds when those named were at it: whoever left later is taken, and where it holds
	// nothing, that lies ahead. A field without either takes nobody who has left.
	Leavers bool
	Then    string
	// Acyclic says that no record comes back to itself by what the field names, which is of
	// its own register. It is the word between two of them: "needs".
	Acyclic string
	// Later says that what the field names, which is of its own register, may come by another
	// source: an import takes what is not there, and the register says where that is seen.
	Later bool
	// Names says what the field's texts name, one or a list, where they are no references
	// to records; nil: nothing.
	Names *Names
	// Shows says that the field's texts, one or a list, name what shows something: records
	// of any register by their references, which are there then, or, where it is elsewhere,
	// its address or words.
	Shows bool
	// Distinct says that no two records have the same text, such as an address that
	// messages go to; the field is a column. Records in one of these states (Except) do
	// not count.
	Distinct *Distinct
	// Day says that of a time only the day counts, which begins at midnight in the
	// organisation's time zone.
	Day bool
	// LastDay says that of a time only the day counts that it has in UTC, wherever it is
	// read: the last one of a quarter.
	LastDay bool
	// Happened says that a time is when something happened, which lies in no future.
	Happened bool
	// Long texts have several lines. Markdown ones are shown as they read, and hold nothing
	// that pages leave out; some begin with FrontMatter, of which other fields are made.
	Long, Markdown, FrontMatter bool
	// Computed fields are set by the document's method Compute() from the others,
	// whenever it is read or changed. Nobody else can set them.
	Computed bool
	// Given fields are filled by SCAF's own work: by a transition's Stamp, or by a
	// job, or are set by a move that names them (Sets). Nobody else can set them.
	Given bool
	// Rows say, of a list of structs, which of them there are to fill in; nil: people
	// add them.
	Rows *Rows
	// Unseen fields are on no form and no page: hashes, counters.
	Unseen bool
}

// Distinct is what is said of a field whose text no two records have.
type Distinct struct {
	Except []string // states of records that do not count
}

// Due is a deadline that stands in a record: it makes the record appear among
// what its owner owes.
type Due struct {
	Name string // "review"
	What string // "Review the risk"
	// At and Owner are declared columns: when it is due, and who owes it. Where the field
	// says a day, it can be done until that day ends in the organisation's time zone.
	At, Owner string
	// Else owes it where Owner is empty: a title or a role. Empty: nobody.
	Else string
	// Open is a filter over declared columns (List): it is owed where it is true.
	// Empty: always.
	Open string
}

// Field is how people see a field; what is not described is called as its column
// is, or by its name.
func (k *Kind) Field(name string) Field {
	if at := slices.IndexFunc(k.Described, func(f Field) bool { return f.Name == name }); at >= 0 {
		return k.Described[at]
	}
	if at := slices.IndexFunc(k.Columns, func(c Column) bool { return c.Field == name && c.Label != "" }); at >= 0 {
		return Field{Name: name, Label: k.Columns[at].Label}
	}
	return Field{Name: name, Label: Words(name)}
}

// Whole says that of a time of the field only the day counts.
func (f *Field) Whole() bool { return f.Day || f.LastDay }

// Read is a time of the field as it is read in a time zone.
func (f *Field) Read(at time.Time, zone *time.Location) time.Time {
	if f.LastDay {
		return at.UTC()
	}
	return at.In(zone)
}

// Begin is the first time that the field can hold for a day, whose midnight in a time
// zone is given.
func (f *Field) Begin(midnight time.Time) time.Time {
	if f.LastDay {
		return time.Date(midnight.Year(), midnight.Month(), midnight.Day(), 0, 0, 0, 0, time.UTC)
	}
	return midnight
}

// Ends is until when can be done what is due by a time of the field: until the end of
// the day, where only that counts.
func (f *Field) Ends(at time.Time, zone *time.Location) time.Time {
	if !f.Whole() {
		return at
	}
	year, month, day := f.Read(at, zone).Date()
	return time.Date(year, month, day+1, 0, 0, 0, 0, zone).Add(-time.Microsecond).UTC()
}

// Passed is before which times of the field everything has ended (Ends) at an instant,
// and nothing else.
func (f *Field) Passed(at time.Time, zone *time.Location) time.Time {
	if !f.Whole() {
		return at
	}
	year, month, day := at.In(zone).Date()
	return f.Begin(time.Date(year, month, day, 0, 0, 0, 0, zone))
}

// Explained is the help of fields as it is now, by name, of those where it depends
// on what other records hold (Definition.Explain).
func (k *Kind) Explained(r *store.Reader) (map[string]string, error) {
	if k.Explain == nil {
		return nil, nil
	}
	return k.Explain(r)
}

// Words is a name as people read it: "due_at" is "Due at".
func Words(name string) string {
	text := strings.ReplaceAll(name, "_", " ")
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// Choice is what people see of a value that is one of the field's choices.
func (f *Field) Choice(value string) string { return cmp.Or(f.Called[value], Words(value)) }

// Shape is what the values of a field look like to who types them.
type Shape string

// Shapes.
const (
	ShapeText   Shape = "text"
	ShapeNumber Shape = "number"
	ShapeTruth  Shape = "bool"
	ShapeTime   Shape = "time"
	ShapeTexts  Shape = "texts" // a list of texts
	// ShapeParts is a struct, ShapeRows a list of them, ShapeNumbers one of numbers.
	ShapeParts   Shape = "parts"
	ShapeRows    Shape = "rows"
	ShapeNumbers Shape = "numbers"
	ShapeJSON    Shape = "json" // anything else
)

// Shape is that of a field.
func (k *Kind) Shape(field string) Shape { return ShapeOf(k.Type(field)) }

// ShapeOf is the shape of the values of a Go type, without a pointer; nil is that of
// none.
func ShapeOf(t reflect.Type) Shape {
	switch {
	case t == nil:
		return ShapeJSON
	case t == reflect.TypeFor[time.Time]():
		return ShapeTime
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		return ShapeTexts
	case t.Kind() == reflect.String:
		return ShapeText
	case t.Kind() == reflect.Bool:
		return ShapeTruth
	}
	switch declared := expr.TypeOf(t); {
	case declared.Is(expr.Int), declared.Is(expr.Double):
		return ShapeNumber
	case t.Kind() == reflect.Struct && !declared.Is(expr.Dyn):
		return ShapeParts
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		if ShapeOf(t.Elem()) == ShapeParts {
			return ShapeRows
		}
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 && ShapeOf(t.Elem()) == ShapeNumber: // bytes are JSON
		return ShapeNumbers
	}
	return ShapeJSON
}

// Editable are the fields that people fill in, in the order of forms: without
// the state, which moves, and what the engine gives. Of a record that is there,
// fixed ones are left out, too.
func (k *Kind) Editable(there bool) []Field {
	var all []Field
	for _, f := range k.Ordered() {
		switch {
		case f.Computed, f.Given, f.Unseen, f.Name == "state" && len(k.States) > 0, f.Name == k.Author, f.Name == k.IDField && (there || k.Prefix != "" || k.Composes()),
			there && slices.Contains(k.Fixed, f.Name):
		default:
			all = append(all, f)
		}
	}
	return all
}

// Ordered are all fields that people see, the described ones first, in their
// order; the others as they stand in the document.
func (k *Kind) Ordered() []Field {
	all := slices.Clone(k.Described)
	for _, field := range k.Schema() {
		if !slices.ContainsFunc(all, func(f Field) bool { return f.Name == field.Name }) {
			all = append(all, k.Field(field.Name))
		}
	}
	return slices.DeleteFunc(all, func(f Field) bool { return f.Unseen })
}

// amiss says which fields are not as they are described: empty where they must
// not be, or of a value that is none of their choices.
func (k *Kind) amiss(doc any) (wrong []FieldError) {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range k.Described {
		value := member(v, f.Name)
		all := texts(value)
		if f.Required && !slices.ContainsFunc(all, func(text string) bool { return strings.TrimSpace(text) != "" }) {
			wrong = append(wrong, FieldError{f.Name, "is missing"})
		}
		for _, text := range all {
			if text != "" && len(f.Choices) > 0 && !slices.Contains(f.Choices, text) {
				wrong = append(wrong, FieldError{f.Name, fmt.Sprintf("%q is not one of %s", text, strings.Join(f.Choices, ", "))})
			}
			if text != "" && f.Refers != "" && !f.names(text) {
				wrong = append(wrong, FieldError{f.Name, fmt.Sprintf("%q does not name a record: write it as %s/id; forms and tables take its number alone, and forms its name", text, f.Refers)})
			}
		}
	}
	return wrong
}

// names reports whether a text is a reference to a record of the kind that the
// field refers to.
func (f *Field) names(text string) bool {
	kind, id, ok := strings.Cut(text, "/")
	return ok && id != "" && (kind == f.Refers || kind == kindAccount && f.Refers == kindPerson)
}

// places are the numbers of a struct's fields by their JSON names, those of structs
// within it whose fields stand among its own included.
func places(t reflect.Type) map[string][]int {
	if known, ok := placesOf.Load(t); ok {
		if places, ok := known.(map[string][]int); ok {
			return places
		}
	}
	found := map[string][]int{}
	for i := range t.NumField() {
		field := t.Field(i)
		switch name, _, _ := strings.Cut(field.Tag.Get("json"), ","); {
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct:
			for inner, place := range places(field.Type) {
				found[inner] = append([]int{i}, place...)
			}
		case name != "" && name != "-":
			found[name] = []int{i}
		}
	}
	placesOf.Store(t, found)
	return found
}

// placesOf are the places of types, which do not change.
var placesOf sync.Map

// member is the field of a struct with this JSON name.
func member(v reflect.Value, name string) reflect.Value {
	if i, ok := places(v.Type())[name]; ok {
		return v.FieldByIndex(i)
	}
	return reflect.Value{}
}

// texts are the texts of a value, or of its elements. Something that is there and
// no text counts as one.
func texts(v reflect.Value) (all []string) {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() { //nolint:exhaustive // others are no texts
	case reflect.Invalid, reflect.Pointer:
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
	case reflect.String:
		all = append(all, v.String())
	default:
		all = append(all, fmt.Sprint(v.Interface()))
	}
	return all
}

// given refuses fields that only the document computes, or SCAF gives, but for some.
func (k *Kind) given(fields map[string]json.RawMessage, but ...string) error {
	var wrong []FieldError
	for _, f := range k.Described {
		if _, ok := fields[f.Name]; ok && f.Computed {
			wrong = append(wrong, FieldError{f.Name, "is computed from the other fields: leave it out"})
		} else if ok && f.Given && !slices.Contains(but, f.Name) {
			wrong = append(wrong, FieldError{f.Name, "is given by SCAF: leave it out"})
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// forged says which given fields a new document holds already.
func (k *Kind) forged(doc any) error {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range k.Described {
		if value := member(v, f.Name); f.Given && value.IsValid() && !value.IsZero() {
			return &Invalid{[]FieldError{{f.Name, "is given by SCAF: leave it out"}}}
		}
	}
	return nil
}

// misdescribed says what is wrong with the descriptions of fields and dues.
func (k *Kind) misdescribed(say func(format string, args ...any)) {
	fields := k.Schema()
	seen := map[string]bool{}
	for _, f := range k.Described {
		t, ok := expr.Of(fields, f.Name)
		switch shape := k.Shape(f.Name); {
		case !ok:
			say("Fields: %q is no field of a record", f.Name)
		case seen[f.Name] || f.Label == "" && !f.Unseen:
			say("Fields: %q must be described once, with a label", f.Name)
		case (len(f.Choices) > 0 || f.Refers != "" || f.Shows) && shape != ShapeText && shape != ShapeTexts:
			say("Fields: %q is a %s: only texts have choices or name records", f.Name, t)
		case (f.Long || f.Markdown) && shape != ShapeText:
			say("Fields: %q is a %s: only a text has several lines", f.Name, t)
		}
		if column := k.column(f.Name); f.Distinct != nil && (column == nil || column.kind != valueText || !column.Selective) {
			say("Fields: %q is distinct, and no text among the selective columns", f.Name)
		}
		if (f.Acyclic != "" || f.Later) && f.Refers != k.Name {
			say("Fields: %q refers to records of another register, or to none: it neither goes round nor is later", f.Name)
		}
		if (f.Leavers || f.Then != "") && f.Refers != kindPerson || f.Leavers && f.Then != "" || f.Then != "" && k.Shape(f.Then) != ShapeTime {
			say("Fields: %q takes people who have left: it names people, of any time or of that in another field", f.Name)
		}
		if f.Whole() && k.Shape(f.Name) != ShapeTime || f.Day && f.LastDay {
			say("Fields: %q is a %s: only a time is a day, in one way", f.Name, t)
		}
		if f.Happened && (k.Shape(f.Name) != ShapeTime || f.Given || f.Computed) {
			say("Fields: %q is a %s: what happened is a time that people say", f.Name, t)
		}
		if _, computes := k.New().(interface{ Compute() }); f.Computed && !computes {
			say("Fields: %q is computed, and the record has no method Compute", f.Name)
		}
		seen[f.Name] = true
	}
	names := map[string]bool{}
	for _, d := range k.Dues {
		at, owner := k.column(d.At), k.column(d.Owner)
		if at == nil || at.kind != valueTime || !at.Sort {
			say("Dues: %s: At %q is no time among the columns that can be sorted by", d.Name, d.At)
		}
		if owner == nil || owner.kind != valueText || !owner.Filter {
			say("Dues: %s: Owner %q is no text among the columns that can be filtered", d.Name, d.Owner)
		}
		if d.Open != "" {
			if _, _, err := k.compileFilter("", d.Open, "", 1); err != nil {
				say("Dues: %s: Open: %v", d.Name, err)
			}
		}
		if !nameShape(d.Name) || d.What == "" || names[d.Name] {
			say("Dues: %q must be a name that is given once, and What says what is to be done", d.Name)
		}
		names[d.Name] = true
	}
}
