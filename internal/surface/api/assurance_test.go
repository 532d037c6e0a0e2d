package api_test

import (
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface/api"
)

func TestControlsResultsAndReadinessAreRead(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		auditor, _ := f.Token(t, "auditor", time.Hour)
		var all struct{ Controls []struct{ ID string } }
		c.do(ask{method: "GET", path: "/v1/controls", token: auditor}).want(t, 200, "").into(t, &all)
		if len(all.Controls) < 10 || all.Controls[0].ID == "" {
			t.Errorf("the catalog is %v", all.Controls)
		}
		var one struct{ ID, SHA256 string }
		c.do(ask{method: "GET", path: "/v1/controls/" + all.Controls[0].ID, token: auditor}).want(t, 200, "").into(t, &one)
		if one.ID != all.Controls[0].ID || len(one.SHA256) != 64 {
			t.Errorf("the control is %+v", one)
		}
		for _, path := range []string{"/v1/controls/NONE", "/v1/results", "/v1/results?period=none", "/v1/reports/readiness?period=none"} {
			c.do(ask{method: "GET", path: path, token: auditor}).want(t, 404, "not_found")
		}
	})
}

// The page is for whoever may read reports; of a demonstration, where nothing is
// real, for everybody, and nothing else is.
func TestThePageOfADemonstrationNeedsNoToken(t *testing.T) {
	for origin, open := range map[string]bool{"demo/example": true, "scaf/example": false} {
		f := apptest.New(t, config.Config{Origin: origin})
		c, _ := serve(t, f, api.DefaultTimeouts)
		for path, public := range map[string]bool{"/readiness": true, "/v1/reports/readiness": true, "/v1/records/changes": false, "/v1/events": false} {
			want := 401
			if open && public {
				want = 200
			}
			if g := c.do(ask{method: "GET", path: path}); g.status != want {
				t.Errorf("%s of %s as nobody: %d, want %d", path, origin, g.status, want)
			}
			if g := c.do(ask{method: "GET", path: path, token: "scaf_no_token"}); g.status != 401 {
				t.Errorf("%s of %s with a wrong token: %d", path, origin, g.status)
			}
		}
		token, _ := f.Token(t, "auditor", time.Hour)
		g := c.do(ask{method: "GET", path: "/readiness", token: token})
		policy := g.header.Get("Content-Security-Policy")
		if g.status != 200 || !strings.HasPrefix(string(g.body), "<!DOCTYPE html>") || g.header.Get("Content-Type") != "text/html; charset=utf-8" ||
			!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, reports.StyleHash()) {
			t.Errorf("the page: %d %s %s", g.status, policy, g.body[:min(len(g.body), 80)])
		}
	}
}
