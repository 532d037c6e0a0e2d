package populations

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
)

// What is kept of the events of one type beside an open database, and of all
// types, in bytes as they are stored. Types with more are read each time.
const (
	maxKept    = 4 << 20
	maxKeptAll = 16 << 20
)

// kept are the events of one type, beside the open database: what is recorded
// never changes, so that they hold of every snapshot, and are continued with
// what has come. They are for questions; verification reads what is stored.
type kept struct {
	mu   sync.Mutex
	upTo int64 // ledger index: those before it are here
	all  []*ledger.Event
	size int64
	over bool
}

type (
	keptKey   struct{ eventType string }
	keptBytes struct{}
)

// events visits the events of an exact type by what is kept; done is false where
// they are to be read: in a transaction that writes, and where they are too much.
func (s stored) events(q ledger.Query, visit func(*ledger.Event) error) (done bool, err error) {
	if s.reader.Memo() == nil || q.Type == "" || strings.HasSuffix(q.Type, "*") || q.Newest {
		return false, nil
	}
	head, err := ledger.ReadHead(s.reader)
	if err != nil {
		return false, err
	}
	if q.To <= 0 || q.To > head.Size {
		q.To = head.Size
	}
	one, ok1 := store.Beside(s.reader, keptKey{q.Type}, &kept{})
	all, ok2 := store.Beside(s.reader, keptBytes{}, &atomic.Int64{})
	if !ok1 || !ok2 {
		return false, nil
	}
	events, fits, err := one.goOn(s.reader, q, all)
	if err != nil || !fits {
		return false, err
	}
	for _, e := range events {
		if e.Index < q.From || e.Index >= q.To || !q.Matches(e) {
			continue
		}
		if err := visit(e); errors.Is(err, ledger.Stop) {
			break
		} else if err != nil {
			return true, err
		}
	}
	return true, nil
}

// goOn reads the events of the query's type that have come, up to the end of the
// query.
func (k *kept) goOn(r *store.Reader, q ledger.Query, all *atomic.Int64) (events []*ledger.Event, fits bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over || k.upTo >= q.To {
		return k.all, !k.over, nil
	}
	fresh, size := k.all, k.size
	if err := ledger.FindIn(r, ledger.Query{Type: q.Type, From: k.upTo, To: q.To}, func(e *ledger.Event) error {
		if size += int64(len(e.Body)); size > maxKept || all.Load()+size-k.size > maxKeptAll {
			k.over = true
			return ledger.Stop
		}
		fresh = append(fresh, e)
		return nil
	}); err != nil {
		return nil, false, err
	}
	if k.over {
		all.Add(-k.size)
		k.all, k.size = nil, 0
		return nil, false, nil
	}
	all.Add(size - k.size)
	k.all, k.size, k.upTo = fresh, size, q.To
	return fresh, true, nil
}
