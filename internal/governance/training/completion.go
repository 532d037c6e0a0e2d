package training

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Completion is what another system, or a list of who was there, says about a
// person having finished a course. It is brought by those who keep the trainings,
// as a table or one by one, and completes the person's training.
type Completion struct {
	ID          string     `json:"id"` // of the other system
	Person      string     `json:"person"`
	Course      string     `json:"course"`
	CompletedAt *time.Time `json:"completed_at"`
	// Evidence is a reference to what shows it: a file, a certificate's number.
	Evidence string `json:"evidence"`
	// Training is the one that it completed; empty: none, for what is known is of
	// the same time or later, or the renewal had fallen due already.
	Training string `json:"training,omitempty"`
	Note     string `json:"note,omitempty"`
}

// Completions describes the register of what was finished elsewhere.
var Completions = record.Define[Completion](record.Definition{
	Kind: "training_completion", Mirror: true, Register: "training_completions", Title: "Completions elsewhere", Singular: "Completion elsewhere", At: "completed_at",
	Purpose: "Courses that people finished in another system, with the evidence.",
	Comes:   "They come from the other system: by import or API.",
	Fixed:   []string{"person", "course", "completed_at", "evidence"},
	Columns: []record.Column{
		{Field: "person", Filter: true}, {Field: "course", Filter: true}, {Field: "completed_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Required: true, Help: "The number in the other system, without spaces and slashes."},
		{Name: "person", Label: "Person", Refers: "person", Leavers: true, Required: true},
		{Name: "course", Label: "Course", Refers: "course", Required: true},
		{Name: "completed_at", Label: "Completed", Required: true, Happened: true},
		{Name: "evidence", Label: "Evidence", Shows: true, Help: "A reference to what shows it: a file, the number of a certificate.", Required: true},
		{Name: "note", Label: "Note", Long: true},
		{Name: "training", Label: "Completed training", Refers: "training", Given: true},
	},
})

// Validate says what is wrong with a completion.
func (c *Completion) Validate() (wrong []record.FieldError) {
	if c.ID == "" || len(c.ID) > maxTrainingID || strings.ContainsAny(c.ID, " \t\r\n\x00/") {
		wrong = append(wrong, record.FieldError{Field: "id", Problem: fmt.Sprintf("must have 1 to %d characters, no space and no slash: it is the number in the other system", maxTrainingID)})
	}
	if !strings.HasPrefix(c.Person, "person/") && c.Person != "" {
		wrong = append(wrong, record.FieldError{Field: "person", Problem: fmt.Sprintf("%q is nobody in the register of people: write it as person/id", c.Person)})
	}
	if len(c.Evidence) > maxText {
		wrong = append(wrong, record.FieldError{Field: "evidence", Problem: fmt.Sprintf("has %d bytes, at most %d are taken", len(c.Evidence), maxText)})
	}
	if len(c.Note) > maxNote {
		wrong = append(wrong, record.FieldError{Field: "note", Problem: fmt.Sprintf("has %d bytes, at most %d are taken", len(c.Note), maxNote)})
	}
	return wrong
}

// Before completes the training that a new completion is about.
func (c *Completion) Before(tx *act.Tx, old any) error {
	if old != nil {
		return nil
	}
	course, _, err := GetCourse(&tx.Reader, c.Course)
	switch {
	case errors.Is(err, record.ErrNone):
		return record.Refuse("course", "there is no course %q", c.Course)
	case err != nil:
		return err
	case course.State == Draft:
		return record.Refuse("course", "%s is a draft: nobody can have finished it", course.ID)
	}
	if again := course.renews(*c.CompletedAt); again != nil && !again.After(tx.Now()) {
		return nil
	}
	last, err := latest(&tx.Reader, course, []string{c.Person})
	if err != nil {
		return err
	}
	return c.settle(tx, course, last[c.Person])
}

// settle completes the person's open round, or adds one that is complete. last is
// their last one, nil for none.
func (c *Completion) settle(tx *act.Tx, course *Course, last *Training) error {
	t := &Training{Person: c.Person, Course: course.Ref(), Title: course.Title, Round: 1}
	version := 0
	if last != nil {
		before := last
		if last.Open() {
			var err error
			if t, version, err = Get(&tx.Reader, last.ID); err != nil {
				return err
			}
			before = nil
			if last.Round > 1 {
				if before, _, err = Get(&tx.Reader, roundID(course, c.Person, last.Round-1)); err != nil {
					return err
				}
			}
		} else {
			t.Round = last.Round + 1
		}
		if before != nil && before.CompletedAt != nil && !c.CompletedAt.After(*before.CompletedAt) {
			return nil
		}
	}
	t.ID, t.State = roundID(course, c.Person, t.Round), Completed
	t.CompletedAt, t.CompletedBy, t.Evidence = c.CompletedAt, tx.Caller().ID, c.Evidence
	t.renew(course)
	c.Training = Register.Name + "/" + t.ID
	_, err := record.Put(tx, Register, record.Change{Verb: "completed_elsewhere", ID: t.ID, Doc: t, Expect: version})
	return err
}
