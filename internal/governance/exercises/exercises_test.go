package exercises_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const (
	exercise = `{"title":"A key is public","playbook":"leaked-key","facilitator":"person/owner"}`
	held     = `{"held_at":"2026-01-09T09:00:00Z","participants":["person/other","person/p3"]}`
	learned  = `{"worked":"Somebody led","lessons":"The roster was old","no_actions":"It is replaced already"}`
)

func TestTheRegister(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: exercises.Register, New: strings.Replace(exercise, "person/owner", "person/other", 1), Set: `{"planned_for":"2026-02-01T09:00:00Z"}`,
		Fields: map[string]string{"planned held": held, "held held": `{"scenario":"It is Friday"}`, "held reviewed": learned, "planned cancelled": `{"cancelled_reason":"A real one came first"}`},
		Refused: map[string]string{
			"facilitator": `{"facilitator":"Ada"}`, "playbook": `{"playbook":"fire"}`, "participants": `{"participants":["Ada"]}`,
			"injects": `{"injects":[{"after":"soon","what":"A mail"}]}`, "title": `{"title":" "}`,
		},
		GuardFalse: map[string]string{
			"planned held participants": `{"held_at":"2026-01-09T09:00:00Z","participants":["person/other"]}`,
			"held held participants":    `{"participants":["person/other"]}`,
		},
	})
}

func TestAnExerciseIsHeldInThePastAndReviewedWithWhatFollows(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ann, ben := act.Caller{ID: "person/owner", Roles: []string{"control-owner"}}, act.Caller{ID: "person/ben", Roles: []string{"compliance"}}
		move := func(caller act.Caller, state string, documents ...string) error {
			_, err := f.MoveRecord(t.Context(), caller, exercises.Register, "EXE-1", record.AnyVersion, state, apptest.Fields(t, documents...))
			return err
		}
		f.People(t, "owner", "other", "p3")
		made, err := f.AddRecord(t.Context(), ann, exercises.Register, apptest.Fields(t, exercise, `{"scenario":"Ours"}`))
		if err != nil {
			t.Fatal(err)
		}
		e := &exercises.Exercise{}
		if err := json.Unmarshal(made.Doc, e); err != nil || e.Scenario != "Ours" || len(e.Injects) == 0 {
			t.Errorf("what is given stays, what is not is the playbook's: %s", made.Doc)
		}
		if err := move(ann, exercises.Held, held, `{"held_at":"2019-01-09T09:00:00Z"}`); err == nil || !strings.Contains(err.Error(), "is on 2019-01-09, before the quarter that began on") {
			t.Errorf("held years before: %v", err)
		}
		past := `{"held_at":"` + f.Manual.Now().Add(-time.Hour).Format(time.RFC3339) + `"}`
		if err := move(ann, exercises.Held, held, `{"held_at":"`+f.Manual.Now().Add(time.Hour).Format(time.RFC3339)+`"}`); err == nil {
			t.Error("an exercise was held in an hour")
		}
		if err := move(ann, exercises.Held, held, past); err != nil {
			t.Fatal(err)
		}
		if err := move(ann, exercises.Reviewed, learned); err == nil {
			t.Error("who led it reviews it")
		}
		// What was played stands: its facilitator corrects it, and not when it was.
		f.Manual.Advance(120 * 24 * time.Hour)
		late := `{"held_at":"` + f.Manual.Now().Add(-time.Hour).Format(time.RFC3339) + `"}`
		for field, change := range map[string]string{
			"held_at": late, "planned_for": `{"planned_for":"2026-07-01T00:00:00Z"}`, "participants": `{"participants":["person/owner","person/p3"]}`, "scenario": `{"scenario":"Another"}`,
			"injects": `{"injects":[{"after":"1m","what":"A mail"}]}`, "playbook": `{"playbook":"ransomware"}`,
		} {
			_, err := f.SetRecord(t.Context(), ann, exercises.Register, "EXE-1", record.AnyVersion, apptest.Fields(t, change))
			stands(t, field, err)
		}
		stands(t, "held_at", move(ann, exercises.Held, `{"scenario":"Corrected"}`, late))
		if err := move(ben, exercises.Held, `{"scenario":"Corrected"}`); !errors.Is(err, act.ErrSamePerson) {
			t.Errorf("somebody else corrects what was played: %v", err)
		}
		if err := move(ann, exercises.Held, `{"scenario":"Corrected"}`); err != nil {
			t.Error(err)
		}
		if err := move(ben, exercises.Reviewed, learned, `{"no_actions":null}`); err == nil || !strings.Contains(err.Error(), "no action names the exercise") {
			t.Errorf("nothing follows: %v", err)
		}
		for range 9 { // EXE-10 begins as EXE-1 does
			if _, err := f.AddRecord(t.Context(), ann, exercises.Register, apptest.Fields(t, exercise)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := f.AddRecord(t.Context(), ann, actions.Register, apptest.Fields(t, `{"title":"a","owner":"person/owner","due_at":"2027-01-01T00:00:00Z","exercise":"exercise/EXE-10"}`)); err != nil {
			t.Fatal(err)
		}
		if err := move(ben, exercises.Reviewed, learned, `{"no_actions":null}`); err == nil {
			t.Error("an action of another exercise is enough")
		}
		if _, err := f.AddRecord(t.Context(), ann, actions.Register, apptest.Fields(t, `{"title":"b","owner":"person/owner","due_at":"2027-01-01T00:00:00Z","exercise":"exercise/EXE-1"}`)); err != nil {
			t.Fatal(err)
		}
		if err := move(ben, exercises.Reviewed, learned, `{"no_actions":null}`); err != nil {
			t.Error(err)
		}
		if _, err := f.SetRecord(t.Context(), ben, exercises.Register, "EXE-1", record.AnyVersion, apptest.Fields(t, `{"lessons":"None"}`)); err == nil {
			t.Error("what was reviewed is changed")
		}
	})
}

// stands is that a change was refused since the field stands.
func stands(t *testing.T, field string, err error) {
	t.Helper()
	var invalid *record.Invalid
	if !errors.As(err, &invalid) || invalid.Fields[0].Field != field || !strings.Contains(err.Error(), "stands as it was") {
		t.Errorf("%s of what was held is changed: %v", field, err)
	}
}

func TestEachPlaybookCanBePlayed(t *testing.T) {
	phases := []string{"Triage", "Contain", "Investigate", "Recover", "Tell", "Learn"}
	if len(exercises.Playbooks()) < 3 {
		t.Errorf("%d playbooks", len(exercises.Playbooks()))
	}
	for _, p := range exercises.Playbooks() {
		if p.Title == "" || p.When == "" || p.Scenario == "" || len(p.Injects) < 3 {
			t.Errorf("%s is not whole", p.ID)
		}
		var names []string
		for _, step := range p.Steps {
			names = append(names, step.Phase)
			if len(step.Do) == 0 || slices.Contains(step.Do, "") {
				t.Errorf("%s: in %s there is nothing to do", p.ID, step.Phase)
			}
		}
		if !slices.Equal(names, phases) {
			t.Errorf("%s has the phases %v, want %v", p.ID, names, phases)
		}
		last := time.Duration(-1)
		for _, one := range p.Injects {
			after, err := time.ParseDuration(one.After)
			if err != nil || after <= last || one.What == "" || one.Expect == "" {
				t.Errorf("%s: the inject %+v comes after %s (%v)", p.ID, one, last, err)
			}
			last = after
		}
	}
}
