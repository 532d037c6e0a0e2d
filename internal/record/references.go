package record

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
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

// link is a text with which a field names something, or that no other record may have.
type link struct {
	at   string // "owner", "findings[1].owner"
	by   *Field
	text string
	then *time.Time // when those whom it names were at it (Field.Then)
}

// what tells apart what is looked up: one text can be a reference and a name.
func (n link) what() string {
	switch {
	case n.by.Distinct != nil:
		return n.by.Name + "=" + n.text
	case n.by.Names != nil:
		return n.by.Names.What + " " + n.text
	case n.by.Shows:
		return "evidence " + n.text
	}
	return n.text
}

// links are those of the fields that people set in a document; distinct ones of records
// that count.
func (k *Kind) links(doc any) (all []link) {
	v := reflect.ValueOf(doc).Elem()
	if v.Kind() != reflect.Struct {
		return nil
	}
	for i := range k.Described {
		f := &k.Described[i]
		if f.Distinct != nil {
			if state := text(doc, "state"); state != nil && slices.Contains(f.Distinct.Except, *state) {
				continue
			}
		}
		if f.Given && !k.sets(f.Name) || f.Computed {
			continue
		}
		began := len(all)
		if all = f.links(f.Name, member(v, f.Name), all); f.Then != "" {
			for then := instant(member(v, f.Then)); began < len(all); began++ {
				all[began].then = then
			}
		}
	}
	return all
}

// sets reports whether a move lets people set a given field (Transition.Sets).
func (k *Kind) sets(field string) bool {
	for i := range k.Transitions {
		if slices.Contains(k.Transitions[i].Sets, field) {
			return true
		}
	}
	return false
}

// links adds those in a value of the field, and in structs that it holds.
func (f *Field) links(at string, v reflect.Value, all []link) []link {
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() {
		return all
	}
	if f.Refers != "" || f.Names != nil || f.Shows || f.Distinct != nil {
		for _, text := range texts(v) {
			if text != "" && (!f.Shows || reference.MatchString(text)) {
				all = append(all, link{at: at, by: f, text: text})
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
	now     time.Time // in the organisation's zone
	defined map[string]defined
	none    map[string]bool     // of what was looked up, by what it is: whether there is none
	has     map[string][]string // ids of the records that have a distinct text, by what it is
	left    map[string]*leaver  // by reference: people who have left, and their accounts
}

func newLookup(r *store.Reader, now time.Time) (*lookup, error) {
	known, err := readDefined(r)
	return &lookup{r: r, now: now, defined: known, none: map[string]bool{}, has: map[string][]string{}, left: map[string]*leaver{}}, err
}

// find looks up what links of a document of the kind name. A register that this database
// was never opened with is not asked: nobody knows what is in it, and what shows something
// may be a place that is written like a reference (wiki/report.pdf). A file that was taken
// off is none.
func (l *lookup) find(k *Kind, all []link) error {
	asked, ids, others, distinct := map[string][]link{}, map[string][]string{}, map[*Names][]string{}, map[*Field][]any{}
	for _, n := range all {
		if _, known := l.none[n.what()]; known {
			continue
		}
		l.none[n.what()] = false
		if n.by.Distinct != nil {
			distinct[n.by] = append(distinct[n.by], n.text)
			continue
		}
		if n.by.Names != nil {
			others[n.by.Names] = append(others[n.by.Names], n.text)
			continue
		}
		kind, id, _ := strings.Cut(n.text, "/") // without one it is amiss, and said so
		if _, ok := l.defined[kind]; ok {
			asked[kind], ids[kind] = append(asked[kind], n), append(ids[kind], id)
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
			if doc != nil && n.by.Refers == kindPerson {
				if err := l.leaves(n.text, kind, doc); err != nil {
					return err
				}
			}
		}
	}
	for by, texts := range distinct {
		if err := l.holders(k, by, texts); err != nil {
			return err
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

// holders finds the records that have one of the texts in a distinct field, and count.
func (l *lookup) holders(k *Kind, by *Field, texts []any) error {
	value := k.sql(l.r.Dialect(), k.column(by.Name))
	where := value + " IN (" + store.Parameters(1, len(texts)) + ")"
	if except := by.Distinct.Except; len(except) > 0 {
		where += " AND COALESCE(" + k.sql(l.r.Dialect(), k.column("state")) + ", '') NOT IN (" + store.Parameters(1+len(texts), len(except)) + ")"
		for _, state := range except {
			texts = append(texts, state)
		}
	}
	var id, text string
	return l.r.Each("SELECT id, "+value+" FROM "+k.current()+" WHERE "+where+" ORDER BY id", texts, []any{&id, &text}, func() error {
		what := link{by: by, text: text}.what()
		l.has[what] = append(l.has[what], id)
		return nil
	})
}

// took says that an item of an import is written: its distinct texts are its own.
func (l *lookup) took(item prepared) {
	for _, n := range item.links {
		if n.by.Distinct != nil {
			l.has[n.what()] = append(l.has[n.what()], item.id)
		}
	}
}

// gave says that an item of an import is not written after all.
func (l *lookup) gave(item prepared) {
	for _, n := range item.links {
		if n.by.Distinct != nil {
			l.has[n.what()] = slices.DeleteFunc(l.has[n.what()], func(id string) bool { return id == item.id })
		}
	}
}

// other is a record, if any, that has a distinct text beside the one of an id.
func (l *lookup) other(n link, id string) string {
	for _, had := range l.has[n.what()] {
		if had != id {
			return had
		}
	}
	return ""
}

// hold refuses a document of the kind whose links name nothing, or people who have left for
// what lies ahead, or that has a distinct text of another record, but for what the one
// before it had, too: nobody has to put right what they do not touch. Find has looked them
// up.
func (l *lookup) hold(k *Kind, id string, links []link, before json.RawMessage) error {
	var wrong []FieldError
	for _, n := range links {
		left, err := l.gone(k, n, before)
		if err != nil {
			return err
		}
		if left != "" {
			wrong = append(wrong, FieldError{n.at, left})
			continue
		}
		other := l.other(n, id)
		if !l.none[n.what()] && other == "" {
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
		case other != "":
			text = fmt.Sprintf("%s is that of %s/%s already: no two have the same", n.text, k.Name, other)
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
// new record, or lead back to it where they must not.
func (k *Kind) exist(tx *act.Tx, before json.RawMessage, doc any) error {
	links := k.links(doc)
	if len(links) == 0 {
		return nil
	}
	l, err := newLookup(&tx.Reader, tx.Now().In(tx.Zone()))
	if err == nil {
		err = l.find(k, links)
	}
	if err != nil {
		return err
	}
	if err := l.hold(k, k.Identify(doc), links, before); err != nil {
		return err
	}
	return k.turns(&tx.Reader, doc)
}
