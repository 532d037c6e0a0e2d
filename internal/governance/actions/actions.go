// Package actions is the register of what was decided to be done: by an exercise, a
// meeting, or because of a regulation, a risk, a finding or a vendor. Whoever owns an action sees it among what
// they owe.
package actions

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Action is one thing that somebody is to do. The record's instant is when it is
// due.
type Action struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	What  string `json:"what,omitempty"`
	Owner string `json:"owner"`
	State string `json:"state"`

	// Where it was decided: one of these.
	Exercise   string `json:"exercise,omitempty"`
	Meeting    string `json:"meeting,omitempty"`
	Regulation string `json:"regulation,omitempty"`
	Risk       string `json:"risk,omitempty"`
	Finding    string `json:"finding,omitempty"`
	Vendor     string `json:"vendor,omitempty"`
	// Source is the kind of that record.
	Source string `json:"source,omitempty"`

	AddedBy string     `json:"added_by"`
	DueAt   *time.Time `json:"due_at,omitempty"`

	Result         string     `json:"result,omitempty"`
	Evidence       []string   `json:"evidence,omitempty"`
	DoneAt         *time.Time `json:"done_at,omitempty"`
	DoneBy         string     `json:"done_by,omitempty"`
	ReturnedReason string     `json:"returned_reason,omitempty"`

	DroppedReason string     `json:"dropped_reason,omitempty"`
	DroppedAt     *time.Time `json:"dropped_at,omitempty"`
	DroppedBy     string     `json:"dropped_by,omitempty"`

	// SettledAt is when it was done or dropped.
	SettledAt *time.Time `json:"settled_at,omitempty"`
}

// States.
const (
	Open     = "open"
	Done     = "done"
	Returned = "returned" // somebody else found that it is not
	Dropped  = "dropped"  // somebody other than the owner decided that it is not done
)

// Sources are the kinds of records from which actions come.
const (
	FromExercise   = "exercise"
	FromMeeting    = "meeting"
	FromRegulation = "regulation"
	FromRisk       = "risk" // its treatment
	FromFinding    = "finding"
	FromVendor     = "vendor"
)

// Register describes the register.
var Register = record.Define[Action](record.Definition{
	Kind: "action", Register: "actions", Title: "Actions", Singular: "Action", Prefix: "ACT", At: "due_at", Author: "added_by",
	Purpose: "What was decided to be done, by whom and until when.",
	Fixed:   []string{"exercise", "meeting", "regulation", "risk", "finding", "vendor"},
	States:  []string{Open, Done, Returned, Dropped},
	Settled: []record.Settled{{States: []string{Done, Dropped}}},
	Transitions: []record.Transition{
		doing(Open), doing(Returned).As("Record that it was done again"), dropping(Open), dropping(Returned),
		{From: Done, To: Returned, Required: []string{"returned_reason"}, NotBy: []string{"owner", "done_by"}},
		{From: Dropped, To: Open},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Action", Required: true, Help: "What is to be done, in a line."},
		{Name: "what", Label: "Description", Long: true, Help: "What it takes, and how to see that it is done."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who does it, as person/E1001."},
		{Name: "due_at", Label: "Due", Required: true, Help: "By when: at most a year ahead. Only somebody other than the owner sets a later date, or one that is over. Once it is over it stands."},
		{Name: "state", Label: "State"},
		{Name: "exercise", Label: "Exercise", Section: "Where it was decided", Refers: FromExercise, Help: "The exercise, like exercise/EXE-1: one of these is named."},
		{Name: "meeting", Label: "Meeting", Refers: FromMeeting, Help: "The meeting, like meeting/MTG-1."},
		{Name: "regulation", Label: "Regulation", Refers: FromRegulation, Help: "The law or regulation, like regulation/REG-1."},
		{Name: "risk", Label: "Risk", Refers: FromRisk, Help: "The risk that it treats, like risk/RSK-1."},
		{Name: "finding", Label: "Finding", Refers: FromFinding, Help: "The finding that it remediates, like finding/FND-1."},
		{Name: "vendor", Label: "Vendor", Refers: FromVendor, Help: "The vendor because of whom it is done, like vendor/VEN-1."},
		{Name: "source", Label: "Source", Computed: true, Help: "Which of them it is."},
		{Name: "added_by", Label: "Added by"},
		{Name: "result", Label: "What was done", Section: "Result", Long: true, Help: "What was done, so that somebody else can see it."},
		{Name: "evidence", Label: "Evidence", Shows: true, Help: "What shows it: records by their references, such as attachment/… of a file, changes, tickets."},
		{Name: "done_at", Label: "Done", Given: true},
		{Name: "done_by", Label: "Done by", Given: true},
		{Name: "returned_reason", Label: "Why it is returned", Long: true, Help: "What somebody else found undone."},
		{Name: "dropped_reason", Label: "Why it is dropped", Long: true, Help: "Why it is not done after all."},
		{Name: "dropped_at", Label: "Dropped", Given: true},
		{Name: "dropped_by", Label: "Dropped by", Given: true},
		{Name: "settled_at", Label: "Settled", Computed: true, Unseen: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "source", Filter: true},
		{Field: "exercise", Filter: true},
		{Field: "meeting", Filter: true},
		{Field: "regulation", Filter: true},
		{Field: "risk", Filter: true},
		{Field: "finding", Filter: true},
		{Field: "vendor", Filter: true},
	},
	Dues: []record.Due{{Name: "action", What: "Do what was decided", At: "due_at", Owner: "owner", Open: `item.state == "open" || item.state == "returned"`}},
})

func doing(from string) record.Transition {
	return record.Transition{From: from, To: Done, Required: []string{"result"}, Stamp: []string{"done_at", "done_by"}}
}

// dropping is for somebody other than the owner.
func dropping(from string) record.Transition {
	return record.Transition{
		From: from, To: Dropped, Permission: "action.drop", Required: []string{"dropped_reason"}, NotBy: []string{"owner"},
		Stamp: []string{"dropped_at", "dropped_by"},
	}
}

// from are the records that an action can come from, one of which is named.
func (a *Action) from() []string {
	return []string{a.Exercise, a.Meeting, a.Regulation, a.Risk, a.Finding, a.Vendor}
}

// Compute sets what follows from the rest, and that what belongs to a state ends
// with it (the history keeps it).
func (a *Action) Compute() {
	a.Source = ""
	for _, ref := range a.from() {
		if kind, _, _ := strings.Cut(ref, "/"); kind != "" {
			a.Source = kind
		}
	}
	if a.State != Done {
		a.DoneAt, a.DoneBy = nil, ""
	}
	if a.State != Dropped {
		a.DroppedAt, a.DroppedBy = nil, ""
	}
	if a.SettledAt = a.DoneAt; a.DoneAt == nil {
		a.SettledAt = a.DroppedAt
	}
}

// Validate says what is wrong with an action.
func (a *Action) Validate() []record.FieldError {
	named := 0
	for _, ref := range a.from() {
		if ref != "" {
			named++
		}
	}
	if named != 1 {
		return []record.FieldError{{Field: "source", Problem: fmt.Sprintf("%d records are named: an action comes from one exercise, meeting, regulation, risk, finding or vendor", named)}}
	}
	return nil
}

// yearly bounds how far ahead an action is due: what takes longer is looked at by somebody
// else, who gives it more time.
const yearly = 366 * 24 * time.Hour

// ahead refuses a due date that is too far away.
func (a *Action) ahead(tx *act.Tx) error {
	if until := tx.Now().Add(yearly); a.DueAt.After(until) {
		return record.Refuse("due_at", "is too far away: it is at most a year (366 days) ahead, by %s; before it is over somebody other than the owner can give more time", until.In(tx.Zone()).Format(time.DateOnly))
	}
	return nil
}

// Before keeps a due date that is over, and leaves it to others than the owner to set a
// later one, or one that is over: by its due date an action belongs to a period. None is
// more than a year ahead.
func (a *Action) Before(tx *act.Tx, old any) error {
	if old == nil {
		return a.ahead(tx)
	}
	was := record.As[Action](old)
	if was.DueAt == nil || a.DueAt == nil || a.DueAt.Equal(*was.DueAt) {
		return nil
	}
	now := tx.Now()
	if !was.DueAt.After(now) {
		return record.Refuse("due_at", "is over, and stands: an action that is late stays so")
	}
	says := "a later due date"
	switch {
	case a.DueAt.Before(now):
		says = "a due date that is over"
	case a.DueAt.Before(*was.DueAt):
		return nil
	}
	current, err := record.Get(&tx.Reader, Register.Name, a.ID)
	if err != nil {
		return err
	}
	other := &record.Transition{From: was.State, To: a.State, NotBy: []string{"owner"}}
	if err := record.Another(&tx.Reader, Register, tx.Caller(), other, current); errors.Is(err, act.ErrSamePerson) {
		return fmt.Errorf("%w: %s owns the action, or did, and %s is for somebody else to set", act.ErrSamePerson, tx.Caller().ID, says)
	} else if err != nil {
		return err
	}
	return a.ahead(tx)
}
