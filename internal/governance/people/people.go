// Package people keeps the registers of people: who works here, since when and
// until when, what they signed, how their jobs changed, how they were reviewed,
// and what came of breaches of the rules.
package people

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Person is one employee or contractor. The record's instant is the moment of
// joining.
type Person struct {
	ID         string `json:"id"` // of the HR system
	Name       string `json:"name"`
	Email      string `json:"email,omitempty"`
	Employment string `json:"employment"` // employee or contractor
	State      string `json:"state"`

	Title      string `json:"title,omitempty"`
	Department string `json:"department,omitempty"`
	// Manager is the reference of a person. Where the HR system knows managers by
	// their e-mail address, that stands for the id.
	Manager string `json:"manager,omitempty"`
	// JobSince is from when the title, department and employment are these; nil:
	// from joining, or from when the change was recorded.
	JobSince *time.Time `json:"job_since,omitempty"`
	// JobDescription says where the description of the job is, JobDescriptionAt
	// when the person was given it.
	JobDescription   string     `json:"job_description,omitempty"`
	JobDescriptionAt *time.Time `json:"job_description_at,omitempty"`

	JoinedAt               *time.Time `json:"joined_at,omitempty"`
	BackgroundCheckAt      *time.Time `json:"background_check_at,omitempty"`
	BackgroundCheck        string     `json:"background_check,omitempty"` // a reference, never what was found
	PoliciesAcknowledgedAt *time.Time `json:"policies_acknowledged_at,omitempty"`
	TrainingCompletedAt    *time.Time `json:"training_completed_at,omitempty"`

	// EngagedUntil is when the engagement ends by itself; nil: it does not.
	EngagedUntil  *time.Time `json:"engaged_until,omitempty"`
	LeftAt        *time.Time `json:"left_at,omitempty"` // the last moment of work; may lie ahead
	AccessEndedAt *time.Time `json:"access_ended_at,omitempty"`

	// ListedAt is when the person came into this register; nil: before that was noted.
	ListedAt *time.Time `json:"listed_at,omitempty"`
	// ToldAt is when the HR system wrote the latest message that changed this record.
	ToldAt *time.Time `json:"told_at,omitempty"`
}

// States and kinds of employment.
const (
	Active  = "active"
	OnLeave = "on_leave"
	Left    = "left"

	Employee   = "employee"
	Contractor = "contractor"
)

const maxText = 400 // bytes of a name, title or reference

// Register describes the register.
var Register = record.Define[Person](record.Definition{
	Kind: "person", Mirror: true, Register: "people", Title: "People", Singular: "Person", At: "joined_at", Personal: true,
	Purpose: "Who works here: their job, their manager, when they joined and left.",
	States:  []string{Active, OnLeave, Left},
	Transitions: []record.Transition{
		{From: Active, To: OnLeave}, {From: Active, To: Left, Required: []string{"left_at"}},
		{From: OnLeave, To: Active}, {From: OnLeave, To: Left, Required: []string{"left_at"}},
		{From: Left, To: Active},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "joined_at", Filter: true, Sort: true},
		{Field: "left_at", Filter: true},
		{Field: "name", Filter: true, Sort: true, Selective: true},
		{Field: "email", Filter: true, Selective: true},
		{Field: "department", Filter: true},
		{Field: "employment", Filter: true},
		{Field: "state", Label: "State", Filter: true},
		{Field: "manager", Filter: true},
		{Field: "engaged_until", Filter: true, Sort: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Person", Required: true, Help: "The number in the HR system, such as E1001: no space and no slash."},
		{Name: "name", Label: "Name", Required: true, Help: "As the person is called at work."},
		{Name: "email", Label: "E-mail", Distinct: &record.Distinct{Except: []string{Left}}, Help: "The address at work, of nobody else who works here."},
		{Name: "employment", Label: "Employment", Choices: []string{Employee, Contractor}, Help: "Contractor: whoever works here under a contract of another kind than employment."},
		{Name: "state", Label: "State"},

		{Name: "title", Label: "Job title", Section: "Job", Help: "What the person does. Controls and duties that are owned by a title are theirs."},
		{Name: "department", Label: "Department"},
		{Name: "manager", Label: "Manager", Refers: "person", Leavers: true, Later: true, Help: "Whom the person reports to, such as person/E1001."},
		{Name: "job_since", Label: "In this job since", Day: true, Help: "From when a new title, department or employment holds; empty: from when it is recorded."},
		{Name: "job_description", Label: "Job description", Help: "Where it stands: the name of a document, an address."},
		{Name: "job_description_at", Label: "Job description given", Day: true, Happened: true, Help: "When the person was given it."},

		{Name: "joined_at", Label: "Joined", Section: "Joining", Help: "The first moment of work. It may lie ahead."},
		{Name: "background_check_at", Label: "Background checked", Day: true, Happened: true, Help: "When the check was done."},
		{Name: "background_check", Label: "Background check", Help: "A reference to the check, such as the provider's number. What was found does not belong here."},
		{Name: "policies_acknowledged_at", Label: "Policies acknowledged", Happened: true, Help: "When the joiner acknowledged the policies."},
		{Name: "training_completed_at", Label: "Security training completed", Happened: true, Help: "When the joiner completed the security training."},

		{Name: "engaged_until", Label: "Engaged until", Section: "Leaving", Day: true, Help: "When the contract ends by itself; empty: it does not."},
		{Name: "left_at", Label: "Left", Help: "The last moment of work. It may lie ahead."},
		{Name: "access_ended_at", Label: "Access ended", Happened: true, Help: "When the last of the person's accounts was closed."},
		{Name: "listed_at", Label: "In this register since", Given: true},
		{Name: "told_at", Label: "Last told by the HR system", Given: true},
	},
	Dues: []record.Due{{Name: "contract", What: "Extend the engagement, or see that it ends", At: "engaged_until", Owner: "manager", Open: `item.state != "left"`}},
})

// Defaults are the values of a new person.
func (p *Person) Defaults() { p.Employment = Employee }

// Compute writes addresses alike, in small letters, and makes a reference of a manager who
// is given by the number alone, as HR systems have it. Who is their own manager there, at the head of the company, has none.
func (p *Person) Compute() {
	p.Email = strings.ToLower(p.Email)
	if p.Manager != "" && !strings.ContainsAny(p.Manager, "/ ") {
		p.Manager = Register.Name + "/" + p.Manager
	}
	if p.Manager == p.Ref() {
		p.Manager = ""
	}
}

// Ref is the reference of the person.
func (p *Person) Ref() string { return Register.Name + "/" + p.ID }

// Gone is since when the person works here no more, at an instant; nil: they do, or
// will for some time.
func (p *Person) Gone(at time.Time) *time.Time {
	if p.State != Left || p.LeftAt == nil || p.LeftAt.After(at) {
		return nil
	}
	return p.LeftAt
}

// Validate says what is wrong with a person.
func (p *Person) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, problem string) { wrong = append(wrong, record.FieldError{Field: field, Problem: problem}) }
	if len(p.ID) > 200 || strings.ContainsAny(p.ID, " \t\r\n\x00/") {
		add("id", "must have 1 to 200 characters, no space and no slash: it is the number in the HR system")
	}
	for _, text := range []struct{ field, value string }{
		{"name", p.Name}, {"title", p.Title}, {"department", p.Department}, {"job_description", p.JobDescription}, {"background_check", p.BackgroundCheck},
	} {
		if len(text.value) > maxText {
			add(text.field, fmt.Sprintf("has %d bytes, at most %d are taken", len(text.value), maxText))
		}
	}
	if p.Email != "" {
		if address, err := mail.ParseAddress(p.Email); err != nil || address.Address != p.Email {
			add("email", fmt.Sprintf("%q is no e-mail address", p.Email))
		}
	}
	if p.State == Left && p.LeftAt == nil {
		add("left_at", "is missing: somebody who has left did so at a time")
	}
	if p.JoinedAt != nil {
		for _, end := range []struct {
			field string
			at    *time.Time
		}{{"left_at", p.LeftAt}, {"engaged_until", p.EngagedUntil}} {
			if end.at != nil && end.at.Before(*p.JoinedAt) {
				add(end.field, "lies before joined_at")
			}
		}
	}
	return wrong
}

// Before notes when somebody comes into the register.
func (p *Person) Before(tx *act.Tx, old any) error {
	if old == nil {
		now := tx.Now()
		p.ListedAt = &now
	}
	return nil
}

// Since is from when what is owed because of joining is owed: from joining, and from
// coming into this register where that was later; nil: it is not known when the person
// joined.
func (p *Person) Since() *time.Time {
	if p.JoinedAt != nil && p.ListedAt != nil && p.ListedAt.After(*p.JoinedAt) {
		return p.ListedAt
	}
	return p.JoinedAt
}

// began is when the first person came into the register; the zero time: that was not
// noted.
func began(r *store.Reader) (at time.Time, err error) {
	_, err = record.List(r, Register, record.Query{Filter: "has(item.listed_at)", Sort: "listed_at", Limit: 1}, func(v *record.Version) error {
		p := &Person{}
		if err := json.Unmarshal(v.Doc, p); err != nil {
			return err
		}
		at = *p.ListedAt
		return nil
	})
	return at, err
}

// Changed keeps what a change of jobs was, where it is one.
func (p *Person) Changed(tx *act.Tx, old any) error {
	before := record.As[Person](old)
	other := func(was, is string) bool { return was != "" && was != is } // what was not known is filled in
	if p.State == Left || !other(before.Title, p.Title) && !other(before.Department, p.Department) && !other(before.Employment, p.Employment) {
		return nil
	}
	return keep(tx, before, p)
}
