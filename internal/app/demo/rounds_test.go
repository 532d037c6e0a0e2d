package demo

import (
	"reflect"
	"testing"
)

// Rounds are done on working days of their quarters, later or not at all where the
// story says so, and texts name the quarter and its days.
func TestRoundsAreDoneInEveryQuarter(t *testing.T) {
	r := repeated{
		Without: []string{"2025-Q2"}, Late: map[string]int{"2025-Q3": 20},
		Steps: []entered{{Day: -3, Add: "site_review", Called: "review {round}", Fields: map[string]any{"id": "R-{round}", "list": []any{"{-3}T08:00:00Z", map[string]any{"n": 1}}}}},
	}
	type step struct {
		on     date
		called string
		fields map[string]any
	}
	fields := func(round, day string) map[string]any {
		return map[string]any{"id": "R-" + round, "list": []any{day + "T08:00:00Z", map[string]any{"n": 1}}}
	}
	var got []step
	for _, s := range r.steps(2025) {
		got = append(got, step{s.On, s.Called, s.Fields})
	}
	want := []step{
		{date{2025, 3, 28}, "review 2025-Q1", fields("2025-Q1", "2025-03-28")},
		{date{2025, 10, 17}, "review 2025-Q3", fields("2025-Q3", "2025-10-17")}, // not on the Saturday
		{date{2025, 12, 26}, "review 2025-Q4", fields("2025-Q4", "2025-12-26")}, // a Friday, as the 28th is a Sunday
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
