package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// apace is how far the clock of whoever says that something happened may be ahead of ours.
const apace = time.Minute

// happened refuses what is said to have happened and lies in the future (Field.Happened).
// Now is in the organisation's zone. What stood there before, nil for a new record, stays.
func (k *Kind) happened(now time.Time, before json.RawMessage, doc any) error {
	if !k.past {
		return nil
	}
	return k.judged(before, doc, func(name string, f Field, value reflect.Value) []FieldError {
		return ahead(now, name, f, value)
	})
}

// tellsOfThePast reports whether a field, or a part of one, says when something happened.
func (k *Kind) tellsOfThePast() bool {
	return slices.ContainsFunc(k.Described, func(f Field) bool {
		shape := k.Shape(f.Name)
		return f.Happened || (shape == ShapeParts || shape == ShapeRows) && slices.ContainsFunc(Parts(k.Type(f.Name)), func(p Part) bool { return p.Happened })
	})
}

// ahead is what lies in the future of the value of a field, or of the parts of one.
func ahead(now time.Time, name string, f Field, value reflect.Value) (wrong []FieldError) {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return nil
		}
		value = value.Elem()
	}
	if at, ok := value.Interface().(time.Time); ok {
		if f.Happened && at.After(f.latest(now)) {
			return []FieldError{Wrong(name, "is in the future: it says when something happened, at the latest now (%s)", now.Format("2006-01-02 15:04"))}
		}
		return nil
	}
	switch value.Kind() { //nolint:exhaustive // others hold no times
	case reflect.Slice:
		if ShapeOf(value.Type()) != ShapeRows {
			return nil
		}
		for i := range value.Len() {
			wrong = append(wrong, ahead(now, fmt.Sprintf("%s[%d]", name, i), f, value.Index(i))...)
		}
	case reflect.Struct:
		for _, part := range Parts(value.Type()) {
			if place, ok := places(value.Type())[part.Name]; ok {
				if within, err := value.FieldByIndexErr(place); err == nil {
					wrong = append(wrong, ahead(now, name+"."+part.Name, part.Field, within)...)
				}
			}
		}
	}
	return wrong
}

// latest is the latest time of the field that is in no future: of days, the end of today.
func (f *Field) latest(now time.Time) time.Time {
	if !f.Whole() {
		return now.Add(apace)
	}
	year, month, day := now.Date()
	return f.Begin(time.Date(year, month, day+1, 0, 0, 0, 0, now.Location())).Add(-time.Microsecond)
}
