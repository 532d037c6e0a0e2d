package populations

import (
	"errors"
	"sync"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// maxFacts bounds the facts that are kept of one type; beyond it, they are read
// each time.
const maxFacts = 100_000

// facts are the events of a type, as much of them as it takes to say that
// something was done, kept beside the open database: what is recorded never
// changes, so that they hold of every snapshot, and are continued with what has
// come.
type facts struct {
	mu   sync.Mutex
	upTo int64 // ledger index: those before it are here
	all  []record.Fact
	over bool
}

type factsKey struct{ eventType string }

// happened visits the facts of the query, which has a type.
func (s stored) happened(q ledger.Query, visit func(record.Fact) error) error {
	all, ok, err := s.facts(&q)
	if err != nil {
		return err
	}
	if !ok {
		return s.Events(q, visitFact(visit))
	}
	for _, f := range all {
		if f.Index >= q.To {
			return nil
		}
		if f.At.Before(q.Since) || !q.Until.IsZero() && !f.At.Before(q.Until) {
			continue
		}
		if err := visit(f); errors.Is(err, ledger.Stop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// facts are those of the query's type, up to its end at least, which is set
// where it is open. They are not kept in a transaction that writes, nor where
// they are too many.
func (s stored) facts(q *ledger.Query) (all []record.Fact, ok bool, err error) {
	memo := s.reader.Memo()
	if memo == nil {
		return nil, false, nil
	}
	head, err := ledger.ReadHead(s.reader)
	if err != nil {
		return nil, false, err
	}
	if q.To <= 0 || q.To > head.Size {
		q.To = head.Size
	}
	one, _ := memo.LoadOrStore(factsKey{q.Type}, &facts{})
	kept, ok := one.(*facts)
	if !ok {
		return nil, false, nil
	}
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if kept.upTo < q.To && !kept.over {
		fresh := kept.all
		if err := s.Events(ledger.Query{Type: q.Type, From: kept.upTo, To: q.To}, visitFact(func(f record.Fact) error {
			if fresh = append(fresh, f); len(fresh) > maxFacts {
				return ledger.Stop
			}
			return nil
		})); err != nil {
			return nil, false, err
		}
		kept.all, kept.upTo = fresh, q.To
		if len(fresh) > maxFacts {
			kept.all, kept.over = nil, true
		}
	}
	return kept.all, !kept.over, nil
}

// visitFact tells of events as facts.
func visitFact(visit func(record.Fact) error) func(*ledger.Event) error {
	return func(e *ledger.Event) error {
		return visit(record.Fact{Index: e.Index, At: e.Instant(), Actor: e.Actor, Outcome: e.Outcome})
	}
}
