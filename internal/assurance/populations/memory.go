package populations

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// memory is a snapshot of the store that reads once what many tests read: the
// items of a computed source, and the events of a type.
type memory struct {
	stored
	items  map[part][][]byte
	events map[string][]*ledger.Event // by type
	size   int
}

// part is what was asked of a computed source.
type part struct {
	source       string
	asOf         int64
	since, until time.Time
}

// maxRemembered bounds what a memory holds, in bytes; beyond it, items are
// computed each time.
const maxRemembered = 32 << 20

// Remember is Stored for many tests at one checkpoint.
func Remember(r *store.Reader) Snapshot {
	return &memory{stored: stored{r}, items: map[part][][]byte{}, events: map[string][]*ledger.Event{}}
}

// Events implements Snapshot.
func (m *memory) Events(q ledger.Query, visit func(*ledger.Event) error) error {
	if q.Type == "" || strings.HasSuffix(q.Type, "*") || q.Newest {
		return m.stored.Events(q, visit)
	}
	events, known := m.events[q.Type]
	if !known {
		size := 0
		if err := m.stored.Events(ledger.Query{Type: q.Type}, func(e *ledger.Event) error {
			if size += len(e.Body); m.size+size > maxRemembered {
				return ledger.Stop
			}
			events = append(events, e)
			return nil
		}); err != nil {
			return err
		}
		if m.size+size > maxRemembered {
			return m.stored.Events(q, visit)
		}
		m.events[q.Type], m.size = events, m.size+size
	}
	for _, e := range events {
		if e.Index < q.From || q.To > 0 && e.Index >= q.To || !q.Matches(e) {
			continue
		}
		if err := visit(e); errors.Is(err, ledger.Stop) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) computed(source *record.Derived, asOf int64, since, until time.Time, take func([]byte) error) error {
	key := part{source.Name, asOf, since.UTC(), until.UTC()}
	items, known := m.items[key]
	if !known {
		size := 0
		err := source.Items(Past(m, asOf), since, until, func(doc []byte) error {
			if size += len(doc); m.size+size <= maxRemembered {
				items = append(items, bytes.Clone(doc))
			}
			return take(doc)
		})
		if m.size+size <= maxRemembered && err == nil {
			m.items[key], m.size = items, m.size+size
		}
		return err
	}
	for _, doc := range items {
		if err := take(doc); err != nil {
			return err
		}
	}
	return nil
}
