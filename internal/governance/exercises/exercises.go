// Package exercises is the register of tabletop exercises: the people who would
// answer an incident play one through, and what did not work is changed.
package exercises

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Exercise is one of them. The record's instant is when it was held.
type Exercise struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Playbook     string     `json:"playbook,omitempty"`
	Facilitator  string     `json:"facilitator"`
	Participants []string   `json:"participants,omitempty"`
	PlannedFor   *time.Time `json:"planned_for,omitempty"`
	State        string     `json:"state"`

	Scenario string   `json:"scenario,omitempty"`
	Injects  []Inject `json:"injects,omitempty"`

	HeldAt     *time.Time `json:"held_at,omitempty"`
	Worked     string     `json:"worked,omitempty"`
	Lessons    string     `json:"lessons,omitempty"`
	NoActions  string     `json:"no_actions,omitempty"`
	RecordedAt *time.Time `json:"recorded_at,omitempty"`
	RecordedBy string     `json:"recorded_by,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`

	CancelledReason string `json:"cancelled_reason,omitempty"`
}

// States.
const (
	Planned   = "planned"
	Held      = "held"
	Reviewed  = "reviewed" // its lessons were read by somebody other than the facilitator
	Cancelled = "cancelled"
)

// Kinds of records: of exercises, and of what is changed because of them.
const (
	kindExercise = "exercise"
	kindAction   = "action"
)

// played is what an exercise cannot do without.
var (
	played   = []string{"scenario", "injects", "participants"}
	together = []record.Guard{{Field: "participants", If: `item.participants.size() >= 2`, Why: "names one person: an exercise is held by two at least"}}
)

// Register describes the register.
var Register = record.Define[Exercise](record.Definition{
	Kind: kindExercise, Register: "exercises", Title: "Exercises", Singular: "Exercise", Prefix: "EXE", At: "held_at",
	Purpose: "Incidents that were practised: the story, who took part, what was learned.",
	States:  []string{Planned, Held, Reviewed, Cancelled},
	Settled: []record.Settled{{States: []string{Held}, Fields: append([]string{"playbook", "planned_for", "held_at"}, played...)}},
	Transitions: []record.Transition{
		{From: Planned, To: Held, Required: append([]string{"held_at"}, played...), Stamp: []string{"recorded_at", "recorded_by"}, Guards: together},
		// When it was held is not corrected: its review is late from then.
		{From: Held, To: Held, Called: "Correct the record", Required: played, Who: byItsFacilitator, Guards: together},
		{From: Held, To: Reviewed, Permission: "exercise.review", Required: []string{"worked", "lessons"}, Offered: []string{"no_actions"}, NotBy: []string{"facilitator"},
			Stamp: []string{"reviewed_at", "reviewed_by"}, Check: concluded},
		{From: Planned, To: Cancelled, Required: []string{"cancelled_reason"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Exercise", Required: true, Help: "What is played, in a line."},
		{Name: "playbook", Label: "Playbook", Choices: ids(), Help: "A playbook of the catalog: its scenario and injects are taken where none are given."},
		{Name: "facilitator", Label: "Facilitator", Required: true, Refers: "person", Then: "held_at", Help: "Who leads it, writes it down and corrects that until it is reviewed, by somebody else; as person/E1001."},
		{Name: "planned_for", Label: "Planned for", Help: "When it is to be held."},
		{Name: "participants", Label: "Participants", Refers: "person", Then: "held_at", Help: "Who took part, as person/E1001: two at least."},
		{Name: "state", Label: "State"},
		{Name: "scenario", Label: "Scenario", Section: "Play", Long: true, Help: "What has happened when it begins."},
		{Name: "injects", Label: "Injects", Help: `What players are told on the way, and what they did.`},
		{Name: "held_at", Label: "Held", Section: "Outcome", Happened: true, Help: "When it was held. This stands as it was first recorded: the review is due from then. If it is wrong, the lessons say so."},
		{Name: "worked", Label: "What worked", Long: true, Help: "What went as it should."},
		{Name: "lessons", Label: "Lessons", Long: true, Help: "What did not work, and what is learned from it."},
		{Name: "no_actions", Label: "Why nothing is to be done", Long: true, Help: "Only where no action comes of it. Otherwise add actions that name the exercise."},
		{Name: "recorded_at", Label: "Recorded", Given: true},
		{Name: "recorded_by", Label: "Recorded by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "cancelled_reason", Label: "Why it is cancelled", Long: true, Help: "Why it is not held."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "held_at", Filter: true, Sort: true},
		{Field: "planned_for", Filter: true, Sort: true},
		{Field: "playbook", Filter: true},
		{Field: "facilitator", Filter: true},
		{Field: "state", Filter: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "exercise", What: "Hold the exercise", At: "planned_for", Owner: "facilitator", Open: `item.state == "planned"`},
	},
})

// Before takes scenario and injects of the playbook, and keeps what was reviewed.
func (e *Exercise) Before(tx *act.Tx, old any) error {
	if old == nil || record.As[Exercise](old).State != Held {
		if err := e.inTime(tx); err != nil {
			return err
		}
	}
	if old == nil {
		if p := playbook(e.Playbook); p != nil {
			if e.Scenario == "" {
				e.Scenario = p.Scenario
			}
			if len(e.Injects) == 0 {
				e.Injects = p.Injects
			}
		}
		return nil
	}
	if record.As[Exercise](old).State == Reviewed {
		return &record.Invalid{Fields: []record.FieldError{{Field: "state", Problem: "is reviewed: what was reviewed stays as it is"}}}
	}
	return nil
}

// byItsFacilitator refuses everybody else: whoever writes it down does not review it.
func byItsFacilitator(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	e := &Exercise{}
	if err := json.Unmarshal(doc, e); err != nil {
		return err
	}
	if caller.ID != e.Facilitator {
		return fmt.Errorf("%w: %s led it, and corrects what is written in their own name", act.ErrSamePerson, e.Facilitator)
	}
	return nil
}

// inTime refuses an exercise that was held before the quarter for which it was planned.
func (e *Exercise) inTime(tx *act.Tx) error {
	if e.State != Held || e.HeldAt == nil {
		return nil
	}
	planned, says := tx.Now().AddDate(0, -3, 0), "is not planned for a day: say when it was to be held"
	if e.PlannedFor != nil {
		planned, says = *e.PlannedFor, "was planned for "+e.PlannedFor.In(tx.Zone()).Format(time.DateOnly)
	}
	if begins := rounds.Quarter.Begins(rounds.Quarter.At(planned.In(tx.Zone())), tx.Zone()); e.HeldAt.Before(begins) {
		return record.Refuse("held_at", "is on %s, before the quarter that began on %s, and the exercise %s", e.HeldAt.In(tx.Zone()).Format(time.DateOnly), begins.Format(time.DateOnly), says)
	}
	return nil
}

// Validate says what is wrong with an exercise.
func (e *Exercise) Validate() (wrong []record.FieldError) {
	for i, one := range e.Injects {
		if _, err := time.ParseDuration(one.After); err != nil {
			wrong = append(wrong, record.Wrong(record.Within("injects", i, "after"), "%q is no length of time like 20m", one.After))
		}
		wrong = append(wrong, record.Missing("injects", i, "what", one.What)...)
	}
	return wrong
}

// concluded wants an action that names the exercise, or why there is none.
func concluded(r *store.Reader, doc json.RawMessage) error {
	e := &Exercise{}
	if err := json.Unmarshal(doc, e); err != nil || strings.TrimSpace(e.NoActions) != "" {
		return err
	}
	found := false
	if err := record.Each(r, record.Range{Kind: kindAction}, func(v *record.Version) error {
		var one struct {
			Exercise string `json:"exercise"`
		}
		err := json.Unmarshal(v.Doc, &one)
		found = found || one.Exercise == kindExercise+"/"+e.ID
		return err
	}); err != nil || found {
		return err
	}
	return &record.Invalid{Fields: []record.FieldError{{Field: "no_actions", Problem: "is missing, and no action names the exercise: add what is to be done, or say why there is nothing"}}}
}
