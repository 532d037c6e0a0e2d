package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
)

// of reads a period.
func (s *site) of(t *testing.T, name string) (period *periods.Period) {
	t.Helper()
	if err := s.DB.Read(t.Context(), func(r *store.Reader) (err error) {
		period, err = periods.Get(r, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return period
}

// Both days that are typed are in the period, in the organisation's time zone.
func TestAPeriodIsOpenedAndClosed(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b, reader := s.hired(t, "ann", "compliance"), s.signed(t, "eve", "auditor")
	for _, path := range []string{"/", "/controls", "/controls/PPL-01", "/criteria"} {
		b.get(path).want(t, http.StatusOK, `<a href="/periods/open">Open one</a>`)
		if other := reader.get(path).want(t, http.StatusOK, "Somebody with the role administrator, ciso or compliance opens one"); strings.Contains(other.body, "/periods/open") {
			t.Errorf("%s leads an auditor to a form that they may not open", path)
		}
	}
	b.get("/r/periods").want(t, http.StatusOK, `href="/periods/open">New period</a>`, `href="/periods/open">Add the first one</a>`)
	b.get("/periods/open").want(t, http.StatusOK, "First day", "Last day")

	b.post("/periods", "f.name", " ", "f.from", "2026-02-30", "f.to", "2026-12-31").want(t, http.StatusUnprocessableEntity, `id="f-name-wrong">is missing`, `id="f-from-wrong">is no date`, `value="2026-12-31"`)
	b.post("/periods", "f.name", "2026", "f.from", "2026-12-31", "f.to", "2026-12-30").want(t, http.StatusUnprocessableEntity, `id="f-to-wrong">is before the first day`)
	b.post("/periods", "f.name", "2026/1", "f.from", "2026-01-01", "f.to", "2026-12-31").want(t, http.StatusUnprocessableEntity, `id="f-name-wrong">The name`, "must begin with a letter or digit")
	b.post("/periods", "f.name", "2026-Q1", "f.from", "2026-01-01", "f.to", "2026-03-31").goes(t, "/r/periods/2026-Q1")
	opened := s.of(t, "2026-Q1")
	if from, to := opened.From.Format(time.RFC3339), opened.To.Format(time.RFC3339); from != "2025-12-31T23:00:00Z" || to != "2026-03-31T22:00:00Z" || opened.Timezone != "Europe/Berlin" {
		t.Errorf("it is open from %s to %s in %s", from, to, opened.Timezone)
	}
	b.get("/").want(t, http.StatusOK, `Period <a href="/r/periods/2026-Q1">2026-Q1</a>, 2026-01-01 to 2026-03-31`)
	b.get("/periods/open").want(t, http.StatusOK, `value="2026-04-01"`) // after the one that is there
	b.post("/periods", "f.name", "2026", "f.from", "2026-03-31", "f.to", "2026-12-31").want(t, http.StatusConflict, `id="f-from-wrong">The period overlaps another one: 2026-Q1, 2026-01-01 up to, not including, 2026-04-01 (Europe/Berlin).`)
	b.post("/periods", "f.name", "2026-Q1", "f.from", "2026-04-01", "f.to", "2026-12-31").want(t, http.StatusConflict, `id="f-name-wrong"`)

	if early := b.get("/r/periods/2026-Q1").want(t, http.StatusOK, "It can be closed from 2026-04-01 on."); strings.Contains(early.body, "/close") {
		t.Error("what runs can be closed")
	}
	b.post("/periods/2026-Q1/close").want(t, http.StatusConflict, "It has not ended")
	b.post("/periods/2027/close").want(t, http.StatusNotFound)
	s.Manual.Set(time.Date(2026, 3, 31, 22, 0, 0, 0, time.UTC))
	b, reader = s.hired(t, "ben", "compliance"), s.signed(t, "eva", "auditor") // the sessions have ended
	reader.get("/r/periods/2026-Q1").want(t, http.StatusOK, "until somebody with the role administrator, ciso or compliance closes it")
	b.get("/r/periods/2026-Q1").want(t, http.StatusOK, `action="/periods/2026-Q1/close"`, "closed for good")
	for range 2 { // pressed twice
		b.post("/periods/2026-Q1/close").goes(t, "/r/periods/2026-Q1")
	}
	if closed := s.of(t, "2026-Q1"); closed.State != periods.Closed {
		t.Errorf("it is %s", closed.State)
	}

	b.get("/r/periods/2026-Q1").want(t, http.StatusOK, `href="/periods/open?corrects=2026-Q1"`)
	b.get("/periods/open?corrects=2026-Q1").want(t, http.StatusOK, `value="2026-01-01"`, `value="2026-03-31"`, `value="2026-Q1" selected`)
	again := []string{"f.name", "2026-Q1b", "f.from", "2026-01-01", "f.to", "2026-03-31", "f.corrects", "2026-Q1", "f.reason"}
	b.post("/periods", append(again, "")...).want(t, http.StatusUnprocessableEntity, `id="f-reason-wrong">is missing`)
	b.post("/periods", "f.name", "2026-Q1b", "f.from", "2026-01-01", "f.to", "2026-03-31", "f.corrects", "2025", "f.reason", "It was wrong.").want(t, http.StatusUnprocessableEntity, `id="f-corrects-wrong">there is no such period<`)
	b.post("/periods", append(again, "An import lacked March.")...).goes(t, "/r/periods/2026-Q1b")
	if page := b.get("/r/periods/2026-Q1").want(t, http.StatusOK, "tests over it are final"); strings.Contains(page.body, "/periods/open") {
		t.Error("what is corrected is corrected again")
	}
	if made := s.of(t, "2026-Q1b"); made.Corrects != "2026-Q1" || made.Reason != "An import lacked March." {
		t.Errorf("it corrects %q: %q", made.Corrects, made.Reason)
	}
}
