package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// AnyVersion says that a change is meant whatever the record's version is.
const AnyVersion = 0

// ViewRecords asks whether the caller may read a register, or one record of
// it, and records the reading when the register is personal.
func (s *System) ViewRecords(ctx context.Context, caller act.Caller, kind *record.Kind, id, filter string) error {
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
	if filter != "" {
		request["filter"] = filter
	}
	return s.Door.View(ctx, caller, kind.Name+".read", ref, request)
}

// AddRecord adds a record from its fields.
func (s *System) AddRecord(ctx context.Context, caller act.Caller, kind *record.Kind, fields map[string]json.RawMessage) (*record.Version, error) {
	raw, err := overlay(kind.New(), fields)
	if err != nil {
		return nil, err
	}
	doc, err := kind.Decode(raw)
	if err != nil {
		return nil, err
	}
	id := kind.Identify(doc)
	return s.put(ctx, caller, kind, "add", id, func(*act.Tx) (record.Change, error) {
		return record.Change{Verb: "added", ID: id, Doc: doc}, nil
	})
}

// SetRecord changes fields of a record. With a version other than AnyVersion
// it fails with record.ErrStale when the record has moved on.
func (s *System) SetRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id string, version int, fields map[string]json.RawMessage) (*record.Version, error) {
	if _, ok := fields["state"]; ok && len(kind.States) > 0 {
		return nil, &record.Invalid{Fields: []record.FieldError{{Field: "state", Problem: "is changed by scaf record move, which keeps to the lifecycle"}}}
	}
	return s.put(ctx, caller, kind, "set", id, func(tx *act.Tx) (record.Change, error) {
		return s.edit(tx, kind, id, "set", version, fields)
	})
}

// MoveRecord moves a record to another state, setting fields on the way. The
// version is that of SetRecord.
func (s *System) MoveRecord(ctx context.Context, caller act.Caller, kind *record.Kind, id string, version int, state string, fields map[string]json.RawMessage) (*record.Version, error) {
	return s.put(ctx, caller, kind, "move", id, func(tx *act.Tx) (record.Change, error) {
		current, err := record.Get(&tx.Reader, kind.Name, id)
		if err != nil {
			return record.Change{}, err
		}
		if version != AnyVersion && version != current.Version {
			return record.Change{}, stale(current, version)
		}
		var doc struct {
			State string `json:"state"`
		}
		if err := json.Unmarshal(current.Doc, &doc); err != nil {
			return record.Change{}, err
		}
		if err := kind.Move(doc.State, state); err != nil {
			return record.Change{}, err
		}
		next := map[string]json.RawMessage{}
		for field, value := range fields {
			next[field] = value
		}
		if next["state"], err = json.Marshal(state); err != nil {
			return record.Change{}, err
		}
		return s.edit(tx, kind, id, "moved", version, next)
	})
}

// edit makes the change of some fields.
func (s *System) edit(tx *act.Tx, kind *record.Kind, id, verb string, version int, fields map[string]json.RawMessage) (record.Change, error) {
	current, err := record.Get(&tx.Reader, kind.Name, id)
	if err != nil {
		return record.Change{}, err
	}
	if version != AnyVersion && version != current.Version {
		return record.Change{}, stale(current, version)
	}
	raw, err := overlay(current.Doc, fields)
	if err != nil {
		return record.Change{}, err
	}
	doc, err := kind.Decode(raw)
	if err != nil {
		return record.Change{}, err
	}
	for _, field := range kind.Fixed {
		if _, ok := fields[field]; ok {
			return record.Change{}, &record.Invalid{Fields: []record.FieldError{{Field: field, Problem: "cannot be changed: it says where the record came from"}}}
		}
	}
	if now := kind.Identify(doc); now != id {
		return record.Change{}, &record.Invalid{Fields: []record.FieldError{{Field: "id", Problem: "cannot be changed: the record's history hangs on it"}}}
	}
	return record.Change{Verb: verb, ID: id, Doc: doc, Expect: current.Version}, nil
}

func stale(current *record.Version, version int) error {
	return fmt.Errorf("%w: %s is at version %d, the change was made from version %d", record.ErrStale, current.Ref(), current.Version, version)
}

// put runs one change through the door and reads what came of it.
func (s *System) put(ctx context.Context, caller act.Caller, kind *record.Kind, action, id string, change func(*act.Tx) (record.Change, error)) (*record.Version, error) {
	var made *record.Version
	_, err := s.Door.Do(ctx, caller, kind.Name+"."+action, kind.Name+"/"+id, func(tx *act.Tx) error {
		c, err := change(tx)
		if err != nil {
			return err
		}
		if _, err := record.Put(tx, kind, c); err != nil {
			return err
		}
		made, err = record.Get(&tx.Reader, kind.Name, id)
		return err
	})
	return made, err
}

// overlay puts fields over a document; null removes one.
func overlay(document any, fields map[string]json.RawMessage) ([]byte, error) {
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	for field, value := range fields {
		if string(value) == "null" {
			delete(all, field)
			continue
		}
		all[field] = value
	}
	return json.Marshal(all)
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
}

// History reads every version of a record with the event that made it.
func (s *System) History(ctx context.Context, kind *record.Kind, id string) ([]Step, error) {
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
			steps = append(steps, Step{v.Version, v.From, event.LeafHash, event.Type, event.Instant(), event.Actor, data.Patch, v.Doc})
		}
		return nil
	})
	return steps, err
}
