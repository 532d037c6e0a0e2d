package systems

import (
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Methods of sanitization, in the words of NIST SP 800-88, section 2.5, the weakest
// first.
const (
	Clear   = "clear"   // the medium's own ways of writing over it
	Purge   = "purge"   // not even a laboratory brings it back: cryptographic erase, block erase
	Destroy = "destroy" // the medium cannot be used any more
)

// anonymise is what may be done to data, and not to a medium.
const anonymise = "anonymise"

var methods = []string{Clear, Purge, Destroy}

// Disposal is the end of data. The record's instant is when its time had come.
type Disposal struct {
	ID           string     `json:"id"`
	Data         string     `json:"data"`
	What         string     `json:"what"`
	Whole        bool       `json:"whole"`
	DueAt        *time.Time `json:"due_at,omitempty"`
	Owner        string     `json:"owner"`
	Hold         string     `json:"hold,omitempty"`
	HeldBy       string     `json:"held_by,omitempty"`
	Method       string     `json:"method,omitempty"`
	Technique    string     `json:"technique,omitempty"`
	DoneAt       *time.Time `json:"done_at,omitempty"`
	By           string     `json:"by,omitempty"`
	BackupsUntil *time.Time `json:"backups_until,omitempty"`
	Certificate  string     `json:"certificate,omitempty"`
	Witness      string     `json:"witness,omitempty"`
	WitnessedAt  *time.Time `json:"witnessed_at,omitempty"`
	State        string     `json:"state"`
}

const (
	due       = "due"
	held      = "held"
	done      = "done"
	witnessed = "witnessed"
	holding   = "data_disposal.hold"
)

// Disposals describes the register of disposals of data.
var Disposals = record.Define[Disposal](record.Definition{
	Kind: "data_disposal", Register: "data_disposals", Title: "Data disposals", Singular: "Data disposal", Prefix: "DSP", At: "due_at", Fixed: []string{"data", "due_at"},
	Purpose: "Data whose time is over: how it was destroyed, and before which witness.",
	States:  []string{due, held, done, witnessed},
	// When it was done is said as it is done: what a witness found otherwise was not done then.
	Settled: []record.Settled{{States: []string{due}, Fields: []string{"done_at"}}},
	Transitions: []record.Transition{
		{From: due, To: done, Required: []string{"method", "technique", "done_at", "backups_until", "certificate"}, Stamp: []string{"by"}},
		{From: done, To: witnessed, Permission: "data_disposal.witness", NotBy: []string{"by"}, Stamp: []string{"witness", "witnessed_at"}},
		// The witness found it otherwise.
		{From: done, To: due, Permission: "data_disposal.witness", NotBy: []string{"by"}},
		// What is held counts as nothing that was due: no other move says so.
		{From: due, To: held, Called: "Hold it", Permission: holding, Required: []string{"hold"}, Sets: []string{"hold"}, NotBy: []string{"owner"}, Stamp: []string{"held_by"}},
		{From: held, To: due, Permission: holding, NotBy: []string{"owner"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "data", Label: "Data set", Section: "Disposal", Required: true, Refers: kindData, Help: "The set of data, like data_set/DS-1."},
		{Name: "what", Label: "What", Required: true, Help: "What of it: whose data, of which time."},
		{Name: "whole", Label: "All of it", Help: "Whether nothing of the set is left then."},
		{Name: "due_at", Label: "Time came", Required: true, Help: "When its retention ended: it is to be gone within 30 days."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who sees to it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "hold", Label: "Legal hold", Section: "Hold", Given: true, Long: true, Help: "Why it has to stay: who ordered it, and for what."},
		{Name: "held_by", Label: "Held by", Given: true},
		{Name: "method", Label: "Method", Section: "Sanitization", Choices: append([]string{anonymise}, methods...), Help: "In the words of NIST SP 800-88: clear, purge or destroy; or anonymise, so that nobody can be recognised again."},
		{Name: "technique", Label: "Technique", Help: "How: deleted with versions, the key destroyed, shredded, and with what tool."},
		{Name: "done_at", Label: "Done at", Happened: true, Help: "When it was done."},
		{Name: "by", Label: "Done by", Given: true},
		{Name: "backups_until", Label: "Backups until", Help: "Until when backups hold it, at most 30 days after its time came: the same instant where they were destroyed with it."},
		{Name: "certificate", Label: "Certificate", Shows: true, Help: "What shows it: a file of this record, a certificate's number, a log."},
		{Name: "witness", Label: "Witness", Section: "Witness", Given: true},
		{Name: "witnessed_at", Label: "Witnessed", Given: true},
	},
	Columns: []record.Column{
		{Field: "data", Filter: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "method", Filter: true},
		{Field: "state", Filter: true},
		{Field: "done_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "dispose", What: "Dispose of the data", At: "due_at", Owner: "owner", Open: `item.state == "due"`}},
})

// Compute ends what belongs to a state with it.
func (d *Disposal) Compute() {
	if d.State == due || d.State == held {
		d.DoneAt, d.By, d.Witness, d.WitnessedAt = nil, "", "", nil
	}
	if d.State != held {
		d.Hold, d.HeldBy = "", ""
	}
}

// Validate says what is wrong with a disposal.
func (d *Disposal) Validate() []record.FieldError {
	return record.Bounded(maxText, "what", d.What, "hold", d.Hold, "technique", d.Technique, "certificate", d.Certificate)
}

// Before begins the time for the disposal when a hold ends.
func (d *Disposal) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	switch before := record.As[Disposal](old); {
	case before.State == witnessed:
		return record.Refuse("state", "is %s: it stays as it was", witnessed)
	case before.State == done && d.State == done:
		return record.Refuse("state", "is %s: what was done is witnessed as it was said", done)
	case before.State == held && d.State == due:
		now := tx.Now()
		d.DueAt = &now
	}
	return nil
}

// MediaDisposal is the end of a device or medium here. The record's instant is
// when it left.
type MediaDisposal struct {
	ID          string     `json:"id"`
	Asset       string     `json:"asset"`
	DataClass   string     `json:"data_class,omitempty"`
	Destination string     `json:"destination"`
	Method      string     `json:"method,omitempty"`
	Technique   string     `json:"technique,omitempty"`
	WipedAt     *time.Time `json:"wiped_at,omitempty"`
	By          string     `json:"by,omitempty"`
	Proof       string     `json:"proof,omitempty"`
	LeftAt      *time.Time `json:"left_at,omitempty"`
	ReleasedBy  string     `json:"released_by,omitempty"`
	State       string     `json:"state"`
	record.Withdrawal
}

// Media describes the register of disposals of devices and media.
var Media = record.Define[MediaDisposal](record.Definition{
	Kind: "media_disposal", Register: "media_disposals", Title: "Media disposals", Singular: "Media disposal", Prefix: "MED", At: "left_at", Fixed: []string{"asset"},
	Purpose: "Devices and media that left, and how they were wiped.",
	States:  []string{"planned", "wiped", "left", record.Withdrawn},
	Transitions: []record.Transition{
		{From: "planned", To: "wiped", Required: []string{"method", "technique", "wiped_at", "proof"}, Stamp: []string{"by"}},
		staying("planned"), // it stays here
		{From: "wiped", To: "left", Called: "Record that it left", Permission: "media_disposal.release", Required: []string{"left_at"}, NotBy: []string{"by"}, Stamp: []string{"released_by"}},
		// It left unwiped: that is recorded, and no control is happy with it.
		{From: "planned", To: "left", Called: "Record that it left", Permission: "media_disposal.release", Required: []string{"left_at"}, Stamp: []string{"released_by"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "asset", Label: "Asset", Section: "Medium", Required: true, Refers: kindAsset, Help: "The device or medium, like asset/AST-1."},
		{Name: "data_class", Label: "Class of data", Choices: Classes, Given: true, Help: "That of the asset when this was recorded."},
		{Name: "destination", Label: "Destination", Required: true, Choices: []string{"sold", "returned", "given away", "repair", "scrap"}, Help: "Where it goes."},
		{Name: "state", Label: "State"},
		{Name: "method", Label: "Method", Section: "Sanitization", Choices: methods, Help: "In the words of NIST SP 800-88: clear, purge or destroy. What held confidential or restricted data is not merely cleared."},
		{Name: "technique", Label: "Technique", Help: "How: cryptographic erase, block erase, shredded, and with what tool."},
		{Name: "wiped_at", Label: "Wiped at", Happened: true, Help: "When it was done."},
		{Name: "by", Label: "Wiped by", Given: true},
		{Name: "proof", Label: "Certificate", Shows: true, Help: "What shows it: the tool's report as a file of this record, a certificate's number."},
		{Name: "left_at", Label: "Left at", Section: "Release", Happened: true, Help: "When it left the company."},
		{Name: "released_by", Label: "Released by", Given: true},
	},
	Columns: []record.Column{
		{Field: "asset", Filter: true},
		{Field: "destination", Filter: true},
		{Field: "method", Filter: true},
		{Field: "state", Filter: true},
		{Field: "wiped_at", Filter: true, Sort: true},
		{Field: "left_at", Filter: true, Sort: true},
	},
})

// staying is for a medium that has not left.
func staying(from string) record.Transition {
	t := record.Withdrawing(from)
	t.Guards = []record.Guard{{Field: "left_at", If: "!has(item.left_at)", Why: "says that the medium has left: such a one is released; of one that stays, the time is empty"}}
	return t
}

// Validate says what is wrong with a disposal. NIST SP 800-88, section 4: a medium
// that leaves with confidential data on it is purged or destroyed.
func (m *MediaDisposal) Validate() (wrong []record.FieldError) {
	if m.Method == Clear && (m.DataClass == "confidential" || m.DataClass == "restricted") {
		wrong = append(wrong, record.Wrong("method", "is %s, and it held %s data: %s or %s it", Clear, m.DataClass, Purge, Destroy))
	}
	return append(wrong, record.Bounded(maxText, "technique", m.Technique, "proof", m.Proof)...)
}

// Before takes the class of data from the asset; what was wiped stays as it was
// said.
func (m *MediaDisposal) Before(tx *act.Tx, old any) error {
	if old != nil {
		switch before := record.As[MediaDisposal](old); {
		case before.State == "left":
			return record.Refuse("state", "is left: it stays as it was")
		case before.State == "wiped" && (before.Method != m.Method || before.Proof != m.Proof || before.Technique != m.Technique || before.WipedAt.Compare(*m.WipedAt) != 0):
			return record.Refuse("state", "is wiped: what was done stays as it was said")
		}
		return nil
	}
	asset, _, err := record.Load[Asset](&tx.Reader, Assets, m.Asset)
	if err != nil {
		return err
	}
	m.DataClass = asset.DataClass
	return nil
}
