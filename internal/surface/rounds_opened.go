package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// OpenedRound is what came of opening the self-assessments of a quarter.
type OpenedRound struct {
	Quarter string     `json:"quarter"`
	Opened  int        `json:"opened"`
	There   int        `json:"there"` // were there before
	Left    []Unopened `json:"left"`
}

// Unopened is a control for which none was opened.
type Unopened struct {
	Control string `json:"control"`
	Title   string `json:"title"`
	Why     string `json:"why"`
}

// OpenAssessments opens the self-assessments of a quarter: one for each control that is
// approved and has none. Its owner is the assessor, where that is one person; of a title
// that several people have, or nobody, it is the one named for those, and where that one
// is empty the control is left. Somebody else is the reviewer. Run again it opens what
// is missing. All of it is one act: *record.Invalid opens nothing.
func (s *System) OpenAssessments(ctx context.Context, caller act.Caller, quarter, reviewer, others string) (*OpenedRound, error) {
	const action = "self_assessment.add"
	if err := s.Allow(ctx, caller, action, assessments.Register.Register); err != nil {
		return nil, err
	}
	if _, ok := rounds.Quarter.Parse(quarter); !ok {
		return nil, record.Refuse("quarter", "%q is no quarter: write it like 2026-Q1", quarter)
	}
	if reviewer == "" {
		return nil, record.Refuse("reviewer", "is missing: say who is to read the assessments")
	}
	if others == reviewer {
		return nil, record.Refuse("assessor", "is the reviewer: name somebody else")
	}
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	done := &OpenedRound{Quarter: quarter, Left: []Unopened{}}
	var wanted []map[string]json.RawMessage
	if err := s.DB.Read(ctx, func(r *store.Reader) error {
		for _, one := range []struct{ field, ref string }{{"reviewer", reviewer}, {"assessor", others}} {
			if one.ref == "" {
				continue
			}
			kind, id, err := s.Kinds.Parse(one.ref)
			if err == nil {
				_, err = record.Get(r, kind.Name, id)
			}
			if err != nil {
				return record.Refuse(one.field, "%s names no record: say who it is, such as person/E1001", one.ref)
			}
		}
		a, err := s.audience(r)
		if err != nil {
			return err
		}
		for _, control := range all {
			of, err := versions.List(r, control.ID)
			if err != nil {
				return err
			}
			of = slices.DeleteFunc(of, func(v *versions.Version) bool { return v.State != versions.Approved })
			if len(of) == 0 {
				continue // not in force here
			}
			if _, err := record.Get(r, assessments.Register.Name, "SA-"+control.ID+"-"+quarter); err == nil {
				done.There++
				continue
			} else if !errors.Is(err, record.ErrNone) {
				return err
			}
			owner := of[len(of)-1].Owner
			assessor, why, err := a.assessor(owner, reviewer, others)
			if err != nil {
				return err
			}
			if assessor == "" {
				done.Left = append(done.Left, Unopened{control.ID, control.Title, why})
				continue
			}
			one := map[string]json.RawMessage{}
			for field, value := range map[string]string{"control": control.ID, "quarter": quarter, "assessor": assessor, "reviewer": reviewer} {
				if one[field], err = json.Marshal(value); err != nil {
					return err
				}
			}
			wanted = append(wanted, one)
		}
		return nil
	}); err != nil || len(wanted) == 0 {
		return done, err
	}
	done.Opened = len(wanted)
	_, err = s.Door.Do(ctx, caller, action, assessments.Register.Register, func(tx *act.Tx) error {
		for _, one := range wanted {
			if _, err := record.Add(tx, assessments.Register, one); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return done, nil
}

// assessor is who assesses a control of an owner, or why nobody does.
func (a *audience) assessor(owner, reviewer, others string) (assessor, why string, err error) {
	found, err := a.named(owner)
	switch {
	case err != nil:
		return "", "", err
	case len(found) == 1 && found[0] != reviewer:
		return found[0], "", nil
	case others != "":
		return others, "", nil
	case len(found) == 1:
		return "", fmt.Sprintf("its owner, the %s, is the reviewer", owner), nil
	case len(found) == 0:
		return "", fmt.Sprintf("nobody is its owner, the %s", owner), nil
	}
	return "", fmt.Sprintf("%d people are its owner, the %s", len(found), owner), nil
}
