package people_test

import (
	"testing"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record/recordtest"
)

func TestTheRegister(t *testing.T) {
	left := `{"left_at":"2026-03-01T00:00:00Z"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.Register,
		New:  `{"name":"Alex Example","joined_at":"2026-01-05T00:00:00Z"}`,
		Set:  `{"department":"Support"}`,
		Fields: map[string]string{
			"active left": left, "on_leave left": left,
		},
		Refused: map[string]string{
			"name": `{"name":" "}`, "email": `{"email":"nobody"}`, "employment": `{"employment":"guest"}`, "state": `{"state":"lost"}`,
			"left_at": `{"left_at":"2025-01-05T00:00:00Z"}`, "id": `{"id":"a b"}`,
		},
	})
}
