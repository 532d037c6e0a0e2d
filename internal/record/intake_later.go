package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// A source may name a record of the register itself before it brings it, and two that name
// each other: what names one that is not there yet, or would go round in a circle with what
// is there, waits until all of the source has been read. Then it is taken in an order in
// which what is named comes first.

// waiting are the items that wait, and their ids: what else has one of those waits, too.
type waiting struct {
	items []prepared
	ids   map[string]bool
}

// own are the links of an item to the register itself, and the ids that they name.
func (in Intake) own(item *prepared) (links []link, ids []string) {
	for _, n := range item.links {
		if id, ok := strings.CutPrefix(n.text, in.Kind.Name+"/"); ok && n.by.Refers == in.Kind.Name {
			links, ids = append(links, n), append(ids, id)
		}
	}
	return links, ids
}

// waits reports whether an item has to wait. before is what its record holds, nil for a new
// one, beside are those that were taken with it.
func (in Intake) waits(r *store.Reader, item *prepared, others *lookup, before json.RawMessage, beside map[string]*prepared) (bool, error) {
	links, _ := in.own(item)
	refused := others.hold(in.Kind, item.id, links, before)
	if refused == nil {
		refused = in.circles(r, item, beside)
	}
	if refused == nil || refusal(refused) {
		return refused != nil, nil
	}
	return false, refused
}

// here says that the record of an id is there, or that it is not.
func (l *lookup) here(kind *Kind, id string, there bool) { l.none[kind.Name+"/"+id] = !there }

// names are the ids that an item's record would name by a field: an item that says nothing
// of the field, or nothing new, leaves what the record has.
func (in Intake) names(r *store.Reader, item *prepared, field string) ([]string, error) {
	current, err := Get(r, in.Kind.Name, item.id)
	if errors.Is(err, ErrNone) {
		return namedBy(in.Kind, field, json.RawMessage(item.doc))
	}
	if err != nil {
		return nil, err
	}
	doc, err := in.next(r, current, *item)
	if refusal(err) { // and says so when it is taken
		return namedBy(in.Kind, field, current.Doc)
	}
	if err != nil {
		return nil, err
	}
	return namedBy(in.Kind, field, json.RawMessage(doc))
}

// circles refuses an item by which a record would come back to itself. beside are items
// that are taken together with it, by id.
func (in Intake) circles(r *store.Reader, item *prepared, beside map[string]*prepared) error {
	return in.Kind.circles(item.id, func(field, id string) ([]string, error) {
		other := beside[id]
		if id == item.id {
			other = item
		}
		if other != nil {
			return in.names(r, other, field)
		}
		docs, err := Current(r, in.Kind.Name, []string{id})
		if err != nil {
			return nil, err
		}
		return namedBy(in.Kind, field, docs[id])
	})
}

// circles refuses the record of an id that comes back to itself by a field of which that is
// not allowed. named gives the ids that a record names by a field.
func (k *Kind) circles(id string, named func(field, id string) ([]string, error)) error {
	for i := range k.Described {
		f := &k.Described[i]
		if f.Acyclic == "" {
			continue
		}
		way, err := around(id, func(id string) ([]string, error) { return named(f.Name, id) })
		if err != nil {
			return err
		}
		if way != nil {
			return Refuse(f.Name, "goes round in a circle: %s", strings.Join(way, " "+f.Acyclic+" "))
		}
	}
	return nil
}

// around is a way from an id back to itself; nil: there is none.
func around(id string, named func(id string) ([]string, error)) ([]string, error) {
	done := map[string]bool{}
	var visit func(way []string) ([]string, error)
	visit = func(way []string) ([]string, error) {
		next, err := named(way[len(way)-1])
		if err != nil {
			return nil, err
		}
		for _, one := range next {
			if one == id {
				return append(way, one), nil
			}
			if done[one] {
				continue
			}
			done[one] = true
			if found, err := visit(append(slices.Clone(way), one)); found != nil || err != nil {
				return found, err
			}
		}
		return nil, nil
	}
	return visit([]string{id})
}

// namedBy are the ids of the register itself that a document names by a field.
func namedBy(kind *Kind, field string, doc json.RawMessage) (ids []string, err error) {
	if doc == nil {
		return nil, nil
	}
	decoded := kind.New()
	if err := json.Unmarshal(doc, decoded); err != nil {
		return nil, err
	}
	return namedIn(kind, field, decoded), nil
}

func namedIn(kind *Kind, field string, doc any) (ids []string) {
	for _, n := range kind.links(doc) {
		if id, ok := strings.CutPrefix(n.text, kind.Name+"/"); ok && n.at == field {
			ids = append(ids, id)
		}
	}
	return ids
}

// turns refuses a document by which its record would come back to itself.
func (k *Kind) turns(r *store.Reader, doc any) error {
	own := k.Identify(doc)
	return k.circles(own, func(field, id string) ([]string, error) {
		if id == own {
			return namedIn(k, field, doc), nil
		}
		docs, err := Current(r, k.Name, []string{id})
		if err != nil {
			return nil, err
		}
		return namedBy(k, field, docs[id])
	})
}

// together puts items into parts that are taken one after the other: whatever an item names
// is in its part or in one before. No part has more than a batch, unless more items than
// that name each other in a circle.
func (in Intake) together(items []*prepared) (parts [][]*prepared) {
	c := &circular{items: map[string]*prepared{}, named: map[string][]string{}, index: map[string]int{}, low: map[string]int{}, on: map[string]bool{}}
	for _, item := range items {
		c.items[item.id] = item
		_, c.named[item.id] = in.own(item)
	}
	for _, item := range items {
		if c.index[item.id] == 0 {
			c.visit(item.id)
		}
	}
	for _, one := range c.found {
		if last := len(parts) - 1; last >= 0 && len(parts[last])+len(one) <= intakeBatch {
			parts[last] = append(parts[last], one...)
			continue
		}
		parts = append(parts, one)
	}
	return parts
}

// circular finds which items name each other, by Tarjan's algorithm: what is named is found
// before what names it.
type circular struct {
	items      map[string]*prepared
	named      map[string][]string
	index, low map[string]int
	on         map[string]bool
	stack      []string
	found      [][]*prepared
}

func (c *circular) visit(id string) {
	c.index[id] = len(c.index) + 1
	c.low[id], c.on[id], c.stack = c.index[id], true, append(c.stack, id)
	for _, other := range c.named[id] {
		switch {
		case c.items[other] == nil: // it is in the register, or nowhere
		case c.index[other] == 0:
			c.visit(other)
			c.low[id] = min(c.low[id], c.low[other])
		case c.on[other]:
			c.low[id] = min(c.low[id], c.index[other])
		}
	}
	if c.low[id] != c.index[id] {
		return
	}
	at := slices.Index(c.stack, id)
	var one []*prepared
	for _, member := range c.stack[at:] {
		c.on[member] = false
		one = append(one, c.items[member])
	}
	c.stack, c.found = c.stack[:at], append(c.found, one)
}

// inOrder gives the items that waited in the parts in which they can be taken (together).
// Of two with the same id the second comes after all of the others.
func (in Intake) inOrder(items []prepared) (parts [][]*prepared) {
	for len(items) > 0 {
		var now []*prepared
		var again []prepared
		seen := map[string]bool{}
		for i := range items {
			if seen[items[i].id] {
				again = append(again, items[i])
				continue
			}
			seen[items[i].id] = true
			now = append(now, &items[i])
		}
		parts, items = append(parts, in.together(now)...), again
	}
	return parts
}

// errTooMany refuses items that cannot be taken in one act.
var errTooMany = &Invalid{[]FieldError{{"id", fmt.Sprintf("is one of more than %d that name each other in a circle: bring them without these names first", intakeBatch)}}}

// closing are items that are taken in one act, since they may name each other.
type closing struct {
	in     Intake
	items  []*prepared
	others *lookup
	there  map[string]json.RawMessage // before
	wrong  map[string]error           // by id: those that go round in a circle
}

// closing looks up what the items name. Each of them counts as there. before are those that
// would have been taken, and were not.
func (in Intake) closing(r *store.Reader, others *lookup, items []*prepared, before map[string]*prepared) (c *closing, err error) {
	c = &closing{in: in, items: items, others: others, wrong: map[string]error{}}
	beside := maps.Clone(before)
	if beside == nil {
		beside = map[string]*prepared{}
	}
	var ids []string
	var links []link
	for _, item := range items {
		beside[item.id] = item
		ids, links = append(ids, item.id), append(links, item.links...)
	}
	if c.there, err = Current(r, in.Kind.Name, ids); err != nil {
		return nil, err
	}
	if err := others.find(in.Kind, links); err != nil {
		return nil, err
	}
	for _, item := range items {
		others.here(in.Kind, item.id, true)
		if len(items) > intakeBatch {
			c.wrong[item.id] = errTooMany
			continue
		}
		if err := in.circles(r, item, beside); refusal(err) {
			c.wrong[item.id] = err
		} else if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// drop says that an item is not taken.
func (c *closing) drop(item *prepared) {
	c.others.here(c.in.Kind, item.id, c.there[item.id] != nil)
	if c.there[item.id] == nil {
		c.others.gave(*item)
	}
}

// left drops those of the taken items that name what is not taken, one because of the
// other, and gives the reasons by id.
func (c *closing) left(taken map[string]bool) map[string]error {
	reasons := map[string]error{}
	for again := true; again; {
		again = false
		for _, item := range c.items {
			if !taken[item.id] {
				continue
			}
			if err := c.others.hold(c.in.Kind, item.id, item.links, c.there[item.id]); err != nil {
				again, taken[item.id], reasons[item.id] = true, false, err
				c.drop(item)
			}
		}
	}
	return reasons
}

// close takes items that may name each other in one act. What a document says before it
// is written (Before) is heard of all of them before one is there.
func (in Intake) close(ctx context.Context, items []*prepared, summary *Summary) error {
	var done Summary
	_, err := in.Door.Do(ctx, in.Caller, in.Action, in.Kind.Register, func(tx *act.Tx) error {
		done = Summary{}
		others, err := newLookup(&tx.Reader, tx.Now().In(tx.Zone()))
		if err != nil {
			return err
		}
		c, err := in.closing(&tx.Reader, others, items, nil)
		if err != nil {
			return err
		}
		changes, taken := map[string]Change{}, map[string]bool{}
		for _, item := range items {
			change, err := c.change(tx, item, &done)
			if err != nil {
				return err
			}
			if change == nil {
				c.drop(item)
				continue
			}
			changes[item.id], taken[item.id] = *change, true
			if c.there[item.id] == nil {
				others.took(*item)
			}
		}
		reasons := c.left(taken)
		var all []Change
		for _, item := range items {
			switch {
			case reasons[item.id] != nil:
				done.Refuse(item.where, reasons[item.id])
			case taken[item.id] && c.there[item.id] == nil:
				done.Taken++
			case taken[item.id]:
				done.Updated++
			}
			if taken[item.id] {
				all = append(all, changes[item.id])
			}
		}
		_, err = Put(tx, in.Kind, all...)
		return err
	})
	if err == nil {
		summary.add(done)
	}
	return err
}

// change is what an item makes of its record; nil: nothing, and done says why.
func (c *closing) change(tx *act.Tx, item *prepared, done *Summary) (*Change, error) {
	if wrong := c.wrong[item.id]; wrong != nil {
		done.Refuse(item.where, wrong)
		return nil, nil //nolint:nilnil // it makes none
	}
	if c.there[item.id] == nil {
		return c.in.begin(tx, item, c.others, done)
	}
	return c.in.compare(tx, item, c.others, done)
}
