package policies

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// States of a version, beside Draft and InForce.
const (
	InReview   = "in_review"
	Approved   = "approved"
	Superseded = "superseded"     // by a later one, or withdrawn
	Withdrawn  = record.Withdrawn // before it came into force
)

// Version is a text of a policy.
type Version struct {
	ID     string `json:"id"`     // PV-7
	Policy string `json:"policy"` // policy/access-control
	Number int    `json:"number"` // of the policy's versions, from 1
	// Text is the whole file: YAML front matter, then Markdown. SHA256, of these
	// bytes in lowercase hex, is what is approved and acknowledged.
	Text   string `json:"text"`
	SHA256 string `json:"sha256,omitempty"`
	// What the front matter says.
	Title    string   `json:"title,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	Owner    string   `json:"owner,omitempty"`
	Audience string   `json:"audience,omitempty"`
	Review   string   `json:"review,omitempty"`
	Criteria []string `json:"criteria,omitempty"`
	Controls []string `json:"controls,omitempty"`
	// Procedure says where it stands how the policy is carried out.
	Procedure string `json:"procedure,omitempty"`
	// Author added it; Authors are all who have written in it.
	Author  string   `json:"author"`
	Authors []string `json:"authors,omitempty"`
	State   string   `json:"state"`
	// Round counts how often it was put to review.
	Round int `json:"round,omitempty"`
	// ReturnedReason is why it went back from review to draft, when last.
	ReturnedReason string `json:"returned_reason,omitempty"`

	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	// EffectiveAt is from when it is to bind, and once it is in force from when it does.
	EffectiveAt *time.Time `json:"effective_at,omitempty"`
	// PlannedAt is when it was to come into force, as it was approved: the later one of
	// that moment and of the effective date.
	PlannedAt    *time.Time `json:"planned_at,omitempty"`
	NextReviewAt *time.Time `json:"next_review_at,omitempty"`
	// Channels are where people were told, when it came into force; Elsewhere is what was said
	// of it in other words, before these were chosen.
	Channels     []string   `json:"channels,omitempty"`
	Elsewhere    []string   `json:"announced_elsewhere,omitempty"`
	AnnouncedBy  string     `json:"announced_by,omitempty"`
	AnnouncedAt  *time.Time `json:"announced_at,omitempty"`
	SupersededAt *time.Time `json:"superseded_at,omitempty"`
	record.Withdrawal
}

// Versions describes the register of the policies' texts.
var Versions = record.Define[Version](record.Definition{
	Kind: kindVersion, Register: "policy_versions", Title: "Policy versions", Singular: "Policy version", Prefix: "PV", At: "approved_at", Version: 2,
	Migrations: []record.Migration{{From: 1, Change: toChoices}},
	Purpose:    "Every text of a policy, from draft to in force: who wrote it and who approved it.",
	States:     []string{Draft, InReview, Approved, InForce, Superseded, Withdrawn}, Author: "author", Authors: "authors", Fixed: []string{"policy"},
	Transitions: []record.Transition{
		{From: Draft, To: InReview, Required: []string{"procedure"}},
		record.Withdrawing(Draft),
		{From: InReview, To: Draft, Required: []string{"returned_reason"}, Sets: []string{"returned_reason"}},
		record.Withdrawing(InReview),
		{From: InReview, To: Approved, Permission: approve, NotBy: []string{"authors"}, Stamp: []string{"approved_by", "approved_at"}, Offered: []string{"effective_at"}},
		{From: Approved, To: InForce, Permission: publish, Required: []string{"channels"}, Stamp: []string{"announced_by", "announced_at"}},
		record.Withdrawing(Approved).By(approve),
		{From: InForce, To: Superseded, Permission: approve},
	},
	Settled: []record.Settled{{States: []string{InReview}, Fields: []string{"text", "procedure"}}, {States: []string{Approved, InForce}}},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "policy", Filter: true, Sort: true}, {Field: "number", Label: "Number", Filter: true}, {Field: "state", Label: "State", Filter: true},
		{Field: "author", Label: "Author", Filter: true}, {Field: "approved_at", Filter: true, Sort: true}, {Field: "effective_at", Filter: true, Sort: true},
		{Field: "planned_at", Filter: true, Sort: true}, {Field: "sha256", Label: "SHA-256", Filter: true},
	},
	Fields: []record.Field{
		{Name: "policy", Label: "Policy", Refers: "policy", Required: true},
		{Name: "number", Label: "Number", Given: true},
		{Name: "text", Label: "Text", Help: "YAML front matter between two lines ---, then Markdown without HTML and images.", Required: true, Markdown: true, FrontMatter: true},
		{Name: "procedure", Label: "Procedure", Help: "Where it stands how the policy is carried out: a runbook, a page, the controls."},
		{Name: "title", Label: "Title", Computed: true}, {Name: "summary", Label: "Summary", Computed: true}, {Name: "owner", Label: "Owner", Computed: true},
		{Name: "audience", Label: "Audience", Computed: true}, {Name: "review", Label: "Review", Computed: true},
		{Name: "criteria", Label: "Criteria", Computed: true}, {Name: "controls", Label: "Controls", Computed: true},
		{Name: "author", Label: "Author"}, {Name: "authors", Label: "Written by", Given: true}, {Name: "round", Label: "Review round", Given: true},
		{Name: "returned_reason", Label: "Why it came back", Given: true, Long: true, Help: "What has to be another before it is approved. It stands here when it is put to review again."},
		{Name: "approved_by", Label: "Approved by", Given: true}, {Name: "approved_at", Label: "Approved", Given: true},
		{Name: "effective_at", Label: "Effective", Help: "From when it binds. It is approved with its text, and nothing comes into force before; empty, or a day that has passed: from when it comes into force.", Section: "In force"},
		{Name: "planned_at", Label: "To come into force", Given: true},
		{Name: "channels", Label: "Announced on", Choices: Channels, Help: "Where people are told that it is in force."},
		{Name: "announced_elsewhere", Label: "Announced elsewhere", Given: true, Help: "Where else people were told, in words of before the channels were chosen."},
		{Name: "next_review_at", Label: "Next review due", Given: true},
		{Name: "announced_by", Label: "Announced by", Given: true}, {Name: "announced_at", Label: "Announced", Given: true},
		{Name: "superseded_at", Label: "Superseded", Given: true},
		{Name: "sha256", Label: "SHA-256", Computed: true},
	},
	Dues: []record.Due{{Name: "force", What: "Bring the policy version into force", At: "planned_at", Owner: "author", Open: `item.state == "approved" && has(item.effective_at)`}},
	Derived: []record.Derived{
		{Name: "policy_announcements", At: "announced_at", Item: Announced{}, Items: announcements},
		{Name: "policy_reviews", At: "due_at", Item: Review{}, Items: reviews},
	},
})

// Compute takes from the text what it says. What its front matter does not say
// is empty, and Validate names what is wrong with it.
func (v *Version) Compute() {
	sum := sha256.Sum256([]byte(v.Text))
	v.SHA256 = hex.EncodeToString(sum[:])
	p, _ := catalog.ParsePolicy("text", []byte(v.Text))
	v.Title, v.Summary, v.Owner, v.Audience, v.Review, v.Criteria, v.Controls = p.Title, p.Summary, p.Owner, p.Audience, p.Review, p.Criteria, p.Controls
}

const maxText = 400 // bytes of a procedure

// Validate says what is wrong with a version.
func (v *Version) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)})
	}
	p, err := catalog.ParsePolicy("text", []byte(v.Text))
	switch {
	case v.Text == "": // which the description of the field says
	case err != nil:
		add("text", "%s", strings.ReplaceAll(err.Error(), "\n", "; "))
	case p.ID != v.policyID():
		add("text", "its front matter is that of %s, not of %s", p.ID, v.policyID())
	}
	if len(v.Procedure) > maxText {
		add("procedure", "has %d bytes, at most %d are taken", len(v.Procedure), maxText)
	}
	return wrong
}

// Channels are those by which people can be told that a text has come into force, as
// those of announcements are called.
var Channels = []string{"portal", "Slack", "e-mail", "meeting", "website"}

// toChoices gives a document of the first version, whose channels people typed, those that
// there are, and keeps what else it says of them.
func toChoices(fields map[string]any) error {
	typed, _ := fields["channels"].([]any)
	var channels, elsewhere []string
	for _, one := range typed {
		for _, name := range strings.FieldsFunc(fmt.Sprint(one), func(r rune) bool { return strings.ContainsRune(",;\n", r) }) {
			name = strings.TrimSpace(name)
			at := slices.IndexFunc(Channels, func(c string) bool {
				return strings.EqualFold(c, name) || strings.EqualFold(strings.ReplaceAll(c, "-", ""), name)
			})
			switch {
			case at < 0 && name != "":
				elsewhere = append(elsewhere, name)
			case at >= 0 && !slices.Contains(channels, Channels[at]):
				channels = append(channels, Channels[at])
			}
		}
	}
	fields["channels"], fields["announced_elsewhere"] = channels, elsewhere
	return nil
}

// months between two reviews.
var months = map[string]int{"annual": 12, "semiannual": 6, "quarterly": 3}

// Before holds a version to its lifecycle, and does what its coming into force
// brings with it.
func (v *Version) Before(tx *act.Tx, old any) error {
	if old == nil {
		return v.begin(tx)
	}
	before := record.As[Version](old)
	if before.Text != v.Text || before.Procedure != v.Procedure {
		switch before.State {
		case Draft:
		case InReview:
			return record.Refuse("text", "is in review, and stays as it is: move it back to draft")
		default:
			return record.Refuse("text", "is %s, and stays as it is: add a new version", strings.ToLower(record.Words(before.State)))
		}
	}
	if open := before.State == Draft || before.State == InReview; !open {
		if !record.SameTime(before.EffectiveAt, v.EffectiveAt) {
			return record.Refuse("effective_at", "was approved with the text, and stays as it is: another day is that of another version")
		}
		if before.State == v.State && !slices.Equal(before.Channels, v.Channels) {
			return record.Refuse("state", "is %s: where it was announced stays as it is", strings.ToLower(record.Words(before.State)))
		}
	}
	if before.State == v.State {
		return nil
	}
	switch {
	case v.State == InReview:
		v.Round++
	case v.State == Approved:
		if v.PlannedAt = v.ApprovedAt; v.EffectiveAt != nil && v.EffectiveAt.After(*v.ApprovedAt) {
			v.PlannedAt = v.EffectiveAt
		}
	case v.State == InForce:
		return v.enforce(tx)
	case before.State == InForce:
		return v.withdraw(tx)
	}
	return nil
}

// begin numbers a new version of a policy that is there.
func (v *Version) begin(tx *act.Tx) error {
	if v.State != Draft {
		return record.Refuse("state", "is %q: a version begins as a draft", v.State)
	}
	p, _, err := getPolicy(&tx.Reader, v.policyID())
	if err != nil {
		return err
	}
	if p.State == Retired {
		return record.Refuse("policy", "%s is retired", p.ID)
	}
	all, err := Of(&tx.Reader, v.Policy)
	if err != nil {
		return err
	}
	v.Number = len(all) + 1
	return nil
}

// enforce makes the policy what this version says, and ends the one before.
func (v *Version) enforce(tx *act.Tx) error {
	p, at, err := getPolicy(&tx.Reader, v.policyID())
	if err != nil {
		return err
	}
	if p.State == Retired {
		return record.Refuse("policy", "%s is retired", p.ID)
	}
	now := tx.Now()
	if v.EffectiveAt != nil && v.EffectiveAt.After(now) {
		return record.Refuse("effective_at", "is %s, and it cannot come into force before: until then what is in force now stays so", v.EffectiveAt.Format(time.RFC3339))
	}
	v.EffectiveAt = &now
	next := v.EffectiveAt.AddDate(0, months[v.Review], 0)
	v.NextReviewAt = &next
	if p.CurrentVersion != "" {
		before, version, err := Get(&tx.Reader, p.CurrentVersion)
		if err != nil {
			return err
		}
		if before.Number > v.Number {
			return record.Refuse("number", "version %d is in force, which is later than %d", before.Number, v.Number)
		}
		if err := before.end(tx, version, *v.EffectiveAt); err != nil {
			return err
		}
	}
	p.take(v)
	_, err = record.Put(tx, Register, record.Change{Verb: "version_in_force", ID: p.ID, Doc: p, Expect: at})
	return err
}

// end marks a version that is in force no longer.
func (v *Version) end(tx *act.Tx, version int, at time.Time) error {
	v.State, v.SupersededAt = Superseded, &at
	_, err := record.Put(tx, Versions, record.Change{Verb: "superseded", ID: v.ID, Doc: v, Expect: version})
	return err
}

// withdraw leaves the policy without a version in force.
func (v *Version) withdraw(tx *act.Tx) error {
	p, at, err := getPolicy(&tx.Reader, v.policyID())
	if err != nil {
		return err
	}
	now := tx.Now()
	v.SupersededAt = &now
	p.State = Draft
	p.forget()
	_, err = record.Put(tx, Register, record.Change{Verb: "version_withdrawn", ID: p.ID, Doc: p, Expect: at})
	return err
}

// Get reads a version of a policy, by its id or reference, and the number of its record's version.
func Get(r *store.Reader, id string) (*Version, int, error) {
	return record.Load[Version](r, Versions, strings.TrimPrefix(id, Versions.Name+"/"))
}

// Ref is the reference of the version.
func (v *Version) Ref() string { return kindVersion + "/" + v.ID }

func (v *Version) policyID() string { return strings.TrimPrefix(v.Policy, Register.Name+"/") }

// Of are the versions of a policy, which is given by its reference, the first one first.
func Of(r *store.Reader, policy string) ([]*Version, error) {
	var all []*Version
	_, err := record.List(r, Versions, record.Query{Filter: fmt.Sprintf("item.policy == %q", policy), Sort: "policy"}, func(v *record.Version) error {
		one := &Version{}
		all = append(all, one)
		return json.Unmarshal(v.Doc, one)
	})
	slices.SortFunc(all, func(a, b *Version) int { return a.Number - b.Number })
	return all, err
}
