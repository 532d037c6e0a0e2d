package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// Intake takes many documents into a register: an import. It is idempotent: a
// document that is there already is passed over, so an import that was
// interrupted is simply run again.
type Intake struct {
	Door   *act.Door
	Caller act.Caller
	Kind   *Kind
	// Action is what the caller must be allowed to do: "import.git".
	Action string
	// Update lets a document that differs from the record's current version
	// become a new version; without it, it is passed over.
	Update bool
	// Progress is told how many documents have been read.
	Progress func(done int64)
}

// Item is one document of an import.
type Item struct {
	Where string // "people.csv:12", for refusals
	Doc   any    // a pointer as Kind.New gives; nil when Err is set
	// Fields are those that the source speaks of, where it does not speak of
	// all: an update changes only them, keeps to the lifecycle, and may be
	// refused. Nil: the document is whole.
	Fields map[string]json.RawMessage
	// From is the version of the record from which the fields were written down, 0 where
	// the source does not say: what the record changed since stays (Intake.since).
	From int
	// Short is why the document cannot be that of a new record, where the source speaks of
	// some fields only: with those of the record that is there it may be whole.
	Short error
	Err   error // why the document cannot be taken
}

// intakeBatch is the number of documents of one transaction.
const intakeBatch = act.MaxBatch

// prepared is an item on its way: all that can be computed outside of the
// transaction is.
type prepared struct {
	where  string
	id     string
	doc    canonical
	values any   // of its columns
	begins error // why it cannot be a new record
	short  bool  // it speaks of too little, or wrongly, for one
	fields map[string]json.RawMessage
	from   int
	links  []link
}

// batch is some prepared items and what was refused on the way to them.
type batch struct {
	items   []prepared
	read    int64
	refused []Refusal
	err     error // ends the import after this batch
}

// Run takes the items in batches, each in a transaction of its own; the next
// batch is read while one is written. An error of the source ends it; what
// has been taken stays, and the summary says how far it came.
func (in Intake) Run(ctx context.Context, items iter.Seq2[Item, error]) (*Summary, error) {
	summary := &Summary{Reasons: []Refusal{}}
	ctx, stop := context.WithCancel(ctx)
	batches := make(chan batch)
	later := &waiting{ids: map[string]bool{}}
	go func() {
		defer close(batches)
		in.read(ctx, items, batches)
	}()
	defer func() {
		stop()
		for range batches { // until the reader has ended
		}
	}()
	for b := range batches {
		summary.Read += b.read
		for _, refusal := range b.refused {
			summary.refuse(refusal)
		}
		if err := errors.Join(b.err, in.take(ctx, b.items, later, summary)); err != nil {
			return summary, err
		}
		if in.Progress != nil {
			in.Progress(summary.Read)
		}
	}
	if err := ctx.Err(); err != nil {
		return summary, err
	}
	for _, part := range in.inOrder(later.items) {
		if err := in.close(ctx, part, summary); err != nil {
			return summary, err
		}
	}
	return summary, nil
}

// read hands the items on in batches until they end or the context does.
func (in Intake) read(ctx context.Context, items iter.Seq2[Item, error], to chan<- batch) {
	var b batch
	send := func() bool {
		select {
		case to <- b:
			b = batch{}
			return true
		case <-ctx.Done():
			return false
		}
	}
	for item, err := range items {
		if b.err = err; err != nil {
			break
		}
		b.read++
		if one, err := in.prepare(item); err != nil {
			b.refused = append(b.refused, Refusal{item.Where, err.Error()})
		} else {
			b.items = append(b.items, one)
		}
		if (len(b.items) == intakeBatch || len(b.refused) == intakeBatch) && !send() {
			return
		}
	}
	send()
}

func (in Intake) prepare(item Item) (one prepared, err error) {
	if item.Err != nil {
		return one, item.Err
	}
	one = prepared{where: item.Where, id: in.Kind.Identify(item.Doc), fields: item.Fields, from: item.From, begins: in.begins(item.Doc), links: in.links(item.Doc)}
	if one.doc, err = Canonical(item.Doc); err != nil {
		return one, err
	}
	if item.Short != nil {
		one.begins, one.short = item.Short, true
	} else if one.values, err = in.Kind.values(one.doc); err != nil {
		return one, err
	}
	return one, fits(one.doc)
}

// links are those of a document, but for what may come by another source.
func (in Intake) links(doc any) []link {
	return slices.DeleteFunc(in.Kind.links(doc), func(n link) bool { return n.by.Later })
}

// begins says why a document cannot be that of a new record: it is in a state
// that a record is moved to under conditions, or names an author who is not the
// one who brings it. Where it names none, it is given that one.
func (in Intake) begins(doc any) error {
	if in.Kind.wrong == nil { // not made by Define
		return nil
	}
	if state := text(doc, "state"); state != nil && in.Kind.guarded(*state) {
		return &Invalid{[]FieldError{{"state", fmt.Sprintf("no record begins as %q: move it there", *state)}}}
	}
	if err := in.Kind.Legible(nil, doc); err != nil {
		return err
	}
	if wrong := in.Kind.forged(doc); wrong != nil {
		return wrong
	}
	if in.Kind.Author == "" {
		return nil
	}
	author := text(doc, in.Kind.Author)
	switch {
	case author == nil:
	case *author == "":
		*author = in.Caller.ID
	case *author != in.Caller.ID:
		return &Invalid{[]FieldError{{in.Kind.Author, "is whoever brings the record: leave it out"}}}
	}
	return nil
}

// take writes one batch, but for what has to wait.
func (in Intake) take(ctx context.Context, items []prepared, later *waiting, summary *Summary) error {
	if len(items) == 0 {
		return nil
	}
	ids := make([]string, len(items))
	var links []link
	for i := range items {
		ids[i] = items[i].id
		links = append(links, items[i].links...)
	}
	var done Summary
	var wait []prepared
	_, err := in.Door.Do(ctx, in.Caller, in.Action, in.Kind.Register, func(tx *act.Tx) error {
		done, wait = Summary{}, nil
		beside := map[string]*prepared{} // what is taken, and not written yet
		waiting := map[string]bool{}
		known, err := Current(&tx.Reader, in.Kind.Name, ids)
		if err != nil {
			return err
		}
		others, err := newLookup(&tx.Reader, tx.Now().In(tx.Zone()))
		if err == nil {
			err = others.find(in.Kind, links)
		}
		if err != nil {
			return err
		}
		var changes []Change
		for i := range items {
			item := &items[i]
			current, ok := known[item.id]
			if ok && !in.Update && item.fields == nil { // the document is whole, and is not taken
				done.skip(item.id, in.Kind.says(current, item.doc))
				continue
			}
			waits := later.ids[item.id] || waiting[item.id]
			if !waits && (in.Update || !ok) {
				if waits, err = in.waits(&tx.Reader, item, others, current, beside); err != nil {
					return err
				}
			}
			if waits {
				wait, waiting[item.id] = append(wait, *item), true
				continue
			}
			if ok {
				update, err := in.compare(tx, item, others, &done)
				if err != nil {
					return err
				}
				if update == nil {
					continue
				}
				done.Updated++
				if _, err := Put(tx, in.Kind, *update); err != nil {
					return err
				}
				continue
			}
			change, err := in.begin(tx, item, others, &done)
			if err != nil {
				return err
			}
			if change == nil {
				continue
			}
			known[item.id] = json.RawMessage(item.doc) // a second one in this batch is the same record
			beside[item.id] = item
			others.here(in.Kind, item.id, true)
			changes = append(changes, *change)
			others.took(*item)
			done.Taken++
		}
		_, err = Put(tx, in.Kind, changes...)
		return err
	})
	if err != nil {
		return err
	}
	summary.add(done)
	later.items = append(later.items, wait...)
	for i := range wait {
		later.ids[wait[i].id] = true
	}
	return nil
}

// begin is the change that makes the new record of an item; nil: it is refused.
func (in Intake) begin(tx *act.Tx, item *prepared, others *lookup, done *Summary) (*Change, error) {
	refused := item.begins
	if refused == nil {
		refused = others.hold(in.Kind, item.id, item.links, nil)
	}
	if refused != nil {
		done.Refuse(item.where, refused)
		return nil, nil //nolint:nilnil // it makes none
	}
	change, err := in.Kind.prepared(tx, nil, Change{Verb: "imported", ID: item.id, Doc: item.doc, values: item.values})
	if refusal(err) {
		done.Refuse(item.where, err)
		return nil, nil //nolint:nilnil // it makes none
	}
	return &change, err
}

// compare decides what becomes of an item whose record is there already, and
// returns the change that brings the record to it, if there is one.
func (in Intake) compare(tx *act.Tx, item *prepared, others *lookup, done *Summary) (*Change, error) {
	current, err := Get(&tx.Reader, in.Kind.Name, item.id)
	if errors.Is(err, ErrNone) { // twice in one batch, and not written yet
		done.Skipped++
		return nil, nil //nolint:nilnil // it makes none
	}
	if err != nil {
		return nil, err
	}
	next, refused := in.next(&tx.Reader, current, *item)
	if refused == nil {
		refused = others.hold(in.Kind, item.id, item.links, current.Doc)
	}
	switch {
	case refused == nil && string(next) == string(current.Doc):
		done.Skipped++
	case !in.Update && (refused == nil || !item.short): // what it says may have been so before the record moved on
		done.skip(item.id, false)
	case refused != nil:
		done.Refuse(item.where, refused)
	default:
		change, err := in.Kind.prepared(tx, current.Doc, Change{Verb: "imported", ID: item.id, Doc: next, Expect: current.Version})
		if refusal(err) {
			done.Refuse(item.where, err)
			return nil, nil //nolint:nilnil // it makes none
		}
		others.took(*item)
		return &change, err
	}
	return nil, nil //nolint:nilnil // it makes none
}

// refusal reports whether an error is about the document, and not about the
// import.
func refusal(err error) bool {
	var wrong *Invalid
	return errors.As(err, &wrong) || errors.Is(err, act.ErrDenied) || errors.Is(err, act.ErrSamePerson)
}

// next is the document that the item makes of the current one, or why it makes
// none.
func (in Intake) next(r *store.Reader, current *Version, item prepared) (canonical, error) {
	if item.fields == nil {
		return item.doc, nil
	}
	fields, err := in.since(r, current, item)
	if err != nil {
		return nil, err
	}
	var before map[string]json.RawMessage
	if err := json.Unmarshal(current.Doc, &before); err != nil {
		return nil, err
	}
	after := maps.Clone(before)
	maps.Copy(after, fields)
	raw, err := json.Marshal(after)
	if err != nil {
		return nil, err
	}
	doc, err := in.Kind.Decode(raw)
	if err != nil {
		return nil, err
	}
	var by *Transition
	if len(in.Kind.States) > 0 && string(before["state"]) != string(after["state"]) {
		var from, to string
		if err := errors.Join(json.Unmarshal(before["state"], &from), json.Unmarshal(after["state"], &to)); err != nil {
			return nil, err
		}
		if err := in.Kind.Move(from, to); err != nil {
			return nil, err
		}
		if by = in.Kind.transition(from, to); by != nil && by.governed() {
			return nil, &Invalid{[]FieldError{{"state", fmt.Sprintf("is moved from %s to %s by a move, under its conditions", from, to)}}}
		}
	}
	next, err := Canonical(doc)
	if err != nil {
		return nil, err
	}
	if err := in.Kind.keeps(current.Doc, next); err != nil {
		return nil, err
	}
	if err := in.Kind.Legible(current.Doc, doc); err != nil {
		return nil, err
	}
	if err := in.Kind.stand(current.Doc, doc, by, fields); err != nil {
		return nil, err
	}
	return next, fits(next)
}

// since is what an item changes of the version that it was written down from, where the
// record has moved on: what only the record changed stays as it is now, and what both did
// is refused.
func (in Intake) since(r *store.Reader, current *Version, item prepared) (map[string]json.RawMessage, error) {
	if item.from == 0 || item.from == current.Version {
		return item.fields, nil
	}
	base, err := GetVersion(r, in.Kind.Name, current.ID, item.from)
	if errors.Is(err, ErrNone) {
		return nil, &Invalid{[]FieldError{{in.Kind.IDField, fmt.Sprintf("%s has no version %d yet: the table is of another register", current.Ref(), item.from)}}}
	}
	if err != nil {
		return nil, err
	}
	was, theirs, err := in.over(base.Doc, item.fields)
	if err != nil {
		return nil, err
	}
	var now map[string]json.RawMessage
	if err := json.Unmarshal(current.Doc, &now); err != nil {
		return nil, err
	}
	changed := map[string]json.RawMessage{}
	var wrong []FieldError
	for _, field := range slices.Sorted(maps.Keys(item.fields)) {
		switch mine := string(theirs[field]); {
		case mine == string(was[field]):
		case string(now[field]) != string(was[field]) && string(now[field]) != mine:
			wrong = append(wrong, FieldError{field, fmt.Sprintf("was changed since version %d, which the table is of: leave it out, or put it into a table of version %d", item.from, current.Version)})
		default:
			changed[field] = item.fields[field]
		}
	}
	if len(wrong) > 0 {
		return nil, &Invalid{wrong}
	}
	return changed, nil
}

// over are the fields of a document, and as they are with others over them.
func (in Intake) over(doc json.RawMessage, fields map[string]json.RawMessage) (was, with map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(doc, &was); err != nil {
		return nil, nil, err
	}
	merged := maps.Clone(was)
	maps.Copy(merged, fields)
	raw, err := json.Marshal(merged)
	if err != nil {
		return nil, nil, err
	}
	decoded, err := in.Kind.Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	canonical, err := Canonical(decoded)
	if err != nil {
		return nil, nil, err
	}
	return was, with, json.Unmarshal(canonical, &with)
}

// says reports whether a record's document says all that the imported one does.
// What the register keeps beside that (a note, where it stands in its
// lifecycle) is its own.
func (k *Kind) says(current json.RawMessage, imported canonical) bool {
	if string(current) == string(imported) {
		return true
	}
	var have, want map[string]json.RawMessage
	if json.Unmarshal(current, &have) != nil || json.Unmarshal(imported, &want) != nil {
		return false
	}
	for field, value := range want {
		if string(have[field]) != string(value) && (field != "state" || len(k.States) == 0) {
			return false
		}
	}
	return true
}

// keeps refuses a change of a fixed field.
func (k *Kind) keeps(before, after []byte) error {
	if len(k.Fixed) == 0 && !slices.ContainsFunc(k.Described, func(f Field) bool { return f.Given }) {
		return nil
	}
	changed, err := Differing(before, after)
	if err != nil {
		return err
	}
	for _, one := range changed {
		if k.Field(one.Field).Given {
			return &Invalid{[]FieldError{{one.Field, "is given by SCAF, and cannot be changed"}}}
		}
		if slices.Contains(k.Fixed, one.Field) {
			return &Invalid{[]FieldError{{one.Field, "cannot be changed: it says where the record came from"}}}
		}
	}
	return nil
}
