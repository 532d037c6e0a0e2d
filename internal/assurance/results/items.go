package results

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
)

// Items are items of the population of a result, with what became of each.
type Items struct {
	Listed []controltests.ItemOutcome
	More   bool // there are others after them
	Before int  // that many of the kind come before them
}

// Resource is what a state test looked at, with what it saw last.
type Resource struct {
	Name string
	Last controltests.ItemOutcome
}

// errEnough ends the reading of a population.
var errEnough = errors.New("enough")

// Items reads the population of a result again, as of the checkpoint at which it was read, tests
// it by the control file of the result, and lists those items that are wanted: at most so many,
// from the one with this number on, counted from 0. It reads no further than it has to, and
// records nothing.
func (l *Lab) Items(ctx context.Context, id string, from, most int, wanted func(controltests.ItemOutcome) bool) (*Items, error) {
	items := &Items{}
	err := l.eachItem(ctx, id, func(one controltests.ItemOutcome) error {
		switch {
		case !wanted(one):
		case items.Before < from:
			items.Before++
		case len(items.Listed) < most:
			items.Listed = append(items.Listed, one)
		default:
			items.More = true
			return errEnough
		}
		return nil
	})
	return items, err
}

// Resources are the resources that a state test looked at, by name.
func (l *Lab) Resources(ctx context.Context, id string) ([]Resource, error) {
	last := map[string]controltests.ItemOutcome{}
	if err := l.eachItem(ctx, id, func(one controltests.ItemOutcome) error {
		last[one.Resource] = one // they come in the order of their instants
		return nil
	}); err != nil {
		return nil, err
	}
	all := make([]Resource, 0, len(last))
	for _, name := range slices.Sorted(maps.Keys(last)) {
		all = append(all, Resource{name, last[name]})
	}
	return all, nil
}

// eachItem visits the items of the population of a result, in order, until the visit says
// that it is enough.
func (l *Lab) eachItem(ctx context.Context, id string, visit func(controltests.ItemOutcome) error) error {
	return l.DB.Read(ctx, func(r *store.Reader) error {
		rec, err := l.recorded(ctx, r, id)
		if err != nil {
			return err
		}
		rec.Begin = func() (*Witness, error) { return &Witness{Each: visit}, nil }
		q, why := rec.question()
		if q == nil {
			return fmt.Errorf("%s cannot be read again: %s", rec.Banked.ID, why)
		}
		reading, err := populations.Read(ctx, populations.Stored(r), l.Kinds, q.Window, &q.Test.Population)
		if err != nil {
			return err
		}
		// What people said of items, and when the source changed, is not asked: by it the
		// test concludes, and judges no item.
		subject, err := (&inquiry{question: q}).subject(reading.Members())
		if err != nil {
			return err
		}
		if _, err = controltests.Run(ctx, reading, subject); errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
}
