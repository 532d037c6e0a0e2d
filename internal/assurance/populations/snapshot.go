package populations

import (
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Snapshot is what populations are read from: the records and events of one
// state of the ledger. There are two: the store's, and what the leaves of an
// evidence bundle give when they are replayed. A query means the same on both,
// so that what one computed the other can recompute.
type Snapshot interface {
	// Versions visits versions of records as record.Each does: selected by the
	// range, ordered by instant (records without one first), then id, bytewise.
	// The version and its document are valid during the visit only.
	Versions(q record.Range, visit func(*record.Version) error) error
	// Events visits events as ledger.FindIn does, in the order of the ledger.
	Events(q ledger.Query, visit func(*ledger.Event) error) error
}

// Stored is the snapshot of a reader of the store.
func Stored(r *store.Reader) Snapshot { return stored{r} }

type stored struct{ reader *store.Reader }

// Versions implements Snapshot.
func (s stored) Versions(q record.Range, visit func(*record.Version) error) error {
	return record.Each(s.reader, q, visit)
}

// Events implements Snapshot.
func (s stored) Events(q ledger.Query, visit func(*ledger.Event) error) error {
	if done, err := s.events(q, visit); done || err != nil {
		return err
	}
	return ledger.FindIn(s.reader, q, visit)
}
