// Package notifications tells people, and programs of the organisation, what
// concerns them: once for each cause and recipient.
//
// A cause is an event of the ledger, or a deadline at a moment. Whoever knows of it
// (package surface) says who is to be told what; Tell writes that down, in one
// transaction with the jobs that send it and with the event that says so. That is
// the portal's inbox. Every other channel is a delivery, which is tried again until
// it is taken or given up, and either is an event.
//
// Never twice for one cause: the notification's key is (cause, recipient), that of
// a delivery (notification, channel). Between the moment at which a mail server,
// Slack or a program takes a message and the one at which that is recorded, the
// process can die, and the message is sent again: then it has the same id
// (package notify). No protocol of these three can do better.
package notifications

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/store"
)

// Kind is a kind of message: what people choose by.
type Kind struct {
	Name  string
	Title string
	Help  string
	// Organization: it is told to the holders of Roles, and on the organisation's
	// own channels; otherwise to whom it concerns.
	Organization bool
	Roles        []string
	// Digest: people get it with the day's digest, unless they choose otherwise.
	Digest bool
	// Urgent messages know neither digest nor quiet hours.
	Urgent bool
	// Given: whoever makes the message says by which channels it goes; people choose
	// only when it comes.
	Given bool
}

// Names of kinds.
const (
	Duty           = "duty"
	Deadline       = "deadline"
	Acknowledgment = "acknowledgment"
	Training       = "training"
	Announcement   = "announcement"
	Review         = "review"
	Escalation     = "escalation"
	Deviation      = "deviation"
	Job            = "job"
	Ledger         = "ledger"
	Test           = "test"
)

// Kinds are all of them, in the order of forms.
var Kinds = []Kind{
	{Name: Duty, Title: "Duties", Help: "A duty of yours is due, late or missed.", Digest: true},
	{Name: Deadline, Title: "Deadlines", Help: "A deadline in a record of yours is near, or has passed.", Digest: true},
	{Name: Acknowledgment, Title: "Policies", Help: "A policy waits for your acknowledgment.", Digest: true},
	{Name: Training, Title: "Training", Help: "A training was assigned to you.", Digest: true},
	{Name: Announcement, Title: "Announcements", Help: "Something was announced to you. It comes by the channels for which it was approved.", Given: true},
	{Name: Review, Title: "Reviews", Help: "Something waits for a review or an approval that you may give, or what you proposed was rejected."},
	{Name: Escalation, Title: "Escalations", Help: "Something overdue, or an announcement of yours that did not go out, was brought to you."},
	{Name: Deviation, Title: "Deviations", Help: "What was not done becomes a deviation that stays, unless somebody acts.", Organization: true, Roles: []string{"compliance"}, Digest: true},
	{Name: Job, Title: "Jobs of SCAF", Help: "Something that SCAF does on its own failed for good, a feed cannot be read any more, or the HR system does not hold what was acknowledged.", Organization: true, Roles: []string{"administrator", "compliance"}},
	{Name: Ledger, Title: "The ledger", Help: "The verification of the ledger failed.", Organization: true, Roles: []string{"administrator", "ciso", "compliance"}, Urgent: true},
	{Name: Test, Title: "Tests", Help: "Somebody tried whether you can be reached.", Urgent: true},
}

// Find is the kind with this name; nil when there is none.
func Find(name string) *Kind {
	if i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name }); i >= 0 {
		return &Kinds[i]
	}
	return nil
}

// Channels to people. Those of the organisation have names of their own.
const (
	Email = "email"
	Slack = "slack"
)

// Organization is the recipient that stands for all of it, and has channels and no
// inbox.
const Organization = "organization"

// Note is what somebody is to be told.
type Note struct {
	// Cause makes it the same note when it comes again: "event/812",
	// "finding/FND-1 close 2026-03-01 late". It holds nothing that is secret.
	Cause     string
	Recipient string // "person/E1001", "account/ann", Organization
	Kind      string
	About     string // reference of what it is about
	Title     string // one line
	Text      string // paragraphs
	Path      string // of the portal's page
	// Channels are those by which it goes, where the kind's are given. One that is not
	// configured is a delivery that fails.
	Channels []string
}

// Rules are how this organisation tells people.
type Rules struct {
	Zone *time.Location
	// Hour and Minute are when digests go out, in the zone.
	Hour, Minute int
	// Channels are those to people that are configured.
	Channels []string
	// Own are the organisation's channels, with the kinds that each is told.
	Own map[string][]string
	// PortalURL is what paths are put behind in messages; empty: messages have no
	// links.
	PortalURL string
	// Name is the organisation's.
	Name string
}

// Address is how somebody is reached.
type Address struct {
	Email string // empty: none is known
	// Gone: they have left, or their account is disabled, and are told nothing more.
	Gone bool
}

// Directory knows the recipients.
type Directory interface {
	Address(r *store.Reader, recipient string) (Address, error)
}

// Desk is where notifications are written, sent and read.
type Desk struct {
	Door     *act.Door
	Rules    Rules
	People   Directory
	Channels map[string]notify.Channel // by name

	ended *prometheus.CounterVec
}

// NewDesk returns a desk; its metrics are those of a prometheus.Collector.
func NewDesk(door *act.Door, rules Rules, people Directory, channels map[string]notify.Channel) *Desk {
	d := &Desk{Door: door, Rules: rules, People: people, Channels: channels, ended: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "scaf_notification_deliveries_total",
		Help: "Notifications whose delivery on a channel came to an end, by outcome: delivered, failed (given up).",
	}, []string{"channel", "outcome"})}
	for name := range channels {
		for _, outcome := range []string{Delivered, Failed} {
			d.ended.WithLabelValues(name, outcome)
		}
	}
	return d
}

// Errors.
var (
	// ErrNone: there is no such notification, or no such delivery of it.
	ErrNone = errors.New("there is no such notification")
	// ErrState: the delivery is not one that failed.
	ErrState = errors.New("it did not fail")
	// ErrChannel: the channel is not configured.
	ErrChannel = errors.New("the channel is not configured")
)
