package people

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// PerformanceReview is the yearly talk of one person with somebody else about how
// the job went: when, against which description, and what it came to in words
// that are fixed. What was said does not stand here. The record's instant is when
// it is due.
type PerformanceReview struct {
	ID             string     `json:"id"` // PR-1
	Person         string     `json:"person"`
	Reviewer       string     `json:"reviewer,omitempty"`
	State          string     `json:"state"`
	DueAt          *time.Time `json:"due_at"`
	JobDescription string     `json:"job_description,omitempty"`
	SecurityDuties string     `json:"security_duties,omitempty"`
	Learning       []string   `json:"learning,omitempty"`
	HeldAt         *time.Time `json:"held_at,omitempty"`
	// Manager is who the manager was when SCAF made the review theirs. As long as the
	// reviewer is the same, people have chosen nobody else.
	Manager string `json:"manager,omitempty"`
	// Next is the review of the year after.
	Next string `json:"next,omitempty"`
	// LeftAt is when the person left, of a review that was not held by then.
	LeftAt *time.Time `json:"left_at,omitempty"`
}

// States of a review. Ended and Missed are those of people who have left: before
// it was due, or after.
const (
	Planned = "planned"
	Held    = "held"
	Ended   = "ended"
	Missed  = "missed"
)

// Reviews describes the register of performance reviews.
var Reviews = record.Define[PerformanceReview](record.Definition{
	Kind: "performance_review", Register: "performance_reviews", Title: "Performance reviews", Singular: "Performance review", Prefix: "PR", At: "due_at", Personal: true,
	Purpose: "The yearly talk with everybody: when it is due, who holds it, when it was held.",
	States:  []string{Planned, Held, Ended, Missed}, Fixed: []string{"person", "due_at"},
	Transitions: []record.Transition{
		{
			From: Planned, To: Held, NotBy: []string{"person"}, Required: []string{"reviewer", "held_at", "job_description", "security_duties"}, Offered: []string{"learning"},
			Guards: []record.Guard{{Field: "reviewer", If: "item.reviewer != item.person", Why: "is whose performance it is: somebody else reviews it"}},
		},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true}, {Field: "person", Filter: true}, {Field: "reviewer", Filter: true},
		{Field: "state", Label: "State", Filter: true}, {Field: "held_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "person", Label: "Person", Section: "Review", Refers: "person", Leavers: true, Required: true, Help: "Whose year is looked at, such as person/E1001."},
		{Name: "reviewer", Label: "Reviewer", Refers: "person", Then: "held_at", Help: "Who holds it: the manager, as a rule, and never the person. Whoever plans it may leave it empty: it is the manager's then, as soon as there is one."},
		{Name: "due_at", Label: "Due", Required: true, Day: true, Help: "Until when it is held. The next one is due a year later, however late this one was."},
		{Name: "state", Label: "State"},
		{Name: "held_at", Label: "Held", Section: "What it came to", Day: true, Happened: true, Help: "When the talk was."},
		{Name: "job_description", Label: "Job description", Help: "Against which description of the job it was held: the name of a document, an address."},
		{Name: "security_duties", Label: "Security duties", Choices: []string{"met", "met in part", "not met", "none in this job"}, Help: "How the security duties of the job were met."},
		{Name: "learning", Label: "To learn next", Help: "Courses and skills by name."},
		{Name: "manager", Label: "Manager", Refers: "person", Given: true, Unseen: true},
		{Name: "next", Label: "Next review", Refers: "performance_review", Given: true},
		{Name: "left_at", Label: "Left", Given: true},
	},
	Dues: []record.Due{{Name: "hold", What: "Hold the performance review", At: "due_at", Owner: "reviewer", Else: "people lead", Open: `item.state == "planned"`}},
})

// Validate says what is wrong with a review.
func (v *PerformanceReview) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if len(v.JobDescription) > maxText {
		add("job_description", "has %d bytes, at most %d are taken", len(v.JobDescription), maxText)
	}
	if len(v.Learning) > 20 {
		add("learning", "has %d items, at most 20 are taken", len(v.Learning))
	}
	for _, one := range v.Learning {
		if len(one) > maxText {
			add("learning", "an item has %d bytes, at most %d are taken", len(one), maxText)
		}
	}
	return wrong
}

// Before lets a review begin as planned, and plans the one of the next year when
// it is held.
func (v *PerformanceReview) Before(tx *act.Tx, old any) error {
	if old == nil {
		if v.State != Planned {
			return record.Refuse("state", "is %q: a review begins as planned", v.State)
		}
		return nil
	}
	if before := record.As[PerformanceReview](old); before.State == v.State || v.State != Held {
		return nil
	}
	fields := map[string]json.RawMessage{}
	values := map[string]any{"person": v.Person, "due_at": v.DueAt.AddDate(1, 0, 0), "job_description": v.JobDescription}
	if v.Reviewer != v.Manager { // whom people chose holds the next one, too; otherwise it is the manager's by then (Plan)
		left, err := gone(&tx.Reader, v.Reviewer, tx.Now())
		if err != nil {
			return err
		}
		if !left {
			values["reviewer"] = v.Reviewer
		}
	}
	for name, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		fields[name] = raw
	}
	next, err := record.Add(tx, Reviews, fields)
	if err != nil {
		return err
	}
	v.Next = next.Ref()
	return nil
}

// gone reports whether somebody works here no more.
func gone(r *store.Reader, ref string, at time.Time) (bool, error) {
	id, ok := strings.CutPrefix(ref, Register.Name+"/")
	if !ok {
		return false, nil
	}
	docs, err := record.Current(r, Register.Name, []string{id})
	if err != nil || docs[id] == nil {
		return false, err
	}
	var p Person
	err = json.Unmarshal(docs[id], &p)
	return p.Gone(at) != nil, err
}

// Settle closes the reviews of people who have left, and the agreements that they had
// not signed, and of nobody else: what fell due before that stays missed. It returns how
// many were closed.
func Settle(ctx context.Context, door *act.Door, caller act.Caller, gone map[string]time.Time) (int, error) {
	settled := func(person string, due, known *time.Time) (left *time.Time, state string) {
		at, ok := gone[person]
		switch {
		case !ok || known != nil && known.Equal(at):
			return known, ""
		case due.Before(at):
			return &at, Missed
		}
		return &at, Ended
	}
	filter := fmt.Sprintf("item.state in [%q, %q, %q]", Planned, Ended, Missed)
	reviews, err := record.Revise(ctx, door, caller, "performance_review.settle", Reviews, filter, func(v *PerformanceReview) (state string) {
		if v.LeftAt, state = settled(v.Person, v.DueAt, v.LeftAt); state != "" {
			v.State = state
		}
		return state
	})
	if err != nil {
		return reviews, err
	}
	filter = fmt.Sprintf("item.state in [%q, %q, %q]", Awaited, Ended, Missed)
	agreements, err := record.Revise(ctx, door, caller, "agreement.settle", Agreements, filter, func(a *Agreement) (state string) {
		due := a.DueAt
		if due == nil { // of before it was noted
			due = a.AccessFrom
		}
		if a.LeftAt, state = settled(a.Person, due, a.LeftAt); state != "" {
			a.State = state
		}
		return state
	})
	return reviews + agreements, err
}
