package assessments

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Round is the self-assessment of a control that was due in a quarter, done or not: the
// source self_assessment_rounds. Its id is that of the record, which may not be there.
type Round struct {
	ID          string     `json:"id"` // SA-CHG-01-2026-Q1
	Control     string     `json:"control"`
	Quarter     string     `json:"quarter"`
	Owner       string     `json:"owner,omitempty"` // of the control, as its version names it
	State       string     `json:"state,omitempty"` // empty: nobody began one
	Assessor    string     `json:"assessor,omitempty"`
	SubmittedBy string     `json:"submitted_by,omitempty"`
	SubmittedAt *time.Time `json:"submitted_at,omitempty"`
	Result      string     `json:"result,omitempty"`
	Gaps        string     `json:"gaps,omitempty"`
	Finding     string     `json:"finding,omitempty"`
	ReviewedBy  string     `json:"reviewed_by,omitempty"`
	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	DueAt       *time.Time `json:"due_at" day:"last"`
}

// adopted is what is read of a version of a control.
type adopted struct {
	Control    string     `json:"control"`
	Owner      string     `json:"owner"`
	Number     int        `json:"number"`
	State      string     `json:"state"`
	ApprovedAt *time.Time `json:"approved_at"`
}

// inForce are the controls that have an approved version, with the owner whom the last one
// names and when the first one was approved.
func inForce(past record.Past) (map[string]*adopted, error) {
	all := map[string]*adopted{}
	err := past.Documents(kindVersion, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		v := &adopted{}
		if err := json.Unmarshal(doc, v); err != nil || v.State != approved {
			return err
		}
		known := all[v.Control]
		if known == nil {
			all[v.Control] = v
			return nil
		}
		if v.Number > known.Number {
			known.Number, known.Owner = v.Number, v.Owner
		}
		if v.ApprovedAt == nil || known.ApprovedAt != nil && v.ApprovedAt.Before(*known.ApprovedAt) {
			known.ApprovedAt = v.ApprovedAt
		}
		return nil
	})
	return all, err
}

// approved is the state of a version that came into force.
const approved = "approved"

// first is in the first quarter of which a control owes a self-assessment: that in which its
// first version was approved, unless that was in its last month.
func first(approved *time.Time) *time.Time {
	if approved == nil {
		return nil
	}
	if end := rounds.Quarter.At(*approved).DueAt; !approved.Before(lastMonth(end, time.UTC)) {
		next := end.AddDate(0, 0, 1)
		return &next
	}
	return approved
}

// due are the self-assessments that fall due in the interval: of every control those of all
// quarters since it came into force (first), and what was assessed beside these. A
// withdrawn one says nothing.
func due(past record.Past, from, to time.Time, give func(item any) error) error {
	made := map[string]*Assessment{}
	if err := past.Documents(kindAssessment, from, to, func(doc json.RawMessage) error {
		a := &Assessment{}
		err := json.Unmarshal(doc, a)
		if a.State != record.Withdrawn {
			made[a.ID] = a
		}
		return err
	}); err != nil {
		return err
	}
	controls, err := inForce(past)
	if err != nil {
		return err
	}
	for _, control := range slices.Sorted(maps.Keys(controls)) {
		c := controls[control]
		for round := range rounds.Quarter.Due(first(c.ApprovedAt), nil, from, to) {
			id, err := ids.Compose(control, round.Name)
			if err != nil {
				return err
			}
			item := &Round{ID: id, Control: control, Quarter: round.Name, DueAt: &round.DueAt}
			if a := made[id]; a != nil {
				item = a.round()
				delete(made, id)
			}
			item.Owner = c.Owner
			if err := give(item); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(made)) {
		if err := give(made[id].round()); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assessment) round() *Round {
	return &Round{ID: a.ID, Control: a.Control, Quarter: a.Quarter, State: a.State, Assessor: a.Assessor, SubmittedBy: a.SubmittedBy, SubmittedAt: a.SubmittedAt,
		Result: a.Result, Gaps: a.Gaps, Finding: a.Finding, ReviewedBy: a.ReviewedBy, ReviewedAt: a.ReviewedAt, DueAt: a.DueAt}
}
