package vendors

import (
	"time"

	"scaf.dev/scaf/internal/record"
)

// Contract is what was agreed with a vendor. The record's instant is when it
// began. It binds once somebody other than its owner and its writers has held it
// against the signed text.
type Contract struct {
	ID           string           `json:"id"`
	Vendor       string           `json:"vendor"`
	Title        string           `json:"title"`
	Owner        string           `json:"owner"`
	State        string           `json:"state"`
	BeginsAt     *time.Time       `json:"begins_at,omitempty"`
	SignedAt     *time.Time       `json:"signed_at,omitempty"`
	EndsAt       *time.Time       `json:"ends_at,omitempty"`
	PersonalData *bool            `json:"personal_data,omitempty"`
	Terms        []string         `json:"terms,omitempty"`
	Notice       *record.Duration `json:"notice,omitempty"`
	Document     string           `json:"document,omitempty"`
	Writers      []string         `json:"writers,omitempty"` // of what is confirmed
	ConfirmedBy  string           `json:"confirmed_by,omitempty"`
	ConfirmedAt  *time.Time       `json:"confirmed_at,omitempty"`
	ChangedWhy   string           `json:"changed_why,omitempty"`
	ChangedBy    string           `json:"changed_by,omitempty"`
	EndedAt      *time.Time       `json:"ended_at,omitempty"`
	record.Withdrawal
}

const (
	kindContract = "vendor_contract"
	draft        = "draft"
	inForce      = "in_force"

	confirming = "vendor_contract.confirm"
)

// Contracts describes the register of contracts.
var Contracts = record.Define[Contract](record.Definition{
	Kind: kindContract, Register: "vendor_contracts", Title: "Vendor contracts", Singular: "Vendor contract", Prefix: "CON", At: "begins_at", Authors: "writers",
	Purpose: "Contracts with vendors: dates, terms, and how soon they must tell us of an incident.",
	Version: 2, Migrations: []record.Migration{{From: 1, Change: unconfirmed}},
	States: []string{draft, inForce, Ended, record.Withdrawn},
	// What was held against the signed text. A contract that lacks terms is in force as it
	// is: VND-03 says so.
	Settled: []record.Settled{{States: []string{inForce, Ended}, Fields: []string{
		"vendor", "title", "begins_at", "signed_at", "ends_at", "personal_data", "terms", "notice", "document", "ended_at",
	}}},
	Transitions: []record.Transition{
		{From: draft, To: inForce, Called: "Confirm", Permission: confirming, NotBy: []string{"owner", "writers"},
			Required: []string{"signed_at", "personal_data", "document"}, Stamp: []string{"confirmed_by", "confirmed_at"}},
		{From: inForce, To: inForce, Called: "Change its end", Permission: confirming, NotBy: []string{"owner"},
			Required: []string{"changed_why"}, Offered: []string{"ends_at"}, Sets: []string{"changed_why"}, Stamp: []string{"changed_by"}},
		{From: inForce, To: Ended, Required: []string{"ended_at"}},
		reopening(inForce), reopening(Ended),
		record.Withdrawing(draft).By(confirming, "owner"),
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "vendor", Label: "Vendor", Section: "Contract", Required: true, Refers: kindVendor, Help: "Its reference, like vendor/VEN-1."},
		{Name: "title", Label: "Title", Required: true, Help: "What the contract is called."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "begins_at", Label: "Begins", Day: true, Required: true, Help: "The day from which it holds."},
		{Name: "signed_at", Label: "Signed", Day: true, Happened: true, Help: "The day on which the last party signed."},
		{Name: "ends_at", Label: "Ends", Day: true, Help: "The day on which it ends, or is renewed; empty: it has none."},
		{Name: "ended_at", Label: "Ended", Day: true, Happened: true, Help: "The last day on which it held."},
		{Name: "personal_data", Label: "Personal data", Section: "Terms", Help: "Whether personal data is handled under it."},
		{Name: "terms", Label: "Terms", Choices: []string{"security", "confidentiality", "return of data", "audit", "data processing", "subprocessors", "insurance"},
			Help: "What it binds the vendor to. Data processing is needed where personal data is handled."},
		{Name: "notice", Label: "Notice of incidents", Help: "Within how long the vendor must speak up, such as 48 hours."},
		{Name: "document", Label: "Document", Help: "Where the signed text is: whoever confirms it reads it there."},
		{Name: "writers", Label: "Written by", Section: "Confirmation", Given: true},
		{Name: "confirmed_by", Label: "Confirmed by", Given: true, Help: "Who held it against the signed text."},
		{Name: "confirmed_at", Label: "Confirmed", Given: true},
		{Name: "changed_why", Label: "Why it was changed", Given: true, Long: true, Help: "What was recorded wrongly, or was agreed since, and how it is known."},
		{Name: "changed_by", Label: "Changed by", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "begins_at", Filter: true, Sort: true},
		{Field: "vendor", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "ends_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "confirmation", What: "Have the contract signed and confirmed", At: "begins_at", Owner: "owner", Open: `item.state == "draft"`},
		{Name: "renewal", What: "Renew the contract, or let it end", At: "ends_at", Owner: "owner", Open: `item.state == "in_force"`},
	},
})

// reopening is for what was confirmed and is not as the signed text has it: it is written, and
// confirmed, anew.
func reopening(from string) record.Transition {
	return record.Transition{From: from, To: draft, Permission: confirming, NotBy: []string{"owner"}, Required: []string{"changed_why"}, Sets: []string{"changed_why"}, Stamp: []string{"changed_by"}}
}

// unconfirmed makes a draft of a contract of the first version, which nobody confirmed.
func unconfirmed(fields map[string]any) error {
	fields["state"] = draft
	return nil
}

// Compute ends a confirmation with its state.
func (c *Contract) Compute() {
	if c.State == draft {
		c.ConfirmedBy, c.ConfirmedAt = "", nil
	}
}

// Validate says what is wrong with a contract.
func (c *Contract) Validate() []record.FieldError {
	var wrong []record.FieldError
	if c.BeginsAt != nil && c.EndsAt != nil && c.EndsAt.Before(*c.BeginsAt) {
		wrong = append(wrong, record.FieldError{Field: "ends_at", Problem: "lies before begins_at"})
	}
	if c.BeginsAt != nil && c.EndedAt != nil && c.EndedAt.Before(*c.BeginsAt) {
		wrong = append(wrong, record.FieldError{Field: "ended_at", Problem: "lies before begins_at"})
	}
	return wrong
}
