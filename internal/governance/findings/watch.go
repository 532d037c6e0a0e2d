package findings

import (
	"context"
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// perWatch bounds the records that one Watch writes; the rest is for the next.
const perWatch = 400

// Watched is what a Watch found: ids of findings.
type Watched struct {
	Reopened  []string // whose exception has ended
	Escalated []string // that are overdue
}

// Watch opens the findings whose exception has ended, and brings those that are
// overdue to whoever was told of them, once each. Each of these is an event.
// Where there is nothing to do, nothing is written; run again, it does nothing
// twice.
func Watch(ctx context.Context, door *act.Door, caller act.Caller) (*Watched, error) {
	if err := door.Check(ctx, caller, "finding.watch", Register.Register); err != nil {
		return nil, err
	}
	var quiet bool
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		ended, overdue, err := look(r, door.Clock.Now())
		quiet = len(ended) == 0 && len(overdue) == 0
		return err
	}); err != nil || quiet {
		return &Watched{}, err
	}
	var found *Watched
	_, err := door.Do(ctx, caller, "finding.watch", Register.Register, func(tx *act.Tx) error {
		found = &Watched{}
		ended, overdue, err := look(&tx.Reader, tx.Now())
		if err != nil {
			return err
		}
		for _, id := range ended {
			if _, err := record.Move(tx, Register, id, record.AnyVersion, Open, "", nil); err != nil {
				return err
			}
			found.Reopened = append(found.Reopened, id)
		}
		for _, id := range overdue {
			if err := escalate(tx, id); err != nil {
				return err
			}
			found.Escalated = append(found.Escalated, id)
		}
		return nil
	})
	return found, err
}

// look finds what is to be opened again and what is to be escalated now.
func look(r *store.Reader, now time.Time) (ended, overdue []string, err error) {
	at := `timestamp("` + now.UTC().Format(time.RFC3339Nano) + `")`
	list := func(filter string, take func(*Finding) bool) (ids []string, err error) {
		_, err = record.List(r, Register, record.Query{Filter: filter}, func(v *record.Version) error {
			f := &Finding{}
			if err := json.Unmarshal(v.Doc, f); err != nil {
				return err
			}
			if take(f) && len(ids) < perWatch/2 {
				ids = append(ids, v.ID)
			}
			return nil
		})
		return ids, err
	}
	if ended, err = list(`item.state == "accepted" && item.accepted_until <= `+at, func(*Finding) bool { return true }); err != nil {
		return nil, nil, err
	}
	overdue, err = list(`(`+unclosed+`) && item.due_at < `+at, func(f *Finding) bool { return f.EscalatedAt == nil })
	return ended, overdue, err
}

// escalate brings an overdue finding to whom it was told, or, where that was
// nobody, to the organisation's security officer.
func escalate(tx *act.Tx, id string) error {
	v, err := record.Get(&tx.Reader, Register.Name, id)
	if err != nil {
		return err
	}
	f := &Finding{}
	if err := json.Unmarshal(v.Doc, f); err != nil {
		return err
	}
	now := tx.Now()
	f.EscalatedAt, f.EscalatedTo = &now, f.ToldTo
	if f.EscalatedTo == "" {
		f.EscalatedTo = "chief information security officer"
	}
	_, err = record.Put(tx, Register, record.Change{Verb: "escalated", ID: id, Doc: f, Expect: v.Version})
	return err
}
