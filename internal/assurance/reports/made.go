package reports

import (
	"time"

	"scaf.dev/scaf/internal/assurance/results"
)

// MadeType is the type of the event that says that a readiness report was
// made. It is what the duty readiness-report is performed by.
const MadeType = "scaf.report.readiness.v1"

// Made is the data of that event: the report's figures. The report itself is
// kept as evidence, under its hash.
type Made struct {
	Period     string    `json:"period,omitempty"`
	At         time.Time `json:"at"`
	Since      time.Time `json:"since"`
	Checkpoint Ledger    `json:"checkpoint"` // what it was computed from
	SHA256     string    `json:"sha256"`     // of the report as JSON, lowercase hex

	// Refreshed says for every open period up to when its tests were looked at.
	Refreshed map[string]results.Mark `json:"refreshed,omitempty"`

	Conclusions []Count `json:"conclusions"`
	Changes     int     `json:"changes"`
	Deviations  int     `json:"deviations"` // new ones
	Turned      int     `json:"turned"`
	Late        int     `json:"late"`
	Coming      int     `json:"coming"`
}

// Made is what the event says of the report, but for its hash.
func (r *Readiness) Made() Made {
	m := Made{
		At: r.At, Since: r.Day.Since, Checkpoint: r.Ledger, Conclusions: r.Conclusions,
		Changes: len(r.Day.Changes), Deviations: len(r.Day.Deviations) + r.Day.More, Turned: len(r.Day.Turned),
		Late: len(r.Day.Late), Coming: len(r.Day.Coming),
	}
	if r.Period != nil {
		m.Period = r.Period.Name
	}
	return m
}
