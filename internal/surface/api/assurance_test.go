package api_test

import (
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
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
