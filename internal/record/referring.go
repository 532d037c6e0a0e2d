package record

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/platform/store"
)

// Referring are the ids, in their order, of the current records of a kind that have a
// reference, or any other text, in a field that is a list of texts. Nobody changes what
// it gives. No database has an index of what is in a list: all of the kind's documents are
// read once beside an open database, and then those that change.
func Referring(r *store.Reader, kind *Kind, field, ref string) ([]string, error) {
	if kind.Shape(field) != ShapeTexts {
		return nil, fmt.Errorf("%w: %q of %s is no list of texts", ErrFilter, field, kind.Register)
	}
	known, err := goOn(r, kind, referringKey{kind.Name, field}, func() (references, error) {
		all := references{map[string][]string{}, map[string][]string{}}
		err := Each(r, Range{Kind: kind.Name}, func(v *Version) (err error) {
			all.of[v.ID], err = listIn(v.Doc, field)
			for _, ref := range all.of[v.ID] {
				all.to[ref] = append(all.to[ref], v.ID)
			}
			return err
		})
		for _, ids := range all.to {
			slices.Sort(ids)
		}
		return all, err
	}, func(was references, index int64) (references, error) {
		changed := map[string][]string{}
		if err := EachMade(r, kind.Name, index, func(v *Version) (err error) {
			changed[v.ID], err = listIn(v.Doc, field)
			return err
		}); err != nil {
			return was, err
		}
		next := references{maps.Clone(was.to), was.of}
		for id, refs := range changed {
			next.set(id, refs)
		}
		return next, nil
	})
	return known.to[ref], err
}

type referringKey struct{ kind, field string }

// references are those in a field: to whom there are some from which records, and what
// each record has. Who was given a list of to keeps it; of is nobody else's.
type references struct{ to, of map[string][]string }

// set says what a record has now.
func (l references) set(id string, refs []string) {
	for _, ref := range l.of[id] {
		l.to[ref] = slices.DeleteFunc(slices.Clone(l.to[ref]), func(other string) bool { return other == id })
		if len(l.to[ref]) == 0 {
			delete(l.to, ref)
		}
	}
	for _, ref := range refs {
		at, _ := slices.BinarySearch(l.to[ref], id)
		l.to[ref] = slices.Insert(slices.Clone(l.to[ref]), at, id)
	}
	l.of[id] = refs
}

// listIn is a list of texts at the top level of a document, each text once.
func listIn(doc []byte, field string) (list []string, err error) {
	in := jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, err
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return nil, err
		}
		if name.String() != field {
			if err := in.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		if err := jsonv2.UnmarshalDecode(in, &list); err != nil {
			return nil, err
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
