package results

import (
	"encoding/json"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
)

// Progress is what it takes to go on from an answer when further events have come
// behind those that it was computed from: the answer is then the one that
// computing from the beginning gives. It is of census tests over events by their
// own instant. It is kept beside the result and may be lost. Nothing is concluded
// from it but by a refresh of an open period: a final result, and whoever verifies
// a result or performs it again, begins at the beginning.
type Progress struct {
	ControlSHA256 string              `json:"control_sha256"`
	Test          string              `json:"test"`
	Engine        string              `json:"engine"`
	Place         populations.Place   `json:"place"`
	Taken         *populations.Taken  `json:"taken"`
	Tally         *controltests.Tally `json:"tally"`
}

// progress is what it takes to go on from an answer; nil: that cannot be done.
func (q *Question) progress(reading *populations.Reading, members *populations.Members, d *controltests.Result) (*Progress, error) {
	if d.Tally == nil {
		return nil, nil //nolint:nilnil // none
	}
	place := reading.Place(d.Tally.Last, d.Tally.LastID)
	if place == nil {
		return nil, nil //nolint:nilnil // none
	}
	taken, err := members.Taken()
	if err != nil || taken == nil {
		return nil, err
	}
	return &Progress{q.Control.SHA256, q.Test.ID, q.Engine, *place, taken, d.Tally}, nil
}

// begins reports whether the question can be answered by going on from here.
func (p *Progress) begins(q *Question) bool {
	return p != nil && q.Interim && q.Begin == nil && p.ControlSHA256 == q.Control.SHA256 && p.Test == q.Test.ID && p.Engine == q.Engine && p.Place.Begins(q.Window)
}

// keep keeps the progress of a result that is being recorded, in the place of that
// of earlier ones.
func (p *Progress) keep(tx *act.Tx, of *Result) error {
	doc, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`DELETE FROM result_progress WHERE period = $1 AND control = $2 AND test = $3 AND begins = $4`, of.Period, of.Control, of.Test, of.From.UnixMicro()); err != nil {
		return err
	}
	return tx.Insert("result_progress", []string{"period", "control", "test", "begins", "population", "progress"},
		[][]any{{of.Period, of.Control, of.Test, of.From.UnixMicro(), of.Population, string(doc)}})
}

// progress reads that of the known result; nil: there is none, or it is not the
// one of what was recorded.
func (k *known) progress(r *store.Reader) (*Progress, error) {
	var doc string
	of := &k.result
	found := false
	err := r.Each(`SELECT progress FROM result_progress WHERE period = $1 AND control = $2 AND test = $3 AND begins = $4 AND population = $5`,
		[]any{of.Period, of.Control, of.Test, of.From.UnixMicro(), of.Population}, []any{&doc}, func() error { found = true; return nil })
	if err != nil || !found {
		return nil, err
	}
	p := &Progress{}
	if json.Unmarshal([]byte(doc), p) == nil && p.of(k) {
		return p, nil
	}
	return nil, nil //nolint:nilnil // it may be lost
}

// of reports whether the progress is that of a recorded result and population, as
// far as these say.
func (p *Progress) of(k *known) bool {
	if p.Taken == nil || p.Tally == nil {
		return false
	}
	members, err := p.Taken.Members()
	return err == nil && members.SHA256() == k.banked.SHA256 && members.Count() == k.banked.Count && p.Tally.Count == k.result.Count &&
		p.Tally.Passed == k.result.Passed && len(p.Tally.Findings) == k.result.Deviations && p.Place.AsOf == k.banked.Checkpoint.Size
}
