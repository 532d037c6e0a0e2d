package surface

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// Holding is what one person answers for, and what they owe.
type Holding struct {
	Person people.Person
	Roles  []string // of their accounts
	// Controls, Duties and Records are theirs by their reference, their title or a
	// role of their account.
	Controls []*controls.Control
	Duties   []*tasks.Task
	Records  []Held
	Owed     *Owed
	// Acknowledgments and Trainings are all that they were ever asked.
	Acknowledgments []*policies.Acknowledgment
	Trainings       []*training.Training
}

// Held are the records of a register that name somebody in one field.
type Held struct {
	Kind  *record.Kind
	Field record.Field
	Count int
}

// Holds is what somebody in the register of people answers for and owes, up to some
// time from now. The reading is recorded. Of registers that the caller may not read
// it says nothing.
func (s *System) Holds(ctx context.Context, caller act.Caller, id string, ahead time.Duration) (*Holding, error) {
	if err := s.ViewRecords(ctx, caller, people.Register, id, map[string]string{"page": "holdings"}); err != nil {
		return nil, err
	}
	h := &Holding{}
	var actor versions.Actor
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		v, err := record.Get(r, people.Register.Name, id)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(v.Doc, &h.Person); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		all, err := accounts.List(r)
		if err != nil {
			return err
		}
		for i := range all {
			if all[i].Person == v.Ref() && all[i].DisabledAt == nil {
				h.Roles = append(h.Roles, all[i].Roles...)
			}
		}
		slices.Sort(h.Roles)
		h.Roles = slices.Compact(h.Roles)
		actor, err = versions.Acting(act.Caller{ID: v.Ref(), Roles: h.Roles}, v.Doc)
		return err
	}); err != nil {
		return nil, err
	}
	mine := func(owner string) bool {
		return versions.Owns(owner, actor) || slices.ContainsFunc(h.Roles, func(role string) bool { return strings.EqualFold(role, owner) })
	}
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if mine(c.Owner) {
			h.Controls = append(h.Controls, c)
		}
	}
	if h.Owed, err = s.Owed(ctx, actor.Caller, ahead); err != nil {
		return nil, err
	}
	h.Owed.Deadlines = slices.DeleteFunc(h.Owed.Deadlines, func(d Deadline) bool {
		kind, _, err := s.Kinds.Parse(d.Ref)
		return err != nil || !s.reads(caller, kind)
	})
	return h, s.DB.Read(ctx, func(r *store.Reader) error { return s.held(r, caller, h, mine) })
}

// reads reports whether somebody may read a register.
func (s *System) reads(caller act.Caller, kind *record.Kind) bool {
	action := "record.read"
	if kind.Personal {
		action = kind.Name + ".read"
	}
	return s.Auth.Authorize(caller, action, kind.Register) == nil
}

// held reads the duties and the records that are somebody's.
func (s *System) held(r *store.Reader, caller act.Caller, h *Holding, mine func(owner string) bool) error {
	now := s.Clock.Now()
	duties, err := s.Desk().All(r)
	if err != nil {
		return err
	}
	for _, t := range duties {
		if mine(t.Owner(now)) || mine(t.Responsible(now)) {
			h.Duties = append(h.Duties, t)
		}
	}
	for _, kind := range s.Kinds {
		if !s.reads(caller, kind) || kind == policies.Acknowledgments || kind == training.Register {
			continue
		}
		for _, f := range kind.Described {
			if f.Refers != people.Register.Name || kind.Shape(f.Name) != record.ShapeText || !slices.Contains(kind.Filterable(), f.Name) {
				continue
			}
			one := Held{Kind: kind, Field: f}
			if _, err := record.List(r, kind, record.Query{Filter: fmt.Sprintf("item.%s == %q", f.Name, h.Person.Ref())}, func(*record.Version) error {
				one.Count++
				return nil
			}); err != nil {
				return fmt.Errorf("%s, %s: %w", kind.Register, f.Name, err)
			}
			if one.Count > 0 {
				h.Records = append(h.Records, one)
			}
		}
	}
	if s.reads(caller, policies.Acknowledgments) {
		if h.Acknowledgments, err = policies.AcknowledgmentsOf(r, h.Person.Ref()); err != nil {
			return err
		}
		h.Trainings, err = training.Of(r, h.Person.Ref())
	}
	return err
}
