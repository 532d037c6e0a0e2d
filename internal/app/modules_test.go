package app

import (
	"reflect"
	"slices"
	"testing"

	"scaf.dev/scaf/internal/assurance/controls"
)

// The types of CEL expressions are those of the registers: a field that a
// struct has and a schema lacks could not be tested, the other way round every
// test of it would fail.
func TestEverySchemaHasTheFieldsOfItsRegister(t *testing.T) {
	for _, kind := range Kinds {
		schema, ok := controls.Builtin()[kind.Register]
		if !ok {
			if !kind.Internal {
				t.Errorf("controls cannot be tested over %s: it has no schema", kind.Register)
			}
			continue
		}
		var declared []string
		for _, field := range schema.Fields {
			declared = append(declared, field.Name)
		}
		slices.Sort(declared)
		if fields := kind.Fields(); !reflect.DeepEqual(fields, declared) {
			t.Errorf("%s has the fields %v, its schema %v", kind.Register, fields, declared)
		}
		if schema.At != "item."+kind.At {
			t.Errorf("%s is selected by %s, its schema by %s", kind.Register, kind.At, schema.At)
		}
	}
}
