// Package recordtest holds a register against everything that the engine
// promises of it, on both databases.
package recordtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/record/expr"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// Register is a register with what it takes to use it.
type Register struct {
	Kind *record.Kind
	// Own are states to which nobody moves a record: the register's own rules
	// bring it there.
	Own []string
	// New is a whole document of a new record, as JSON: with its id, where the
	// register does not number its records. It is in the first state.
	New string
	// ID is the id of the nth new record, where it is not any text.
	ID func(n int) string
	// Set changes a field to another valid value: a merge patch. Empty: all that people set
	// is settled from the beginning.
	Set string
	// Fields are what a move to a state needs, by "from to".
	Fields map[string]string
	// Refused are documents that the register's own rules refuse, by the field
	// that is wrong.
	Refused map[string]string
	// GuardFalse are fields with which a guard is false, by "from to field", or "from to"
	// of one on no field. Each guard of the definition needs some.
	GuardFalse map[string]string
	// With are further registers that the rules of this one read or write, Seed what
	// has to be in them.
	With record.Kinds
	Seed func(tx *act.Tx) error
}

// exercise is a register under test.
type exercise struct {
	*testing.T
	Register
	l     *ledgertest.Ledger
	kinds record.Kinds
	n     int // records so far
}

// Exercise runs all of it. It fails when the definition is wrong.
func Exercise(t *testing.T, r Register) {
	t.Helper()
	if err := r.Kind.Wrong(); err != nil {
		t.Fatal(err)
	}
	for name, part := range map[string]func(*exercise){
		"changes": (*exercise).changes, "lifecycle": (*exercise).lifecycle, "lists": (*exercise).lists,
		"tables": (*exercise).tables, "attached": (*exercise).attached,
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
				x := &exercise{T: t, Register: r, l: l, kinds: slices.Concat(record.Kinds{r.Kind}, r.With, attached.Kinds)}
				x.adopt()
				part(x)
				l.Verify(t, x.kinds)
			})
		})
	}
}

// adopt makes the register's indexes, as opening a folder does.
func (x *exercise) adopt() {
	x.Helper()
	if err := x.l.Door.Close(); err != nil { // it has the connection for writing
		x.Fatal(err)
	}
	if _, err := x.kinds.Adopt(context.Background(), x.l.DB); err != nil {
		x.Fatal(err)
	}
	x.l.OpenDoor(x.T)
	if x.Seed != nil {
		if err := x.as(someone, x.Seed); err != nil {
			x.Fatal(err)
		}
	}
}

func fields(x *exercise, text string) map[string]json.RawMessage {
	x.Helper()
	all := map[string]json.RawMessage{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			x.Fatalf("%s: %v", text, err)
		}
	}
	return all
}

// as acts as somebody.
func (x *exercise) as(who string, body func(*act.Tx) error) error {
	_, err := x.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", x.Kind.Register, body)
	return err
}

const (
	someone  = "person/author"
	somebody = "person/other"
	another  = "person/third"
	further  = "person/fourth"
)

// add adds a record like New, with an id of its own.
func (x *exercise) add(change map[string]json.RawMessage) *record.Version {
	x.Helper()
	v, err := x.tryAdd(change)
	if err != nil {
		x.Fatal(err)
	}
	return v
}

func (x *exercise) tryAdd(change map[string]json.RawMessage) (v *record.Version, err error) {
	given := fields(x, x.New)
	x.n++
	if x.Kind.Prefix == "" {
		id := fmt.Sprintf("r%03d", x.n)
		if x.ID != nil {
			id = x.ID(x.n)
		}
		given[x.Kind.IDField] = json.RawMessage(strconv.Quote(id))
	}
	for field, value := range change {
		given[field] = value
	}
	return v, x.as(someone, func(tx *act.Tx) (err error) {
		v, err = record.Add(tx, x.Kind, given)
		return err
	})
}

func (x *exercise) set(id string, version int, change map[string]json.RawMessage) (v *record.Version, err error) {
	return v, x.as(somebody, func(tx *act.Tx) (err error) {
		v, err = record.Set(tx, x.Kind, id, version, change)
		return err
	})
}

func (x *exercise) move(who, id, state string, change map[string]json.RawMessage) (v *record.Version, err error) {
	return v, x.as(who, func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, x.Kind, id, state)
		if err == nil {
			v, err = record.Move(tx, x.Kind, id, record.AnyVersion, state, permission, change)
		}
		return err
	})
}

// invalid holds that an error names the field.
func (x *exercise) invalid(err error, field, what string) {
	x.Helper()
	var wrong *record.Invalid
	if !errors.As(err, &wrong) || !slices.ContainsFunc(wrong.Fields, func(f record.FieldError) bool {
		return (f.Field == field || strings.HasPrefix(f.Field, field+"[")) && f.Problem != ""
	}) {
		x.Errorf("%s: got %v, want the field %s to be named", what, err, field)
	}
}

func (x *exercise) changes() {
	v := x.add(nil)
	if x.Kind.Prefix != "" && v.ID != x.Kind.Prefix+"-1" {
		x.Errorf("the first record is %s", v.ID)
	}
	if x.Kind.Prefix == "" {
		x.n--
		if _, err := x.tryAdd(nil); !errors.Is(err, record.ErrExists) {
			x.Errorf("the same id again: %v", err)
		}
	}
	if x.Kind.Author != "" {
		if got := string(fields(x, string(v.Doc))[x.Kind.Author]); got != `"`+someone+`"` {
			x.Errorf("%s is %s, want who added it", x.Kind.Author, got)
		}
		_, err := x.tryAdd(map[string]json.RawMessage{x.Kind.Author: json.RawMessage(`"person/else"`)})
		x.invalid(err, x.Kind.Author, "a forged author")
	}
	_, err := x.tryAdd(map[string]json.RawMessage{"no_such_field": json.RawMessage(`1`)})
	x.invalid(err, "no_such_field", "an unknown field")
	for _, field := range x.Kind.Schema() {
		bad := `{"x":[1]}`
		if field.Type.Is(expr.Map) || field.Type.Is(expr.Dyn) || field.Type.Is(expr.Object()) {
			bad = `[["x"]]`
		}
		if field.Type.Is(expr.Dyn) || field.Name == x.Kind.Author || field.Name == x.Kind.IDField {
			continue
		}
		if _, err := x.tryAdd(map[string]json.RawMessage{field.Name: json.RawMessage(bad)}); err == nil {
			x.Errorf("the field %s takes %s", field.Name, bad)
		}
	}
	for field, doc := range x.Refused {
		_, err := x.tryAdd(fields(x, doc))
		x.invalid(err, field, doc)
	}
	for _, field := range x.Kind.Described {
		x.described(v.ID, field)
	}
	if x.Set == "" {
		if can, _, err := x.Kind.Changeable(v.Doc); err != nil || len(can) > 0 {
			x.Errorf("Set is empty, and there is something to set: %v %v", can, err)
		}
		x.history(v.ID, 1)
		return
	}
	change := fields(x, x.Set)
	next, err := x.set(v.ID, v.Version, change)
	if err != nil || next.Version != 2 {
		x.Fatalf("set %s: %+v %v", x.Set, next, err)
	}
	if _, err := x.set(v.ID, 2, change); !errors.Is(err, record.ErrSame) {
		x.Errorf("the same again: %v", err)
	}
	// Two people: the second sees both versions, and nothing is overwritten.
	_, err = x.set(v.ID, 1, change)
	var stale *record.StaleError
	if !errors.As(err, &stale) || !bytes.Equal(stale.Current.Doc, next.Doc) || stale.Yours == nil || stale.From != 1 {
		x.Errorf("a stale change: %v", err)
	}
	for _, field := range x.Kind.Fixed {
		value := fields(x, string(v.Doc))[field]
		_, err := x.set(v.ID, record.AnyVersion, map[string]json.RawMessage{field: value})
		x.invalid(err, field, "a fixed field")
	}
	if _, err := x.set("none", record.AnyVersion, change); !errors.Is(err, record.ErrNone) {
		x.Errorf("a record that is not there: %v", err)
	}
	x.history(v.ID, 2)
	x.asOf(v, next)
}

// described holds that a field is as it is described.
func (x *exercise) described(id string, field record.Field) {
	x.Helper()
	change := func(value string) map[string]json.RawMessage {
		return map[string]json.RawMessage{field.Name: json.RawMessage(value)}
	}
	none := map[record.Shape]string{record.ShapeText: `"no such choice"`, record.ShapeTexts: `["no such choice"]`}[x.Kind.Shape(field.Name)]
	if len(field.Choices) > 0 && field.Name != x.Kind.Author && field.Name != "state" {
		_, err := x.tryAdd(change(none))
		x.invalid(err, field.Name, "a value that is no choice")
	}
	if field.Refers != "" && field.Name != x.Kind.Author {
		_, err := x.tryAdd(change(none))
		x.invalid(err, field.Name, "a reference that is none")
	}
	if field.Shows && !field.Given {
		value := `"` + x.Kind.Name + `/nothing-here"`
		if x.Kind.Shape(field.Name) == record.ShapeTexts {
			value = "[" + value + "]"
		}
		_, err := x.tryAdd(change(value))
		x.invalid(err, field.Name, "a reference to nothing")
	}
	if field.Required && field.Name != x.Kind.Author && (field.Name != x.Kind.IDField || x.Kind.Prefix == "") {
		without := change("null")
		if x.Kind.Composes() { // whose id says some of them
			without[x.Kind.IDField] = json.RawMessage("null")
		}
		_, err := x.tryAdd(without)
		x.invalid(err, field.Name, "a required field that is missing")
	}
	if field.Computed || field.Given {
		_, err := x.tryAdd(change(none))
		x.invalid(err, field.Name, "a field that is not given by people")
		_, err = x.set(id, record.AnyVersion, change(none))
		x.invalid(err, field.Name, "a computed field that is set")
	}
}

// history holds the versions against the events, and proves each event.
func (x *exercise) history(id string, versions int) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		all, err := record.History(r, x.Kind.Name, id)
		if err != nil {
			return err
		}
		if len(all) != versions {
			x.Errorf("%s has %d versions, want %d", id, len(all), versions)
		}
		for i, v := range all {
			event, err := ledger.Get(r, v.From)
			if err != nil {
				return err
			}
			if event.Subject != v.Ref() || (i+1 < len(all)) != (v.To != nil) || v.To != nil && *v.To != all[i+1].From {
				x.Errorf("version %d of %s: event about %s, ends at %v", v.Version, id, event.Subject, v.To)
			}
			proof, err := ledger.Prove(r, v.From)
			if err != nil {
				return err
			}
			if _, err := proof.Check(x.l.VerifierKey); err != nil {
				x.Errorf("the proof of event %d: %v", v.From, err)
			}
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}

// asOf reads the record as it was.
func (x *exercise) asOf(first, second *record.Version) {
	x.Helper()
	for _, one := range []*record.Version{first, second} {
		var got []byte
		if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: x.Kind.Name, AsOf: one.From + 1}, func(v *record.Version) error {
				if v.ID == one.ID {
					got = bytes.Clone(v.Doc)
				}
				return nil
			})
		}); err != nil {
			x.Fatal(err)
		}
		if !bytes.Equal(got, one.Doc) {
			x.Errorf("as of %d it reads %s, want %s", one.From+1, got, one.Doc)
		}
	}
}
