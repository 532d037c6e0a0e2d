// Package criteria is the list of the 61 Trust Services Criteria (TSP section
// 100) by their identifiers. The text of the criteria is AICPA's and is not
// reproduced here: groups and titles are SCAF's own words, to find one's way
// by.
package criteria

import (
	"slices"
	"sync"

	"scaf.dev/scaf/catalog"
)

// Criterion is one of the 61.
type Criterion struct {
	ID    string `json:"id"`
	Title string `json:"title"` // SCAF's words
	Group string `json:"group"` // SCAF's words
}

// catalogued is the one list, in the order of TSP section 100.
var catalogued = sync.OnceValue(func() []Criterion {
	list, err := parse(catalog.CriteriaFile, catalog.Criteria())
	if err != nil { // the file is part of the program, and a test holds it
		panic(err)
	}
	return list
})

// ids are their identifiers, in the same order.
var ids = sync.OnceValue(func() []string {
	var all []string
	for _, c := range catalogued() {
		all = append(all, c.ID)
	}
	return all
})

// List returns the criteria in the order of TSP section 100. The caller owns
// the slice.
func List() []Criterion { return slices.Clone(catalogued()) }

// All returns the identifiers in the order of TSP section 100. The caller owns
// the slice.
func All() []string { return slices.Clone(ids()) }

// Known says whether id is exactly one of the 61 identifiers; letter case
// counts.
func Known(id string) bool { return Rank(id) >= 0 }

// Title is the criterion's title in SCAF's words, or "" for an unknown id.
func Title(id string) string { return find(id).Title }

// Group is the title, in SCAF's words, of the group that the criterion is in,
// or "" for an unknown id.
func Group(id string) string { return find(id).Group }

func find(id string) Criterion {
	if i := Rank(id); i >= 0 {
		return catalogued()[i]
	}
	return Criterion{}
}

// Rank is the position of id in the order of TSP section 100, from 0, or -1
// for an unknown id: what lists of controls are sorted by.
func Rank(id string) int { return slices.Index(ids(), id) }
