// Package privacy holds what a company records of personal data: what it does with
// it and says about it, who agreed, who asked, who received it, and what went wrong.
// People stand in it by a reference that only the systems can resolve.
package privacy

import (
	"encoding/json"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Activity is something that is done with personal data. The record's instant is
// when it came on the list. From then on it is reviewed in every quarter, until it
// ends.
type Activity struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Owner string `json:"owner"`
	Role  string `json:"role,omitempty"`
	State string `json:"state"`

	Subjects     []string `json:"subjects,omitempty"`
	Purposes     []string `json:"purposes,omitempty"`
	Data         []string `json:"data,omitempty"`
	LawfulGround string   `json:"lawful_ground,omitempty"`
	Recipients   []string `json:"recipients,omitempty"`
	Transfers    []string `json:"transfers,omitempty"`
	Retention    string   `json:"retention,omitempty"`
	Measures     string   `json:"measures,omitempty"`
	Assessment   string   `json:"assessment,omitempty"`

	// Of the notice that people are shown: what it says is copied at each change, once it
	// is published and in effect, so that what the activity does can be held against it.
	Notice         string   `json:"notice,omitempty"`
	NoticePurposes []string `json:"notice_purposes,omitempty"`
	NoticeData     []string `json:"notice_data,omitempty"`

	QualityCheck string     `json:"quality_check,omitempty"`
	ListedAt     *time.Time `json:"listed_at,omitempty"`
	// DueAt is the end of the first quarter that is not reviewed.
	DueAt       *time.Time       `json:"due_at,omitempty"`
	ReviewedAt  *time.Time       `json:"reviewed_at,omitempty"`
	ReviewedBy  string           `json:"reviewed_by,omitempty"`
	Reviews     []ActivityReview `json:"reviews,omitempty"`
	EndedReason string           `json:"ended_reason,omitempty"`
	EndedAt     *time.Time       `json:"ended_at,omitempty"`
}

const (
	kindActivity = "processing_activity"
	ended        = "ended"
)

// Activities describes the register of processing activities (GDPR Article 30).
var Activities = record.Define[Activity](record.Definition{
	Kind: kindActivity, Register: "processing_activities", Title: "Processing activities", Singular: "Processing activity", Prefix: "PA", At: "listed_at",
	Purpose: "What is done with personal data, for what purpose and on which ground.",
	Version: 2, Migrations: []record.Migration{{From: 1, Change: toRounds}},
	States: []string{"listed", "reviewed", ended},
	// What was reviewed: a review says anew what is done.
	Settled: []record.Settled{{States: []string{"reviewed"}, Fields: []string{
		"title", "role", "subjects", "purposes", "data", "lawful_ground", "recipients", "transfers", "retention", "measures", "assessment", "quality_check",
	}}},
	Transitions: []record.Transition{
		reviewing("listed"), reviewing("reviewed").As("Review again"), {From: "reviewed", To: "listed"}, // it changes, and is reviewed anew
		ending("listed"), ending("reviewed"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Activity", Required: true, Help: "What is done, in a line."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "role", Label: "Role", Choices: []string{"controller", "processor", "joint controller"}, Help: "Whether the company decides about it, or does it for somebody else."},
		{Name: "state", Label: "State"},
		{Name: "subjects", Label: "People", Section: "What is done", Help: "Whose data it is: customers' users, applicants, a line each."},
		{Name: "purposes", Label: "Purposes", Help: "What for, a line each, in the words of the notice."},
		{Name: "data", Label: "Data", Help: "Which kinds of data, a line each, in the words of the notice."},
		{Name: "lawful_ground", Label: "Lawful ground", Choices: []string{"consent", "contract", "legal obligation", "vital interests", "public task", "legitimate interests"}, Help: "On which ground (GDPR Article 6)."},
		{Name: "recipients", Label: "Recipients", Help: "Who receives it, a line each."},
		{Name: "transfers", Label: "Abroad", Help: "To which countries, and by which safeguard."},
		{Name: "retention", Label: "Kept for", Help: "How long it is kept, and what begins the time."},
		{Name: "measures", Label: "Protection", Long: true, Help: "How it is protected, in general."},
		{Name: "assessment", Label: "Impact assessment", Help: "Where the assessment of the harm is, if one was needed."},
		{Name: "notice", Label: "Notice", Section: "Notice", Refers: kindNotice, Help: "The notice that people are shown, like privacy_notice/PN-1. What it says counts while it is published and in effect."},
		{Name: "notice_purposes", Label: "Purposes in the notice", Given: true},
		{Name: "notice_data", Label: "Data in the notice", Given: true},
		{Name: "quality_check", Label: "Right and needed", Section: "Review", Long: true, Help: "How it was checked that the data is right and still needed."},
		{Name: "due_at", Label: "Review due", Given: true, LastDay: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviews", Label: "Reviews", Given: true},
		{Name: "listed_at", Label: "Listed", Given: true},
		{Name: "ended_reason", Label: "Why it ended", Long: true, Help: "Why it is not done any more, and what became of the data."},
		{Name: "ended_at", Label: "Ended", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "lawful_ground", Filter: true},
		{Field: "notice", Filter: true},
		{Field: "state", Filter: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "review", What: "Review the processing activity", At: "due_at", Owner: "owner", Open: `item.state != "ended"`},
	},
	Derived: []record.Derived{{Name: "activity_reviews", At: "due_at", Item: ActivityRound{}, Of: record.OfEach(activityRounds)}},
})

func reviewing(from string) record.Transition {
	return record.Transition{From: from, To: "reviewed", Required: []string{"purposes", "data", "lawful_ground", "quality_check"}, Stamp: []string{"reviewed_at", "reviewed_by"}}
}

func ending(from string) record.Transition {
	return record.Transition{From: from, To: ended, Required: []string{"ended_reason"}, Stamp: []string{"ended_at"}}
}

// Before copies what the notice says, and keeps what was reviewed.
func (a *Activity) Before(tx *act.Tx, old any) error {
	if err := a.readNotice(tx); err != nil {
		return err
	}
	return a.keepReview(tx.Now(), old)
}

func (a *Activity) readNotice(tx *act.Tx) error {
	a.NoticePurposes, a.NoticeData = nil, nil
	if a.Notice == "" {
		return nil
	}
	v, err := record.Get(&tx.Reader, kindNotice, strings.TrimPrefix(a.Notice, kindNotice+"/"))
	if err != nil {
		return err
	}
	n := &Notice{}
	if err := json.Unmarshal(v.Doc, n); err != nil {
		return err
	}
	if n.holds(tx.Now()) { // nobody was told of another one
		a.NoticePurposes, a.NoticeData = n.Purposes, n.Data
	}
	return nil
}

// Notice is a version of what people are told. The record's instant is when it takes
// effect.
type Notice struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Version      string     `json:"version"`
	Author       string     `json:"author"`
	Authors      []string   `json:"authors,omitempty"`
	State        string     `json:"state"`
	Text         string     `json:"text,omitempty"`
	Covers       []string   `json:"covers,omitempty"`
	Purposes     []string   `json:"purposes,omitempty"`
	Data         []string   `json:"data,omitempty"`
	EffectiveAt  *time.Time `json:"effective_at,omitempty"`
	PublishedAt  *time.Time `json:"published_at,omitempty"`
	Address      string     `json:"address,omitempty"`
	ReadersTold  *bool      `json:"readers_told,omitempty"`
	Previous     string     `json:"previous,omitempty"`
	PreviousKept *bool      `json:"previous_kept,omitempty"`
	// HeldUntil is when the one that replaces it took effect, or will.
	HeldUntil  *time.Time `json:"held_until,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	record.Withdrawal
}

const (
	kindNotice = "privacy_notice"
	published  = "published"
	replaced   = "replaced"
)

// Notices describes the register of privacy notices.
var Notices = record.Define[Notice](record.Definition{
	Kind: kindNotice, Register: "privacy_notices", Title: "Privacy notices", Singular: "Privacy notice", Prefix: "PN", At: "effective_at", Author: "author", Authors: "authors",
	Purpose: "What people are told about their data, version by version.",
	States:  []string{"draft", "approved", published, replaced, record.Withdrawn},
	// What was approved, and published; whether the one before is kept shows later.
	Settled: []record.Settled{
		{States: []string{"approved", published}, Fields: []string{"title", "version"}},
		{States: []string{published}, Fields: []string{"text", "covers", "purposes", "data", "published_at", "effective_at", "address", "readers_told", "previous"}},
	},
	Transitions: []record.Transition{
		{From: "draft", To: "approved", Permission: "privacy_notice.approve", Required: []string{"text", "covers", "purposes", "data"}, NotBy: []string{"author", "authors"}, Stamp: []string{"approved_at", "approved_by"}},
		{From: "approved", To: "draft"},
		{From: "approved", To: published, Required: []string{"published_at", "effective_at", "address", "readers_told"}, Offered: []string{"previous", "previous_kept"}, Check: replacing},
		record.Withdrawing("draft"),
		// The next one with its title replaces it with being published; this is for one that none follows.
		{From: published, To: replaced, Stamp: []string{"held_until"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Notice", Required: true, Help: "Whom it is for: website, customers' users, applicants."},
		{Name: "version", Label: "Version", Required: true, Help: "Which one it is, like 3."},
		{Name: "state", Label: "State"},
		{Name: "author", Label: "Author"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "text", Label: "Text", Long: true, Markdown: true, Help: "What people read."},
		{Name: "covers", Label: "Says", Choices: []string{"kinds of data", "purposes", "recipients", "retention", "rights", "contact", "transfers", "automated decisions"}, Help: "What it speaks of: the first six at least."},
		{Name: "purposes", Label: "Purposes", Help: "The purposes that it names, a line each."},
		{Name: "data", Label: "Data", Help: "The kinds of data that it names, a line each."},
		{Name: "approved_at", Label: "Approved", Section: "Publication", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "published_at", Label: "Published", Happened: true, Help: "When it could be read: before it takes effect."},
		{Name: "effective_at", Label: "In effect from", Help: "From when it holds."},
		{Name: "address", Label: "Address", Help: "Where it can be read."},
		{Name: "readers_told", Label: "Readers told", Help: "Whether those whom it is about were told of it."},
		{Name: "previous", Label: "Version before", Refers: kindNotice, Help: "The version that it replaces, like privacy_notice/PN-1. Needed where one with this title was published before."},
		{Name: "held_until", Label: "In effect until", Given: true},
		{Name: "previous_kept", Label: "Version before kept", Help: "Whether that can still be looked up."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "effective_at", Filter: true, Sort: true},
		{Field: "version", Filter: true},
		{Field: "author", Filter: true},
		{Field: "previous", Filter: true},
		{Field: "state", Filter: true},
	},
})

// replacing wants the version before of a notice to be named where one with its title was
// published, and that to be one which was.
func replacing(r *store.Reader, doc json.RawMessage) error {
	n := &Notice{}
	if err := json.Unmarshal(doc, n); err != nil {
		return err
	}
	before, was := "", n.Previous == ""
	if err := record.Each(r, record.Range{Kind: kindNotice}, func(v *record.Version) error {
		other := &Notice{}
		if err := json.Unmarshal(v.Doc, other); err != nil {
			return err
		}
		if other.ID != n.ID && (other.State == published || other.State == replaced) {
			was = was || v.Ref() == n.Previous
			if sameTitle(other, n) {
				before = v.Ref()
			}
		}
		return nil
	}); err != nil {
		return err
	}
	switch {
	case n.Previous == "" && before != "":
		return record.Refuse("previous", "is missing: %s was published with this title", before)
	case !was:
		return record.Refuse("previous", "is %s, which was never published", n.Previous)
	}
	return nil
}

// Compute ends an approval with its state.
func (n *Notice) Compute() {
	if n.State == "draft" {
		n.ApprovedAt, n.ApprovedBy = nil, ""
	}
}

// holds reports whether a notice is in effect at an instant. One that was replaced holds
// until the next one does.
func (n *Notice) holds(at time.Time) bool {
	return (n.State == published || n.State == replaced && n.HeldUntil != nil && n.HeldUntil.After(at)) && n.EffectiveAt != nil && !n.EffectiveAt.After(at)
}

// replace ends what was published before with a notice: the version that it names, and all
// with its title. They hold until it takes effect.
func (n *Notice) replace(tx *act.Tx) error {
	type one struct {
		notice  *Notice
		version int
	}
	var before []one
	if err := record.Each(&tx.Reader, record.Range{Kind: kindNotice}, func(v *record.Version) error {
		other := &Notice{}
		if err := json.Unmarshal(v.Doc, other); err != nil {
			return err
		}
		if other.ID != n.ID && other.State == published && (v.Ref() == n.Previous || sameTitle(other, n)) {
			before = append(before, one{other, v.Version})
		}
		return nil
	}); err != nil {
		return err
	}
	for _, was := range before {
		was.notice.State, was.notice.HeldUntil = replaced, n.EffectiveAt
		if _, err := record.Put(tx, Notices, record.Change{Verb: replaced, ID: was.notice.ID, Doc: was.notice, Expect: was.version}); err != nil {
			return err
		}
	}
	return nil
}

// sameTitle reports whether two notices are for the same people.
func sameTitle(a, b *Notice) bool {
	return strings.EqualFold(strings.TrimSpace(a.Title), strings.TrimSpace(b.Title))
}

// Before keeps what was approved, and replaces what was published before.
func (n *Notice) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	was := record.As[Notice](old)
	if was.State != "draft" && n.State != "draft" &&
		(n.Text != was.Text || n.Version != was.Version || strings.Join(n.Purposes, "\n") != strings.Join(was.Purposes, "\n") || strings.Join(n.Data, "\n") != strings.Join(was.Data, "\n")) {
		return record.Refuse("state", "is %s: the text stays as it was approved; a change is another version", was.State)
	}
	if was.State != published && n.State == published && n.EffectiveAt != nil {
		return n.replace(tx)
	}
	return nil
}
