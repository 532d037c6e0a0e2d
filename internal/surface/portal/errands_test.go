package portal_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// works does the errands that were asked for.
func (s *site) works(t *testing.T) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	runner := act.NewRunner(s.Door, log)
	if err := surface.ScheduleErrands(s.System, runner, log); err != nil {
		t.Fatal(err)
	}
	if err := surface.ScheduleTables(s.System, runner, log); err != nil {
		t.Fatal(err)
	}
	if err := runner.RunDue(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Tests of controls are a job: it is seen that it waits, and what came of it.
func TestControlsAreTestedWhenSomebodyAsks(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	// Somebody else keeps access: what the test says has changed.
	c.at("2026-03-12T09:00:00Z")
	_, err := c.MoveRecord(t.Context(), apptest.Operator, people.Register, "E3", record.AnyVersion, people.Left, fields("left_at", "2026-03-10T13:00:00Z"))
	c.must(err)
	ann := c.signed(t, "ann", "compliance")
	ann.get("/errands").want(t, http.StatusOK, "Nothing was asked for yet")
	ann.get("/controls/PPL-01").want(t, http.StatusOK, `action="/controls/test"`, `name="control" value="PPL-01"`)
	ann.get("/controls").want(t, http.StatusOK, `action="/controls/test"`)
	ann.post("/controls/test", "control", "PPL-01").goes(t, "/errands")
	before := c.size(t)
	ann.post("/controls/test", "control", "PPL-01").goes(t, "/errands") // pressed twice
	if c.size(t) != before {
		t.Error("it is asked for twice")
	}
	if page := ann.post("/hris/reconcile").want(t, http.StatusUnprocessableEntity); strings.Contains(page.body, "data-again") {
		t.Error("the answer to a form is asked for again")
	}
	waits := ann.get("/errands").want(t, http.StatusOK, "Testing controls", `<a href="/controls/PPL-01">PPL-01</a>`, "Waits", "account/ann", "data-again", `<a href="/errands">Look again</a>`)
	if strings.Contains(waits.body, "Done") {
		t.Error("what waits is done")
	}
	if strings.Contains(ann.get("/controls/PPL-01").body, "RES-3") {
		t.Error("it was tested before a job came to it")
	}
	// What is asked for beside it is not lost, and all of them does everything.
	ann.post("/controls/test", "control", "GOV-01").goes(t, "/errands")
	ann.get("/errands").want(t, http.StatusOK, `<a href="/controls/GOV-01">GOV-01</a>`)
	ann.post("/controls/test").goes(t, "/errands")
	before = c.size(t)
	ann.post("/controls/test", "control", "PPL-01").goes(t, "/errands")
	if c.size(t) != before {
		t.Error("what all of them does is asked for beside it")
	}
	c.works(t)
	if done := ann.get("/errands").want(t, http.StatusOK, `<span class="state done">Done</span>`); strings.Contains(done.body, "data-again") {
		t.Error("the page of what is done loads itself again")
	}
	ann.get("/controls/PPL-01").want(t, http.StatusOK, "RES-3", "job/control.test", "2 deviations")
	// All of them, and one that there is not.
	ann.post("/controls/test").goes(t, "/errands")
	c.works(t)
	ann.get("/errands").want(t, http.StatusOK, "Done")
	ann.post("/controls/test", "control", "NONE-1").want(t, http.StatusNotFound)
	if page := c.signed(t, "eve", "auditor").get("/controls/PPL-01"); strings.Contains(page.body, "/controls/test") {
		t.Error("an auditor is offered the test")
	}
}

// The page says how far the work is while it is being done, and no longer.
func TestItIsSeenHowFarAnErrandIs(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	ann := s.signed(t, "ann", "compliance")
	ann.post("/controls/test").goes(t, "/errands")
	runner := act.NewRunner(s.Door, slog.New(slog.DiscardHandler))
	var begun, later page
	runner.Handle(surface.TestJob, func(ctx context.Context, _ *jobs.Job) error {
		begun = ann.get("/errands")
		act.Reached(ctx, "tests <asked>", 3, 8)
		later = ann.get("/errands")
		return nil
	})
	if err := runner.RunDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if begun.want(t, http.StatusOK, "Being done"); strings.Contains(begun.body, "<progress") {
		t.Error("it is said how far it is, and nobody knows")
	}
	later.want(t, http.StatusOK, "Being done", `<progress aria-label="tests &lt;asked&gt;" value="3" max="8"></progress> 3 of 8 tests &lt;asked&gt;`)
	if done := ann.get("/errands").want(t, http.StatusOK, "Done"); strings.Contains(done.body, "<progress") {
		t.Error("what is done is still on its way")
	}
}

func TestFeedsAndTheHRSystemAreAskedFromTheirRegisters(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/r/regulatory_feeds").want(t, http.StatusOK, `action="/feeds/fetch"`)
	b.post("/feeds/fetch").goes(t, "/errands")
	b.get("/errands").want(t, http.StatusOK, "Reading the regulatory feeds", "Waits")
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`)
	s.records(t, "regulatory_feeds", `{"title":"Authority","url":"https://127.0.0.1/feed","jurisdiction":"EU","owner":"person/E1"}`)
	runner := act.NewRunner(s.Door, slog.New(slog.DiscardHandler))
	if err := errors.Join(surface.ScheduleFeeds(s.System, runner, slog.New(slog.DiscardHandler)), runner.RunDue(t.Context())); err != nil {
		t.Fatal(err)
	}
	b.get("/errands").want(t, http.StatusOK, "Last time: 0 read, 1 failed")
	b.get("/r/regulatory_feeds").want(t, http.StatusOK, ">Failure<", "not public")
	b.get("/r/hris_reconciliations").want(t, http.StatusOK, `action="/hris/reconcile"`)
	b.post("/hris/reconcile").want(t, http.StatusUnprocessableEntity, "Nothing was begun.", "names no HR system")
	reader := s.signed(t, "eve", "auditor")
	for _, path := range []string{"/r/regulatory_feeds", "/r/hris_reconciliations"} {
		if page := reader.get(path); strings.Contains(page.body, "<form method=\"post\" action=\"/feeds") || strings.Contains(page.body, "/hris/reconcile") {
			t.Errorf("%s offers an auditor what they may not", path)
		}
	}
	c := serve(t, config.Config{HRIS: &config.HRIS{Secret: config.Secret{Env: "SCAF_TEST_HRIS"}, ReadFrom: "https://hr.example.com/acknowledgments"}})
	other := c.signed(t, "ann", "compliance")
	other.get("/account")
	other.post("/hris/reconcile").goes(t, "/errands")
	other.get("/errands").want(t, http.StatusOK, "Comparing with the HR system", "Waits", "account/ann")
}

func TestTheCatalogsPoliciesAreOffered(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/policies").want(t, http.StatusOK, `action="/policies/install"`)
	b.post("/policies/install").goes(t, "/r/policy_versions?f.state=draft")
	b.get("/r/policy_versions?f.state=draft").want(t, http.StatusOK, "PV-1")
	b.post("/policies/install").goes(t, "/policies?installed=none")
	b.get("/policies?installed=none").want(t, http.StatusOK, "nothing was added")
	if page := s.signed(t, "eve", "employee").get("/policies"); strings.Contains(page.body, "/policies/install") {
		t.Error("an employee is offered to install policies")
	}
}

func TestAnAgendaIsMadeFromTheMeeting(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "meetings", `{"title":"Posture","series":"posture review","planned_for":"`+apptest.Begin.Add(48*time.Hour).Format(time.RFC3339)+`","chair":"account/ann","keeper":"account/ann"}`)
	b.get("/r/meetings/MTG-1").want(t, http.StatusOK, `action="/meetings/MTG-1/prepare"`)
	b.post("/meetings/MTG-1/prepare").goes(t, "/r/meetings/MTG-1")
	b.get("/r/meetings/MTG-1").want(t, http.StatusOK, "Nothing changed since")
	b.post("/meetings/MTG-9/prepare").want(t, http.StatusNotFound)
	if page := s.signed(t, "eve", "auditor").get("/r/meetings/MTG-1"); strings.Contains(page.body, "/prepare") {
		t.Error("an auditor is offered to prepare a meeting")
	}
	_, err := s.MoveRecord(t.Context(), apptest.Operator, meetings.Register, "MTG-1", record.AnyVersion, meetings.Cancelled, fields("cancelled_reason", "Nobody has time."))
	if err != nil {
		t.Fatal(err)
	}
	if page := b.get("/r/meetings/MTG-1"); strings.Contains(page.body, "/prepare") {
		t.Error("a meeting that is not held has an agenda to be made")
	}
	b.post("/meetings/MTG-1/prepare").want(t, http.StatusUnprocessableEntity)
}
