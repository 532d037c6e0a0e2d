package record

import (
	"encoding/json"
	"fmt"
	"slices"
)

// apart refuses to put into a field of Transition.NotBy whoever made the move, as long as
// the record stands where that led: what somebody other than the owner decided is not
// handed to who decided it.
func (k *Kind) apart(before json.RawMessage, doc any) error {
	if before == nil || len(k.Transitions) == 0 {
		return nil
	}
	after, err := Canonical(doc)
	if err != nil {
		return err
	}
	state, err := stateOf(after)
	if err != nil {
		return err
	}
	var wrong []FieldError
	for i := range k.Transitions {
		t := &k.Transitions[i]
		if len(t.NotBy) == 0 || !slices.Contains(k.onwards(t), state) {
			continue
		}
		for _, stamp := range t.Stamp {
			made, err := textsOf(after, stamp)
			if err != nil {
				return err
			}
			for _, field := range t.NotBy {
				if k.Field(field).Given || slices.Contains(k.Fixed, field) || len(made) == 0 {
					continue
				}
				then, err := textsOf(before, field)
				if err != nil {
					return err
				}
				now, err := textsOf(after, field)
				if err != nil {
					return err
				}
				refused := slices.Contains(now, made[0]) && !slices.Contains(then, made[0])
				if refused && !slices.ContainsFunc(wrong, func(w FieldError) bool { return w.Field == field }) {
					wrong = append(wrong, FieldError{field, fmt.Sprintf("cannot be %s, who stands in %q: that is somebody else", made[0], k.Field(stamp).Label)})
				}
			}
		}
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// onwards are the states in which what a move decided holds: the one it leads to, and
// those after it, until it could be made again.
func (k *Kind) onwards(t *Transition) []string {
	all := []string{t.To}
	for i := 0; i < len(all); i++ {
		for j := range k.Transitions {
			if next := &k.Transitions[j]; next.From == all[i] && next.To != t.From && !slices.Contains(all, next.To) {
				all = append(all, next.To)
			}
		}
	}
	return all
}

// textsOf are the texts of a field: one, a list of them, or none where it holds no text.
func textsOf(doc []byte, field string) (all []string, err error) {
	raw, err := topLevel(doc, field)
	switch {
	case err != nil || absent(raw):
		return nil, err
	case raw.Kind() == '[':
		err = json.Unmarshal(raw, &all)
	case raw.Kind() == '"':
		all = []string{""}
		err = json.Unmarshal(raw, &all[0])
	}
	return all, err
}
