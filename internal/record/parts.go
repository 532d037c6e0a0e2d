package record

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// Parts are the fields of the structs that a field holds, as people see them, with
// their types: from the struct itself, as the API's schema has them. Its tags say
// what its names do not: label, doc (the help), enum (the choices), refers (the kind
// of the records that it names), long, day="last" (Field.LastDay), happened. What is never
// left out is required.
func Parts(t reflect.Type) (all []Part) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	for i := range t.NumField() {
		field := t.Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct {
			all = append(all, Parts(field.Type)...)
			continue
		}
		if name == "" || name == "-" {
			continue
		}
		part := Part{Of: field.Type}
		for part.Of.Kind() == reflect.Pointer {
			part.Of = part.Of.Elem()
		}
		part.Field = Field{
			Name: name, Label: field.Tag.Get("label"), Help: field.Tag.Get("doc"), Refers: field.Tag.Get("refers"),
			Required: !strings.HasPrefix(option, "omit") && ShapeOf(part.Of) != ShapeTruth, Long: field.Tag.Get("long") == "true",
			Day: field.Tag.Get("day") == "first", LastDay: field.Tag.Get("day") == "last",
			Happened: field.Tag.Get("happened") == "true",
		}
		if part.Label == "" {
			part.Label = Words(name)
		}
		if choices := field.Tag.Get("enum"); choices != "" {
			part.Choices = strings.Split(choices, ",")
		}
		all = append(all, part)
	}
	return all
}

// Part is a field of a struct that a field of a record holds.
type Part struct {
	Field

	Of reflect.Type // without a pointer
}

// Rows are the structs of a list that has one for each of what is asked for, such as
// the questions of a questionnaire.
type Rows struct {
	// By is the field of the record that says which they are: Of gives them for its
	// value. Key is the field of a struct that names the one it answers.
	By, Key string
	Of      func(by string) []Row
	// Usual is what stands in By, and in other fields by name, for who has not said it,
	// after another field of the record, From; empty: it is not known. Nil: nobody knows.
	From  string
	Usual func(r *store.Reader, from string) (map[string]string, error)
}

// Row is one of them, by its key.
type Row struct{ Key, Text string }

// Value reads the field as a person types it (Kind.Value).
func (p Part) Value(text string, zone *time.Location) (json.RawMessage, error) {
	if text == "" {
		return json.RawMessage("null"), nil
	}
	switch {
	case p.Of.Kind() == reflect.String:
		return json.Marshal(text)
	case p.Of == reflect.TypeFor[time.Time]():
		if _, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return json.Marshal(text) // as it was written
		}
		day, err := config.Instant(text, zone)
		if err != nil && p.Whole() {
			return nil, Refuse(p.Name, "%q is no date such as 2026-11-27", text)
		}
		if err != nil {
			return nil, Refuse(p.Name, "%s", err)
		}
		if p.LastDay {
			day = p.Begin(day.In(zone))
		}
		return json.Marshal(day.UTC())
	}
	if ShapeOf(p.Of) == ShapeNumber || ShapeOf(p.Of) == ShapeTruth {
		// A value of another type is refused here, beside what else is wrong.
		if json.Unmarshal([]byte(text), reflect.New(p.Of).Interface()) != nil {
			return nil, Refuse(p.Name, "%q is not %s", text, written(p.Of))
		}
	}
	if !jsontext.Value(text).IsValid() {
		return nil, Refuse(p.Name, "%q cannot be read: write %s", text, written(p.Of))
	}
	return json.RawMessage(text), nil
}

// written says how a value is written that is neither text nor a time.
func written(t reflect.Type) string {
	switch ShapeOf(t) {
	case ShapeTruth:
		return "true or false"
	case ShapeNumber:
		return numberWords(t)
	case ShapeTexts:
		return `it as JSON, like ["A","B"]`
	case ShapeNumbers:
		return "it as JSON, like [1,5]"
	case ShapeText, ShapeTime, ShapeParts, ShapeRows, ShapeJSON:
	}
	return "it as JSON"
}

// numberWords are what people call the numbers of a type.
func numberWords(t reflect.Type) string {
	if expr.TypeOf(t).Is(expr.Int) {
		return "a whole number, such as 4"
	}
	return "a number, such as 4.5"
}
