package recordtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// lifecycle tries every pair of states: what the definition allows and what it
// does not.
func (x *exercise) lifecycle() {
	for _, from := range x.Kind.States {
		if slices.Contains(x.Own, from.Name) {
			continue
		}
		for _, to := range x.Kind.States {
			name := from.Name + " " + to.Name
			at := slices.IndexFunc(x.Kind.Transitions, func(t record.Transition) bool { return t.From == from.Name && t.To == to.Name })
			id := x.bring(from.Name)
			if id == "" {
				x.Errorf("no record can come to the state %s by the moves and fields given", from.Name)
				break
			}
			if at < 0 {
				if _, err := x.move(somebody, id, to.Name, x.asked(name)); err == nil {
					x.Errorf("a record moves from %s, which the definition does not allow", name)
				}
				continue
			}
			x.transition(id, &x.Kind.Transitions[at], name)
		}
	}
	v := x.add(nil)
	if len(x.Kind.States) > 0 {
		_, err := x.set(v.ID, record.AnyVersion, map[string]json.RawMessage{"state": json.RawMessage(`"` + x.Kind.States[0].Name + `"`)})
		x.invalid(err, "state", "setting the state")
		if _, err := x.move(somebody, v.ID, "no_such_state", nil); err == nil {
			x.Error("a record moves to a state that there is not")
		}
	}
}

// transition tries one move: refused for each reason, then allowed.
func (x *exercise) transition(id string, t *record.Transition, name string) {
	x.Helper()
	change, with := x.asked(name), func(fields map[string]json.RawMessage) map[string]json.RawMessage { return fields }
	if x.Kind.Approves(t) { // what is approved was written by others before
		with = func(fields map[string]json.RawMessage) map[string]json.RawMessage {
			x.write(id, fields)
			return nil
		}
	}
	moved := with(change)
	doc := fields(x, string(x.current(id).Doc))
	for _, field := range t.NotBy {
		var who string
		var all []string
		if json.Unmarshal(doc[field], &all) == nil && len(all) > 0 {
			who = all[len(all)-1]
		} else if json.Unmarshal(doc[field], &who) != nil || who == "" {
			x.Errorf("move %s: the field %s names nobody: give it in New", name, field)
			continue
		}
		if _, err := x.move(who, id, t.To, moved); !errors.Is(err, act.ErrSamePerson) {
			x.Errorf("move %s by the %s: %v", name, field, err)
		}
		// Whoever puts somebody else's name there first is still who they were. Some
		// registers let nobody change the field in this state.
		if x.Kind.Field(field).Given || slices.Contains(x.Kind.Fixed, field) || x.Kind.Shape(field) != record.ShapeText {
			continue
		}
		if _, err := x.set(id, record.AnyVersion, map[string]json.RawMessage{field: json.RawMessage(`"person/successor"`)}); err == nil {
			if _, err := x.move(who, id, t.To, moved); !errors.Is(err, act.ErrSamePerson) {
				x.Errorf("move %s by who was the %s: %v", name, field, err)
			}
		}
	}
	for _, field := range t.Required {
		without := map[string]json.RawMessage{field: json.RawMessage("null")}
		for name, value := range change {
			if name != field {
				without[name] = value
			}
		}
		without = with(without)
		_, err := x.move(x.mover(id, t), id, t.To, without)
		x.invalid(err, field, "move "+name+" without what is required")
		if x.Kind.Approves(t) {
			x.write(id, map[string]json.RawMessage{field: doc[field]})
		}
	}
	for _, g := range t.Guards {
		bad, ok := x.GuardFalse[strings.TrimSpace(name+" "+g.Field)]
		if !ok {
			x.Errorf("move %s has a guard on %q: GuardFalse must say with which fields it is false", name, g.Field)
			continue
		}
		wrong, right := fields(x, bad), map[string]json.RawMessage{}
		moved := with(wrong)
		_, err := x.move(x.mover(id, t), id, t.To, moved)
		x.invalid(err, cmp.Or(g.Field, "state"), "move "+name+" with "+bad)
		if err != nil && !strings.Contains(err.Error(), g.Why) {
			x.Errorf("move %s with %s: got %v, want %s", name, bad, err, g.Why)
		}
		if x.Kind.Approves(t) {
			for field := range wrong {
				if right[field] = doc[field]; doc[field] == nil {
					right[field] = json.RawMessage("null")
				}
			}
			x.write(id, right)
		}
	}
	for _, field := range t.Stamp {
		forged := map[string]json.RawMessage{field: json.RawMessage(`"2001-01-01T00:00:00Z"`)}
		_, err := x.move(x.mover(id, t), id, t.To, forged)
		x.invalid(err, field, "move "+name+" with what SCAF gives")
	}
	moved = with(change)
	mover, before := x.mover(id, t), x.current(id)
	v, err := x.move(mover, id, t.To, moved)
	if err != nil {
		x.Errorf("move %s: %v", name, err)
		return
	}
	if v.Version != before.Version+1 || string(fields(x, string(v.Doc))["state"]) != `"`+t.To+`"` {
		x.Errorf("move %s gives %+v", name, v)
	}
	for _, field := range []string{"withdrawn_reason", "withdrawn_by", "withdrawn_at"} {
		if value := fields(x, string(v.Doc))[field]; value != nil && t.From == record.Withdrawn {
			x.Errorf("move %s: %s is still %s", name, field, value)
		}
	}
	for _, field := range t.Stamp {
		if value := string(fields(x, string(v.Doc))[field]); value == "" || x.Kind.Shape(field) == record.ShapeText && value != `"`+mover+`"` {
			x.Errorf("move %s: %s is %s", name, field, value)
		}
	}
}

// asked are the fields that a move needs, by "from to". A withdrawal needs its reason.
func (x *exercise) asked(name string) map[string]json.RawMessage {
	x.Helper()
	change := fields(x, x.Fields[name])
	if _, to, _ := strings.Cut(name, " "); to == record.Withdrawn {
		change["withdrawn_reason"] = json.RawMessage(`"begun by mistake"`)
	}
	return change
}

// write changes fields, where that changes anything.
func (x *exercise) write(id string, change map[string]json.RawMessage) {
	x.Helper()
	if len(change) == 0 {
		return
	}
	if _, err := x.set(id, record.AnyVersion, change); err != nil && !errors.Is(err, record.ErrSame) {
		x.Errorf("setting %s: %v", slices.Sorted(maps.Keys(change)), err)
	}
}

// mover is somebody whom the record lets make the move: who does not stand there, and
// did not in any version.
func (x *exercise) mover(id string, t *record.Transition) string {
	x.Helper()
	var versions []*record.Version
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		versions, err = record.History(r, x.Kind.Name, id)
		return err
	}); err != nil {
		x.Fatal(err)
	}
	for _, who := range []string{somebody, another} {
		if !slices.ContainsFunc(versions, func(v *record.Version) bool {
			doc := fields(x, string(v.Doc))
			return slices.ContainsFunc(t.NotBy, func(field string) bool { return bytes.Contains(doc[field], []byte(`"`+who+`"`)) })
		}) {
			return who
		}
	}
	return further
}

func (x *exercise) current(id string) (v *record.Version) {
	x.Helper()
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		v, err = record.Get(r, x.Kind.Name, id)
		return err
	}); err != nil {
		x.Fatal(err)
	}
	return v
}

// bring makes a record and moves it to a state by the shortest way; "" when
// there is none.
func (x *exercise) bring(state string) string {
	x.Helper()
	type way struct {
		at    string
		moves []record.Transition
	}
	seen := map[string]bool{}
	for ways := []way{{at: x.Kind.States[0].Name}}; len(ways) > 0; ways = ways[1:] {
		if ways[0].at == state {
			id := x.add(nil).ID
			for _, t := range ways[0].moves {
				change := x.asked(t.From + " " + t.To)
				if x.Kind.Approves(&t) {
					x.write(id, change)
					change = nil
				}
				if _, err := x.move(x.mover(id, &t), id, t.To, change); err != nil {
					x.Errorf("move %s %s: %v", t.From, t.To, err)
					return ""
				}
			}
			return id
		}
		if seen[ways[0].at] {
			continue
		}
		seen[ways[0].at] = true
		for _, t := range x.Kind.Transitions {
			if t.From == ways[0].at {
				ways = append(ways, way{t.To, append(slices.Clone(ways[0].moves), t)})
			}
		}
	}
	return ""
}
