package portal_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/accounts"
)

// An employee signs in, reads, and finishes: what was shown, and nobody else's
// training.
func TestAnEmployeeFinishesATraining(t *testing.T) {
	ctx := context.Background()
	s := serve(t, config.Config{})
	employee := func(id string) *browser {
		if _, err := accounts.Create(ctx, s.Door, apptest.Operator, accounts.Account{ID: id, Name: "Example " + id, Roles: []string{"employee"}, Person: "person/" + strings.ToUpper(id)}, password); err != nil {
			t.Fatal(err)
		}
		b := s.browser(t)
		b.post("/signin", "id", id, "password", password)
		return b
	}
	fields := func(text string) (all map[string]json.RawMessage) {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2020-01-01T00:00:00Z"}`, `{"id":"E2","name":"Bob Example","joined_at":"2020-01-01T00:00:00Z"}`)
	first := employee("e1")
	first.get("/training").want(t, 200, "You have no training to finish", `<a href="/training" aria-current="page"`)
	if _, err := s.AddRecord(ctx, apptest.Operator, training.Courses, fields(`{"id":"basics","title":"Look twice","owner":"o","audience":"everybody","text":"## Why\n\nBecause of *mail*.","reference":"https://example.com/film","renewal_months":12}`)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MoveRecord(ctx, apptest.Operator, training.Courses, "basics", record.AnyVersion, training.Offered, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AssignTrainings(ctx, apptest.Operator); err != nil {
		t.Fatal(err)
	}
	const mine = "/training/basics.E1.1"
	first.get("/work").want(t, 200, `href="`+mine+`"`, "Finish the training")
	first.get("/training").want(t, 200, "To be finished by you: 1", `href="`+mine+`"`, "Look twice")
	hash := regexp.MustCompile(`name="sha256" value="([0-9a-f]{64})"`)
	page := first.get(mine).want(t, 200, "<h2>Why</h2>", "<em>mail</em>", "I have finished it", `href="https://example.com/film"`)
	old := hash.FindStringSubmatch(page.body)
	if old == nil {
		t.Fatal("the form does not say which text it is about")
	}
	// The text changes between reading and the button.
	if _, err := s.SetRecord(ctx, apptest.Operator, training.Courses, "basics", record.AnyVersion, fields(`{"text":"## Why\n\nBecause of the telephone."}`)); err != nil {
		t.Fatal(err)
	}
	first.post(mine+"/finish", "sha256", old[1]).want(t, 422, "read it again", "the telephone")
	first.get("/training").want(t, 200, "To be finished by you: 1")
	sum := hash.FindStringSubmatch(first.get(mine).body)

	// Nobody else's.
	second := employee("e2")
	second.get(mine).want(t, 403)
	second.post(mine+"/finish", "sha256", sum[1]).want(t, 403)
	keeper := s.signed(t, "carl", "compliance")
	if page := keeper.get("/r/trainings/basics.E1.1").want(t, 200, "Record that it was completed: for somebody else to do. Ann Example has to finish it, and nobody else says so."); strings.Contains(page.body, `name="state" value="completed"`) {
		t.Error("somebody else is offered to finish it")
	}
	if got := keeper.get(mine).want(t, 200, `the training of <a href="/r/people/E1" title="person/E1">`, "The record"); strings.Contains(got.body, "I have finished it") {
		t.Error("somebody else has the button")
	}
	keeper.post(mine+"/finish", "sha256", sum[1]).want(t, 403)
	auditor := s.signed(t, "olga", "auditor")
	auditor.get(mine).want(t, 200, "nobody else can finish it")
	auditor.get("/training").want(t, 200, "belongs to nobody")

	first.post(mine+"/finish", "sha256", sum[1]).goes(t, "/training")
	first.get("/training").want(t, 200, "You have finished everything", "Finished")
	if got := first.get(mine).want(t, 200, "You finished it on", "It is due again from"); strings.Contains(got.body, "has changed since") {
		t.Error("it is said to have changed")
	}
	first.post(mine+"/finish", "sha256", sum[1]).want(t, 422)
	first.get("/training/none").want(t, 404)
	first.get("/r/trainings").want(t, 403)
	if _, err := s.SetRecord(ctx, apptest.Operator, training.Courses, "basics", record.AnyVersion, fields(`{"text":"Another."}`)); err != nil {
		t.Fatal(err)
	}
	first.get(mine).want(t, 200, "The content has changed since")
	// Late is said.
	s.Manual.Advance(31 * 24 * time.Hour)
	again := s.browser(t)
	again.post("/signin", "id", "e2", "password", password)
	again.get("/training").want(t, 200, ": late")
}
