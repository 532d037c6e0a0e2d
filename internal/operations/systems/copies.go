package systems

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Copy is production data that was copied to elsewhere. The record's instant is
// when that was.
type Copy struct {
	ID          string     `json:"id"`
	Data        string     `json:"data"`
	Purpose     string     `json:"purpose"`
	To          string     `json:"to"`
	Masked      bool       `json:"masked"`
	Encrypted   bool       `json:"encrypted"`
	Until       *time.Time `json:"until,omitempty"`
	RequestedBy string     `json:"requested_by"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	ApprovedAt  *time.Time `json:"approved_at,omitempty"`
	CopiedAt    *time.Time `json:"copied_at,omitempty"`
	DestroyedAt *time.Time `json:"destroyed_at,omitempty"`
	// ConfirmedBy saw that the copy is gone, MaskingBy that nobody can be recognised in it.
	ConfirmedBy string `json:"confirmed_by,omitempty"`
	Masking     string `json:"masking,omitempty"`
	MaskingBy   string `json:"masking_by,omitempty"`
	State       string `json:"state"`
	record.Withdrawal
}

// Copies describes the register of copies.
var Copies = record.Define[Copy](record.Definition{
	Kind: "data_copy", Register: "data_copies", Title: "Data copies", Singular: "Data copy", Prefix: "CPY", At: "copied_at", Author: "requested_by",
	Purpose: "Production data that was copied elsewhere: masked, or approved by its owner.",
	States:  []string{"requested", "approved", "copied", "destroyed", "refused", record.Withdrawn},
	Settled: []record.Settled{{States: []string{"approved", "copied"}, Fields: []string{"data", "purpose", "to", "masked", "encrypted", "until"}}},
	Transitions: []record.Transition{
		{From: "requested", To: "approved", Permission: "data_copy.approve", Required: []string{"until"}, NotBy: []string{"requested_by"}, Who: byTheOwner,
			Stamp: []string{"approved_by", "approved_at"}},
		{From: "requested", To: "refused", Permission: "data_copy.approve", NotBy: []string{"requested_by"}},
		{From: "approved", To: "copied", Required: []string{"copied_at"}},
		// Masked data needs no approval. What was copied without either is recorded all
		// the same, and DAT-03 reports it.
		{From: "requested", To: "copied", Required: []string{"copied_at"}},
		withdrawing("requested"), withdrawing("approved"),
		// That it is masked, and that it is gone, is not the word of who made it alone.
		{From: "copied", To: "copied", Called: "Confirm the masking", Permission: "data_copy.approve", NotBy: []string{"requested_by"},
			Required: []string{"masking"}, Sets: []string{"masking"}, Stamp: []string{"masking_by"}},
		{From: "copied", To: "destroyed", Permission: "data_copy.approve", Required: []string{"destroyed_at"}, Offered: []string{"masking"}, Sets: []string{"masking"}, NotBy: []string{"requested_by"}, Stamp: []string{"confirmed_by"},
			Guards: []record.Guard{{Field: "masking", If: `!(has(item.masked) && item.masked) || has(item.masking) && item.masking != ""`, Why: "is not said: once the copy is gone nobody sees any more that nobody can be recognised in it"}}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "data", Label: "Data set", Section: "Copy", Required: true, Refers: kindData, Help: "The set of data, like data_set/DS-1."},
		{Name: "purpose", Label: "Purpose", Required: true, Help: "What it is needed for."},
		{Name: "to", Label: "To", Required: true, Help: "Where it goes: a system, a laptop, a third party."},
		{Name: "masked", Label: "Masked", Help: "Whether nobody can be recognised in it, with other data at hand either."},
		{Name: "encrypted", Label: "Sent encrypted", Help: "Whether it is encrypted on the way."},
		{Name: "until", Label: "Until", Help: "By when it is destroyed."},
		{Name: "state", Label: "State"},
		{Name: "requested_by", Label: "Asked for by", Section: "Approval"},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
		{Name: "copied_at", Label: "Copied at", Section: "What was done", Happened: true, Help: "When it was made."},
		{Name: "destroyed_at", Label: "Destroyed at", Happened: true, Help: "When it was destroyed. Whoever asked for the copy says so, and somebody else sees that it is gone."},
		{Name: "confirmed_by", Label: "Destruction confirmed by", Given: true},
		{Name: "masking", Label: "Masking", Given: true, Long: true, Help: "What was looked at, and why nobody can be recognised in it."},
		{Name: "masking_by", Label: "Masking confirmed by", Given: true},
	},
	Columns: []record.Column{
		{Field: "data", Filter: true},
		{Field: "to", Filter: true},
		{Field: "masked", Filter: true},
		{Field: "requested_by", Filter: true},
		{Field: "state", Filter: true},
		{Field: "until", Filter: true, Sort: true},
		{Field: "copied_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "destroy", What: "Destroy the copy", At: "until", Owner: "requested_by", Open: `item.state == "copied"`}},
})

// withdrawing is for a copy that was not made.
func withdrawing(from string) record.Transition {
	t := record.Withdrawing(from)
	t.Guards = []record.Guard{{Field: "copied_at", If: "!has(item.copied_at)", Why: "says that the copy was made: such a one is destroyed; of one that was not, the time is empty"}}
	return t
}

// Validate says what is wrong with a copy.
func (c *Copy) Validate() (wrong []record.FieldError) {
	if c.DestroyedAt != nil && c.CopiedAt != nil && c.DestroyedAt.Before(c.CopiedAt.Truncate(time.Minute)) { // a form's time has no seconds
		wrong = append(wrong, record.Wrong("destroyed_at", "is before it was copied"))
	}
	if c.Masking != "" && !c.Masked {
		wrong = append(wrong, record.Wrong("masked", "is not said of it: it was copied as it is"))
	}
	return append(wrong, record.Bounded(maxText, "purpose", c.Purpose, "to", c.To, "masking", c.Masking)...)
}

// Before holds what was approved. A form's time has no seconds: a copy that was made in the
// minute of its approval was made after it.
func (c *Copy) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	before := record.As[Copy](old)
	if before.State == "approved" && c.CopiedAt != nil && c.CopiedAt.Equal(c.ApprovedAt.Truncate(time.Minute)) {
		c.CopiedAt = c.ApprovedAt
	}
	if c.Masking != before.Masking && before.State == "copied" && c.State == "destroyed" {
		c.MaskingBy = tx.Caller().ID
	}
	if before.State != "requested" && (before.Data != c.Data || before.Purpose != c.Purpose || before.To != c.To || before.Masked != c.Masked ||
		before.Encrypted != c.Encrypted || !record.SameTime(before.Until, c.Until) || before.CopiedAt != nil && !record.SameTime(before.CopiedAt, c.CopiedAt)) {
		return record.Refuse("state", "is %s: data, purpose, place, protection and end stay as they are", before.State)
	}
	return nil
}

// byTheOwner refuses everybody but who owns the data; where that is who asked, it is for
// everybody else who may approve.
func byTheOwner(r *store.Reader, caller act.Caller, doc json.RawMessage) error {
	c := &Copy{}
	if err := json.Unmarshal(doc, c); err != nil {
		return err
	}
	d, _, err := record.Load[DataSet](r, DataSets, c.Data)
	if errors.Is(err, record.ErrNone) {
		return fmt.Errorf("%w: %q is not in the register of data sets, and nobody owns it", act.ErrSamePerson, c.Data)
	}
	if err == nil && caller.ID != d.Owner && c.RequestedBy != d.Owner {
		return fmt.Errorf("%w: %s owns the data, and approves its copies", act.ErrSamePerson, d.Owner)
	}
	return err
}
