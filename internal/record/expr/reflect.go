package expr

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// FieldsOf are the fields of a struct as its JSON has them: by the names of the
// tags, embedded structs flattened, fields without a tag or with "-" left out.
// A type that writes its JSON itself is Dyn, unless it is a time.
func FieldsOf(t reflect.Type) []Field {
	fields := []Field{}
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" && field.Anonymous && field.Type.Kind() == reflect.Struct:
			fields = append(fields, FieldsOf(field.Type)...)
		case name != "" && name != "-":
			fields = append(fields, Field{Name: name, Type: TypeOf(field.Type)})
		}
	}
	return fields
}

// TypeOf is the declared type of what a Go type is in JSON.
func TypeOf(t reflect.Type) Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[time.Time]():
		return Timestamp
	case t.Implements(reflect.TypeFor[json.Marshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Marshaler]()):
		return Dyn
	}
	switch t.Kind() {
	case reflect.String:
		return String
	case reflect.Bool:
		return Bool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return Int
	case reflect.Float32, reflect.Float64:
		return Double
	case reflect.Struct:
		return Object(FieldsOf(t)...)
	case reflect.Map:
		return Map
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 { // base64
			return String
		}
		return List(TypeOf(t.Elem()))
	}
	return Dyn
}

// Of is the type of a field of an item, false where there is none.
func Of(fields []Field, name string) (Type, bool) {
	item := Object(fields...)
	if t := item.field(name); t != nil {
		return *t, true
	}
	return Type{}, false
}

// Is reports whether two types are of one shape; elements and fields are not
// compared.
func (t Type) Is(other Type) bool { return t.kind == other.kind }
