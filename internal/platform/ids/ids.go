// Package ids makes the identifiers that SCAF gives: UUIDs of version 7
// (RFC 9562, section 5.7), whose bytewise order is the order of their making.
package ids

import (
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Source makes identifiers. It is safe for concurrent use. Two sources never
// agree on an order among themselves; one source's identifiers only grow, even
// when the clock that it is given stands still or goes back.
type Source struct {
	mu     sync.Mutex
	random io.Reader
	last   uint64 // milliseconds << 12 | counter of the latest identifier
}

// NewSource returns a source that draws its random part from the operating
// system's generator.
func NewSource() *Source { return &Source{random: rand.Reader} }

// NewSeeded returns a source that draws its random part from r: for
// simulations that must come out the same twice.
func NewSeeded(r io.Reader) *Source { return &Source{random: r} }

// New returns the next identifier at the given instant. It panics when the
// random source fails: no identifier is better than one that may repeat.
func (s *Source) New(at time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b [16]byte
	if _, err := io.ReadFull(s.random, b[6:]); err != nil {
		panic("ids: the random source failed: " + err.Error())
	}
	ms := uint64(max(at.UnixMilli(), 0)) & (1<<48 - 1)
	// rand_a is a counter within the millisecond (RFC 9562, section 6.2,
	// method 1), begun at a random value with the top bit clear.
	next := ms<<12 | uint64(binary.BigEndian.Uint16(b[6:8])&0x07ff)
	if next <= s.last {
		next = s.last + 1
	}
	s.last = next
	binary.BigEndian.PutUint64(b[:8], next>>12<<16|next&0x0fff)
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	return uuid.UUID(b).String()
}
