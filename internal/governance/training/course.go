// Package training keeps the organisation's courses, who has to finish which of
// them until when, and what was finished elsewhere.
package training

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// States of a course.
const (
	Draft   = "draft"
	Offered = "offered" // its audience is assigned it
	Retired = "retired" // nobody is assigned it any more; what was assigned is still owed
)

// Course is something that people have to have learned.
type Course struct {
	ID    string `json:"id"` // secure-basics
	Title string `json:"title"`
	Owner string `json:"owner"`
	// Audience is who is assigned it: one of the audiences of policies.
	Audience string `json:"audience"`
	// Text is what people read, in Markdown; Reference is where the content is if
	// it is elsewhere. One of them is there.
	Text      string `json:"text,omitempty"`
	Reference string `json:"reference,omitempty"`
	// SHA256 is of the text, or of the reference where there is no text, in
	// lowercase hex.
	SHA256 string `json:"sha256,omitempty"`
	// WithinDays is how long a joiner has from joining, and everybody else from
	// being assigned it.
	WithinDays int `json:"within_days"`
	// RenewalMonths after it was finished it has to be finished again; 0: never.
	RenewalMonths int        `json:"renewal_months,omitempty"`
	State         string     `json:"state"`
	OfferedAt     *time.Time `json:"offered_at,omitempty"`
	RetiredAt     *time.Time `json:"retired_at,omitempty"`
}

// offer is the permission to say that people have to finish a course, or no more.
const offer = "course.offer"

// Courses describes the register of courses.
var Courses = record.Define[Course](record.Definition{
	Kind: "course", Register: "courses", Title: "Courses", Singular: "Course", At: "offered_at",
	Purpose: "Security training on offer, for whom it is, and how often it is repeated.",
	States:  []string{Draft, Offered, Retired},
	Transitions: []record.Transition{
		{From: Draft, To: Offered, Permission: offer, Stamp: []string{"offered_at"}},
		{From: Draft, To: Retired, Permission: offer, Stamp: []string{"retired_at"}},
		{From: Offered, To: Retired, Permission: offer, Stamp: []string{"retired_at"}},
		{From: Retired, To: Offered, Permission: offer, Stamp: []string{"offered_at"}},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Sort: true}, {Field: "owner", Filter: true}, {Field: "audience", Filter: true},
		{Field: "state", Label: "State", Filter: true}, {Field: "offered_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Help: "Small letters and digits with hyphens between, such as secure-basics.", Required: true},
		{Name: "title", Label: "Title", Help: "What it is called, such as Security for everybody.", Required: true},
		{Name: "owner", Label: "Owner", Help: "The role that answers for its content.", Required: true},
		{Name: "audience", Label: "Audience", Help: "Who has to finish it.", Required: true, Choices: catalog.Audiences},
		{Name: "within_days", Label: "Within days", Help: "Days that people have: from joining, or from when it is assigned."},
		{Name: "renewal_months", Label: "Renewal in months", Help: "After how many months it has to be finished again; empty: never."},
		{Name: "text", Label: "Text", Help: "What people read, in Markdown.", Markdown: true, Section: "Content"},
		{Name: "reference", Label: "Reference", Help: "Where the content is, if it is elsewhere: an address or the name of a document."},
		{Name: "sha256", Label: "SHA-256 of the content", Computed: true},
		{Name: "offered_at", Label: "Offered", Given: true}, {Name: "retired_at", Label: "Retired", Given: true},
	},
})

// daysToFinish is what a new course gives people: PPL-04 allows joiners as much.
const daysToFinish = 30

// Defaults are the values of a new course.
func (c *Course) Defaults() { c.WithinDays = daysToFinish }

// Compute hashes the content.
func (c *Course) Compute() {
	sum := sha256.Sum256([]byte(cmp.Or(c.Text, c.Reference)))
	c.SHA256 = hex.EncodeToString(sum[:])
}

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

const (
	maxID     = 80
	maxText   = 400  // bytes of a title, an owner, a reference, evidence
	maxNote   = 4000 // bytes
	maxDays   = 366
	maxMonths = 120
)

// Validate says what is wrong with a course.
func (c *Course) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	if len(c.ID) > maxID || !idShape.MatchString(c.ID) {
		add("id", "%q must be small letters and digits with hyphens between, such as secure-basics", c.ID)
	}
	for _, one := range []struct{ field, value string }{{"title", c.Title}, {"owner", c.Owner}, {"reference", c.Reference}} {
		if len(one.value) > maxText {
			add(one.field, "has %d bytes, at most %d are taken", len(one.value), maxText)
		}
	}
	if c.Text == "" && c.Reference == "" {
		add("text", "is missing, and so is a reference to where the content is")
	}
	if c.WithinDays < 1 || c.WithinDays > maxDays {
		add("within_days", "is %d: from 1 to %d", c.WithinDays, maxDays)
	}
	if c.RenewalMonths < 0 || c.RenewalMonths > maxMonths {
		add("renewal_months", "is %d: from 0, for never, to %d", c.RenewalMonths, maxMonths)
	}
	return wrong
}

// Before begins a course as a draft.
func (c *Course) Before(_ *act.Tx, old any) error {
	if old == nil && c.State != Draft {
		return record.Refuse("state", "is %q: a course begins as a draft", c.State)
	}
	return nil
}

// renews is when what was finished at an instant has to be finished again; nil
// for never.
func (c *Course) renews(at time.Time) *time.Time {
	if c.RenewalMonths == 0 {
		return nil
	}
	again := at.AddDate(0, c.RenewalMonths, 0)
	return &again
}

// AllOffered are the courses that people are assigned, by their ids.
func AllOffered(r *store.Reader) (all []*Course, err error) {
	if _, err = record.List(r, Courses, record.Query{Filter: fmt.Sprintf("item.state == %q", Offered)}, func(v *record.Version) error {
		c := &Course{}
		all = append(all, c)
		return json.Unmarshal(v.Doc, c)
	}); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *Course) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}
