// Package processing holds the registers by which it is shown that what goes into the
// service comes out once, whole and right: specifications, and what programs report of
// batches, runs, deliveries and checks of what is stored.
package processing

import (
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Specification is one version of what a product takes, does and gives. The record's
// instant is when it was approved.
type Specification struct {
	ID         string     `json:"id"`
	Product    string     `json:"product"`
	Owner      string     `json:"owner"`
	Text       string     `json:"text,omitempty"`
	Inputs     []Input    `json:"inputs,omitempty"`
	Outputs    []Output   `json:"outputs,omitempty"`
	Tolerance  string     `json:"tolerance,omitempty"`
	Author     string     `json:"author"`
	Authors    []string   `json:"authors,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	State      string     `json:"state"`
	record.Withdrawal
}

// Input is something that comes in.
type Input struct {
	Name   string `json:"name" doc:"What it is called."`
	Format string `json:"format" doc:"Like JSON or CSV."`
	Source string `json:"source" doc:"Where it comes from."`
}

// Output is something that goes out, and to whom.
type Output struct {
	Name      string `json:"name" doc:"What it is called."`
	Recipient string `json:"recipient" doc:"Who gets it."`
}

const kindSpecification = "specification"

// Specifications describes the register of specifications.
var Specifications = record.Define[Specification](record.Definition{
	Kind: kindSpecification, Register: "specifications", Title: "Specifications", Singular: "Specification", Prefix: "SPC", At: "approved_at", Author: "author", Authors: "authors",
	Purpose: "What a product takes, does and gives, and how many errors it may have.",
	Fixed:   []string{"product"}, States: []string{"draft", "approved", "superseded", record.Withdrawn},
	Transitions: []record.Transition{
		{From: "draft", To: "approved", Permission: "specification.approve", Required: []string{"inputs", "outputs", "tolerance"},
			NotBy: []string{"author", "authors"}, Stamp: []string{"approved_by", "approved_at"}},
		record.Withdrawing("draft"),
		{From: "approved", To: "superseded", Permission: "specification.approve"},
	},
	Settled: []record.Settled{{States: []string{"approved"}}}, // a change is a specification of its own
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "product", Label: "Product", Section: "Specification", Required: true, Help: "What it specifies."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "text", Label: "What it does", Markdown: true, Help: "What is done with the inputs, and which results are right."},
		{Name: "inputs", Label: "Inputs", Help: "Each with a name, its format and its source."},
		{Name: "outputs", Label: "Outputs", Help: "Each with a name and its recipient."},
		{Name: "tolerance", Label: "Limits of error", Help: "Which error is allowed; none is an answer."},
		{Name: "author", Label: "Author", Section: "Approval"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
	},
	Columns: []record.Column{
		{Field: "product", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "approved_at", Filter: true, Sort: true},
	},
})

const maxText = 20000 // bytes

// Validate says what is wrong with a specification.
func (s *Specification) Validate() (wrong []record.FieldError) {
	for i, in := range s.Inputs {
		wrong = append(wrong, record.Missing("inputs", i, "name", in.Name, "format", in.Format, "source", in.Source)...)
	}
	for i, out := range s.Outputs {
		wrong = append(wrong, record.Missing("outputs", i, "name", out.Name, "recipient", out.Recipient)...)
	}
	return append(wrong, record.Bounded(maxText, "product", s.Product, "text", s.Text, "tolerance", s.Tolerance)...)
}

// Before holds what was approved: another version is another record.
func (s *Specification) Before(_ *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	if before := record.As[Specification](old); before.State != "draft" && before.State == s.State {
		return record.Refuse("state", "is %s: a change is a specification of its own", before.State)
	}
	return nil
}

// Batch is what came in at once, as the program says that took it.
type Batch struct {
	ID                string     `json:"id"`
	Source            string     `json:"source"`
	ReceivedAt        *time.Time `json:"received_at,omitempty"`
	Records           int        `json:"records"`
	Accepted          int        `json:"accepted"`
	Refused           int        `json:"refused"`
	RefusedWithReason int        `json:"refused_with_reason"`
	// Reconciled: every record was accepted, or refused with a reason.
	Reconciled bool `json:"reconciled"`
}

// Batches describes the register of batches, which programs report.
var Batches = record.Define[Batch](record.Definition{
	Kind: "input_batch", Mirror: true, Register: "input_batches", Title: "Input batches", Singular: "Input batch", At: "received_at",
	Purpose: "What came in, and whether every record was taken or refused with a reason.",
	Comes:   "They come from the program that takes them: by API or import.",
	Fixed:   []string{"received_at", "records"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Batch", Required: true, Help: "That of the program that took it."},
		{Name: "source", Label: "Source", Help: "Who sent it."},
		{Name: "received_at", Label: "Received", Required: true, Happened: true, Help: "When it came in."},
		{Name: "records", Label: "Records", Section: "Reconciliation", Help: "How many records it has."},
		{Name: "accepted", Label: "Accepted", Help: "How many were accepted."},
		{Name: "refused", Label: "Refused", Help: "How many were refused."},
		{Name: "refused_with_reason", Label: "Refused with a reason", Help: "How many of those with a reason on record."},
		{Name: "reconciled", Label: "Reconciled", Computed: true, Help: "Every record was accepted, or refused with a reason."},
	},
	Columns: []record.Column{
		{Field: "source", Filter: true}, {Field: "received_at", Filter: true, Sort: true}, {Field: "reconciled", Filter: true},
	},
})

// Compute says whether every record is accounted for.
func (b *Batch) Compute() {
	b.Reconciled = b.Accepted+b.Refused == b.Records && b.RefusedWithReason == b.Refused
}

// Validate says what is wrong with a batch.
func (b *Batch) Validate() []record.FieldError {
	return append(append(named(b.ID), record.Bounded(maxText, "source", b.Source)...), counts(count{"records", b.Records}, count{"accepted", b.Accepted}, count{"refused", b.Refused}, count{"refused_with_reason", b.RefusedWithReason})...)
}

// Run is one of the processing, as the program says that did it.
type Run struct {
	ID            string     `json:"id"`
	Specification string     `json:"specification"`
	RanAt         *time.Time `json:"ran_at,omitempty"`
	Records       int        `json:"records"`
	Processed     int        `json:"processed"`
	Failed        int        `json:"failed"`
	Corrected     int        `json:"corrected"`
	SettledAt     *time.Time `json:"settled_at,omitempty"`
	Reconciled    bool       `json:"reconciled"`
}

// Runs describes the register of runs, which programs report.
var Runs = record.Define[Run](record.Definition{
	Kind: "processing_run", Mirror: true, Register: "processing_runs", Title: "Processing runs", Singular: "Processing run", At: "ran_at",
	Purpose: "What was processed, and whether every record is accounted for.",
	Comes:   "They come from the program that does them: by API or import.",
	Fixed:   []string{"specification", "ran_at", "records", "processed", "failed"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Run", Required: true, Help: "That of the program that did it."},
		{Name: "specification", Label: "Specification", Required: true, Refers: kindSpecification, Help: "By which it was done, like specification/SPC-1: an approved one."},
		{Name: "ran_at", Label: "Ran", Required: true, Happened: true, Help: "When it was done."},
		{Name: "records", Label: "Records", Section: "Reconciliation", Help: "How many records it took."},
		{Name: "processed", Label: "Processed", Help: "How many were processed."},
		{Name: "failed", Label: "Failed", Help: "How many failed."},
		{Name: "corrected", Label: "Corrected", Help: "How many of those were put right since."},
		{Name: "settled_at", Label: "Settled", Happened: true, Help: "When nothing was left to put right: within 48 hours."},
		{Name: "reconciled", Label: "Reconciled", Computed: true, Help: "Every record was processed or failed, and what failed was put right."},
	},
	Columns: []record.Column{
		{Field: "specification", Filter: true}, {Field: "ran_at", Filter: true, Sort: true}, {Field: "settled_at", Filter: true, Sort: true}, {Field: "reconciled", Filter: true},
	},
})

// Compute says whether every record is accounted for.
func (r *Run) Compute() { r.Reconciled = r.Processed+r.Failed == r.Records && r.Corrected == r.Failed }

// Validate says what is wrong with a run.
func (r *Run) Validate() []record.FieldError {
	return append(named(r.ID), counts(count{"records", r.Records}, count{"processed", r.Processed}, count{"failed", r.Failed}, count{"corrected", r.Corrected})...)
}

// Before wants a specification that was approved.
func (r *Run) Before(tx *act.Tx, old any) error {
	if old != nil {
		return nil
	}
	s, _, err := record.Load[Specification](&tx.Reader, Specifications, r.Specification)
	if err != nil {
		return err
	}
	if s.State == "draft" {
		return record.Refuse("specification", "%s is a draft: nobody has approved it", r.Specification)
	}
	return nil
}

// Delivery is what went out at once, as the program says that sent it.
type Delivery struct {
	ID          string     `json:"id"`
	SentAt      *time.Time `json:"sent_at,omitempty"`
	Recipient   string     `json:"recipient"`
	Intended    string     `json:"intended"`
	Records     int        `json:"records"`
	Made        int        `json:"made"`
	Protected   bool       `json:"protected"`
	ConfirmedAt *time.Time `json:"confirmed_at,omitempty"`
}

// Deliveries describes the register of deliveries, which programs report.
var Deliveries = record.Define[Delivery](record.Definition{
	Kind: "delivery", Mirror: true, Register: "deliveries", Title: "Deliveries of results", Singular: "Delivery of results", At: "sent_at",
	Purpose: "Output of the service: who received it, whole, protected and confirmed.",
	Comes:   "They come from the program that sends them: by API or import.",
	Fixed:   []string{"sent_at", "recipient", "intended", "records", "made"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Delivery", Required: true, Help: "That of the program that sent it."},
		{Name: "sent_at", Label: "Sent", Required: true, Happened: true, Help: "When it was sent."},
		{Name: "recipient", Label: "Recipient", Required: true, Help: "To whom it was sent."},
		{Name: "intended", Label: "Meant for", Required: true, Help: "To whom it is to go by the specification."},
		{Name: "records", Label: "Records", Help: "How many records it has."},
		{Name: "made", Label: "Made", Help: "How many were made for the recipient."},
		{Name: "protected", Label: "Protected", Help: "Whether it was protected on its way."},
		{Name: "confirmed_at", Label: "Confirmed", Happened: true, Help: "When the recipient confirmed it."},
	},
	Columns: []record.Column{
		{Field: "recipient", Filter: true}, {Field: "sent_at", Filter: true, Sort: true}, {Field: "confirmed_at", Filter: true, Sort: true}, {Field: "protected", Filter: true},
	},
})

// Validate says what is wrong with a delivery.
func (d *Delivery) Validate() []record.FieldError {
	return append(append(named(d.ID), record.Bounded(maxText, "recipient", d.Recipient, "intended", d.Intended)...), counts(count{"records", d.Records}, count{"made", d.Made})...)
}

// Check is one of what is stored, against its checksums.
type Check struct {
	ID       string     `json:"id"`
	Store    string     `json:"store"`
	DueAt    *time.Time `json:"due_at,omitempty"`
	DoneAt   *time.Time `json:"done_at,omitempty"`
	Records  int        `json:"records"`
	Compared int        `json:"compared"`
	Changed  int        `json:"changed"`
	Missing  int        `json:"missing"`
	Early    int        `json:"early"`
}

// Checks describes the register of checks of what is stored, which programs report.
var Checks = record.Define[Check](record.Definition{
	Kind: "storage_check", Mirror: true, Register: "storage_checks", Title: "Storage checks", Singular: "Storage check", At: "due_at",
	Purpose: "Stored data, held against its checksums.",
	Comes:   "They come from the program that does them: by API or import.",
	Fixed:   []string{"store", "due_at"},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Section: "Check", Required: true, Help: "That of the program that does it."},
		{Name: "store", Label: "Store", Required: true, Help: "What is checked."},
		{Name: "due_at", Label: "Due", Required: true, Help: "When it was to be done."},
		{Name: "done_at", Label: "Done", Happened: true, Help: "When it was done; empty: not yet."},
		{Name: "records", Label: "Records", Section: "Result", Help: "How many records there are to be."},
		{Name: "compared", Label: "Compared", Help: "How many were looked for and compared with their checksums, those that are changed or missing among them."},
		{Name: "changed", Label: "Changed", Help: "How many are not what was written."},
		{Name: "missing", Label: "Missing", Help: "How many are not there."},
		{Name: "early", Label: "Gone early", Help: "How many went before their retention ended."},
	},
	Columns: []record.Column{
		{Field: "store", Filter: true}, {Field: "due_at", Filter: true, Sort: true}, {Field: "done_at", Filter: true, Sort: true},
	},
})

// Validate says what is wrong with a check.
func (c *Check) Validate() []record.FieldError {
	return append(append(named(c.ID), record.Bounded(maxText, "store", c.Store)...), counts(count{"records", c.Records}, count{"compared", c.Compared}, count{"changed", c.Changed}, count{"missing", c.Missing}, count{"early", c.Early})...)
}

// Consult refuses numbers that cannot be together. Those that stood together before anybody
// said so stay, until one of them is changed.
func (c *Check) Consult(_ *store.Reader, old any) error {
	if old != nil {
		if before := record.As[Check](old); before.Records == c.Records && before.Compared == c.Compared && before.Changed == c.Changed && before.Missing == c.Missing {
			return nil
		}
	}
	var wrong []record.FieldError
	if c.Compared > c.Records {
		wrong = append(wrong, record.Wrong("compared", "is %d, and there are %d records", c.Compared, c.Records))
	}
	for _, one := range []count{{"changed", c.Changed}, {"missing", c.Missing}} {
		if one.n > c.Compared {
			wrong = append(wrong, record.Wrong(one.field, "is %d, and %d were compared", one.n, c.Compared))
		}
	}
	if len(wrong) == 0 && c.Changed+c.Missing > c.Compared {
		wrong = append(wrong, record.Wrong("missing", "and changed are %d together, and %d were compared", c.Changed+c.Missing, c.Compared))
	}
	if len(wrong) > 0 {
		return &record.Invalid{Fields: wrong}
	}
	return nil
}

const maxID = 200

// named says what is wrong with an id.
func named(id string) []record.FieldError {
	if id == "" || len(id) > maxID || strings.ContainsAny(id, " \t\r\n\x00/") {
		return []record.FieldError{record.Wrong("id", "must have 1 to %d characters, no space and no slash", maxID)}
	}
	return nil
}

// count is a field that counts something.
type count struct {
	field string
	n     int
}

// counts says which of the fields are negative.
func counts(all ...count) (wrong []record.FieldError) {
	for _, one := range all {
		if one.n < 0 {
			wrong = append(wrong, record.Wrong(one.field, "is %d: a number from 0", one.n))
		}
	}
	return wrong
}
