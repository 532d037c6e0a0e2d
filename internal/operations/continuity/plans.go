// Package continuity holds the registers of how the company goes on without what it
// depends on: plans, how they were practised, backups and what came of restoring
// them, warnings that something runs out, reviews of capacity, and outages.
package continuity

import (
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Plan is how one function runs again. The record's instant is when it was approved
// first. From then on it is practised in every year, and in every quarter a restore of its
// data is tried and the capacity of what it runs on reviewed, until it is withdrawn.
type Plan struct {
	ID            string           `json:"id"`
	Function      string           `json:"function"`
	Owner         string           `json:"owner"`
	Deputy        string           `json:"deputy"`
	Systems       []string         `json:"systems,omitempty"`
	Vendors       []string         `json:"vendors,omitempty"`
	RecoveryTime  *record.Duration `json:"recovery_time,omitempty"`
	RecoveryPoint *record.Duration `json:"recovery_point,omitempty"`
	Steps         string           `json:"steps,omitempty"`
	KeptAt        string           `json:"kept_at,omitempty"`
	State         string           `json:"state"`
	WrittenBy     string           `json:"written_by"`
	Authors       []string         `json:"authors,omitempty"`
	ApprovedBy    string           `json:"approved_by,omitempty"`
	ApprovedAt    *time.Time       `json:"approved_at,omitempty"`
	InForceFrom   *time.Time       `json:"in_force_from,omitempty"`
	record.Withdrawal
}

// States of a plan.
const (
	Draft     = "draft"
	InForce   = "in_force"
	Withdrawn = record.Withdrawn
)

const (
	kindPlan   = "continuity_plan"
	kindPerson = "person"
	approving  = "continuity_plan.approve"
)

// Plans describes the register of plans.
var Plans = record.Define[Plan](record.Definition{
	Kind: kindPlan, Register: "continuity_plans", Title: "Continuity plans", Singular: "Continuity plan", Named: "function", Prefix: "PLN", At: "in_force_from", Author: "written_by", Authors: "authors",
	Purpose: "How a function goes on after a failure: steps, time, and what may be lost.",
	States:  []string{Draft, InForce, Withdrawn},
	Transitions: []record.Transition{
		{From: Draft, To: InForce, Permission: approving, Required: []string{"recovery_time", "recovery_point", "steps", "kept_at"},
			NotBy: []string{"written_by", "owner", "authors"}, Stamp: []string{"approved_by", "approved_at"}},
		// What an exercise or a change showed goes in, and is approved again.
		{From: InForce, To: Draft},
		record.Withdrawing(Draft).By(approving, "owner"), record.Withdrawing(InForce).By(approving, "owner"),
	},
	Settled: []record.Settled{{States: []string{InForce}}},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "function", Label: "Function", Section: "Plan", Required: true, Help: "What has to run again."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who leads it, as person/E1001."},
		{Name: "deputy", Label: "Deputy", Required: true, Refers: kindPerson, Help: "Who leads it when the owner is away: somebody else."},
		{Name: "state", Label: "State"},
		{Name: "systems", Label: "Systems", Refers: "system", Help: "The systems that it depends on, like system/audit-pipelines."},
		{Name: "vendors", Label: "Vendors", Refers: "vendor", Help: "The vendors that it depends on, like vendor/VEN-1."},
		{Name: "recovery_time", Label: "Recovery time", Section: "Objectives", Help: "Within which time it must run again (RTO), such as 4 hours."},
		{Name: "recovery_point", Label: "Recovery point", Help: "How much data at most may be lost, as a time (RPO), such as 1 hour."},
		{Name: "steps", Label: "Steps", Section: "What is done", Markdown: true, Help: "What is done when each of them is gone, in which order, by whom."},
		{Name: "kept_at", Label: "Kept at", Help: "Where it can be read when our own systems cannot."},
		{Name: "written_by", Label: "Written by", Section: "Approval"},
		{Name: "authors", Label: "All who wrote in it", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
		{Name: "in_force_from", Label: "In force from", Given: true},
	},
	Columns: []record.Column{
		{Field: "function", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "deputy", Filter: true},
		{Field: "state", Filter: true},
		{Field: "in_force_from", Filter: true, Sort: true},
	},
	Derived: []record.Derived{
		{Name: "plan_rounds", At: "due_at", Item: PlanRound{}, Items: planRounds},
		{Name: "restore_rounds", At: "due_at", Item: RestoreRound{}, Items: restoreRounds},
		{Name: "capacity_rounds", At: "due_at", Item: CapacityRound{}, Items: capacityRounds},
	},
})

const maxText = 20000 // bytes

// Validate says what is wrong with a plan.
func (p *Plan) Validate() (wrong []record.FieldError) {
	if p.Deputy != "" && p.Deputy == p.Owner {
		wrong = append(wrong, record.Wrong("deputy", "is the owner: name somebody else"))
	}
	return append(wrong, record.Bounded(maxText, "function", p.Function, "steps", p.Steps, "kept_at", p.KeptAt)...)
}

// Before holds a plan in force to what was approved.
func (p *Plan) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	before := record.As[Plan](old)
	switch {
	case before.State == Withdrawn:
		return record.Refuse("state", "is %s: it stays as it was", Withdrawn)
	case before.State == InForce && p.State == InForce:
		return record.Refuse("state", "is in force as it was approved; move it to %s to change it", Draft)
	case p.State == InForce && p.InForceFrom == nil:
		now := tx.Now()
		p.InForceFrom = &now
	}
	return nil
}

// PlanRound is the practice of a plan that was due in a year, done or not: the
// source plan_rounds.
type PlanRound struct {
	ID             string           `json:"id"` // PLN-1@2026
	Plan           string           `json:"plan"`
	Function       string           `json:"function"`
	Owner          string           `json:"owner"`
	Deputy         string           `json:"deputy"`
	RecoveryTime   *record.Duration `json:"recovery_time,omitempty"`
	RecoveryPoint  *record.Duration `json:"recovery_point,omitempty"`
	DueAt          *time.Time       `json:"due_at" day:"last"`
	PractisedAt    *time.Time       `json:"practised_at,omitempty"`
	PractisedBy    string           `json:"practised_by,omitempty"`
	ReviewedBy     string           `json:"reviewed_by,omitempty"`
	Findings       *int             `json:"findings,omitempty"`
	FindingsInPlan *int             `json:"findings_in_plan,omitempty"`
}

// planRounds are the practices that fall due in the interval: of every plan those
// of all years while it was in force.
func planRounds(past record.Past, from, to time.Time, give func(item any) error) error {
	practices, err := byRound(past, kindPractice, from, to, func(p *Practice) string { return p.Plan + "@" + p.Year })
	if err != nil {
		return err
	}
	return eachPlan(past, func(p *Plan) error {
		for round := range rounds.Year.Due(p.InForceFrom, p.WithdrawnAt, from, to) {
			item := &PlanRound{ID: p.ID + "@" + round.Name, Plan: p.ID, Function: p.Function, Owner: p.Owner, Deputy: p.Deputy,
				RecoveryTime: p.RecoveryTime, RecoveryPoint: p.RecoveryPoint, DueAt: &round.DueAt}
			if one := practices[kindPlan+"/"+item.ID]; one != nil {
				item.PractisedAt, item.PractisedBy, item.ReviewedBy = one.PractisedAt, one.PractisedBy, one.ReviewedBy
				item.Findings, item.FindingsInPlan = one.Findings, one.FindingsInPlan
			}
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}

// RestoreRound is the trial of a restore that was due in a quarter, done or not:
// the source restore_rounds.
type RestoreRound struct {
	ID          string           `json:"id"` // PLN-1@2026-Q1
	Plan        string           `json:"plan"`
	Store       string           `json:"store,omitempty"`
	DueAt       *time.Time       `json:"due_at" day:"last"`
	DoneAt      *time.Time       `json:"done_at,omitempty"`
	DoneBy      string           `json:"done_by,omitempty"`
	ReviewedBy  string           `json:"reviewed_by,omitempty"`
	Whole       *bool            `json:"whole,omitempty"`
	Took        *record.Duration `json:"took,omitempty"`
	Allowed     *record.Duration `json:"allowed,omitempty"`
	Lost        *record.Duration `json:"lost,omitempty"`
	AllowedLoss *record.Duration `json:"allowed_loss,omitempty"`
	Passed      bool             `json:"passed"`
}

// restoreRounds are the trials that fall due in the interval: of every plan those
// of all quarters while it was in force.
func restoreRounds(past record.Past, from, to time.Time, give func(item any) error) error {
	trials, err := byRound(past, kindTrial, from, to, func(t *Trial) string { return t.Plan + "@" + t.Quarter })
	if err != nil {
		return err
	}
	return eachPlan(past, func(p *Plan) error {
		for round := range rounds.Quarter.Due(p.InForceFrom, p.WithdrawnAt, from, to) {
			item := &RestoreRound{ID: p.ID + "@" + round.Name, Plan: p.ID, DueAt: &round.DueAt}
			if t := trials[kindPlan+"/"+item.ID]; t != nil {
				item.Store, item.DoneAt, item.DoneBy, item.ReviewedBy, item.Whole = t.Store, t.DoneAt, t.DoneBy, t.ReviewedBy, t.Whole
				item.Took, item.Allowed, item.Lost, item.AllowedLoss, item.Passed = t.Took, t.Allowed, t.Lost, t.AllowedLoss, t.Result == Passed
			}
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}

func eachPlan(past record.Past, visit func(*Plan) error) error {
	return past.Documents(kindPlan, time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		p := &Plan{}
		if err := json.Unmarshal(doc, p); err != nil {
			return err
		}
		return visit(p)
	})
}

// byRound are the records of a kind that fall due in the interval, by plan and round.
func byRound[T any](past record.Past, kind string, from, to time.Time, key func(*T) string) (map[string]*T, error) {
	all := map[string]*T{}
	return all, past.Documents(kind, from, to, func(doc json.RawMessage) error {
		one := new(T)
		err := json.Unmarshal(doc, one)
		all[key(one)] = one
		return err
	})
}
