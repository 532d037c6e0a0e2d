package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// Permission is what a move of the record needs now, beside <kind>.move; empty
// when that is enough.
func Permission(r *store.Reader, kind *Kind, id, state string) (string, error) {
	current, err := Get(r, kind.Name, id)
	if err != nil {
		return "", err
	}
	from, err := stateOf(current.Doc)
	if err != nil {
		return "", err
	}
	if t := kind.transition(from, state); t != nil {
		return t.Permission, nil
	}
	return "", nil
}

// Move moves a record to another state, setting fields on the way. The version
// is that of Set. permission is what the caller was found to have (Permission).
func Move(tx *act.Tx, kind *Kind, id string, version int, state, permission string, fields map[string]json.RawMessage) (*Version, error) {
	next := map[string]json.RawMessage{}
	for field, value := range fields {
		next[field] = value
	}
	var err error
	if next["state"], err = json.Marshal(state); err != nil {
		return nil, err
	}
	current, err := at(&tx.Reader, kind, id, version, next)
	if err != nil {
		return nil, err
	}
	from, err := stateOf(current.Doc)
	if err != nil {
		return nil, err
	}
	if err := kind.Move(from, state); err != nil {
		return nil, err
	}
	if from == Withdrawn { // it is taken up again
		for _, f := range withdrawal {
			next[f.Name] = json.RawMessage("null")
		}
	}
	t := kind.transition(from, state)
	var sets []string
	if t != nil {
		sets = t.Sets
	}
	if err := kind.given(fields, sets...); err != nil {
		return nil, err
	}
	if t == nil {
		return edit(tx, kind, current, "moved", next, nil)
	}
	if t.Permission != permission {
		return nil, fmt.Errorf("%w: %s has moved to %q meanwhile", ErrStale, current.Ref(), from)
	}
	if err := Another(&tx.Reader, kind, tx.Caller(), t, current); err != nil {
		return nil, err
	}
	if err := kind.stamp(tx, t, next); err != nil {
		return nil, err
	}
	made, err := edit(tx, kind, current, "moved", next, t)
	if err != nil {
		return nil, err
	}
	// What would be written is judged; a refusal undoes it.
	if err := kind.may(t, made.Doc, fields); err != nil {
		return made, err
	}
	if t.Who != nil {
		if err := t.Who(&tx.Reader, tx.Caller(), made.Doc); err != nil {
			return made, err
		}
	}
	if t.Check != nil {
		if err := t.Check(&tx.Reader, made.Doc); err != nil {
			return made, err
		}
	}
	return made, kind.beside(t, current.Doc, made.Doc, fields)
}

// stamp fills in what a transition gives.
func (k *Kind) stamp(tx *act.Tx, t *Transition, fields map[string]json.RawMessage) (err error) {
	for _, field := range t.Stamp {
		var value any = tx.Caller().ID
		if k.Shape(field) == ShapeTime {
			value = tx.Now()
		}
		if fields[field], err = json.Marshal(value); err != nil {
			return err
		}
	}
	return nil
}

// Another refuses a caller whom the record names as one who cannot make the move, or whom
// the transition's Who refuses: act.ErrSamePerson. Of a field that people set, whoever
// stood there in any version counts: nobody gets round the rule by putting somebody
// else's name in first.
func Another(r *store.Reader, kind *Kind, caller act.Caller, t *Transition, current *Version) error {
	var settable []string
	for _, field := range t.NotBy {
		who, err := names(r, current.Doc, field, caller)
		if err != nil {
			return err
		}
		if who != "" {
			is := kind.as(field, "is", "stands")
			if field == kind.Authors {
				is = "has written in this record"
			}
			return fmt.Errorf("%w: %s %s, and cannot move it from %s to %s", act.ErrSamePerson, who, is, t.From, t.To)
		}
		if !kind.Field(field).Given && !slices.Contains(kind.Fixed, field) {
			settable = append(settable, field)
		}
	}
	if t.Who != nil {
		if err := t.Who(r, caller, current.Doc); err != nil {
			return err
		}
	}
	if len(settable) == 0 || current.Version == 1 {
		return nil
	}
	versions, err := History(r, kind.Name, current.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		for _, field := range settable {
			who, err := names(r, v.Doc, field, caller)
			if err != nil {
				return err
			}
			if who != "" {
				return fmt.Errorf("%w: %s %s in version %d, and cannot move it from %s to %s", act.ErrSamePerson, who, kind.as(field, "was", "stood"), v.Version, t.From, t.To)
			}
		}
	}
	return nil
}

// as says that somebody stands in a field of a record: is the owner of it, or stands in it as
// "Done by".
func (k *Kind) as(field, is, stands string) string {
	if label := k.Field(field).Label; strings.HasSuffix(field, "by") && label != "" {
		return fmt.Sprintf("%s in this record as %q", stands, label)
	}
	return is + " the " + field + " of this record"
}

// names is as whom a field of a document, a text or a list of texts, names a caller,
// or an account of theirs; empty: it does not.
func names(r *store.Reader, doc []byte, field string, caller act.Caller) (string, error) {
	raw, err := topLevel(doc, field)
	if err != nil || raw == nil {
		return "", err
	}
	all := []string{""}
	if raw.Kind() == '[' {
		err = json.Unmarshal(raw, &all)
	} else {
		err = json.Unmarshal(raw, &all[0])
	}
	for _, ref := range all {
		who, wrong := principal(r, ref)
		switch {
		case wrong != nil:
			return "", wrong
		case who == caller.ID:
			return caller.ID, err
		case ref == caller.Operator() || who == caller.Operator():
			return caller.Operator() + ", who enters it for " + caller.ID + ",", err
		}
	}
	return "", err
}

// may holds a document after a move, and the fields that it was made with, against what
// the transition asks for.
func (k *Kind) may(t *Transition, doc []byte, with map[string]json.RawMessage) error {
	var wrong []FieldError
	for _, field := range t.Required {
		raw, err := topLevel(doc, field)
		if err != nil {
			return err
		}
		if absent(raw) {
			wrong = append(wrong, FieldError{field, fmt.Sprintf("is needed to move from %s to %s", t.From, t.To)})
		} else if _, ok := with[field]; !ok && t.Anew(field) {
			wrong = append(wrong, FieldError{field, "is needed anew: what stands there was said of an earlier move"})
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong} // guards speak of fields that are there
	}
	for i := range t.Guards {
		g := &t.Guards[i]
		why, err := k.refuses(g, doc)
		if err != nil {
			return fmt.Errorf("the guard %s of %s from %s to %s: %w", g.If, k.Register, t.From, t.To, err)
		}
		switch {
		case why == "":
		case g.Field == "":
			wrong = append(wrong, FieldError{"state", fmt.Sprintf("cannot move from %s to %s: %s", t.From, t.To, why)})
		default:
			wrong = append(wrong, FieldError{g.Field, why})
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// refuses is what a guard wants of a document; empty: it holds.
func (k *Kind) refuses(g *Guard, doc []byte) (why string, err error) {
	ok, err := k.satisfies(g, doc)
	var evaluation *expr.EvaluationError
	switch {
	case errors.As(err, &evaluation):
		return g.Why + " (" + err.Error() + ")", nil
	case err != nil || ok:
		return "", err
	}
	return g.Why, nil
}

func (k *Kind) satisfies(g *Guard, doc []byte) (bool, error) {
	env, program, err := k.guard(g)
	if err != nil {
		return false, err
	}
	item := env.Items(true, program)
	if err := item.Read(doc); err != nil {
		return false, err
	}
	return item.Truth(program)
}

// Lacking is what a move would be refused for, of which its form does not ask: what has to
// stand in the document before. At is when, and by whom the move would be made.
func (k *Kind) Lacking(t *Transition, doc []byte, at time.Time, by string) (lacks []FieldError, err error) {
	asked := func(field string) bool { return slices.Contains(k.Asks(t), field) }
	if doc, err = k.stamped(t, doc, at, by); err != nil {
		return nil, err
	}
	missing := map[string]bool{}
	for _, field := range t.Required {
		if f := k.Field(field); asked(field) || f.Given {
			continue
		}
		raw, err := topLevel(doc, field)
		if err != nil {
			return nil, err
		}
		if absent(raw) {
			missing[field] = true
			lacks = append(lacks, FieldError{field, "is missing"})
		}
	}
	for i := range t.Guards {
		g := &t.Guards[i]
		if f := k.Field(g.Field); g.Field == "" || g.Field == "state" || asked(g.Field) || f.Given || f.Computed || missing[g.Field] ||
			slices.ContainsFunc(k.Asks(t), func(field string) bool { return strings.Contains(g.If, "item."+field) }) {
			continue
		}
		ok, err := k.satisfies(g, doc)
		var evaluation *expr.EvaluationError
		switch {
		case errors.As(err, &evaluation) && len(missing) > 0: // it speaks of what is missing
		case errors.As(err, &evaluation):
			lacks = append(lacks, FieldError{g.Field, g.Why})
		case err != nil:
			return nil, err
		case !ok:
			lacks = append(lacks, FieldError{g.Field, g.Why})
		}
	}
	return lacks, nil
}

// stamped is a document with what a transition would stamp.
func (k *Kind) stamped(t *Transition, doc []byte, at time.Time, by string) ([]byte, error) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(doc, &fields)
	for _, field := range t.Stamp {
		var value any = by
		if k.Shape(field) == ShapeTime {
			value = at
		}
		if err == nil {
			fields[field], err = json.Marshal(value)
		}
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// absent reports whether a field of a document holds nothing.
func absent(raw []byte) bool {
	return raw == nil || string(raw) == "null" || string(raw) == `""` || string(raw) == "[]"
}
