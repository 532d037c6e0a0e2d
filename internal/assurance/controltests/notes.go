package controltests

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Notes are what people found out about a test's deviations, as a notes file
// holds them. The zero Notes say nothing.
type Notes struct {
	// Items are notes by the item's id.
	Items map[string]Note `json:"items"`
	// DesignLevel: the control could not have worked as designed.
	DesignLevel bool `json:"design_level"`
	// RecordedQuery is the query that gave the population.
	RecordedQuery string `json:"recorded_query"`
	// Compensating gives, by the item's id, the reason why something else
	// stood in for it. A blank reason is none.
	Compensating map[string]string `json:"compensating"`
}

// Empty says that the notes say nothing.
func (n Notes) Empty() bool {
	return len(n.Items) == 0 && len(n.Compensating) == 0 && !n.DesignLevel && n.RecordedQuery == ""
}

// Note is about one item. Empty fields are not known.
type Note struct {
	Cause     string `json:"cause"`
	Person    string `json:"person"`
	Subsystem string `json:"subsystem"`
	// Incident is the reference of an incident that the deviation is linked
	// with.
	Incident string `json:"incident,omitempty"`
	// DesignLevel: the cause is one of the design.
	DesignLevel bool `json:"design_level,omitempty"`
}

// ParseNotes reads a notes file. file is its name, for the error, which is one
// line: file:line: what is wrong. Unknown and doubled names are errors.
func ParseNotes(file string, data []byte) (Notes, error) {
	var n Notes
	err := json.Unmarshal(data, &n, json.RejectUnknownMembers(true))
	if err == nil {
		return n, nil
	}
	text, offset := err.Error(), int64(0)
	var syntax *jsontext.SyntacticError
	var meaning *json.SemanticError
	switch {
	case errors.As(err, &syntax):
		text, offset = "not valid JSON: "+syntax.Err.Error(), syntax.ByteOffset
	case errors.As(err, &meaning) && errors.Is(err, json.ErrUnknownName):
		text, offset = fmt.Sprintf("unknown name %s; a notes file has items (of cause, person, subsystem, incident, design_level), design_level, recorded_query, compensating", meaning.JSONPointer), meaning.ByteOffset
	case errors.As(err, &meaning):
		text, offset = fmt.Sprintf("%s must be %s", place(meaning.JSONPointer), goKind(meaning)), meaning.ByteOffset
	}
	line := 1 + bytes.Count(data[:min(max(offset, 0), int64(len(data)))], []byte("\n"))
	return Notes{}, fmt.Errorf("%s:%d: %s", file, line, strings.ReplaceAll(text, "\n", " "))
}

func place(p jsontext.Pointer) string {
	if p == "" {
		return "a notes file"
	}
	return string(p)
}

// goKind says what JSON should have been there.
func goKind(e *json.SemanticError) string {
	switch {
	case e.GoType == nil:
		return "something else"
	case e.GoType.Kind().String() == "string":
		return "a string"
	case e.GoType.Kind().String() == "bool":
		return "true or false"
	}
	return "an object"
}
