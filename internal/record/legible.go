package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"scaf.dev/scaf/internal/platform/markdown"
)

// The years between which the times of records lie: what is beyond them was mistyped.
const (
	firstYear = 1900
	lastYear  = 2199
)

// Legible refuses what no record holds, whatever its register says: characters that no page
// and no table can show, line breaks in what is a line, what pages leave out of Markdown, times
// of another age, and ids with characters of which pages are made or that nobody sees. What stood there before, nil for a new record, stays. Add, Set, Move
// and imports ask it; whoever writes by Put what others have typed has to.
func (k *Kind) Legible(before json.RawMessage, doc any) error {
	err := k.judged(before, doc, unfitIn)
	if before != nil {
		return err
	}
	problem, wrong := unfitID(k.Identify(doc)), &Invalid{}
	switch {
	case problem == "" || err != nil && !errors.As(err, &wrong):
		return err
	case slices.ContainsFunc(wrong.Fields, func(w FieldError) bool { return w.Field == k.IDField }):
		return err
	}
	return &Invalid{append([]FieldError{{k.IDField, problem}}, wrong.Fields...)}
}

// UnfitLine is what is wrong with a line of text that is kept beside the fields of a register;
// empty: nothing.
func UnfitLine(text string) string { return unfitText(text, true) }

// unfitID is what is wrong with the id of a new record; empty: nothing.
func unfitID(id string) string {
	if at := markdown.Unseen(id); at >= 0 {
		return hidden(id, at, "which nobody sees")
	}
	if at := strings.IndexFunc(id, unicode.IsControl); at >= 0 {
		return hidden(id, at, "which stands in no id")
	}
	if at := strings.IndexAny(id, `<>"`); at >= 0 {
		return fmt.Sprintf("holds the character %q, which stands in no id", id[at])
	}
	return ""
}

// judged refuses the fields of a document of which a judgment says that something is wrong.
// What stood there before, nil for a new record, stays.
func (k *Kind) judged(before json.RawMessage, doc any, judge func(name string, f Field, value reflect.Value) []FieldError) error {
	fields := reflect.Indirect(reflect.ValueOf(doc))
	if fields.Kind() != reflect.Struct {
		return nil
	}
	var wrong []FieldError
	for _, f := range k.Described {
		place, ok := places(fields.Type())[f.Name]
		if !ok {
			continue
		}
		value, err := fields.FieldByIndexErr(place)
		if err != nil { // within a struct that is not there
			continue
		}
		wrong = append(wrong, judge(f.Name, f, value)...)
	}
	if len(wrong) == 0 {
		return nil
	}
	if before != nil {
		after, err := Canonical(doc)
		if err != nil {
			return err
		}
		differing, err := Differing(before, after)
		if err != nil {
			return err
		}
		wrong = slices.DeleteFunc(wrong, func(w FieldError) bool {
			return !slices.ContainsFunc(differing, func(d FieldDiff) bool { return d.Field == top(w.Field) })
		})
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// unfitIn is what is wrong with the value of a field, or of a part of one.
func unfitIn(name string, f Field, value reflect.Value) (wrong []FieldError) {
	pointed := value.Kind() == reflect.Pointer
	if pointed {
		if value.IsNil() {
			return nil
		}
		value = value.Elem()
	}
	switch held := value.Interface().(type) {
	case time.Time:
		if year := held.UTC().Year(); (pointed || !held.IsZero()) && (year < firstYear || year > lastYear) {
			return []FieldError{Wrong(name, "is in the year %d: a day between %d and %d is meant", year, firstYear, lastYear)}
		}
		return nil
	case string:
		if problem := unfitText(held, !f.Long && !f.Markdown); problem != "" {
			return []FieldError{{name, problem}}
		}
		if at := markdown.Unseen(held); f.Markdown && at >= 0 {
			wrong = append(wrong, FieldError{name, hidden(held, at, "which nobody sees")})
		}
		if f.FrontMatter {
			held = markdown.Body(held)
		}
		if f.Markdown {
			for _, problem := range markdown.Problems(held) {
				wrong = append(wrong, FieldError{name, problem})
			}
		}
		return wrong
	}
	switch value.Kind() {
	case reflect.String:
		return unfitIn(name, f, reflect.ValueOf(value.String()))
	case reflect.Slice:
		f.Long = f.Long || value.Type().Elem().Kind() == reflect.String // a list has a line for each in forms, and says what it likes elsewhere
		for i := range value.Len() {
			wrong = append(wrong, unfitIn(fmt.Sprintf("%s[%d]", name, i), f, value.Index(i))...)
		}
	case reflect.Struct:
		for _, part := range Parts(value.Type()) {
			if place, ok := places(value.Type())[part.Name]; ok {
				if within, err := value.FieldByIndexErr(place); err == nil {
					wrong = append(wrong, unfitIn(name+"."+part.Name, part.Field, within)...)
				}
			}
		}
	}
	return wrong
}

// unfitText is what is wrong with a text; empty: nothing.
func unfitText(text string, line bool) string {
	if line && strings.ContainsAny(text, "\n\r") {
		return "has a line break, and is one line"
	}
	if at := strings.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }); at >= 0 {
		return hidden(text, at, "which is none of a text")
	}
	return ""
}

// hidden is what is said of a character of a text that begins at a byte, which whoever wrote
// the text does not see.
func hidden(text string, at int, why string) string {
	r, _ := utf8.DecodeRuneInString(text[at:])
	return fmt.Sprintf("holds %s, %s, %s: take it out", markdown.Named(r), why, markdown.Place(text, at))
}

// Unmarked are fields without the byte order mark with which texts in Markdown begin that
// came out of a file: nobody wrote it.
func (k *Kind) Unmarked(fields map[string]json.RawMessage) map[string]json.RawMessage {
	for i := range k.Described {
		f := &k.Described[i]
		var text string
		if raw, ok := fields[f.Name]; !ok || !f.Markdown || json.Unmarshal(raw, &text) != nil {
			continue
		}
		without, marked := strings.CutPrefix(text, markdown.Mark)
		if raw, err := json.Marshal(without); marked && err == nil {
			fields = maps.Clone(fields)
			fields[f.Name] = raw
		}
	}
	return fields
}
