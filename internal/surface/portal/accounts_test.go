package portal_test

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

var shownSecret = regexp.MustCompile(`<code class="secret">([^<]+)</code>`)

// secret is what a page shows once.
func (p page) secret(t *testing.T) string {
	t.Helper()
	found := shownSecret.FindStringSubmatch(p.body)
	if found == nil {
		t.Fatalf("nothing is shown: %.300s", p.body)
	}
	return found[1]
}

// Whoever gets an account chooses their own password before anything else opens.
func TestAnAccountIsMadeInTheSettings(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "chief", "ciso")
	b.get("/settings").want(t, http.StatusOK, `href="/settings/accounts"`, `href="/settings/tokens"`)
	b.get("/settings/new-account").want(t, http.StatusOK, `value="person/E1"`, `value="compliance"`)
	b.post("/settings/accounts", "f.id", "zoe <b>", "f.name", " ", "f.person", "person/E9").want(t, http.StatusUnprocessableEntity,
		`value="zoe &lt;b&gt;"`, "Name</a>: is missing", "Roles</a>: choose one at least", `id="f-person-wrong">there is nobody like this`)
	b.post("/settings/accounts", "f.id", "zoe <b>", "f.name", "Zoe", "f.roles", "engineer").want(t, http.StatusUnprocessableEntity, `id="f-id-wrong"`, "is no name to sign in with", `value="engineer" checked`)
	b.post("/settings/accounts", "f.id", "zoe", "f.name", "Zoe", "f.roles", "administrator").want(t, http.StatusForbidden, `id="f-roles-wrong"`, "in the hands of administrators")
	made := b.post("/settings/accounts", "f.id", "zoe@example.com", "f.name", "Zoe Example", "f.person", "person/E1", "f.roles", "engineer").want(t, http.StatusOK, "shown this once", "Zoe Example", "person/E1", "by 2026-03-05 09:00")
	given := made.secret(t)
	if again := b.get("/settings/accounts/zoe@example.com").want(t, http.StatusOK, "a one-time password, not changed yet"); strings.Contains(again.body, given) {
		t.Error("the password is shown twice")
	}
	b.post("/settings/accounts", "f.id", "zoe@example.com", "f.name", "Zoe", "f.roles", "engineer").want(t, http.StatusConflict, `id="f-id-wrong"`)

	zoe := s.browser(t)
	zoe.post("/signin", "id", "zoe@example.com", "password", given).goes(t, "/")
	for path, to := range map[string]string{"/": "/account", "/work": "/account?to=%2Fwork", "/controls?owner=a": "/account?to=%2Fcontrols%3Fowner%3Da"} {
		zoe.get(path).goes(t, to)
	}
	zoe.get("/account?to=%2Fcontrols%3Fowner%3Da").want(t, http.StatusOK, "a password that was made for you", `name="to" value="/controls?owner=a"`)
	zoe.post("/inbox/read").goes(t, "/account")
	if got := zoe.get("/v1/controls"); got.status != http.StatusUnauthorized {
		t.Errorf("the API answers a one-time password with %d", got.status)
	}
	other := s.browser(t)
	other.post("/signin", "id", "zoe@example.com", "password", given, "to", "/work").goes(t, "/work")
	zoe.post("/account/password", "present", given, "password", "short", "to", "/controls").want(t, http.StatusUnprocessableEntity, `name="to" value="/controls"`)
	zoe.post("/account/password", "present", given, "password", "another long password", "to", "/controls?owner=a").goes(t, "/controls?owner=a")
	other.get("/work").goes(t, "/signin?to=%2Fwork")
	zoe.get("/work").want(t, http.StatusOK)

	// Another one, other roles, and the end.
	path := "/settings/accounts/zoe@example.com"
	anew := b.post(path+"/password").want(t, http.StatusOK, "shown this once").secret(t)
	zoe.get("/work").goes(t, "/signin?to=%2Fwork")
	zoe.post("/signin", "id", "zoe@example.com", "password", "another long password").want(t, http.StatusUnauthorized)
	zoe.post("/signin", "id", "zoe@example.com", "password", anew).goes(t, "/")
	b.post(path+"/roles", "f.roles", "auditor").want(t, http.StatusBadRequest, "which version")
	version := func() string {
		t.Helper()
		return regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(b.get(path).body)[1]
	}
	const first = "1" // other passwords since are no matter
	b.get(path)
	token := b.form
	b.post(path+"/roles", "version", first, "f.roles", "auditor").goes(t, path)
	// Sent twice, it is done once.
	size := s.size(t)
	b.form = token
	b.post(path+"/roles", "version", first, "f.roles", "auditor").goes(t, path)
	if s.size(t) != size {
		t.Error("the roles were given twice")
	}
	// What was loaded before somebody else gave other roles overwrites nothing, and is kept.
	b.get(path)
	b.post(path+"/roles", "version", first, "f.roles", "engineer").want(t, http.StatusConflict, "Somebody else has given the account other roles", "auditor, and no longer", `value="engineer" checked`, `name="version" value="`+version()+`"`)
	b.post(path+"/roles", "version", version()).want(t, http.StatusUnprocessableEntity, "An account has at least one role", "<details class=\"move\" open>")
	b.get(path).want(t, http.StatusOK, "<dd>auditor</dd>")
	b.post(path+"/disable").goes(t, path)
	b.post(path+"/disable").goes(t, path) // pressed twice
	b.get(path)
	b.post(path+"/disable").want(t, http.StatusUnprocessableEntity, "It was disabled at")
	zoe.post("/signin", "id", "zoe@example.com", "password", anew).want(t, http.StatusUnauthorized)
	b.get("/settings/accounts").want(t, http.StatusOK, `<a href="/settings/accounts/zoe@example.com">`, "disabled ")
	b.get("/settings/accounts/none").want(t, http.StatusNotFound)

	// Nobody does it to themselves, and an administrator's account is for administrators.
	s.signed(t, "root", "administrator")
	own := b.get("/settings/accounts/chief").want(t, http.StatusOK, "It is your own account")
	if strings.Contains(own.body, "/settings/accounts/chief/") {
		t.Error("one's own account has forms")
	}
	for _, verb := range []string{"/roles", "/password", "/disable"} {
		b.post("/settings/accounts/chief"+verb, "version", "1", "f.roles", "administrator").want(t, http.StatusUnprocessableEntity)
		b.post("/settings/accounts/root"+verb, "version", "1", "f.roles", "employee").want(t, http.StatusForbidden, "in the hands of administrators")
	}
	reader := s.signed(t, "eve", "auditor")
	if page := reader.get("/settings/accounts/chief").want(t, http.StatusOK); strings.Contains(page.body, `action="/settings/accounts/`) {
		t.Error("an auditor is offered forms")
	}
}

// Who comes too late with a password that was made for them is told what to do.
func TestAOneTimePasswordEnds(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "chief", "ciso")
	given := b.post("/settings/accounts", "f.id", "zoe", "f.name", "Zoe Example", "f.roles", "engineer").want(t, http.StatusOK).secret(t)
	s.Manual.Advance(accounts.OneTimeLifetime)
	zoe := s.browser(t)
	zoe.post("/signin", "id", "zoe", "password", given).want(t, http.StatusUnauthorized, "has ended: it is good for 72 hours", "for a new one")
	zoe.post("/signin", "id", "zoe", "password", "not "+given).want(t, http.StatusUnauthorized, "The name or the password is not right")
	b = s.signed(t, "deputy", "ciso")
	b.get("/settings/accounts").want(t, http.StatusOK, "has a one-time password that has ended")
	b.get("/settings/accounts/zoe").want(t, http.StatusOK, "a one-time password that has ended: make a new one")
	anew := b.post("/settings/accounts/zoe/password").want(t, http.StatusOK, "until 2026-03-08 09:00").secret(t)
	s.Manual.Advance(accounts.OneTimeLifetime - time.Second)
	zoe.post("/signin", "id", "zoe", "password", anew).goes(t, "/")
}

// A token is shown once, decides on nothing, and ends when it is revoked.
func TestATokenIsMadeAndRevoked(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "chief", "ciso")
	b.get("/settings/tokens").want(t, http.StatusOK, "No program has a token yet", `value="90"`, `<option value="ingester">`)
	for _, role := range []string{"administrator", "ciso", "compliance", "executive", "auditor"} {
		if slices.Contains(access.Roles.Working(), role) {
			t.Errorf("%s decides on what others did", role)
		}
		b.post("/settings/tokens", "f.name", "ci <1>", "f.role", role, "f.days", "10").want(t, http.StatusUnprocessableEntity, `id="f-role-wrong"`, `value="ci &lt;1&gt;"`, `value="10"`)
	}
	if _, _, err := access.CreateToken(t.Context(), s.Door, act.Caller{ID: "account/chief", Roles: []string{"ciso"}}, "administrator", "x", time.Hour); !errors.Is(err, act.ErrDenied) {
		t.Errorf("who is no administrator makes an administrator's token: %v", err)
	}
	for _, days := range []string{"", "0", "367", "x"} {
		b.post("/settings/tokens", "f.name", "ci", "f.role", "engineer", "f.days", days).want(t, http.StatusUnprocessableEntity, `id="f-days-wrong"`)
	}
	b.post("/settings/tokens", "f.name", strings.Repeat("x", 201), "f.role", "engineer", "f.days", "1").want(t, http.StatusUnprocessableEntity, `id="f-name-wrong"`)
	token := b.post("/settings/tokens", "f.name", "ci <1>", "f.role", "engineer", "f.days", "10").want(t, http.StatusOK, "shown this once").secret(t)
	listed := b.get("/settings/tokens").want(t, http.StatusOK, "ci &lt;1&gt;", "engineer", "account/chief")
	if strings.Contains(listed.body, token) {
		t.Error("the token is shown twice")
	}
	uses := func(want int) {
		t.Helper()
		got := s.browser(t).ask(http.MethodGet, "/v1/controls", nil, func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
		if got.status != want {
			t.Errorf("the token is answered with %d, want %d", got.status, want)
		}
	}
	uses(http.StatusOK)
	id := regexp.MustCompile(`/settings/tokens/([^/"]+)/revoke`).FindStringSubmatch(listed.body)[1]
	b.post("/settings/tokens/"+id+"/revoke").goes(t, "/settings/tokens")
	b.post("/settings/tokens/"+id+"/revoke").goes(t, "/settings/tokens") // pressed twice
	uses(http.StatusUnauthorized)
	if page := b.get("/settings/tokens").want(t, http.StatusOK, "revoked"); strings.Contains(page.body, "/revoke") {
		t.Error("what is revoked can be revoked")
	}
	b.post("/settings/tokens/none/revoke").want(t, http.StatusNotFound)

	// A form that is sent twice makes one of each.
	b.get("/settings/tokens")
	form := b.form
	for _, status := range []int{http.StatusOK, http.StatusConflict} {
		page := b.ask(http.MethodPost, "/settings/tokens", url.Values{"form": {form}, "f.name": {"twice"}, "f.role": {"engineer"}, "f.days": {"10"}}, nil)
		if page.status != status || strings.Contains(page.body, "made when you sent the form first") != (status == http.StatusConflict) {
			t.Errorf("status %d, want %d", page.status, status)
		}
	}
	if page := b.get("/settings/tokens"); strings.Count(page.body, "/revoke") != 1 {
		t.Error("there is not one token")
	}
	form = b.form
	for _, status := range []int{http.StatusOK, http.StatusSeeOther} {
		page := b.ask(http.MethodPost, "/settings/accounts", url.Values{"form": {form}, "f.id": {"yan"}, "f.name": {"Example Yan"}, "f.roles": {"employee"}}, nil)
		if page.status != status || status == http.StatusSeeOther && page.to != "/settings/accounts/yan" {
			t.Errorf("status %d to %q, want %d", page.status, page.to, status)
		}
	}
}
