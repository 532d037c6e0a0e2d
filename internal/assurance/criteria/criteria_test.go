package criteria_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/assurance/criteria"
)

// The list is built here a second time, from the number of criteria in each
// group, so that a slip in one of the two shows.
func TestAllIsExactlyTheSixtyOneCriteria(t *testing.T) {
	groups := []struct {
		prefix string
		sizes  []int
	}{
		{"CC", []int{5, 3, 4, 2, 3, 8, 5, 1, 2}},
		{"A", []int{3}},
		{"C", []int{2}},
		{"PI", []int{5}},
		{"P", []int{1, 1, 2, 3, 2, 7, 1, 1}},
	}
	var want []string
	for _, g := range groups {
		for i, n := range g.sizes {
			for k := 1; k <= n; k++ {
				want = append(want, fmt.Sprintf("%s%d.%d", g.prefix, i+1, k))
			}
		}
	}
	if len(want) != 61 {
		t.Fatalf("the test's own list has %d entries, want 61", len(want))
	}
	if got := criteria.All(); !slices.Equal(got, want) {
		t.Errorf("All() = %v\nwant %v", got, want)
	}
}

func TestKnown(t *testing.T) {
	for id, want := range map[string]bool{
		"CC1.1": true, "CC6.8": true, "A1.3": true, "PI1.5": true, "P8.1": true,
		"": false, "cc1.1": false, "CC6.9": false, "CC10.1": false, "P9.1": false, "CC1": false, " CC1.1": false,
	} {
		if got := criteria.Known(id); got != want {
			t.Errorf("Known(%q) = %v, want %v", id, got, want)
		}
	}
}

func TestRankFollowsTheList(t *testing.T) {
	for i, id := range criteria.All() {
		if got := criteria.Rank(id); got != i {
			t.Errorf("Rank(%q) = %d, want %d", id, got, i)
		}
	}
	if got := criteria.Rank("CC9.9"); got != -1 {
		t.Errorf("Rank of an unknown id = %d, want -1", got)
	}
}

func TestAllGivesACopy(t *testing.T) {
	criteria.All()[0] = "changed"
	if !criteria.Known("CC1.1") {
		t.Error("changing the slice that All returned changed the list")
	}
}

func TestEveryCriterionHasATitleAndAGroupOfOurOwn(t *testing.T) {
	titles := map[string]string{}
	for _, c := range criteria.List() {
		title, group := criteria.Title(c.ID), criteria.Group(c.ID)
		if title == "" || title != c.Title || group == "" || group != c.Group {
			t.Errorf("%s has title %q and group %q, the list says %+v", c.ID, title, group, c)
		}
		if words := len(strings.Fields(title)); words > 12 {
			t.Errorf("%s: a title of %d words is a text", c.ID, words)
		}
		if first, twice := titles[title]; twice {
			t.Errorf("%s and %s have the same title", first, c.ID)
		}
		titles[title] = c.ID
	}
	if criteria.Title("CC9.9") != "" || criteria.Group("CC9.9") != "" {
		t.Error("an unknown criterion has a title")
	}
}

// The rows of the narrative's table, as they stand there.
func TestTheNarrativesMappingIsKeptWhole(t *testing.T) {
	want := [][2]string{
		{"CC6.1", "RBAC, IAM"}, {"CC6.2", "Secrets rotation"}, {"CC6.6", "encryption-policy.yaml"}, {"CC7.2", "Monitoring rules"},
		{"CC7.3", "Audit logging"}, {"CC8.1", "Change management"}, {"C1.2", "Data governance"},
	}
	var got [][2]string
	for _, row := range criteria.Narrative() {
		got = append(got, [2]string{row.Criterion, row.Reference})
	}
	if !slices.Equal(got, want) {
		t.Errorf("the mapping is %v\nwant %v", got, want)
	}
	for _, id := range []string{"CC6.2", "CC6.6", "CC7.3"} {
		i := slices.IndexFunc(criteria.Narrative(), func(r criteria.Row) bool { return r.Criterion == id })
		if row := criteria.Narrative()[i]; row.Differs == "" || slices.Contains(row.Ours, id) {
			t.Errorf("%s: the narrative puts something else there, and the mapping does not say so: %+v", id, row)
		}
	}
}
