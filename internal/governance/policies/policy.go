// Package policies keeps the organisation's policies: each a record with an
// owner, an audience and a review cycle, and its texts as versions that are
// written, reviewed, approved by somebody who did not write them, brought into
// force and superseded.
package policies

import (
	"fmt"
	"reflect"
	"regexp"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/vocabulary"
)

// States of a policy.
const (
	Draft   = "draft" // no version of it has come into force
	InForce = "in_force"
	Retired = "retired"
)

// Policy is what the organisation has a policy about. What it says stands in
// its versions; but for the id, everything here is that of the version in force.
type Policy struct {
	ID       string   `json:"id"` // access-control
	Title    string   `json:"title"`
	Summary  string   `json:"summary,omitempty"`
	Owner    string   `json:"owner"`
	Audience string   `json:"audience"`
	Review   string   `json:"review"`
	Criteria []string `json:"criteria,omitempty"`
	Controls []string `json:"controls,omitempty"`
	State    string   `json:"state"`
	// CurrentVersion is the version in force; what follows is of it, too.
	CurrentVersion string     `json:"current_version,omitempty"`
	Number         int        `json:"number,omitempty"`
	ApprovedBy     string     `json:"approved_by,omitempty"`
	ApprovedAt     *time.Time `json:"approved_at,omitempty"`
	EffectiveAt    *time.Time `json:"effective_at,omitempty"`
	NextReviewAt   *time.Time `json:"next_review_at,omitempty"`
}

// Register describes the register of policies.
var Register = record.Define[Policy](record.Definition{
	Kind: "policy", Register: "policies", Title: "Policies", Singular: "Policy",
	Purpose: "What is in force, whom it concerns, and when it is reviewed next.",
	States:  []string{Draft, InForce, Retired},
	// A policy comes into force by a version of it: nobody moves it there.
	Transitions: []record.Transition{
		{From: Draft, To: Retired, Permission: retire}, {From: InForce, To: Retired, Permission: retire},
	},
	Settled: []record.Settled{{States: []string{InForce}}}, // as its approved text says
	Columns: []record.Column{
		{Field: "title", Filter: true, Sort: true}, {Field: "owner", Filter: true}, {Field: "audience", Filter: true},
		{Field: "state", Label: "State", Filter: true}, {Field: "next_review_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Help: "Small letters and digits with hyphens between, such as access-control.", Required: true},
		{Name: "title", Label: "Title", Help: "What it is called, such as Access control.", Required: true},
		{Name: "summary", Label: "Summary", Help: "One sentence: what it is for.", Long: true},
		{Name: "owner", Label: "Owner", Help: "The role that answers for it, such as chief information security officer.", Required: true},
		{Name: "audience", Label: "Audience", Help: "Who has to acknowledge it.", Required: true, Choices: catalog.Audiences},
		{Name: "review", Label: "Review", Help: "How often it is reviewed.", Required: true, Choices: catalog.Reviews},
		{Name: "criteria", Label: "Criteria", Help: "The criteria that it bears on, such as CC6.1."},
		{Name: "controls", Label: "Controls", Names: vocabulary.Controls, Help: "The controls by which it is checked, such as ACC-01."},
		{Name: "current_version", Label: "Version in force", Refers: "policy_version", Given: true},
		{Name: "number", Label: "Version number", Given: true}, {Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true}, {Name: "effective_at", Label: "Effective", Given: true},
		{Name: "next_review_at", Label: "Next review due", Given: true},
	},
	Dues: []record.Due{{Name: "review", What: "Review the policy", At: "next_review_at", Owner: "owner", Open: `item.state == "in_force"`}},
})

// Permissions beside <kind>.move.
const (
	retire  = "policy.retire"          // end a policy, for good
	approve = "policy_version.approve" // approve a text, or withdraw one that is in force
	publish = "policy_version.publish" // bring an approved text into force
)

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`) // as the catalog has it

// Validate says what is wrong with a policy.
func (p *Policy) Validate() (wrong []record.FieldError) {
	if len(p.ID) > 80 || !idShape.MatchString(p.ID) {
		wrong = append(wrong, record.FieldError{Field: "id", Problem: fmt.Sprintf("%q must be small letters and digits with hyphens between, such as access-control", p.ID)})
	}
	return wrong
}

// Before holds a policy in force to the text that was approved.
func (p *Policy) Before(tx *act.Tx, old any) error {
	if old == nil {
		if p.State != Draft {
			return record.Refuse("state", "is %q: a policy begins as a draft", p.State)
		}
		return nil
	}
	before := record.As[Policy](old)
	if before.State != p.State {
		if before.State == InForce {
			return p.leave(tx)
		}
		return nil
	}
	if before.State == InForce && !reflect.DeepEqual(before, p) {
		return &record.Invalid{Fields: []record.FieldError{{Field: "title", Problem: "a policy in force says what its approved text says: change it by a new version"}}}
	}
	return nil
}

// leave ends the version in force of a policy that is retired.
func (p *Policy) leave(tx *act.Tx) error {
	v, version, err := Get(&tx.Reader, p.CurrentVersion)
	if err != nil {
		return err
	}
	p.forget()
	return v.end(tx, version, tx.Now())
}

// take makes the policy what a version in force says.
func (p *Policy) take(v *Version) {
	p.Title, p.Summary, p.Owner, p.Audience, p.Review, p.Criteria, p.Controls = v.Title, v.Summary, v.Owner, v.Audience, v.Review, v.Criteria, v.Controls
	p.State, p.CurrentVersion, p.NextReviewAt = InForce, v.Ref(), v.NextReviewAt
	p.Number, p.ApprovedBy, p.ApprovedAt, p.EffectiveAt = v.Number, v.ApprovedBy, v.ApprovedAt, v.EffectiveAt
}

// forget takes from the policy what it says of a version that is in force no longer.
func (p *Policy) forget() {
	p.CurrentVersion, p.NextReviewAt, p.Number, p.ApprovedBy, p.ApprovedAt, p.EffectiveAt = "", nil, 0, "", nil, nil
}

func getPolicy(r *store.Reader, id string) (*Policy, int, error) {
	return record.Load[Policy](r, Register, id)
}
