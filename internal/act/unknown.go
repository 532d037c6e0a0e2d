package act

import (
	"context"
	"fmt"

	"scaf.dev/scaf/internal/platform/store"
)

// resolve finds out what became of a group whose commit broke off, on a new
// connection: the events that it named are in the ledger, all of them, or the
// group is committed again. While that cannot be found out, cause stays the
// answer.
func (l *lane) resolve(group []*member, cause error) error {
	kept, err := l.kept(l.doubtful)
	switch {
	case err != nil:
		return cause
	case kept:
		return nil
	}
	return l.commit(group, true)
}

// kept reports whether the ledger holds the batch, and hands out the receipts
// if so. A batch without events (the runner's bookkeeping, which may be done
// twice) counts as not kept.
func (l *lane) kept(b *batch) (bool, error) {
	if len(b.entries) == 0 {
		return false, nil
	}
	writer, err := l.door.DB.Writer(context.Background())
	if err != nil {
		return false, err
	}
	defer func() { _ = writer.Close() }() // rolls back: nothing is written here
	tx, err := writer.Begin()
	if err != nil {
		return false, err
	}
	defer l.door.Log.Aborted()
	// The head is locked, so a server that is still at work on the commit is
	// waited for.
	if _, err := l.door.Log.Begin(tx, true); err != nil {
		return false, err
	}
	receipts := make([]Receipt, len(b.entries))
	found := 0
	for from := 0; from < len(b.entries); from += MaxBatch {
		known, err := l.door.Log.Known(tx, b.entries[from:min(from+MaxBatch, len(b.entries))])
		if err != nil {
			return false, err
		}
		for i, receipt := range known {
			receipts[from+i] = receipt
		}
		found += len(known)
	}
	switch found {
	case 0:
		return false, nil
	case len(receipts):
		b.settle(receipts)
		return true, nil
	}
	return false, fmt.Errorf("%w: a commit was kept in part", store.ErrCorrupt)
}
