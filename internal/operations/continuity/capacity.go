package continuity

import (
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Backup is one that was due, as the program says that makes them.
type Backup struct {
	ID        string     `json:"id"`
	Store     string     `json:"store"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	DoneAt    *time.Time `json:"done_at,omitempty"`
	OK        *bool      `json:"ok,omitempty"`
	Encrypted *bool      `json:"encrypted,omitempty"`
	Elsewhere *bool      `json:"elsewhere,omitempty"`
	Checksum  string     `json:"checksum,omitempty"`
	Place     string     `json:"place,omitempty"`
}

// Backups describes the register of backups, which come by import or API.
var Backups = record.Define[Backup](record.Definition{
	Kind: "backup", Mirror: true, Register: "backups", Title: "Backups", Singular: "Backup", At: "due_at", Fixed: []string{"store", "due_at"},
	Purpose: "Backups that were due, and whether they were made.",
	Comes:   "They come from the program that makes them: by import or API.",
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Backup", Required: true, Help: "That of the program that makes it."},
		{Name: "store", Label: "Store", Required: true, Help: "What is backed up."},
		{Name: "due_at", Label: "Due", Required: true, Help: "When it was to be made."},
		{Name: "done_at", Label: "Made", Happened: true, Help: "When it was made; empty: not yet."},
		{Name: "ok", Label: "Complete", Help: "Whether it was made without an error."},
		{Name: "encrypted", Label: "Encrypted", Help: "Whether it is encrypted."},
		{Name: "elsewhere", Label: "Elsewhere", Help: "Whether it lies in another place than the store, under another account."},
		{Name: "checksum", Label: "Checksum", Help: "The checksum against which it was checked."},
		{Name: "place", Label: "Place", Help: "Where it lies."},
	},
	Columns: []record.Column{
		{Field: "store", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "done_at", Filter: true, Sort: true},
		{Field: "ok", Filter: true},
	},
})

// Validate says what is wrong with a backup.
func (b *Backup) Validate() (wrong []record.FieldError) {
	if b.ID == "" {
		wrong = append(wrong, record.Wrong("id", "is missing"))
	}
	return append(wrong, record.Bounded(maxText, "store", b.Store, "checksum", b.Checksum, "place", b.Place)...)
}

// Warning is that a resource passed its threshold. The record's instant is when.
type Warning struct {
	ID        string     `json:"id"`
	Resource  string     `json:"resource"`
	RaisedAt  *time.Time `json:"raised_at,omitempty"`
	Threshold float64    `json:"threshold"`
	Reading   float64    `json:"reading"`
	Owner     string     `json:"owner"`
	DueAt     *time.Time `json:"due_at,omitempty"`
	Decision  string     `json:"decision,omitempty"`
	Forecast  string     `json:"forecast,omitempty"`
	DecidedBy string     `json:"decided_by,omitempty"`
	DecidedAt *time.Time `json:"decided_at,omitempty"`
	State     string     `json:"state"`
}

// decideWithin is how long a warning may wait (the policy on continuity).
const decideWithin = 7 * 24 * time.Hour

// Warnings describes the register of warnings about capacity.
var Warnings = record.Define[Warning](record.Definition{
	Kind: "capacity_warning", Mirror: true, Register: "capacity_warnings", Title: "Capacity warnings", Singular: "Capacity warning", Named: "resource", Prefix: "CPW", At: "raised_at",
	Purpose: "What began to run short, and what was decided about it.",
	Fixed:   []string{"resource", "raised_at", "threshold", "reading"}, States: []string{"raised", "decided"},
	Transitions: []record.Transition{
		{From: "raised", To: "decided", Required: []string{"decision", "forecast"}, Stamp: []string{"decided_by", "decided_at"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "resource", Label: "Resource", Section: "Warning", Required: true, Help: "What runs out."},
		{Name: "raised_at", Label: "Raised", Required: true, Happened: true, Help: "When it passed its threshold: somebody decides within 7 days."},
		{Name: "threshold", Label: "Threshold", Help: "The threshold, such as 0.8."},
		{Name: "reading", Label: "Reading", Help: "What was read, such as 0.83."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who decides, as person/E1001."},
		{Name: "due_at", Label: "Due", Computed: true},
		{Name: "state", Label: "State"},
		{Name: "decision", Label: "Decision", Section: "Decision", Long: true, Help: "That it is extended, and by how much, or that it is enough, and why."},
		{Name: "forecast", Label: "Forecast", Help: "For how long it is enough then."},
		{Name: "decided_by", Label: "Decided by", Given: true},
		{Name: "decided_at", Label: "Decided", Given: true},
	},
	Columns: []record.Column{
		{Field: "resource", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "raised_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "decide", What: "Decide about what runs out", At: "due_at", Owner: "owner", Open: `item.state == "raised"`}},
})

// Compute sets by when somebody decides.
func (w *Warning) Compute() {
	w.DueAt = nil
	if w.RaisedAt != nil {
		due := w.RaisedAt.Add(decideWithin)
		w.DueAt = &due
	}
}

// Validate says what is wrong with a warning.
func (w *Warning) Validate() []record.FieldError {
	return record.Bounded(maxText, "resource", w.Resource, "decision", w.Decision, "forecast", w.Forecast)
}

// Before holds what was decided.
func (w *Warning) Before(_ *act.Tx, old any) error {
	if old != nil && record.As[Warning](old).State == "decided" {
		return record.Refuse("state", "is decided: it stays as it was")
	}
	return nil
}

// Outage is a time in which a service did not run as promised. The record's instant
// is when it began.
type Outage struct {
	ID        string           `json:"id"`
	Service   string           `json:"service"`
	Plan      string           `json:"plan,omitempty"`
	BeganAt   *time.Time       `json:"began_at,omitempty"`
	Owner     string           `json:"owner"`
	NoticedAt *time.Time       `json:"noticed_at,omitempty"`
	NoticedBy string           `json:"noticed_by,omitempty"`
	EndedAt   *time.Time       `json:"ended_at,omitempty"`
	Allowed   *record.Duration `json:"allowed,omitempty"`
	ToldAt    *time.Time       `json:"told_at,omitempty"`
	Cause     string           `json:"cause,omitempty"`
	ClosedBy  string           `json:"closed_by,omitempty"`
	ClosedAt  *time.Time       `json:"closed_at,omitempty"`
	Corrected string           `json:"corrected_why,omitempty"`
	CorrectBy string           `json:"corrected_by,omitempty"`
	ConfirmBy string           `json:"confirmed_by,omitempty"`
	ConfirmAt *time.Time       `json:"confirmed_at,omitempty"`
	State     string           `json:"state"`
}

// inOrder are what the times of an outage that is over have to be.
var inOrder = []record.Guard{
	{Field: "noticed_at", If: "item.noticed_at >= item.began_at", Why: "is before it began"},
	{Field: "ended_at", If: "item.ended_at >= item.began_at", Why: "is before it began"},
}

// States of an outage.
const (
	open      = "open"
	closed    = "closed"
	confirmed = "confirmed" // somebody who is not measured by it says that it is so
)

// correcting is for who is not measured by it: when an outage began, and how long it may
// last, say whether it was noticed and ended in time. What was confirmed is confirmed anew.
func correcting(from, to string, notBy, what, offered []string, guards []record.Guard) record.Transition {
	return record.Transition{
		From: from, To: to, Called: "Correct the record", Permission: "outage.correct", Required: append(what, "corrected_why"), Offered: offered,
		NotBy: notBy, Sets: []string{"corrected_why"}, Stamp: []string{"corrected_by"}, Guards: guards,
	}
}

// measured are by whom an outage was to be noticed, ended and told of.
var measured = []string{"owner", "closed_by"}

// notTheCorrector refuses who corrected what is confirmed.
func notTheCorrector(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	o := &Outage{}
	if err := json.Unmarshal(doc, o); err != nil {
		return err
	}
	if caller.ID == o.CorrectBy {
		return fmt.Errorf("%w: %s corrected %s, and does not confirm it", act.ErrSamePerson, caller.ID, o.ID)
	}
	return nil
}

// Outages describes the register of outages.
var Outages = record.Define[Outage](record.Definition{
	Kind: "outage", Register: "outages", Title: "Outages", Singular: "Outage", Named: "service", Prefix: "OUT", At: "began_at",
	Purpose: "Times in which a service did not run as promised, and why.",
	States:  []string{open, closed, confirmed},
	Settled: []record.Settled{{States: []string{open}, Fields: []string{"service", "plan", "began_at"}}, {States: []string{closed, confirmed}}},
	Transitions: []record.Transition{
		{From: open, To: closed, Required: []string{"noticed_at", "noticed_by", "ended_at", "allowed", "cause"}, Offered: []string{"told_at"}, Stamp: []string{"closed_by", "closed_at"}, Guards: inOrder},
		correcting(open, open, measured[:1], []string{"began_at"}, []string{"service", "plan"}, nil),
		correcting(closed, closed, measured, []string{"began_at", "noticed_at", "noticed_by", "ended_at", "allowed"}, []string{"told_at", "plan"}, inOrder),
		correcting(confirmed, closed, measured, []string{"began_at", "noticed_at", "noticed_by", "ended_at", "allowed"}, []string{"told_at", "plan"}, inOrder),
		{From: closed, To: confirmed, Permission: "outage.confirm", NotBy: measured, Who: notTheCorrector, Stamp: []string{"confirmed_by", "confirmed_at"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "service", Label: "Service", Section: "Outage", Required: true, Help: "What did not run as promised."},
		{Name: "plan", Label: "Plan", Refers: kindPlan, Help: "The continuity plan of the function, like continuity_plan/PLN-1: its recovery time is how long it may last."},
		{Name: "began_at", Label: "Began", Required: true, Happened: true, Help: "When it began."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who ends it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "noticed_at", Label: "Noticed", Section: "What was done", Happened: true, Help: "When it was noticed."},
		{Name: "noticed_by", Label: "Noticed by", Choices: []string{"alert", "customer", "person"}, Help: "Who or what noticed it first."},
		{Name: "ended_at", Label: "Ended", Happened: true, Help: "When it ended."},
		{Name: "allowed", Label: "Allowed", Help: "How long it may last by what is promised, such as 1 hour. Where a plan in force is named it is at most that one's recovery time, which stands there where nobody says less."},
		{Name: "told_at", Label: "Customers told", Happened: true, Help: "When customers were told."},
		{Name: "cause", Label: "Cause", Long: true, Help: "Why it came about, and what follows from it."},
		{Name: "closed_by", Label: "Closed by", Given: true},
		{Name: "closed_at", Label: "Closed", Given: true},
		{Name: "corrected_why", Label: "Why it was corrected", Given: true, Long: true, Help: "What was recorded wrongly, and how it is known."},
		{Name: "corrected_by", Label: "Corrected by", Given: true},
		{Name: "confirmed_by", Label: "Confirmed by", Given: true},
		{Name: "confirmed_at", Label: "Confirmed", Given: true},
	},
	Columns: []record.Column{
		{Field: "service", Filter: true, Sort: true},
		{Field: "plan", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "noticed_by", Filter: true},
		{Field: "state", Filter: true},
		{Field: "began_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "end", What: "End the outage", At: "began_at", Owner: "owner", Open: `item.state == "open"`}},
})

// Validate says what is wrong with an outage.
func (o *Outage) Validate() []record.FieldError {
	return record.Bounded(maxText, "service", o.Service, "cause", o.Cause, "corrected_why", o.Corrected)
}

// Compute ends what belongs to a state with it.
func (o *Outage) Compute() {
	if o.State != confirmed {
		o.ConfirmBy, o.ConfirmAt = "", nil
	}
}

// Before sets how long an outage may last at most whose plan says it: whoever ends it does
// not. Once it is closed others correct that.
func (o *Outage) Before(tx *act.Tx, old any) error {
	before := &Outage{}
	if old != nil {
		before = record.As[Outage](old)
	}
	if o.Plan == "" || before.State == closed || before.State == confirmed {
		return nil
	}
	p, _, err := record.Load[Plan](&tx.Reader, Plans, o.Plan)
	if err != nil {
		return err
	}
	if p.State != InForce || p.RecoveryTime == nil {
		return nil
	}
	if within(o.Allowed, p.RecoveryTime) { // less may be promised
		return nil
	}
	if o.Allowed != nil && (before.Allowed == nil || *o.Allowed != *before.Allowed) {
		return record.Refuse("allowed", "is %s, and %s says %s: leave it out, or say what was promised that is less", o.Allowed.Words(), o.Plan, p.RecoveryTime.Words())
	}
	o.Allowed = p.RecoveryTime
	return nil
}
