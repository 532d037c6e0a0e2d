package expr

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"cel.dev/cel-go/common/types"
	"github.com/go-json-experiment/json/jsontext"
)

// decoder reads from a JSON object the part that expressions need, and checks
// the syntax of all of it (RFC 8259, with valid UTF-8 and unique names). It is
// reused from item to item by one goroutine.
type decoder struct {
	buffer  bytes.Buffer
	text    *jsontext.Decoder
	options jsontext.Options
	root    *node
	item    map[string]any // the last item, whose map is used again
	bad     error          // first value that does not fit its declared type
	at      []string       // path of the value being decoded, for bad
}

// mismatch stands in a document for a value that does not fit its declared
// type; reading it is an evaluation error.
type mismatch struct{ err error }

// newDecoder returns a decoder of items with these fields (nil: dynamic). The
// items of a canonical source have unique names by their making, which is then
// not checked again.
func newDecoder(n *need, fields []Field, canonical bool) *decoder {
	d := &decoder{options: jsontext.AllowDuplicateNames(canonical), item: map[string]any{}}
	if fields == nil {
		d.root = newNode("", n, nil)
	} else {
		item := Object(fields...)
		d.root = newNode("", n, &item)
	}
	d.text = jsontext.NewDecoder(&d.buffer, d.options)
	return d
}

// node is a part of an item that is decoded.
type node struct {
	name     string
	declared *Type   // nil: dynamic
	all      bool    // of an object, every member
	members  []*node // or these
	element  *node   // of a list
}

// anything is a value of which everything is needed, and nothing is declared.
var anything = &node{all: true}

func init() { anything.element = anything }

// newNode makes the node of what is needed of a value of the declared type.
func newNode(name string, n *need, declared *Type) *node {
	if declared != nil && declared.kind == kindDyn {
		declared = nil
	}
	made := &node{name: name, declared: declared, element: anything}
	if declared != nil && declared.kind == kindList {
		made.element = newNode("", &need{whole: true}, declared.elem)
	}
	if declared != nil && declared.kind == kindObject { // nothing can read what is not declared
		for i := range declared.fields {
			field := &declared.fields[i]
			child := n.children[field.Name]
			if n.whole {
				child = n
			}
			if child != nil {
				made.members = append(made.members, newNode(field.Name, child, &field.Type))
			}
		}
		return made
	}
	made.all = n.whole
	for child, needed := range n.children {
		made.members = append(made.members, newNode(child, needed, nil))
	}
	return made
}

// member finds what is needed of a member by its raw name; nil for nothing.
func (n *node) member(raw jsontext.Value) (child *node, name string) {
	if bytes.IndexByte(raw, '\\') >= 0 {
		name = unquote(raw)
	} else if !n.all {
		for _, child := range n.members {
			if string(raw[1:len(raw)-1]) == child.name { // does not allocate
				return child, child.name
			}
		}
		return nil, ""
	} else {
		name = string(raw[1 : len(raw)-1])
	}
	if n.all {
		return anything, name
	}
	for _, child := range n.members {
		if name == child.name {
			return child, name
		}
	}
	return nil, ""
}

// decode reads one item, which is valid until the next call. Its numbers without fraction and exponent become
// int64 where they fit, all others float64. The error is for something that is
// not a JSON object; a value that does not fit the schema is kept in d.bad.
func (d *decoder) decode(item []byte) (map[string]any, error) {
	d.bad, d.at = nil, d.at[:0]
	// A buffer made of the item itself lets the decoder parse in place.
	d.buffer = *bytes.NewBuffer(item)
	d.text.Reset(&d.buffer, d.options)
	switch k := d.text.PeekKind(); k {
	case '{':
	case '[', '"', '0', 't', 'f', 'n':
		return nil, fmt.Errorf("not a JSON object but %s", kindName(k))
	default:
		_, err := d.text.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("nothing where a JSON object should be")
		}
		return nil, syntaxError(err)
	}
	clear(d.item)
	if err := d.object(d.root, d.item); err != nil {
		return nil, syntaxError(err)
	}
	if _, err := d.text.ReadToken(); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, syntaxError(err)
		}
		return nil, errors.New("more than one JSON value on a line")
	}
	return d.item, nil
}

// syntaxError says in one line what is wrong with the JSON and after which
// byte.
func syntaxError(err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not valid JSON: %w after byte %d", syntax.Err, syntax.ByteOffset)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not valid JSON: it ends too early")
	}
	return fmt.Errorf("not valid JSON: %w", err)
}

// object reads what is needed of an object into a map.
func (d *decoder) object(n *node, into map[string]any) error {
	if _, err := d.text.ReadToken(); err != nil {
		return err
	}
	for d.text.PeekKind() != '}' {
		raw, err := d.text.ReadValue()
		if err != nil {
			return err
		}
		child, name := n.member(raw)
		if child == nil {
			if err := d.text.SkipValue(); err != nil {
				return err
			}
			continue
		}
		d.at = append(d.at, name)
		value, present, err := d.value(child)
		d.at = d.at[:len(d.at)-1]
		if err != nil {
			return err
		}
		if present {
			into[name] = value
		}
	}
	_, err := d.text.ReadToken()
	return err
}

func (d *decoder) newObject(n *node) (map[string]any, error) {
	object := make(map[string]any, len(n.members))
	return object, d.object(n, object)
}

func unquote(raw jsontext.Value) string {
	text, err := jsontext.AppendUnquote(nil, []byte(raw))
	if err != nil { // the decoder has accepted it
		return string(raw)
	}
	return string(text)
}

// value reads one value. present is false for a declared value that is null
// (or "" where the type is timestamp or duration).
func (d *decoder) value(n *node) (value any, present bool, err error) {
	t := n.declared
	if t == nil {
		value, err = d.dynamic(n)
		return value, err == nil, err
	}
	got := d.text.PeekKind()
	switch {
	case got == 'n':
		_, err := d.text.ReadToken()
		return nil, false, err
	case got == '{' && (t.kind == kindObject || t.kind == kindMap):
		value, err = d.newObject(n)
		return value, true, err
	case got == '[' && t.kind == kindList:
		value, err = d.array(n.element)
		return value, true, err
	case got == 't' || got == 'f':
		_, err := d.text.ReadToken()
		if err != nil || t.kind == kindBool {
			return got == 't', true, err
		}
		return d.misfit(t, kindName(got)), true, nil
	case got == '"':
		token, err := d.text.ReadToken()
		if err != nil {
			return nil, false, err
		}
		value, present = d.textAs(t, token.String())
		return value, present, nil
	case got == '0':
		value, err := d.number()
		if err != nil {
			return nil, false, err
		}
		return d.numberAs(t, value), true, nil
	}
	// An object or array where something else is declared, or bad syntax.
	if err := d.text.SkipValue(); err != nil {
		return nil, false, err
	}
	return d.misfit(t, kindName(got)), true, nil
}

// textAs reads a JSON string as the declared type.
func (d *decoder) textAs(t *Type, s string) (any, bool) {
	switch t.kind {
	case kindString:
		return s, true
	case kindTimestamp:
		if s == "" {
			return nil, false
		}
		at, err := parseInstant(s)
		if err != nil {
			return d.misfit(t, "the string "+Quote(s)), true
		}
		return types.Timestamp{Time: at}, true
	case kindDuration:
		if s == "" {
			return nil, false
		}
		length, err := time.ParseDuration(s)
		if err != nil {
			return d.misfit(t, "the string "+Quote(s)), true
		}
		return types.Duration{Duration: length}, true
	}
	return d.misfit(t, "the string "+Quote(s)), true
}

func (d *decoder) numberAs(t *Type, value any) any {
	switch n := value.(type) {
	case int64:
		switch t.kind {
		case kindInt:
			return n
		case kindDouble:
			return float64(n)
		}
	case float64:
		if t.kind == kindDouble {
			return n
		}
	}
	return d.misfit(t, fmt.Sprintf("the number %v", value))
}

// misfit records a value of another type than declared.
func (d *decoder) misfit(t *Type, what string) mismatch {
	err := fmt.Errorf("%s must be %s, but is %s", strings.Join(d.at, "."), t, what)
	if d.bad == nil {
		d.bad = err
	}
	return mismatch{err}
}

func (d *decoder) array(element *node) (any, error) {
	if _, err := d.text.ReadToken(); err != nil {
		return nil, err
	}
	list := []any{}
	for d.text.PeekKind() != ']' {
		value, present, err := d.value(element)
		if err != nil {
			return nil, err
		}
		if !present {
			value = d.misfit(element.declared, "null")
		}
		if bad, ok := value.(mismatch); ok {
			value = types.WrapErr(bad.err)
		}
		list = append(list, value)
	}
	_, err := d.text.ReadToken()
	return list, err
}

// dynamic reads a value with no declared type.
func (d *decoder) dynamic(n *node) (any, error) {
	switch d.text.PeekKind() {
	case '{':
		return d.newObject(n)
	case '[':
		return d.array(anything)
	case '0':
		return d.number()
	}
	token, err := d.text.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '"':
		return token.String(), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	var null any
	return null, nil
}

func (d *decoder) number() (any, error) {
	raw, err := d.text.ReadValue()
	if err != nil {
		return nil, err
	}
	if !bytes.ContainsAny(raw, ".eE") {
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return n, nil
		}
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return nil, fmt.Errorf("the number %s does not fit a 64-bit float", Quote(string(raw)))
	}
	return n, nil
}

// parseInstant reads an RFC 3339 date-time; unlike time.Parse it takes nothing
// that the RFC forbids.
func parseInstant(s string) (time.Time, error) {
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		return time.Time{}, fmt.Errorf("%s is not an RFC 3339 time such as 2026-01-31T09:30:00Z", Quote(s))
	}
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Time{}, fmt.Errorf("%s is outside the years 1 to 9999", Quote(s))
	}
	return t.UTC(), nil
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a bool"
	case 'n':
		return "null"
	}
	return "something else"
}

// Quote quotes text for a one-line message.
func Quote(s string) string {
	const most = 60
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
