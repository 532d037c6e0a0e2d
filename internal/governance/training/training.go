package training

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// States of a training.
const (
	Assigned  = "assigned"
	Completed = "completed"
	// What was not finished by somebody who has left: before it was due, or after.
	Ended  = "ended"
	Missed = "missed"
)

// Training is that one person has to finish, or has finished, one course in one
// round. The record's instant is when it was assigned.
type Training struct {
	ID     string `json:"id"`     // secure-basics.E1001.2
	Person string `json:"person"` // person/E1001
	Course string `json:"course"` // course/secure-basics
	Title  string `json:"title,omitempty"`
	// Round counts how often the person has had to finish the course, from 1;
	// 0: an extra one, that somebody gave them by hand.
	Round int    `json:"round,omitempty"`
	State string `json:"state"`
	// AssignedAt and DueAt are nil where it was finished before it was asked for.
	AssignedAt  *time.Time `json:"assigned_at,omitempty"`
	DueAt       *time.Time `json:"due_at,omitempty"`
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	// CompletedBy is the person, or whoever brought the completion from elsewhere,
	// for which Evidence is the reference.
	CompletedBy string `json:"completed_by,omitempty"`
	Evidence    string `json:"evidence,omitempty"`
	// SHA256 is of the course's content when it was finished here.
	SHA256 string `json:"sha256,omitempty"`
	// RenewsAt is when the course has to be finished again; nil: never.
	RenewsAt *time.Time `json:"renews_at,omitempty"`
	// Reminders counts how often the person was reminded, RemindedAt is the last time.
	Reminders  int        `json:"reminders,omitempty"`
	RemindedAt *time.Time `json:"reminded_at,omitempty"`
	// LeftAt is when the person left, of what they had not finished by then.
	LeftAt *time.Time `json:"left_at,omitempty"`
	Note   string     `json:"note,omitempty"`
}

// complete is the permission to say that one has finished a training of one's
// own, which every account has.
const complete = "training.complete"

// Register describes the register of trainings.
var Register = record.Define[Training](record.Definition{
	Kind: "training", Register: "trainings", Title: "Trainings", Singular: "Training", At: "assigned_at",
	Purpose: "Who has to finish which course until when, and who has.",
	States:  []string{Assigned, Completed, Ended, Missed}, Fixed: []string{"person", "course"},
	Transitions: []record.Transition{
		{From: Assigned, To: Completed, Permission: complete, Who: whoeverHasTo, Stamp: []string{"completed_at", "completed_by"}},
	},
	Columns: []record.Column{
		{Field: "person", Filter: true}, {Field: "course", Filter: true}, {Field: "state", Label: "State", Filter: true},
		{Field: "due_at", Filter: true, Sort: true}, {Field: "completed_at", Filter: true, Sort: true}, {Field: "renews_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Help: "Made of the course, the person and a number, such as secure-basics-E1001-1. Those that SCAF assigns have dots."},
		{Name: "person", Label: "Person", Refers: "person", Required: true, Help: "Who is to finish it, as person/E1001."},
		{Name: "course", Label: "Course", Refers: "course", Required: true, Help: "What is to be finished, as course/secure-basics: it is offered."},
		{Name: "title", Label: "Title", Given: true}, {Name: "round", Label: "Round", Given: true},
		{Name: "assigned_at", Label: "Assigned", Given: true}, {Name: "due_at", Label: "Due", Given: true},
		{Name: "completed_at", Label: "Completed", Given: true}, {Name: "completed_by", Label: "Completed by", Given: true},
		{Name: "evidence", Label: "Evidence", Given: true}, {Name: "renews_at", Label: "Renewal due", Given: true},
		{Name: "reminders", Label: "Reminders", Given: true}, {Name: "reminded_at", Label: "Last reminded", Given: true},
		{Name: "left_at", Label: "Left", Given: true},
		{Name: "note", Label: "Note", Help: "Why it was assigned by hand, or what else is to be known.", Long: true},
		{Name: "sha256", Label: "SHA-256 of the content", Given: true},
	},
	Dues: []record.Due{{Name: "finish", What: "Finish the training", At: "due_at", Owner: "person", Open: `item.state == "assigned"`}},
})

const maxTrainingID = 300 // bytes: a course, a person, a number

// Compose makes the id of an extra training of course and person: the first that is free.
func (t *Training) Compose(r *store.Reader) (string, error) {
	if t.Course == "" || t.Person == "" {
		return "", nil
	}
	course, person := strings.TrimPrefix(t.Course, "course/"), strings.ReplaceAll(strings.TrimPrefix(t.Person, "person/"), ".", "-")
	for n := 1; ; n++ {
		id := fmt.Sprintf("%s-%s-%d", course, person, n)
		if taken, err := record.Current(r, "training", []string{id}); err != nil || len(taken) == 0 {
			return id, err
		}
	}
}

// Validate says what is wrong with a training.
func (t *Training) Validate() (wrong []record.FieldError) {
	if len(t.ID) > maxTrainingID || strings.ContainsAny(t.ID, " \t\r\n\x00/") {
		wrong = append(wrong, record.FieldError{Field: "id", Problem: fmt.Sprintf("must have 1 to %d characters, no space and no slash", maxTrainingID)})
	}
	if len(t.Note) > maxNote {
		wrong = append(wrong, record.FieldError{Field: "note", Problem: fmt.Sprintf("has %d bytes, at most %d are taken", len(t.Note), maxNote)})
	}
	return wrong
}

// whoeverHasTo refuses everybody but the person whose training it is.
func whoeverHasTo(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	t := &Training{}
	if err := json.Unmarshal(doc, t); err != nil {
		return err
	}
	if caller.ID != t.Person {
		return fmt.Errorf("%w: %s has to finish it, and nobody else says so", act.ErrSamePerson, t.Person)
	}
	return nil
}

// Before gives an extra training to somebody, and says of what is finished which text it
// was, and when it has to be done again.
func (t *Training) Before(tx *act.Tx, old any) error {
	if old == nil {
		return t.begin(tx)
	}
	if record.As[Training](old).State == t.State {
		return nil
	}
	c, _, err := GetCourse(&tx.Reader, t.Course)
	if err != nil {
		return err
	}
	t.SHA256 = c.SHA256
	t.renew(c)
	return nil
}

// begin is an extra training, beside the rounds.
func (t *Training) begin(tx *act.Tx) error {
	c, _, err := GetCourse(&tx.Reader, t.Course)
	switch {
	case errors.Is(err, record.ErrNone):
		return record.Refuse("course", "there is no course %q", t.Course)
	case err != nil:
		return err
	case c.State != Offered:
		return record.Refuse("course", "%s is %s: people are assigned what is offered", c.ID, c.State)
	case t.State != Assigned:
		return record.Refuse("state", "is %q: a training begins as assigned", t.State)
	case strings.Contains(t.ID, "."):
		return record.Refuse("id", "has a dot: such ids are those that SCAF gives where it assigns a course")
	}
	now := tx.Now()
	t.assign(c, nil, now)
	return nil
}

// assign gives a person a course at an instant. A joiner has the days of the
// course from joining, or from coming into the register of people where that was later
// (since); otherwise they are from now.
func (t *Training) assign(c *Course, since *time.Time, now time.Time) {
	due := now.AddDate(0, 0, c.WithinDays)
	if since != nil {
		if own := since.AddDate(0, 0, c.WithinDays); own.After(now) {
			due = own
		}
	}
	t.Course, t.Title, t.State, t.AssignedAt, t.DueAt = c.Ref(), c.Title, Assigned, &now, &due
}

// renew says when a completed round has to be done again.
func (t *Training) renew(c *Course) {
	if t.Round > 0 {
		t.RenewsAt = c.renews(*t.CompletedAt)
	}
}

// Open reports whether it is to be finished.
func (t *Training) Open() bool { return t.State == Assigned }

// GetCourse reads a course, by its id or reference, and its record's version.
func GetCourse(r *store.Reader, id string) (*Course, int, error) {
	return record.Load[Course](r, Courses, id)
}

// Get reads a training, by its id or reference, and its record's version.
func Get(r *store.Reader, id string) (*Training, int, error) {
	return record.Load[Training](r, Register, id)
}

// Of are the trainings of a person, who is given by reference, by when they are
// due; those that were finished before they were asked for come last.
func Of(r *store.Reader, person string) (all []*Training, err error) {
	_, err = record.List(r, Register, record.Query{Filter: fmt.Sprintf("item.person == %q", person), Sort: "due_at"}, func(v *record.Version) error {
		t := &Training{}
		all = append(all, t)
		return json.Unmarshal(v.Doc, t)
	})
	return all, err
}

// Overdue are the references of those who have a training to finish that was due
// before an instant, each once.
func Overdue(r *store.Reader, now time.Time) (people map[string]bool, err error) {
	people = map[string]bool{}
	_, err = record.List(r, Register, record.Query{Filter: fmt.Sprintf("item.state == %q && item.due_at < timestamp(%q)", Assigned, now.UTC().Format(time.RFC3339Nano))}, func(v *record.Version) error {
		var t Training
		if err := json.Unmarshal(v.Doc, &t); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		people[t.Person] = true
		return nil
	})
	return people, err
}

// Ref is the reference of the course.
func (c *Course) Ref() string { return Courses.Name + "/" + c.ID }
