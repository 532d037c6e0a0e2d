// Package hris keeps what the HR system was told and what it holds: the narrative
// says that acknowledgments of policies are stored there. Each answer is sent to it
// once, and what it then holds is read back and held against the register.
package hris

import (
	"encoding/json"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/platform/webhook"
	"scaf.dev/scaf/internal/record"
)

// Types of the messages that the HR system is sent.
const (
	AcknowledgedType = "acknowledgment.acknowledged"
	RefusedType      = "acknowledgment.refused"
)

// Answer is somebody's answer to a text of a policy, as both systems know it.
type Answer struct {
	Acknowledgment string `json:"acknowledgment"` // PV-7.E1001
	Person         string `json:"person"`         // the number in the HR system: E1001
	Policy         string `json:"policy"`         // access-control
	Version        string `json:"version"`        // PV-7
	// SHA256 is of the text that was put to the person, lowercase hex.
	SHA256     string    `json:"sha256"`
	AnsweredAt time.Time `json:"answered_at"`
}

// Body is the message that tells of an answer. The same answer gives the same bytes.
func Body(kind string, a Answer) ([]byte, error) {
	body, err := json.Marshal(struct {
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
		Data      Answer    `json:"data"`
	}{kind, a.AnsweredAt, a})
	if err == nil && len(body) > webhook.MaxBody {
		err = webhook.ErrLarge
	}
	return body, err
}

// States of a delivery.
const (
	Sent    = "sent"    // the HR system said that it took it
	Refused = "refused" // it said that it does not, and will not
)

// Delivery is a message that the HR system took, or refused. One that could not be
// sent yet is a job.
type Delivery struct {
	ID             string    `json:"id"` // the message's, the same at each attempt
	Acknowledgment string    `json:"acknowledgment"`
	Event          int64     `json:"event"`  // index of the event that caused it
	SHA256         string    `json:"sha256"` // of the body
	State          string    `json:"state"`
	Answer         string    `json:"answer"` // what the HR system said
	Attempt        int       `json:"attempt"`
	At             time.Time `json:"at"`
}

// Deliveries describes the register of what the HR system was sent.
var Deliveries = record.Define[Delivery](record.Definition{
	Kind: "hris_delivery", Register: "hris_deliveries", Title: "Deliveries to the HR system", Singular: "Delivery to the HR system", At: "at", Internal: true,
	Purpose: "What SCAF told the HR system, and whether it was taken.",
	Columns: []record.Column{
		{Field: "acknowledgment", Filter: true}, {Field: "state", Label: "State", Filter: true}, {Field: "at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Message"}, {Name: "state", Label: "State", Choices: []string{Sent, Refused}}, {Name: "acknowledgment", Label: "Acknowledgment", Refers: "acknowledgment"}, {Name: "event", Label: "Event"},
		{Name: "at", Label: "Sent"}, {Name: "answer", Label: "Answer"}, {Name: "attempt", Label: "Attempt"}, {Name: "sha256", Label: "SHA-256 of the message"},
	},
})

// Difference is an answer of which the two systems do not say the same.
type Difference struct {
	Person  string `json:"person"`
	Version string `json:"version"`
	What    string `json:"what"`
}

// What a difference can be.
const (
	MissingThere = "the HR system does not have it"
	OnlyThere    = "only the HR system has it"
	TwiceThere   = "the HR system has it twice"
	OtherText    = "it is of another text there"
	OtherTime    = "it is of another time there"
)

// MaxListed is how many differences a reconciliation names; it counts all.
const MaxListed = 200

// Reconciliation is one comparison of the acknowledgments here with those that the
// HR system holds.
type Reconciliation struct {
	ID      string    `json:"id"` // HRR-1
	At      time.Time `json:"at"`
	Source  string    `json:"source"` // the host that was read
	SHA256  string    `json:"sha256"` // of what it answered, page after page
	Here    int       `json:"here"`
	There   int       `json:"there"`
	Matched int       `json:"matched"`
	// Differences are all, Listed the first of them by person and version.
	Differences int          `json:"differences"`
	Listed      []Difference `json:"listed,omitempty"`
	By          string       `json:"by"`
}

// Reconciliations describes the register of comparisons.
var Reconciliations = record.Define[Reconciliation](record.Definition{
	Kind: "hris_reconciliation", Register: "hris_reconciliations", Title: "Reconciliations with the HR system", Singular: "Reconciliation with the HR system",
	Purpose: "Comparisons of the acknowledgments here with those that the HR system holds.",
	Prefix:  "HRR", At: "at", Internal: true,
	Columns: []record.Column{
		{Field: "at", Filter: true, Sort: true}, {Field: "here", Filter: true}, {Field: "there", Filter: true}, {Field: "differences", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "at", Label: "At"}, {Name: "source", Label: "Read from"}, {Name: "here", Label: "Acknowledgments here"}, {Name: "there", Label: "Acknowledgments there"},
		{Name: "matched", Label: "The same"}, {Name: "differences", Label: "Differences"}, {Name: "listed", Label: "Which"}, {Name: "by", Label: "Made by"},
		{Name: "sha256", Label: "SHA-256 of what was read"},
	},
})

// MessageID is that of the message that an event causes.
func MessageID(event string) string { return "msg_" + event }

// ID is the id of a reconciliation by its number.
func ID(number int64) string { return fmt.Sprintf("%s-%d", Reconciliations.Prefix, number) }
