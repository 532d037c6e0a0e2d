package record

import (
	"reflect"
	"strings"
)

// Parts are the fields of the structs that a field holds, as people see them, with
// their types: from the struct itself, as the API's schema has them. Its tags say
// what its names do not: label, doc (the help), enum (the choices), refers (the kind
// of the records that it names), long. What is never left out is required.
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
