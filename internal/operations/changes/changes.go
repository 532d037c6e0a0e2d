// Package changes is the register of changes: what went into a repository, by
// whom, and who reviewed it.
package changes

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Person is how a version control system names somebody.
type Person struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
}

// Change is one change. Its instant is the moment at which it was merged.
type Change struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Author     Person     `json:"author"`
	Committer  Person     `json:"committer"`
	Reviewers  []Person   `json:"reviewers"`
	AuthoredAt *time.Time `json:"authored_at,omitempty"`
	MergedAt   *time.Time `json:"merged_at,omitempty"`
	Merge      bool       `json:"merge"` // it has more than one parent
	Repository string     `json:"repository,omitempty"`
	// Asserted marks reviewers that only the change itself names (trailers of
	// a commit message): anybody who can commit can write them.
	Asserted   bool       `json:"asserted"`
	State      string     `json:"state"`
	DeployedAt *time.Time `json:"deployed_at,omitempty"`
	Ticket     string     `json:"ticket,omitempty"`
	Note       string     `json:"note,omitempty"`
}

// States of a change.
const (
	Merged     = "merged"
	Deployed   = "deployed"
	RolledBack = "rolled_back"
)

// Limits of a change.
const (
	maxID    = 200
	maxTitle = 4000
)

// Register describes the register.
var Register = record.Define[Change](record.Definition{
	Kind: "change", Mirror: true, Register: "changes", Title: "Changes", At: "merged_at",
	Purpose: "What was changed in the code, who wrote it and who reviewed it.",
	Comes:   "They come from the repositories: by import or API.",
	Fixed:   []string{"asserted"}, // or a person could lift the cap of ADR 7
	States:  []string{Merged, Deployed, RolledBack},
	Transitions: []record.Transition{
		{From: Merged, To: Deployed}, {From: Merged, To: RolledBack},
		{From: Deployed, To: RolledBack},
		{From: RolledBack, To: Deployed},
	},
	Columns: []record.Column{
		{Field: "merged_at", Label: "Merged", Filter: true, Sort: true},
		{Field: "state", Label: "State", Filter: true},
		{Field: "repository", Label: "Repository", Filter: true},
	},
})

// Defaults are the values of a new change.
func (c *Change) Defaults() { c.Reviewers = []Person{} }

// Validate says what is wrong with a change.
func (c *Change) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, problem string) { wrong = append(wrong, record.FieldError{Field: field, Problem: problem}) }
	switch {
	case c.ID == "":
		add("id", "is missing: it is the commit, or the change's number")
	case len(c.ID) > maxID || strings.ContainsAny(c.ID, " \t\r\n\x00"):
		add("id", fmt.Sprintf("must have at most %d characters and no space", maxID))
	}
	// A commit may have no message, and an author that cannot be read.
	if strings.TrimSpace(c.Title) == "" && !c.Asserted {
		add("title", "is missing: say in a line what changes")
	} else if len(c.Title) > maxTitle {
		add("title", fmt.Sprintf("has %d bytes, at most %d are taken", len(c.Title), maxTitle))
	}
	if c.Author == (Person{}) && !c.Asserted {
		add("author", `is missing: write {"name": ..., "email": ...}`)
	}
	if c.MergedAt == nil {
		add("merged_at", "is missing: it is an RFC 3339 time like 2026-01-31T09:30:00Z")
	}
	return wrong
}
