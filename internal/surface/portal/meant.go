package portal

// What a form offers to be named, and which records and controls were meant by what was typed.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/vocabulary"
)

// suggested is how many records of a register a form suggests at most.
const suggested = 300

// suggest offers the records that a field can name, where they are few enough to
// choose from and whoever fills in the form may read them, or, of people, know what they
// are called. Of very many people it offers those who are called as it was typed.
func (p *Portal) suggest(r *request, in *input) error {
	if in.Refers == "" || in.Control != "text" {
		return nil
	}
	if strings.Contains(in.Value, "/") {
		named := p.reference(r, in.Value)
		in.Naming = &named
	}
	words := ""
	if !strings.Contains(in.Value, "/") {
		words = strings.TrimSpace(in.Value)
	}
	if list, ok := r.lists[in.Refers]; ok && (list != "" || words == "") {
		in.List = list
		return nil
	}
	kind, err := p.nameable(r, in.Refers)
	if kind == nil || err != nil {
		return err
	}
	err = p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		n, err := record.Total(reader, kind)
		if err != nil || n > suggested && words == "" {
			switch {
			case n <= suggested:
			case kind == people.Register:
				in.Help += fmt.Sprintf(" Or a name: of %d people, those are offered who are called so when the form is sent.", n)
			default:
				in.Help += fmt.Sprintf(" Or a name: of %d records, those are offered that are called so when the form is sent.", n)
			}
			return err
		}
		query := record.Query{Limit: suggested}
		if n > suggested {
			query.Words = words
		}
		_, err = record.List(reader, kind, query, func(v *record.Version) error {
			one := option{Value: v.Ref(), Text: caption(kind, v)}
			if kind == people.Register {
				person, err := decoded[people.Person](v)
				if err != nil {
					return err
				}
				if left := person.Gone(p.System.Clock.Now()); left != nil {
					one.Text += ", left " + left.In(p.zone).Format(time.DateOnly)
				}
			}
			if !r.may(readAction(kind)) && !strings.Contains(strings.ToLower(one.Text), strings.ToLower(words)) {
				return nil // the words stand in what is not theirs to read
			}
			in.Suggested = append(in.Suggested, one)
			return nil
		})
		return err
	})
	slices.SortFunc(in.Suggested, func(a, b option) int { return strings.Compare(a.Text, b.Text) })
	if r.lists == nil {
		r.lists = map[string]string{}
	}
	if len(in.Suggested) > 0 {
		in.List = in.ID + "-list"
	}
	if words == "" || r.lists[in.Refers] != "" {
		r.lists[in.Refers] = in.List
	}
	return err
}

// offer says under a list of references, or of controls, what can be named in it: a name a
// line is taken, too.
func (p *Portal) offer(r *request, in *input) error {
	if in.Names == vocabulary.Controls && r.may("control.read") {
		all, err := p.System.Controls()
		for _, control := range all {
			in.Offered = append(in.Offered, option{Value: control.ID, Text: control.Title})
		}
		return err
	}
	kind, err := p.nameable(r, in.Refers)
	if kind == nil || err != nil {
		return err
	}
	return p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		if n, err := record.Total(reader, kind); err != nil || n > suggested {
			return err
		}
		_, err := record.List(reader, kind, record.Query{Limit: suggested}, func(v *record.Version) error {
			in.Offered = append(in.Offered, option{Value: v.Ref(), Text: caption(kind, v)})
			return nil
		})
		slices.SortFunc(in.Offered, func(a, b option) int { return strings.Compare(a.Text, b.Text) })
		return err
	})
}

// meant are the records whose numbers or names were typed instead of their references, for
// whoever may read them, or, of people, knows what they are called: each number, name or title that is
// exactly that of one of them, in a list of structs as well. A control is meant by its title.
func (p *Portal) meant(r *request, f record.Part, t typing) (typing, error) {
	if len(t.rows) > 0 {
		return p.meantIn(r, f, t)
	}
	if f.Names == vocabulary.Controls {
		return p.meantControls(t)
	}
	kind, err := p.nameable(r, f.Refers)
	if kind == nil || err != nil {
		return t, err
	}
	t.texts = slices.Clone(t.texts)
	return t, p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		for i, text := range t.texts {
			if strings.Contains(text, "/") {
				continue
			}
			switch v, err := record.Get(reader, kind.Name, text); {
			case err == nil: // its number, which is one of the register's alone
				t.texts[i] = v.Ref()
				continue
			case !errors.Is(err, record.ErrNone):
				return err
			}
			var found []string
			for _, name := range kind.Naming() {
				if !slices.Contains(kind.Filterable(), name) {
					continue
				}
				if _, err := record.List(reader, kind, record.Query{Filter: "item." + name + " == " + literal(text), Limit: 10}, func(v *record.Version) error {
					found = append(found, v.Ref())
					return nil
				}); err != nil {
					return err
				}
			}
			switch {
			case len(found) == 1:
				t.texts[i] = found[0]
			case len(found) > 1:
				several := "several records are called"
				if kind == people.Register {
					several = "several people are called"
				}
				return record.Refuse(f.Name, "%s %s: write which one, %s", several, text, `"`+strings.Join(found, `" or "`)+`"`)
			}
		}
		return nil
	})
}

// nameable is the register whose records a form takes by name; nil where there is none of
// this kind, or the reader is not told what they are called.
func (p *Portal) nameable(r *request, refers string) (*record.Kind, error) {
	if refers == "" {
		return nil, nil
	}
	kind, err := p.System.Kinds.Find(refers)
	if errors.Is(err, record.ErrRegister) {
		return nil, nil
	}
	if err != nil || kind.Name != refers {
		return nil, err
	}
	if kind == people.Register && r.knowsPeople() || kind != people.Register && !kind.Personal && r.may(readAction(kind)) {
		return kind, nil
	}
	return nil, nil // it is one whose every reading is recorded
}

// meantControls are the controls whose titles were typed instead of their ids.
func (p *Portal) meantControls(t typing) (typing, error) {
	all, err := p.System.Controls()
	if err != nil {
		return t, err
	}
	t.texts = slices.Clone(t.texts)
	for i, text := range t.texts {
		for _, control := range all {
			if strings.EqualFold(control.Title, text) {
				t.texts[i] = control.ID
			}
		}
	}
	return t, nil
}

// meantIn is meant of the structs that a field holds.
func (p *Portal) meantIn(r *request, f record.Part, t typing) (typing, error) {
	rows := make([]map[string]typing, len(t.rows))
	for i, row := range t.rows {
		rows[i] = maps.Clone(row)
		for _, part := range record.Parts(f.Of) {
			name := part.Name
			part.Name = inside(f, i, name)
			var err error
			if rows[i][name], err = p.meant(r, part, row[name]); err != nil {
				return t, err
			}
		}
	}
	t.rows = rows
	return t, nil
}
