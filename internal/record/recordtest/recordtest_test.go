package recordtest_test

import (
	"testing"
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

// vendor is a small register with one of everything: what docs/developer.md
// shows.
type vendor struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Owner       string     `json:"owner"`
	RequestedBy string     `json:"requested_by"`
	Tier        int        `json:"tier"`
	Score       *float64   `json:"score,omitempty"`
	Critical    bool       `json:"critical"`
	State       string     `json:"state"`
	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	Countries   []string   `json:"countries,omitempty"`
}

func (v *vendor) Validate() []record.FieldError {
	if v.Name == "" {
		return []record.FieldError{{Field: "name", Problem: "is missing"}}
	}
	return nil
}

func vendors(change func(*record.Definition)) *record.Kind {
	d := record.Definition{
		Kind: "vendor", Register: "vendors", Title: "Vendors", Prefix: "VEN", At: "reviewed_at",
		States: []string{"proposed", "approved", "rejected", "ended"}, Author: "requested_by",
		Transitions: []record.Transition{
			{From: "proposed", To: "approved", Permission: "vendor.approve", Guard: "item.tier > 1 || has(item.score) && item.score > 7.0",
				Why: "a vendor of tier 1 needs a score above 7", Required: []string{"reviewed_at"}, NotBy: []string{"requested_by", "owner"}},
			{From: "proposed", To: "rejected"}, {From: "approved", To: "ended"},
		},
		Columns: []record.Column{
			{Field: "reviewed_at", Label: "Reviewed", Filter: true, Sort: true}, {Field: "name", Label: "Name", Filter: true, Sort: true},
			{Field: "tier", Label: "Tier", Filter: true, Sort: true}, {Field: "score", Label: "Score", Filter: true, Sort: true},
			{Field: "critical", Label: "Critical", Filter: true}, {Field: "state", Label: "State", Filter: true},
		},
		Fixed: []string{"critical"}, Retention: record.Retention{Field: "reviewed_at", Years: 7},
	}
	if change != nil {
		change(&d)
	}
	return record.Define[vendor](d)
}

func TestVendors(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: vendors(nil), New: `{"name":"Example Cloud","owner":"person/owner","tier":2}`, Set: `{"tier":3}`,
		Fields:     map[string]string{"proposed approved": `{"reviewed_at":"2026-02-01T00:00:00Z"}`},
		Refused:    map[string]string{"name": `{"name":""}`},
		GuardFalse: map[string]string{"proposed approved": `{"reviewed_at":"2026-02-01T00:00:00Z","tier":1}`},
	})
}

// A wrong definition does not get through.
func TestAWrongDefinitionIsFound(t *testing.T) {
	for name, change := range map[string]func(*record.Definition){
		"a guard over no field":        func(d *record.Definition) { d.Transitions[0].Guard = "item.colour == 1" },
		"a guard that is no truth":     func(d *record.Definition) { d.Transitions[0].Guard = "item.tier" },
		"a guard without a reason":     func(d *record.Definition) { d.Transitions[0].Why = "" },
		"a column of no field":         func(d *record.Definition) { d.Columns[0].Field = "nothing" },
		"a column of a list":           func(d *record.Definition) { d.Columns[0].Field = "countries" },
		"a column twice":               func(d *record.Definition) { d.Columns[1] = d.Columns[0] },
		"a column for nothing":         func(d *record.Definition) { d.Columns[1].Filter, d.Columns[1].Sort = false, false },
		"a transition to nowhere":      func(d *record.Definition) { d.Transitions[1].To = "nowhere" },
		"a transition twice":           func(d *record.Definition) { d.Transitions[1] = d.Transitions[0] },
		"a required field of no field": func(d *record.Definition) { d.Transitions[0].Required = []string{"nothing"} },
		"who may not, of a number":     func(d *record.Definition) { d.Transitions[0].NotBy = []string{"tier"} },
		"an instant that is none":      func(d *record.Definition) { d.At = "name" },
		"a fixed field of no field":    func(d *record.Definition) { d.Fixed = []string{"nothing"} },
		"an author of no field":        func(d *record.Definition) { d.Author = "nothing" },
		"a retention of no time":       func(d *record.Definition) { d.Retention.Field = "name" },
		"a version without migration":  func(d *record.Definition) { d.Version = 3 },
		"a name with a space":          func(d *record.Definition) { d.Kind = "a vendor" },
	} {
		if vendors(change).Wrong() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := vendors(nil).Wrong(); err != nil {
		t.Error(err)
	}
}
