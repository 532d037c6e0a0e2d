package vendors

import (
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// Subprocessor is a vendor that handles customers' data. The record's instant is
// when the data went there.
type Subprocessor struct {
	ID               string           `json:"id"`
	Vendor           string           `json:"vendor"`
	Owner            string           `json:"owner"`
	Purpose          string           `json:"purpose"`
	Countries        []string         `json:"countries,omitempty"`
	ModelProvider    *bool            `json:"model_provider,omitempty"`
	TrainingExcluded *bool            `json:"training_excluded,omitempty"`
	Retention        *record.Duration `json:"retention,omitempty"`
	AllowedData      []string         `json:"allowed_data,omitempty"`
	Listed           *bool            `json:"listed,omitempty"`
	ToldAt           *time.Time       `json:"told_at,omitempty"`
	ToldBy           []string         `json:"told_by,omitempty"`
	DataFrom         *time.Time       `json:"data_from,omitempty"`
	EndedAt          *time.Time       `json:"ended_at,omitempty"`
	Writers          []string         `json:"writers,omitempty"` // of what is reviewed
	State            string           `json:"state"`
	ReviewedBy       string           `json:"reviewed_by,omitempty"`
	ReviewedAt       *time.Time       `json:"reviewed_at,omitempty"`
	record.Withdrawal
}

// Subprocessors describes the register of subprocessors.
var Subprocessors = record.Define[Subprocessor](record.Definition{
	Kind: "subprocessor", Register: "subprocessors", Title: "Subprocessors", Singular: "Subprocessor", Prefix: "SUB", At: "data_from", Authors: "writers",
	Purpose: "Who handles customers' data for us, and when customers were told.",
	States:  []string{"proposed", "reviewed", "active", "ended", record.Withdrawn},
	// What was reviewed, and what customers were told: what changes of one to whom their
	// data goes is told to them again, and is a record of its own.
	Settled: []record.Settled{
		{States: []string{"reviewed", "active"}, Fields: []string{"vendor", "purpose", "countries", "allowed_data", "model_provider", "training_excluded", "retention"}},
		{States: []string{"active"}, Fields: []string{"listed", "told_at", "data_from"}},
	},
	Transitions: []record.Transition{
		{From: "proposed", To: "reviewed", Permission: "subprocessor.review", Required: []string{"model_provider"}, NotBy: []string{"owner", "writers"},
			Stamp: []string{"reviewed_by", "reviewed_at"},
			Guards: []record.Guard{
				{Field: "training_excluded", If: `!item.model_provider || has(item.training_excluded) && item.training_excluded`, Why: "is not confirmed: a provider of models trains none with our data"},
				{Field: "retention", If: `!item.model_provider || has(item.retention)`, Why: "is not said: of a provider of models it is known how long it keeps the data"},
				{Field: "allowed_data", If: `!item.model_provider || has(item.allowed_data) && item.allowed_data.size() > 0`, Why: "is not said: of a provider of models it is known which data may go there"},
			}},
		{From: "reviewed", To: "proposed"}, // it is reviewed anew
		{From: "reviewed", To: "active", Required: []string{"listed", "told_at", "told_by", "data_from"}, Guards: []record.Guard{
			{Field: "listed", If: `item.listed`, Why: "has to be yes: it is on the published list before data goes there"},
			{Field: "told_at", If: `item.told_at <= item.data_from`, Why: "is after the first data went there: customers are told before"},
		}},
		record.Withdrawing("proposed"), record.Withdrawing("reviewed"),
		{From: "active", To: "ended", Required: []string{"ended_at"}},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "vendor", Label: "Vendor", Section: "Subprocessor", Required: true, Refers: kindVendor, Help: "Its reference, like vendor/VEN-1."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "purpose", Label: "Purpose", Required: true, Help: "What it does with customers' data."},
		{Name: "countries", Label: "Countries", Help: "Where it does that."},
		{Name: "allowed_data", Label: "Data", Help: "Which data may go there."},
		{Name: "model_provider", Label: "Model provider", Section: "Models", Help: "Whether it runs models over the data."},
		{Name: "training_excluded", Label: "No training", Help: "Whether the contract forbids that it trains models with the data."},
		{Name: "retention", Label: "Retention", Help: "How long it keeps the data, such as 30 days."},
		{Name: "listed", Label: "Published", Section: "Customers", Help: "Whether it is on the published list."},
		{Name: "told_at", Label: "Customers told", Happened: true, Help: "When customers were told."},
		{Name: "told_by", Label: "How", Shows: true, Help: "By which announcement or message: announcement/ANN-1, an address, a file of this record."},
		{Name: "data_from", Label: "Data from", Happened: true, Help: "When the first data of customers went there. Before its review it is a deviation."},
		{Name: "ended_at", Label: "Ended", Happened: true, Help: "When the last data of customers went there."},
		{Name: "state", Label: "State"},
		{Name: "writers", Label: "Written by", Section: "Review", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
	},
	Columns: []record.Column{
		{Field: "data_from", Filter: true, Sort: true},
		{Field: "vendor", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
	},
})

// Changed holds by what customers were told, once it was said: of a subprocessor of before it was
// asked for it is said later. A form's time has no seconds: data that went there in the minute
// of the review went there after it.
func (s *Subprocessor) Changed(_ *act.Tx, old any) error {
	was := record.As[Subprocessor](old)
	if was.State == "active" && len(was.ToldBy) > 0 && !slices.Equal(was.ToldBy, s.ToldBy) {
		return record.Refuse("told_by", "stands as it was when the record became active")
	}
	if was.State == "reviewed" && s.DataFrom != nil && s.ReviewedAt != nil && s.DataFrom.Equal(s.ReviewedAt.Truncate(time.Minute)) {
		s.DataFrom = s.ReviewedAt
	}
	return nil
}

// Compute ends a review with its state.
func (s *Subprocessor) Compute() {
	if s.State == "proposed" {
		s.ReviewedAt, s.ReviewedBy = nil, ""
	}
}
