package portal

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// formPage is the page of a form.
type formPage struct {
	Kind    *record.Kind
	Action  string // where it is sent
	Back    string
	Button  string
	Version int // that it was made from
	Inputs  []input
	// Later are the fields that a new record is asked for when it moves on.
	Later    []input // those that a link or what was sent says something of
	Standing string  // what cannot simply be changed in the record's state
	Wrong    []mistake
	Stale    *stale
}

// stale is what somebody is shown who changed a record that has moved on: what became
// of it meanwhile.
type stale struct {
	From, Current int
	Rows          []meanwhile
	Both          bool // of one of them they made something else
}

// meanwhile is a field that somebody else has changed.
type meanwhile struct {
	Label           string
	Was, Now, Yours shownValue
	Both            bool // Yours is what whoever sent the form made of it
}

// staleRow is a field before a change, and after it.
type staleRow struct {
	Label       string
	Yours, Mine shownValue
}

func (p *Portal) addForm(r *request) (*shown, error) {
	return p.form(r, nil, nil, nil)
}

// form shows the form of a new record, or of one that is there (v), with what is
// wrong with what was typed.
func (p *Portal) form(r *request, v *record.Version, failed error, old *stale) (*shown, error) {
	kind := r.kind
	page := &formPage{Kind: kind, Action: at(kind), Back: at(kind), Button: "Add it", Stale: old}
	answer := &shown{page: "form", title: "New: " + kind.Singular, data: page}
	var doc map[string]json.RawMessage
	if v != nil {
		page.Version, page.Button, page.Back = v.Version, "Save", at(kind, v.ID)
		page.Action, answer.title = page.Back, "Change "+caption(kind, v)
		if err := json.Unmarshal(v.Doc, &doc); err != nil {
			return nil, err
		}
	} else {
		var err error
		if doc, err = blank(kind); err != nil {
			return nil, err
		}
	}
	wrong := map[string]string{}
	if failed != nil {
		var taken bool
		if page.Wrong, wrong, taken = p.mistakes(r, kind, failed); !taken {
			return nil, failed
		}
		answer.status = http.StatusUnprocessableEntity
	}
	helps, err := p.explained(r)
	if err != nil {
		return nil, err
	}
	inForm := func(f record.Field) typing {
		part := described(kind, f)
		switch {
		case r.typed(f.Name):
			return posted(part, r.PostForm)
		case v == nil && sent(part, r.URL.Query()) && len(r.URL.Query()) > 0:
			return posted(part, r.URL.Query()) // a link can fill in a form
		}
		return p.typed(part, doc[f.Name])
	}
	usual, err := p.usual(r, inForm)
	if err != nil {
		return nil, err
	}
	asIs := inForm
	inForm = func(f record.Field) typing {
		t := asIs(f)
		if value := usual[f.Name]; value != "" && t.empty() {
			t.texts = []string{value}
		}
		return t
	}
	by := filling{wrong: wrong, more: r.PostForm.Get(more), other: func(field string) string {
		if v != nil && slices.Contains(kind.Fixed, field) {
			return p.typed(described(kind, kind.Field(field)), doc[field]).text()
		}
		return inForm(kind.Field(field)).text()
	}}
	fields := kind.Editable(false)
	if v != nil {
		if fields, page.Standing, err = kind.Changeable(v.Doc); err != nil {
			return nil, err
		}
	}
	section := ""
	for _, f := range fields {
		in := p.input(described(kind, f), inForm(f), by)
		in.Help = cmp.Or(helps[f.Name], in.Help)
		if err := p.known(r, &in, doc, r.typed(f.Name)); err != nil {
			return nil, err
		}
		if err := in.each(func(one *input) error {
			if one.Control == "lines" {
				return p.offer(r, one)
			}
			return p.suggest(r, one)
		}); err != nil {
			return nil, err
		}
		located := locate(page.Wrong, &in)
		if v == nil && !f.Required && f.Rows == nil && askedLater(kind, f.Name) {
			if !located && !in.filled && by.more != f.Name {
				continue // the move asks for it
			}
			page.Later = append(page.Later, in)
			continue
		}
		if f.Section != section && f.Section != "" {
			section, in.Begins = f.Section, f.Section
		}
		page.Inputs = append(page.Inputs, in)
	}
	return answer, nil
}

// known leaves of what a field can be what there is here: the channels that are configured,
// and of a risk the scale in force and its steps, each with what it means. It is typed, or
// what doc says.
func (p *Portal) known(r *request, in *input, doc map[string]json.RawMessage, typed bool) error {
	switch {
	case (r.kind == communication.Announcements || r.kind == policies.Versions) && in.Name == "channels":
		p.configured(in)
	case r.kind == risks.Register:
		return p.onScale(r, in, doc, typed)
	}
	return nil
}

// onScale makes the scale of a risk and its ratings a choice; what stands, and is none of the
// scale in force, stays among them. Of a rating on another scale nothing is chosen: its words
// are not those of this one.
func (p *Portal) onScale(r *request, in *input, doc map[string]json.RawMessage, typed bool) error {
	if in.Name != "scale" && risks.Default().Steps(in.Name) == nil {
		return nil
	}
	scale, were, err := p.rated(r, doc)
	if err != nil {
		return err
	}
	in.Control, in.Options = "one", nil
	for i, step := range scale.Steps(in.Name) {
		in.Options = append(in.Options, option{Value: strconv.Itoa(i + 1), Text: step})
	}
	nothing := "–"
	if title := scale.ID + " " + scale.Title; in.Name == "scale" && scale.Ref() == "" {
		nothing = title
	} else if in.Name == "scale" {
		in.Options = []option{{Value: scale.Ref(), Text: title}}
	}
	if was := were[in.Name]; was != "" {
		nothing = "was " + was
		if !typed {
			in.Value = ""
		}
	}
	in.Options = append([]option{{Text: nothing}}, in.Options...)
	if !slices.ContainsFunc(in.Options, func(o option) bool { return o.Value == in.Value }) {
		in.Options = append(in.Options, option{Value: in.Value, Text: strings.TrimPrefix(in.Value, risks.Scales.Name+"/") + ", which is not of the scale in force"})
	}
	for i := range in.Options {
		in.Options[i].Chosen = in.Options[i].Value == in.Value
	}
	return nil
}

// rated is the scale in force, and what the ratings of a risk were, by field, where it was
// rated on another one.
func (p *Portal) rated(r *request, doc map[string]json.RawMessage) (scale *risks.Scale, were map[string]string, err error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, nil, err
	}
	risk := &risks.Risk{}
	if err := json.Unmarshal(raw, risk); err != nil {
		return nil, nil, err
	}
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) (err error) {
		if r.scale == nil {
			if r.scale, err = risks.InCharge(reader); err != nil {
				return err
			}
		}
		were, err = r.scale.Were(reader, risk)
		return err
	})
	return r.scale, were, err
}

// configured leaves out of channels those that are not configured, but for what is chosen
// already.
func (p *Portal) configured(in *input) {
	c := p.System.Config.Notifications
	var missing []string
	if c == nil || c.Slack == nil {
		missing = append(missing, communication.Slack)
	}
	if c == nil || c.Email == nil {
		missing = append(missing, communication.Email)
	}
	in.Options = slices.DeleteFunc(in.Options, func(o option) bool { return !o.Chosen && slices.Contains(missing, o.Value) })
	if len(missing) > 0 {
		in.Help += " Not configured here: " + strings.Join(missing, " and ") + " (notifications in scaf.json)."
	}
}

// usual is what stands, by field, where nobody has said yet which rows a list has.
func (p *Portal) usual(r *request, inForm func(record.Field) typing) (map[string]string, error) {
	all := map[string]string{}
	for _, f := range r.kind.Described {
		if f.Rows == nil || f.Rows.Usual == nil {
			continue
		}
		from := described(r.kind, r.kind.Field(f.Rows.From))
		typed, err := p.meant(r, from, inForm(from.Field))
		if unclear := (*record.Invalid)(nil); errors.As(err, &unclear) {
			continue // which is said at that field
		}
		if err != nil {
			return nil, err
		}
		if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
			filled, err := f.Rows.Usual(reader, typed.text())
			maps.Copy(all, filled)
			return err
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// more is what the button of a form sends that makes room in a list: nothing is
// written then.
const more = "more"

// locate says where on the page the mistakes stand that an input, or one within it,
// has, and whether there are any.
func locate(mistakes []mistake, in *input) (found bool) {
	_ = in.each(func(one *input) error { // nothing fails
		for i := range mistakes {
			if mistakes[i].key == one.key && one.key != "" {
				found, mistakes[i].ID = true, one.ID
			}
		}
		return nil
	})
	return found
}

// explained is the help of fields that depends on what other records hold.
func (p *Portal) explained(r *request) (helps map[string]string, err error) {
	return helps, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		helps, err = r.kind.Explained(reader)
		return err
	})
}

// askedLater reports whether a field belongs to a later part of a record's life:
// moves ask for it that do not begin one, or that end it at once. A move that leaves a
// record where it is, such as a review, says again what was said before. Who owes a move
// is said before it.
func askedLater(kind *record.Kind, field string) bool {
	if slices.ContainsFunc(kind.Dues, func(due record.Due) bool { return due.Owner == field }) {
		return false
	}
	order := states(kind)
	moves := slices.DeleteFunc(slices.Clone(kind.Transitions), func(t record.Transition) bool { return t.From == t.To })
	goesOn := func(state string) bool {
		return slices.ContainsFunc(moves, func(t record.Transition) bool { return t.From == state })
	}
	// What can be reached from a later state, too, is no next step: a risk is closed from
	// wherever it stands, and may be taken up again.
	ends := func(state string) bool {
		return slices.ContainsFunc(moves, func(t record.Transition) bool {
			return t.To == state && t.From != order[0] && slices.Index(order, t.From) < slices.Index(order, state)
		})
	}
	asked := false
	for i := range moves {
		t := &moves[i]
		if !slices.Contains(t.Required, field) && !slices.Contains(t.Offered, field) {
			continue
		}
		if t.From == order[0] && goesOn(t.To) && !ends(t.To) {
			return false
		}
		asked = true
	}
	return asked
}

// blank is what a new record begins with.
func blank(kind *record.Kind) (doc map[string]json.RawMessage, err error) {
	raw, err := record.Canonical(kind.New())
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(raw, &doc)
	for name, value := range doc {
		// What nobody has said yet is not shown as an answer.
		if text := string(value); text == "0" || text == "false" {
			delete(doc, name)
		}
	}
	return doc, err
}

// changes are the fields of a form that say something else than the document
// does. What is wrong with some is record.Invalid, beside the others.
func (p *Portal) changes(r *request, fields []record.Field, doc map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	changed := map[string]json.RawMessage{}
	invalid := &record.Invalid{}
	var were map[string]string // ratings on another scale, which stay until one on this is chosen
	if r.kind == risks.Register {
		scale, ratings, err := p.rated(r, doc)
		if err != nil {
			return nil, err
		}
		if named := described(r.kind, r.kind.Field("scale")); !sent(named, r.PostForm) || posted(named, r.PostForm).same(p.typed(named, doc["scale"])) {
			were = ratings
			if slices.ContainsFunc(fields, func(f record.Field) bool { return were[f.Name] != "" && r.PostForm.Get("f."+f.Name) != "" }) {
				invalid.Fields = append(invalid.Fields, record.Wrong("scale", "%s", scale.Asked()))
			}
		} else { // no rating is lost because nobody chose what it is now
			for _, f := range fields {
				if part := described(r.kind, f); ratings[f.Name] != "" && sent(part, r.PostForm) && posted(part, r.PostForm).empty() {
					invalid.Fields = append(invalid.Fields, record.Wrong(f.Name, "was %s: choose what it is on %s", ratings[f.Name], scale.ID))
				}
			}
		}
	}
	for _, f := range fields {
		part := described(r.kind, f)
		if !sent(part, r.PostForm) || were[f.Name] != "" {
			continue
		}
		typed, err := p.meant(r, part, posted(part, r.PostForm))
		if err == nil && typed.same(p.typed(part, doc[f.Name])) {
			continue
		}
		var raw json.RawMessage
		if err == nil {
			raw, err = p.read(part, typed, doc[f.Name])
		}
		var wrong *record.Invalid
		if errors.As(err, &wrong) {
			invalid.Fields = append(invalid.Fields, wrong.Fields...)
			continue
		}
		if err != nil {
			return nil, err
		}
		changed[f.Name] = raw
	}
	if len(invalid.Fields) > 0 {
		return changed, invalid
	}
	return changed, nil
}

func (p *Portal) add(r *request) (*shown, error) {
	if r.PostForm.Has(more) {
		return p.form(r, nil, nil, nil)
	}
	doc, err := blank(r.kind)
	if err != nil {
		return nil, err
	}
	fields, err := p.changes(r, r.kind.Editable(false), doc)
	if err == nil {
		var made *record.Version
		if made, err = p.System.AddRecord(r.once, r.caller, r.kind, fields); err == nil {
			return &shown{to: at(r.kind, made.ID)}, nil
		}
	} else if wrong := (*record.Invalid)(nil); errors.As(err, &wrong) {
		err = r.kind.Others(wrong, fields)
	}
	return p.form(r, nil, err, nil)
}

func (p *Portal) editForm(r *request) (*shown, error) {
	v, err := p.load(r)
	if err != nil {
		return nil, err
	}
	return p.form(r, v, nil, nil)
}

// from is the version that a form was made from.
func (r *request) from() (int, error) {
	from, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil || from < 0 {
		return 0, fmt.Errorf("%w: it does not say which version it was made from", errForm)
	}
	return from, nil
}

func (p *Portal) edit(r *request) (*shown, error) {
	id := r.PathValue("id")
	from, err := r.from()
	if err != nil {
		return nil, err
	}
	var v *record.Version
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, err = record.GetVersion(reader, r.kind.Name, id, from)
		return err
	}); err != nil {
		return nil, err
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(v.Doc, &doc); err != nil {
		return nil, err
	}
	if r.PostForm.Has(more) {
		return p.form(r, v, nil, nil)
	}
	fields, err := p.changes(r, r.kind.Editable(true), doc)
	if err == nil && len(fields) == 0 {
		return &shown{to: at(r.kind, id)}, nil
	}
	if err == nil {
		if _, err = p.System.SetRecord(r.once, r.caller, r.kind, id, from, fields); err == nil {
			return &shown{to: at(r.kind, id)}, nil
		}
	}
	var moved *record.StaleError
	if errors.As(err, &moved) {
		old, err := p.differing(r, v, moved, fields)
		if err != nil {
			return nil, err
		}
		// What was changed stands in the form, over the version that is there now.
		r.overtaken = fields
		page, err := p.form(r, moved.Current, nil, old)
		if page != nil {
			page.status = http.StatusConflict
		}
		return page, err
	}
	return p.form(r, v, err, nil)
}

// differing shows what a record has become since a form was made from a version of it,
// beside the fields that the form changed.
func (p *Portal) differing(r *request, from *record.Version, e *record.StaleError, changed map[string]json.RawMessage) (*stale, error) {
	s := &stale{From: e.From, Current: e.Current.Version}
	others, err := record.Differing(from.Doc, e.Current.Doc)
	if err != nil {
		return nil, err
	}
	var docs [3]map[string]shownValue
	for i, doc := range []json.RawMessage{from.Doc, e.Current.Doc, e.Yours.Doc} {
		if docs[i], err = p.values(r, r.kind, doc); err != nil {
			return nil, err
		}
	}
	for _, d := range others {
		row := meanwhile{Label: r.kind.Field(d.Field).Label, Was: docs[0][d.Field], Now: docs[1][d.Field], Yours: docs[2][d.Field]}
		if _, ok := changed[d.Field]; ok {
			row.Both = slices.ContainsFunc(e.Differing, func(other record.FieldDiff) bool { return other.Field == d.Field })
			s.Both = s.Both || row.Both
		}
		s.Rows = append(s.Rows, row)
	}
	return s, nil
}
