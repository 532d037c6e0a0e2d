package portal_test

import (
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/surface/portal"
)

// sentAgain are the fields of the page that a form comes back on.
func sentAgain(p page) url.Values {
	values := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(p.body, -1) {
		values.Add(html.UnescapeString(field[1]), html.UnescapeString(field[2]))
	}
	return values
}

// While the database is away every page says so, and what was typed comes back: it can be
// sent as it is once the database answers.
func TestTheDatabaseGoesAndComesBack(t *testing.T) {
	t.Parallel()
	server := storetest.NewServer(t)
	s := serve(t, config.Config{Database: server.URL()})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/specifications").want(t, 200)
	values := url.Values{"form": {b.form}, "f.product": {`Screen "ing"`}, "f.text": {"One\r\nTwo"}, "f.owner": {"account/ann"}, "f.inputs.0.name": {"person"}, "f.inputs.0.format": {"JSON"}, "f.inputs.0.source": {"customer"}}
	server.Stop()

	const says = "<h1>The database does not answer</h1>"
	away := func(p page, parts ...string) page {
		t.Helper()
		p.want(t, http.StatusServiceUnavailable, parts...)
		if p.header.Get("Retry-After") == "" {
			t.Error("nothing says when to ask again")
		}
		return p
	}
	for _, path := range []string{"/", "/r/specifications?q=a&amp;b", "/new/specifications", "/search", "/signin"} {
		if got := away(b.get(path), says, "<title>The database does not answer", `">Try again</a>`); strings.Contains(got.body, "Sign in") {
			t.Errorf("%s asks to sign in", path)
		}
	}
	away(b.get("/v1/records/specifications"), `"code":"unavailable"`)
	form := away(b.ask(http.MethodPost, "/r/specifications", values, nil), says, "Nothing was written.", `action="/r/specifications"`, "Inputs, 1, name", "<pre class=\"text\">One\r\nTwo</pre>")
	kept := sentAgain(form)
	if kept.Encode() != values.Encode() {
		t.Errorf("kept is %v, want %v", kept, values)
	}
	away(b.ask(http.MethodPost, "/r/specifications", values, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }), says)
	foreign := b.ask(http.MethodPost, "/r/specifications", values, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	if foreign.want(t, http.StatusForbidden); strings.Contains(foreign.body, "Screen") {
		t.Error("what another site sent is shown")
	}
	away(b.upload("/controls/GOV-01/evidence", "minutes.txt", []byte("We met.")), says, `enctype="multipart/form-data"`, `type="file" required`)
	secret := away(b.post("/account/password", "present", password, "password", "another horse battery"), says, "Passwords are not kept", `href="/account"`)
	for _, other := range []*browser{b, s.browser(t)} {
		signing := away(other.post("/signin", "id", "ann", "password", password, "again", "/r/specifications", "kept.f.product", "Kept words"),
			"<h1>Sign in</h1>", "The database does not answer. Nobody can sign in", `value="ann"`, `name="kept.f.product" value="Kept words"`)
		secret.body += signing.body
	}
	if strings.Contains(secret.body, "horse battery") {
		t.Error("a password is shown")
	}

	server.Start()
	b.ask(http.MethodPost, "/r/specifications", kept, nil).goes(t, "/r/specifications/SPC-1")
	b.ask(http.MethodPost, "/r/specifications", kept, nil).goes(t, "/r/specifications/SPC-1")
	b.get("/r/specifications/SPC-1").want(t, 200, "One\nTwo", "Screen &#34;ing&#34;")
}

// A database that takes too long is one that does not answer: what was typed stays.
func TestADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{Database: apptest.Postgres(t)})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/specifications").want(t, 200)
	impatient, err := portal.New(s.System, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	impatient.Timeout = 200 * time.Millisecond
	server := httptest.NewServer(impatient)
	t.Cleanup(server.Close)
	b.site = &site{s.Folder, impatient, server.URL}
	s.Behind(t, func(tx *store.Tx) error {
		if _, err := tx.Exec("LOCK TABLE account_session IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		b.get("/").want(t, http.StatusServiceUnavailable, "The database does not answer in time", ">Try again</a>")
		b.post("/r/specifications", "f.product", "Kept words").want(t, http.StatusServiceUnavailable, "Nothing was written.", `name="f.product" value="Kept words"`)
		return nil
	})
	b.site = s
	b.get("/").want(t, 200)
}
