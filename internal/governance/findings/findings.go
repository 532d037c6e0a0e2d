// Package findings is the register of weaknesses: what a test, an audit, an
// assessment or an incident has found, who owns it, until when it is to be
// closed, and who tested again that it is.
package findings

import (
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/vocabulary"
)

// Finding is one weakness. The record's instant is when it was found.
type Finding struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	What     string   `json:"what,omitempty"`
	Source   string   `json:"source"`
	Severity string   `json:"severity"`
	Owner    string   `json:"owner"`
	ToldTo   string   `json:"told_to,omitempty"`
	Controls []string `json:"controls,omitempty"`
	State    string   `json:"state"`

	ReportedBy string     `json:"reported_by"`
	FoundAt    *time.Time `json:"found_at,omitempty"`
	RatedWhy   string     `json:"rated_why,omitempty"`
	RatedBy    string     `json:"rated_by,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`

	Plan         string     `json:"plan,omitempty"`
	Remediation  string     `json:"remediation,omitempty"`
	RemediatedAt *time.Time `json:"remediated_at,omitempty"`
	RemediatedBy string     `json:"remediated_by,omitempty"`

	Retest   string     `json:"retest,omitempty"`
	Evidence []string   `json:"evidence,omitempty"`
	ClosedAt *time.Time `json:"closed_at,omitempty"`
	ClosedBy string     `json:"closed_by,omitempty"`
	Reopened string     `json:"reopened,omitempty"`

	AcceptedUntil  *time.Time `json:"accepted_until,omitempty"`
	AcceptedReason string     `json:"accepted_reason,omitempty"`
	AcceptedBy     string     `json:"accepted_by,omitempty"`
	AcceptedAt     *time.Time `json:"accepted_at,omitempty"`

	EscalatedAt *time.Time `json:"escalated_at,omitempty"`
	EscalatedTo string     `json:"escalated_to,omitempty"`
	record.Withdrawal
}

// States.
const (
	Open       = "open"
	InProgress = "in_progress"
	Remediated = "remediated" // said to be done, and not tested again
	Closed     = "closed"     // tested again by somebody else
	Accepted   = "accepted"   // an exception until a day
)

// Severities are how bad a finding can be, the worst first.
var Severities = []string{"critical", "high", "medium", "low"}

// Sources of findings.
var Sources = []string{"control test", "audit", "self-assessment", "penetration test", "incident", "other"}

// days is how long a finding may stay open, by its severity.
var days = map[string]int{"critical": 7, "high": 30, "medium": 90, "low": 180}

// Due is the instant by which a finding of this severity is to be closed: so
// many days of 24 hours after it was found. False for no severity.
func Due(severity string, found time.Time) (time.Time, bool) {
	n, ok := days[severity]
	return found.Add(time.Duration(n) * 24 * time.Hour), ok
}

// unclosed is the filter of those on whom somebody has to work.
const unclosed = `item.state == "open" || item.state == "in_progress" || item.state == "remediated"`

// Register describes the register.
var Register = record.Define[Finding](record.Definition{
	Kind: "finding", Register: "findings", Title: "Findings", Singular: "Finding", Prefix: "FND", At: "found_at",
	Purpose: "Weaknesses that were found: who mends them, until when, and the retest.",
	Author:  "reported_by",
	States:  []string{Open, InProgress, Remediated, Closed, Accepted, record.Withdrawn},
	Settled: []record.Settled{
		{States: []string{Open, InProgress, Remediated, Accepted}, Fields: []string{"severity", "found_at"}},
		{States: []string{Accepted}, Fields: []string{"title", "what", "source", "plan", "remediation", "retest", "evidence", "reopened"}},
		{States: []string{Closed, record.Withdrawn}},
	},
	Transitions: []record.Transition{
		rating(Open), rating(InProgress),
		{From: Open, To: InProgress, Required: []string{"plan", "told_to"}},
		{From: InProgress, To: Remediated, Required: []string{"remediation"}, Stamp: []string{"remediated_at", "remediated_by"}},
		{From: Remediated, To: Closed, Permission: "finding.close", Required: []string{"retest", "evidence"},
			NotBy: []string{"owner", "remediated_by"}, Stamp: []string{"closed_at", "closed_by"}},
		// The test found it as it was.
		{From: Remediated, To: InProgress, Required: []string{"retest"}, Offered: []string{"evidence"}, NotBy: []string{"owner", "remediated_by"}},
		{From: Closed, To: Open, Required: []string{"reopened"}},
		accepting(Open), accepting(InProgress),
		withdrawing(Open), withdrawing(InProgress),
		{From: record.Withdrawn, To: Open, Required: []string{"reopened"}},
		{From: Accepted, To: Open},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Finding", Required: true, Help: "What is wrong, in a line."},
		{Name: "what", Label: "What was found", Long: true, Help: "What was seen, where, and what it could lead to."},
		{Name: "source", Label: "Source", Required: true, Choices: Sources, Help: "What found it."},
		{Name: "severity", Label: "Severity", Required: true, Choices: Severities,
			Help: "Critical is to be closed within 7 days, high within 30, medium within 90, low within 180."},
		{Name: "found_at", Label: "Found", Required: true, Happened: true, Help: "When it was found: its due date counts from there."},
		{Name: "rated_why", Label: "Why it was rated again", Given: true, Long: true, Help: "Why another severity, or another day on which it was found, is right."},
		{Name: "rated_by", Label: "Rated again by", Given: true},
		{Name: "due_at", Label: "Due", Computed: true, Help: "By when it is to be closed; follows from severity and the day it was found."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who sees to it that it is closed, as person/E1001."},
		{Name: "told_to", Label: "Told to", Refers: "person", Help: "Who in management knows of it, as person/E1001."},
		{Name: "controls", Label: "Controls", Names: vocabulary.Controls, Help: "The controls that it weakens, like ACC-01."},
		{Name: "state", Label: "State"},
		{Name: "reported_by", Label: "Reported by"},
		{Name: "plan", Label: "Plan", Section: "Remediation", Long: true, Help: "What will be done about it."},
		{Name: "remediation", Label: "What was done", Long: true, Help: "What was done about it, so that somebody else can test it."},
		{Name: "remediated_at", Label: "Remediated", Given: true},
		{Name: "remediated_by", Label: "Remediated by", Given: true},
		{Name: "retest", Label: "Retest", Section: "Retest", Long: true, Help: "What was tested again, and what came of it."},
		{Name: "evidence", Label: "Evidence of the retest", Shows: true, Help: "What shows it: records by their references, such as attachment/… of a file, addresses, tickets."},
		{Name: "closed_at", Label: "Closed", Given: true},
		{Name: "closed_by", Label: "Closed by", Given: true},
		{Name: "reopened", Label: "Why it was opened again", Long: true, Help: "What came up after it had been closed or withdrawn."},
		{Name: "accepted_until", Label: "Accepted until", Section: "Exception", Help: "Until when it may stay as it is: at most a year. Then it is open again."},
		{Name: "accepted_reason", Label: "Why it is accepted", Long: true, Help: "Why it may stay as it is until then, and what makes up for it."},
		{Name: "accepted_by", Label: "Accepted by", Given: true},
		{Name: "accepted_at", Label: "Accepted at", Given: true},
		{Name: "escalated_at", Label: "Escalated", Section: "Escalation", Given: true},
		{Name: "escalated_to", Label: "Escalated to", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "found_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "severity", Filter: true},
		{Field: "source", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "accepted_until", Filter: true, Sort: true},
		{Field: "accepted_by", Filter: true},
		{Field: "told_to", Filter: true},
	},
	Dues: []record.Due{
		{Name: "close", What: "Close the finding", At: "due_at", Owner: "owner", Open: unclosed},
		{Name: "exception", What: "Decide about the exception that ends", At: "accepted_until", Owner: "accepted_by", Open: `item.state == "accepted"`},
	},
})

// accepting is the way to an exception: somebody other than the owner lets the
// finding stay as it is, for a year at most.
func accepting(from string) record.Transition {
	return record.Transition{
		From: from, To: Accepted, Permission: "finding.accept", Required: []string{"accepted_until", "accepted_reason"},
		NotBy: []string{"owner"}, Stamp: []string{"accepted_at", "accepted_by"},
		Guards: []record.Guard{{Field: "accepted_until", If: `item.accepted_until > item.accepted_at && item.accepted_until - item.accepted_at <= duration("8784h")`, Why: "has to be a day ahead, within a year (366 days)"}},
	}
}

// rating is for who owes nothing by it: the day by which a finding is to be closed
// follows from its severity and the day it was found.
func rating(state string) record.Transition {
	return record.Transition{
		From: state, To: state, Called: "Rate it again", Permission: "finding.close", Required: []string{"severity", "found_at", "rated_why"},
		NotBy: []string{"owner"}, Sets: []string{"rated_why"}, Stamp: []string{"rated_by"},
	}
}

// withdrawing is for what was no weakness, or was entered twice: somebody says so who
// neither owns it nor entered it. The finding stays in the register, and MON-03 lists
// it with the reason.
func withdrawing(from string) record.Transition {
	return record.Withdrawing(from).By("finding.close", "owner", "reported_by")
}

// Compute sets what follows from the rest: the due date, and that what belongs
// to a state ends with it (the history keeps it).
func (f *Finding) Compute() {
	f.DueAt = nil
	if f.FoundAt != nil {
		if due, ok := Due(f.Severity, *f.FoundAt); ok {
			f.DueAt = &due
		}
	}
	if f.State != Closed {
		f.ClosedAt, f.ClosedBy = nil, ""
	}
	if f.State != Closed && f.State != Remediated {
		f.RemediatedAt, f.RemediatedBy = nil, ""
	}
	if f.State != Accepted {
		f.AcceptedUntil, f.AcceptedReason, f.AcceptedAt, f.AcceptedBy = nil, "", nil, ""
	}
	if f.State == Closed || f.State == Accepted || f.State == record.Withdrawn {
		f.EscalatedAt, f.EscalatedTo = nil, ""
	}
}

// Validate says what is wrong with a finding.
func (f *Finding) Validate() []record.FieldError {
	var wrong []record.FieldError
	if f.ToldTo != "" && f.ToldTo == f.Owner {
		wrong = append(wrong, record.FieldError{Field: "told_to", Problem: "is the owner, who knows already: name somebody above"})
	}
	return wrong
}
