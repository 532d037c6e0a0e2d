package act

import (
	"bytes"
	"fmt"
	"slices"
)

// batch is what one commit appends, and whose it is.
type batch struct {
	entries []Entry
	shares  []share
	seen    map[key]int // position in entries of a submitted event
}

// key is what makes an event the same event.
type key struct{ id, source string }

// share says where a member's receipts come from: for each of its events the
// position in the batch, or a receipt that the ledger holds already.
type share struct {
	member    *member
	positions []int
	known     map[int]Receipt
}

func newBatch() *batch { return &batch{seen: map[key]int{}} }

// own adds the events that a member's body named.
func (b *batch) own(m *member) {
	positions := make([]int, len(m.entries))
	for i := range m.entries {
		positions[i] = len(b.entries)
		b.entries = append(b.entries, m.entries[i])
	}
	b.shares = append(b.shares, share{m, positions, nil})
}

// submitted adds the events that a member brings, all or none. An event that
// is in the batch already with the same bytes is the same event.
func (b *batch) submitted(m *member, known map[int]Receipt) error {
	begin := len(b.entries)
	positions := make([]int, len(m.entries))
	for i := range m.entries {
		if _, ok := known[i]; ok {
			continue
		}
		entry := &m.entries[i]
		k := key{entry.ID, entry.Source}
		position, twice := b.seen[k]
		switch {
		case !twice:
			position = len(b.entries)
			b.seen[k] = position
			b.entries = append(b.entries, *entry)
		case !bytes.Equal(b.entries[position].JSON, entry.JSON):
			for _, dropped := range b.entries[begin:] {
				delete(b.seen, key{dropped.ID, dropped.Source})
			}
			b.entries = b.entries[:begin]
			conflict := &ConflictError{Position: i, ID: entry.ID, Source: entry.Source}
			if position >= begin {
				conflict.Within = true
				conflict.First = slices.IndexFunc(m.entries[:i], func(other Entry) bool { return k == key{other.ID, other.Source} })
			}
			return conflict
		}
		positions[i] = position
	}
	b.shares = append(b.shares, share{m, positions, known})
	return nil
}

// settle hands every member its receipts.
func (b *batch) settle(receipts []Receipt) {
	for _, s := range b.shares {
		s.member.receipts = make([]Receipt, len(s.positions))
		for i, position := range s.positions {
			if receipt, ok := s.known[i]; ok {
				s.member.receipts[i] = receipt
			} else {
				s.member.receipts[i] = receipts[position]
			}
		}
	}
}

// ConflictError says which of the submitted events has a key that is taken by
// other content: in the ledger, or within the call. It is ErrConflict.
type ConflictError struct {
	Position   int // among the events of the call, from 0
	ID, Source string
	// Within: it is another event of the call that has the key, the one at
	// First.
	Within bool
	First  int
}

// Error implements error.
func (e *ConflictError) Error() string {
	if e.Within {
		return fmt.Sprintf("element %d of the same batch has the same id and source but other content (id %q, source %q)", e.First, e.ID, e.Source)
	}
	return fmt.Sprintf("%v (id %q, source %q)", ErrConflict, e.ID, e.Source)
}

// Unwrap makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Unwrap() error { return ErrConflict }
