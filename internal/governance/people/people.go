// Package people is the register of people: who works here, since when and
// until when, and the duties of joining and leaving.
package people

import (
	"fmt"
	"net/mail"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Person is one employee or contractor. The record's instant is the moment of
// joining.
type Person struct {
	ID         string `json:"id"` // of the HR system
	Name       string `json:"name"`
	Email      string `json:"email,omitempty"`
	Title      string `json:"title,omitempty"`
	Department string `json:"department,omitempty"`
	Manager    string `json:"manager,omitempty"` // id of a person
	Employment string `json:"employment"`        // employee or contractor
	State      string `json:"state"`

	JoinedAt               *time.Time `json:"joined_at,omitempty"`
	LeftAt                 *time.Time `json:"left_at,omitempty"`
	AccessEndedAt          *time.Time `json:"access_ended_at,omitempty"`
	BackgroundCheckAt      *time.Time `json:"background_check_at,omitempty"`
	PoliciesAcknowledgedAt *time.Time `json:"policies_acknowledged_at,omitempty"`
	TrainingCompletedAt    *time.Time `json:"training_completed_at,omitempty"`
}

// States and kinds of employment.
const (
	Active  = "active"
	OnLeave = "on_leave"
	Left    = "left"

	Employee   = "employee"
	Contractor = "contractor"
)

const maxText = 400 // bytes of a name, title or department

// Register describes the register.
var Register = record.Define[Person](record.Definition{
	Kind: "person", Register: "people", Title: "People", At: "joined_at", Personal: true,
	States: []string{Active, OnLeave, Left},
	Transitions: []record.Transition{
		{From: Active, To: OnLeave}, {From: Active, To: Left, Required: []string{"left_at"}},
		{From: OnLeave, To: Active}, {From: OnLeave, To: Left, Required: []string{"left_at"}},
		{From: Left, To: Active},
	},
	Columns: []record.Column{
		{Field: "joined_at", Label: "Joined", Filter: true, Sort: true},
		{Field: "left_at", Label: "Left", Filter: true},
		{Field: "name", Label: "Name", Filter: true, Sort: true},
		{Field: "email", Label: "E-mail", Filter: true},
		{Field: "department", Label: "Department", Filter: true},
		{Field: "employment", Label: "Employment", Filter: true},
		{Field: "state", Label: "State", Filter: true},
	},
})

// Defaults are the values of a new person.
func (p *Person) Defaults() { p.Employment = Employee }

// Validate says what is wrong with a person.
func (p *Person) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, problem string) { wrong = append(wrong, record.FieldError{Field: field, Problem: problem}) }
	if p.ID == "" || len(p.ID) > 200 || strings.ContainsAny(p.ID, " \t\r\n\x00/") {
		add("id", "must have 1 to 200 characters, no space and no slash: it is the number in the HR system")
	}
	if strings.TrimSpace(p.Name) == "" {
		add("name", "is missing")
	}
	for _, text := range []struct{ field, value string }{{"name", p.Name}, {"title", p.Title}, {"department", p.Department}} {
		if len(text.value) > maxText {
			add(text.field, fmt.Sprintf("has %d bytes, at most %d are taken", len(text.value), maxText))
		}
	}
	if p.Email != "" {
		if address, err := mail.ParseAddress(p.Email); err != nil || address.Address != p.Email {
			add("email", fmt.Sprintf("%q is no e-mail address", p.Email))
		}
	}
	if p.Employment != Employee && p.Employment != Contractor {
		add("employment", fmt.Sprintf("%q is not known: employee or contractor", p.Employment))
	}
	switch p.State {
	case Active, OnLeave:
	case Left:
		if p.LeftAt == nil {
			add("left_at", "is missing: somebody who has left did so at a time")
		}
	default:
		add("state", fmt.Sprintf("%q is not known: active, on_leave or left", p.State))
	}
	if p.JoinedAt != nil && p.LeftAt != nil && p.LeftAt.Before(*p.JoinedAt) {
		add("left_at", "lies before joined_at")
	}
	return wrong
}
