package risks

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Assessment is a round in which risks are looked for as a whole: once a year,
// and when something large changes. The record's instant is when it was held.
type Assessment struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	HeldAt     *time.Time `json:"held_at,omitempty"`
	Trigger    string     `json:"trigger"`
	Goals      []string   `json:"goals,omitempty"`
	Covers     []string   `json:"covers,omitempty"`
	Author     string     `json:"author"`
	Result     string     `json:"result,omitempty"`
	State      string     `json:"state"`
	OpenedAt   *time.Time `json:"opened_at,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	record.Withdrawal
}

// States of an assessment.
const (
	Planned  = "planned"
	Running  = "open"
	Approved = "approved"
)

// Fields are what every assessment looks at (RSK-02).
var Fields = []string{"threats from outside", "insiders", "fraud", "separation of duties", "suppliers", "people", "technology", "changes"}

// Assessments describes the register of assessments.
var Assessments = record.Define[Assessment](record.Definition{
	Kind: "risk_assessment", Register: "risk_assessments", Title: "Risk assessments", Singular: "Risk assessment", Prefix: "RA",
	Purpose: "The yearly round in which all risks are looked at again.",
	At:      "held_at", Author: "author",
	States: []string{Planned, Running, Approved, record.Withdrawn},
	Transitions: []record.Transition{
		{From: Planned, To: Running, Stamp: []string{"opened_at"}},
		{From: Running, To: Approved, Permission: "risk_assessment.approve", Required: []string{"held_at", "goals", "covers", "result"},
			NotBy: []string{"author"}, Stamp: []string{"approved_at", "approved_by"},
			Guards: []record.Guard{{Field: "covers", If: `[` + quoted(Fields) + `].all(f, f in item.covers)`, Why: "lacks a field: a round covers " + strings.Join(Fields, ", ")}},
			Check:  allRated},
		withdrawing(Planned, ""), withdrawing(Running, "risk_assessment.approve"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Assessment", Required: true, Help: "Which round it is, like: Risk assessment 2026."},
		{Name: "trigger", Label: "Trigger", Required: true, Choices: []string{"yearly", "change", "incident", "other"}, Help: "Why it is held."},
		{Name: "held_at", Label: "Held", Day: true, Happened: true, Help: "The day on which it was held."},
		{Name: "goals", Label: "Goals", Help: "The objectives of the company from which it starts."},
		{Name: "covers", Label: "Covers", Choices: Fields, Help: "What was looked at: every field, every time."},
		{Name: "result", Label: "Result", Long: true, Help: "What came of it: what is new, what has changed, what is to be done first."},
		{Name: "state", Label: "State"},
		{Name: "author", Label: "Author"},
		{Name: "opened_at", Label: "Opened", Section: "Approval", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved at", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "held_at", Filter: true, Sort: true},
		{Field: "trigger", Filter: true},
		{Field: "state", Filter: true},
		{Field: "author", Filter: true},
	},
})

// withdrawing a round is for one that was not held: what was held stays.
func withdrawing(from, permission string) record.Transition {
	t := record.Withdrawing(from).By(permission)
	t.Guards = []record.Guard{{Field: "held_at", If: "!has(item.held_at)", Why: "says that it was held: such a round is approved; of one that was not, the day is empty"}}
	return t
}

func quoted(texts []string) string {
	var all []string
	for _, text := range texts {
		all = append(all, fmt.Sprintf("%q", text))
	}
	return strings.Join(all, ", ")
}

// Open is the filter of the risks that a round looks at: those that are not closed.
const Open = `item.state != "closed"`

// Left is the filter of those that were not reviewed since the round was opened.
func (a *Assessment) Left() string {
	since := "true"
	if a.OpenedAt != nil {
		since = fmt.Sprintf(`(item.state == "identified" || !has(item.reviewed_at) || item.reviewed_at < timestamp(%q))`, a.OpenedAt.UTC().Format(time.RFC3339Nano))
	}
	return Open + " && " + since
}

// named is how many risks a refusal names.
const named = 5

// allRated refuses to approve a round while a risk that is not closed was not
// reviewed since the round was opened.
func allRated(r *store.Reader, doc json.RawMessage) error {
	a := &Assessment{}
	if err := json.Unmarshal(doc, a); err != nil {
		return err
	}
	left, err := record.Counted(r, Register, a.Left())
	if err != nil || left == 0 {
		return err
	}
	var ids []string
	if _, err := record.List(r, Register, record.Query{Filter: a.Left(), Limit: named}, func(v *record.Version) error {
		ids = append(ids, v.ID)
		return nil
	}); err != nil {
		return err
	}
	text := strings.Join(ids, ", ")
	if more := left - int64(len(ids)); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return &record.Invalid{Fields: []record.FieldError{{Field: "state",
		Problem: "every risk that is not closed is reviewed since the round was opened, and these are not: " + text}}}
}
