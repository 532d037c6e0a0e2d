package vendors

import (
	"time"

	"scaf.dev/scaf/internal/record"
)

// Contract is what was agreed with a vendor. The record's instant is when it
// began.
type Contract struct {
	ID           string           `json:"id"`
	Vendor       string           `json:"vendor"`
	Title        string           `json:"title"`
	Owner        string           `json:"owner"`
	BeginsAt     *time.Time       `json:"begins_at,omitempty"`
	SignedAt     *time.Time       `json:"signed_at,omitempty"`
	EndsAt       *time.Time       `json:"ends_at,omitempty"`
	PersonalData *bool            `json:"personal_data,omitempty"`
	Terms        []string         `json:"terms,omitempty"`
	Notice       *record.Duration `json:"notice,omitempty"`
	Document     string           `json:"document,omitempty"`
}

// Contracts describes the register of contracts.
var Contracts = record.Define[Contract](record.Definition{
	Kind: "vendor_contract", Register: "vendor_contracts", Title: "Vendor contracts", Singular: "Vendor contract", Prefix: "CON", At: "begins_at",
	Purpose: "Contracts with vendors: dates, terms, and how soon they must tell us of an incident.",
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "vendor", Label: "Vendor", Section: "Contract", Required: true, Refers: kindVendor, Help: "Its reference, like vendor/VEN-1."},
		{Name: "title", Label: "Title", Required: true, Help: "What the contract is called."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "begins_at", Label: "Begins", Day: true, Required: true, Help: "The day from which it holds."},
		{Name: "signed_at", Label: "Signed", Day: true, Happened: true, Help: "The day on which the last party signed."},
		{Name: "ends_at", Label: "Ends", Day: true, Help: "The day on which it ends, or is renewed."},
		{Name: "personal_data", Label: "Personal data", Section: "Terms", Help: "Whether personal data is handled under it."},
		{Name: "terms", Label: "Terms", Choices: []string{"security", "confidentiality", "return of data", "audit", "data processing", "subprocessors", "insurance"},
			Help: "What it binds the vendor to. Data processing is needed where personal data is handled."},
		{Name: "notice", Label: "Notice of incidents", Help: "Within how long the vendor must speak up, such as 48 hours."},
		{Name: "document", Label: "Document", Help: "Where the signed text is."},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "begins_at", Filter: true, Sort: true},
		{Field: "vendor", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "ends_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "renewal", What: "Renew the contract, or let it end", At: "ends_at", Owner: "owner"}},
})

// Validate says what is wrong with a contract.
func (c *Contract) Validate() []record.FieldError {
	var wrong []record.FieldError
	if c.BeginsAt != nil && c.EndsAt != nil && c.EndsAt.Before(*c.BeginsAt) {
		wrong = append(wrong, record.FieldError{Field: "ends_at", Problem: "lies before begins_at"})
	}
	return wrong
}
