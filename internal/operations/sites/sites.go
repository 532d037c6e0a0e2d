// Package sites holds the registers of the places where the company is, and of the
// reviews of who can get in.
package sites

import (
	"cmp"
	"encoding/json"
	"regexp"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Site is an office, a room with equipment, or another place. The record's instant
// is when it came on the list. From then on who can get in is reviewed in every
// quarter, until it is closed.
type Site struct {
	ID         string     `json:"id"` // berlin
	Name       string     `json:"name"`
	Purpose    string     `json:"purpose"`
	Address    string     `json:"address,omitempty"`
	Owner      string     `json:"owner"`
	Protection string     `json:"protection,omitempty"`
	State      string     `json:"state"`
	ListedAt   *time.Time `json:"listed_at,omitempty"`
	ClosedHow  string     `json:"closed_how,omitempty"`
	ClosedAt   *time.Time `json:"closed_at,omitempty"`
}

// States of a site.
const (
	Open   = "open"
	Closed = "closed"
)

const kindPerson = "person"

// Register describes the register of sites.
var Register = record.Define[Site](record.Definition{
	Kind: "site", Register: "sites", Title: "Sites", Singular: "Site", At: "listed_at",
	Purpose:     "Offices and other places that are locked.",
	States:      []string{Open, Closed},
	Transitions: []record.Transition{{From: Open, To: Closed, Required: []string{"closed_how"}, NotBy: []string{"owner"}, Stamp: []string{"closed_at"}}},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Section: "Site", Required: true, Help: "Small letters and digits with hyphens between, such as berlin."},
		{Name: "name", Label: "Name", Required: true, Help: "What it is called."},
		{Name: "purpose", Label: "Purpose", Required: true, Choices: []string{"office", "data center", "equipment room", "storage", "other"}, Help: "What it is for."},
		{Name: "address", Label: "Address", Help: "Where it is."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who answers for it, as person/E1001."},
		{Name: "protection", Label: "Protection", Long: true, Help: "How it is locked and watched, and protected against fire, water and loss of power."},
		{Name: "state", Label: "State"},
		{Name: "listed_at", Label: "Listed", Given: true},
		{Name: "closed_how", Label: "How it was closed", Long: true, Help: "What became of its keys, badges, equipment and papers."},
		{Name: "closed_at", Label: "Closed", Given: true},
	},
	Columns: []record.Column{
		{Field: "name", Filter: true, Sort: true},
		{Field: "purpose", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "listed_at", Filter: true, Sort: true},
	},
	Derived: []record.Derived{{Name: "site_rounds", At: "due_at", Item: SiteRound{}, Items: siteRounds}},
})

var idShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

const (
	maxID   = 60
	maxText = 4000 // bytes
)

// Validate says what is wrong with a site.
func (s *Site) Validate() (wrong []record.FieldError) {
	if len(s.ID) > maxID || !idShape.MatchString(s.ID) {
		wrong = append(wrong, record.Wrong("id", "%q must be small letters and digits with hyphens between, such as berlin", s.ID))
	}
	return append(wrong, record.Bounded(maxText, "name", s.Name, "address", s.Address, "protection", s.Protection, "closed_how", s.ClosedHow)...)
}

// Before puts a new site on the list; a closed one stays as it was.
func (s *Site) Before(tx *act.Tx, old any) error {
	if old == nil {
		now := tx.Now()
		s.ListedAt = &now
		return nil
	}
	if record.As[Site](old).State == Closed {
		return record.Refuse("state", "is %s: it stays as it was", Closed)
	}
	return nil
}

// Review is that of who can get into one site in one quarter. Its id names both, so
// that there is one of them. The record's instant is the last day of the quarter.
type Review struct {
	ID       string     `json:"id"` // PAR-berlin-2026-Q1
	Site     string     `json:"site"`
	Quarter  string     `json:"quarter"`
	DueAt    *time.Time `json:"due_at,omitempty"`
	Reviewer string     `json:"reviewer"`
	State    string     `json:"state"`

	Compared string `json:"compared,omitempty"`
	Holders  *int   `json:"holders,omitempty"`
	Unneeded *int   `json:"unneeded,omitempty"`
	Ended    *int   `json:"ended,omitempty"`
	Note     string `json:"note,omitempty"`

	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy  string     `json:"reviewed_by,omitempty"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
	record.Withdrawal
}

// States of a review.
const (
	Planned   = "planned"
	Reviewed  = "reviewed"
	Confirmed = "confirmed" // somebody else has read it
)

const confirming = "site_review.confirm"

// Reviews describes the register of reviews of physical access.
var Reviews = record.Define[Review](record.Definition{
	Kind: "site_review", Register: "site_reviews", Title: "Physical access reviews", Singular: "Physical access review", At: "due_at", Fixed: []string{"site", "quarter"},
	Purpose: "The quarterly review of keys and badges of each site.",
	Opening: &record.Opening{Every: rounds.Quarter, Round: "quarter", About: "site", Owner: "reviewer", In: Open},
	States:  []string{Planned, Reviewed, Confirmed, record.Withdrawn},
	Settled: []record.Settled{{States: []string{Reviewed}, Fields: []string{"compared", "holders", "unneeded", "note"}}},
	Transitions: []record.Transition{
		{From: Planned, To: Reviewed, Required: []string{"compared", "holders", "unneeded", "ended"}, Stamp: []string{"reviewed_at", "reviewed_by"},
			Guards: []record.Guard{
				{Field: "unneeded", If: "item.unneeded <= item.holders", Why: "is more than there are holders"},
				{Field: "ended", If: "item.ended <= item.unneeded", Why: "is more than are unneeded"},
			}},
		{From: Reviewed, To: Confirmed, Permission: confirming, Offered: []string{"ended"}, NotBy: []string{"reviewed_by"}, Stamp: []string{"confirmed_at", "confirmed_by"},
			Guards: []record.Guard{{Field: "ended", If: "item.ended == item.unneeded", Why: "is less than are unneeded: every key and badge that nobody needs ends first"}}},
		{From: Reviewed, To: Planned, Permission: confirming, NotBy: []string{"reviewed_by"}, Required: []string{"note"}},
		record.Withdrawing(Planned), {From: record.Withdrawn, To: Planned}, // there is one for each site and quarter
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Review", Help: "Made of the site and the quarter, like PAR-berlin-2026-Q1: one for each."},
		{Name: "site", Label: "Site", Required: true, Refers: "site", Help: "The site, like site/berlin."},
		{Name: "quarter", Label: "Quarter", Required: true, Help: "The quarter, like 2026-Q1."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "The last day of the quarter.", LastDay: true},
		{Name: "reviewer", Label: "Reviewer", Required: true, Refers: kindPerson, Help: "Who is to do it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "compared", Label: "Compared", Section: "Result", Long: true, Help: "Which list of keys and badges was compared with which list of people: files of this record, exports."},
		{Name: "holders", Label: "Keys and badges", Help: "How many there are."},
		{Name: "unneeded", Label: "Not needed", Help: "How many are with somebody who does not need them, leavers included."},
		{Name: "ended", Label: "Ended", Help: "How many of those were blocked or taken back."},
		{Name: "note", Label: "Note", Long: true, Help: "What else was found; why it is done again."},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "confirmed_by", Label: "Confirmed by", Given: true},
		{Name: "confirmed_at", Label: "Confirmed", Given: true},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "site", Filter: true, Sort: true},
		{Field: "quarter", Filter: true},
		{Field: "reviewer", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "review", What: "Review who can get into the site", At: "due_at", Owner: "reviewer", Open: `item.state == "planned"`}},
})

var reviewIDs = record.NewOfRound("PAR", "site", "site/", `[a-z0-9-]{1,60}`, rounds.Quarter, "PAR-berlin-2026-Q1")

// Compose makes the id of site and quarter.
func (v *Review) Compose(*store.Reader) (string, error) { return reviewIDs.Compose(v.Site, v.Quarter) }

// Compute sets what follows from the id, and that what belongs to a state ends with
// it.
func (v *Review) Compute() {
	v.DueAt = nil
	if site, round, ok := reviewIDs.Parse(v.ID); ok {
		v.Site, v.Quarter, v.DueAt = cmp.Or(v.Site, site), cmp.Or(v.Quarter, round.Name), &round.DueAt
	}
	if v.State == Planned {
		v.ReviewedAt, v.ReviewedBy = nil, ""
	}
}

// Validate says what is wrong with a review.
func (v *Review) Validate() (wrong []record.FieldError) {
	wrong = reviewIDs.Check(v.ID, v.Site, v.Quarter)
	for field, n := range map[string]*int{"holders": v.Holders, "unneeded": v.Unneeded, "ended": v.Ended} {
		if n != nil && *n < 0 {
			wrong = append(wrong, record.Wrong(field, "is %d: a number from 0", *n))
		}
	}
	return append(wrong, record.Bounded(maxText, "compared", v.Compared, "note", v.Note)...)
}

// Before holds what was reviewed: only how many of the unneeded have ended may still
// rise.
func (v *Review) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	before := record.As[Review](old)
	switch {
	case before.State == Planned && v.State == Reviewed:
		return reviewIDs.Begun(tx, v.Quarter)
	case before.State == Confirmed:
		return record.Refuse("state", "is %s: it stays as it was", Confirmed)
	case before.State == Reviewed && v.State != Planned && (before.Compared != v.Compared || *before.Holders != *v.Holders || *before.Unneeded != *v.Unneeded || *v.Ended < *before.Ended):
		return record.Refuse("state", "is %s: what was found stays as it was said", Reviewed)
	}
	return nil
}

// SiteRound is the review of a site that was due in a quarter, done or not: the
// source site_rounds.
type SiteRound struct {
	ID          string     `json:"id"` // berlin@2026-Q1
	Site        string     `json:"site"`
	Owner       string     `json:"owner"`
	Review      string     `json:"review,omitempty"`
	Holders     *int       `json:"holders,omitempty"`
	Unneeded    *int       `json:"unneeded,omitempty"`
	Ended       *int       `json:"ended,omitempty"`
	DueAt       *time.Time `json:"due_at" day:"last"`
	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy  string     `json:"reviewed_by,omitempty"`
	ConfirmedBy string     `json:"confirmed_by,omitempty"`
}

// siteRounds are the reviews that fall due in the interval: of every site those of
// all quarters while it was open.
func siteRounds(past record.Past, from, to time.Time, give func(item any) error) error {
	reviews := map[string]*Review{}
	if err := past.Documents(Reviews.Name, from, to, func(doc json.RawMessage) error {
		v := &Review{}
		err := json.Unmarshal(doc, v)
		reviews[v.Site+"@"+v.Quarter] = v
		return err
	}); err != nil {
		return err
	}
	return past.Documents("site", time.Time{}, time.Time{}, func(doc json.RawMessage) error {
		s := &Site{}
		if err := json.Unmarshal(doc, s); err != nil {
			return err
		}
		for round := range rounds.Quarter.Due(s.ListedAt, s.ClosedAt, from, to) {
			item := &SiteRound{ID: s.ID + "@" + round.Name, Site: s.ID, Owner: s.Owner, DueAt: &round.DueAt}
			if v := reviews["site/"+item.ID]; v != nil {
				item.Review, item.Holders, item.Unneeded, item.Ended = Reviews.Name+"/"+v.ID, v.Holders, v.Unneeded, v.Ended
				item.ReviewedAt, item.ReviewedBy, item.ConfirmedBy = v.ReviewedAt, v.ReviewedBy, v.ConfirmedBy
			}
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}
