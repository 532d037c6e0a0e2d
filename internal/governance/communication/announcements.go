// Package communication holds what is told inside and outside: announcements,
// what is promised to customers, and what people outside report.
package communication

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Announcement is something that people are told, by channels that they read. The
// record's instant is when it was approved.
type Announcement struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Audience string   `json:"audience"`
	Channels []string `json:"channels"`
	Author   string   `json:"author"`
	Authors  []string `json:"authors,omitempty"`
	State    string   `json:"state"`

	// What it is about, if it is about a record.
	PolicyVersion string `json:"policy_version,omitempty"`
	Regulation    string `json:"regulation,omitempty"`
	Commitment    string `json:"commitment,omitempty"`

	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	// ApprovedWith is the record with whose approval this was approved, ReleasedAt when it
	// was made then: it is told from there on.
	ApprovedWith string     `json:"approved_with,omitempty"`
	ReleasedAt   *time.Time `json:"released_at,omitempty"`
	Deliveries   []Delivery `json:"deliveries,omitempty"`
	// RedraftedReason is why the approval was ended, when last.
	RedraftedReason string `json:"redrafted_reason,omitempty"`
	// Unreached are the channels by which it was sent and did not reach everybody.
	Unreached   []Failure  `json:"unreached,omitempty"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	DeliveredBy string     `json:"delivered_by,omitempty"`
	record.Withdrawal
}

// Delivery says that an announcement went out by a channel.
type Delivery struct {
	Channel   string     `json:"channel" doc:"One of the announcement's."`
	At        *time.Time `json:"at" label:"When" happened:"true"`
	Reference string     `json:"reference" doc:"What finds it again: the message's address or id."`
}

// Failure says why an announcement did not go out by a channel.
type Failure struct {
	Channel string `json:"channel"`
	Why     string `json:"why"`
}

// States of an announcement.
const (
	Draft     = "draft"
	Approved  = "approved"  // its text stays, and it goes out
	Delivered = "delivered" // it went out by each of its channels
)

// Channels by which SCAF tells people inside what is announced.
const (
	Portal = "portal"
	Slack  = "Slack"
	Email  = "e-mail"
)

// Channels by which people are told.
var Channels = []string{Portal, Slack, Email, "meeting", "website"}

// Customers are an audience whom SCAF cannot reach: somebody tells them.
const Customers = "customers"

// Announcements describes the register of announcements.
var Announcements = record.Define[Announcement](record.Definition{
	Kind: "announcement", Register: "announcements", Title: "Announcements", Singular: "Announcement", Prefix: "ANN", At: "approved_at", Author: "author", Authors: "authors",
	Purpose: "What everybody or a group is told, and by which ways it reached them.",
	States:  []string{Draft, Approved, Delivered, record.Withdrawn},
	Settled: []record.Settled{{States: []string{Approved, Delivered}, Fields: []string{"title", "text", "audience", "channels", "policy_version", "regulation", "commitment"}}},
	Transitions: []record.Transition{
		{From: Draft, To: Approved, Permission: "announcement.approve", NotBy: []string{"author", "authors"}, Stamp: []string{"approved_at", "approved_by"}},
		{From: Approved, To: Draft, Required: []string{"redrafted_reason"}, Sets: []string{"redrafted_reason"}},
		record.Withdrawing(Draft),
		{From: Approved, To: Delivered, Required: []string{"deliveries"}, Stamp: []string{"delivered_at", "delivered_by"},
			Guards: []record.Guard{
				{Field: "deliveries", If: `item.channels.all(c, item.deliveries.exists(d, d.channel == c))`, Why: "lacks a channel: it goes out by each of its channels"},
				{Field: "deliveries", If: `item.deliveries.all(d, d.at >= (has(item.released_at) ? item.released_at : item.approved_at))`, Why: "has one before it was approved: it goes out after its approval"},
			}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Announcement", Required: true, Help: "What it says, in a line."},
		{Name: "text", Label: "Text", Required: true, Long: true, Markdown: true, Help: "What people read."},
		{Name: "audience", Label: "Audience", Required: true, Choices: []string{"everybody", "engineers", "managers", "executives", Customers}, Help: "Who is told."},
		{Name: "channels", Label: "Channels", Required: true, Choices: Channels, Help: "By which channels: at least one that the audience reads. SCAF tells people inside by portal, Slack and e-mail once it is approved."},
		{Name: "policy_version", Label: "Policy version", Refers: "policy_version", Help: "The policy's version that it is about, like policy_version/PV-7."},
		{Name: "regulation", Label: "Regulation", Refers: "regulation", Help: "The regulation that it is about, like regulation/REG-1."},
		{Name: "commitment", Label: "Commitment", Refers: kindCommitment, Help: "What is promised to customers and changes, like commitment/COM-1."},
		{Name: "state", Label: "State"},
		{Name: "author", Label: "Author"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "approved_at", Label: "Approved", Section: "Delivery", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_with", Label: "Approved with", Given: true, Refers: "policy_version", Help: "The policy's version whose approval is that of its announcement: whoever approved the text, which everybody has to know, approved that it is told."},
		{Name: "released_at", Label: "Made", Given: true, Help: "When the version came into force, and SCAF made its announcement."},
		{Name: "redrafted_reason", Label: "Why it went back to draft", Given: true, Long: true, Help: "What has to be another. This ends the approval; what was sent stays sent, and approving it again sends it again to everybody."},
		{Name: "deliveries", Label: "Deliveries", Help: "By each channel when, and how to find it again. SCAF writes down what it sent."},
		{Name: "unreached", Label: "Did not go out", Given: true, Help: "By which channels it did not reach its audience, and what to do about it."},
		{Name: "delivered_at", Label: "Delivered", Given: true},
		{Name: "delivered_by", Label: "Delivered by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "approved_at", Filter: true, Sort: true},
		{Field: "audience", Filter: true},
		{Field: "policy_version", Filter: true},
		{Field: "regulation", Filter: true},
		{Field: "commitment", Filter: true},
		{Field: "author", Filter: true},
		{Field: "state", Filter: true},
	},
})

// Compute ends an approval with its state: another text is approved anew.
func (a *Announcement) Compute() {
	if a.State == Draft {
		a.ApprovedAt, a.ApprovedBy, a.ApprovedWith, a.ReleasedAt = nil, "", "", nil
	}
	if a.State != Approved {
		a.Unreached = nil
	}
}

// Before keeps what was approved: another text goes back to being a draft. A form's time has no
// seconds: what went out in the minute of the approval went out after it.
func (a *Announcement) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	was := record.As[Announcement](old)
	if was.State != Draft && (a.Title != was.Title || a.Text != was.Text || a.Audience != was.Audience || !slices.Equal(a.Channels, was.Channels)) {
		return &record.Invalid{Fields: []record.FieldError{{Field: "state", Problem: "is " + was.State + ": the text stays as it was approved, unless it is moved back to draft"}}}
	}
	for i, one := range a.Deliveries {
		if from := a.From(); was.State == Approved && from != nil && one.At != nil && one.At.Equal(from.Truncate(time.Minute)) {
			a.Deliveries[i].At = from
		}
	}
	if was.State != Approved || a.State != Approved || a.From() == nil {
		return nil
	}
	// One of before it was approved is of an earlier text: SCAF would leave it out.
	for i, one := range a.Deliveries {
		if one.At != nil && one.At.Before(*a.From()) && !slices.ContainsFunc(was.Deliveries, func(d Delivery) bool { return d.Channel == one.Channel && record.SameTime(d.At, one.At) }) {
			return record.Refuse(record.Within("deliveries", i, "at"), "lies before %s, when it was approved: it goes out after that", a.From().In(tx.Zone()).Format("2006-01-02 15:04"))
		}
	}
	return nil
}

// Validate says what is wrong with an announcement.
func (a *Announcement) Validate() (wrong []record.FieldError) {
	for i, one := range a.Deliveries {
		if !slices.Contains(a.Channels, one.Channel) {
			wrong = append(wrong, record.Wrong(record.Within("deliveries", i, "channel"), "%q is no channel of the announcement: %s", one.Channel, strings.Join(a.Channels, ", ")))
		}
		if one.At == nil {
			wrong = append(wrong, record.Wrong(record.Within("deliveries", i, "at"), "is missing"))
		}
		wrong = append(wrong, record.Missing("deliveries", i, "reference", one.Reference)...)
	}
	return wrong
}

// Missing are the channels by which an announcement has not gone out since it may be
// told.
func (a *Announcement) Missing() []string {
	return slices.DeleteFunc(slices.Clone(a.Channels), func(channel string) bool {
		return slices.ContainsFunc(a.Deliveries, func(d Delivery) bool {
			return d.Channel == channel && d.At != nil && a.From() != nil && !d.At.Before(*a.From())
		})
	})
}

// From is when an announcement may be told: since it was approved, or made of what was
// approved before; nil while it is a draft.
func (a *Announcement) From() *time.Time {
	if a.ReleasedAt != nil {
		return a.ReleasedAt
	}
	return a.ApprovedAt
}

// Unreached is the verb of the event that an announcement did not go out by a channel.
const Unreached = "unreached"

// Went records that an announcement, which was read in a version, went out by some of
// the channels that are missing, and by which it was sent and did not; and, when none is
// missing any more, that it was delivered. Nothing is written where it says so already.
// record.ErrStale: it has changed meanwhile.
func Went(ctx context.Context, door *act.Door, caller act.Caller, a *Announcement, version int, by []Delivery, not []Failure) error {
	if len(by) == 0 && slices.Equal(a.Unreached, not) {
		return nil
	}
	missing := a.Missing()
	whole := *a
	whole.Unreached = not
	whole.Deliveries = slices.DeleteFunc(slices.Clone(a.Deliveries), func(d Delivery) bool { return slices.Contains(missing, d.Channel) }) // of an approval before
	whole.Deliveries = append(whole.Deliveries, by...)
	ref := Announcements.Name + "/" + a.ID
	if len(whole.Missing()) == 0 {
		all, err := json.Marshal(whole.Deliveries)
		if err != nil {
			return err
		}
		_, err = door.Do(ctx, caller, "announcement.move", ref, func(tx *act.Tx) error {
			_, err := record.Move(tx, Announcements, a.ID, version, Delivered, "", map[string]json.RawMessage{"deliveries": all})
			return err
		})
		return err
	}
	verb := "set"
	if slices.ContainsFunc(not, func(f Failure) bool { return !slices.Contains(a.Unreached, f) }) {
		verb = Unreached
	}
	_, err := door.Do(ctx, caller, "announcement.set", ref, func(tx *act.Tx) error {
		_, err := record.Put(tx, Announcements, record.Change{Verb: verb, ID: a.ID, Doc: &whole, Expect: version})
		return err
	})
	return err
}
