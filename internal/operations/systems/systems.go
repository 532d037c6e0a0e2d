// Package systems holds the registers of what the company runs and keeps: its
// systems with their boundaries, the assets, the sets of data, the copies that
// leave production, and how data and media came to an end.
package systems

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// System is a part of the service that has a boundary of its own. The record's
// instant is when it was approved.
type System struct {
	ID          string     `json:"id"` // audit-pipelines
	Name        string     `json:"name"`
	Purpose     string     `json:"purpose"`
	Primary     bool       `json:"primary"`
	Boundary    string     `json:"boundary,omitempty"`
	Outside     string     `json:"outside,omitempty"`
	Owner       string     `json:"owner,omitempty"`
	Data        []string   `json:"data,omitempty"`
	Criticality string     `json:"criticality,omitempty"`
	DependsOn   []string   `json:"depends_on,omitempty"`
	Vendors     []string   `json:"vendors,omitempty"`
	State       string     `json:"state"`
	ProposedBy  string     `json:"proposed_by"`
	Authors     []string   `json:"authors,omitempty"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	ApprovedAt  *time.Time `json:"approved_at,omitempty"`
	RetiredAt   *time.Time `json:"retired_at,omitempty"`
	record.Withdrawal
}

// States of systems and sets of data.
const (
	Proposed = "proposed"
	InUse    = "in_use"
	Retired  = "retired"
)

// Classes of data, the least sensitive first, as the policy has them.
var Classes = []string{"public", "internal", "confidential", "restricted"}

// Criticalities are how much stands still without something.
var Criticalities = []string{"low", "medium", "high", "essential"}

const (
	kindSystem = "system"
	kindPerson = "person"
)

// Register describes the register of systems.
var Register = record.Define[System](record.Definition{
	Kind: kindSystem, Register: "systems", Title: "Systems", Singular: "System", At: "approved_at", Author: "proposed_by", Authors: "authors",
	Purpose: "What the service runs on: boundary, data, dependencies and owner.",
	States:  []string{Proposed, InUse, Retired, record.Withdrawn},
	Settled: []record.Settled{{States: []string{InUse}, Fields: []string{"name", "purpose", "outside"}}},
	Transitions: []record.Transition{
		{From: Proposed, To: InUse, Called: "Approve for use", Permission: "system.approve", Required: []string{"boundary", "owner", "data", "criticality"},
			NotBy: []string{"proposed_by", "owner", "authors"}, Stamp: []string{"approved_by", "approved_at"}},
		// Another boundary, owner, criticality or class of data is approved again.
		{From: InUse, To: Proposed},
		record.Withdrawing(Proposed).By("system.approve", "owner"),
		{From: record.Withdrawn, To: Proposed}, // its id is taken
		{From: InUse, To: Retired, Permission: "system.approve", NotBy: []string{"owner"}, Stamp: []string{"retired_at"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Section: "System", Required: true, Help: "Small letters and digits with hyphens between, such as audit-pipelines."},
		{Name: "name", Label: "Name", Required: true, Help: "What it is called."},
		{Name: "purpose", Label: "Purpose", Required: true, Long: true, Help: "What it is for, in a sentence."},
		{Name: "primary", Label: "Primary", Help: "Whether it is one of the systems that the description of the service names."},
		{Name: "owner", Label: "Owner", Refers: kindPerson, Help: "Who answers for it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "boundary", Label: "Boundary", Section: "Boundary", Long: true, Help: "What belongs to it: programs, stores, networks, people, and where they end."},
		{Name: "outside", Label: "Outside the boundary", Long: true, Help: "What does not belong to it, though one could think so: suppliers' parts, customers' parts."},
		{Name: "data", Label: "Data", Choices: Classes, Help: "The classes of the data in it."},
		{Name: "criticality", Label: "Criticality", Choices: Criticalities, Help: "Essential: the service stands still without it."},
		{Name: "depends_on", Label: "Depends on", Section: "Dependencies", Refers: kindSystem, Acyclic: "needs", Help: "The systems without which it cannot run, like system/secrets-management. No system depends on itself, by way of others either."},
		{Name: "vendors", Label: "Vendors", Refers: "vendor", Help: "The vendors without whom it cannot run, like vendor/VEN-1."},
		{Name: "proposed_by", Label: "Proposed by", Section: "Approval"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
		{Name: "retired_at", Label: "Retired", Given: true},
	},
	Columns: []record.Column{
		{Field: "name", Filter: true, Sort: true},
		{Field: "primary", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "criticality", Filter: true},
		{Field: "state", Filter: true},
		{Field: "approved_at", Filter: true, Sort: true},
	},
})

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

const (
	maxID   = 80
	maxText = 10000 // bytes of any text
	maxList = 100   // entries of any list
)

// Validate says what is wrong with a system.
func (s *System) Validate() (wrong []record.FieldError) {
	if len(s.ID) > maxID || !idShape.MatchString(s.ID) {
		wrong = append(wrong, record.Wrong("id", "%q must be small letters and digits with hyphens between, such as audit-pipelines", s.ID))
	}
	wrong = append(append(wrong, few("depends_on", s.DependsOn)...), few("vendors", s.Vendors)...)
	return append(wrong, record.Bounded(maxText, "name", s.Name, "purpose", s.Purpose, "boundary", s.Boundary, "outside", s.Outside)...)
}

// Before holds what was approved, and what systems in use need.
func (s *System) Before(tx *act.Tx, old any) error {
	if old != nil {
		before := record.As[System](old)
		if before.State == InUse && s.State == InUse && (before.Boundary != s.Boundary || before.Owner != s.Owner || before.Criticality != s.Criticality || !slices.Equal(before.Data, s.Data)) {
			return record.Refuse("state", "is %s: boundary, owner, data and criticality were approved; move it to %s to change them", InUse, Proposed)
		}
	}
	if s.State == Retired || s.State == record.Withdrawn {
		return s.unneeded(&tx.Reader)
	}
	return nil
}

// unneeded refuses to retire or withdraw what a system in use depends on.
func (s *System) unneeded(r *store.Reader) error {
	var by []string
	if _, err := record.List(r, Register, record.Query{Filter: fmt.Sprintf("item.state == %q", InUse)}, func(v *record.Version) error {
		other := &System{}
		if err := json.Unmarshal(v.Doc, other); err != nil {
			return err
		}
		if v.ID != s.ID && slices.Contains(other.DependsOn, Register.Name+"/"+s.ID) {
			by = append(by, v.Ref())
		}
		return nil
	}); err != nil || len(by) == 0 {
		return err
	}
	return record.Refuse("state", "cannot be %s: %s depends on it", s.State, strings.Join(by, " and "))
}

// few says whether a list is too long.
func few(field string, list []string) []record.FieldError {
	if len(list) > maxList {
		return []record.FieldError{record.Wrong(field, "has %d entries, at most %d are taken", len(list), maxList)}
	}
	return nil
}
