package record

import (
	"fmt"
	"slices"
	"strings"
)

// FieldError says what is wrong with a field and what would be right.
type FieldError struct {
	Field   string `json:"field"`
	Problem string `json:"problem"`
}

// Invalid is the error of a document with wrong fields.
type Invalid struct{ Fields []FieldError }

// Error implements error.
func (e *Invalid) Error() string {
	var all []string
	for _, field := range e.Fields {
		all = append(all, field.Field+": "+field.Problem)
	}
	return strings.Join(all, "; ")
}

// Under is the error of what holds the document: the fields' names follow a prefix.
func (e *Invalid) Under(prefix string) *Invalid {
	under := &Invalid{}
	for _, field := range e.Fields {
		under.Fields = append(under.Fields, FieldError{prefix + field.Field, field.Problem})
	}
	return under
}

// Wrong says what is wrong with a field and what would be right.
func Wrong(field, format string, args ...any) FieldError {
	return FieldError{field, fmt.Sprintf(format, args...)}
}

// Within is how a field of a struct is called that stands in a list: "injects[0].what".
func Within(field string, row int, part string) string {
	return fmt.Sprintf("%s[%d].%s", field, row, part)
}

// Missing says which fields of a struct in a list, each followed by its text, are empty.
func Missing(field string, row int, pairs ...string) (wrong []FieldError) {
	for pair := range slices.Chunk(pairs, 2) {
		if strings.TrimSpace(pair[1]) == "" {
			wrong = append(wrong, Wrong(Within(field, row, pair[0]), "is missing"))
		}
	}
	return wrong
}

// Refuse is the error of a document with one wrong field.
func Refuse(field, format string, args ...any) error {
	return &Invalid{[]FieldError{Wrong(field, format, args...)}}
}

// Bounded says which of the fields, each followed by its text, have more than so many
// bytes.
func Bounded(most int, pairs ...string) (wrong []FieldError) {
	for pair := range slices.Chunk(pairs, 2) {
		if n := len(pair[1]); n > most {
			wrong = append(wrong, Wrong(pair[0], "has %d bytes, at most %d are taken", n, most))
		}
	}
	return wrong
}
