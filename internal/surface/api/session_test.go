package api_test

import (
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
)

// A browser that is signed in reads what its account may read, and changes
// nothing: no other site can have it do so.
func TestASessionReads(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		ann := accounts.Account{ID: "ann", Name: "Example Ann", Roles: []string{"auditor"}}
		if _, err := accounts.Create(t.Context(), f.Door, apptest.Operator, ann, "correct horse battery"); err != nil {
			t.Fatal(err)
		}
		secret, session, err := accounts.SignIn(t.Context(), f.Door, "ann", "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
		cookie := []string{"Cookie: " + surface.SessionCookie + "=" + secret}
		look := func() got { return c.do(ask{method: "GET", path: "/v1/registers", headers: cookie}) }
		look().want(t, 200, "")
		c.do(ask{method: "GET", path: "/metrics", headers: cookie}).want(t, 403, "forbidden")
		c.do(ask{method: "POST", path: "/v1/records/changes", body: `{"id":"c1"}`, headers: append(cookie, "Content-Type: application/json")}).want(t, 401, "unauthenticated")
		c.do(ask{method: "GET", path: "/v1/registers", headers: []string{"Cookie: " + surface.SessionCookie + "=x"}}).want(t, 401, "unauthenticated")
		if err := accounts.SignOut(t.Context(), f.Door, session); err != nil {
			t.Fatal(err)
		}
		look().want(t, 401, "unauthenticated")
	})
}
