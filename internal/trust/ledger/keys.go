package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"scaf.dev/scaf/internal/platform/store"
)

// keySum is a sum over keys that does not depend on their order: two sets of
// as many keys have the same sum only if they are the same, but for a chance
// of 2^-64 that nobody can improve without knowing the seed.
type keySum struct{ sum atomic.Uint64 }

// add adds the key of an event.
func (s *keySum) add(seed maphash.Seed, id, source []byte, index int64) {
	var h maphash.Hash
	h.SetSeed(seed)
	var lengths [16]byte
	binary.BigEndian.PutUint64(lengths[:8], uint64(index))
	binary.BigEndian.PutUint64(lengths[8:], uint64(len(id)))
	_, _ = h.Write(lengths[:]) // a hash takes everything
	_, _ = h.Write(id)
	_, _ = h.Write(source)
	s.sum.Add(h.Sum64())
}

// merge adds another sum.
func (s *keySum) merge(other *keySum) { s.sum.Add(other.sum.Load()) }

// readKeys sums the key rows of the events that are read, and counts all.
func (v *verifying) readKeys(r *store.Reader) error {
	head, err := readHead(r, "") // of this snapshot: events may have been appended since
	if err != nil {
		return err
	}
	var id, source store.Raw
	var index, rows int64
	var before, beforeSource []byte
	query := `SELECT id, source, idx FROM ledger_key`
	if r.Dialect() == store.SQLite {
		query = `SELECT id, source, CASE WHEN typeof(id) = 'text' AND typeof(source) = 'text' THEN idx ELSE -1 END FROM ledger_key`
	}
	err = r.Each(query, nil, []any{&id, &source, &index}, func() error {
		rows++
		// SQLite's table is in the order of the key. A row out of its place, and
		// one whose bytes are no text, is not found by its key, and its event
		// could be appended again.
		if r.Dialect() == store.SQLite {
			if index < 0 {
				return damage("the key of id %q and source %q is not stored as text: no search finds it", id, source)
			}
			if order := bytes.Compare(before, id); order > 0 || order == 0 && bytes.Compare(beforeSource, source) >= 0 && before != nil {
				return damage("the key of event %d is not in its place: an id %q cannot follow %q", index, id, before)
			}
			before, beforeSource = append(before[:0], id...), append(beforeSource[:0], source...)
		}
		if v.covers(index) {
			v.filed.add(v.seed, id, source, index)
		}
		return nil
	})
	if err == nil && rows != head.Size {
		err = damage("there are %d keys for the %d events of the log", rows, head.Size)
	}
	return err
}

// checkKeys compares the keys of the events that were read with what the
// events themselves say.
func (v *verifying) checkKeys(ctx context.Context, db *store.DB) error {
	if v.filed.sum.Load() == v.keys.sum.Load() {
		return nil
	}
	return db.Read(ctx, v.nameWrongKey)
}

// nameWrongKey finds the first event that is not filed under its own key.
func (v *verifying) nameWrongKey(r *store.Reader) error {
	for _, span := range v.ranges {
		for from := span.From; from < span.To; from += bundleEvents {
			type named struct {
				id, source string
				index      int64
			}
			var events []named
			if err := eachEvent(r, from, min(from+bundleEvents, span.To), func(index int64, body []byte) error {
				id, source, err := identify(body)
				events = append(events, named{string(id), string(source), index})
				return err
			}); err != nil {
				return err
			}
			for _, e := range events {
				var filed int64
				err := r.One(`SELECT idx FROM ledger_key WHERE id = $1 AND source = $2`, []any{e.id, e.source}, []any{&filed})
				if errors.Is(err, store.ErrNotFound) {
					return &DamageError{e.index, fmt.Sprintf("is not filed under its id %q and source %q", e.id, e.source)}
				}
				if err != nil {
					return err
				}
				if filed != e.index {
					return &DamageError{e.index, fmt.Sprintf("its id %q and source %q are filed as those of event %d", e.id, e.source, filed)}
				}
			}
		}
	}
	return damage("the keys of the events are not those that the events say")
}
