package portal

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// card is what a record has on a board beside what a list shows.
type card struct {
	Anchor string
	Moves  []cardMove
}

// cardMove is a move that the reader can make of a card. One that asks for nothing is made
// there: Value is the version and the state, as movedOnBoard reads them. The others lead to
// their forms.
type cardMove struct{ Title, Value, Form string }

// anchor is where a card is on its board.
func anchor(id string) string { return "c-" + id }

// weights are the fields that say how much a record matters, where a register has one.
var weights = []string{"severity", "level", "tier", "criticality"}

// cardColumns are what a card of a board shows beside what the record is called: how
// much it matters, who sees to it, and until when; or else what a list shows first.
func cardColumns(kind *record.Kind) (columns []record.Column) {
	const most = 3
	add := func(field string) {
		known := slices.ContainsFunc(columns, func(c record.Column) bool { return c.Field == field })
		if len(columns) < most && !known && kind.Type(field) != nil {
			columns = append(columns, record.Column{Field: field, Label: kind.Field(field).Label})
		}
	}
	if at := slices.IndexFunc(weights, func(field string) bool { return kind.Type(field) != nil }); at >= 0 {
		add(weights[at])
	}
	for _, due := range kind.Dues[:min(1, len(kind.Dues))] {
		add(due.Owner)
		add(due.At)
	}
	add("owner")
	for _, c := range shownColumns(kind) {
		if c.Field != "state" {
			add(c.Field)
		}
	}
	return columns
}

// board puts the records into columns by their states.
func (p *Portal) board(r *request, reader *store.Reader, l *list, a *asked) error {
	cards := cardColumns(a.kind)
	moving := r.may(a.kind.Name+".move") && !a.kind.Internal
	for _, state := range a.kind.States {
		c := column{State: state.Name, Title: record.Words(state.Name)}
		var there []*record.Version
		next, err := record.List(reader, a.kind, record.Query{Filter: a.filter("item.state == " + literal(state.Name)), Words: l.Words, Sort: l.Sort, Limit: boardSize}, func(v *record.Version) error {
			one, err := p.rowOf(r, a.kind, v, cards)
			one.Card = &card{Anchor: anchor(v.ID)}
			if moving {
				of := *v
				of.Doc = slices.Clone(v.Doc)
				there = append(there, &of)
			}
			c.Rows = append(c.Rows, one)
			return err
		})
		if err != nil {
			return err
		}
		for i, v := range there {
			if c.Rows[i].Card.Moves, err = cardMoves(r, reader, v, state.Name); err != nil {
				return err
			}
			if len(c.Rows[i].Card.Moves) > 0 {
				l.Moving = r.URL.RawQuery
			}
		}
		if next != "" {
			c.More = a.with("view", "", prefix+"state", state.Name)
		}
		l.States = append(l.States, c)
	}
	return nil
}

// cardMoves are the moves of a record in a state that are the reader's to make.
func cardMoves(r *request, reader *store.Reader, v *record.Version, state string) (all []cardMove, err error) {
	for i := range r.kind.Transitions {
		t := &r.kind.Transitions[i]
		if t.From != state || t.Permission != "" && !r.may(t.Permission) {
			continue
		}
		if err := record.Another(reader, r.kind, r.caller, t, v); errors.Is(err, act.ErrSamePerson) {
			continue
		} else if err != nil {
			return nil, err
		}
		one := cardMove{Title: r.kind.Called(t)}
		asks := slices.ContainsFunc(r.kind.Asks(t), func(field string) bool { return !r.kind.Field(field).Computed })
		if asks || r.kind.Approves(t) { // which one reads first
			one.Form = at(r.kind, v.ID) + "?" + url.Values{"move": {t.To}}.Encode() + "#move-" + t.To
		} else {
			one.Value = strconv.Itoa(v.Version) + " " + t.To
		}
		all = append(all, one)
	}
	return all, nil
}

// movedOnBoard reads a move that was made on a board as one of a record's page.
func movedOnBoard(r *request) {
	if version, state, ok := strings.Cut(r.PostForm.Get("move"), " "); ok {
		r.PostForm.Set("version", version)
		r.PostForm.Set("state", state)
	}
}

// moved is where a move of a record that was made leads: to its page, or back to the board
// on which it was made.
func moved(r *request, id string) string {
	if query, err := url.ParseQuery(r.PostForm.Get("board")); err == nil && query.Get("view") == "board" {
		return at(r.kind) + "?" + query.Encode() + "#" + url.PathEscape(anchor(id))
	}
	return at(r.kind, id)
}
