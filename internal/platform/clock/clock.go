// Package clock is the only reader of the machine's time. Everything that
// needs the time is given a Clock, so that a test, a simulation or a
// re-performance owns it.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time. Implementations are safe for concurrent use.
type Clock interface {
	// Now returns the current instant in UTC, truncated to microseconds: the
	// precision that both databases keep.
	Now() time.Time
}

// System is the machine's clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// shifted is a clock that runs at another clock's pace from another instant.
type shifted struct {
	clock  Clock
	offset time.Duration
}

// From returns a clock that stands at the given instant now, and goes on as
// the other clock does.
func From(c Clock, at time.Time) Clock { return shifted{c, at.Sub(c.Now())} }

// Now implements Clock.
func (s shifted) Now() time.Time {
	return s.clock.Now().Add(s.offset).UTC().Truncate(time.Microsecond)
}

// Manual is a clock that stands still until it is moved.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual returns a clock that stands at the given instant.
func NewManual(at time.Time) *Manual {
	return &Manual{now: at.UTC().Truncate(time.Microsecond)}
}

// Now implements Clock.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the clock forward by d.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d).Truncate(time.Microsecond)
}

// Set moves the clock to the given instant, backwards too.
func (m *Manual) Set(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = at.UTC().Truncate(time.Microsecond)
}
