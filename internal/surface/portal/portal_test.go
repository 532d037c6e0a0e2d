package portal_test

import (
	"context"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/surface/portal"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/ledger"
)

const password = "correct horse battery"

// site is a portal that is served.
type site struct {
	*apptest.Folder
	portal *portal.Portal
	url    string
}

func serve(t *testing.T, c config.Config, kinds ...*record.Kind) *site {
	t.Helper()
	f := apptest.New(t, c, kinds...)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	p, err := portal.New(f.System, log)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := api.New(f.System, log, api.DefaultTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	whole.Pages = p
	server := httptest.NewServer(whole)
	t.Cleanup(server.Close)
	return &site{f, p, server.URL}
}

// browser is somebody's browser: it keeps cookies, and follows no redirect.
type browser struct {
	t    *testing.T
	site *site
	http http.Client
	form string // the token of the session's forms, from the last page
}

func (s *site) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, http: http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// page is an answer.
type page struct {
	status int
	to     string
	header http.Header
	body   string
}

var formToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

func (b *browser) ask(method, path string, values url.Values, change func(*http.Request)) page {
	b.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, b.site.url+path, strings.NewReader(values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	return b.send(r)
}

func (b *browser) send(r *http.Request) page {
	b.t.Helper()
	answer, err := b.http.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if found := formToken.FindSubmatch(body); found != nil {
		b.form = string(found[1])
	}
	return page{answer.StatusCode, answer.Header.Get("Location"), answer.Header, string(body)}
}

func (b *browser) get(path string) page { return b.ask(http.MethodGet, path, nil, nil) }

// post sends a form of the session.
func (b *browser) post(path string, fields ...string) page {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return b.postAll(path, values)
}

func (b *browser) postAll(path string, values url.Values) page {
	if b.form != "" {
		values.Set("form", b.form)
	}
	return b.ask(http.MethodPost, path, values, nil)
}

func (p page) want(t *testing.T, status int, parts ...string) page {
	t.Helper()
	if p.status != status {
		t.Errorf("status %d, want %d: %.300s", p.status, status, p.body)
	}
	for _, part := range parts {
		if !strings.Contains(p.body, part) {
			t.Errorf("the page lacks %q: %.600s", part, p.body[max(0, strings.Index(p.body, `class="wrong"`)):])
		}
	}
	return p
}

// linked is where the link with these words leads.
func (p page) linked(t *testing.T, words string) string {
	t.Helper()
	found := regexp.MustCompile(`<a href="([^"]+)">` + regexp.QuoteMeta(words) + `</a>`).FindStringSubmatch(p.body)
	if found == nil {
		t.Fatalf("no link says %q: %.600s", words, p.body)
	}
	return html.UnescapeString(found[1])
}

// listed are the rows of a list, on all of its pages.
func (b *browser) listed(t *testing.T, path string, want ...string) (rows int) {
	t.Helper()
	for path != "" {
		page := b.get(path).want(t, http.StatusOK, want...)
		rows += strings.Count(page.body, `<th scope="row">`)
		next := regexp.MustCompile(`href="([^"]+)" rel="next"|rel="next" href="([^"]+)"`).FindStringSubmatch(page.body)
		if next == nil {
			break
		}
		path = html.UnescapeString(next[1] + next[2])
	}
	return rows
}

func (p page) goes(t *testing.T, to string) {
	t.Helper()
	if p.status != http.StatusSeeOther || p.to != to {
		t.Errorf("status %d to %q, want %q: %.300s", p.status, p.to, to, p.body)
	}
}

// size is that of the ledger.
func (s *site) size(t *testing.T) (size int64) {
	t.Helper()
	if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		if err == nil {
			size = head.Size
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return size
}

// signed is the browser of somebody new with these roles, who is in no register of people
// and so decides on nothing.
func (s *site) signed(t *testing.T, id string, roles ...string) *browser {
	t.Helper()
	return s.signs(t, accounts.Account{ID: id, Name: "Example " + id, Roles: roles})
}

// hired is signed of a new person, whose number is the account's in capitals.
func (s *site) hired(t *testing.T, id string, roles ...string) *browser {
	t.Helper()
	number := strings.ToUpper(id)
	s.people(t, `{"id":"`+number+`","name":"Example `+id+`"}`)
	return s.signs(t, accounts.Account{ID: id, Name: "Example " + id, Person: "person/" + number, Roles: roles})
}

func (s *site) signs(t *testing.T, a accounts.Account) *browser {
	t.Helper()
	id, roles := a.ID, a.Roles
	if _, err := accounts.Create(context.Background(), s.Door, apptest.Operator, a, password); err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	landing := "/"
	if access.Roles.Authorize(act.Caller{ID: "x", Roles: roles}, "report.read", "") != nil {
		landing = "/work"
	}
	b.post("/signin", "id", id, "password", password).goes(t, landing)
	b.get("/account").want(t, http.StatusOK, "Example "+id)
	return b
}

// Every page is asked as every role and as nobody; what must come of it is
// computed from the role table. Without the session's token nothing is sent.
func TestEveryPageAsksForItsPermission(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	browsers := map[string]*browser{}
	for _, role := range access.Roles.Names() {
		browsers[role] = s.hired(t, "p-"+role, role)
	}
	routes := slices.DeleteFunc(everyRoute(), func(r portal.Route) bool { // asked below; "/" is what there is no page for
		return r.Path == "/signout" || r.Path == "/"
	})
	t.Run("nobody", func(t *testing.T) {
		t.Parallel()
		for _, route := range routes {
			nobody := s.browser(t).ask(route.Method, pathOf(route), nil, nil)
			if open := route.Action == ""; !open && route.Method == http.MethodGet && !strings.HasPrefix(nobody.to, "/signin") ||
				!open && route.Method == http.MethodPost && nobody.status != http.StatusUnauthorized {
				t.Errorf("%s %s as nobody: %d %s", route.Method, route.Path, nobody.status, nobody.to)
			}
		}
	})
	t.Run("without the form's token", func(t *testing.T) {
		t.Parallel()
		decides, audits := s.hired(t, "tokenless", "administrator", "executive"), s.signed(t, "outside", "auditor") // who may do everything
		for _, route := range routes {
			if route.Method != http.MethodPost || route.Action == "" {
				continue
			}
			b := decides
			if route.Action == "audit.conclude" {
				b = audits
			}
			if got := b.ask(route.Method, pathOf(route), url.Values{"form": {"x"}}, nil); got.status != http.StatusForbidden || !strings.Contains(got.body, "The form was not taken") {
				t.Errorf("%s %s: %d", route.Method, route.Path, got.status)
			}
		}
	})
	for role, b := range browsers {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			for _, route := range routes {
				var form url.Values
				if route.Method == http.MethodPost && route.Action != "" {
					if route.Action == "session.use" {
						continue // one would end the session
					}
					form = url.Values{"form": {b.form}}
				}
				ask := func() page { return b.ask(route.Method, pathOf(route), form, nil) }
				if route.Upload {
					ask = func() page { return b.upload(pathOf(route), "", nil) }
				}
				may := func(action string) bool {
					return action == "" || access.Roles.Authorize(act.Caller{ID: "x", Roles: []string{role, access.AccountRole}}, action, "") == nil
				}
				allowed := may(route.Action) && may(route.Also)
				if kind, ok := strings.CutSuffix(route.Action, ".set"); ok && strings.HasSuffix(route.Path, "/edit") {
					allowed = allowed && (may("record.read") || may(kind+".read")) // the form shows the record
				}
				if route.Path == "/{$}" && !allowed {
					ask().goes(t, "/work")
					continue
				}
				if got := ask(); (got.status == http.StatusForbidden) == allowed || got.status >= 500 {
					t.Errorf("%s %s: %d, allowed is %t: %.300s", route.Method, route.Path, got.status, allowed, got.body)
				}
			}
		})
	}
}

func pathOf(route portal.Route) string { return strings.TrimSuffix(route.Path, "{$}") }

// everyRoute is the table with a route for each register, where it has one for
// all of them.
func everyRoute() (all []portal.Route) {
	for _, route := range portal.Routes() {
		if !strings.Contains(route.Path, "{register}") {
			all = append(all, route)
			continue
		}
		for _, kind := range app.Kinds {
			one := route
			one.Path = strings.NewReplacer("{register}", kind.Register, "{id}", "none", "{file}", "none").Replace(route.Path)
			verb := strings.TrimPrefix(route.Action, "<kind>.")
			one.Action = kind.Name + "." + verb
			if verb == "read" && !kind.Personal {
				one.Action = "record.read"
			}
			all = append(all, one)
		}
	}
	return all
}

// Whoever has no overview comes to the first page that is theirs, also by the bare
// address, and is led there by what they may not see.
func TestThePortalBeginsWithWhatOneMaySee(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "eve", "employee")
	size := s.size(t)
	b.get("/").goes(t, "/work")
	if s.size(t) != size {
		t.Error("to ask for the portal was recorded as a refusal")
	}
	for path, status := range map[string]int{"/r/risks": http.StatusForbidden, "/nothing": http.StatusNotFound} {
		if got := b.get(path).want(t, status, `<p class="narrow"><a href="/work">My work</a></p>`); strings.Contains(got.body, `href="/"`) {
			t.Errorf("%s leads to the overview", path)
		}
	}
	s.signed(t, "ann", "compliance").get("/nothing").want(t, http.StatusNotFound, `<p class="narrow"><a href="/">Overview</a></p>`)
	s.browser(t).get("/setup?token=x").want(t, http.StatusNotFound, `<p class="narrow"><a href="/signin">Sign in</a></p>`)
}

func TestSignInAndOut(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "compliance")
	b := s.browser(t)
	b.get("/account").goes(t, "/signin?to=%2Faccount")
	b.get("/signin?to=/account").want(t, http.StatusOK, "Sign in", `name="to" value="/account"`)
	wrong := b.post("/signin", "id", `ann"><b>`, "password", "wrong horse battery", "to", "/account")
	wrong.want(t, http.StatusUnauthorized, "not right", `value="ann&#34;&gt;&lt;b&gt;"`, `value="/account"`)
	if strings.Contains(wrong.body, "wrong horse") {
		t.Error("the page tells the password")
	}
	in := b.post("/signin", "id", "ANN ", "password", password, "to", "/account")
	in.goes(t, "/account")
	cookie := in.header.Get("Set-Cookie")
	for _, part := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, part) {
			t.Errorf("%q lacks %s", cookie, part)
		}
	}
	b.get("/account").want(t, http.StatusOK, "Example ann", "compliance")
	b.get("/signin?to=/account").goes(t, "/account")
	b.post("/signout").goes(t, "/signin")
	b.get("/account").goes(t, "/signin?to=%2Faccount")
}

// The cookie goes over TLS only where there is TLS.
func TestTheCookieIsForTLS(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "compliance")
	for proto, secure := range map[string]bool{"": false, "https": true} {
		got := s.browser(t).ask(http.MethodPost, "/signin", url.Values{"id": {"ann"}, "password": {password}}, func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", proto) })
		if strings.Contains(got.header.Get("Set-Cookie"), "Secure") != secure {
			t.Errorf("over %q: %s", proto, got.header.Get("Set-Cookie"))
		}
	}
}

// Whoever follows a link to the portal stays in it.
func TestSigningInGoesNowhereElse(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "compliance")
	for _, to := range []string{"https://example.com/", "//example.com", `/\example.com`, `/a/../\example.com/`, "javascript:alert(1)", "", "account", "/a\r\nSet-Cookie: x=y"} {
		s.browser(t).post("/signin", "id", "ann", "password", password, "to", to).goes(t, "/")
	}
}

// Another site can send a form with the browser's cookies: it is not taken.
func TestFormsOfOtherSites(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	values := url.Values{"present": {password}, "password": {"another long password"}}
	for name, change := range map[string]func(*http.Request){
		"another origin":         func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
		"what browsers say":      func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"the same without token": nil,
	} {
		with := url.Values{"present": values["present"], "password": values["password"]}
		if change != nil {
			with.Set("form", b.form)
		}
		if got := b.ask(http.MethodPost, "/account/password", with, change); got.status != http.StatusForbidden || !strings.Contains(got.body, "The form was not taken") {
			t.Errorf("%s: %d %.300s", name, got.status, got.body)
		}
	}
	other := s.signed(t, "bob", "compliance")
	b.ask(http.MethodPost, "/account/password", url.Values{"present": values["present"], "password": values["password"], "form": {other.form}}, nil).want(t, http.StatusForbidden)
	foreign := s.browser(t).ask(http.MethodPost, "/signin", url.Values{"id": {"ann"}, "password": {password}}, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	if foreign.want(t, http.StatusForbidden); foreign.header.Get("Set-Cookie") != "" {
		t.Error("another site signs people in")
	}
	s.browser(t).post("/signin", "id", "ann", "password", password).goes(t, "/") // nothing has changed
}

// cookie is the secret of the browser's session.
func (b *browser) cookie() string {
	to, err := url.Parse(b.site.url)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(to) {
		if c.Name == surface.SessionCookie {
			return c.Value
		}
	}
	return ""
}

func TestThePasswordIsChanged(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "employee")
	b.post("/account/password", "present", "not the password", "password", "another long password").want(t, http.StatusUnprocessableEntity, "present password is another one")
	b.post("/account/password", "present", password, "password", "short").want(t, http.StatusUnprocessableEntity, "at least 12")
	before, other := b.cookie(), s.browser(t)
	other.post("/signin", "id", "ann", "password", password).goes(t, "/work")
	b.post("/account/password", "present", password, "password", "another long password").goes(t, "/account?changed=yes")
	b.get("/account?changed=yes").want(t, http.StatusOK, "The password is changed")
	if b.cookie() == before {
		t.Error("the session goes on with the secret that it had")
	}
	other.get("/account").goes(t, "/signin?to=%2Faccount")
	b.post("/signin", "id", "ann", "password", password).want(t, http.StatusUnauthorized)
	b.post("/signin", "id", "ann", "password", "another long password").goes(t, "/work")
}

// A form of a new password that is sent twice changes it once, and does not say that it
// failed: not with the session's new secret, nor with the one before, nor at the same time.
func TestThePasswordIsChangedOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "employee")
	const again = "/signin?changed=yes&to=%2Faccount%3Fchanged%3Dyes"
	b.get("/account").want(t, http.StatusOK, `name="id" value="ann"`)
	token, before := b.form, b.cookie()
	send := func(b *browser, present, next string) page {
		b.form = token
		return b.post("/account/password", "id", "ann", "present", present, "password", next)
	}
	send(b, password, "another long password").goes(t, "/account?changed=yes")
	size := s.size(t)
	send(b, password, "another long password").goes(t, again)
	b.get(again).goes(t, "/account?changed=yes")
	old := s.browser(t)
	late := old.ask(http.MethodPost, "/account/password", url.Values{"id": {"ann"}, "present": {password}, "password": {"another long password"}, "form": {token}}, func(r *http.Request) {
		r.AddCookie(&http.Cookie{Name: surface.SessionCookie, Value: before})
	})
	late.goes(t, again)
	old.get(again).want(t, http.StatusOK, "Your password is changed. Sign in with the new one.")
	if s.size(t) != size {
		t.Error("something was written the second time")
	}
	// Another form is not taken for it.
	for _, other := range []url.Values{{"id": {"ann"}, "present": {password}, "password": {"one more long password"}, "form": {token}}, {"id": {"bob"}, "form": {token}}, {}} {
		if got := old.ask(http.MethodPost, "/account/password", other, nil); got.to != "" || got.status != http.StatusUnauthorized {
			t.Errorf("%v: %d, to %q", other, got.status, got.to)
		}
	}
	// A wrong present password twice is wrong twice.
	b.get("/account")
	token = b.form
	for range 2 {
		send(b, "not the password", "one more long password").want(t, http.StatusUnprocessableEntity, "present password is another one")
	}
	// At the same time.
	b.get("/account")
	token = b.form
	pages := make(chan page)
	size = s.size(t)
	for range 2 {
		other := *b
		go func() { pages <- send(&other, "another long password", "one more long password") }()
	}
	for range 2 {
		if got := <-pages; got.to != again && got.to != "/account?changed=yes" {
			t.Errorf("%d, to %q", got.status, got.to)
		}
	}
	if got := s.size(t); got != size+1 {
		t.Errorf("%d events", got-size)
	}
	s.browser(t).post("/signin", "id", "ann", "password", "one more long password").goes(t, "/work")
}

// The console's link makes the first account, and no second one.
func TestTheFirstAccountIsMadeOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.browser(t)
	b.get("/setup?token=").want(t, http.StatusNotFound) // before there is a token
	link, err := s.portal.SetUp(context.Background())
	if err != nil || !strings.HasPrefix(link, "/setup?token=") {
		t.Fatal(link, err)
	}
	token := strings.TrimPrefix(link, "/setup?token=")
	for _, wrong := range []string{"", "x", token[1:], token + "x"} {
		b.get("/setup?token="+wrong).want(t, http.StatusNotFound)
		b.post("/setup", "token", wrong, "id", "eve", "name", "Example Eve", "password", password).want(t, http.StatusNotFound)
	}
	b.get(link).want(t, http.StatusOK, "first account")
	b.post("/setup", "token", token, "id", "ann@example.com", "name", "Example Ann", "password", "short").
		want(t, http.StatusUnprocessableEntity, "at least 12", `value="Example Ann"`, `value="ann@example.com"`)
	b.post("/setup", "token", token, "id", "ann@example.com", "name", "Example Ann", "password", password).goes(t, "/")
	b.get("/account").want(t, http.StatusOK, "Example Ann", "administrator")
	b.get(link).want(t, http.StatusNotFound)
	b.post("/setup", "token", token, "id", "eve", "name", "Example Eve", "password", password).want(t, http.StatusNotFound)
	if link, err := s.portal.SetUp(context.Background()); link != "" || err != nil {
		t.Errorf("a second first account: %q, %v", link, err)
	}
}

// A demonstration shows its overview to everybody, and nothing else.
func TestVisitorsOfADemonstration(t *testing.T) {
	s := serve(t, config.Config{Origin: ledger.DemoOrigin + "example"})
	b := s.browser(t)
	// Whoever may read no records is not told of their deadlines, whoever looked before.
	s.People(t, "E1")
	found := apptest.Begin.AddDate(0, 0, -20).Format(time.RFC3339)
	s.records(t, "findings", `{"title":"A gap","source":"audit","severity":"critical","found_at":"`+found+`","owner":"person/E1"}`)
	if late := b.get("/late").want(t, http.StatusOK); strings.Contains(late.body, "FND-1") || strings.Contains(late.body, "A gap") || strings.Contains(late.body, "person/E1") {
		t.Error("a visitor is told of a finding")
	}
	s.signed(t, "lea", "compliance").get("/late").want(t, http.StatusOK, "A gap")
	if late := b.get("/late"); strings.Contains(late.body, "A gap") {
		t.Error("a visitor is told what somebody else was told")
	}
	b.get("/").want(t, http.StatusOK, "demonstration")
	b.get("/account").goes(t, "/signin?to=%2Faccount")
}

// The overview says how the controls stand, in the organisation's time zone.
func TestTheOverview(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b := s.signed(t, "ann", "compliance")
	b.get("/").want(t, http.StatusOK, "No period has been opened yet", `<a href="/periods/open">Open one</a>`, "not tested")
	s.signed(t, "kim", "engineer").get("/").want(t, http.StatusOK, "Somebody with the role administrator, ciso or compliance opens one.")
	if _, err := periods.OpenPeriod(context.Background(), s.Door, apptest.Operator, periods.Period{
		Name: "spring", From: time.Date(2026, 2, 28, 23, 0, 0, 0, time.UTC), To: time.Date(2026, 5, 31, 22, 0, 0, 0, time.UTC), Timezone: "Europe/Berlin",
	}); err != nil {
		t.Fatal(err)
	}
	b.get("/").want(t, http.StatusOK, `Period <a href="/r/periods/spring">spring</a>, 2026-03-01 to 2026-05-31`, `href="/controls?conclusion=not_tested"`)
	s.signed(t, "eve", "employee").get("/late").want(t, http.StatusForbidden, "You may not see this", "It is for whoever is", "compliance", "(report.read), and you are employee. Ask one of them.")
}

// What a page is made of: no script but the portal's file, no style of its own, nothing of another
// host, in no frame, kept by nobody.
func TestWhatPagesAreMadeOf(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	for _, path := range []string{"/", "/work", "/criteria", "/criteria/CC1.1", "/controls", "/controls/CHG-01", "/duties", "/calendar", "/ledger", "/ledger/0", "/account", "/nothing-here", "/signin"} {
		got := b.get(path)
		if path == "/signin" {
			got = s.browser(t).get(path)
		}
		policy := got.header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if got.header.Get("Cache-Control") != "no-store" || got.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, got.header)
		}
		got.body = strings.ReplaceAll(got.body, `<script src="/portal.js" defer></script>`, "")
		got.body = strings.Replace(got.body, "<br>"+s.url+path+"</p>", "", 1) // where it stands, on paper
		for _, bad := range []string{"<script", " style=", " onclick", "http://", "https://", "<style"} {
			if strings.Contains(got.body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		for _, part := range []string{`<html lang="en">`, `<main id="content"`, `href="#content"`, "<h1>"} {
			if !strings.Contains(got.body, part) {
				t.Errorf("%s lacks %s", path, part)
			}
		}
	}
	b.get("/nothing-here").want(t, http.StatusNotFound, "There is nothing here")
	b.get("/portal.css").want(t, http.StatusOK, "prefers-color-scheme")
	if script := b.get("/portal.js").want(t, http.StatusOK, "clipboard"); !strings.HasPrefix(script.header.Get("Content-Type"), "text/javascript") {
		t.Errorf("the script is %v", script.header)
	}
	b.get("/icon.svg").want(t, http.StatusOK, "<svg")
}

// Links from pages to the API's pages work, whatever is asked for is counted as
// one thing, and what cannot be a session is none.
func TestPagesAndTheAPI(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "administrator")
	b.get("/readiness").want(t, http.StatusOK, "<h1>")
	s.browser(t).get("/readiness").want(t, http.StatusUnauthorized, "unauthenticated")
	b.get("/v1/nothing").want(t, http.StatusNotFound, `"not_found"`)
	for _, method := range []string{"BREW", "TEAPOT"} {
		b.ask(method, "/pot", nil, nil)
	}
	metrics := b.get("/metrics").want(t, http.StatusOK, `method="pages"`)
	for _, strange := range []string{"BREW", "pot"} {
		if strings.Contains(metrics.body, strange) {
			t.Errorf("the metrics have a line for %s", strange)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: surface.SessionCookie, Value: strings.Repeat("x", 500)})
	if _, err := s.SessionOf(r); !errors.Is(err, accounts.ErrSession) {
		t.Error("somebody is signed in with anything:", err)
	}
}
