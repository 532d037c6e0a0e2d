package populations

import (
	"crypto/sha256"
	"encoding"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/trust/ledger"
)

// byTime is the instant of an event itself, by which the ledger finds it.
const byTime = "item.time"

// Place is where a reading of events by their own instant has ended: it has
// given every event that the window holds at the checkpoint, up to the last one.
// The ledger changes and loses no event, so a reading of a window that goes on
// from there need not read them again.
type Place struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	AsOf int64     `json:"as_of"`
	Last time.Time `json:"last"` // the instant of the last item; zero: there was none
	ID   string    `json:"id"`   // and its id
}

// Begins reports whether the window begins with what was read: the same
// beginning, and neither an end nor a checkpoint before that one.
func (p *Place) Begins(w Window) bool {
	return p.From.Equal(w.From) && !w.To.Before(p.To) && 0 < p.AsOf && p.AsOf <= w.AsOf
}

// since selects, in the order of the ledger, the events that a window holds
// beyond what was read: those that were there and whose instant had not come,
// and those that have come to be there.
func (p *Place) since(w Window) []ledger.Query {
	var queries []ledger.Query
	if p.AsOf > 0 && p.To.Before(w.To) {
		queries = append(queries, ledger.Query{To: p.AsOf, Since: p.To, Until: w.To})
	}
	if p.AsOf < w.AsOf && w.From.Before(w.To) {
		queries = append(queries, ledger.Query{From: p.AsOf, To: w.AsOf, Since: w.From, Until: w.To})
	}
	return queries
}

// precedes reports whether the item comes after all that was read.
func (p *Place) precedes(item sortItem) bool { return before(p.last(), item) < 0 }

func (p *Place) last() sortItem { return sortItem{at: p.Last.UnixMicro(), id: p.ID} }

// errEarlier says: what has come does not come after all that was read.
var errEarlier = errors.New("an item sorts before what was read")

// After makes the reading go on from a place that its window begins with: it gives
// only what the window holds beyond that, and fails where any of it does not sort
// after the last item. Of several places with one window the latest item counts.
func (r *Reading) After(p Place) {
	if r.begun == nil || r.begun.precedes(p.last()) {
		r.begun = &p
	}
}

// Place is where the reading has ended for a population whose last item is this
// one; nil: it is not one of events by their own instant, and none can go on from
// it.
func (r *Reading) Place(last time.Time, id string) *Place {
	if r.of[0].From != FromEvents || r.of[0].At != byTime {
		return nil
	}
	return &Place{r.window.From.UTC(), r.window.To.UTC(), r.window.AsOf, last.UTC(), id}
}

// Taken is what members have taken, to go on with.
type Taken struct {
	Count int64  `json:"count"`
	State []byte `json:"state"` // of the hash
}

// Taken is what the members have taken; nil where it takes more to go on.
func (m *Members) Taken() (*Taken, error) {
	if m.marks {
		return nil, nil //nolint:nilnil // none
	}
	sum, ok := m.sum.(encoding.BinaryMarshaler)
	if !ok {
		return nil, nil //nolint:nilnil // none
	}
	state, err := sum.MarshalBinary()
	return &Taken{m.count, state}, err
}

// Members returns members that have taken this.
func (t *Taken) Members() (*Members, error) {
	m := &Members{sum: sha256.New(), count: t.Count}
	sum, ok := m.sum.(encoding.BinaryUnmarshaler)
	if !ok {
		return nil, errors.New("the state of a population's hash cannot be restored")
	}
	if err := sum.UnmarshalBinary(t.State); err != nil {
		return nil, fmt.Errorf("the state of a population's hash: %w", err)
	}
	return m, nil
}
