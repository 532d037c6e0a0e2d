package regulations

import (
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/record"
)

// Feed is an RSS or Atom feed of somebody who tells of changes of rules.
type Feed struct {
	ID           string `json:"id"`
	Title        string `json:"title"`
	URL          string `json:"url"`
	Jurisdiction string `json:"jurisdiction"`
	Owner        string `json:"owner"`
	State        string `json:"state"`

	FetchedAt *time.Time `json:"fetched_at,omitempty"` // the last time at which it could be read
	TriedAt   *time.Time `json:"tried_at,omitempty"`
	Failure   string     `json:"failure,omitempty"` // why it could not be read the last time
	Taken     int        `json:"taken,omitempty"`   // notices so far
	Unread    int        `json:"unread,omitempty"`  // entries that were beyond the first ones the last time
}

// States of a feed.
const (
	Followed = "followed"
	Paused   = "paused"
)

const kindFeed = "regulatory_feed"

// Failing is what becomes of a feed that could be read the last time, and cannot now.
const Failing = "failing"

// Feeds describes the register of feeds.
var Feeds = record.Define[Feed](record.Definition{
	Kind: kindFeed, Register: "regulatory_feeds", Title: "Regulatory feeds", Singular: "Regulatory feed", Prefix: "FEED", At: "fetched_at",
	Purpose:     "Where authorities publish news that SCAF reads every day.",
	Shown:       []string{"failure"},
	States:      []string{Followed, Paused},
	Transitions: []record.Transition{{From: Followed, To: Paused}, {From: Paused, To: Followed}},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Feed", Required: true, Help: "Whose feed it is, and of what."},
		{Name: "url", Label: "Address", Required: true, Help: "Of the feed (RSS or Atom), like https://authority.example/feed.xml. It is read every day."},
		{Name: "jurisdiction", Label: "Jurisdiction", Required: true, Help: "Whose rules it tells of, like EU, Germany, California."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who looks through what it brings, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "fetched_at", Label: "Read", Section: "Last time", Given: true},
		{Name: "tried_at", Label: "Tried", Given: true},
		{Name: "failure", Label: "Failure", Given: true},
		{Name: "taken", Label: "Notices", Given: true},
		{Name: "unread", Label: "Entries not read", Given: true, Help: "How many entries the feed had beyond its first 200, which are read each day: look through them where it is published."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "fetched_at", Filter: true, Sort: true},
		{Field: "jurisdiction", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "failure", Filter: true, Scanned: true},
	},
})

// Validate says what is wrong with a feed.
func (f *Feed) Validate() []record.FieldError {
	if f.URL == "" {
		return nil
	}
	if err := outbound.CheckURL(f.URL); err != nil {
		return []record.FieldError{{Field: "url", Problem: err.Error()}}
	}
	return nil
}

// Notice is what a feed has brought. The record's instant is when it was found.
type Notice struct {
	ID           string     `json:"id"`
	Title        string     `json:"title"`
	Link         string     `json:"link,omitempty"`
	Summary      string     `json:"summary,omitempty"`
	Feed         string     `json:"feed"`
	Jurisdiction string     `json:"jurisdiction,omitempty"`
	Owner        string     `json:"owner"`
	PublishedAt  *time.Time `json:"published_at,omitempty"`
	FoundAt      *time.Time `json:"found_at,omitempty"`
	DueAt        *time.Time `json:"due_at,omitempty"`
	State        string     `json:"state"`

	Regulation string     `json:"regulation,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	SettledAt  *time.Time `json:"settled_at,omitempty"`
	SettledBy  string     `json:"settled_by,omitempty"`
}

// States of a notice.
const (
	New       = "new"
	Taken     = "taken" // into the register of regulations
	Dismissed = "dismissed"
)

// triage is how long a notice may lie.
const triage = 14 * 24 * time.Hour

const kindNotice = "regulatory_notice"

// Notices describes the triage list.
var Notices = record.Define[Notice](record.Definition{
	Kind: kindNotice, Register: "regulatory_notices", Title: "Regulatory notices", Singular: "Regulatory notice", At: "found_at",
	Purpose: "News from authorities: to be taken up as a regulation or dismissed.",
	Comes:   "SCAF brings them from the feeds.",
	Fixed:   []string{"feed", "found_at"},
	States:  []string{New, Taken, Dismissed},
	Settled: []record.Settled{{States: []string{Taken, Dismissed}, Fields: []string{"title", "link", "summary", "jurisdiction", "published_at", "regulation", "reason"}}},
	Transitions: []record.Transition{
		{From: New, To: Taken, Called: "Name what it became", Required: []string{"regulation"}, Stamp: []string{"settled_at", "settled_by"}},
		{From: New, To: Dismissed, Required: []string{"reason"}, Stamp: []string{"settled_at", "settled_by"}},
		{From: Dismissed, To: New},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Required: true, Help: "SCAF gives it to what a feed brings. Of one that somebody adds, any that is not taken."},
		{Name: "title", Label: "Title", Section: "Notice", Required: true, Help: "What it is about."},
		{Name: "link", Label: "Address", Help: "Where it can be read."},
		{Name: "summary", Label: "Summary", Long: true, Help: "What it says, in short."},
		{Name: "feed", Label: "Feed", Required: true, Refers: kindFeed, Help: "The feed that brought it, like regulatory_feed/FEED-1."},
		{Name: "jurisdiction", Label: "Jurisdiction", Help: "Whose rules it tells of."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who says what it means, as person/E1001."},
		{Name: "published_at", Label: "Published", Help: "When the source says that it was published."},
		{Name: "found_at", Label: "Found", Required: true, Happened: true, Help: "When SCAF read it, or somebody did."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "By when somebody has said what it means: 14 days after it was found."},
		{Name: "state", Label: "State"},
		{Name: "regulation", Label: "Regulation", Section: "Decision", Refers: kindRegulation, Help: "The record in the register of regulations that it became, or changes."},
		{Name: "reason", Label: "Why not", Help: "Why nothing follows from it."},
		{Name: "settled_at", Label: "Settled", Given: true},
		{Name: "settled_by", Label: "Settled by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "found_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "published_at", Filter: true, Sort: true},
		{Field: "feed", Filter: true},
		{Field: "jurisdiction", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "regulation", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "triage", What: "Say what the notice means", At: "due_at", Owner: "owner", Open: `item.state == "new"`}},
})

// Compute sets the due date, and that a decision ends when the notice is new again.
func (n *Notice) Compute() {
	n.DueAt = nil
	if n.FoundAt != nil {
		due := n.FoundAt.Add(triage)
		n.DueAt = &due
	}
	if n.State == New {
		n.SettledAt, n.SettledBy = nil, ""
	}
}

// Validate says what is wrong with a notice.
func (n *Notice) Validate() []record.FieldError { return address(n.Link) }

// address says what is wrong with where something can be read; empty is right.
func address(link string) []record.FieldError {
	if link != "" && !strings.HasPrefix(link, "https://") && !strings.HasPrefix(link, "http://") {
		return []record.FieldError{{Field: "link", Problem: fmt.Sprintf("%.40q is no address like https://authority.example/text", link)}}
	}
	return nil
}
