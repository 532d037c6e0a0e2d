package populations

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Reading reads a source once for all populations that select from it alike: of
// a register by its own instant, or by the same instant and id. They may differ
// in their filters.
type Reading struct {
	ctx    context.Context
	kinds  record.Kinds
	reader Snapshot
	of     []*controls.Population // with different filters
	window Window
	kind   *record.Kind // the register whose own instant selects; nil elsewhere
	marks  bool
	sifted bool   // Items gives those of one population only
	begun  *Place // from which it goes on; nil: from the beginning
}

// Alike names what populations that one Reading can be of have in common, and is
// empty for one that has to be read by itself.
func Alike(kinds record.Kinds, of *controls.Population) string {
	switch {
	case of.From == controls.FromDocuments:
		return ""
	case ownInstant(kinds, of) != nil:
		return of.From
	}
	return of.From + "\n" + of.At + "\n" + of.ID
}

// ownInstant is the register of a population that is selected by the register's
// own instant: the database has its order.
func ownInstant(kinds record.Kinds, of *controls.Population) *record.Kind {
	if kind, err := kinds.Find(of.From); err == nil && of.At == "item."+kind.At {
		return kind
	}
	return nil
}

// Read prepares to read populations that are alike in a snapshot.
func Read(ctx context.Context, r Snapshot, kinds record.Kinds, window Window, of ...*controls.Population) (*Reading, error) {
	from := of[0].From
	if from == controls.FromItems {
		return nil, fmt.Errorf("%w: it comes from a file that is given to scaf control try", ErrSource)
	}
	reading := &Reading{ctx: ctx, kinds: kinds, reader: r, window: window, kind: ownInstant(kinds, of[0])}
	seen := map[string]bool{}
	for _, p := range of {
		if !seen[p.Where] {
			seen[p.Where] = true
			reading.of = append(reading.of, p)
		}
	}
	reading.sifted = reading.kind == nil && len(reading.of) == 1
	if kind, err := kinds.Find(from); err == nil {
		reading.marks = kind.Type("asserted") != nil
	}
	return reading, nil
}

// Members returns new members, to be told the items of one of the populations.
func (r *Reading) Members() *Members { return &Members{sum: sha256.New(), marks: r.marks} }

// Name implements controltests.Source.
func (r *Reading) Name() string { return "" }

var errStopped = errors.New("stopped")

// Items gives every item of the populations in their order, and may give items
// of none of them: each population's filter decides.
func (r *Reading) Items() iter.Seq2[controltests.Item, error] {
	return func(yield func(controltests.Item, error) bool) {
		give := func(doc []byte) error {
			if !yield(controltests.Item{JSON: doc}, nil) {
				return errStopped
			}
			return nil
		}
		if err := r.each(give); err != nil && !errors.Is(err, errStopped) {
			yield(controltests.Item{}, err)
		}
	}
}

// each reads the source in order.
func (r *Reading) each(give func(doc []byte) error) error {
	if r.kind != nil {
		all := record.Range{Kind: r.kind.Name, AsOf: r.window.AsOf, From: r.window.From, To: r.window.To}
		return r.reader.Versions(all, func(v *record.Version) error { return give(v.Doc) })
	}
	documents := func(source func(take func(doc []byte) error) error) error {
		return r.sorted(func(take func(candidate) error) error {
			return source(func(doc []byte) error { return take(candidate{doc: bytes.Clone(doc)}) })
		}, give)
	}
	switch from := r.of[0].From; from {
	case FromEvents:
		return r.sorted(r.events, give)
	case FromLogChecks:
		return documents(r.logChecks)
	case FromObservations:
		return documents(r.observations)
	case controls.FromDocuments:
		return documents(r.documents)
	default:
		if derived := r.kinds.Derived(from); derived != nil {
			return documents(func(take func([]byte) error) error { return r.derived(derived, take) })
		}
		kind, err := r.kinds.Find(from)
		if err != nil {
			return err
		}
		return documents(func(take func([]byte) error) error {
			return r.reader.Versions(record.Range{Kind: kind.Name, AsOf: r.window.AsOf}, func(v *record.Version) error { return take(v.Doc) })
		})
	}
}

// events gives the ledger's events as items.
func (r *Reading) events(take func(candidate) error) error {
	queries := []ledger.Query{{To: r.window.AsOf}}
	switch {
	case r.begun != nil:
		queries = r.begun.since(r.window)
	case r.of[0].At == byTime: // by another instant an event of any time may belong
		queries[0].Since, queries[0].Until = r.window.From, r.window.To
	}
	for _, query := range queries {
		if err := r.reader.Events(query, func(e *ledger.Event) error { return take(candidate{event: e}) }); err != nil {
			return err
		}
	}
	return nil
}

// candidate may be an item: a document, or an event to make one of.
type candidate struct {
	doc   []byte
	event *ledger.Event
}

func (c candidate) size() int {
	if c.event != nil {
		return len(c.event.Body)
	}
	return len(c.doc)
}

// sifted are the candidates of a batch that are items.
type sifted struct {
	items []sortItem
	err   error // ends what follows
}

// sorted gives a source's items in the order of populations, where the
// database does not have it. Memory is bounded.
func (r *Reading) sorted(source func(take func(candidate) error) error, give func([]byte) error) error {
	items := NewSorter(sortMemory)
	defer items.Close()
	candidates := func(yield func(candidate, error) bool) {
		err := source(func(c candidate) error {
			if !yield(c, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(candidate{}, err)
		}
	}
	if err := controltests.InOrder(r.ctx, candidates, candidate.size, 0, r.sift, func(_ []candidate, made *sifted) error {
		for _, item := range made.items {
			if err := items.add(item); err != nil {
				return err
			}
		}
		return made.err
	}); err != nil {
		return err
	}
	return items.Each(func(at int64, id string, doc []byte) error {
		if r.begun != nil && !r.begun.precedes(sortItem{at: at, id: id}) {
			return errEarlier
		}
		return give(doc)
	})
}

// sift returns a function that keeps of candidates what is an item of one of the
// populations, for one goroutine.
func (r *Reading) sift() func([]candidate, *sifted) {
	panel := controls.NewFilters(r.of)
	var room []byte
	one := func(c candidate) (item sortItem, in bool, err error) {
		doc := c.doc
		if c.event != nil {
			if room, err = appendEvent(room[:0], c.event); err != nil {
				return item, false, err
			}
			doc = room
		}
		e, err := r.belongs(panel, doc)
		if err != nil || e == nil {
			return item, false, err
		}
		if item.id, err = e.ID(); err != nil {
			return item, false, err
		}
		at, err := e.At()
		if errors.Is(err, controls.ErrAbsent) {
			return item, false, nil // what did not happen belongs to no period
		}
		if err != nil {
			return item, false, fmt.Errorf("item %q: %w", item.id, err)
		}
		if at.Before(r.window.From) || !at.Before(r.window.To) {
			return item, false, nil
		}
		if item.at, item.doc = at.UnixMicro(), doc; c.event != nil {
			item.doc = bytes.Clone(doc)
		}
		return item, true, nil
	}
	return func(candidates []candidate, made *sifted) {
		made.items = made.items[:0]
		for _, c := range candidates {
			item, in, err := one(c)
			if made.err = err; err != nil {
				return
			}
			if in {
				made.items = append(made.items, item)
			}
		}
	}
}

// belongs gives the evaluator of a population that the document belongs to; nil:
// it belongs to none.
func (r *Reading) belongs(panel *controls.Panel, doc []byte) (*controls.Evaluator, error) {
	panel.Read(doc)
	for i := range r.of {
		e, err := panel.Evaluator(i)
		if err != nil {
			return nil, err
		}
		if in, err := e.In(); in || err != nil {
			return e, nil //nolint:nilerr // the test says that the filter cannot be evaluated
		}
	}
	return nil, nil //nolint:nilnil // none
}

// GotEvent reports whether a population of events has, in a window, an event that
// it did not have in an earlier one, or that cannot be told not to belong to it.
func GotEvent(from Snapshot, population *controls.Population, was, is Window) (found bool, err error) {
	if population.At != byTime {
		return true, nil
	}
	e := population.Evaluator()
	var doc []byte
	for _, query := range (&Place{From: was.From, To: was.To, AsOf: was.AsOf}).since(is) {
		if err := from.Events(query, func(event *ledger.Event) (err error) {
			if doc, err = appendEvent(doc[:0], event); err != nil {
				return err
			}
			if in, err := belongs(e, doc); err != nil || !in {
				return err
			}
			found = true
			return ledger.Stop
		}); err != nil || found {
			return found, err
		}
	}
	return false, nil
}
