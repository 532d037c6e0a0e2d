package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// InBatches makes changes for each of many things, such as people who are asked.
// Each batch of act.MaxBatch is an act of its own, so that nobody waits behind it;
// where changes gives none for what is done already, it is simply run again after an
// interruption. A batch without changes leaves no event. It returns how many changes
// were made.
func InBatches[T any](ctx context.Context, door *act.Door, caller act.Caller, action, ref string, kind *Kind, all []T, changes func(*act.Tx, []T) ([]Change, error)) (made int, err error) {
	if err := door.Check(ctx, caller, action, ref); err != nil {
		return 0, err
	}
	for batch := range slices.Chunk(all, act.MaxBatch) {
		var now int
		_, err := door.Do(ctx, caller, action, ref, func(tx *act.Tx) error {
			wanted, err := changes(tx, batch)
			if err != nil {
				return err
			}
			if now = len(wanted); now == 0 {
				return ErrSame // which leaves no event
			}
			_, err = Put(tx, kind, wanted...)
			return err
		})
		if errors.Is(err, ErrSame) {
			continue
		}
		if err != nil {
			return made, err
		}
		made += now
	}
	return made, nil
}

// Series reads the records of which each key has a first, a second and so on: id names
// them, from 1, up to the first that there is not. They are visited key by key within
// a number, in one query a number.
func Series[T any](r *store.Reader, kind *Kind, keys []string, id func(key string, n int) string, visit func(key string, n int, doc *T)) error {
	for n := 1; len(keys) > 0; n++ {
		ids := make([]string, len(keys))
		for i, key := range keys {
			ids[i] = id(key, n)
		}
		known, err := Current(r, kind.Name, ids)
		if err != nil {
			return err
		}
		var further []string
		for i, key := range keys {
			raw, there := known[ids[i]]
			if !there {
				continue
			}
			doc := new(T)
			if err := json.Unmarshal(raw, doc); err != nil {
				return fmt.Errorf("%s/%s: %w", kind.Name, ids[i], err)
			}
			visit(key, n, doc)
			further = append(further, key)
		}
		keys = further
	}
	return nil
}

// Revise changes those of a register's current records that a filter selects (List)
// and that revise wants changed: it changes the document in place, and gives the
// verb of the event; none: it stays as it is. It is asked again about the record as
// it is when the change is written, so that it says the same of the same document.
// How it is written is that of InBatches.
func Revise[T any](ctx context.Context, door *act.Door, caller act.Caller, action string, kind *Kind, filter string, revise func(doc *T) (verb string)) (changed int, err error) {
	if err := door.Check(ctx, caller, action, kind.Register); err != nil {
		return 0, err
	}
	revised := func(v *Version) (Change, error) {
		doc := new(T)
		if err := json.Unmarshal(v.Doc, doc); err != nil {
			return Change{}, fmt.Errorf("%s: %w", v.Ref(), err)
		}
		return Change{Verb: revise(doc), ID: v.ID, Doc: doc, Expect: v.Version}, nil
	}
	var ids []string
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		_, err := List(r, kind, Query{Filter: filter}, func(v *Version) error {
			change, err := revised(v)
			if change.Verb != "" {
				ids = append(ids, v.ID)
			}
			return err
		})
		return err
	}); err != nil || len(ids) == 0 {
		return 0, err
	}
	return InBatches(ctx, door, caller, action, kind.Register, kind, ids, func(tx *act.Tx, batch []string) (changes []Change, err error) {
		for _, id := range batch {
			v, err := Get(&tx.Reader, kind.Name, id)
			if err != nil {
				return nil, err
			}
			change, err := revised(v)
			if err != nil {
				return nil, err
			}
			if change.Verb != "" {
				changes = append(changes, change)
			}
		}
		return changes, nil
	})
}

// Passed reports whether a step before or after a deadline, such as a week before it,
// has come by now, and had not come at any of the instants since. Nil ones are none.
func Passed(deadline *time.Time, steps []time.Duration, now time.Time, since ...*time.Time) bool {
	if deadline == nil {
		return false
	}
	return slices.ContainsFunc(steps, func(step time.Duration) bool {
		at := deadline.Add(step)
		return !at.After(now) && !slices.ContainsFunc(since, func(s *time.Time) bool { return s != nil && !at.After(*s) })
	})
}
