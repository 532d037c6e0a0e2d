package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Whoever has left is given nothing new to do: a field that names people for what lies
// ahead takes nobody who works here no more. What says something of the past goes on to
// take them (Field.Leavers, Field.Then).

// stateLeft is that of people who have left, in the register of people.
const stateLeft = "left"

// leaver is who has left, and when.
type leaver struct {
	name string
	at   time.Time
}

// leaverOf is whom a document of the register of people is about, where they have left
// by an instant or will do so; nil: nobody said that they do.
func leaverOf(doc json.RawMessage) (*leaver, error) {
	var person struct {
		Name   string     `json:"name"`
		State  string     `json:"state"`
		LeftAt *time.Time `json:"left_at"`
	}
	if err := json.Unmarshal(doc, &person); err != nil || person.State != stateLeft || person.LeftAt == nil {
		return nil, err
	}
	return &leaver{person.Name, *person.LeftAt}, nil
}

// leaves finds out whether the person has left whom a link names, or whose account it
// names; doc is what is there by that reference.
func (l *lookup) leaves(ref, kind string, doc json.RawMessage) (err error) {
	if kind == kindAccount {
		who, err := principal(l.r, ref)
		id, is := strings.CutPrefix(who, kindPerson+"/")
		if err != nil || !is {
			return err
		}
		there, err := Current(l.r, kindPerson, []string{id})
		if doc = there[id]; doc == nil {
			return err
		}
	}
	l.left[ref], err = leaverOf(doc)
	return err
}

// gone refuses whoever had left by the time that a link speaks of; empty: it may name
// them. Before is the document before, nil for none: who stands there stays.
func (l *lookup) gone(k *Kind, n link, before json.RawMessage) (string, error) {
	left := l.left[n.text]
	if n.by.Refers != kindPerson || n.by.Leavers || left == nil || left.at.After(l.now) {
		return "", nil
	}
	then, says := n.then, ""
	if before != nil {
		doc := k.New()
		if err := json.Unmarshal(before, doc); err != nil {
			return "", err
		}
		for _, had := range k.links(doc) {
			if had.field() == n.field() && had.text == n.text {
				return "", nil
			}
		}
		if then == nil && n.by.Then != "" { // the source does not speak of it
			then = instant(member(reflect.ValueOf(doc).Elem(), n.by.Then))
		}
	}
	if then != nil {
		if !left.at.Before(*then) {
			return "", nil
		}
		says = ", before that: name who was there"
	}
	if says == "" {
		says = ": name somebody who works here"
	}
	who := n.text
	if left.name != "" {
		who = left.name + " (" + n.text + ")"
	}
	return fmt.Sprintf("%s left on %s%s", who, left.at.In(l.now.Location()).Format(time.DateOnly), says), nil
}

// field is the field of a link, whatever the row in which it stands.
func (n link) field() string {
	top, _, _ := strings.Cut(n.at, "[")
	return top + "." + n.by.Name
}

// instant is that of a value, if it holds one.
func instant(v reflect.Value) *time.Time {
	for v.IsValid() && v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil
	}
	at, ok := v.Interface().(time.Time)
	if !ok || at.IsZero() {
		return nil
	}
	return &at
}

// Ahead reports whether the people whom a field names have something to do, and none of
// them can have left.
func (f *Field) Ahead() bool {
	return f.Refers == kindPerson && !f.Leavers && f.Then == "" && !f.Given && !f.Computed
}
