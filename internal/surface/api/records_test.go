package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/trust/ledger"
)

const change = `{"id":"c1","title":"Fix","author":{"name":"Alex","email":"alex@example.com"},"merged_at":"2026-02-01T10:00:00Z"}`

var asJSON = []string{"Content-Type: application/json"}

type version struct {
	ID       string         `json:"id"`
	Version  int            `json:"version"`
	Document map[string]any `json:"document"`
}

func TestARecordIsAddedChangedMovedAndRead(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "engineer", time.Hour)
		var v version
		g := c.do(ask{"POST", "/v1/records/changes", token, change, asJSON}).want(t, 201, "")
		g.into(t, &v)
		if g.header.Get("Location") != "/v1/records/changes/c1" || g.header.Get("ETag") != `"1"` || v.Version != 1 || v.Document["state"] != "merged" {
			t.Errorf("%v %+v", g.header, v)
		}
		c.do(ask{"POST", "/v1/records/changes", token, change, asJSON}).want(t, 409, "exists")
		at := "/v1/records/changes/c1"
		patch := func(body string, headers ...string) got {
			t.Helper()
			return c.do(ask{"PATCH", at, token, body, append(headers, "Content-Type: application/merge-patch+json")})
		}
		patch(`{"title":"x"}`).want(t, 428, "precondition_required")
		patch(`{"title":"x"}`, `If-Match: "2"`).want(t, 412, "stale")
		patch(`{"title":"x"}`, `If-Match: 1`).want(t, 412, "stale")
		patch(`{"titel":"x"}`, `If-Match: "1"`).want(t, 422, "invalid_record")
		patch(`{"state":"deployed"}`, `If-Match: "1"`).want(t, 422, "invalid_record")
		patch(`{"title":"x","title":"y"}`, `If-Match: "1"`).want(t, 400, "invalid_request")
		patch(`[]`, `If-Match: "1"`).want(t, 400, "invalid_request")
		// RFC 7396 goes into objects: the author keeps the name.
		g = patch(`{"author":{"email":"a@example.com"},"ticket":"T-1"}`, `If-Match: "1"`).want(t, 200, "")
		g.into(t, &v)
		if g.header.Get("ETag") != `"2"` || fmt.Sprint(v.Document["author"]) != "map[email:a@example.com name:Alex]" || v.Document["ticket"] != "T-1" {
			t.Errorf("%+v", v)
		}
		v.Document = nil
		patch(`{"ticket":null}`, `If-Match: *`).want(t, 200, "").into(t, &v)
		if _, there := v.Document["ticket"]; there || v.Version != 3 {
			t.Errorf("%+v", v)
		}
		if g = patch(`{"ticket":null}`, `If-Match: "3"`).want(t, 200, ""); g.header.Get("ETag") != `"3"` {
			t.Error("a patch that changes nothing made a version")
		}
		move := func(body string, headers ...string) got {
			t.Helper()
			return c.do(ask{"POST", at + "/move", token, body, append(headers, asJSON...)})
		}
		move(`{"state":"deployed"}`, `If-Match: "1"`).want(t, 412, "stale")
		move(`{}`).want(t, 400, "invalid_request")
		move(`{"state":"nowhere"}`).want(t, 422, "invalid_record")
		move(`{"state":"deployed","fields":{"deployed_at":"2026-02-02T10:00:00Z"}}`, `If-Match: "3"`).want(t, 200, "").into(t, &v)
		if v.Version != 4 || v.Document["state"] != "deployed" || v.Document["deployed_at"] == nil {
			t.Errorf("%+v", v)
		}
		g = c.do(ask{method: "GET", path: at, token: token}).want(t, 200, "")
		g.into(t, &v)
		if g.header.Get("ETag") != `"4"` || v.Version != 4 {
			t.Errorf("%v %+v", g.header, v)
		}
		g = c.do(ask{method: "GET", path: at, token: token, headers: []string{`If-None-Match: "4"`}}).want(t, 304, "")
		if len(g.body) != 0 {
			t.Errorf("%s", g.body)
		}
		var history struct {
			History []struct {
				Version int   `json:"version"`
				Index   int64 `json:"index"`
			} `json:"history"`
		}
		c.do(ask{method: "GET", path: at + "/history", token: token}).want(t, 200, "").into(t, &history)
		if len(history.History) != 4 || history.History[3].Version != 4 {
			t.Errorf("%+v", history)
		}
		// An id may hold what a path must escape.
		g = c.do(ask{"POST", "/v1/records/changes", token, strings.Replace(change, "c1", "team/x%y?", 1), asJSON}).want(t, 201, "")
		c.do(ask{method: "GET", path: g.header.Get("Location"), token: token}).want(t, 200, "").into(t, &v)
		if v.ID != "team/x%y?" {
			t.Errorf("%+v", v)
		}
		c.do(ask{method: "GET", path: "/v1/records/changes/none", token: token}).want(t, 404, "not_found")
		c.do(ask{method: "GET", path: "/v1/records/nothing", token: token}).want(t, 404, "not_found")
		c.do(ask{"POST", "/v1/records/changes", token, `{"id":`, asJSON}).want(t, 400, "invalid_request")
		c.do(ask{"POST", "/v1/records/changes", token, `{"id":"x"}`, asJSON}).want(t, 422, "invalid_record")
		admin, _ := f.Token(t, "administrator", time.Hour)
		c.do(ask{"POST", "/v1/records/tokens", admin, `{}`, asJSON}).want(t, 403, "internal_register")
	})
}

func TestRecordsAreListedPageByPageAndFiltered(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "compliance", time.Hour)
		add := func(register, body string) {
			t.Helper()
			c.do(ask{"POST", "/v1/records/" + register, token, body, asJSON}).want(t, 201, "")
		}
		// People may have no instant; those come first. Some share theirs.
		for i, joined := range []string{"", "", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-05T00:00:00Z", "2025-01-05T00:00:00Z", ""} {
			employment := "employee"
			if i%2 == 1 {
				employment = "contractor"
			}
			if joined != "" {
				joined = `,"joined_at":"` + joined + `"`
			}
			add("people", fmt.Sprintf(`{"id":"p%d","name":"N","employment":%q%s}`, i, employment, joined))
		}
		list := func(limit int, filter string) (ids []string) {
			t.Helper()
			for cursor := ""; ; {
				var page struct {
					Records []version `json:"records"`
					Next    string    `json:"next_cursor"`
				}
				c.do(ask{method: "GET", path: fmt.Sprintf("/v1/records/people?limit=%d&cursor=%s&filter=%s", limit, cursor, url.QueryEscape(filter)), token: token}).want(t, 200, "").into(t, &page)
				for _, r := range page.Records {
					ids = append(ids, r.ID)
				}
				if cursor = page.Next; cursor == "" {
					return ids
				}
			}
		}
		for limit := 1; limit <= 8; limit++ {
			if got := fmt.Sprint(list(limit, "")); got != "[p0 p1 p6 p5 p2 p3 p4]" {
				t.Errorf("pages of %d: %s", limit, got)
			}
			if got := fmt.Sprint(list(limit, `item.employment == "contractor"`)); got != "[p1 p5 p3]" {
				t.Errorf("filtered pages of %d: %s", limit, got)
			}
		}
		c.do(ask{method: "GET", path: "/v1/records/people?filter=" + url.QueryEscape("item.("), token: token}).want(t, 400, "invalid_filter")
		c.do(ask{method: "GET", path: "/v1/records/people?cursor=xx", token: token}).want(t, 400, "invalid_request")
		var registers struct {
			Registers []struct {
				Name     string `json:"name"`
				Personal bool   `json:"personal"`
			} `json:"registers"`
		}
		c.do(ask{method: "GET", path: "/v1/registers", token: token}).want(t, 200, "").into(t, &registers)
		if len(registers.Registers) != len(f.Kinds) {
			t.Errorf("%+v", registers)
		}
	})
}

// The reading of a personal register is recorded, one event a request, with
// what was asked.
func TestReadingPeopleIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "compliance", time.Hour)
		c.do(ask{"POST", "/v1/records/people", token, `{"id":"p1","name":"N"}`, asJSON}).want(t, 201, "")
		for _, path := range []string{"/v1/records/people?filter=" + url.QueryEscape(`item.id == "p1"`), "/v1/records/people/p1", "/v1/records/people/p1/history", "/v1/records/people/none"} {
			c.do(ask{method: "GET", path: path, token: token})
		}
		c.do(ask{method: "GET", path: "/v1/records/changes", token: token})
		var viewed []string
		if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.viewed.v1"}, func(e *ledger.Event) error {
			viewed = append(viewed, e.Subject)
			return nil
		}); err != nil || fmt.Sprint(viewed) != "[people person/p1 person/p1 person/none]" {
			t.Errorf("recorded %v (%v)", viewed, err)
		}
	})
}
