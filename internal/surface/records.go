package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/attached"
	"scaf.dev/scaf/internal/trust/ledger"
)

// ViewRecords asks whether the caller may read a register, or one record of
// it, and records the reading, and what was asked for, when the register is
// personal.
func (s *System) ViewRecords(ctx context.Context, caller act.Caller, kind *record.Kind, id string, asked map[string]string) error {
	ref := kind.Register
	if id != "" {
		ref = kind.Name + "/" + id
	}
	if !kind.Personal {
		return s.Allow(ctx, caller, "record.read", ref)
	}
	if s.Door == nil {
		return fmt.Errorf("%w: reading %s is recorded, and the folder is open for reading only", act.ErrDenied, kind.Register)
	}
	request := map[string]string{}
	for name, value := range asked {
		if value != "" {
			request[name] = value
		}
	}
	return s.Door.View(ctx, caller, kind.Name+".read", ref, request)
}

// ListRecords gives a page of a register's current records, those that have
// all of the tags, to a caller who may read them (record.List).
func (s *System) ListRecords(ctx context.Context, caller act.Caller, kind *record.Kind, query record.Query, tags []string, visit func(*record.Version) error) (next string, err error) {
	if query.Marks, err = attached.Tagged(tags...); err != nil {
		return "", err
	}
	if err := s.ViewRecords(ctx, caller, kind, "", map[string]string{"filter": query.Filter, "tags": strings.Join(tags, " ")}); err != nil {
		return "", err
	}
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		next, err = record.List(r, kind, query, visit)
		return err
	})
	return next, err
}

// AddRecord adds a record from its fields.
func (s *System) AddRecord(ctx context.Context, caller act.Caller, kind *record.Kind, fields map[string]json.RawMessage) (made *record.Version, err error) {
	ref := kind.Register
	var id string
	if json.Unmarshal(fields[kind.IDField], &id) == nil && id != "" {
		ref = kind.Name + "/" + id
	}
	_, err = s.Door.Do(ctx, caller, kind.Name+".add", ref, func(tx *act.Tx) (err error) {
		made, err = record.Add(tx, kind, fields)
		return err
	})
	return made, err
}

// SetRecord changes fields of a record (record.Set).
func (s *System) SetRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id string, version int, fields map[string]json.RawMessage) (made *record.Version, err error) {
	_, err = s.Door.Do(ctx, caller, kind.Name+".set", kind.Name+"/"+id, func(tx *act.Tx) (err error) {
		made, err = record.Set(tx, kind, id, version, fields)
		return err
	})
	return made, err
}

// MoveRecord moves a record to another state, setting fields on the way
// (record.Move). The caller needs <kind>.move, and the transition's own
// permission where it has one.
func (s *System) MoveRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id string, version int, state string, fields map[string]json.RawMessage) (made *record.Version, err error) {
	ref := kind.Name + "/" + id
	var permission string
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		permission, err = record.Permission(r, kind, id, state)
		return err
	}); err != nil && !errors.Is(err, record.ErrNone) { // of a record that is not there, whoever may not move it learns nothing
		return nil, err
	}
	if permission != "" {
		if err := s.Allow(ctx, caller, permission, ref); err != nil {
			return nil, err
		}
	}
	_, err = s.Door.Do(ctx, caller, kind.Name+".move", ref, func(tx *act.Tx) (err error) {
		made, err = record.Move(tx, kind, id, version, state, permission, fields)
		return err
	})
	return made, err
}

// Step is one step of a record's history.
type Step struct {
	Version  int             `json:"version"`
	Index    int64           `json:"index"` // of the event
	LeafHash string          `json:"leaf_hash"`
	Type     string          `json:"type"`
	Time     time.Time       `json:"time"`
	Actor    string          `json:"actor"`
	Patch    json.RawMessage `json:"patch,omitempty"` // the first step: the whole document
	Document json.RawMessage `json:"document"`
	// Fields are those that differ from the version before.
	Fields []record.FieldDiff `json:"fields,omitempty"`
	// Proof is the event's inclusion proof, where it was asked for.
	Proof *ledger.Proof `json:"proof,omitempty"`
}

// History reads every version of a record with the event that made it, and its
// proof where that is asked for.
func (s *System) History(ctx context.Context, kind *record.Kind, id string, prove bool) ([]Step, error) {
	var steps []Step
	err := s.DB.Read(ctx, func(r *store.Reader) error {
		versions, err := record.History(r, kind.Name, id)
		if err != nil {
			return err
		}
		for _, v := range versions {
			event, err := ledger.Get(r, v.From)
			if err != nil {
				return err
			}
			var data struct{ Document, Patch json.RawMessage }
			if err := json.Unmarshal(event.Data, &data); err != nil {
				return &ledger.DamageError{Index: v.From, What: "its data cannot be read"}
			}
			if data.Patch == nil {
				data.Patch = data.Document
			}
			step := Step{Version: v.Version, Index: v.From, LeafHash: event.LeafHash, Type: event.Type, Time: event.Instant(), Actor: event.Actor, Patch: data.Patch, Document: v.Doc}
			if n := len(steps); n > 0 {
				if step.Fields, err = record.Differing(steps[n-1].Document, v.Doc); err != nil {
					return err
				}
			}
			if prove {
				if step.Proof, err = ledger.Prove(r, v.From); err != nil {
					return err
				}
			}
			steps = append(steps, step)
		}
		return nil
	})
	return steps, err
}
