package populations

import (
	"encoding/json"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// observation is one as an item.
type observation struct {
	ID string `json:"id"` // of its event
	observations.Observation
	RecordedAt string `json:"recorded_at"`
	RecordedBy string `json:"recorded_by"`
	Index      int64  `json:"index"`
}

// observations gives the observations of systems as items.
func (r *Reading) observations(take func([]byte) error) error {
	query := ledger.Query{Type: observations.RecordedType, To: r.window.AsOf}
	if r.of[0].At == "item.observed_at" { // which is when the event happened
		query.Since, query.Until = r.window.From, r.window.To
	}
	return r.reader.Events(query, func(e *ledger.Event) error {
		o := observation{ID: e.ID, RecordedAt: e.RecordedTime, RecordedBy: e.Actor, Index: e.Index}
		if err := json.Unmarshal(e.Data, &o.Observation); err != nil {
			return &ledger.DamageError{Index: e.Index, What: "the observation's data cannot be read"}
		}
		doc, err := record.Canonical(o)
		if err != nil {
			return err
		}
		return take(doc)
	})
}

// document is an item of a document test: what was due, and what there is.
type document struct {
	ID       string               `json:"id"`
	From     time.Time            `json:"from"`
	To       time.Time            `json:"to"`
	Evidence []documents.Evidence `json:"evidence"`
}

// documents gives the documents that a test wants for the window as items, each
// with all evidence that was collected for it.
func (r *Reading) documents(take func([]byte) error) error {
	wanted := r.of[0].Documents
	if wanted == nil {
		return nil // only document tests have any
	}
	var evidence []documents.Evidence
	if err := r.reader.Versions(record.Range{Kind: documents.Register.Name, AsOf: r.window.AsOf}, func(v *record.Version) error {
		var e documents.Evidence
		err := json.Unmarshal(v.Doc, &e)
		if e.Control == wanted.Control && e.Test == wanted.Test {
			evidence = append(evidence, e)
		}
		return err
	}); err != nil {
		return err
	}
	for _, one := range due(wanted.Every, r.window) {
		d := document{ID: one.ID, From: one.From, To: one.To, Evidence: []documents.Evidence{}}
		for i := range evidence {
			if evidence[i].From.Before(d.To) && d.From.Before(evidence[i].To) {
				d.Evidence = append(d.Evidence, evidence[i])
			}
		}
		doc, err := record.Canonical(d)
		if err != nil {
			return err
		}
		if err := take(doc); err != nil {
			return err
		}
	}
	return nil
}

// Asked is the recorded query of a test whose completeness is not that of
// imports: of a state test the interval between readings, of a document test
// how often one is due. What is missing, the test itself finds.
func Asked(test *controls.Test, window Window) (*Coverage, error) {
	asked := map[string]any{"source": test.Population.From}
	if test.StateTerms != nil {
		asked["interval"] = test.Interval.String()
	} else {
		asked["every"] = test.Every
	}
	query, err := json.Marshal(asked)
	return &Coverage{Imports: 1, Complete: true, Until: window.To, Query: query}, err
}
