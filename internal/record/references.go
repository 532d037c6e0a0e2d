package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/platform/store"
)

// Names says what a field's texts name where they are no references to records, such as
// the ids of controls.
type Names struct {
	What string // "control", for who typed something else
	Like string // what would be right: "the list of controls shows them"
	// Missing are those of the texts that name nothing.
	Missing func(r *store.Reader, texts []string) ([]string, error)
}

// reference is how a text looks that names a record of some register; addresses and words
// do not.
var reference = regexp.MustCompile(`^\s*[a-z][a-z_]*/\S+\s*$`)

// link is a text with which a field names something.
type link struct {
	at   string // "owner", "findings[1].owner"
	by   *Field
	text string
}

// what tells apart what is looked up: one text can be a reference and a name.
func (n link) what() string {
	switch {
	case n.by.Names != nil:
		return n.by.Names.What + " " + n.text
	case n.by.Shows:
		return "evidence " + n.text
	}
	return n.text
}

// links are those of the fields that people set in a document.
func (k *Kind) links(doc any) (all []link) {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range k.Described {
		if f := &k.Described[i]; !f.Given && !f.Computed {
			all = f.links(f.Name, member(v, f.Name), all)
		}
	}
	return all
}

// links adds those in a value of the field, and in structs that it holds.
func (f *Field) links(at string, v reflect.Value, all []link) []link {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() {
		return all
	}
	if f.Refers != "" || f.Names != nil || f.Shows {
		for _, text := range texts(v) {
			if text != "" && (!f.Shows || reference.MatchString(text)) {
				all = append(all, link{at, f, text})
			}
		}
		return all
	}
	switch ShapeOf(v.Type()) { //nolint:exhaustive // others hold no structs
	case ShapeRows:
		for i := range v.Len() {
			all = f.links(fmt.Sprintf("%s[%d]", at, i), v.Index(i), all)
		}
	case ShapeParts:
		for _, part := range Parts(v.Type()) {
			all = part.links(at+"."+part.Name, member(v, part.Name), all)
		}
	}
	return all
}

// lookup finds what links name, in one snapshot: each thing is looked up once.
type lookup struct {
	r       *store.Reader
	defined map[string]defined
	none    map[string]bool // of what was looked up, by what it is: whether there is none
}

func newLookup(r *store.Reader) (*lookup, error) {
	known, err := readDefined(r)
	return &lookup{r: r, defined: known, none: map[string]bool{}}, err
}

// find looks up what the links name. A register that this database was never opened with
// is not asked: nobody knows what is in it. A file that was taken off is none.
func (l *lookup) find(all []link) error {
	asked, ids, others := map[string][]link{}, map[string][]string{}, map[*Names][]string{}
	for _, n := range all {
		if _, known := l.none[n.what()]; known {
			continue
		}
		l.none[n.what()] = false
		if n.by.Names != nil {
			others[n.by.Names] = append(others[n.by.Names], n.text)
			continue
		}
		kind, id, _ := strings.Cut(n.text, "/") // without one it is amiss, and said so
		if _, ok := l.defined[kind]; ok {
			asked[kind], ids[kind] = append(asked[kind], n), append(ids[kind], id)
		} else if n.by.Shows {
			l.none[n.what()] = true // it may be any, and this is no register
		}
	}
	for kind, ids := range ids {
		there, err := Current(l.r, kind, ids)
		if err != nil {
			return err
		}
		for i, n := range asked[kind] {
			doc := there[ids[i]]
			l.none[n.what()] = doc == nil
			if doc != nil && kind == kindAttachment {
				state, err := stateOf(doc)
				if err != nil {
					return err
				}
				l.none[n.what()] = state == "removed"
			}
		}
	}
	for of, texts := range others {
		missing, err := of.Missing(l.r, texts)
		if err != nil {
			return err
		}
		for _, text := range missing {
			l.none[of.What+" "+text] = true
		}
	}
	return nil
}

// hold refuses a document of the kind whose links name nothing, but for what the one
// before it named, too: nobody has to put right what they do not touch. Find has looked
// them up.
func (l *lookup) hold(k *Kind, links []link, before json.RawMessage) error {
	var wrong []FieldError
	for _, n := range links {
		if !l.none[n.what()] {
			continue
		}
		if had, err := k.names(before, n); err != nil || had {
			if err != nil {
				return err
			}
			continue
		}
		text := n.text + " names no record: add it before, or name one that is there"
		switch {
		case n.by.Names != nil:
			text = fmt.Sprintf("%s is no %s: %s", n.text, n.by.Names.What, n.by.Names.Like)
		case n.by.Shows:
			text = n.text + " names no record: name one that is there, such as attachment/… or evidence/EVD-1, or say by its address or in words where it is"
		}
		wrong = append(wrong, FieldError{n.at, text})
	}
	if len(wrong) > 0 {
		return &Invalid{wrong}
	}
	return nil
}

// names reports whether a document, nil for none, has a link somewhere.
func (k *Kind) names(raw json.RawMessage, n link) (bool, error) {
	if raw == nil {
		return false, nil
	}
	doc := k.New()
	if err := json.Unmarshal(raw, doc); err != nil {
		return false, err
	}
	return slices.ContainsFunc(k.links(doc), func(had link) bool { return had.what() == n.what() }), nil
}

// exist refuses a document whose links name nothing, over the one before it, nil for a
// new record.
func (k *Kind) exist(r *store.Reader, before json.RawMessage, doc any) error {
	links := k.links(doc)
	if len(links) == 0 {
		return nil
	}
	l, err := newLookup(r)
	if err == nil {
		err = l.find(links)
	}
	if err != nil {
		return err
	}
	return l.hold(k, links, before)
}
