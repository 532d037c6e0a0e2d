package app

import (
	"slices"
	"testing"

	"scaf.dev/scaf/internal/record"
)

// exits are the states in which records end without a claim that something was done:
// what was begun is not wanted, or what was in effect is so no longer. Those of one
// register stand with its name.
var exits = []string{
	record.Withdrawn, "cancelled", "dropped", "rejected", "refused", "dismissed", "removed", // it came to nothing
	"ended", "retired", "superseded", "replaced", "left", "rolled_back", "paused", "missed", // it has been, and is over
	"risks closed", "sites closed", // with a reason, which may be that it never was
}

// back are states to which a record returns without having got further.
var back = []string{"returned"}

// staying says, of a register's state, why there is no such way from it.
var staying = map[string]string{
	// What has happened is on record until somebody has dealt with it.
	"exercises held":              "it was held, and is reviewed",
	"meetings held":               "it was held, and its minutes are confirmed",
	"penetration_tests reported":  "what it found is tested again",
	"outages open":                "it happened, and is described",
	"outages closed":              "it happened, and is corrected alone",
	"outages confirmed":           "the same",
	"capacity_warnings raised":    "it was measured, and the decision may be to do nothing",
	"malware_detections found":    "it was seen, and its outcome may be that it was nothing",
	"job_changes recorded":        "it happened, and the access that came of it is reviewed",
	"conduct_cases reported":      "whoever reports something has it looked into, and its outcome may be that it was nothing",
	"conduct_cases investigating": "the same",
	// What is there has to end, and its end says how.
	"agreements signed":  "it was signed, and its document may be kept elsewhere",
	"vendors in_use":     "its access and our data are settled first",
	"data_copies copied": "it is destroyed",
	// What others have a right to is answered, and the answer may be no.
	"outside_reports received":    "whoever reports something is answered",
	"privacy_complaints received": "whoever complains is answered, and it may have been unjustified",
	"privacy_breaches found":      "it is judged, and the judgment may be that there was none",
	"privacy_breaches judged":     "it is settled",
	"erasures due":                "it is done, or kept as its person agreed",
	"data_disposals due":          "data whose time has come is disposed of, or held by an order that somebody else than its owner enters",
	"data_disposals held":         "the hold lasts, or ends",
	"data_disposals done":         "a witness finds that it was done, or was not",
	// SCAF ends what people owe with their leaving, and with what they owe it for.
	"trainings assigned":          "SCAF ends it: ended or missed",
	"agreements awaited":          "SCAF ends it: ended or missed",
	"performance_reviews planned": "SCAF ends it: ended or missed",
}

// Whatever a record is begun for, it can come to nothing: from each state that is not
// an end a way leads to one, by moves that go back or out, and not on as if the work had
// been done. A new register has such ways, or says here why not.
func TestEveryStateHasAWayOut(t *testing.T) {
	for _, kind := range Kinds {
		if len(kind.Transitions) == 0 {
			continue
		}
		for i, one := range kind.States {
			at := kind.Register + " " + one.Name
			_, reason := staying[at]
			out := ends(kind, one.Name) || leads(kind, i, nil)
			switch {
			case !out && !reason:
				t.Errorf("%s has no way out but to go on: give it one (record.Withdrawing), or a reason here", at)
			case out && reason:
				t.Errorf("%s has a reason why there is no way out, and there is one", at)
			}
			delete(staying, at)
		}
	}
	for at := range staying {
		t.Errorf("%s: there is no such state", at)
	}
}

// ends reports whether nothing is to come of a record in a state: no move leads from it,
// or it is where the work ends.
func ends(kind *record.Kind, state string) bool {
	at := slices.IndexFunc(kind.States, func(s record.State) bool { return s.Name == state })
	return exit(kind, state) || len(kind.States[at].To) == 0
}

// leads reports whether a way leads out from the state of this place in the lifecycle,
// by states before it.
func leads(kind *record.Kind, from int, seen []int) bool {
	return slices.ContainsFunc(kind.States[from].To, func(to string) bool {
		at := slices.IndexFunc(kind.States, func(s record.State) bool { return s.Name == to })
		return exit(kind, to) || (at < from || slices.Contains(back, to)) && !slices.Contains(seen, at) && leads(kind, at, append(seen, from))
	})
}

func exit(kind *record.Kind, state string) bool {
	return slices.Contains(exits, state) || slices.Contains(exits, kind.Register+" "+state)
}
