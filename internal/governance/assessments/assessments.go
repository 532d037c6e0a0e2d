// Package assessments is the register of self-assessments: what those who
// perform a control say of how it went in a quarter, and who else has read it.
package assessments

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Assessment is the statement about one control in one quarter. Its id names
// both, so that there is one of them. The record's instant is the last day of
// the quarter.
type Assessment struct {
	ID       string     `json:"id"`
	Control  string     `json:"control"`
	Quarter  string     `json:"quarter"`
	Assessor string     `json:"assessor"`
	Reviewer string     `json:"reviewer"`
	State    string     `json:"state"`
	DueAt    *time.Time `json:"due_at,omitempty"`

	AsWritten    string `json:"as_written,omitempty"`
	Evidence     string `json:"evidence,omitempty"`
	Improvements string `json:"improvements,omitempty"`
	Result       string `json:"result,omitempty"`
	Gaps         string `json:"gaps,omitempty"`
	Finding      string `json:"finding,omitempty"`

	SubmittedAt *time.Time `json:"submitted_at,omitempty"`
	SubmittedBy string     `json:"submitted_by,omitempty"`
	// Statement is the SHA-256 of what was submitted: what is reviewed is what was
	// submitted.
	Statement string `json:"statement,omitempty"`

	Review     string     `json:"review,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	record.Withdrawal
}

// States.
const (
	Draft     = "draft"
	Submitted = "submitted"
	Returned  = "returned" // the reviewer wants it otherwise
	Reviewed  = "reviewed" // read by somebody other than the assessor
)

// Results.
const (
	Works    = "works"
	WithGaps = "works_with_gaps"
	DoesNot  = "does_not_work"
	NotDone  = "not_done" // nobody performed the control
)

const kindAssessment = "self_assessment"

// permission is needed to say that one has read an assessment, or to return it.
const permission = "self_assessment.review"

// Register describes the register.
var Register = record.Define[Assessment](record.Definition{
	Kind: kindAssessment, Register: "self_assessments", Title: "Self-assessments", Singular: "Self-assessment", At: "due_at", Fixed: []string{"control", "quarter"},
	Purpose: "How a control went in each quarter, in the words of who performs it.",
	Opening: &record.Opening{Every: rounds.Quarter, Round: "quarter", About: "control", Owner: "assessor", Same: []string{"reviewer"}},
	States:  []string{Draft, Submitted, Returned, Reviewed, record.Withdrawn},
	Transitions: []record.Transition{
		submitting(Draft), submitting(Returned).As("Submit again"),
		{From: Submitted, To: Reviewed, Permission: permission, NotBy: []string{"assessor", "submitted_by"}, Offered: []string{"review"}, Stamp: []string{"reviewed_at", "reviewed_by"}},
		{From: Submitted, To: Returned, Permission: permission, NotBy: []string{"assessor", "submitted_by"}, Required: []string{"review"}},
		withdrawing(Draft), withdrawing(Returned),
		{From: record.Withdrawn, To: Draft}, // there is one for each control and quarter
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Self-assessment", Help: "Made of the control and the quarter, like SA-CHG-01-2026-Q1: one for each."},
		{Name: "control", Label: "Control", Required: true, Help: "The control, like CHG-01."},
		{Name: "quarter", Label: "Quarter", Required: true, Help: "The quarter, like 2026-Q1."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "The last day of the quarter.", LastDay: true},
		{Name: "assessor", Label: "Assessor", Required: true, Refers: "person", Help: "Who performs the control and says how it went, as person/E1001."},
		{Name: "reviewer", Label: "Reviewer", Required: true, Refers: "person", Help: "Who is to read it, as person/E1001: not the assessor."},
		{Name: "state", Label: "State"},
		{Name: "as_written", Label: "Done as written?", Section: "Statement", Long: true, Help: "Whether the control is performed as it is written, and where not."},
		{Name: "evidence", Label: "Evidence looked at", Long: true, Help: "What was looked at to say so: records, logs, tickets."},
		{Name: "improvements", Label: "What would make it better", Long: true, Help: "What gets in the way, and what would help. Nothing is an answer, too."},
		{Name: "result", Label: "Result", Choices: []string{Works, WithGaps, DoesNot, NotDone}, Help: "How the control worked in the quarter. Not done: nobody performed it."},
		{Name: "gaps", Label: "Gaps", Long: true, Help: "What is missing. Needed unless it works."},
		{Name: "finding", Label: "Finding", Refers: kindFinding, Help: "The finding that came of it, like finding/FND-1. Needed when it does not work."},
		{Name: "submitted_by", Label: "Submitted by", Given: true},
		{Name: "submitted_at", Label: "Submitted", Given: true},
		{Name: "statement", Given: true, Unseen: true},
		{Name: "review", Label: "What the reviewer says", Section: "Review", Long: true, Help: "What the reviewer says of it: why it is returned, or what follows from it."},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "control", Filter: true, Sort: true},
		{Field: "quarter", Filter: true},
		{Field: "assessor", Filter: true},
		{Field: "reviewer", Filter: true},
		{Field: "result", Filter: true},
		{Field: "state", Filter: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "statement", What: "Assess the control", At: "due_at", Owner: "assessor", Open: `item.state == "draft" || item.state == "returned"`},
		{Name: "review", What: "Review the self-assessment", At: "due_at", Owner: "reviewer", Open: `item.state == "submitted"`},
	},
	Derived: []record.Derived{{Name: "self_assessment_rounds", At: "due_at", Item: Round{}, Items: due}},
})

// withdrawing is not for the assessor, who owes it.
func withdrawing(from string) record.Transition {
	return record.Withdrawing(from).By(permission, "assessor")
}

// submitting is the assessor's own: nobody states it for them.
func submitting(from string) record.Transition {
	return record.Transition{
		From: from, To: Submitted, Required: []string{"as_written", "evidence", "improvements", "result"},
		Offered: []string{"gaps", "finding"}, Stamp: []string{"submitted_at", "submitted_by"},
		Who: theAssessor, Check: complete,
	}
}

// theAssessor refuses everybody else.
func theAssessor(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	a := &Assessment{}
	if err := json.Unmarshal(doc, a); err != nil {
		return err
	}
	if caller.ID != a.Assessor {
		return fmt.Errorf("%w: %s is the assessor, and submits it in their own name", act.ErrSamePerson, a.Assessor)
	}
	return nil
}

// The records of other registers that an assessment names.
const (
	kindFinding = "finding"
	kindVersion = "control_version"
)

// complete wants what the result takes, a control that was adopted, and a
// finding that there is.
func complete(r *store.Reader, doc json.RawMessage) error {
	a := &Assessment{}
	if err := json.Unmarshal(doc, a); err != nil {
		return err
	}
	var wrong []record.FieldError
	refuse := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if a.Result != Works && strings.TrimSpace(a.Gaps) == "" {
		refuse("gaps", "are missing: they are named unless the control works")
	}
	if a.Result == DoesNot && a.Finding == "" {
		refuse("finding", "is missing: a control that does not work has one")
	}
	switch _, err := record.Get(r, kindVersion, a.Control+".1"); {
	case errors.Is(err, record.ErrNone):
		refuse("control", "%s is no control in force here: somebody else than its owner adopts it first", a.Control)
	case err != nil:
		return err
	}
	if len(wrong) > 0 {
		return &record.Invalid{Fields: wrong}
	}
	return nil
}

// ids are of control (as control files name theirs) and quarter.
var ids = record.NewOfRound("SA", "control", "", `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, rounds.Quarter, "SA-CHG-01-2026-Q1")

// Compose makes the id of control and quarter.
func (a *Assessment) Compose(*store.Reader) (string, error) { return ids.Compose(a.Control, a.Quarter) }

// Compute sets what follows from the id, and that what belongs to a state ends
// with it (the history keeps it).
func (a *Assessment) Compute() {
	a.DueAt = nil
	if control, round, ok := ids.Parse(a.ID); ok {
		a.Control, a.Quarter, a.DueAt = cmp.Or(a.Control, control), cmp.Or(a.Quarter, round.Name), &round.DueAt
	}
	switch {
	case a.State != Submitted && a.State != Reviewed:
		a.SubmittedAt, a.SubmittedBy, a.Statement = nil, "", ""
	case a.Statement == "":
		a.Statement = a.stated()
	}
	if a.State != Reviewed {
		a.ReviewedAt, a.ReviewedBy = nil, ""
	}
}

// stated is the SHA-256 of the statement, in hex.
func (a *Assessment) stated() string {
	raw, err := json.Marshal([]string{a.ID, a.Assessor, a.AsWritten, a.Evidence, a.Improvements, a.Result, a.Gaps, a.Finding})
	if err != nil { // texts can always be written
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Changed refuses a statement about a quarter that has not come to its last month.
func (a *Assessment) Changed(tx *act.Tx, old any) error {
	if a.State == Submitted && record.As[Assessment](old).State != Submitted && a.DueAt != nil && tx.Now().Before(lastMonth(*a.DueAt, tx.Zone())) {
		return record.Refuse("quarter", "is %s: what is said of it is said in its last month, or later", a.Quarter)
	}
	return nil
}

// lastMonth is when the last month of a quarter begins, of which this is the last day.
func lastMonth(due time.Time, zone *time.Location) time.Time {
	year, month, _ := due.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, zone)
}

// Validate says what is wrong with an assessment.
func (a *Assessment) Validate() []record.FieldError {
	wrong := ids.Check(a.ID, a.Control, a.Quarter)
	if a.Assessor != "" && a.Assessor == a.Reviewer {
		wrong = append(wrong, record.FieldError{Field: "reviewer", Problem: "is the assessor: name somebody else"})
	}
	if a.Statement != "" && a.Statement != a.stated() {
		wrong = append(wrong, record.FieldError{Field: "state", Problem: fmt.Sprintf("is %s: what was submitted stays as it is, unless the reviewer returns it", a.State)})
	}
	return wrong
}
