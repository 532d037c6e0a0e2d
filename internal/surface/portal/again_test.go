package portal_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/trust/ledger"
)

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// What was typed outlives a session: the sign-in page carries it, and the form is
// shown with it; nothing is written before it is sent again.
func TestAFormOutlivesItsSession(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/specifications").want(t, 200)
	other := s.browser(t)
	values := url.Values{"form": {b.form}, "f.product": {`Screen "ing"`}, "f.text": {"One\r\nTwo"}, "f.owner": {"account/ann"}, "f.inputs.0.name": {"person"}, "f.inputs.0.format": {"JSON"}, "f.inputs.0.source": {"customer"}}
	size := s.size(t)
	page := other.ask(http.MethodPost, "/r/specifications", values, nil).want(t, http.StatusUnauthorized, "Your session has ended", `name="again" value="/r/specifications"`)
	if strings.Contains(page.body, b.form) {
		t.Error("the page carries the token of a session")
	}
	sent := url.Values{"id": {"ann"}, "password": {"wrong horse battery"}}
	for _, field := range hidden.FindAllStringSubmatch(page.body, -1) {
		sent.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	other.ask(http.MethodPost, "/signin", sent, nil).want(t, http.StatusUnauthorized, "not right", `name="kept.f.inputs.0.name" value="person"`)
	sent.Set("password", password)
	form := other.ask(http.MethodPost, "/signin", sent, nil).want(t, 200, "<h1>New: Specification</h1>", "look through it, and send it once more", `value="Screen &#34;ing&#34;"`, `value="person"`, "One\nTwo</textarea>")
	if n := strings.Count(form.body, `action="/r/specifications"`); n != 1 {
		t.Errorf("%d forms", n)
	}
	other.get("/r/specifications").want(t, 200, "There is no record yet")
	token := regexp.MustCompile(`name="form" value="([^"]+)"`).FindStringSubmatch(form.body)
	values.Set("form", token[1])
	other.ask(http.MethodPost, "/r/specifications", values, nil).goes(t, "/r/specifications/SPC-1")
	if s.size(t) == size {
		t.Error("nothing was written in the end")
	}
}

// A form of a session before is shown to the one that is there, and not taken.
func TestAFormOfASessionBefore(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "specifications", `{"product":"Screening","owner":"account/ann","text":"It compares."}`)
	s.People(t, "E1")
	s.records(t, "risks", `{"title":"A flood","category":"fraud","owner":"person/E1"}`)
	for path, values := range map[string]url.Values{
		"/r/specifications":               {"f.product": {"Kept words"}},
		"/r/specifications/SPC-1":         {"version": {"1"}, "f.text": {"Kept words"}},
		"/r/risks/RSK-1/move":             {"version": {"1"}, "state": {"closed"}, "f.closed_reason": {"Kept words"}},
		"/r/specifications/SPC-1/comment": {"text": {"Kept words"}},
		"/r/specifications/SPC-1/tag":     {"add": {"Kept words"}},
	} {
		size := s.size(t)
		values.Set("form", "that of another session")
		b.ask(http.MethodPost, path, values, nil).want(t, http.StatusForbidden, "you have signed in again since", "Kept words")
		if s.size(t) != size {
			t.Errorf("%s was taken", path)
		}
		values.Set("form", b.form)
		foreign := b.ask(http.MethodPost, path, values, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		if foreign.want(t, http.StatusForbidden); strings.Contains(foreign.body, "Kept words") {
			t.Errorf("%s shows what another site sent", path)
		}
	}
}

// The sign-in page goes on to forms only, and to those that the one may fill in who
// signs in.
func TestSigningInGoesOnToForms(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "employee")
	sign := func(again string) page {
		return s.browser(t).post("/signin", "id", "ann", "password", password, "again", again, "kept.f.name", "Example", "kept.password", "x")
	}
	sign("/r/vendors").want(t, http.StatusForbidden, "You may not see this")
	for _, path := range []string{"/signout", "/account/password", "/inbox/read"} {
		sign(path).want(t, http.StatusNotFound)
	}
	for _, path := range []string{"https://example.com", "//example.com", `/a/../\example.com`} {
		if got := sign(path); got.status != http.StatusMethodNotAllowed || got.to != "" { // as if sent to /
			t.Errorf("%s: %d, to %q", path, got.status, got.to)
		}
	}
}

// What a move's guard wants stands at the field that it speaks of.
func TestAGuardSpeaksAtItsField(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.hired(t, "ann", "compliance", "ciso")
	b.get("/account").want(t, 200)
	s.records(t, "announcements", `{"title":"New terms","text":"They are new.","audience":"everybody","channels":["Slack","e-mail"]}`)
	b.post("/r/announcements/ANN-1/move", "version", "1", "state", "approved").goes(t, "/r/announcements/ANN-1")
	b.post("/r/announcements/ANN-1/move", "version", "2", "state", "delivered", "f.deliveries.0.channel", "Slack", "f.deliveries.0.at", "2026-01-01T10:00", "f.deliveries.0.reference", "1").
		want(t, http.StatusUnprocessableEntity, `<a href="#delivered-f-deliveries">Deliveries</a>`, `id="delivered-f-deliveries-wrong"`, "by each of its channels")
}

// Of several fields that a guard speaks of, it is the empty one.
func TestAGuardSpeaksAtTheEmptyField(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/account").want(t, 200)
	s.records(t, "privacy_complaints", `{"title":"A letter","channel":"letter","handled_by":"account/ann","received_at":"2026-01-01T00:00:00Z"}`)
	b.post("/r/privacy_complaints/CPL-1/move", "version", "1", "state", "settled", "f.justified", "true", "f.outcome", "It was.", "f.sender_told", "true", "f.correction", "").
		want(t, http.StatusUnprocessableEntity, `<a href="#settled-f-correction">What was changed</a>`, "something is changed for everybody")
	b.post("/r/privacy_complaints/CPL-1/move", "version", "1", "state", "settled", "f.justified", "true", "f.outcome", "It was.", "f.sender_told", "true", "f.correction", "The form.").
		goes(t, "/r/privacy_complaints/CPL-1")
}

// A length of time that is none is named by its field.
func TestALengthOfTimeIsWrong(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/vendor_contracts").want(t, 200)
	b.post("/r/vendor_contracts", "f.notice", "soon").want(t, http.StatusUnprocessableEntity, `<a href="#f-notice">`, "no length of time such as 4 hours", `value="soon"`)
}

// What cannot be read does not hide what is missing: both are told at once.
func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/risks").want(t, 200)
	b.post("/r/risks", "f.title", "Flood", "f.likelihood", "often", "f.due_at", "soon").
		want(t, http.StatusUnprocessableEntity, `<a href="#f-likelihood">`, "&#34;often&#34; is not a whole number, such as 4", "&#34;soon&#34; is no date such as 2026-11-27", `<a href="#f-category">`, `<a href="#f-owner">`)
}

// The reason of one rating is none of the next: its form is empty, and wants one.
func TestAReasonIsGivenAnew(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.hired(t, "ann", "compliance")
	s.People(t, "E1")
	s.records(t, "findings", `{"title":"A gap","source":"audit","severity":"high","found_at":"2026-01-01T00:00:00Z","owner":"person/E1"}`)
	rate := func(version, severity, why string) page {
		return b.post("/r/findings/FND-1/move", "version", version, "state", "open", "f.severity", severity, "f.found_at", "2026-01-01T00:00", "f.rated_why", why)
	}
	rate("1", "low", "It reaches nobody").goes(t, "/r/findings/FND-1")
	if form := b.get("/r/findings/FND-1").want(t, 200, `name="f.rated_why"`).around(t, `name="f.rated_why"`, 300); strings.Contains(form, "It reaches nobody") {
		t.Errorf("the form begins with the reason of before: %s", form)
	}
	rate("2", "medium", "").want(t, 422, "is needed anew")
	rate("2", "medium", "It reaches nobody").goes(t, "/r/findings/FND-1")
}

// A refusal is on record with what was asked for: who tried to change which record can
// be told, and followed.
func TestARefusalIsOfTheRecordThatWasAskedFor(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "eve", "employee")
	for path, subject := range map[string]string{
		"/r/people/E1/edit":                     "person/E1",
		"/r/people":                             "people",
		"/settings/accounts":                    "/settings/accounts",
		"/r/people/E1%0A/edit":                  "/r/{register}/{id}/edit",
		"/controls/" + strings.Repeat("x", 300): "/controls/{id}",
	} {
		b.get(path).want(t, http.StatusForbidden)
		var last string
		if err := ledger.Find(t.Context(), s.DB, ledger.Query{Type: "scaf.access.denied.v1"}, func(e *ledger.Event) error {
			last = e.Subject
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if last != subject {
			t.Errorf("%.60s is on record as %q, want %q", path, last, subject)
		}
	}
}
