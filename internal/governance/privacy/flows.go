package privacy

import (
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Consent is that of a person, for one purpose. The record's instant is when the data
// was taken.
type Consent struct {
	ID          string     `json:"id"`
	Subject     string     `json:"subject"`
	Purpose     string     `json:"purpose"`
	Notice      string     `json:"notice,omitempty"`
	Sensitive   *bool      `json:"sensitive,omitempty"`
	Abroad      *bool      `json:"abroad,omitempty"`
	Express     *bool      `json:"express,omitempty"`
	GivenAt     *time.Time `json:"given_at,omitempty"`
	CollectedAt *time.Time `json:"collected_at,omitempty"`
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty"`
	StoppedAt   *time.Time `json:"stopped_at,omitempty"`
}

// Consents describes the register of consents. Programs bring them, by the API or as
// a table.
var Consents = record.Define[Consent](record.Definition{
	Kind: "consent", Mirror: true, Register: "consents", Title: "Consents", Singular: "Consent", At: "collected_at", Personal: true,
	Purpose: "Who agreed to which use of their data, and who took it back.",
	Fixed:   []string{"subject", "purpose"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Consent", Required: true, Help: "That of the system which asked."},
		{Name: "subject", Label: "Person", Required: true, Help: "A reference by which the systems know the person: never a name or an address."},
		{Name: "purpose", Label: "Purpose", Required: true, Help: "What for: one purpose."},
		{Name: "notice", Label: "Notice", Refers: kindNotice, Help: "The notice that was shown, like privacy_notice/PN-1."},
		{Name: "sensitive", Label: "Sensitive data", Help: "Whether it is about sensitive data."},
		{Name: "abroad", Label: "Goes abroad", Help: "Whether the data goes abroad on this ground."},
		{Name: "express", Label: "Said expressly", Help: "Whether it was said in so many words."},
		{Name: "given_at", Label: "Given", Happened: true, Help: "When it was given."},
		{Name: "collected_at", Label: "Data taken", Required: true, Happened: true, Help: "When the data was taken."},
		{Name: "withdrawn_at", Label: "Taken back", Section: "End", Happened: true, Help: "When it was taken back."},
		{Name: "stopped_at", Label: "Stopped", Happened: true, Help: "When the use of the data stopped: within 72 hours."},
	},
	Columns: []record.Column{
		{Field: "collected_at", Filter: true, Sort: true},
		{Field: "subject", Filter: true},
		{Field: "purpose", Filter: true},
		{Field: "notice", Filter: true},
		{Field: "withdrawn_at", Filter: true, Sort: true},
	},
})

// Disclosure says who got personal data. The record's instant is when.
type Disclosure struct {
	ID        string   `json:"id"`
	Subject   string   `json:"subject"`
	Recipient string   `json:"recipient"`
	Data      []string `json:"data"`
	Purpose   string   `json:"purpose"`
	Basis     string   `json:"basis,omitempty"`
	Contract  string   `json:"contract,omitempty"`
	// ContractElsewhere is what was typed there before contracts were named by their records.
	ContractElsewhere string     `json:"contract_elsewhere,omitempty"`
	Recorder          string     `json:"recorder"`
	DisclosedAt       *time.Time `json:"disclosed_at,omitempty"`
}

// kindContract is that of the agreements with vendors.
const kindContract = "vendor_contract"

// Disclosures describes the register of disclosures. What happened stays: what was entered
// wrongly is told by another record.
var Disclosures = record.Define[Disclosure](record.Definition{
	Kind: "disclosure", Register: "disclosures", Title: "Disclosures", Singular: "Disclosure", Prefix: "DSC", At: "disclosed_at", Personal: true, Author: "recorder",
	Purpose: "Personal data that was given to somebody outside.",
	Version: 2, Migrations: []record.Migration{{From: 1, Change: toContracts}},
	Fixed: []string{"subject", "recipient", "data", "purpose", "disclosed_at"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Disclosure"},
		{Name: "subject", Label: "Person", Required: true, Help: "A reference by which the systems know the person, or the group."},
		{Name: "recipient", Label: "Recipient", Required: true, Help: "Who received it: vendor/VEN-1, an authority."},
		{Name: "data", Label: "Data", Required: true, Help: "Which kinds of data, a line each."},
		{Name: "purpose", Label: "Purpose", Required: true, Help: "What for."},
		{Name: "basis", Label: "Ground", Choices: []string{"notice", "consent", "law"}, Help: "Whether the notice says so, the person agreed, or the law demands it."},
		{Name: "contract", Label: "Contract", Refers: kindContract, Help: "The contract that binds the recipient, like vendor_contract/CON-1; needed unless the law demands it."},
		{Name: "contract_elsewhere", Label: "Contract, as it was typed", Given: true},
		{Name: "disclosed_at", Label: "Disclosed", Required: true, Happened: true, Help: "When."},
		{Name: "recorder", Label: "Recorded by"},
	},
	Columns: []record.Column{
		{Field: "disclosed_at", Filter: true, Sort: true},
		{Field: "subject", Filter: true},
		{Field: "recipient", Filter: true},
		{Field: "basis", Filter: true},
	},
})

// Changed lets the ground and the contract be said later, and not otherwise.
func (d *Disclosure) Changed(_ *act.Tx, old any) error {
	before := record.As[Disclosure](old)
	for _, one := range []struct{ field, was, is string }{{"basis", before.Basis, d.Basis}, {"contract", before.Contract, d.Contract}} {
		if one.was != "" && one.is != one.was {
			return record.Refuse(one.field, "stands as it was recorded: what was entered wrongly is told by another record")
		}
	}
	return nil
}

// toContracts keeps beside what a document of the first version says of a contract that is
// none of the register.
func toContracts(fields map[string]any) error {
	if typed, ok := fields["contract"].(string); ok && !strings.HasPrefix(typed, kindContract+"/") {
		delete(fields, "contract")
		fields["contract_elsewhere"] = typed
	}
	return nil
}

// Erasure is that of a person's data. The record's instant is when it is due.
type Erasure struct {
	ID              string     `json:"id"`
	Subject         string     `json:"subject"`
	Reason          string     `json:"reason"`
	Request         string     `json:"request,omitempty"`
	Owner           string     `json:"owner"`
	State           string     `json:"state"`
	DueAt           *time.Time `json:"due_at,omitempty"`
	DoneAt          *time.Time `json:"done_at,omitempty"`
	DoneBy          string     `json:"done_by,omitempty"`
	Method          string     `json:"method,omitempty"`
	CopiesIncluded  *bool      `json:"copies_included,omitempty"`
	RecipientsTold  *bool      `json:"recipients_told,omitempty"`
	ConsentToKeep   string     `json:"consent_to_keep,omitempty"`
	KeptConfirmedBy string     `json:"kept_confirmed_by,omitempty"`
}

// Erasures describes the register of erasures.
var Erasures = record.Define[Erasure](record.Definition{
	Kind: kindErasure, Register: "erasures", Title: "Erasures", Singular: "Erasure", Prefix: "ERA", At: "due_at", Personal: true,
	Purpose: "Personal data that has to be erased, and when it was.",
	Fixed:   []string{"due_at"},
	States:  []string{"due", "done", "kept"},
	Transitions: []record.Transition{
		{From: "due", To: "done", Required: []string{"method", "copies_included", "recipients_told"}, Stamp: []string{"done_at", "done_by"}},
		// What is kept counts as no erasure that was due: the consent is said by somebody other than its owner, and in no other way.
		{From: "due", To: "kept", Permission: "erasure.keep", Required: []string{"consent_to_keep"}, Sets: []string{"consent_to_keep"}, NotBy: []string{"owner"}, Stamp: []string{"kept_confirmed_by"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "subject", Label: "Person", Section: "Erasure", Required: true, Help: "A reference by which the systems know the person: never a name or an address."},
		{Name: "reason", Label: "Reason", Required: true, Choices: []string{"time is over", byRequest, "consent taken back", "contract ended"}, Help: "Why it is due."},
		{Name: "request", Label: "Request", Refers: kindRequest, Help: "The request, like subject_request/PRQ-1. One that is granted opens an erasure by itself, where none names it."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who sees to it, as person/E1001."},
		{Name: "due_at", Label: "Due", Required: true, Help: "When its time is over, or its person asked: it is done within 30 days."},
		{Name: "state", Label: "State"},
		{Name: "method", Label: "Method", Section: "Outcome", Help: "How it was erased: deleted, key destroyed, made anonymous."},
		{Name: "copies_included", Label: "Copies included", Help: "Whether copies and backups are included."},
		{Name: "recipients_told", Label: "Recipients told", Help: "Whether those who received the data were told."},
		{Name: "done_at", Label: "Done", Given: true},
		{Name: "done_by", Label: "Done by", Given: true},
		{Name: "consent_to_keep", Label: "Agreed to be kept", Given: true, Shows: true, Help: "What shows that the person agreed that it is kept: the consent, like consent/C-17, a file of this record, a letter."},
		{Name: "kept_confirmed_by", Label: "Confirmed by", Given: true},
	},
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "subject", Filter: true},
		{Field: "reason", Filter: true},
		{Field: "request", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "erase", What: "Erase the personal data", At: "due_at", Owner: "owner", Open: `item.state == "due"`}},
})
