package populations

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Banked is a population as it was read: enough to read it again and to see
// that it is the same.
type Banked struct {
	ID      string `json:"id"` // POP-1, POP-2 ...
	Control string `json:"control"`
	Test    string `json:"test"`
	// ControlSHA256 is the hash of the control file that the query comes from.
	ControlSHA256 string     `json:"control_sha256,omitempty"`
	Period        string     `json:"period"`
	Interim       bool       `json:"interim"`
	Query         Query      `json:"query"`
	Checkpoint    Checkpoint `json:"checkpoint"`
	Count         int64      `json:"count"`
	SHA256        string     `json:"sha256"` // of the documents in order, each followed by a line feed
	Asserted      int64      `json:"asserted"`
	Coverage      *Coverage  `json:"coverage,omitempty"`
	BankedAt      time.Time  `json:"banked_at"`
	BankedBy      string     `json:"banked_by"`
}

// Query is the exact query of a population.
type Query struct {
	Source string    `json:"source"`
	At     string    `json:"at"`
	Where  string    `json:"where,omitempty"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Zone   string    `json:"timezone"`
	// Until is the end up to which deadlines are judged, where it is not To: of a
	// part of a period.
	Until *time.Time `json:"until,omitempty"`
	Order string     `json:"order"`
}

// Order is how populations are sorted before they are hashed.
const Order = "instant, id, bytewise"

// Checkpoint is the state of the ledger at which a population was read.
type Checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // lowercase hex
}

// Register describes the register of banked populations.
var Register = record.Define[Banked](record.Definition{
	Kind: "population", Register: "populations", Title: "Populations", At: "banked_at", Internal: true,
	Purpose: "All items of a kind in a period, as they were when a test read them.",
	Shown:   []string{"control", "test", "period", "interim", "count", "banked_at"},
})

// Bank records a population that has been read to its end.
func Bank(tx *act.Tx, b Banked) (*Banked, error) {
	number, err := record.Number(&tx.Reader, Register.Name)
	if err != nil {
		return nil, err
	}
	b.ID = fmt.Sprintf("POP-%d", number)
	b.BankedAt, b.BankedBy = tx.Now(), tx.Caller().ID
	_, err = record.Put(tx, Register, record.Change{Verb: "banked", ID: b.ID, Doc: b})
	return &b, err
}

// Get reads a banked population.
func Get(r *store.Reader, id string) (*Banked, error) {
	v, err := record.Get(r, Register.Name, id)
	if err != nil {
		return nil, err
	}
	b := &Banked{}
	return b, json.Unmarshal(v.Doc, b)
}

// List reads all banked populations, the oldest first; of one period when it
// is named.
func List(r *store.Reader, period string) ([]Banked, error) {
	type banked struct {
		Banked
		at int64 // ledger index: the clock may have stood still, or gone back
	}
	var found []banked
	err := record.Each(r, record.Range{Kind: Register.Name}, func(v *record.Version) error {
		b := banked{at: v.From}
		if err := json.Unmarshal(v.Doc, &b.Banked); err != nil {
			return err
		}
		if period == "" || b.Period == period {
			found = append(found, b)
		}
		return nil
	})
	slices.SortFunc(found, func(a, b banked) int { return cmp.Compare(a.at, b.at) })
	all := make([]Banked, len(found))
	for i := range found {
		all[i] = found[i].Banked
	}
	return all, err
}
