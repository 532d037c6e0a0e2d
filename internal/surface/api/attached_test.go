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

var asBytes = []string{"Content-Type: application/octet-stream"}

// hung is a record in an open and in a personal register, on which things hang,
// and somebody who may do it.
type hung struct {
	c     *client
	token string
}

func (h *hung) do(t *testing.T, method, path, body string) got {
	t.Helper()
	return h.c.do(ask{method, path, h.token, body, asJSON})
}

func eachHung(t *testing.T, test func(t *testing.T, h *hung, f *apptest.Folder, at, other string)) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		h := &hung{c: c}
		h.token, _ = f.Token(t, "compliance", time.Hour)
		h.do(t, "POST", "/v1/records/changes", change).want(t, 201, "")
		h.do(t, "POST", "/v1/records/people", `{"id":"p1","name":"N"}`).want(t, 201, "")
		for at, other := range map[string]string{"/v1/records/changes/c1": "person/p1", "/v1/records/people/p1": "change/c1"} {
			t.Run(strings.Split(at, "/")[3], func(t *testing.T) { test(t, h, f, at, other) })
		}
	})
}

func TestLinksAreSeenFromBothSides(t *testing.T) {
	eachHung(t, func(t *testing.T, h *hung, _ *apptest.Folder, at, other string) {
		links := func(path string) string {
			t.Helper()
			var all struct {
				Links []struct{ Relation, Record string }
			}
			h.do(t, "GET", path+"/links", "").want(t, 200, "").into(t, &all)
			return fmt.Sprint(all.Links)
		}
		for body, code := range map[string]string{
			`{"relation":"likes","to":"` + other + `"}`:                       "invalid_record",
			`{"relation":"causes","to":"change"}`:                             "not_found",
			`{"relation":"causes","to":"change/none"}`:                        "not_found",
			`{"relation":"causes","to":"thing/x"}`:                            "not_found",
			`{"relation":"causes","from":"` + other + `"}`:                    "invalid_request",
			`{"relation":"causes","to":`:                                      "invalid_request",
			`{"relation":"causes","to":"` + other + `","to":"` + other + `"}`: "invalid_request",
		} {
			status := map[string]int{"invalid_record": 422, "not_found": 404, "invalid_request": 400}[code]
			h.do(t, "POST", at+"/links", body).want(t, status, code)
		}
		const causes = `{"relation":"causes","to":"%s"}`
		h.do(t, "POST", at+"/links", fmt.Sprintf(causes, other)).want(t, 201, "")
		h.do(t, "POST", at+"/links", fmt.Sprintf(causes, other)).want(t, 409, "same")
		h.do(t, "POST", strings.TrimSuffix(at, "1")+"9/links", fmt.Sprintf(causes, other)).want(t, 404, "not_found")
		kind := map[string]string{"changes": "change/c1", "people": "person/p1"}[strings.Split(at, "/")[3]]
		name, id, _ := strings.Cut(other, "/")
		there := "/v1/records/" + map[string]string{"change": "changes", "person": "people"}[name] + "/" + id
		if from, to := links(at), links(there); from != "[{causes "+other+"}]" || to != "[{caused_by "+kind+"}]" {
			t.Errorf("from one side %s, from the other %s", from, to)
		}
		h.do(t, "DELETE", at+"/links?relation=causes", "").want(t, 400, "invalid_request")
		h.do(t, "DELETE", at+"/links?relation=follows&to="+other, "").want(t, 404, "not_found")
		h.do(t, "DELETE", at+"/links?relation=causes&to="+other, "").want(t, 200, "")
		h.do(t, "DELETE", at+"/links?relation=causes&to="+other, "").want(t, 404, "not_found")
		if from, to := links(at), links(there); from != "[]" || to != "[]" {
			t.Errorf("after it is removed: %s, %s", from, to)
		}
	})
}

func TestCommentsAreAddedAndStay(t *testing.T) {
	eachHung(t, func(t *testing.T, h *hung, _ *apptest.Folder, at, _ string) {
		for _, text := range []string{"first", "second"} {
			h.do(t, "POST", at+"/comments", `{"text":"`+text+`"}`).want(t, 201, "")
		}
		h.do(t, "POST", at+"/comments", `{"text":" "}`).want(t, 422, "invalid_record")
		h.do(t, "POST", at+"/comments", `{"text":"`+strings.Repeat("x", 20_001)+`"}`).want(t, 422, "invalid_record")
		h.do(t, "POST", at+"/comments", `{"txt":"x"}`).want(t, 400, "invalid_request")
		h.do(t, "POST", at+"9/comments", `{"text":"x"}`).want(t, 404, "not_found")
		h.do(t, "DELETE", at+"/comments", "").want(t, 405, "method_not_allowed")
		var all struct {
			Comments []struct{ Text, By string }
		}
		h.do(t, "GET", at+"/comments", "").want(t, 200, "").into(t, &all)
		if len(all.Comments) != 2 || all.Comments[0].Text != "first" || all.Comments[1].Text != "second" || !strings.HasPrefix(all.Comments[0].By, "token/") {
			t.Errorf("%+v", all)
		}
	})
}

func TestFilesAreAttachedReadAndTakenOff(t *testing.T) {
	eachHung(t, func(t *testing.T, h *hung, f *apptest.Folder, at, _ string) {
		attach := func(query, content string) got {
			t.Helper()
			return h.c.do(ask{"POST", at + "/attachments" + query, h.token, content, asBytes})
		}
		attach("", "x").want(t, 400, "invalid_request")
		attach("?name=..%2Fx", "x").want(t, 422, "invalid_record")
		attach("?name=x&type=pdf", "x").want(t, 422, "invalid_record")
		attach("?name=x", "").want(t, 422, "invalid_record")
		attach("?name=report.pdf&type=application/pdf", "MZ"+strings.Repeat("\x00", 58)+"\x40\x00\x00\x00PE\x00\x00").want(t, 422, "invalid_record")
		attach("?name=report.pdf", "id,name").want(t, 422, "invalid_record")
		h.do(t, "POST", at+"/attachments?name=x", "{}").want(t, 415, "unsupported_media_type")
		h.c.do(ask{"POST", at + "9/attachments?name=x", h.token, "x", asBytes}).want(t, 404, "not_found")
		var file struct{ ID, Name, Type, SHA256 string }
		attach("?name=page.html", "<!DOCTYPE html><script>1</script>").want(t, 201, "").into(t, &file)
		attach("?name=page.html", "<!DOCTYPE html><script>1</script>").want(t, 409, "same")
		var all struct{ Attachments []struct{ ID, Name string } }
		h.do(t, "GET", at+"/attachments", "").want(t, 200, "").into(t, &all)
		if len(all.Attachments) != 1 || all.Attachments[0].ID != file.ID || !strings.HasPrefix(file.Type, "text/html") {
			t.Errorf("%+v %+v", all, file)
		}
		g := h.do(t, "GET", at+"/attachments/"+file.ID, "").want(t, 200, "")
		if !strings.HasPrefix(g.header.Get("Content-Disposition"), "attachment;") || g.header.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(string(g.body), "<!DOCTYPE") {
			t.Errorf("%v", g.header)
		}
		viewed := 0
		if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.viewed.v1"}, func(e *ledger.Event) error {
			if strings.Contains(string(e.Data), file.ID) {
				viewed++
			}
			return nil
		}); err != nil || viewed != 1 {
			t.Errorf("the reading was recorded %d times (%v)", viewed, err)
		}
		h.do(t, "GET", at+"/attachments/none", "").want(t, 404, "not_found")
		h.do(t, "DELETE", at+"/attachments/none", "").want(t, 404, "not_found")
		h.do(t, "DELETE", at+"/attachments/"+file.ID, "").want(t, 200, "")
		h.do(t, "DELETE", at+"/attachments/"+file.ID, "").want(t, 404, "not_found")
		h.do(t, "GET", at+"/attachments/"+file.ID, "").want(t, 404, "not_found")
	})
}

func TestTagsAreAddedAndRemoved(t *testing.T) {
	eachHung(t, func(t *testing.T, h *hung, _ *apptest.Folder, at, _ string) {
		tags := func() string {
			t.Helper()
			var all struct{ Tags []string }
			h.do(t, "GET", at+"/tags", "").want(t, 200, "").into(t, &all)
			return fmt.Sprint(all.Tags)
		}
		if tags() != "[]" {
			t.Error(tags())
		}
		h.do(t, "POST", at+"/tags", `{"add":["b","a","b"]}`).want(t, 200, "")
		if tags() != "[a b]" {
			t.Error(tags())
		}
		h.do(t, "POST", at+"/tags", `{"add":["a"]}`).want(t, 409, "same")
		h.do(t, "POST", at+"/tags", `{"remove":["c"]}`).want(t, 404, "not_found")
		h.do(t, "POST", at+"/tags", `{"add":["Not A Tag"]}`).want(t, 422, "invalid_record")
		h.do(t, "POST", at+"/tags", `{"tags":["a"]}`).want(t, 400, "invalid_request")
		h.do(t, "POST", at+"9/tags", `{"add":["a"]}`).want(t, 404, "not_found")
		h.do(t, "POST", at+"/tags", `{"add":["c"],"remove":["a"]}`).want(t, 200, "")
		if tags() != "[b c]" {
			t.Error(tags())
		}
	})
}

// What hangs on a record of a personal register is read like the record: with
// its permission, and recorded.
func TestWhatHangsOnAPersonIsReadAsThePersonIs(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		compliance, _ := f.Token(t, "compliance", time.Hour)
		engineer, _ := f.Token(t, "engineer", time.Hour)
		c.do(ask{"POST", "/v1/records/people", compliance, `{"id":"p1","name":"N"}`, asJSON}).want(t, 201, "")
		c.do(ask{"POST", "/v1/records/changes", compliance, change, asJSON}).want(t, 201, "")
		parts := []string{"links", "comments", "attachments", "tags"}
		for _, part := range parts {
			c.do(ask{method: "GET", path: "/v1/records/people/p1/" + part, token: engineer}).want(t, 403, "forbidden")
			c.do(ask{method: "GET", path: "/v1/records/changes/c1/" + part, token: engineer}).want(t, 200, "")
			c.do(ask{method: "GET", path: "/v1/records/people/p1/" + part, token: compliance}).want(t, 200, "")
			c.do(ask{method: "GET", path: "/v1/records/changes/none/" + part, token: compliance}).want(t, 404, "not_found")
		}
		// A link to a person is made by who may read the person.
		c.do(ask{"POST", "/v1/records/changes/c1/links", engineer, `{"relation":"causes","to":"person/p1"}`, asJSON}).want(t, 403, "forbidden")
		viewed := 0
		if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.viewed.v1"}, func(e *ledger.Event) error {
			if e.Subject == "person/p1" {
				viewed++
			}
			return nil
		}); err != nil || viewed != len(parts) {
			t.Errorf("the readings were recorded %d times (%v), want %d", viewed, err, len(parts))
		}
	})
}

// A stale change is answered with both versions: what the caller's would be, and
// what is there.
func TestAStaleChangeShowsBothVersions(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "engineer", time.Hour)
		c.do(ask{"POST", "/v1/records/changes", token, change, asJSON}).want(t, 201, "")
		patch := func(body, version string) got {
			t.Helper()
			return c.do(ask{"PATCH", "/v1/records/changes/c1", token, body, []string{`If-Match: "` + version + `"`, "Content-Type: application/merge-patch+json"}})
		}
		patch(`{"title":"Theirs"}`, "1").want(t, 200, "")
		g := patch(`{"title":"Mine","ticket":"T-1"}`, "1").want(t, 412, "stale")
		var p struct {
			Yours, Current version
			Differing      []string
		}
		g.into(t, &p)
		if g.header.Get("ETag") != `"2"` || p.Current.Version != 2 || p.Current.Document["title"] != "Theirs" || p.Current.Document["ticket"] != nil ||
			p.Yours.Version != 1 || p.Yours.Document["title"] != "Mine" || p.Yours.Document["ticket"] != "T-1" || fmt.Sprint(p.Differing) != "[ticket title]" {
			t.Errorf("%v %+v", g.header.Get("ETag"), p)
		}
		var now version
		c.do(ask{method: "GET", path: "/v1/records/changes/c1", token: token}).want(t, 200, "").into(t, &now)
		if now.Version != 2 || now.Document["title"] != "Theirs" {
			t.Errorf("overwritten: %+v", now)
		}
		g = c.do(ask{"POST", "/v1/records/changes/c1/move", token, `{"state":"deployed","fields":{"deployed_at":"2026-02-02T10:00:00Z"}}`, append([]string{`If-Match: "1"`}, asJSON...)}).want(t, 412, "stale")
		p.Yours, p.Current = version{}, version{}
		g.into(t, &p)
		if p.Current.Version != 2 || p.Current.Document["state"] != "merged" || p.Yours.Document["state"] != "deployed" {
			t.Errorf("%+v", p)
		}
	})
}

// A list by tags holds the records that have all of them now, page by page, and
// with every filter.
func TestRecordsAreListedByTheirTags(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "compliance", time.Hour)
		post := func(path, body string) got {
			t.Helper()
			return c.do(ask{"POST", path, token, body, asJSON})
		}
		tagged := map[string]string{"c0": "", "c1": `"a"`, "team/c2": `"a","b"`, "c3": `"ab"`, "c4": `"b","a"`, "tags": `"c"`}
		for id, tags := range tagged {
			post("/v1/records/changes", strings.Replace(change, `"c1"`, `"`+id+`"`, 1)).want(t, 201, "")
			if tags != "" {
				post("/v1/records/changes/"+url.PathEscape(id)+"/tags", `{"add":[`+tags+`]}`).want(t, 200, "")
			}
		}
		// Of another register, with the same id.
		post("/v1/records/people", `{"id":"c0","name":"N"}`).want(t, 201, "")
		post("/v1/records/people/c0/tags", `{"add":["a"]}`).want(t, 200, "")
		list := func(path string) (ids []string) {
			t.Helper()
			for cursor := ""; ; {
				var page struct {
					Records []version `json:"records"`
					Next    string    `json:"next_cursor"`
				}
				c.do(ask{method: "GET", path: path + "&limit=2&cursor=" + cursor, token: token}).want(t, 200, "").into(t, &page)
				for _, r := range page.Records {
					ids = append(ids, r.ID)
				}
				if cursor = page.Next; cursor == "" {
					return ids
				}
			}
		}
		for query, want := range map[string]string{
			"tag=a":       "[c1 c4 team/c2]",
			"tag=a&tag=b": "[c4 team/c2]",
			"tag=a&filter=" + url.QueryEscape(`item.state == "merged"`): "[c1 c4 team/c2]", "tag=a&filter=" + url.QueryEscape(`item.state == "deployed"`): "[]",
			"tag=id":                "[]",
			"tag=nothing":           "[]",
			"tag=a&sort=-merged_at": "[team/c2 c4 c1]",
		} {
			if got := fmt.Sprint(list("/v1/records/changes?" + query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		if got := fmt.Sprint(list("/v1/records/people?tag=a")); got != "[c0]" {
			t.Error(got)
		}
		post("/v1/records/changes/c1/tags", `{"remove":["a"]}`).want(t, 200, "")
		if got := fmt.Sprint(list("/v1/records/changes?tag=a")); got != "[c4 team/c2]" {
			t.Error(got)
		}
		c.do(ask{method: "GET", path: "/v1/records/changes?tag=Not+One", token: token}).want(t, 400, "invalid_filter")
		var page struct {
			Next string `json:"next_cursor"`
		}
		c.do(ask{method: "GET", path: "/v1/records/changes?limit=1&tag=a", token: token}).want(t, 200, "").into(t, &page)
		c.do(ask{method: "GET", path: "/v1/records/changes?limit=1&tag=b&cursor=" + page.Next, token: token}).want(t, 400, "invalid_request")
		var asked []string
		if err := ledger.Find(t.Context(), f.DB, ledger.Query{Type: "scaf.access.viewed.v1"}, func(e *ledger.Event) error {
			asked = append(asked, string(e.Data))
			return nil
		}); err != nil || len(asked) != 1 || !strings.Contains(asked[0], `"tags":"a"`) {
			t.Errorf("recorded %q (%v)", asked, err)
		}
	})
}
