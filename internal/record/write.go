package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// AnyVersion says that a change is meant whatever the record's version is.
const AnyVersion = 0

// StaleError says that a record has moved on since the caller read it, and
// what both have: nothing was overwritten. It wraps ErrStale.
type StaleError struct {
	Ref     string   `json:"ref"`
	From    int      `json:"from"`    // the version that the change was made from
	Yours   *Version `json:"yours"`   // that version, with the caller's fields over it; its document alone where it is none
	Current *Version `json:"current"` // what is there now
	// Differing are the fields in which the two differ: Old is the current one,
	// New the caller's.
	Differing []FieldDiff `json:"differing"`
}

// Error implements error.
func (e *StaleError) Error() string {
	var names []string
	for _, field := range e.Differing {
		names = append(names, field.Field)
	}
	text := fmt.Sprintf("%v: %s is at version %d, the change was made from version %d", ErrStale, e.Ref, e.Current.Version, e.From)
	if len(names) > 0 {
		text += "; yours and the current one differ in " + strings.Join(names, ", ")
	}
	return text
}

// Unwrap returns ErrStale.
func (e *StaleError) Unwrap() error { return ErrStale }

// Add makes a record of its fields and returns its first version.
func Add(tx *act.Tx, kind *Kind, fields map[string]json.RawMessage) (*Version, error) {
	if err := kind.given(fields); err != nil {
		return nil, err
	}
	fields, err := kind.begin(tx, kind.Unmarked(fields))
	if err != nil {
		return nil, err
	}
	raw, err := overlay(kind.New(), fields)
	if err != nil {
		return nil, err
	}
	doc, err := kind.Decode(raw)
	if err != nil {
		return nil, err
	}
	if state := text(doc, "state"); state != nil && kind.guarded(*state) {
		return nil, &Invalid{[]FieldError{{"state", fmt.Sprintf("no record begins as %q: move it there", *state)}}}
	}
	if err := kind.Legible(nil, doc); err != nil {
		return nil, err
	}
	if err := kind.exist(tx, nil, doc); err != nil {
		return nil, err
	}
	if err := kind.prepare(tx, nil, doc, nil); err != nil {
		return nil, err
	}
	return put(tx, kind, Change{Verb: "added", ID: kind.Identify(doc), Doc: doc})
}

// begin fills in what the engine gives a new record: its number, its author.
func (k *Kind) begin(tx *act.Tx, given map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	for name, value := range given {
		fields[name] = value
	}
	engine := map[string]string{}
	if k.Prefix != "" {
		var err error
		if engine[k.IDField], err = Numbering(&tx.Reader, k)(); err != nil {
			return nil, err
		}
	}
	if id := strings.Trim(string(given[k.IDField]), `"`); k.Composes() && (id == "" || id == "null") {
		delete(fields, k.IDField)
		id, err := k.compose(&tx.Reader, fields)
		if err != nil {
			return nil, err
		}
		if fields[k.IDField], err = json.Marshal(id); err != nil {
			return nil, err
		}
	}
	if k.Author != "" {
		engine[k.Author] = tx.Caller().ID
	}
	for field, value := range engine {
		if _, ok := given[field]; ok {
			return nil, &Invalid{[]FieldError{{field, "is given by SCAF: leave it out"}}}
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		fields[field] = raw
	}
	return fields, nil
}

// composing is a document that makes its id of its fields.
type composing interface {
	Compose(r *store.Reader) (string, error)
}

// Composes reports whether the id of a new record is made of its fields.
func (k *Kind) Composes() bool {
	_, ok := k.New().(composing)
	return ok
}

// compose makes the id of a new record; empty where its fields do not say enough, or are
// not what they should be.
func (k *Kind) compose(r *store.Reader, fields map[string]json.RawMessage) (string, error) {
	doc := k.New()
	raw, err := overlay(doc, fields)
	if err != nil {
		return "", err
	}
	if err := json.Unmarshal(raw, doc); err != nil {
		return "", nil //nolint:nilerr // decoding it says what is wrong
	}
	own, ok := doc.(composing)
	if !ok {
		return "", nil
	}
	return own.Compose(r)
}

// Set changes fields of a record; null clears one. With a version other than
// AnyVersion it fails with *StaleError when the record has moved on.
func Set(tx *act.Tx, kind *Kind, id string, version int, fields map[string]json.RawMessage) (*Version, error) {
	if _, ok := fields["state"]; ok && len(kind.States) > 0 {
		return nil, &Invalid{[]FieldError{{"state", "is changed by a move, which keeps to the lifecycle"}}}
	}
	current, err := at(&tx.Reader, kind, id, version, fields)
	if err != nil {
		return nil, err
	}
	if err := kind.given(fields); err != nil {
		return nil, err
	}
	return edit(tx, kind, current, "set", fields, nil)
}

func stateOf(doc []byte) (string, error) {
	raw, err := topLevel(doc, "state")
	if err != nil || raw == nil {
		return "", err
	}
	var state string
	return state, json.Unmarshal(raw, &state)
}

// at reads the current version, which has to be the expected one.
func at(r *store.Reader, kind *Kind, id string, version int, fields map[string]json.RawMessage) (*Version, error) {
	current, err := Get(r, kind.Name, id)
	if err != nil || version == AnyVersion || version == current.Version {
		return current, err
	}
	return nil, stale(r, kind, current, version, fields)
}

// stale is what the caller of a stale change is told: both versions.
func stale(r *store.Reader, kind *Kind, current *Version, version int, fields map[string]json.RawMessage) error {
	e := &StaleError{Ref: current.Ref(), From: version, Current: current, Differing: []FieldDiff{}}
	base := current.Doc
	versions, err := History(r, kind.Name, current.ID)
	if err != nil {
		return err
	}
	for _, v := range versions {
		if v.Version == version {
			base, e.Yours = v.Doc, &Version{Kind: kind.Name, ID: current.ID, Version: version, From: v.From, To: v.To}
		}
	}
	if e.Yours == nil {
		e.Yours = &Version{Kind: kind.Name, ID: current.ID}
	}
	raw, err := overlay(base, fields)
	if err != nil {
		return err
	}
	doc, err := Canonical(json.RawMessage(raw))
	if err != nil {
		return err
	}
	e.Yours.Doc = doc
	e.Differing, err = Differing(current.Doc, doc)
	return errors.Join(err, e)
}

// edit makes the change of some fields, by a transition where it is a move.
func edit(tx *act.Tx, kind *Kind, current *Version, verb string, fields map[string]json.RawMessage, by *Transition) (*Version, error) {
	raw, err := overlay(current.Doc, kind.Unmarked(fields))
	if err != nil {
		return nil, err
	}
	doc, err := kind.Decode(raw)
	if err != nil {
		return nil, err
	}
	for _, field := range kind.Fixed {
		if _, ok := fields[field]; ok {
			return nil, &Invalid{[]FieldError{{field, "cannot be changed: it says where the record came from"}}}
		}
	}
	if now := kind.Identify(doc); now != current.ID {
		return nil, &Invalid{[]FieldError{{"id", "cannot be changed: the record's history hangs on it"}}}
	}
	if err := kind.Legible(current.Doc, doc); err != nil {
		return nil, err
	}
	settled := kind.stand(current.Doc, doc, by, fields)
	if err := kind.exist(tx, current.Doc, doc); err != nil {
		return nil, err
	}
	if err := kind.prepare(tx, current.Doc, doc, by); err != nil {
		return nil, err
	}
	if settled != nil { // the register itself may say more of it
		return nil, settled
	}
	return put(tx, kind, Change{Verb: verb, ID: current.ID, Doc: doc, Expect: current.Version})
}

// careful is a document that has its say before it is written.
type careful interface {
	Before(tx *act.Tx, old any) error
}

// changing is a document that has its say when it comes over another one, and not
// when the record is new.
type changing interface {
	Changed(tx *act.Tx, old any) error
}

// consulting is a document that has its say by what other records hold.
type consulting interface {
	Consult(r *store.Reader, old any) error
}

// consult lets a document have its say by what other records hold, over the one
// before it, nil for a new record.
func (k *Kind) consult(r *store.Reader, before json.RawMessage, doc any) error {
	own, ok := doc.(consulting)
	if !ok {
		return nil
	}
	if before == nil {
		return own.Consult(r, nil)
	}
	old := k.New()
	if err := json.Unmarshal(before, old); err != nil {
		return err
	}
	return own.Consult(r, old)
}

// consulted is a document that an import brings, after consult.
// Now is in the organisation's zone.
func (k *Kind) consulted(r *store.Reader, now time.Time, before json.RawMessage, next canonical) (canonical, error) {
	if _, ok := k.New().(consulting); !ok && !k.past {
		return next, nil
	}
	doc, err := k.Decode(next)
	if err == nil {
		err = k.happened(now, before, doc)
	}
	if err == nil {
		err = k.consult(r, before, doc)
	}
	if err != nil {
		return nil, err
	}
	return Canonical(doc)
}

// prepare fills in what the engine knows of a document, and lets it have its say
// before it is written over another one, nil for a new record. by is the transition
// of a move.
func (k *Kind) prepare(tx *act.Tx, before json.RawMessage, doc any, by *Transition) error {
	if by == nil || !k.Approves(by) { // what is approved stays as it was written
		if err := k.principals(&tx.Reader, doc); err != nil {
			return err
		}
	}
	if err := k.apart(before, doc); err != nil { // an account was another name of theirs
		return err
	}
	if err := k.sign(tx.Caller(), before, doc, by); err != nil {
		return err
	}
	if err := k.happened(tx.Now().In(tx.Zone()), before, doc); err != nil {
		return err
	}
	if err := k.consult(&tx.Reader, before, doc); err != nil {
		return err
	}
	own, isCareful := doc.(careful)
	next, isChanging := doc.(changing)
	switch {
	case before == nil && isCareful:
		return own.Before(tx, nil)
	case before == nil || !isCareful && !isChanging:
		return nil
	}
	old := k.New()
	if err := json.Unmarshal(before, old); err != nil {
		return err
	}
	if isCareful {
		if err := own.Before(tx, old); err != nil {
			return err
		}
	}
	if isChanging {
		return next.Changed(tx, old)
	}
	return nil
}

// prepared is prepare for a change that an import makes.
func (k *Kind) prepared(tx *act.Tx, before json.RawMessage, change Change) (Change, error) {
	_, isCareful := k.New().(careful)
	_, isChanging := k.New().(changing)
	_, isConsulting := k.New().(consulting)
	raw, err := Canonical(change.Doc)
	if err != nil || !isCareful && !isConsulting && (!isChanging || before == nil) && k.Authors == "" && !k.past && !mayNameAccount(raw) {
		return change, err
	}
	if change.Doc, err = k.Decode(raw); err == nil {
		err = k.prepare(tx, before, change.Doc, nil)
	}
	change.values = nil // what it filled in may be a column
	return change, err
}

// put makes one change and reads what came of it.
func put(tx *act.Tx, kind *Kind, change Change) (*Version, error) {
	if _, err := Put(tx, kind, change); err != nil {
		return nil, err
	}
	return Get(&tx.Reader, kind.Name, change.ID)
}

// overlay puts fields over a document; null removes one.
func overlay(document any, fields map[string]json.RawMessage) ([]byte, error) {
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for field, value := range fields {
		if string(value) == "null" {
			delete(all, field)
			continue
		}
		all[field] = value
	}
	return json.Marshal(all)
}
