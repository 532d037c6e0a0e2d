// Package act is the one door through which anything changes.
//
// Do authorizes the caller, runs a body in a transaction, appends the events
// that the body named to the ledger and commits: all of it, or nothing. Append
// takes events without a state change (ingestion). View records the reading of
// something sensitive. Behind the three stands one first-in-first-out lane
// that owns the ledger's head and commits in groups.
package act

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/platform/store"
)

// MaxBatch is the most events that one Do or one Append may carry, so that
// nobody waits behind an import.
const MaxBatch = 1000

// Caller is who acts. The zero value is an anonymous caller.
type Caller struct {
	// ID is the reference of the principal: "token/...", "local/cli", "job/...".
	ID string
	// Roles are the names of the roles that the caller holds.
	Roles []string
	// By is who enters it for ID, "local/alice": somebody at the machine acts on
	// behalf of a person (ADR 16). Every event then names both: ID as its actor,
	// By as recordedby. Empty: ID acts.
	By string
}

// Operator is who is really at the keyboard.
func (c Caller) Operator() string {
	if c.By != "" {
		return c.By
	}
	return c.ID
}

// Anonymous reports whether nobody has been identified.
func (c Caller) Anonymous() bool { return c.ID == "" }

// Authorizer decides who may do what. It is asked before every action; nil
// means yes, anything else is the reason for no.
type Authorizer interface {
	Authorize(caller Caller, action, ref string) error
}

// Outcomes of an event.
const (
	Success = "success"
	Failure = "failure"
	Denied  = "denied"
)

// Event is a fact of SCAF's own: its type starts with "scaf.". Source, id,
// actor and times are set by the door.
type Event struct {
	Type    string    // "scaf.change.recorded.v1"
	Subject string    // "change/4f2a..."
	Outcome string    // Success when empty
	Time    time.Time // when it happened; the transaction's time when zero
	Data    any       // marshalled as JSON
}

// Entry is an event on its way into the ledger.
type Entry struct {
	ID, Source           string // the pair is the idempotency key
	Type, Subject, Actor string
	Time                 time.Time // zero: the event says none
	// JSON is the event as submitted: one JSON object without space around it.
	JSON []byte
	// RecordedBy is who submitted an event that is not SCAF's own, or entered
	// one on behalf of its actor; empty otherwise.
	RecordedBy string
}

// Receipt acknowledges a durable event.
type Receipt struct {
	Index    int64  `json:"index"`
	LeafHash string `json:"leaf_hash"` // lowercase hex, RFC 6962 hash of the stored bytes
	Size     int64  `json:"size"`      // of the checkpoint committed with the event
	Root     string `json:"root"`      // lowercase hex
}

// Log is the ledger as the lane needs it. Within one transaction the lane
// calls Begin once, Append at most once and as the last statement, and then
// exactly one of Committed and Aborted.
type Log interface {
	// Begin returns the index that the next event gets. Unless lock is set it
	// may go by what the process knows, without asking the database: Append
	// then finds out whether somebody else has appended meanwhile.
	Begin(tx *store.Tx, lock bool) (next int64, err error)
	// Known returns the receipts of those entries that the ledger holds
	// already, by position, or an error wrapping ErrConflict with the position
	// of an entry whose key is taken by other bytes.
	Known(tx *store.Tx, entries []Entry) (map[int]Receipt, error)
	// Append writes the entries at the next indexes, in order, and the head.
	// store.ErrUnique when a key is taken, ErrMoved when another process has
	// moved the head.
	Append(tx *store.Tx, now time.Time, entries []Entry) ([]Receipt, error)
	Committed()
	Aborted()
	// Source is the CloudEvents source of SCAF's own events.
	Source() string
}

// Errors of the door.
var (
	// ErrDenied: the caller may not do this.
	ErrDenied = errors.New("not allowed")
	// ErrSamePerson: two people are needed, and the caller is one who has had a
	// part already. A body returns an error that wraps it, and Do records it as
	// the denial that it is.
	ErrSamePerson = errors.New("it takes another person")
	// ErrConflict: an event with this id and source, but other content, is in
	// the ledger.
	ErrConflict = errors.New("an event with the same id and source but other content is in the ledger")
	// ErrMoved: another process has appended meanwhile.
	ErrMoved = errors.New("another process has appended to the ledger meanwhile")
	// ErrSilent: the body changed rows and named no event.
	ErrSilent = errors.New("act: a change without an event")
	// ErrKept: the events could not be written now; they are safe in the side
	// file and are appended when the ledger can be written again.
	ErrKept = errors.New("kept")
	// ErrClosed: the door is closed.
	ErrClosed = errors.New("act: closed")
	// ErrTooMany: more events than MaxBatch.
	ErrTooMany = fmt.Errorf("act: more than %d events in one action", MaxBatch)
)

// Config is what a door is made of.
type Config struct {
	DB    *store.DB
	Log   Log
	Auth  Authorizer
	Clock clock.Clock
	IDs   *ids.Source
	// Reactions name, for types of SCAF's own events, the kinds of the jobs that
	// reacts to them (Tx.react).
	Reactions map[string][]string
	// Zone is the organisation's time zone; nil: UTC.
	Zone *time.Location
	// Side is the path of the file that keeps events that could not be
	// written. Empty: none is kept.
	Side string
}

// Door is the one door. It is safe for concurrent use.
type Door struct {
	Config
	lane *lane

	// WriteFailures counts events that could not be written to the ledger.
	WriteFailures prometheus.Counter

	mu        sync.Mutex // guards anonymous
	anonymous tally
}

// Open starts the lane. Events that an earlier run kept in the side file are
// appended before anything else.
func Open(c Config) (*Door, error) {
	d := &Door{Config: c, WriteFailures: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "audit_log_write_failures_total",
		Help: "Events that could not be written to the ledger when they occurred.",
	})}
	lane, err := openLane(d)
	if err != nil {
		return nil, err
	}
	d.lane = lane
	return d, nil
}

// Close finishes what has been handed in and stops the lane.
func (d *Door) Close() error {
	d.flushAnonymous(context.Background())
	return d.lane.close()
}

// Do runs body as the caller's action on the referenced thing. The body
// writes through tx and names at least one event for what it changed; it is
// short (no network, no waiting, no large computation), and it may be run
// again from the start when a commit has to be repeated, so it assigns its
// results rather than appends to them. The receipts are those of the body's
// events, in order. When Do returns an error, nothing was changed, except
// where the error says that the outcome is unknown. A refusal is an event of its
// own: of a caller who may not, and of a body that ends with ErrSamePerson. What the
// context lets be done once (Once) is done once.
func (d *Door) Do(ctx context.Context, caller Caller, action, ref string, body func(*Tx) error) ([]Receipt, error) {
	if err := d.authorize(ctx, caller, action, ref); err != nil {
		return nil, err
	}
	receipts, err := d.lane.submit(ctx, &member{caller: caller, body: once(ctx, body)})
	if errors.Is(err, ErrSamePerson) {
		err = d.denied(ctx, caller, action, ref, err, err)
	}
	return receipts, err
}

// Append takes submitted events, all of them or none, and returns a receipt
// for each. An event that is in the ledger already with the same bytes gets
// the receipt that proves it now; one with other bytes is ErrConflict.
func (d *Door) Append(ctx context.Context, caller Caller, entries []Entry) ([]Receipt, error) {
	if err := d.authorize(ctx, caller, "ledger.append", "ledger"); err != nil {
		return nil, err
	}
	if len(entries) > MaxBatch {
		return nil, ErrTooMany
	}
	if len(entries) == 0 {
		return nil, nil
	}
	for i := range entries {
		entries[i].RecordedBy = caller.ID
	}
	return d.lane.submit(ctx, &member{caller: caller, entries: entries})
}

// View records that the caller reads something sensitive. Only when it
// returns nil may the answer be given.
func (d *Door) View(ctx context.Context, caller Caller, action, ref string, data any) error {
	_, err := d.Do(Once(ctx, ""), caller, action, ref, func(tx *Tx) error { // every reading counts
		_, err := tx.Event(Event{Type: "scaf.access.viewed.v1", Subject: ref, Data: map[string]any{"action": action, "request": data}})
		return err
	})
	return err
}

// Check asks whether the caller may do this and records a refusal, for reads
// that leave no event when they are allowed.
func (d *Door) Check(ctx context.Context, caller Caller, action, ref string) error {
	return d.authorize(ctx, caller, action, ref)
}

func (d *Door) authorize(ctx context.Context, caller Caller, action, ref string) error {
	reason := d.Auth.Authorize(caller, action, ref)
	if reason == nil {
		return nil
	}
	denied := fmt.Errorf("%w: %w", ErrDenied, reason)
	if caller.Anonymous() {
		d.countAnonymous(ctx, action)
		return denied
	}
	return d.denied(ctx, caller, action, ref, reason, denied)
}

// denied records a refusal and its reason, and returns it.
func (d *Door) denied(ctx context.Context, caller Caller, action, ref string, reason, refusal error) error {
	_, err := d.lane.submit(ctx, &member{caller: caller, body: func(tx *Tx) error {
		_, err := tx.Event(Event{Type: "scaf.access.denied.v1", Subject: ref, Outcome: Denied, Data: map[string]any{"action": action, "reason": reason.Error()}})
		return err
	}})
	if err != nil {
		return errors.Join(refusal, fmt.Errorf("the refusal could not be recorded: %w", err))
	}
	return refusal
}

// Tx is the transaction of one Do.
type Tx struct {
	*store.Tx
	door    *Door
	caller  Caller
	now     time.Time
	next    int64
	entries []Entry
}

// Now is the one time stamp of the transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// NewID returns a fresh identifier.
func (tx *Tx) NewID() string { return tx.door.IDs.New(tx.now) }

// Zone is the organisation's time zone: what ends on a day ends there.
func (tx *Tx) Zone() *time.Location {
	if tx.door.Zone == nil {
		return time.UTC
	}
	return tx.door.Zone
}

// Caller is who acts.
func (tx *Tx) Caller() Caller { return tx.caller }

// Event names an event of what the body does and returns the index that it
// has in the ledger once the transaction commits.
func (tx *Tx) Event(e Event) (int64, error) {
	if !strings.HasPrefix(e.Type, "scaf.") {
		return 0, fmt.Errorf("act: the type %q of an own event must start with scaf", e.Type)
	}
	if e.Subject == "" || tx.caller.Anonymous() {
		return 0, fmt.Errorf("act: the event %s needs a subject and an actor", e.Type)
	}
	if len(tx.entries) >= MaxBatch {
		return 0, ErrTooMany
	}
	if e.Outcome == "" {
		e.Outcome = Success
	}
	if e.Time.IsZero() {
		e.Time = tx.now
	}
	entry := Entry{
		ID: tx.NewID(), Source: tx.door.Log.Source(),
		Type: e.Type, Subject: e.Subject, Actor: tx.caller.ID, Time: e.Time, RecordedBy: tx.caller.By,
	}
	var err error
	if entry.JSON, err = encode(entry, e); err != nil {
		return 0, err
	}
	tx.entries = append(tx.entries, entry)
	return tx.next + int64(len(tx.entries)) - 1, nil
}

// encode writes an own event as a CloudEvents 1.0 JSON document.
func encode(entry Entry, e Event) ([]byte, error) {
	var b strings.Builder
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	err := out.Encode(struct {
		SpecVersion string `json:"specversion"`
		ID          string `json:"id"`
		Source      string `json:"source"`
		Type        string `json:"type"`
		Time        string `json:"time"`
		Subject     string `json:"subject"`
		Actor       string `json:"actor"`
		Outcome     string `json:"outcome"`
		Data        any    `json:"data,omitempty"`
	}{"1.0", entry.ID, entry.Source, e.Type, e.Time.UTC().Format(time.RFC3339Nano), e.Subject, entry.Actor, e.Outcome, e.Data})
	if err != nil {
		return nil, fmt.Errorf("act: encode the event %s: %w", e.Type, err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}
