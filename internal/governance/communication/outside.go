package communication

import (
	"time"

	"scaf.dev/scaf/internal/record"
)

// Commitment is what is promised to customers. The record's instant is when it, or its
// change, takes effect.
type Commitment struct {
	ID                string     `json:"id"`
	Title             string     `json:"title"`
	Owner             string     `json:"owner"`
	Document          string     `json:"document,omitempty"`
	CustomerDuties    string     `json:"customer_duties,omitempty"`
	SystemDescription string     `json:"system_description,omitempty"`
	Changes           string     `json:"changes,omitempty"`
	EffectiveAt       *time.Time `json:"effective_at,omitempty"`
	ToldAt            *time.Time `json:"told_at,omitempty"`
	ToldBy            []string   `json:"told_by,omitempty"`
	Writers           []string   `json:"writers,omitempty"` // of what is approved
	State             string     `json:"state"`
	ApprovedAt        *time.Time `json:"approved_at,omitempty"`
	ApprovedBy        string     `json:"approved_by,omitempty"`
	record.Withdrawal
}

const kindCommitment = "commitment"

// Commitments describes the register of what is promised.
var Commitments = record.Define[Commitment](record.Definition{
	Kind: kindCommitment, Register: "commitments", Title: "Commitments to customers", Singular: "Commitment", Prefix: "COM", At: "effective_at", Authors: "writers",
	Purpose: "What customers were promised, and when they were told of a change.",
	States:  []string{"draft", "approved", "in_force", "ended", record.Withdrawn},
	// What was approved, and told: another promise is a record of its own.
	Settled: []record.Settled{
		{States: []string{"approved", "in_force"}, Fields: []string{"title", "changes", "document", "customer_duties", "system_description", "effective_at"}},
		{States: []string{"in_force"}, Fields: []string{"told_at", "told_by"}},
	},
	Transitions: []record.Transition{
		{From: "draft", To: "approved", Permission: "commitment.approve", Required: []string{"document", "customer_duties", "system_description", "effective_at"},
			NotBy: []string{"owner", "writers"}, Stamp: []string{"approved_at", "approved_by"}},
		{From: "approved", To: "draft"}, // it is written, and approved, anew
		{From: "approved", To: "in_force", Required: []string{"told_at", "told_by"}},
		record.Withdrawing("draft"), record.Withdrawing("approved").By("commitment.approve"),
		{From: "in_force", To: "ended"},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Commitment", Required: true, Help: "What is promised, in a line. A change is a record of its own."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "changes", Label: "What changes", Long: true, Help: "What was promised before, where it was another thing."},
		{Name: "document", Label: "Document", Help: "Where customers read it: the terms, the agreement on service levels."},
		{Name: "customer_duties", Label: "Customers' part", Long: true, Help: "What customers have to do themselves."},
		{Name: "system_description", Label: "System description", Help: "The part of the description of the system that says so, too."},
		{Name: "state", Label: "State"},
		{Name: "writers", Label: "Written by", Given: true},
		{Name: "approved_at", Label: "Approved", Section: "Customers", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "effective_at", Label: "In effect from", Help: "From when it holds."},
		{Name: "told_at", Label: "Customers told", Happened: true, Help: "When customers were told: no later than it takes effect."},
		{Name: "told_by", Label: "How", Shows: true, Help: "By which announcement or message: announcement/ANN-1, an address, a file of this record."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "effective_at", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "told_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "tell", What: "Tell customers of the change", At: "effective_at", Owner: "owner", Open: `!has(item.told_at) && item.state != "ended" && item.state != "withdrawn"`}},
})

// Compute ends an approval with its state.
func (c *Commitment) Compute() {
	if c.State == "draft" {
		c.ApprovedAt, c.ApprovedBy = nil, ""
	}
}

// Report is what somebody outside has reported: a weakness, a worry, misconduct. Who
// they are stays out of it, unless they want an answer. The record's instant is when
// it was received.
type Report struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	What       string     `json:"what,omitempty"`
	Channel    string     `json:"channel"`
	Anonymous  *bool      `json:"anonymous,omitempty"`
	ReceivedAt *time.Time `json:"received_at,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	RoutedTo   string     `json:"routed_to"`
	State      string     `json:"state"`

	Assessment string     `json:"assessment,omitempty"`
	Became     string     `json:"became,omitempty"`
	Answer     string     `json:"answer,omitempty"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
	AnsweredBy string     `json:"answered_by,omitempty"`
}

// answerWithin is how long whoever reports something waits for an answer.
const answerWithin = 5 * 24 * time.Hour

// Reports describes the register of reports from outside.
var Reports = record.Define[Report](record.Definition{
	Kind: "outside_report", Register: "outside_reports", Title: "Reports from outside", Singular: "Report from outside", Prefix: "OUT", At: "received_at",
	Purpose: "What people from outside told us, who deals with it, and the answer.",
	Fixed:   []string{"received_at"},
	States:  []string{"received", "answered"},
	Transitions: []record.Transition{
		{From: "received", To: "answered", Required: []string{"assessment", "answer"}, Offered: []string{"became"}, Stamp: []string{"answered_at", "answered_by"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "title", Label: "Title", Section: "Report", Required: true, Help: "What it is about, in a line."},
		{Name: "what", Label: "What was reported", Long: true, Help: "What they say, without who they are."},
		{Name: "channel", Label: "Channel", Required: true, Choices: []string{"form", "e-mail", "telephone", "post", "social network", "other"}, Help: "How it came."},
		{Name: "anonymous", Label: "Without a name", Help: "Whether whoever reported it gave no name."},
		{Name: "received_at", Label: "Received", Required: true, Happened: true, Help: "When it came."},
		{Name: "due_at", Label: "Answer due", Computed: true, Help: "Five days after it came."},
		{Name: "routed_to", Label: "Routed to", Required: true, Refers: "person", Help: "Who can act on it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "assessment", Label: "Assessment", Section: "Answer", Long: true, Help: "What it is, and what is done about it."},
		{Name: "became", Label: "Became", Help: "What came of it: finding/FND-1, incident/INC-1, a ticket."},
		{Name: "answer", Label: "Answer", Long: true, Help: "What they were told; where there is nobody to tell, where it was published."},
		{Name: "answered_at", Label: "Answered", Given: true},
		{Name: "answered_by", Label: "Answered by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "received_at", Filter: true, Sort: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "channel", Filter: true},
		{Field: "routed_to", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "answer", What: "Answer the report from outside", At: "due_at", Owner: "routed_to", Open: `item.state == "received"`}},
})

// Compute sets by when it is to be answered.
func (r *Report) Compute() {
	r.DueAt = nil
	if r.ReceivedAt != nil {
		due := r.ReceivedAt.Add(answerWithin)
		r.DueAt = &due
	}
}
