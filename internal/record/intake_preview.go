package record

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"maps"
	"slices"

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
	Fields  []FieldDiff `json:"fields,omitempty"` // of a changed one, those that differ, by name
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
// checked that the records may be read. All of it sees the same state; when
// the import runs, that may have moved on. An error of the source, of the
// database or of visit ends it.
func (in Intake) Preview(ctx context.Context, db *store.DB, items iter.Seq2[Item, error], visit func(Preview) error) (*Previewed, error) {
	done := &Previewed{}
	return done, db.Read(ctx, func(r *store.Reader) error {
		taken := map[string]bool{} // new or changed by an item before
		others, err := newLookup(r)
		if err != nil {
			return err
		}
		for item, err := range items {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			one, err := in.preview(r, item, taken, others)
			if err != nil {
				return err
			}
			done.count(one.Outcome)
			if err := visit(one); err != nil {
				return err
			}
			if in.Progress != nil && done.Read%intakeBatch == 0 {
				in.Progress(done.Read)
			}
		}
		return nil
	})
}

func (p *Previewed) count(outcome Outcome) {
	p.Read++
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

func (in Intake) preview(r *store.Reader, item Item, taken map[string]bool, others *lookup) (Preview, error) {
	ready, err := in.prepare(item)
	if err != nil {
		return Preview{Where: item.Where, Outcome: Refused, Wrong: err.Error()}, nil //nolint:nilerr // it is the answer
	}
	one := Preview{Where: item.Where, Ref: in.Kind.Name + "/" + ready.id}
	if taken[ready.id] {
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
		if _, err := in.Kind.consulted(r, nil, ready.doc); err != nil {
			return one.refused(err)
		}
		taken[ready.id] = true
		others.took(ready)
		one.Outcome = New
		return one, nil
	}
	next, refused := in.next(r, current, ready)
	if refused == nil {
		refused = others.hold(in.Kind, ready.id, ready.links, current.Doc)
	}
	if refused == nil && string(next) != string(current.Doc) {
		if next, err = in.Kind.consulted(r, current.Doc, next); err != nil {
			return one.refused(err)
		}
	}
	switch {
	case refused != nil:
		one.Outcome, one.Wrong = Refused, refused.Error()
	case string(next) == string(current.Doc):
		one.Outcome = Unchanged
	default:
		taken[ready.id] = true
		others.took(ready)
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
