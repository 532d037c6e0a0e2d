package populations

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// memory is a snapshot that reads once what many tests read: small registers,
// events of a type, the items of a computed source, and what imports cover.
type memory struct {
	Snapshot
	versions map[record.Range][]*record.Version
	events   map[string][]*ledger.Event // by type
	items    map[part][][]byte
	covered  map[part]*Coverage
	made     map[any]any
	large    map[any]bool // what was asked for and is too much to be remembered
	size     int
}

// part is what was asked of a source.
type part struct {
	source       string
	asOf         int64
	since, until time.Time
}

// maxRemembered bounds what a memory holds, in bytes; beyond it, things are
// read each time.
const maxRemembered = 32 << 20

// Remember is the snapshot for many tests at one checkpoint. It is not safe for
// concurrent use.
func Remember(from Snapshot) Snapshot {
	if m, ok := from.(*memory); ok {
		return m
	}
	return &memory{
		Snapshot: from, versions: map[record.Range][]*record.Version{}, events: map[string][]*ledger.Event{},
		items: map[part][][]byte{}, covered: map[part]*Coverage{}, made: map[any]any{}, large: map[any]bool{},
	}
}

// remembering gathers what a source gives, as long as there is room for it.
type remembering[V any] struct {
	memory *memory
	list   []V
	size   int
	over   bool
}

func (r *remembering[V]) add(size int, keep func() V) {
	if r.size += size; r.over || r.memory.size+r.size > maxRemembered {
		r.list, r.over = nil, true
		return
	}
	r.list = append(r.list, keep())
}

// end keeps all of it under the key, or remembers that it is too much.
func end[K comparable, V any](r *remembering[V], into map[K][]V, key K) {
	if r.over {
		r.memory.large[key] = true
		return
	}
	into[key] = r.list
	r.memory.size += r.size
}

// Versions implements Snapshot. A part of a register is not remembered: it is
// the population of tests, and large.
func (m *memory) Versions(q record.Range, visit func(*record.Version) error) error {
	if !q.From.IsZero() || !q.To.IsZero() || m.large[q] {
		return m.Snapshot.Versions(q, visit)
	}
	known, ok := m.versions[q]
	if !ok {
		gather := &remembering[*record.Version]{memory: m}
		err := m.Snapshot.Versions(q, func(v *record.Version) error {
			gather.add(len(v.Doc)+len(v.ID), func() *record.Version {
				kept := *v
				kept.Doc = bytes.Clone(v.Doc)
				return &kept
			})
			return visit(v)
		})
		if err == nil {
			end(gather, m.versions, q)
		}
		return err
	}
	for _, v := range known {
		one := *v
		if err := visit(&one); err != nil {
			return err
		}
	}
	return nil
}

// Events implements Snapshot.
func (m *memory) Events(q ledger.Query, visit func(*ledger.Event) error) error {
	if s, ok := m.Snapshot.(stored); ok {
		if done, err := s.events(q, visit); done || err != nil {
			return err
		}
	}
	if q.Type == "" || strings.HasSuffix(q.Type, "*") || q.Newest || m.large[q.Type] {
		return m.Snapshot.Events(q, visit)
	}
	events, known := m.events[q.Type]
	if !known {
		gather := &remembering[*ledger.Event]{memory: m}
		if err := m.Snapshot.Events(ledger.Query{Type: q.Type}, func(e *ledger.Event) error {
			if gather.add(len(e.Body), func() *ledger.Event { return e }); gather.over {
				return ledger.Stop
			}
			return nil
		}); err != nil {
			return err
		}
		if end(gather, m.events, q.Type); gather.over {
			return m.Snapshot.Events(q, visit)
		}
		events = gather.list
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
	if m.large[key] {
		return encoded(source, Past(m, asOf), since, until, take)
	}
	items, known := m.items[key]
	if !known {
		gather := &remembering[[]byte]{memory: m}
		err := encoded(source, Past(m, asOf), since, until, func(doc []byte) error {
			gather.add(len(doc), func() []byte { return doc })
			return take(doc)
		})
		if err == nil {
			end(gather, m.items, key)
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

// coverage is what imports into a source cover of a window.
func (m *memory) coverage(source string, window Window) (*Coverage, error) {
	key := part{source, window.AsOf, window.From.UTC(), window.To.UTC()}
	known := m.covered[key]
	if known == nil {
		var err error
		if known, err = covered(m, source, window); err != nil {
			return nil, err
		}
		m.covered[key] = known
	}
	own := *known
	own.Gaps = slices.Clone(known.Gaps)
	return &own, nil
}

// Once is what read makes of a snapshot; of one that is remembered, made once
// for each key, which has a type of its own. It is small, and nobody changes it.
func Once[K comparable, V any](from Snapshot, key K, read func() (V, error)) (V, error) {
	m, ok := from.(*memory)
	if !ok {
		return read()
	}
	if known, ok := m.made[key].(V); ok {
		return known, nil
	}
	made, err := read()
	if err == nil {
		m.made[key] = made
	}
	return made, err
}
