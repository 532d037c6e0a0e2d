// Package observations records the state of systems as it was read at a
// moment: what a probe saw of a TLS endpoint, a bucket, an account. Each is an
// event of the ledger. A probe that failed is recorded as such: it is no
// reading, and never stands for one.
package observations

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/record"
)

// RecordedType is the type of the events.
const RecordedType = "scaf.observation.recorded.v1"

// Outcome is what came of looking.
type Outcome string

// The outcomes.
const (
	// Read: the state was read, and Value is what it was.
	Read Outcome = "read"
	// Failed: it could not be read, for Reason. What it was is not known.
	Failed Outcome = "failed"
	// Absent: the source says that the resource is not there.
	Absent Outcome = "absent"
)

// Observation is the state of one resource at a moment.
type Observation struct {
	Resource string `json:"resource"` // "tls://www.example.org:443"
	Check    string `json:"check"`    // what was looked at: "tls"
	Source   string `json:"source"`   // who looked: "tls-probe 1.2"
	Query    string `json:"query"`    // exactly enough to look again
	// ObservedAt is when it was so.
	ObservedAt time.Time       `json:"observed_at"`
	Outcome    Outcome         `json:"outcome"`
	Reason     string          `json:"reason,omitempty"` // of a failure
	Value      json.RawMessage `json:"value,omitempty"`  // a JSON object
}

// ErrInvalid says: it is no observation; what follows says why.
var ErrInvalid = errors.New("no observation")

// maxText bounds a text of an observation, maxValue its value, in bytes.
const (
	maxText  = 2000
	maxValue = 32 << 10
)

// Parse reads an observation from a JSON object, strictly.
func Parse(line []byte) (*Observation, error) {
	o := &Observation{}
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(o); err != nil {
		var moment *time.ParseError
		if errors.As(err, &moment) {
			return nil, fmt.Errorf("%w: observed_at: %s is not an RFC 3339 time like 2026-01-31T09:30:00Z", ErrInvalid, moment.Value)
		}
		return nil, fmt.Errorf("%w: %s", ErrInvalid, strings.TrimPrefix(err.Error(), "json: "))
	}
	if decoder.More() {
		return nil, fmt.Errorf("%w: there is more after the JSON object: one a line", ErrInvalid)
	}
	return o, o.check()
}

// check holds what an observation must say, and puts its moment in the form
// that everything has: microseconds, UTC.
func (o *Observation) check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	for _, f := range []struct {
		name, text string
		needed     bool
	}{{"resource", o.Resource, true}, {"check", o.Check, true}, {"source", o.Source, true}, {"query", o.Query, true}, {"reason", o.Reason, o.Outcome == Failed}} {
		if f.needed && strings.TrimSpace(f.text) == "" {
			return wrong("%s is missing", f.name)
		}
		if len(f.text) > maxText {
			return wrong("%s has %d bytes, at most %d are taken", f.name, len(f.text), maxText)
		}
	}
	if o.ObservedAt.IsZero() {
		return wrong("observed_at is missing: the moment at which it was so")
	}
	o.ObservedAt = o.ObservedAt.UTC().Truncate(time.Microsecond)
	object := len(o.Value) > 0 && o.Value[0] == '{'
	switch {
	case o.Outcome == "":
		return wrong("outcome is missing: read, failed or absent")
	case o.Outcome != Read && o.Outcome != Failed && o.Outcome != Absent:
		return wrong("outcome %q is not known: read, failed or absent", o.Outcome)
	case o.Outcome == Read && !object:
		return wrong("value is missing, or no JSON object: what was read")
	case o.Outcome != Read && o.Value != nil:
		return wrong("value stands beside the outcome %s, with which nothing was read", o.Outcome)
	case o.Outcome != Failed && o.Reason != "":
		return wrong("reason is why a probe failed, and the outcome is %s", o.Outcome)
	case len(o.Value) > maxValue:
		return wrong("value has %d bytes, at most %d are taken", len(o.Value), maxValue)
	}
	if o.Value != nil {
		canonical, err := record.Canonical(o.Value)
		if err != nil {
			return wrong("value: %v", err)
		}
		o.Value = canonical
	}
	return nil
}

// Record records observations, all or none, each as an event that happened at
// its moment. A moment that has not come is refused (ErrInvalid), and one in a
// period that is closed (periods.ErrClosed): a state cannot be captured
// afterwards (DESIGN.md, section 7).
func Record(ctx context.Context, door *act.Door, caller act.Caller, all ...Observation) ([]act.Receipt, error) {
	for i := range all {
		if err := all[i].check(); err != nil {
			return nil, err
		}
	}
	return door.Do(ctx, caller, "observation.record", "observations", func(tx *act.Tx) error {
		capture, err := periods.Capture(&tx.Reader)
		if err != nil {
			return err
		}
		for i := range all {
			if err := all[i].timely(tx.Now(), capture); err != nil {
				return err
			}
			outcome := act.Success
			if all[i].Outcome == Failed {
				outcome = act.Failure
			}
			if _, err := tx.Event(act.Event{Type: RecordedType, Subject: all[i].Resource, Outcome: outcome, Time: all[i].ObservedAt, Data: all[i]}); err != nil {
				return err
			}
		}
		return nil
	})
}

// timely says what is wrong with the moment of an observation.
func (o *Observation) timely(now time.Time, capture func(time.Time) error) error {
	if o.ObservedAt.After(now) {
		return fmt.Errorf("%w: observed_at %s has not come: it is %s", ErrInvalid, o.ObservedAt.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	return capture(o.ObservedAt)
}
