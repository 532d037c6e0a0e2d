package act

import (
	"maps"
	"slices"
	"strconv"
)

// Reaction is the payload of a job that reacts to what one action did: the events
// that it named, of which at least one is of a type that somebody reacts to.
type Reaction struct {
	First  int64 `json:"first"`  // index of the action's first event in the ledger
	Events int   `json:"events"` // how many it named
}

// react enqueues, in the transaction of the events, one job for each kind that
// reacts to some of them (Config.Reactions): an event whose reaction is lost cannot
// be. The job's key is the index of the action's first event.
func (tx *Tx) react() error {
	kinds := map[string]bool{}
	for i := range tx.entries {
		for _, kind := range tx.door.Reactions[tx.entries[i].Type] {
			kinds[kind] = true
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		if err := tx.Enqueue(kind, strconv.FormatInt(tx.next, 10), Reaction{tx.next, len(tx.entries)}, tx.now); err != nil {
			return err
		}
	}
	return nil
}
