package app_test

import (
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/record"
)

// Where a record says who approved, reviewed, accepted, read or confirmed it, what they
// did so by stands: nobody rewrites it under their name. What names other records stays
// open, as what a move says that is still to come.
func TestEveryTextStandsThatSomebodyApproved(t *testing.T) {
	// Who did it says nothing of who decided: that comes after.
	did := []string{
		"announced_by", "by", "changed_by", "done_by", "extended_by", "held_by", "practised_by", "rated_by", "recorded_by", "remediated_by", "reported_by", "retired_by", "returned_by", "submitted_by", "tier_by", "withdrawn_by",
	}
	open := map[string]string{
		"risk assessed":     "its owner keeps it true between two reviews, each of which is kept as it was",
		"risk accepted":     "what is done about it goes on, and a reason to close it comes after it is assessed again",
		"agreement awaited": "as what somebody works here changes until it is signed, and when access began stands",
		"asset in_use":      "an asset changes between two confirmations, each of which is kept as it was",
		"vendor approved":   "its name and its service in words change; data, access and criticality stand, and what follows belongs to moves to come",
		"finding accepted":  "its owner, whom it is told to and its controls are named",
	}
	for _, k := range app.Kinds {
		for i := range k.Transitions {
			move := &k.Transitions[i]
			for _, stamp := range move.Stamp {
				if k.Shape(stamp) != record.ShapeText || slices.Contains(did, stamp) || open[k.Name+" "+move.To] != "" {
					continue
				}
				var loose []string
				for _, f := range k.Editable(true) {
					if shape := k.Shape(f.Name); shape != record.ShapeText && shape != record.ShapeTexts || f.Refers != "" || f.Names != nil || k.Settled(move.To, f.Name) {
						continue
					}
					if !slices.ContainsFunc(k.Transitions, func(t record.Transition) bool {
						return t.From == move.To && t.To != move.To && (slices.Contains(t.Required, f.Name) || slices.Contains(t.Offered, f.Name))
					}) {
						loose = append(loose, f.Name)
					}
				}
				if len(loose) > 0 {
					t.Errorf("%s is %s, %s says by whom, and anybody changes %s: name them in Settled", k.Name, move.To, stamp, strings.Join(loose, ", "))
				}
			}
		}
	}
}
