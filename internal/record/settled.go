package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Settled says which fields stand as they were when a record came into one of the
// states, since somebody decided by them.
type Settled struct {
	States []string
	Fields []string // none: all that people set
}

// Settled reports whether people cannot simply change a field in a state: what was
// decided there stands. It is what the definition says (Definition.Settled), what a move
// into the state asked for that takes a permission or another person, and when something
// happened that any move into it asked for (but for the first state, in which every record
// begins), and everything where no move leads out of the state any more.
// Definition.Unsettled leaves fields out.
func (k *Kind) Settled(state, field string) bool {
	if f := k.Field(field); len(k.Transitions) == 0 || field == "state" || f.Given || f.Computed || slices.Contains(k.unsettled, field) {
		return false
	}
	if !slices.ContainsFunc(k.Transitions, func(t Transition) bool { return t.From == state }) {
		return true
	}
	return slices.ContainsFunc(k.settled, func(s Settled) bool {
		return slices.Contains(s.States, state) && (len(s.Fields) == 0 || slices.Contains(s.Fields, field))
	}) || slices.ContainsFunc(k.Transitions, func(t Transition) bool {
		return t.To == state && t.From != state && state != k.States[0].Name && (t.decides() || k.Field(field).Happened) && slices.Contains(t.Required, field)
	})
}

// stand refuses a change of what is settled in the state before and in the one after it.
// A move, nil for none, may change what it asks for, and with its state a record is free
// of what was settled in that alone; of a move what is given with it is held against that,
// and not what the register ends with the state before. Whoever decided stands on no other
// side of it (apart).
func (k *Kind) stand(before json.RawMessage, doc any, by *Transition, with map[string]json.RawMessage) error {
	if before == nil || len(k.Transitions) == 0 {
		return nil
	}
	after, err := Canonical(doc)
	if err != nil {
		return err
	}
	from, err := stateOf(before)
	if err != nil {
		return err
	}
	to, err := stateOf(after)
	if err != nil {
		return err
	}
	differing, err := Differing(before, after)
	if err != nil {
		return err
	}
	var wrong []FieldError
	for _, d := range differing {
		if _, given := with[d.Field]; by != nil && !given { // the register ends what belonged to the state before
			continue
		}
		if k.Settled(from, d.Field) && k.Settled(to, d.Field) && (by == nil || !by.asks(d.Field)) {
			wrong = append(wrong, FieldError{d.Field, "stands as it was " + k.settling(to) + ": " + k.unsettling(to, d.Field)})
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return k.apart(before, doc)
}

// beside refuses fields that are given with a move and change something beside what it asks
// for, where somebody decides by it: what is decided is what is there.
func (k *Kind) beside(t *Transition, before, after json.RawMessage, with map[string]json.RawMessage) error {
	if !t.decides() {
		return nil
	}
	differing, err := Differing(before, after)
	if err != nil {
		return err
	}
	var wrong []FieldError
	for _, d := range differing {
		if _, given := with[d.Field]; given && !t.asks(d.Field) {
			wrong = append(wrong, FieldError{d.Field, fmt.Sprintf("does not change with the move %s, which asks for %s: change it by itself",
				k.Called(t), cmp.Or(strings.Join(k.Asks(t), ", "), "nothing"))})
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// decides reports whether a move takes a permission, or another person than those who
// stand in the record.
func (t *Transition) decides() bool {
	return t.Permission != "" || len(t.NotBy) > 0 || t.Who != nil
}

// asks reports whether a move asks for a field.
func (t *Transition) asks(field string) bool {
	return slices.Contains(t.Required, field) || slices.Contains(t.Offered, field) || slices.Contains(t.Sets, field)
}

// unsettling says what to do for a field to be changed.
func (k *Kind) unsettling(state, field string) string {
	var moves []string
	for i := range k.Transitions {
		switch t := &k.Transitions[i]; {
		case t.From != state:
		case t.asks(field):
			moves = append(moves, "with the move "+k.Called(t))
		case !k.Settled(t.To, field):
			moves = append(moves, "after the move "+k.Called(t))
		}
	}
	if len(moves) == 0 {
		return "no move opens it again"
	}
	return "it is changed " + strings.Join(moves, " or ")
}

// settling says since when something stands in a state.
func (k *Kind) settling(state string) string {
	if state == k.States[0].Name {
		return "entered"
	}
	return "when the record became " + strings.ToLower(Words(state))
}

// Changeable are the fields of a record that people can simply change in its state, and
// what is to be said of the others; empty: there are none.
func (k *Kind) Changeable(doc json.RawMessage) (fields []Field, standing string, err error) {
	var state string
	if len(k.States) > 0 { // of others a field of this name is something else
		if state, err = stateOf(doc); err != nil {
			return nil, "", err
		}
	}
	var others []string
	for _, f := range k.Editable(true) {
		if k.Settled(state, f.Name) {
			others = append(others, f.Label)
		} else {
			fields = append(fields, f)
		}
	}
	switch n := len(others); n {
	case 0:
		return fields, "", err
	case 1:
		standing = others[0] + " stands as it was "
	default:
		standing = strings.Join(others[:n-1], ", ") + " and " + others[n-1] + " stand as they were "
	}
	return fields, standing + k.settling(state) + ".", err
}
