package people

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// JobChange is that somebody has another job than before: from when, from what
// to what, and who saw to it that their access is that of the new job. It is
// written with the change of the person's record. The record's instant is that of
// the change.
type JobChange struct {
	ID          string     `json:"id"`     // E1001.1
	Person      string     `json:"person"` // person/E1001
	EffectiveAt *time.Time `json:"effective_at"`
	State       string     `json:"state"`

	FromTitle      string `json:"from_title,omitempty"`
	ToTitle        string `json:"to_title,omitempty"`
	FromDepartment string `json:"from_department,omitempty"`
	ToDepartment   string `json:"to_department,omitempty"`
	FromManager    string `json:"from_manager,omitempty"`
	ToManager      string `json:"to_manager,omitempty"`
	FromEmployment string `json:"from_employment,omitempty"`
	ToEmployment   string `json:"to_employment,omitempty"`

	DueAt            *time.Time `json:"due_at,omitempty"`
	Rights           string     `json:"rights,omitempty"`
	AccessReviewedAt *time.Time `json:"access_reviewed_at,omitempty"`
	AccessReviewedBy string     `json:"access_reviewed_by,omitempty"`
}

// States of a change of jobs.
const (
	Recorded = "recorded"
	Reviewed = "reviewed" // access is that of the new job
)

// DaysToReview is how long there is to fit somebody's access to a new job: the
// policy access-control says so, and PPL-09 tests it.
const DaysToReview = 7

// JobChanges describes the register of movers.
var JobChanges = record.Define[JobChange](record.Definition{
	Kind: "job_change", Register: "job_changes", Title: "Job changes", Singular: "Job change", At: "effective_at", Personal: true,
	Purpose: "Changes of job, and what became of the access that went with the old one.",
	Comes:   "SCAF writes one when a person's job changes.",
	States:  []string{Recorded, Reviewed},
	Fixed: []string{
		"person", "effective_at", "from_title", "to_title", "from_department", "to_department", "from_manager", "to_manager",
		"from_employment", "to_employment",
	},
	Transitions: []record.Transition{
		{From: Recorded, To: Reviewed, Permission: "job_change.review", NotBy: []string{"person"}, Required: []string{"rights"}, Stamp: []string{"access_reviewed_at", "access_reviewed_by"}},
	},
	Columns: []record.Column{
		{Field: "effective_at", Filter: true, Sort: true}, {Field: "person", Filter: true}, {Field: "to_title", Filter: true}, {Field: "to_manager", Filter: true},
		{Field: "state", Label: "State", Filter: true}, {Field: "due_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Change", Required: true, Help: "The person's number and a further one, such as E1001.1."},
		{Name: "person", Label: "Person", Refers: "person", Leavers: true, Required: true, Help: "Whose job changed."},
		{Name: "effective_at", Label: "From", Required: true, Help: "From when the new job was theirs."},
		{Name: "state", Label: "State"},
		{Name: "from_title", Label: "Title before", Section: "Before"},
		{Name: "from_department", Label: "Department before"},
		{Name: "from_manager", Label: "Manager before", Refers: "person", Leavers: true},
		{Name: "from_employment", Label: "Employment before", Choices: []string{Employee, Contractor}},
		{Name: "to_title", Label: "New title", Section: "After"},
		{Name: "to_department", Label: "New department"},
		{Name: "to_manager", Label: "New manager", Refers: "person", Leavers: true},
		{Name: "to_employment", Label: "New employment", Choices: []string{Employee, Contractor}},
		{Name: "due_at", Label: "Due", Section: "Access", Computed: true, Help: "A week after the change."},
		{Name: "rights", Label: "What became of the access", Long: true, Help: "Which rights were given and which ended, or that none had to change."},
		{Name: "access_reviewed_by", Label: "Seen to by", Given: true},
		{Name: "access_reviewed_at", Label: "Seen to", Given: true},
	},
	Dues: []record.Due{{Name: "access", What: "Fit the access to the new job", At: "due_at", Owner: "to_manager", Open: `item.state == "recorded"`}},
})

// Compute sets until when the access has to be fitted.
func (c *JobChange) Compute() {
	c.DueAt = nil
	if c.EffectiveAt != nil {
		due := c.EffectiveAt.AddDate(0, 0, DaysToReview)
		c.DueAt = &due
	}
}

const maxLong = 4000 // bytes of a text of several lines

// Validate says what is wrong with a change of jobs.
func (c *JobChange) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if !numbered(c.ID, c.Person) {
		add("id", "%q must be the number of the person and a further one, such as E1001.1", c.ID)
	}
	for _, one := range []struct{ field, value string }{
		{"from_title", c.FromTitle}, {"to_title", c.ToTitle}, {"from_department", c.FromDepartment}, {"to_department", c.ToDepartment},
	} {
		if len(one.value) > maxText {
			add(one.field, "has %d bytes, at most %d are taken", len(one.value), maxText)
		}
	}
	if len(c.Rights) > maxLong {
		add("rights", "has %d bytes, at most %d are taken", len(c.Rights), maxLong)
	}
	return wrong
}

// numbered reports whether an id is that of a person with a further number.
func numbered(id, person string) bool {
	_, own, _ := strings.Cut(person, "/")
	further, ok := strings.CutPrefix(id, own+".")
	return ok && len(further) > 0 && len(further) <= 9 && strings.Trim(further, "0123456789") == "" && further[0] != '0'
}

// keep writes what a person's job was before a change, and what it is.
func keep(tx *act.Tx, before, after *Person) error {
	at := tx.Now()
	if after.JobSince != nil && (before.JobSince == nil || !after.JobSince.Equal(*before.JobSince)) {
		at = *after.JobSince
	}
	c := &JobChange{
		Person: after.Ref(), EffectiveAt: &at, State: Recorded,
		FromTitle: before.Title, ToTitle: after.Title, FromDepartment: before.Department, ToDepartment: after.Department,
		FromManager: before.Manager, ToManager: after.Manager, FromEmployment: before.Employment, ToEmployment: after.Employment,
	}
	c.Compute()
	for n := 1; ; n++ {
		c.ID = fmt.Sprintf("%s.%d", after.ID, n)
		known, err := record.Current(&tx.Reader, JobChanges.Name, []string{c.ID})
		if err != nil {
			return err
		}
		if len(known) == 0 {
			break
		}
	}
	_, err := record.Put(tx, JobChanges, record.Change{Verb: "recorded", ID: c.ID, Doc: c})
	return err
}
