package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// A card offers the moves that are the reader's: at once where they ask for nothing, by
// their form where they do, and none to whom nobody is allowed one.
func TestCardsAreMovedOnTheBoard(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	ann := s.signed(t, "ann", "compliance")
	s.records(t, "continuity_plans", `{"function":"The API","owner":"account/ann","deputy":"person/E1","recovery_time":"4h","recovery_point":"1h","steps":"Restore it.","kept_at":"On paper"}`)
	s.records(t, "sites", `{"id":"berlin","name":"Berlin","purpose":"office","owner":"person/E1"}`)
	s.records(t, "restore_trials", `{"plan":"continuity_plan/PLN-1","quarter":"2026-Q1","owner":"person/E1","store":"All"}`)
	const board = "/r/restore_trials?f.quarter=2026-Q1&view=board"
	trial := "/r/restore_trials/RT-PLN-1-2026-Q1"
	card := ann.get(board).want(t, 200, `<form class="board" method="post"`, `id="c-RT-PLN-1-2026-Q1"`).around(t, `id="c-RT-PLN-1-2026-Q1"`, 1500)
	for _, part := range []string{`<a href="` + trial + `?move=done#move-done">Record that it was done …</a>`, `?move=withdrawn#move-withdrawn">Withdraw …</a>`} {
		if !strings.Contains(card, part) {
			t.Errorf("the card lacks %q: %s", part, card)
		}
	}
	ann.get(trial+"?move=done").want(t, 200, `<details class="move" open id="move-done">`, `<details class="move" id="move-withdrawn"><summary>`)
	ann.post(trial+"/move", "version", "1", "state", "withdrawn", "f.withdrawn_reason", "It moved.").goes(t, trial)

	// What asks for nothing is made on the board, which is shown again.
	value := `formaction="` + trial + `/move" name="move" value="2 planned"`
	ann.get(board).want(t, 200, value)
	ann.post(trial+"/move", "move", "2 planned", "board", "view=board&f.quarter=2026-Q1").goes(t, "/r/restore_trials?f.quarter=2026-Q1&view=board#c-RT-PLN-1-2026-Q1")
	ann.get(trial).want(t, 200, "Planned")
	// Of what has changed since, the record shows what became of it; elsewhere than to a
	// board nobody is led.
	ann.post(trial+"/move", "move", "2 planned", "board", "view=board").want(t, http.StatusUnprocessableEntity, "Planned")
	ann.post(trial+"/move", "move", "x planned").want(t, http.StatusBadRequest)
	ann.post(trial+"/move", "version", "3", "state", "withdrawn", "f.withdrawn_reason", "Again.", "board", "//example.com").goes(t, trial)

	// The owner of a plan is not offered to approve it; whoever may reads it first.
	if card := ann.get("/r/continuity_plans?view=board").want(t, 200).around(t, `id="c-PLN-1"`, 1200); strings.Contains(card, "move=in_force") {
		t.Errorf("the owner is offered the approval: %s", card)
	}
	s.hired(t, "ben", "ciso").get("/r/continuity_plans?view=board").want(t, 200, `<a href="/r/continuity_plans/PLN-1?move=in_force#move-in_force">Put in force …</a>`)
	for id, role := range map[string]string{"eve": "auditor"} {
		if page := s.signed(t, id, role).get(board).want(t, 200, `<div class="board" `); strings.Contains(page.body, "<summary>Move") || strings.Contains(page.body, "formaction") {
			t.Errorf("%s is offered moves", role)
		}
	}
}

// A full board is small, in the register with the most states.
func TestAFullBoardIsSmall(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	for _, kind := range s.Kinds {
		if len(kind.States) > len(vendors.Register.States) && !kind.Internal && kind.Comes == "" {
			t.Errorf("%s have more states than vendors", kind.Register)
		}
	}
	if _, err := s.Door.Do(t.Context(), apptest.Operator, "vendor.add", "vendors", func(tx *act.Tx) error {
		var changes []record.Change
		for _, state := range vendors.Register.States {
			for n := range 25 {
				changes = append(changes, record.Change{Verb: "added", ID: fmt.Sprintf("VEN-%d", len(changes)+1), Doc: &vendors.Vendor{
					ID: fmt.Sprintf("VEN-%d", len(changes)+1), Name: fmt.Sprintf("Example supplier of everything %d", n), Owner: "person/E1", State: state.Name, Tier: "high",
				}})
			}
		}
		_, err := record.Put(tx, vendors.Register, changes...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	page := s.signed(t, "ann", "administrator").get("/r/vendors?view=board").want(t, 200, "<summary>Move")
	t.Logf("%d states, %d bytes", len(vendors.Register.States), len(page.body))
	if len(page.body) > 150_000 {
		t.Errorf("the board has %d bytes", len(page.body))
	}
}
