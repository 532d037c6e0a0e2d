package record

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/record/expr"
)

// Derived is a source of populations that is computed from records and events
// instead of being kept: the occurrences of duties, of the duties' schedules.
type Derived struct {
	Name string // "occurrences": what control files say
	// At is the top-level field that holds an item's instant.
	At string
	// Item is an empty item: the type of its struct is that of the source.
	Item any
	// Items gives the items whose instant lies in the half-open interval, in no
	// particular order, as pointers to values of Item's type: their documents are
	// what Canonical makes of them. What it gives depends on its arguments alone:
	// it reads no clock. A zero from: without a beginning. Nil where Of says it.
	Items func(past Past, from, to time.Time, give func(item any) error) error
	// Of gives the items of one record of the kind that the source is computed of, where
	// no item depends on anything but one record (OfEach): whoever keeps the items makes
	// only those of a record that has changed again.
	Of func(doc json.RawMessage, from, to time.Time, give func(item any) error) error
	// Since is the instant from which on the items are all there are; nil when
	// there is none yet. Without the function the items are what people keep in the
	// register, and as complete as the imports into it say.
	Since func(past Past) (*time.Time, error)
}

// OfEach is a source whose items are made of one record each.
func OfEach[T any](items func(record *T, from, to time.Time, give func(item any) error) error) func(json.RawMessage, time.Time, time.Time, func(item any) error) error {
	return func(doc json.RawMessage, from, to time.Time, give func(item any) error) error {
		record := new(T)
		if err := json.Unmarshal(doc, record); err != nil {
			return err
		}
		return items(record, from, to, give)
	}
}

// computed are the sources that are computed of a kind's records.
func computed(kind string, sources []Derived) []Derived {
	sources = slices.Clone(sources)
	for i := range sources {
		if of := sources[i].Of; of != nil {
			sources[i].Items = func(past Past, from, to time.Time, give func(item any) error) error {
				return past.Documents(kind, time.Time{}, time.Time{}, func(doc json.RawMessage) error { return of(doc, from, to, give) })
			}
		}
	}
	return sources
}

// Schema is the declared fields of an item.
func (d *Derived) Schema() []expr.Field { return expr.FieldsOf(reflect.TypeOf(d.Item)) }

// Field is a top-level field of an item: of those of which only the day counts, the tags of
// its struct say so (Parts).
func (d *Derived) Field(name string) Field {
	for _, part := range Parts(reflect.TypeOf(d.Item)) {
		if part.Name == name {
			return part.Field
		}
	}
	return Field{Name: name}
}

// Occurrence is what is read of an occurrence of a duty without its document. An
// item of a source that gives such occurrences is an Occurring.
type Occurrence struct {
	ID          string // duty@date
	Title       string
	Responsible string
	OpensAt     time.Time
	DueAt       time.Time
	Deadline    time.Time // the end of the grace
	State       string
	DoneAt      *time.Time
}

// Occurring is an item that is an occurrence of a duty.
type Occurring interface{ Occurrence() Occurrence }

// Documented is an item whose document may be there already: what Canonical makes of
// it, or nil. Nobody changes it.
type Documented interface{ Document() []byte }

// Past is what was recorded up to a checkpoint.
type Past interface {
	// Memo is that of the database (see store.Reader.Memo); nil where there is none.
	Memo() *sync.Map
	// Documents visits the documents of a kind that were current and whose
	// instant lies in the half-open interval, by instant, then id. Zero times do
	// not bound it. A document is valid during the visit only.
	Documents(kind string, from, to time.Time, visit func(doc json.RawMessage) error) error
	// Happened visits SCAF's own events of a type that happened in the half-open
	// interval, in the order of the ledger.
	Happened(eventType string, since, until time.Time, visit func(Fact) error) error
}

// Fact is an event, as much as it takes to say that something was done.
type Fact struct {
	Index   int64
	At      time.Time
	Actor   string
	Outcome string
}

// Keeper is the register whose imports say how complete a source is: itself, or
// the register of whose records it is computed.
func (ks Kinds) Keeper(source string) string {
	if k, computed := ks.Computed(source); computed != nil {
		return k.Register
	}
	return source
}

// Mirrored reports whether the records of a source, or those that it is computed of, are copies
// of what another system keeps; what is no register (events, readings) always is.
func (ks Kinds) Mirrored(source string) bool {
	kind, err := ks.Find(ks.Keeper(source))
	return err != nil || kind.Mirror
}

// Derived finds the derived source with this name, nil when there is none.
func (ks Kinds) Derived(name string) *Derived {
	_, source := ks.Computed(name)
	return source
}

// Computed finds the derived source with this name and the kind of whose records it is
// computed, nil when there is none.
func (ks Kinds) Computed(name string) (*Kind, *Derived) {
	for _, k := range ks {
		for i := range k.Derived {
			if k.Derived[i].Name == name {
				return k, &k.Derived[i]
			}
		}
	}
	return nil, nil
}
