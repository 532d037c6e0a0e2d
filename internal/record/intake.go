package record

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"scaf.dev/scaf/internal/act"
)

// Intake takes many documents into a register: an import. It is idempotent: a
// document that is there already is passed over, so an import that was
// interrupted is simply run again.
type Intake struct {
	Door   *act.Door
	Caller act.Caller
	Kind   *Kind
	// Action is what the caller must be allowed to do: "import.git".
	Action string
	// Update lets a document that differs from the record's current version
	// become a new version; without it, it is passed over.
	Update bool
	// Progress is told how many documents have been read.
	Progress func(done int64)
}

// Item is one document of an import.
type Item struct {
	Where string // "people.csv:12", for refusals
	Doc   any    // a pointer as Kind.New gives; nil when Err is set
	Err   error  // why the document cannot be taken
}

// Summary says what became of an import's documents.
type Summary struct {
	Read    int64     `json:"read"`
	Taken   int64     `json:"taken"`   // new records
	Updated int64     `json:"updated"` // new versions
	Skipped int64     `json:"skipped"` // were there already
	Refused int64     `json:"refused"`
	Reasons []Refusal `json:"reasons"` // of refusals, the first MaxReasons
}

// Refusal says what was not taken, and why.
type Refusal struct {
	Where  string `json:"where"`
	Reason string `json:"reason"`
}

// MaxReasons is how many refusals a summary explains.
const MaxReasons = 100

// Refuse counts a refusal.
func (s *Summary) Refuse(where string, reason error) {
	s.Refused++
	if len(s.Reasons) < MaxReasons {
		s.Reasons = append(s.Reasons, Refusal{where, reason.Error()})
	}
}

// intakeBatch is the number of documents of one transaction.
const intakeBatch = act.MaxBatch

// Run takes the items in batches, each in a transaction of its own. An error
// of the source ends it; what has been taken stays, and the summary says how
// far it came.
func (in Intake) Run(ctx context.Context, items iter.Seq2[Item, error]) (*Summary, error) {
	summary := &Summary{Reasons: []Refusal{}}
	batch := make([]Item, 0, intakeBatch)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := in.take(ctx, batch, summary)
		batch = batch[:0]
		if in.Progress != nil {
			in.Progress(summary.Read)
		}
		return err
	}
	for item, err := range items {
		if err != nil {
			return summary, errors.Join(err, flush())
		}
		summary.Read++
		if item.Err != nil {
			summary.Refuse(item.Where, item.Err)
			continue
		}
		if batch = append(batch, item); len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return summary, err
			}
		}
	}
	return summary, flush()
}

// take writes one batch.
func (in Intake) take(ctx context.Context, batch []Item, summary *Summary) error {
	var taken, updated, skipped int64
	_, err := in.Door.Do(ctx, in.Caller, in.Action, in.Kind.Name, func(tx *act.Tx) error {
		taken, updated, skipped = 0, 0, 0
		ids := make([]string, len(batch))
		for i, item := range batch {
			ids[i] = in.Kind.Identify(item.Doc)
		}
		known, err := Known(&tx.Reader, in.Kind.Name, ids)
		if err != nil {
			return err
		}
		var changes []Change
		for i, item := range batch {
			if !known[ids[i]] {
				known[ids[i]] = true // a second one in this batch is the same record
				changes = append(changes, Change{Verb: "imported", ID: ids[i], Doc: item.Doc})
				taken++
				continue
			}
			change, err := in.update(tx, ids[i], item.Doc)
			if err != nil {
				return err
			}
			if change == nil {
				skipped++
				continue
			}
			// A record that this batch has just made is not there yet.
			if _, err := Put(tx, in.Kind, changes...); err != nil {
				return err
			}
			changes = nil
			if _, err := Put(tx, in.Kind, *change); err != nil {
				return err
			}
			updated++
		}
		_, err = Put(tx, in.Kind, changes...)
		return err
	})
	if err != nil {
		return err
	}
	summary.Taken += taken
	summary.Updated += updated
	summary.Skipped += skipped
	return nil
}

// update returns the change that brings a record to the document, nil when
// there is nothing to do.
func (in Intake) update(tx *act.Tx, id string, doc any) (*Change, error) {
	if !in.Update {
		return nil, nil
	}
	current, err := Get(&tx.Reader, in.Kind.Name, id)
	if errors.Is(err, ErrNone) { // twice in one batch, and not written yet
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	canonical, err := Canonical(doc)
	if err != nil || string(canonical) == string(current.Doc) {
		return nil, err
	}
	return &Change{Verb: "imported", ID: id, Doc: json.RawMessage(canonical), Expect: current.Version}, nil
}

// Completed is the event at the end of an import: what was asked, and what
// came of it. It is what a population's completeness rests on.
type Completed struct {
	Source string `json:"source"` // "git", "cloudtrail", "csv", "events"
	// Register is what the import feeds: a register, or "events".
	Register string `json:"register"`
	// Scope is the part of the register that the import speaks for: the
	// repository, or the account. Coverage is computed for each.
	Scope string `json:"scope,omitempty"`
	// Since and Until are the half-open interval that was asked for. Nil is
	// open; nothing after the import itself is ever covered.
	Since *time.Time `json:"since,omitempty"`
	Until *time.Time `json:"until,omitempty"`
	// Query is what was retrieved, exactly enough to do it again.
	Query any `json:"query"`
	*Summary
	// Complete is false when something that was asked for is missing, with
	// the reasons in Gaps.
	Complete bool     `json:"complete"`
	Gaps     []string `json:"gaps,omitempty"`
}

// Complete records the end of an import.
func Complete(ctx context.Context, door *act.Door, caller act.Caller, action, subject string, done Completed) error {
	_, err := door.Do(ctx, caller, action, subject, func(tx *act.Tx) error {
		_, err := tx.Event(act.Event{Type: "scaf.import.completed.v1", Subject: "import/" + subject, Data: done})
		if err != nil {
			return fmt.Errorf("record the import: %w", err)
		}
		return nil
	})
	return err
}
