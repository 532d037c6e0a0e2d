package surface_test

import (
	"slices"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/pentests"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/governance/regulations"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// untold says, of a register's state from which somebody in particular may move a
// record, why nobody is told that it waits there.
var untold = map[string]string{
	// Somebody in particular has to do it by a date, and is told of that.
	"agreements awaited":          "its due",
	"agreements ended":            "as of those missed",
	"agreements missed":           "whoever has left signs nothing more: it is for what was signed and not put on record",
	"vendors offboarding":         "its due: another beginning or end is for somebody else to say",
	"vendor_contracts in_force":   "its renewal's due: its end is changed then, or it goes back to draft",
	"vendor_contracts ended":      "a correction: it goes back to draft",
	"performance_reviews planned": "its due",
	"conduct_cases investigating": "its due: whoever investigates it closes it",
	"regulations reviewed":        "the next review's due",
	"subject_requests received":   "its due: it can be extended, and is to be answered",
	"subject_requests extended":   "its due: it is to be answered",
	"erasures due":                "its due: it can be kept, and is to be done",
	"assets in_use":               "the confirmation's due",
	"data_sets in_use":            "the review's due",
	"data_disposals due":          "its due: it can be held, and is to be done",
	"data_disposals held":         "its due, when the hold ends",
	"acknowledgments asked":       "whoever is asked is told so",
	"trainings assigned":          "whoever is assigned it is told so",
	"penetration_tests running":   "its owner records the report: cancelling waits for nobody",
	// It can be done, and nothing waits for it.
	"acknowledgments refused":   "whoever refused may think better of it",
	"findings open":             "acceptance instead of a remedy is asked for by its owner",
	"findings in_progress":      "acceptance instead of a remedy is asked for by its owner",
	"actions open":              "dropping it",
	"actions returned":          "dropping it",
	"actions done":              "returning it: it is done otherwise",
	"policies draft":            "retirement: its versions are what waits",
	"policies in_force":         "retirement",
	"policy_versions in_force":  "the next one supersedes it",
	"courses draft":             "whoever writes it offers it",
	"courses offered":           "retirement",
	"courses retired":           "offering it again",
	"risks identified":          "closing it: its assessment is due",
	"risks assessed":            "acceptance and closing: its treatment and review are due",
	"vendors in_use":            "another tier or beginning: its assessments are due",
	"vendors proposed":          "rejection: whoever proposed it assesses it",
	"vendors approved":          "rejection: whoever owns it takes it into use",
	"vendors ended":             "a correction",
	"systems in_use":            "retirement",
	"devices in_use":            "its end",
	"sites open":                "closing it",
	"media_disposals planned":   "it is wiped first, or leaves without data",
	"specifications approved":   "the next one supersedes it",
	"restore_trials reviewed":   "returning it: it is done otherwise",
	"plan_practices reviewed":   "the same",
	"capacity_reviews reviewed": "the same",
	"outages open":              "a correction: its owner ends and closes it",
	"outages confirmed":         "a correction",
	"agreements signed":         "it is done: where its document stands can be said again",
}

// Where it takes another person, or a permission of its own, to move a record, those
// who may are told that it waits; or it stands above why not.
func TestWhoeverHasToDecideIsTold(t *testing.T) {
	told := 0
	for _, kind := range app.Kinds {
		for _, one := range kind.States {
			state := one.Name
			decided := slices.ContainsFunc(kind.Transitions, func(t record.Transition) bool {
				return t.From == state && t.To != record.Withdrawn && (len(t.NotBy) > 0 || t.Permission != "")
			})
			at := kind.Register + " " + state
			_, reason := untold[at]
			switch reviewed := surface.Reviewed(kind, state); {
			case decided && !reviewed && !reason:
				t.Errorf("%s waits for somebody, and nobody is told: give it a line in reviews, or a reason here", at)
			case reviewed && reason, !decided && reason:
				t.Errorf("%s has a reason why nobody is told, and none is needed", at)
			case reviewed:
				told++
			}
			delete(untold, at)
		}
	}
	for at := range untold {
		t.Errorf("%s: there is no such state", at)
	}
	if told < 28 {
		t.Errorf("%d states are told of", told)
	}
}

func TestWhatWaitsIsToldOnceItIsWhole(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		var want []string
		for _, one := range []struct {
			kind *record.Kind
			// begun is what is not whole yet; with rest it is. Without rest it is at once.
			begun, rest map[string]any
			waits       string
		}{
			{communication.Commitments, map[string]any{"title": "99.9 %", "owner": "person/E1"},
				map[string]any{"document": "terms", "customer_duties": "None", "system_description": "3", "effective_at": "2026-05-01T00:00:00Z"}, "99.9 % waits for approval -> /r/commitments/COM-1"},
			{pentests.Register, map[string]any{"title": "The API", "owner": "person/E1", "planned_for": "2026-05-01T00:00:00Z"},
				map[string]any{"tester": "Breakers", "independent": true, "scope": []string{"API"}, "rules": "Gently", "planned_end": "2026-05-20T00:00:00Z"}, "The API waits for somebody to authorize it -> /r/penetration_tests/PEN-1"},
			{communication.Announcements, map[string]any{"title": "News", "text": "Read.", "audience": "everybody", "channels": []string{"website"}}, nil, "News waits for approval -> /r/announcements/ANN-1"},
			{regulations.Register, map[string]any{"title": "A law", "kind": "law", "jurisdiction": "EU", "source": "https://law.example", "owner": "person/E1"}, nil, "A law waits for its first review -> /r/regulations/REG-1"},
			{privacy.Breaches, map[string]any{"title": "A lost list", "lead": "person/E1", "found_at": "2026-03-02T08:00:00Z"}, nil, "A lost list waits for somebody to judge it -> /r/privacy_breaches/BRE-1"},
		} {
			id := o.add(one.kind, one.begun)
			o.run()
			if one.rest != nil {
				o.wants("person/E2", notifications.Review, want...) // it is not whole
				o.set(one.kind, id, one.rest)
				o.run()
			}
			want = append(want, one.waits)
			o.wants("person/E2", notifications.Review, want...)
		}
		// What is put right meanwhile is not told again.
		o.set(communication.Commitments, "COM-1", map[string]any{"document": "the terms"})
		o.run()
		o.wants("person/E2", notifications.Review, want...)
		o.wants("person/E1", notifications.Review) // who owns them, and may approve none
	})
}
