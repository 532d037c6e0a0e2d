package app

import (
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/record"
)

// heldBefore says of moves what stands in the record before, and is neither in the form of the move nor
// told of before by a record in which nothing stands.
var heldBefore = map[string]string{
	"subprocessors proposed reviewed: allowed_data":      "it is told once it is said whether it runs models",
	"subprocessors proposed reviewed: retention":         "the same",
	"subprocessors proposed reviewed: training_excluded": "the same",

	"data_copies requested withdrawn: copied_at":  "it is to be empty: what was copied is destroyed",
	"data_copies approved withdrawn: copied_at":   "the same",
	"media_disposals planned withdrawn: left_at":  "it is to be empty: what has left is released",
	"risk_assessments planned withdrawn: held_at": "it is to be empty: what was held is approved",
	"risk_assessments open withdrawn: held_at":    "the same",
}

// Nobody sends the form of a move to hear that something is missing for which it has no
// field: what a move wants of what people set is in its form, or the page says before the
// click that it lacks, as Lacking tells of a record in which nothing stands.
func TestAMoveAsksForWhatItWants(t *testing.T) {
	for _, kind := range Kinds {
		if kind.Internal {
			continue
		}
		doc, err := record.Canonical(kind.New())
		if err != nil {
			t.Fatal(err)
		}
		for i := range kind.Transitions {
			move := &kind.Transitions[i]
			wants := slices.Clone(move.Required)
			for _, g := range move.Guards {
				wants = append(wants, g.Field)
			}
			lacks, err := kind.Lacking(move, doc, time.Unix(1, 0), "person/E1")
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(wants)
			for _, name := range slices.Compact(wants) {
				f := kind.Field(name)
				if name == "" || name == "state" || f.Given || f.Computed || slices.Contains(kind.Asks(move), name) {
					continue
				}
				at := kind.Register + " " + move.From + " " + move.To + ": " + name
				told := slices.ContainsFunc(lacks, func(l record.FieldError) bool { return l.Field == name })
				if _, reason := heldBefore[at]; !told && !reason {
					t.Errorf("%s is wanted, and the form does not ask for it (Transition.Offered)", at)
				}
				delete(heldBefore, at)
			}
		}
	}
	for at := range heldBefore {
		t.Errorf("%s: nothing wants it", at)
	}
}
