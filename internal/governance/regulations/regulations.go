// Package regulations holds the register of laws, regulations and other rules from
// outside, the feeds by which changes of them are heard of, and the list of what the
// feeds have brought until somebody has said what it means.
package regulations

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
	"scaf.dev/scaf/internal/record/vocabulary"
)

// Regulation is a rule that comes from outside. The record's instant is when it came
// on the list.
type Regulation struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	Kind         string `json:"kind"`
	Jurisdiction string `json:"jurisdiction"`
	Citation     string `json:"citation,omitempty"`
	Source       string `json:"source"`
	Link         string `json:"link,omitempty"`
	Owner        string `json:"owner"`
	State        string `json:"state"`

	EffectiveAt *time.Time `json:"effective_at,omitempty"`
	Applies     string     `json:"applies,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Impact      string     `json:"impact,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	Controls    []string   `json:"controls,omitempty"`
	Policies    []string   `json:"policies,omitempty"`

	ListedAt *time.Time `json:"listed_at,omitempty"`
	// DueAt is the end of the first quarter that is not reviewed.
	DueAt      *time.Time `json:"due_at,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	Reviews    []Review   `json:"reviews,omitempty"`

	RetiredReason string     `json:"retired_reason,omitempty"`
	RetiredAt     *time.Time `json:"retired_at,omitempty"`
	RetiredBy     string     `json:"retired_by,omitempty"`
}

// Review is that of one quarter: what the regulation meant here.
type Review struct {
	rounds.Round
	At          time.Time `json:"at" label:"Reviewed at"`
	By          string    `json:"by" label:"Reviewed by" refers:"person"`
	Owner       string    `json:"owner" refers:"person"`
	Applies     string    `json:"applies"`
	Reason      string    `json:"reason"`
	Impact      string    `json:"impact,omitempty"`
	Obligations []string  `json:"obligations,omitempty"`
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
	Kind: kindRegulation, Register: "regulations", Title: "Regulations", Singular: "Regulation", Prefix: "REG", At: "listed_at", Version: 2,
	Purpose:    "Laws and standards that may concern us, and what each asks of us.",
	Migrations: []record.Migration{{From: 1, Change: toRounds}},
	States:     []string{Listed, Reviewed, Retired},
	// What was reviewed: each review says anew what it means here.
	Settled: []record.Settled{{States: []string{Reviewed}, Fields: []string{
		"title", "kind", "jurisdiction", "citation", "source", "link", "effective_at", "applies", "reason", "impact", "obligations",
	}}},
	Transitions: []record.Transition{
		reviewing(Listed), reviewing(Reviewed).As("Review again"),
		{From: Reviewed, To: Listed, Permission: "regulation.review"}, // what it is changes, and is reviewed anew
		retiring(Listed), retiring(Reviewed),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Regulation", Required: true, Help: "What it is called."},
		{Name: "kind", Label: "Kind", Required: true, Choices: []string{"law", "regulation", "guidance", "standard", "contract"}, Help: "What kind of rule it is."},
		{Name: "jurisdiction", Label: "Jurisdiction", Required: true, Help: "Where it holds, like EU, Germany, California; or with whom, for a contract."},
		{Name: "citation", Label: "Citation", Help: "How it is cited, like Regulation (EU) 2016/679."},
		{Name: "source", Label: "Source", Required: true, Help: "Where it can be read, or who told of it: an address, regulatory_notice/... A notice that is named here is taken up with it."},
		{Name: "link", Label: "Address", Help: "Where its text can be read, where the source is no address."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who follows it, as person/E1001."},
		{Name: "effective_at", Label: "In effect from", Day: true, Help: "From when it holds, or its change does."},
		{Name: "state", Label: "State"},
		{Name: "applies", Label: "Applies", Section: "Impact", Choices: []string{AppliesNot, AppliesYes, AppliesPart}, Help: "Whether it binds the company."},
		{Name: "reason", Label: "Why", Long: true, Help: "Why it applies, or does not."},
		{Name: "impact", Label: "Impact", Long: true, Help: "What has to change because of it. What is to be done is an action that names the regulation."},
		{Name: "obligations", Label: "Obligations", Help: "What it asks for, a line each."},
		{Name: "controls", Label: "Controls", Names: vocabulary.Controls, Help: "The controls that meet it, like PRV-05."},
		{Name: "policies", Label: "Policies", Refers: "policy", Help: "The policies that say so, like policy/privacy."},
		{Name: "due_at", Label: "Review due", Section: "Review", Given: true, LastDay: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviews", Label: "Reviews", Given: true},
		{Name: "listed_at", Label: "Listed", Given: true},
		{Name: "retired_reason", Label: "Why it is retired", Long: true, Help: "Why it does not hold any more."},
		{Name: "retired_at", Label: "Retired", Given: true},
		{Name: "retired_by", Label: "Retired by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "kind", Filter: true},
		{Field: "jurisdiction", Filter: true},
		{Field: "applies", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "review", What: "Review the regulation", At: "due_at", Owner: "owner", Open: `item.state != "retired"`},
	},
	Derived: []record.Derived{{Name: "regulation_reviews", At: "due_at", Item: Round{}, Of: record.OfEach(reviewRounds)}},
})

// reviewing says what a regulation means here.
func reviewing(from string) record.Transition {
	return record.Transition{
		From: from, To: Reviewed, Permission: "regulation.review", Required: []string{"applies", "reason"}, Offered: []string{"impact", "obligations"}, Stamp: []string{"reviewed_at", "reviewed_by"},
		Guards: []record.Guard{
			{Field: "impact", If: `item.applies == "no" || has(item.impact) && item.impact != ""`, Why: "is not said: of one that applies, what has to change"},
			{Field: "obligations", If: `item.applies == "no" || has(item.obligations) && item.obligations.size() > 0`, Why: "are not said: of one that applies, what it asks for"},
		},
	}
}

// retiring is for somebody other than the owner.
func retiring(from string) record.Transition {
	return record.Transition{
		From: from, To: Retired, Permission: "regulation.retire", Required: []string{"retired_reason"}, NotBy: []string{"owner"}, Stamp: []string{"retired_at", "retired_by"},
	}
}

// Before puts a new regulation on the list, and keeps what was found of it: a review is
// for one quarter, the first that is due. Another one in a quarter that is reviewed
// changes what is known, and not when the next is due.
func (r *Regulation) Before(tx *act.Tx, old any) error {
	now := tx.Now()
	if old == nil {
		r.ListedAt, r.DueAt = &now, rounds.Quarter.First(now)
		return r.takeUp(tx)
	}
	before := record.As[Regulation](old)
	switch {
	case before.State == Retired:
		return record.Refuse("state", "is %s: it stays as it was", Retired)
	case r.State == Retired:
		r.DueAt = nil
	case r.State == Listed:
		r.ReviewedAt, r.ReviewedBy = nil, ""
	case !record.SameTime(before.ReviewedAt, r.ReviewedAt):
		if round, next, ok := rounds.Quarter.Take(r.DueAt, now); ok {
			r.Reviews = append(r.Reviews, Review{round, now, r.ReviewedBy, r.Owner, r.Applies, r.Reason, r.Impact, r.Obligations})
			r.DueAt = next
		}
	}
	return nil
}

// takeUp settles the notice that a new regulation has as its source: it became this one.
func (r *Regulation) takeUp(tx *act.Tx) error {
	id, ok := strings.CutPrefix(r.Source, kindNotice+"/")
	if !ok {
		return nil
	}
	n, version, err := record.Load[Notice](&tx.Reader, Notices, id)
	if errors.Is(err, record.ErrNone) {
		return record.Refuse("source", "%s is not in the register of notices", r.Source)
	}
	if err != nil || n.State != New {
		return err
	}
	now := tx.Now()
	n.State, n.Regulation, n.SettledAt, n.SettledBy = Taken, kindRegulation+"/"+r.ID, &now, tx.Caller().ID
	_, err = record.Put(tx, Notices, record.Change{Verb: "taken", ID: id, Doc: n, Expect: version})
	return err
}

// Validate says what is wrong with a regulation.
func (r *Regulation) Validate() []record.FieldError { return address(r.Link) }

// toRounds gives a document of before its rounds: it came on the list as rounds.Listed
// says, and that quarter is reviewed if it had been.
func toRounds(fields map[string]any) error {
	var was struct {
		Regulation
		ReviewedDue *time.Time `json:"reviewed_due"`
	}
	whole, err := json.Marshal(fields)
	if err == nil {
		err = json.Unmarshal(whole, &was)
	}
	if err != nil || was.DueAt == nil {
		return err
	}
	listed := rounds.Listed(*was.DueAt, was.ReviewedAt)
	round := rounds.Quarter.At(listed)
	set := map[string]any{"listed_at": listed, "due_at": round.DueAt}
	if was.ReviewedAt != nil {
		set["reviews"] = []Review{{round, *was.ReviewedAt, was.ReviewedBy, was.Owner, was.Applies, was.Reason, was.Impact, was.Obligations}}
		set["due_at"] = rounds.Quarter.Next(round).DueAt
	}
	if was.State == Retired {
		delete(fields, "due_at")
		delete(set, "due_at")
	}
	delete(fields, "reviewed_due")
	if whole, err = json.Marshal(set); err == nil {
		err = json.Unmarshal(whole, &fields) // which keeps the others
	}
	return err
}

// Round is the review of a regulation that was due in a quarter, done or not: the
// source regulation_reviews.
type Round struct {
	ID          string     `json:"id"` // REG-1@2026-Q1
	Regulation  string     `json:"regulation"`
	Title       string     `json:"title"`
	Owner       string     `json:"owner"`
	Applies     string     `json:"applies,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Impact      string     `json:"impact,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	DueAt       *time.Time `json:"due_at" day:"last"`
	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy  string     `json:"reviewed_by,omitempty"`
}

// reviewRounds are the reviews of a regulation that fall due in the interval:
// those of all quarters while it was on the list.
func reviewRounds(r *Regulation, from, to time.Time, give func(item any) error) error {
	for round := range rounds.Quarter.Due(r.ListedAt, r.RetiredAt, from, to) {
		item := &Round{ID: r.ID + "@" + round.Name, Regulation: r.ID, Title: r.Title, Owner: r.Owner, DueAt: &round.DueAt}
		if at := slices.IndexFunc(r.Reviews, func(one Review) bool { return one.Name == round.Name }); at >= 0 {
			v := &r.Reviews[at]
			item.Owner, item.Applies, item.Reason, item.Impact, item.Obligations = v.Owner, v.Applies, v.Reason, v.Impact, v.Obligations
			item.ReviewedAt, item.ReviewedBy = &v.At, v.By
		}
		if err := give(item); err != nil {
			return err
		}
	}
	return nil
}
