package ledger

import (
	"sync"

	"scaf.dev/scaf/internal/platform/store"
)

// tail is the search index of the block that is not full yet, for which there
// is no row: it is kept beside the open database, made of the events when they
// are first looked for, and continued with those that have come. What is
// recorded never changes, so that it holds of every snapshot; of an older one
// its beginning. What it leads to is compared with the query like everything.
type tail struct {
	mu    sync.Mutex
	block searchBlock
}

type tailKey struct{}

// tailOf is the index of the events of a block up to an index, continued where
// that is needed; nil when there is none: in a transaction that writes, or
// where an event cannot be read, which whoever reads it will be told.
func tailOf(r *store.Reader, block, to int64) *searchBlock {
	t, ok := store.Beside(r, tailKey{}, &tail{})
	if !ok {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.block.number > block {
		return nil
	}
	if t.block.number < block {
		t.block = searchBlock{number: block}
	}
	b := t.block
	from := block*blockEvents + int64(len(b.types)/4)
	if from < to {
		if err := eachEvent(r, from, to, func(index int64, body []byte) error {
			entry, err := indexed(index, body)
			if err == nil {
				b.append(entry, entry.Time)
			}
			return err
		}); err != nil {
			return nil
		}
		t.block = b
	}
	return &b
}
