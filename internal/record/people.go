package record

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Whoever a record names stands in it once, whatever they sign in with, and whoever
// wrote in it is known when it is approved: rules that take two people depend on both.

// Kinds that fields of people refer to (Field.Refers).
const (
	kindPerson  = "person"
	kindAccount = "account" // its field person says whose it is
	// kindAttachment is that of files, which can be taken off again.
	kindAttachment = "attachment"
)

// principal is whom a reference names: the person whose account it is.
func principal(r *store.Reader, ref string) (string, error) {
	id, ok := strings.CutPrefix(ref, kindAccount+"/")
	if !ok {
		return ref, nil
	}
	docs, err := Current(r, kindAccount, []string{id})
	if err != nil || docs[id] == nil {
		return ref, err
	}
	var account struct {
		Person string `json:"person"`
	}
	if err := json.Unmarshal(docs[id], &account); err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	return cmp.Or(account.Person, ref), nil
}

// mayNameAccount reports whether principals may have something to do.
func mayNameAccount(doc []byte) bool { return bytes.Contains(doc, []byte(`"`+kindAccount+`/`)) }

// principals puts people in the place of their accounts, in the fields that people set.
func (k *Kind) principals(r *store.Reader, doc any) error {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for _, f := range k.Described {
		if f.Refers != kindPerson || f.Given || f.Computed {
			continue
		}
		if err := eachText(member(v, f.Name), func(text string) (string, error) { return principal(r, text) }); err != nil {
			return err
		}
	}
	return nil
}

// eachText puts others in the place of a value's texts.
func eachText(v reflect.Value, other func(text string) (string, error)) error {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() { //nolint:exhaustive // others are no texts
	case reflect.Slice:
		for i := range v.Len() {
			if err := eachText(v.Index(i), other); err != nil {
				return err
			}
		}
	case reflect.String:
		text, err := other(v.String())
		if err != nil {
			return err
		}
		v.SetString(text)
	}
	return nil
}

// Approves reports whether a transition is the one for which it is kept who has
// written in a record.
func (k *Kind) Approves(t *Transition) bool {
	return k.Authors != "" && slices.Contains(t.NotBy, k.Authors)
}

// approvable and approved report whether something is approved from a state, and
// whether a state is the one that approval leads to.
func (k *Kind) approvable(state string) bool {
	return slices.ContainsFunc(k.Transitions, func(t Transition) bool { return t.From == state && k.Approves(&t) })
}

func (k *Kind) approved(state string) bool {
	return slices.ContainsFunc(k.Transitions, func(t Transition) bool { return t.To == state && k.Approves(&t) })
}

// sign keeps who has written in a record (Definition.Authors). move is the transition
// that the change makes; nil: none, or one that is not declared.
func (k *Kind) sign(caller act.Caller, before json.RawMessage, doc any, move *Transition) error {
	if k.Authors == "" {
		return nil
	}
	field := member(reflect.ValueOf(doc).Elem(), k.Authors)
	if before == nil {
		field.Set(reflect.ValueOf([]string{caller.ID}))
		return nil
	}
	written, err := k.written(before, doc, move)
	if err != nil {
		return err
	}
	was, err := stateOf(before)
	if err != nil {
		return err
	}
	var all []string
	if raw, err := topLevel(before, k.Authors); err != nil {
		return err
	} else if raw != nil {
		if err := json.Unmarshal(raw, &all); err != nil {
			return err
		}
	}
	field.Set(reflect.ValueOf(all)) // whoever brings a whole document does not say who wrote it
	switch state := text(doc, "state"); {
	case move != nil && k.Approves(move):
		if len(written) > 0 {
			return &Invalid{[]FieldError{{written[0], "is approved as it was written: change it first, and let somebody else approve it"}}}
		}
	case k.approved(was) && state != nil && *state != was && k.approvable(*state): // it is taken back
		if all = nil; len(written) > 0 {
			all = []string{caller.ID}
		}
		field.Set(reflect.ValueOf(all))
	case len(written) > 0 && !k.approved(was):
		if !slices.Contains(all, caller.ID) {
			field.Set(reflect.ValueOf(append(all, caller.ID)))
		}
	}
	return nil
}

// written are the fields in which a document differs from the one before it, without
// what SCAF gives and what a move asks for: of an approval that is what it offers, the
// day from which it holds, and not what is to be there by then.
func (k *Kind) written(before json.RawMessage, doc any, move *Transition) ([]string, error) {
	after, err := Canonical(doc)
	if err != nil {
		return nil, err
	}
	fields, err := Differing(before, after)
	var names []string
	for _, f := range fields {
		described := k.Field(f.Field)
		asked := move != nil && (slices.Contains(move.Sets, f.Field) || slices.Contains(move.Offered, f.Field) || !k.Approves(move) && slices.Contains(move.Required, f.Field))
		if f.Field != "state" && f.Field != k.Author && !described.Given && !described.Computed && !asked {
			names = append(names, f.Field)
		}
	}
	return names, err
}
