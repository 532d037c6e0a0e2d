package ledger

import (
	"bytes"
	"fmt"

	"scaf.dev/scaf/internal/platform/store"
)

// DamageError names the first thing that is not what it must be.
type DamageError struct {
	Index int64  // of the event; -1 when the damage is not in one event
	What  string // what differs, and from what
}

// Error implements error.
func (e *DamageError) Error() string {
	if e.Index >= 0 {
		return fmt.Sprintf("event %d: %s", e.Index, e.What)
	}
	return e.What
}

// Unwrap makes errors.Is(err, ErrDamaged) true.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// damage makes a DamageError that is not about one event.
func damage(format string, args ...any) error {
	return &DamageError{Index: -1, What: fmt.Sprintf(format, args...)}
}

// Get reads one event. ErrNoEvent when the log does not reach the index.
func Get(r *store.Reader, index int64) (*Event, error) {
	head, err := readHead(r, "")
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= head.Size {
		if head.Size == 0 {
			return nil, fmt.Errorf("%w: %d, and the ledger is empty", ErrNoEvent, index)
		}
		return nil, fmt.Errorf("%w: %d, and the ledger holds 0 to %d", ErrNoEvent, index, head.Size-1)
	}
	var body []byte
	if err := eachEvent(r, index, index+1, func(_ int64, stored []byte) error {
		body = bytes.Clone(stored)
		return nil
	}); err != nil {
		return nil, err
	}
	event, err := read(index, body)
	if err != nil {
		return nil, &DamageError{index, "the stored bytes are not an event: " + err.Error()}
	}
	return event, nil
}
