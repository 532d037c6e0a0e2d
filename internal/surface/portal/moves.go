package portal

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
)

// move is a state that the record can move to.
type move struct {
	To, Title string
	Inputs    []input
	// Not says why the caller cannot make the move: it is for somebody else.
	Not string
	// Lacks is what has to be there before, which the form does not ask for; FilledIn says
	// who does that.
	Lacks    []mistake
	FilledIn shownLine
	Approves bool
	Open     bool
	Sent     bool // its form was sent, and is shown again
}

// othersMove are moves that whoever has one of some roles makes.
type othersMove struct{ Titles, Roles string }

// moves are the states that a record can move to now.
func (p *Portal) moves(r *request, v *record.Version, mistakes []mistake, wrong map[string]string, state string) ([]move, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(v.Doc, &doc); err != nil {
		return nil, err
	}
	var from string
	_ = json.Unmarshal(doc["state"], &from) // without one there is no lifecycle
	helps, err := p.explained(r)
	if err != nil {
		return nil, err
	}
	var all []move
	for i := range r.kind.Transitions {
		t := &r.kind.Transitions[i]
		if t.From != from || t.Permission != "" && !r.may(t.Permission) {
			continue
		}
		m := move{To: t.To, Title: r.kind.Called(t), Open: t.To == state}
		err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error { return record.Another(reader, r.kind, r.caller, t, v) })
		switch {
		case errors.Is(err, act.ErrSamePerson):
			m.Not = "for somebody else to do. " + p.plainly(r.kind, strings.TrimPrefix(err.Error(), act.ErrSamePerson.Error()+": "))
		case err != nil:
			return nil, err
		}
		lacks, err := r.kind.Lacking(t, v.Doc, p.System.Clock.Now(), r.caller.ID)
		if err != nil {
			return nil, err
		}
		if m.Open && len(mistakes) > 0 {
			lacks = nil // it was tried: the page says so above, and what was typed stays
		}
		for _, lack := range lacks {
			m.Lacks = append(m.Lacks, mistake{Label: r.kind.Field(lack.Field).Label, Problem: lack.Problem})
		}
		if owner := p.typed(described(r.kind, r.kind.Field("owner")), doc["owner"]).text(); owner != "" && len(lacks) > 0 {
			m.FilledIn = p.reference(r, owner)
		}
		m.Approves, m.Sent = r.kind.Approves(t), m.Open && r.Method == http.MethodPost
		for _, field := range r.kind.Asks(t) {
			part := described(r.kind, r.kind.Field(field))
			if part.Computed {
				continue // it follows from the others
			}
			typed := p.typed(part, doc[field])
			if t.Anew(field) {
				typed = p.typed(part, nil)
			}
			if m.Open && r.typed(field) {
				typed = posted(part, r.PostForm)
			}
			by := filling{id: t.To + "-", other: func(field string) string { return p.typed(described(r.kind, r.kind.Field(field)), doc[field]).text() }}
			if m.Open {
				by.wrong, by.more = wrong, r.PostForm.Get(more)
			}
			in := p.input(part, typed, by)
			in.Required, in.Help = slices.Contains(t.Required, field), cmp.Or(helps[field], in.Help)
			if err := p.known(r, &in, doc, m.Open && r.typed(field)); err != nil {
				return nil, err
			}
			if err := in.each(func(one *input) error { return p.suggest(r, one) }); err != nil {
				return nil, err
			}
			if m.Open {
				locate(mistakes, &in)
			}
			m.Inputs = append(m.Inputs, in)
		}
		all = append(all, m)
	}
	return all, nil
}

// othersMoves are the moves on which a record goes on, by the roles that allow them.
func othersMoves(kind *record.Kind, v *record.Version) (all []othersMove, err error) {
	var stands struct{ State string }
	if err := json.Unmarshal(v.Doc, &stands); err != nil {
		return nil, err
	}
	moves := slices.DeleteFunc(slices.Clone(kind.Transitions), func(t record.Transition) bool { return t.From != stands.State || t.To == record.Withdrawn })
	for i := range moves {
		roles := access.Roles.Allowing(kind.Name + ".move")
		if permission := moves[i].Permission; permission != "" {
			also := access.Roles.Allowing(permission)
			roles = slices.DeleteFunc(roles, func(role string) bool { return !slices.Contains(also, role) })
		}
		title, names := kind.Called(&moves[i]), oneOf(roles)
		if same := slices.IndexFunc(all, func(o othersMove) bool { return o.Roles == names }); same >= 0 {
			all[same].Titles += ", " + title
		} else if names != "" {
			all = append(all, othersMove{title, names})
		}
	}
	return all, nil
}

func (p *Portal) move(r *request) (*shown, error) {
	movedOnBoard(r)
	id, state := r.PathValue("id"), r.PostForm.Get("state")
	from, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return nil, fmt.Errorf("%w: it does not say which version it was made from", errForm)
	}
	var doc map[string]json.RawMessage
	if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
		v, err := record.GetVersion(reader, r.kind.Name, id, from)
		if err != nil {
			return err
		}
		return json.Unmarshal(v.Doc, &doc)
	}); err != nil {
		return nil, err
	}
	if r.PostForm.Has(more) {
		return p.recordWith(r, nil, state)
	}
	was := p.typed(described(r.kind, r.kind.Field("state")), doc["state"]).text()
	var fields []record.Field
	for i := range r.kind.Transitions {
		if t := &r.kind.Transitions[i]; t.From == was && t.To == state {
			for _, name := range r.kind.Asks(t) {
				fields = append(fields, r.kind.Field(name))
				if t.Anew(name) {
					delete(doc, name)
				}
			}
		}
	}
	changed, err := p.changes(r, fields, doc)
	if err == nil {
		if _, err = p.System.MoveRecord(r.once, r.caller, r.kind, id, from, state, changed); err == nil {
			return &shown{to: moved(r, id)}, nil
		}
	}
	if errors.Is(err, record.ErrStale) {
		r.overtaken = changed
	}
	return p.recordWith(r, err, state)
}
