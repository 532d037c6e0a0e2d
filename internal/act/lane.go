package act

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// What a group may hold: enough to share one fsync among many, little enough
// that a small change behind it waits for milliseconds.
const (
	groupEvents = 1024
	groupBytes  = 8 << 20
)

// member is one call waiting in the lane: a body, or entries to append.
type member struct {
	caller  Caller
	body    func(*Tx) error
	silent  func(*store.Tx) error // the runner's bookkeeping: no event of its own
	entries []Entry               // submitted; or those that the body named

	receipts []Receipt
	err      error
	done     chan struct{}
}

// ingests reports whether the member only brings submitted events.
func (m *member) ingests() bool { return m.body == nil && m.silent == nil }

func (m *member) bytes() int {
	n := 0
	for i := range m.entries {
		n += len(m.entries[i].JSON)
	}
	return n
}

// lane is the one writer of a process.
type lane struct {
	door    *Door
	queue   chan *member
	stopped chan struct{}
	writer  *store.Writer
	side    *side
	// duplicates: the latest group brought events that were there already, as
	// an import does that is run again; the next group is looked up at once.
	duplicates bool
	doubtful   *batch // of the latest commit that failed

	mu     sync.RWMutex // guards closed against sends on queue
	closed bool
}

func openLane(d *Door) (*lane, error) {
	l := &lane{door: d, queue: make(chan *member, 4096), stopped: make(chan struct{})}
	var err error
	if l.side, err = openSide(d.Side); err != nil {
		return nil, err
	}
	if l.writer, err = d.DB.Writer(context.Background()); err != nil {
		return nil, err
	}
	l.recover()
	go l.run()
	return l, nil
}

func (l *lane) close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.stopped
	if l.writer == nil {
		return nil
	}
	return l.writer.Close()
}

// submit waits for the member's turn. A caller that goes away before its turn
// may still be served: its answer is then lost, not its event.
func (l *lane) submit(ctx context.Context, m *member) ([]Receipt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.done = make(chan struct{})
	l.mu.RLock()
	if l.closed {
		l.mu.RUnlock()
		return nil, ErrClosed
	}
	l.queue <- m
	l.mu.RUnlock()
	<-m.done
	return m.receipts, m.err
}

func (l *lane) run() {
	defer close(l.stopped)
	for first := range l.queue {
		group := l.gather(first)
		l.serve(group)
		for _, m := range group {
			close(m.done)
		}
	}
}

// gather takes what is waiting, first in first out, up to a group's size.
func (l *lane) gather(first *member) []*member {
	group := []*member{first}
	events, size := max(1, len(first.entries)), first.bytes()
	for events < groupEvents && size < groupBytes {
		select {
		case m, open := <-l.queue:
			if !open {
				return group
			}
			group = append(group, m)
			events += max(1, len(m.entries))
			size += m.bytes()
		default:
			return group
		}
	}
	return group
}

// serve commits the group, or says to each member why not.
func (l *lane) serve(group []*member) {
	waited := l.writer != nil
	err := l.commit(group, false)
	if waited && errors.Is(err, store.ErrUnavailable) && !errors.Is(err, store.ErrUnknown) { // its connection was cut while it waited
		err = l.commit(group, false)
	}
	if errors.Is(err, ErrMoved) { // the log knows that by now
		err = l.commit(group, false)
	}
	if errors.Is(err, store.ErrUnique) { // an event is there already: look before writing
		err = l.commit(group, true)
	}
	if errors.Is(err, store.ErrUnknown) {
		err = l.resolve(group, err)
	}
	switch {
	case err == nil:
		if l.side.pending() {
			l.recover()
		}
	case len(group) > 1 && !environmental(err): // one of them is the cause: let the others through
		for _, m := range group {
			l.serve([]*member{m})
		}
	default:
		l.fail(group, err)
	}
}

// environmental tells an error of the machine or the database, which would
// meet every member alike, from one that a member caused.
func environmental(err error) bool { return store.Unusable(err) != nil }

// fail answers every member with err, counts the events that are lost to the
// ledger for now, and keeps those that no state depends on in the side file.
func (l *lane) fail(group []*member, err error) {
	for _, m := range group {
		m.receipts = nil
		m.err = err
		if m.silent != nil || errors.Is(err, ErrConflict) {
			continue
		}
		l.door.WriteFailures.Add(float64(max(1, len(m.entries))))
		if !m.ingests() || !environmental(err) {
			continue
		}
		if kept := l.side.keep(m.entries); kept != nil {
			m.err = fmt.Errorf("%w; the side file could not be written either: %w", err, kept)
		} else if l.side != nil {
			m.err = fmt.Errorf("%w; %w in %s and appended when the ledger can be written again", err, ErrKept, l.side.path)
		}
	}
}

// commit writes the group in one transaction. Members whose body failed have
// their error set and leave nothing; an error that is returned means that
// nothing of the group was kept.
func (l *lane) commit(group []*member, look bool) (err error) {
	if l.writer == nil {
		if l.writer, err = l.door.DB.Writer(context.Background()); err != nil {
			return err
		}
	}
	tx, err := l.writer.Begin()
	if err != nil {
		l.dropWriter(err)
		return err
	}
	finished := false
	defer func() {
		if !finished {
			l.writer.Rollback()
			l.door.Log.Aborted()
			l.dropWriter(err)
		}
	}()
	// What only appends need not ask first; what reads and changes rows must
	// have them to itself.
	lock := slices.ContainsFunc(group, func(m *member) bool { return !m.ingests() })
	next, err := l.door.Log.Begin(tx, lock)
	if err != nil {
		return err
	}
	now := l.door.Clock.Now()
	batch := newBatch()
	// Bodies come first: what they name takes the next indexes, whatever of
	// the submitted events turns out to be there already.
	for _, m := range group {
		m.receipts, m.err = nil, nil
		if m.ingests() {
			continue
		}
		m.entries = nil
		if m.err = l.runBody(tx, m, now, next+int64(len(batch.entries))); m.err != nil {
			if errors.Is(m.err, store.ErrBroken) || environmental(m.err) {
				return m.err
			}
			continue
		}
		batch.own(m)
	}
	look = look || l.duplicates
	l.duplicates = false
	for _, m := range group {
		if !m.ingests() {
			continue
		}
		var known map[int]Receipt
		if look {
			if known, m.err = l.door.Log.Known(tx, m.entries); m.err != nil {
				if !errors.Is(m.err, ErrConflict) {
					return m.err
				}
				continue
			}
			l.duplicates = l.duplicates || len(known) > 0
		}
		m.err = batch.submitted(m, known)
	}
	var receipts []Receipt
	if len(batch.entries) > 0 {
		if receipts, err = l.door.Log.Append(tx, now, batch.entries); err != nil {
			return err
		}
	}
	batch.settle(receipts)
	if err := l.writer.Commit(); err != nil {
		l.doubtful = batch
		return fmt.Errorf("commit: %w", err)
	}
	finished = true
	l.door.Log.Committed()
	return nil
}

// runBody runs a member's body in a savepoint.
func (l *lane) runBody(tx *store.Tx, m *member, now time.Time, next int64) error {
	return tx.Savepoint(func() error {
		if m.silent != nil {
			return m.silent(tx)
		}
		own := &Tx{Tx: tx, door: l.door, caller: m.caller, now: now, next: next}
		before := tx.Changed()
		if err := protect(m.body, own); err != nil {
			return err
		}
		if len(own.entries) == 0 && tx.Changed() != before {
			return ErrSilent
		}
		if err := own.react(); err != nil {
			return err
		}
		m.entries = own.entries
		return nil
	})
}

// protect turns a panic of a body into its error: one broken action must not
// stop the log.
func protect(body func(*Tx) error, tx *Tx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("act: the action panicked: %v", r)
		}
	}()
	return body(tx)
}

// dropWriter gives up a connection that has failed; the next group takes a
// new one.
func (l *lane) dropWriter(err error) {
	if !errors.Is(err, store.ErrBroken) && !environmental(err) {
		return
	}
	_ = l.writer.Close() // it is broken already
	l.writer = nil
}
