package expr

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

// kind is the shape of a declared field's value.
type kind int

const (
	kindDyn kind = iota
	kindString
	kindInt
	kindDouble
	kindBool
	kindTimestamp
	kindDuration
	kindMap
	kindList
	kindObject
)

// Type is the declared type of a field of an item. The zero Type is Dyn.
type Type struct {
	kind   kind
	elem   *Type   // of a list
	fields []Field // of an object
}

// Field is a named, typed field of an item or of an object in it.
type Field struct {
	Name string
	Type Type
}

// The types of fields. In JSON, a timestamp is an RFC 3339 string, a duration
// is a string that time.ParseDuration takes, an int is a number without
// fraction and exponent that fits 64 bits, a double is any number.
//
// A declared field may be absent: JSON null counts as absent (but not for a
// Dyn field), and so does the empty string of a timestamp or duration.
var (
	Dyn       = Type{kind: kindDyn}
	String    = Type{kind: kindString}
	Int       = Type{kind: kindInt}
	Double    = Type{kind: kindDouble}
	Bool      = Type{kind: kindBool}
	Timestamp = Type{kind: kindTimestamp}
	Duration  = Type{kind: kindDuration}
	Map       = Type{kind: kindMap} // any JSON object
)

// List is a JSON array of values of one type.
func List(of Type) Type { return Type{kind: kindList, elem: &of} }

// Object is a JSON object with declared fields. Fields that are not declared
// may be present; an expression cannot read them.
func Object(fields ...Field) Type { return Type{kind: kindObject, fields: fields} }

var scalarTypes = map[string]Type{
	"string": String, "int": Int, "double": Double, "bool": Bool,
	"timestamp": Timestamp, "duration": Duration,
	"map": Map, "list": List(Dyn), "dyn": Dyn,
}

// TypeNames are the names that a control file may use, for its error messages.
const TypeNames = "string, int, double, bool, timestamp, duration, list, map, dyn, list(TYPE), a map of fields, or a list that holds one map of fields"

// ParseType reads a type's name in a control file.
func ParseType(name string) (Type, error) {
	name = strings.TrimSpace(name)
	if t, ok := scalarTypes[name]; ok {
		return t, nil
	}
	if inner, ok := strings.CutPrefix(name, "list("); ok && strings.HasSuffix(inner, ")") {
		elem, err := ParseType(strings.TrimSuffix(inner, ")"))
		if err != nil {
			return Type{}, err
		}
		return List(elem), nil
	}
	return Type{}, fmt.Errorf("unknown type %q; a type is %s", name, TypeNames)
}

// field is the type of a declared field of an object type, or nil.
func (t *Type) field(name string) *Type {
	for i := range t.fields {
		if t.fields[i].Name == name {
			return &t.fields[i].Type
		}
	}
	return nil
}

// Fields are the declared fields of an object; false for any other type.
func (t Type) Fields() ([]Field, bool) { return t.fields, t.kind == kindObject }

// names lists an object type's fields in order of declaration.
func (t Type) names() []string {
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.Name
	}
	return names
}

// String is the type as a control file would write it, for error messages.
func (t Type) String() string {
	switch t.kind {
	case kindList:
		return "list(" + t.elem.String() + ")"
	case kindObject:
		return "object"
	}
	for name, s := range scalarTypes {
		if s.kind == t.kind {
			return name
		}
	}
	return "dyn"
}

// celType is the type that expressions are checked with; path names object
// types apart from each other.
func (t Type) celType(path string) *cel.Type {
	switch t.kind {
	case kindString:
		return cel.StringType
	case kindInt:
		return cel.IntType
	case kindDouble:
		return cel.DoubleType
	case kindBool:
		return cel.BoolType
	case kindTimestamp:
		return cel.TimestampType
	case kindDuration:
		return cel.DurationType
	case kindMap:
		return cel.MapType(cel.StringType, cel.DynType)
	case kindList:
		return cel.ListType(t.elem.celType(path + "_element"))
	case kindObject:
		return cel.ObjectType(path)
	}
	return cel.DynType
}

// Conflict names the first declared field that the known type lacks (want is
// empty) or has with another type. A known type that is dynamic agrees with
// every declared one.
func Conflict(declared, known Type) (field, want, got string) {
	return conflict("", declared, known)
}

func conflict(name string, declared, known Type) (field, want, got string) {
	switch {
	case known.kind == kindDyn:
		return "", "", ""
	case declared.kind != known.kind:
		return name, known.String(), declared.String()
	case declared.kind == kindList:
		return conflict(name, *declared.elem, *known.elem)
	}
	for _, f := range declared.fields {
		inner := strings.TrimPrefix(name+"."+f.Name, ".")
		in := known.field(f.Name)
		if in == nil {
			return inner, "", ""
		}
		if field, want, got := conflict(inner, f.Type, *in); field != "" {
			return field, want, got
		}
	}
	return "", "", ""
}

// Refined are the known fields, those that are dynamic with the type that is
// declared of them, so that what is known of a field in one place only can be
// checked there.
func Refined(known, declared []Field) []Field {
	refined := append([]Field{}, known...)
	for i := range refined {
		for _, d := range declared {
			if d.Name == refined[i].Name && refined[i].Type.kind == kindDyn {
				refined[i].Type = d.Type
			}
		}
	}
	return refined
}

// Has reports whether there is a field of this name and type.
func Has(fields []Field, name string, t Type) bool {
	for i := range fields {
		if fields[i].Name == name {
			return fields[i].Type.kind == t.kind
		}
	}
	return false
}

// Signature writes fields with their types out, the same for the same fields.
func Signature(fields []Field) string {
	var b strings.Builder
	for _, f := range fields {
		b.WriteString(f.Name + ":")
		t := f.Type
		for t.kind == kindList {
			b.WriteString("[]")
			t = *t.elem
		}
		b.WriteString(t.String())
		if t.kind == kindObject {
			b.WriteString("{" + Signature(t.fields) + "}")
		}
		b.WriteString(";")
	}
	return b.String()
}
