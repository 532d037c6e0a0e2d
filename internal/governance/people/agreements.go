package people

import (
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Agreement is that one person is bound by terms of confidentiality and
// security: where they stand, when they were signed, and from when the person has
// access. The record's instant is when the access begins.
type Agreement struct {
	ID         string     `json:"id"` // AGR-1
	Person     string     `json:"person"`
	Employment string     `json:"employment"`
	Terms      string     `json:"terms"`
	State      string     `json:"state"`
	AccessFrom *time.Time `json:"access_from"`
	// DueAt is by when it is signed: before the access begins, or within daysToSign of
	// coming into the register of people for who worked here before that began.
	DueAt    *time.Time `json:"due_at,omitempty"`
	SignedAt *time.Time `json:"signed_at,omitempty"`
	Document string     `json:"document,omitempty"`
	// DocumentBy is who named another document than the one of the signature.
	DocumentBy string `json:"document_by,omitempty"`
	// LeftAt is when the person left, of an agreement that was not signed by then.
	LeftAt *time.Time `json:"left_at,omitempty"`
	// CorrectedWhy is why another day was right on which the access began, which had come.
	CorrectedWhy string     `json:"corrected_why,omitempty"`
	CorrectedBy  string     `json:"corrected_by,omitempty"`
	CorrectedAt  *time.Time `json:"corrected_at,omitempty"`
}

// States of an agreement. Ended and Missed are those of people who have left: before
// they were to sign, or after.
const (
	Awaited = "awaited"
	Signed  = "signed"
)

// correcting is the move to another day on which the access began, once that has come.
const correcting = "Correct when access began"

// daysToSign are the days that somebody has who worked here before the register of
// people began, or of whom nobody knows since when, from coming into it.
const daysToSign = 30

// Agreements describes the register of what people signed.
var Agreements = record.Define[Agreement](record.Definition{
	Kind: "agreement", Register: "agreements", Title: "Agreements", Singular: "Agreement", Prefix: "AGR", At: "access_from", Personal: true,
	Purpose: "Who signed which terms of confidentiality, and when.",
	States:  []string{Awaited, Signed, Ended, Missed}, Fixed: []string{"person"},
	Settled: []record.Settled{{States: []string{Signed}}},
	Transitions: []record.Transition{
		{From: Awaited, To: Signed, NotBy: []string{"person"}, Required: []string{"signed_at", "document"}, Offered: []string{"terms"}},
		// By when it was to be signed follows from it: a day that has come is not put off.
		{From: Awaited, To: Awaited, Called: correcting, Permission: "agreement.correct", NotBy: []string{"person"},
			Required: []string{"access_from", "corrected_why"}, Sets: []string{"corrected_why"}, Stamp: []string{"corrected_by", "corrected_at"}},
		// It was put on record late.
		{From: Missed, To: Signed, Called: "Record the late signature", NotBy: []string{"person"}, Required: []string{"signed_at", "document"}, Offered: []string{"terms"}},
		{From: Ended, To: Signed, Called: "Record the late signature", NotBy: []string{"person"}, Required: []string{"signed_at", "document"}, Offered: []string{"terms"}},
		// The document is kept somewhere else.
		{From: Signed, To: Signed, Called: "Name the document", NotBy: []string{"person"}, Required: []string{"document"}, Stamp: []string{"document_by"}},
	},
	Columns: []record.Column{
		{Field: "person", Filter: true}, {Field: "terms", Filter: true}, {Field: "employment", Filter: true}, {Field: "state", Label: "State", Filter: true},
		{Field: "due_at", Filter: true, Sort: true}, {Field: "signed_at", Filter: true, Sort: true}, {Field: "access_from", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "person", Label: "Person", Section: "Agreement", Refers: "person", Leavers: true, Required: true, Help: "Who signs, such as person/E1001."},
		{Name: "employment", Label: "Employment", Choices: []string{Employee, Contractor}, Help: "As what the person works here."},
		{Name: "terms", Label: "Terms", Required: true, Help: "Which terms in which version, such as Confidentiality 2026."},
		{Name: "state", Label: "State"},
		{Name: "access_from", Label: "Access from", Required: true, Help: "When the person's first access begins. Once that has come it stands: somebody else corrects it, with the reason."},
		{Name: "due_at", Label: "To be signed by", Given: true},
		{Name: "signed_at", Label: "Signed", Section: "Signature", Happened: true, Help: "When the person signed."},
		{Name: "document", Label: "Signed document", Help: "Where the signed terms are: a file's name, a number of the signing service."},
		{Name: "document_by", Label: "Document named by", Given: true},
		{Name: "left_at", Label: "Left", Given: true},
		{Name: "corrected_why", Label: "Why it was corrected", Section: "Correction", Given: true, Long: true, Help: "What shows that the access began at another time."},
		{Name: "corrected_by", Label: "Corrected by", Given: true},
		{Name: "corrected_at", Label: "Corrected", Given: true},
	},
	Dues: []record.Due{{Name: "sign", What: "Sign the terms of confidentiality and security", At: "due_at", Owner: "person", Open: `item.state == "awaited"`}},
})

// due is by when somebody signs who has access from an instant, where the register of
// people began at another one; nil: nobody known.
func (p *Person) due(access, began time.Time) *time.Time {
	if p == nil || p.ListedAt == nil || p.JoinedAt != nil && !p.JoinedAt.Before(began) {
		return &access
	}
	due := p.ListedAt.AddDate(0, 0, daysToSign)
	if !due.After(access) {
		return &access
	}
	return &due
}

// fall sets by when an agreement is signed.
func (a *Agreement) fall(r *store.Reader) error {
	p, _, err := record.Load[Person](r, Register, Register.Bare(a.Person))
	if err != nil && !errors.Is(err, record.ErrNone) {
		return err
	}
	first, err := began(r)
	if err == nil {
		a.DueAt = p.due(*a.AccessFrom, first)
	}
	return err
}

// Defaults are the values of a new agreement.
func (a *Agreement) Defaults() { a.Employment = Employee }

// Validate says what is wrong with an agreement.
func (a *Agreement) Validate() (wrong []record.FieldError) {
	for _, one := range []struct{ field, value string }{{"terms", a.Terms}, {"document", a.Document}, {"corrected_why", a.CorrectedWhy}} {
		if len(one.value) > maxText {
			wrong = append(wrong, record.FieldError{Field: one.field, Problem: fmt.Sprintf("has %d bytes, at most %d are taken", len(one.value), maxText)})
		}
	}
	if a.State != Signed && a.SignedAt != nil {
		wrong = append(wrong, record.FieldError{Field: "signed_at", Problem: "is there, and nothing is signed: move it to signed"})
	}
	return wrong
}

// Before holds what was signed as it was, and when access began.
func (a *Agreement) Before(tx *act.Tx, old any) error {
	if a.SignedAt != nil && a.LeftAt != nil && a.SignedAt.After(*a.LeftAt) {
		return record.Refuse("signed_at", "lies after left_at: by then there was nothing to sign for")
	}
	if old == nil {
		if a.State != Awaited && a.State != Signed {
			return record.Refuse("state", "is %q: an agreement begins as awaited", a.State)
		}
		return a.fall(&tx.Reader)
	}
	before := record.As[Agreement](old)
	switch {
	case before.State == Signed && (before.Terms != a.Terms || !record.SameTime(before.SignedAt, a.SignedAt) || !record.SameTime(before.AccessFrom, a.AccessFrom)):
		return record.Refuse("state", "is signed: what was signed, when, and from when access was given stay as they are")
	case record.SameTime(before.AccessFrom, a.AccessFrom):
		return nil
	case !before.AccessFrom.After(tx.Now()) && record.SameTime(before.CorrectedAt, a.CorrectedAt):
		hint := ""
		if before.State == Awaited {
			hint = "; it is corrected with the move " + correcting
		}
		return record.Refuse("access_from", "has come, and stands: by it the terms were to be signed%s", hint)
	}
	return a.fall(&tx.Reader)
}
