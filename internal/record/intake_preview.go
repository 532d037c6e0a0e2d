package record

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Outcome is what an import would make of an item.
type Outcome string

// The outcomes.
const (
	New       Outcome = "new"
	Changed   Outcome = "changed" // the record is there and differs
	Unchanged Outcome = "unchanged"
	Refused   Outcome = "refused"
)

// Preview says what would become of one item.
type Preview struct {
	Where   string      `json:"where"`
	Ref     string      `json:"ref,omitempty"` // none of an item that cannot be read
	Outcome Outcome     `json:"outcome"`
	There   bool        `json:"-"`                // the record is in the register
	Fields  []FieldDiff `json:"fields,omitempty"` // of a changed one, those that differ, by name; of a new one all but the id
	Wrong   string      `json:"reason,omitempty"` // of a refused one
}

// FieldDiff is a top-level field that differs. A side without the field is
// empty.
type FieldDiff struct {
	Field string          `json:"field"`
	Old   json.RawMessage `json:"old,omitempty"`
	New   json.RawMessage `json:"new,omitempty"`
}

// Previewed counts what an import would do.
type Previewed struct {
	Read      int64 `json:"read"`
	New       int64 `json:"new"`
	Changed   int64 `json:"changed"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
}

// Preview says of each item what Run with Update would make of it now, and
// writes nothing. It needs neither Door nor Caller: whoever calls it has
// checked that the records may be read, and says what time it is, in the organisation's
// zone. All of it sees the same state; when
// the import runs, that may have moved on. An error of the source, of the
// database or of visit ends it.
func (in Intake) Preview(ctx context.Context, db *store.DB, now time.Time, items iter.Seq2[Item, error], visit func(Preview) error) (*Previewed, error) {
	done := &Previewed{}
	return done, db.Read(ctx, func(r *store.Reader) error {
		others, err := newLookup(r, now)
		if err != nil {
			return err
		}
		of := &previewing{in: in, r: r, others: others, taken: map[string]*prepared{}, ids: map[string]bool{}}
		tell := func(one Preview) error {
			done.count(one.Outcome)
			return visit(one)
		}
		var all []Preview // where some have to wait for what comes later
		for item, err := range items {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			one, waits, err := of.item(item, len(all))
			if err != nil {
				return err
			}
			if done.Read++; waits || all != nil {
				all = append(all, one)
			} else if err := tell(one); err != nil {
				return err
			}
			if in.Progress != nil && done.Read%intakeBatch == 0 {
				in.Progress(done.Read)
			}
		}
		if err := of.settle(all); err != nil {
			return err
		}
		for _, one := range all {
			if err := tell(one); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *Previewed) count(outcome Outcome) {
	switch outcome {
	case New:
		p.New++
	case Changed:
		p.Changed++
	case Unchanged:
		p.Unchanged++
	case Refused:
		p.Refused++
	}
}

// previewing is what a preview knows of the items before.
type previewing struct {
	in     Intake
	r      *store.Reader
	others *lookup
	taken  map[string]*prepared // new or changed
	// Items that wait, their ids, and where they stand in the list of all.
	waiting []prepared
	ids     map[string]bool
	at      []int
}

// item is the preview of one item, or says that it waits: it will stand at a place.
func (of *previewing) item(item Item, at int) (one Preview, waits bool, err error) {
	ready, err := of.in.prepare(item)
	if err != nil {
		return Preview{Where: item.Where, Outcome: Refused, Wrong: err.Error()}, false, nil //nolint:nilerr // it is the answer
	}
	if waits = of.ids[ready.id]; !waits && of.taken[ready.id] == nil {
		if err := of.others.find(of.in.Kind, ready.links); err != nil {
			return one, false, err
		}
		docs, err := Current(of.r, of.in.Kind.Name, []string{ready.id})
		if err != nil {
			return one, false, err
		}
		if waits, err = of.in.waits(of.r, &ready, of.others, docs[ready.id], of.taken); err != nil {
			return one, false, err
		}
	}
	if waits {
		of.waiting, of.ids[ready.id], of.at = append(of.waiting, ready), true, append(of.at, at)
		return one, true, nil
	}
	one, err = of.preview(&ready)
	return one, false, err
}

// take remembers an item that is new or changed, and what it says where that may matter.
func (of *previewing) take(item *prepared) {
	if !slices.ContainsFunc(of.in.Kind.Described, func(f Field) bool { return f.Acyclic != "" }) {
		item = &prepared{id: item.id}
	}
	of.taken[item.id] = item
}

// settle puts the previews of the items that waited into their places.
func (of *previewing) settle(all []Preview) error {
	places := map[string][]int{} // by the id, those of its items in their order
	for i := range of.waiting {
		places[of.waiting[i].id] = append(places[of.waiting[i].id], of.at[i])
	}
	for _, part := range of.in.inOrder(of.waiting) {
		c, err := of.in.closing(of.r, of.others, part, of.taken)
		if err != nil {
			return err
		}
		taken := map[string]bool{}
		for _, item := range part {
			one := Preview{Where: item.where, Ref: of.in.Kind.Name + "/" + item.id, Outcome: Refused}
			if wrong := c.wrong[item.id]; wrong != nil {
				one.Wrong = wrong.Error()
			} else if one, err = of.preview(item); err != nil {
				return err
			}
			if taken[item.id] = one.Outcome != Refused; !taken[item.id] {
				c.drop(item)
			}
			all[places[item.id][0]] = one
		}
		for id, reason := range c.left(taken) {
			one := &all[places[id][0]]
			*one = Preview{Where: one.Where, Ref: one.Ref, Outcome: Refused, Wrong: reason.Error()}
			delete(of.taken, id)
		}
		for _, item := range part {
			places[item.id] = places[item.id][1:]
		}
	}
	return nil
}

func (of *previewing) preview(ready *prepared) (Preview, error) {
	in, r, others := of.in, of.r, of.others
	one := Preview{Where: ready.where, Ref: in.Kind.Name + "/" + ready.id}
	if of.taken[ready.id] != nil {
		one.Outcome = Unchanged
		return one, nil
	}
	current, err := Get(r, in.Kind.Name, ready.id)
	if err != nil && !errors.Is(err, ErrNone) {
		return one, err
	}
	if err := others.find(in.Kind, ready.links); err != nil {
		return one, err
	}
	switch {
	case errors.Is(err, ErrNone) && ready.begins != nil:
		one.Outcome, one.Wrong = Refused, ready.begins.Error()
		return one, nil //nolint:nilerr // it is the answer
	case errors.Is(err, ErrNone):
		if err := others.hold(in.Kind, ready.id, ready.links, nil); err != nil {
			return one.refused(err)
		}
		doc, err := in.Kind.consulted(r, others.now, nil, ready.doc)
		if err != nil {
			return one.refused(err)
		}
		of.take(ready)
		others.here(in.Kind, ready.id, true)
		others.took(*ready)
		one.Outcome = New
		one.Fields, err = Differing([]byte(`{}`), doc)
		one.Fields = slices.DeleteFunc(one.Fields, func(d FieldDiff) bool { return d.Field == "id" })
		return one, err
	}
	one.There = true
	next, refused := in.next(r, current, *ready)
	if refused == nil {
		refused = others.hold(in.Kind, ready.id, ready.links, current.Doc)
	}
	if refused == nil && string(next) != string(current.Doc) {
		if next, err = in.Kind.consulted(r, others.now, current.Doc, next); err != nil {
			return one.refused(err)
		}
	}
	switch {
	case refused != nil:
		one.Outcome, one.Wrong = Refused, refused.Error()
	case string(next) == string(current.Doc):
		one.Outcome = Unchanged
	default:
		of.take(ready)
		others.took(*ready)
		one.Outcome = Changed
		one.Fields, err = Differing(current.Doc, next)
	}
	return one, err
}

// refused is the preview of an item that is not taken; an error that is not about
// the item ends the preview.
func (p Preview) refused(err error) (Preview, error) {
	if !refusal(err) {
		return p, err
	}
	p.Outcome, p.Wrong = Refused, err.Error()
	return p, nil
}

// Differing are the top-level fields in which two canonical documents differ.
func Differing(before, after []byte) ([]FieldDiff, error) {
	var old, now map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &old), json.Unmarshal(after, &now)); err != nil {
		return nil, err
	}
	all := maps.Clone(old)
	maps.Copy(all, now)
	var fields []FieldDiff
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if string(old[name]) != string(now[name]) {
			fields = append(fields, FieldDiff{name, old[name], now[name]})
		}
	}
	return fields, nil
}
