package attached

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Link is a typed relation from one record to another. Its id says what it
// links, so that there is one of each.
type Link struct {
	ID       string    `json:"id"` // from~relation~to
	From     string    `json:"from"`
	Relation string    `json:"relation"`
	To       string    `json:"to"`
	State    string    `json:"state"`
	At       time.Time `json:"at"`
	By       string    `json:"by"`
}

// States of what is attached.
const (
	Kept    = "kept"
	Removed = "removed"
)

// Links is the register of links.
var Links = record.Define[Link](record.Definition{
	Kind: "link", Register: "links", Title: "Links", At: "at", Internal: true, Personal: true,
	Purpose:     "Which records belong together.",
	States:      []string{Kept, Removed},
	Transitions: []record.Transition{{From: Kept, To: Removed}, {From: Removed, To: Kept}},
	Columns: []record.Column{
		{Field: "from", Label: "From", Filter: true},
		{Field: "to", Label: "To", Filter: true},
	},
})

// Relations are the types of links, each with what it is called from the other
// side.
var Relations = map[string]string{
	"relates_to": "relates_to",
	"causes":     "caused_by",
	"mitigates":  "mitigated_by",
	"depends_on": "required_by",
	"evidences":  "evidenced_by",
	"duplicates": "duplicated_by",
	"follows":    "followed_by",
	"violates":   "violated_by",
}

// Called are all names of relations, from both sides, sorted.
func Called() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(Relations)), maps.Values(Relations))
	slices.Sort(names)
	return slices.Compact(names)
}

// Validate says what is wrong with a link.
func (l *Link) Validate() []record.FieldError {
	var wrong []record.FieldError
	if _, ok := Relations[l.Relation]; !ok {
		wrong = append(wrong, record.FieldError{Field: "relation", Problem: fmt.Sprintf("%q is no relation: %s", l.Relation, strings.Join(slices.Sorted(maps.Keys(Relations)), ", "))})
	}
	if l.From == l.To {
		wrong = append(wrong, record.FieldError{Field: "to", Problem: "is the record itself"})
	}
	return wrong
}

// Related is a link as one of its records sees it.
type Related struct {
	Relation string    `json:"relation"` // as this record sees it
	Record   string    `json:"record"`   // the other one
	Link     string    `json:"link"`     // the link's own id
	At       time.Time `json:"at"`
	By       string    `json:"by"`
}

// AddLink links two records, which have to exist. A link that was removed is
// there again; one that is there is record.ErrSame.
func AddLink(tx *act.Tx, kinds record.Kinds, from, relation, to string) (*Link, error) {
	for _, ref := range []string{from, to} {
		if err := exists(&tx.Reader, kinds, ref); err != nil {
			return nil, err
		}
	}
	// From the other side it is the same link.
	for name, inverse := range Relations {
		if relation == inverse && relation != name {
			from, relation, to = to, name, from
		}
	}
	if Relations[relation] == relation && from > to { // the same from both sides
		from, to = to, from
	}
	link := &Link{ID: from + "~" + relation + "~" + to, From: from, Relation: relation, To: to, State: Kept, At: tx.Now(), By: tx.Caller().ID}
	before, version, err := current[Link](&tx.Reader, Links, link.ID)
	if err != nil {
		return nil, err
	}
	if before != nil && before.State == Kept {
		return nil, fmt.Errorf("%w: %s %s %s is linked already", record.ErrSame, from, relation, to)
	}
	return link, put(tx, Links, "added", link.ID, version, link)
}

// RemoveLink removes a link; its history stays.
func RemoveLink(tx *act.Tx, from, relation, to string) (*Link, error) {
	for _, id := range sides(from, relation, to) {
		link, version, err := current[Link](&tx.Reader, Links, id)
		if err != nil {
			return nil, err
		}
		if link != nil && link.State == Kept {
			link.State, link.At, link.By = Removed, tx.Now(), tx.Caller().ID
			return link, put(tx, Links, "removed", link.ID, version, link)
		}
	}
	return nil, fmt.Errorf("%w: no link %s %s %s", record.ErrNone, from, relation, to)
}

// sides are the ids that a link may have, named from either side.
func sides(from, relation, to string) []string {
	ids := []string{from + "~" + relation + "~" + to}
	for name, inverse := range Relations {
		if inverse == relation {
			ids = append(ids, to+"~"+name+"~"+from)
		}
	}
	return ids
}

// LinksOf are the links of a record in both directions, the oldest first.
func LinksOf(r *store.Reader, ref string) ([]Related, error) {
	found := []Related{}
	out, err := of[Link](r, Links, "from", ref)
	if err != nil {
		return nil, err
	}
	in, err := of[Link](r, Links, "to", ref)
	if err != nil {
		return nil, err
	}
	for _, l := range slices.Concat(out, in) {
		if l.State != Kept {
			continue
		}
		one := Related{l.Relation, l.To, l.ID, l.At, l.By}
		if l.From != ref {
			one.Relation, one.Record = Relations[l.Relation], l.From
		}
		found = append(found, one)
	}
	slices.SortStableFunc(found, func(a, b Related) int { return a.At.Compare(b.At) })
	return found, nil
}
