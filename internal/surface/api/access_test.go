package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/trust/access"
)

// Every route is asked as every role and as nobody, on a personal register and
// on another one; what must come of it is computed from the role table.
func TestEveryRouteAsksForItsPermission(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	tokens := map[string]string{}
	for _, role := range access.Roles.Names() {
		tokens[role], _ = f.Token(t, role, time.Hour)
	}
	for _, route := range api.Routes() {
		for _, register := range []string{"changes", "people", "tokens"} {
			if !strings.Contains(route.Path, "{register}") && register != "changes" {
				continue
			}
			path := strings.NewReplacer("{register}", register, "{id}", "x", "{index}", "0").Replace(route.Path)
			g := c.do(ask{method: route.Method, path: path})
			if open := route.Action == ""; open != (g.status != 401) {
				t.Errorf("%s %s as nobody: %d", route.Method, path, g.status)
			} else if !open {
				g.want(t, 401, "unauthenticated")
				if g.header.Get("WWW-Authenticate") == "" {
					t.Errorf("%s %s: no WWW-Authenticate", route.Method, path)
				}
			}
			kind, err := f.Kinds.Find(register)
			if err != nil {
				t.Fatal(err)
			}
			action := route.Action
			if verb, ok := strings.CutPrefix(action, "*."); ok {
				if action = kind.Name + "." + verb; verb == "read" && !kind.Personal {
					action = "record.read"
				}
			}
			for role, token := range tokens {
				g := c.do(ask{method: route.Method, path: path, token: token})
				if route.Signed { // a token is no signature
					g.want(t, 401, "unauthenticated")
					continue
				}
				allowed := action == "" || access.Roles.Authorize(act.Caller{ID: "x", Roles: []string{role}}, action, "") == nil
				var p api.Problem
				_ = json.Unmarshal(g.body, &p) // not every answer is a problem
				if denied := g.status == 403 && p.Code == "forbidden"; denied == allowed || g.status == 401 || g.status == 500 {
					t.Errorf("%s %s as %s: %d %s, allowed is %v", route.Method, path, role, g.status, p.Code, allowed)
				}
			}
		}
	}
}

// What the API describes and what the table holds are the same, so that no
// route is left out of the test above.
func TestTheTableHoldsEveryRoute(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	var description struct {
		Paths map[string]map[string]struct {
			Security  []map[string][]string `json:"security"`
			Responses map[string]struct {
				Content map[string]struct {
					Schema map[string]any `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	c.do(ask{method: "GET", path: "/openapi.json"}).want(t, 200, "").into(t, &description)
	var described, listed []string
	for path, methods := range description.Paths {
		for method, operation := range methods {
			if open := !strings.HasPrefix(path, "/v1/") && path != "/metrics" && path != "/readiness"; open != (len(operation.Security) == 0) {
				t.Errorf("%s %s: described as open is %v", method, path, !open)
			}
			given := 0
			for status, response := range operation.Responses {
				for mediaType, content := range response.Content {
					if content.Schema["contentEncoding"] != nil || len(content.Schema) == 0 {
						t.Errorf("%s %s: describe.go does not say what %s of %s is: %v", method, path, mediaType, status, content.Schema)
					}
					if strings.HasPrefix(status, "2") {
						given++
					}
				}
			}
			if given == 0 {
				t.Errorf("%s %s: no answer is described", method, path)
			}
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	seen := map[string]bool{}
	for _, route := range api.Routes() {
		pattern := route.Method + " " + route.Path
		if seen[pattern] {
			t.Errorf("%s is twice in the table", pattern)
		}
		seen[pattern] = true
		listed = append(listed, pattern)
		if strings.HasPrefix(route.Path, "/v1/") {
			continue
		}
		if g := c.do(ask{method: route.Method, path: route.Path}); g.status == 404 {
			t.Errorf("%s is in the table only", pattern)
		}
	}
	slices.Sort(described)
	slices.Sort(listed)
	if fmt.Sprint(described) != fmt.Sprint(listed) {
		t.Errorf("described %v\nlisted    %v", described, listed)
	}
}

func TestATokenEnds(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		short, _ := f.Token(t, "auditor", time.Hour)
		revoked, id := f.Token(t, "auditor", 24*time.Hour)
		look := func(token string) got { return c.do(ask{method: "GET", path: "/v1/events", token: token}) }
		look(short).want(t, 200, "")
		look(revoked).want(t, 200, "")
		if err := access.RevokeToken(t.Context(), f.Door, apptest.Operator, id); err != nil {
			t.Fatal(err)
		}
		look(revoked).want(t, 401, "unauthenticated")
		f.Manual.Advance(time.Hour - time.Microsecond)
		look(short).want(t, 200, "")
		f.Manual.Advance(time.Microsecond)
		look(short).want(t, 401, "unauthenticated")
		for _, wrong := range []string{"scaf_", "x", short + "x", short[:len(short)-1], strings.ToUpper(short), strings.Repeat("x", 9000)} {
			look(wrong).want(t, 401, "unauthenticated")
		}
		c.do(ask{method: "GET", path: "/v1/events", headers: []string{"Authorization: Basic " + short}}).want(t, 401, "unauthenticated")
		if strings.Contains(c.log.String(), "scaf_") {
			t.Error("a token is in the log")
		}
	})
}

// A denied role is an event each; nobody is counted and recorded once.
func TestDenialsAreRecorded(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		auditor, id := f.Token(t, "auditor", time.Hour)
		c.append(auditor, document("a"), eventType).want(t, 403, "forbidden")
		for range 5 {
			c.append("", document("a"), eventType).want(t, 401, "unauthenticated")
		}
		f.Manual.Advance(2 * time.Minute)
		c.append("", document("a"), eventType).want(t, 401, "unauthenticated")
		var page struct {
			Events []struct {
				Type    string `json:"type"`
				Actor   string `json:"actor"`
				Outcome string `json:"outcome"`
				Data    struct {
					Counts map[string]int `json:"counts"`
				} `json:"data"`
			} `json:"events"`
		}
		c.do(ask{method: "GET", path: "/v1/events?type=scaf.access.*", token: auditor}).want(t, 200, "").into(t, &page)
		if len(page.Events) != 2 || page.Events[0].Actor != "token/"+id || page.Events[0].Outcome != "denied" || page.Events[1].Data.Counts["ledger.append"] != 6 {
			t.Errorf("recorded %+v", page.Events)
		}
	})
}

// Who may do what, written down, so that a slip in the table of routes or of
// roles is seen.
func TestAllowedAndDenied(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	const (
		events, event, proof = "/v1/events", "/v1/events/0", "/v1/events/0/proof"
		changes, fix         = "/v1/records/changes", "/v1/records/changes/c1"
		batches              = "/v1/records/input_batches"
		people, alex         = "/v1/records/people", "/v1/records/people/p1"
		accounts, cases      = "/v1/records/accounts", "/v1/records/conduct_cases"
	)
	for role, rules := range map[string]struct{ allow, deny []string }{
		"ingester": {
			[]string{"POST " + events},
			[]string{"GET " + events, "GET " + event, "GET " + proof, "GET /v1/ledger/checkpoint", "GET " + changes, "POST " + changes, "GET /metrics", "POST /v1/ledger/timestamps"},
		},
		"processing": {
			[]string{"POST " + batches, "PATCH " + batches + "/b1", "POST /v1/records/processing_runs", "POST /v1/records/deliveries", "POST /v1/records/storage_checks"},
			[]string{"GET " + batches, "GET " + batches + "/b1", "POST /v1/records/specifications", "GET " + changes, "POST " + changes, "POST /v1/records/findings", "POST /v1/evidence", "POST " + events, "GET " + events, "GET " + people, "GET /v1/registers", "GET /metrics"},
		},
		"monitor": {
			[]string{"GET /metrics"},
			[]string{"POST " + events, "GET " + events, "GET " + people, "GET /v1/registers"},
		},
		"auditor": {
			[]string{"GET " + events, "GET " + proof, "GET /v1/ledger/key", "GET " + changes, "GET " + fix + "/history", "GET " + people, "GET " + accounts, "GET " + cases, "GET /v1/registers"},
			[]string{"POST " + events, "POST " + changes, "PATCH " + fix, "POST " + fix + "/move", "POST " + people, "PATCH " + alex, "GET /metrics", "POST /v1/ledger/timestamps"},
		},
		"engineer": {
			[]string{"GET " + events, "POST " + changes, "PATCH " + fix, "POST " + fix + "/move", "GET " + fix},
			[]string{"POST " + events, "GET " + accounts, "GET " + accounts + "/ann", "GET " + cases, "GET " + people, "GET " + alex, "GET " + alex + "/history", "POST " + people, "PATCH " + alex, "POST " + alex + "/move"},
		},
		"compliance": {
			[]string{"GET " + people, "POST " + people, "PATCH " + alex, "GET /metrics", "POST /v1/ledger/timestamps", "GET " + accounts},
			[]string{"GET " + cases, "POST " + cases},
		},
	} {
		token, _ := f.Token(t, role, time.Hour)
		for denied, list := range [][]string{rules.allow, rules.deny} {
			for _, line := range list {
				method, path, _ := strings.Cut(line, " ")
				if got := c.do(ask{method: method, path: path, token: token}).status == 403; got != (denied == 1) {
					t.Errorf("%s as %s: denied is %v", line, role, got)
				}
			}
		}
	}
}
