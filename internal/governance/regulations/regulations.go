// Package regulations holds the register of laws, regulations and other rules from
// outside, the feeds by which changes of them are heard of, and the list of what the
// feeds have brought until somebody has said what it means.
package regulations

import (
	"time"

	"scaf.dev/scaf/internal/record"
)

// Regulation is a rule that comes from outside. The record's instant is when its
// review is due.
type Regulation struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	Kind         string `json:"kind"`
	Jurisdiction string `json:"jurisdiction"`
	Citation     string `json:"citation,omitempty"`
	Source       string `json:"source"`
	Owner        string `json:"owner"`
	State        string `json:"state"`

	EffectiveAt *time.Time `json:"effective_at,omitempty"`
	Applies     string     `json:"applies,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Impact      string     `json:"impact,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	Controls    []string   `json:"controls,omitempty"`
	Policies    []string   `json:"policies,omitempty"`

	DueAt      *time.Time `json:"due_at,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	// ReviewedDue is the due date that the review was for.
	ReviewedDue *time.Time `json:"reviewed_due,omitempty"`

	RetiredReason string     `json:"retired_reason,omitempty"`
	RetiredAt     *time.Time `json:"retired_at,omitempty"`
	RetiredBy     string     `json:"retired_by,omitempty"`
}

// States of a regulation.
const (
	Listed   = "listed"   // nobody has said what it means here
	Reviewed = "reviewed" // somebody has, for a quarter
	Retired  = "retired"  // it does not hold any more
)

// Whether a regulation applies.
const (
	AppliesNot  = "no"
	AppliesYes  = "yes"
	AppliesPart = "in part"
)

// kindRegulation is the kind of the register's records.
const kindRegulation = "regulation"

// Register describes the register of regulations.
var Register = record.Define[Regulation](record.Definition{
	Kind: kindRegulation, Register: "regulations", Title: "Regulations", Singular: "Regulation", Prefix: "REG", At: "due_at",
	States: []string{Listed, Reviewed, Retired},
	Transitions: []record.Transition{
		reviewing(Listed), reviewing(Reviewed),
		retiring(Listed), retiring(Reviewed),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Regulation", Required: true, Help: "What it is called."},
		{Name: "kind", Label: "Kind", Required: true, Choices: []string{"law", "regulation", "guidance", "standard", "contract"}, Help: "What kind of rule it is."},
		{Name: "jurisdiction", Label: "Jurisdiction", Required: true, Help: "Where it holds, like EU, Germany, California; or with whom, for a contract."},
		{Name: "citation", Label: "Citation", Help: "How it is cited, like Regulation (EU) 2016/679."},
		{Name: "source", Label: "Source", Required: true, Help: "Where it can be read, or who told of it: an address, regulatory_notice/..."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who follows it, as person/E1001."},
		{Name: "effective_at", Label: "In effect from", Day: true, Help: "From when it holds, or its change does."},
		{Name: "state", Label: "State"},
		{Name: "applies", Label: "Applies", Section: "Impact", Choices: []string{AppliesNot, AppliesYes, AppliesPart}, Help: "Whether it binds the company."},
		{Name: "reason", Label: "Why", Long: true, Help: "Why it applies, or does not."},
		{Name: "impact", Label: "Impact", Long: true, Help: "What has to change because of it. What is to be done is an action that names the regulation."},
		{Name: "obligations", Label: "Obligations", Help: "What it asks for, a line each."},
		{Name: "controls", Label: "Controls", Help: "The controls that meet it, like PRV-05."},
		{Name: "policies", Label: "Policies", Refers: "policy", Help: "The policies that say so, like policy/privacy."},
		{Name: "due_at", Label: "Review due", Section: "Review", Required: true, Help: "By when it is looked at: every quarter. A review leaves it; the next round sets it anew."},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_due", Label: "Reviewed for", Computed: true, Unseen: true},
		{Name: "retired_reason", Label: "Why it is retired", Long: true, Help: "Why it does not hold any more."},
		{Name: "retired_at", Label: "Retired", Given: true},
		{Name: "retired_by", Label: "Retired by", Given: true},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "kind", Filter: true},
		{Field: "jurisdiction", Filter: true},
		{Field: "applies", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "review", What: "Review the regulation", At: "due_at", Owner: "owner", Open: `item.state != "retired" && !has(item.reviewed_at)`},
	},
})

// reviewing says what a regulation means here.
func reviewing(from string) record.Transition {
	return record.Transition{
		From: from, To: Reviewed, Permission: "regulation.review", Required: []string{"applies", "reason"}, Stamp: []string{"reviewed_at", "reviewed_by"},
		Guard: `has(item.reviewed_at) && (item.applies == "no" || has(item.impact) && item.impact != "" && has(item.obligations) && item.obligations.size() > 0)`,
		Why:   "of one that applies it is said what has to change and what it asks for; and the review is of the date that was due: set the next one afterwards",
	}
}

// retiring is for somebody other than the owner.
func retiring(from string) record.Transition {
	return record.Transition{
		From: from, To: Retired, Permission: "regulation.retire", Required: []string{"retired_reason"}, NotBy: []string{"owner"}, Stamp: []string{"retired_at", "retired_by"},
	}
}

// Compute ends a review when the next date is set: a due date that is set anew has
// not been reviewed.
func (r *Regulation) Compute() {
	switch {
	case r.ReviewedAt == nil:
		r.ReviewedDue = nil
	case r.ReviewedDue == nil:
		r.ReviewedDue = r.DueAt
	case r.DueAt == nil || !r.DueAt.Equal(*r.ReviewedDue):
		r.ReviewedAt, r.ReviewedBy, r.ReviewedDue = nil, "", nil
	}
}
