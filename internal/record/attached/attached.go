// Package attached keeps what is attached to records: links between any two of
// them, comments, files, tags, and the note that a record was disposed of. Each
// is a record itself, with versions, events and proofs like every other, so that
// the checks of the state and evidence bundles cover it.
//
// They are read and written with the record that they hang on: whoever may
// read it may read them. Only who may read these registers as such (comment.read
// and so on) gets a list of all of them, and that is recorded, because they may
// speak of persons.
package attached

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Kinds are the registers of this package.
var Kinds = record.Kinds{Links, Comments, Files, Tags, Disposals}

// ErrRefused says: the rules do not allow it.
var ErrRefused = errors.New("refused")

// exists checks that there is such a record.
func exists(r *store.Reader, kinds record.Kinds, ref string) error {
	kind, id, err := kinds.Parse(ref)
	if err != nil {
		return err
	}
	if kind.Name+"/"+id != ref {
		return fmt.Errorf("%w: write %s/%s, not %s", ErrRefused, kind.Name, id, ref)
	}
	_, err = record.Get(r, kind.Name, id)
	return err
}

// of visits the records of one of these registers that a field leads to.
func of[T any](r *store.Reader, kind *record.Kind, field, ref string) ([]T, error) {
	found := []T{}
	filter := fmt.Sprintf("item.%s == %s", field, literal(ref))
	_, err := record.List(r, kind, record.Query{Filter: filter}, func(v *record.Version) error {
		var one T
		if err := json.Unmarshal(v.Doc, &one); err != nil {
			return err
		}
		found = append(found, one)
		return nil
	})
	return found, err
}

// literal is a text as CEL writes it.
func literal(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
}

// On is the reference of the record on which one of these hangs; empty: on two, as links do, or
// on none any more.
func On(v *record.Version) string {
	if v.Kind == Tags.Name {
		return v.ID
	}
	var doc struct{ Ref, State string }
	if json.Unmarshal(v.Doc, &doc) != nil || doc.State == Removed {
		return ""
	}
	return doc.Ref
}

// Subjects are the references of what hangs on a record, or did: what the ledger holds of it
// under other subjects. The oldest first of each register, at most so many in all.
func Subjects(r *store.Reader, ref string, most int) (refs []string, err error) {
	for _, hung := range []struct {
		kind  *record.Kind
		field string
	}{{Tags, ""}, {Comments, "ref"}, {Files, "ref"}, {Links, "from"}, {Links, "to"}, {Disposals, ""}} {
		if hung.field == "" { // one, which is called like the record
			if _, version, err := current[struct{}](r, hung.kind, ref); err != nil {
				return nil, err
			} else if version > 0 && len(refs) < most {
				refs = append(refs, hung.kind.Name+"/"+ref)
			}
			continue
		}
		if len(refs) == most {
			break
		}
		filter := fmt.Sprintf("item.%s == %s", hung.field, literal(ref))
		if _, err := record.List(r, hung.kind, record.Query{Filter: filter, Limit: most - len(refs)}, func(v *record.Version) error {
			refs = append(refs, v.Ref())
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return refs, nil
}

// Saying is what one of these says, in one line: the beginning of a comment, the name of a
// file, tags.
func Saying(v *record.Version) string {
	var doc struct {
		Text, Name string
		Tags       []string
	}
	if json.Unmarshal(v.Doc, &doc) != nil {
		return v.ID
	}
	const most = 100 // characters
	text := strings.Join(strings.Fields(cmp.Or(doc.Text, doc.Name, strings.Join(doc.Tags, ", "))), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}

// current reads a document of one of these registers; nil when there is none.
func current[T any](r *store.Reader, kind *record.Kind, id string) (*T, int, error) {
	v, err := record.Get(r, kind.Name, id)
	if errors.Is(err, record.ErrNone) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	doc := new(T)
	return doc, v.Version, json.Unmarshal(v.Doc, doc)
}

// put writes a document and returns it.
func put(tx *act.Tx, kind *record.Kind, verb, id string, expect int, doc any) error {
	raw, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if _, err := kind.Decode(raw); err != nil {
		return err
	}
	_, err = record.Put(tx, kind, record.Change{Verb: verb, ID: id, Doc: doc, Expect: expect})
	return err
}
