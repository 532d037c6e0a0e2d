package recordtest_test

import (
	"fmt"
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
	Class       string     `json:"class,omitempty"`
	Kinds       []string   `json:"kinds,omitempty"`
	Label       string     `json:"label,omitempty"`
	State       string     `json:"state"`
	ReviewedAt  *time.Time `json:"reviewed_at,omitempty"`
	ApprovedBy  string     `json:"approved_by,omitempty"`
	ApprovedAt  *time.Time `json:"approved_at,omitempty"`
	Countries   []string   `json:"countries,omitempty"`
}

func (v *vendor) Compute() { v.Label = fmt.Sprintf("%s, tier %d", v.Name, v.Tier) }

func (v *vendor) Validate() []record.FieldError {
	if v.Tier > 4 {
		return []record.FieldError{{Field: "tier", Problem: "is 1 to 4"}}
	}
	return nil
}

func vendors(change func(*record.Definition)) *record.Kind {
	d := record.Definition{
		Kind: "vendor", Register: "vendors", Title: "Vendors", Prefix: "VEN", At: "reviewed_at",
		States: []string{"proposed", "approved", "rejected", "ended"}, Author: "requested_by",
		Transitions: []record.Transition{
			{From: "proposed", To: "approved", Permission: "vendor.approve", Guards: []record.Guard{{Field: "score", If: "item.tier > 1 || has(item.score) && item.score > 7.0", Why: "of tier 1 is above 7"}}, Required: []string{"reviewed_at"}, NotBy: []string{"requested_by", "owner"},
				Stamp: []string{"approved_by", "approved_at"}},
			{From: "proposed", To: "rejected"}, {From: "approved", To: "ended"},
		},
		Columns: []record.Column{
			{Field: "reviewed_at", Label: "Reviewed", Filter: true, Sort: true}, {Field: "name", Filter: true, Sort: true},
			{Field: "tier", Label: "Tier", Filter: true, Sort: true}, {Field: "score", Label: "Score", Filter: true, Sort: true},
			{Field: "critical", Label: "Critical", Filter: true}, {Field: "owner", Filter: true}, {Field: "state", Label: "State", Filter: true},
		},
		Fields: []record.Field{
			{Name: "name", Label: "Name", Help: "What the vendor calls itself.", Section: "Vendor", Required: true},
			{Name: "owner", Label: "Owner", Refers: "person", Required: true},
			{Name: "class", Label: "Class", Choices: []string{"cloud", "people"}}, {Name: "kinds", Label: "Kinds", Choices: []string{"a", "b"}},
			{Name: "label", Label: "Label", Computed: true},
			{Name: "approved_by", Label: "Approved by", Given: true}, {Name: "approved_at", Label: "Approved at", Given: true},
		},
		Dues:  []record.Due{{Name: "review", What: "Review the vendor", At: "reviewed_at", Owner: "owner", Open: `item.state != "ended"`}},
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
		Refused:    map[string]string{"name": `{"name":" "}`, "tier": `{"tier":5}`},
		GuardFalse: map[string]string{"proposed approved score": `{"reviewed_at":"2026-02-01T00:00:00Z","tier":1}`},
	})
}

// A wrong definition does not get through.
func TestAWrongDefinitionIsFound(t *testing.T) {
	for name, change := range map[string]func(*record.Definition){
		"a guard over no field":        func(d *record.Definition) { d.Transitions[0].Guards[0].If = "item.colour == 1" },
		"a guard that is no truth":     func(d *record.Definition) { d.Transitions[0].Guards[0].If = "item.tier" },
		"a guard on no field":          func(d *record.Definition) { d.Transitions[0].Guards[0].Field = "nothing" },
		"a guard without a reason":     func(d *record.Definition) { d.Transitions[0].Guards[0].Why = "" },
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
		"a field that is none":         func(d *record.Definition) { d.Fields[0].Name = "nothing" },
		"a field twice":                func(d *record.Definition) { d.Fields[1] = d.Fields[0] },
		"a field without a label":      func(d *record.Definition) { d.Fields[1].Label = "" },
		"choices of a number":          func(d *record.Definition) { d.Fields[2].Name = "tier" },
		"a list of several lines":      func(d *record.Definition) { d.Fields[3].Long = true },
		"an offered field of none":     func(d *record.Definition) { d.Transitions[0].Offered = []string{"colour"} },
		"a deadline that is no time":   func(d *record.Definition) { d.Dues[0].At = "name" },
		"a deadline of nobody":         func(d *record.Definition) { d.Dues[0].Owner = "tier" },
		"a deadline over no field":     func(d *record.Definition) { d.Dues[0].Open = "item.colour == 1" },
		"a deadline without words":     func(d *record.Definition) { d.Dues[0].What = "" },
		"a stamp of a number":          func(d *record.Definition) { d.Transitions[0].Stamp[0] = "tier" },
		"a stamp that people can set":  func(d *record.Definition) { d.Transitions[0].Stamp[0] = "owner" },
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
