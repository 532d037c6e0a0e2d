package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func document(id string) string { return string(ledgertest.Event(id, nil)) }

func (c *client) append(token, body, mediaType string) got {
	c.t.Helper()
	return c.do(ask{"POST", "/v1/events", token, body, []string{"Content-Type: " + mediaType}})
}

func TestAnEventIsKeptAsItWasSubmitted(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "administrator", time.Hour)
		odd := `{"specversion" : "1.0",  "id":"odd","source":"//test","type":"com.example.odd","data":{"n":1.50e3 , "text":"<\u00e9&>"}}`
		var receipt act.Receipt
		c.append(token, odd, eventType+"; charset=utf-8").want(t, 201, "").into(t, &receipt)
		stored := c.do(ask{method: "GET", path: fmt.Sprint("/v1/events/", receipt.Index), token: token, headers: []string{"Accept: " + eventType}}).want(t, 200, "")
		if !bytes.HasPrefix(stored.body, []byte(odd[:len(odd)-1]+`,"recordedtime":"`)) || stored.header.Get("Content-Type") != eventType {
			t.Errorf("stored %s", stored.body)
		}
		batch := "[ " + odd + " ,\n" + document("b") + "]"
		var receipts []act.Receipt
		c.append(token, batch, batchType).want(t, 201, "").into(t, &receipts)
		if len(receipts) != 2 || receipts[0].Index != receipt.Index || receipts[0].LeafHash != receipt.LeafHash || receipts[1].Index != receipt.Index+1 {
			t.Errorf("receipts %+v", receipts)
		}
		var proof ledger.Proof
		c.do(ask{method: "GET", path: fmt.Sprint("/v1/events/", receipt.Index, "/proof"), token: token}).want(t, 200, "").into(t, &proof)
		if _, err := proof.Check(f.VerifierKey); err != nil || !bytes.Equal(proof.Event, stored.body) {
			t.Errorf("the proof: %v", err)
		}
		note := c.do(ask{method: "GET", path: "/v1/ledger/checkpoint", token: token}).want(t, 200, "")
		key := c.do(ask{method: "GET", path: "/v1/ledger/key", token: token}).want(t, 200, "")
		checkpoint, err := ledger.OpenCheckpoint(string(note.body), strings.TrimSpace(string(key.body)))
		if err != nil || int64(checkpoint.Size) != receipts[1].Size || fmt.Sprintf("%x", checkpoint.Hash) != receipts[1].Root {
			t.Errorf("checkpoint %+v, %v", checkpoint, err)
		}
		if !strings.HasPrefix(note.header.Get("Content-Type"), "text/plain") || note.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers %v", note.header)
		}
	})
}

func TestABadEventIsRefusedAndNothingIsKept(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "ingester", time.Hour)
		c.append(token, document("a"), eventType).want(t, 201, "")
		changed := strings.Replace(document("a"), "thing/a", "thing/b", 1)
		large := strings.Replace(document("large"), `"data":null`, `"data":"`+strings.Repeat("x", ledger.MaxEvent)+`"`, 1)
		many := strings.Repeat(document("m")+",", act.MaxBatch) + document("m")
		for _, test := range []struct {
			name, body, mediaType string
			status                int
			code                  string
			position              int // -1: none
		}{
			{"not JSON", `{`, eventType, 400, "invalid_event", -1},
			{"no id", `{"specversion":"1.0","source":"s","type":"t"}`, eventType, 400, "invalid_event", -1},
			{"empty", ``, eventType, 400, "invalid_event", -1},
			{"two at once", document("x") + document("y"), eventType, 400, "invalid_event", -1},
			{"SCAF's own type", strings.Replace(document("x"), "com.example", "scaf", 1), eventType, 400, "invalid_event", -1},
			{"other content", changed, eventType, 409, "conflict", -1},
			{"too large", large, eventType, 413, "too_large", -1},
			{"body too large", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, eventType, 413, "too_large", -1},
			{"another type", document("x"), "application/json", 415, "unsupported_media_type", -1},
			{"no type", document("x"), "", 415, "unsupported_media_type", -1},
			{"not an array", document("x"), batchType, 400, "invalid_event", -1},
			{"more after the array", `[` + document("x") + `]x`, batchType, 400, "invalid_event", -1},
			{"array ends early", `[` + document("x"), batchType, 400, "invalid_event", 1},
			{"comma at the end", `[` + document("x") + `,]`, batchType, 400, "invalid_event", 1},
			{"malformed element", `[` + document("x") + `,{"a":}]`, batchType, 400, "invalid_event", 1},
			{"element no object", `[` + document("x") + `,` + document("y") + `,7]`, batchType, 400, "invalid_event", 2},
			{"conflict in a batch", `[` + document("x") + `,` + changed + `]`, batchType, 409, "conflict", 1},
			{"conflict within a batch", `[` + document("x") + `,` + strings.Replace(document("x"), "thing", "thong", 1) + `]`, batchType, 409, "conflict", 1},
			{"too many", `[` + many + `]`, batchType, 413, "too_many_events", -1},
		} {
			g := c.append(token, test.body, test.mediaType).want(t, test.status, test.code)
			var p api.Problem
			g.into(t, &p)
			if (p.Position == nil) != (test.position < 0) || p.Position != nil && *p.Position != test.position {
				t.Errorf("%s: position in %s, want %d", test.name, g.body, test.position)
			}
		}
		g := c.do(ask{"POST", "/v1/events", token, document("x"), []string{"Content-Type: " + eventType, "Content-Encoding: gzip"}})
		g.want(t, 415, "unsupported_encoding")
		c.append(token, "[]", batchType).want(t, 201, "")
		var receipt act.Receipt
		c.append(token, document("z"), eventType).want(t, 201, "").into(t, &receipt)
		if receipt.Index != 2 { // after the token's own event and a
			t.Errorf("index %d: something of what was refused is kept", receipt.Index)
		}
	})
}

func TestEventsAreListedPageByPage(t *testing.T) {
	each(t, func(t *testing.T, f *apptest.Folder, c *client) {
		token, _ := f.Token(t, "auditor", time.Hour)
		var documents [][]byte
		for i := range 25 {
			documents = append(documents, ledgertest.Event(fmt.Sprintf("e%02d", i), i))
		}
		f.Append(t, documents...)
		var page struct {
			Events []struct {
				Index int64  `json:"index"`
				ID    string `json:"id"`
			} `json:"events"`
			Next string `json:"next_cursor"`
		}
		var ids []string
		for pages, cursor := 0, ""; ; pages++ {
			page.Events, page.Next = nil, ""
			c.do(ask{method: "GET", path: "/v1/events?type=com.example.*&limit=10&cursor=" + cursor, token: token}).want(t, 200, "").into(t, &page)
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
			if cursor = page.Next; cursor == "" {
				if pages != 2 {
					t.Errorf("%d pages", pages+1)
				}
				break
			}
		}
		if len(ids) != 25 || ids[0] != "e00" || ids[24] != "e24" {
			t.Errorf("listed %v", ids)
		}
		page.Events = nil
		c.do(ask{method: "GET", path: "/v1/events?subject=thing/e07&since=2026-03-02&until=2026-03-03T00:00:00Z", token: token}).want(t, 200, "").into(t, &page)
		if len(page.Events) != 1 || page.Events[0].ID != "e07" {
			t.Errorf("found %+v", page.Events)
		}
		page.Events = nil
		c.do(ask{method: "GET", path: "/v1/events?type=com.example.test&until=2026-03-02", token: token}).want(t, 200, "").into(t, &page)
		if page.Events == nil || len(page.Events) != 0 {
			t.Errorf("found %+v, want an empty list", page.Events)
		}
		for path, code := range map[string]string{
			"/v1/events?limit=0": "invalid_request", "/v1/events?limit=1001": "invalid_request", "/v1/events?limit=x": "invalid_request",
			"/v1/events?since=yesterday": "invalid_request", "/v1/events?since=2026-02-01&until=2026-02-01": "invalid_request", "/v1/events?cursor=-1": "invalid_request", "/v1/events?unknown=1": "invalid_request",
			"/v1/events/x": "invalid_request", "/v1/events/-1": "invalid_request",
		} {
			if g := c.do(ask{method: "GET", path: path, token: token}); g.status != 400 {
				t.Errorf("%s: %d", path, g.status)
			} else {
				g.want(t, 400, code)
			}
		}
		c.do(ask{method: "GET", path: "/v1/events/1000", token: token}).want(t, 404, "not_found")
		c.do(ask{method: "GET", path: "/v1/events/1000/proof", token: token}).want(t, 404, "not_found")
	})
}

// The database takes nothing any more, as one does to which a replica has been
// promoted: the caller learns that its events are safe and when to ask again, and
// gets its receipts then.
func TestEventsThatCannotBeWrittenAreKept(t *testing.T) {
	f := apptest.New(t, config.Config{Database: apptest.Postgres(t)})
	c, _ := serve(t, f, api.DefaultTimeouts)
	token, _ := f.Token(t, "administrator", time.Hour)
	c.do(ask{method: "GET", path: "/readyz"}).want(t, 200, "")
	takes := func(nothing string) {
		f.Behind(t, func(tx *store.Tx) error {
			var name string
			if _, err := tx.Exec(`SET TRANSACTION READ WRITE`); err != nil {
				return err
			}
			if err := tx.One(`SELECT current_database()`, nil, []any{&name}); err != nil {
				return err
			}
			if _, err := tx.Exec(`ALTER DATABASE ` + name + ` SET default_transaction_read_only = ` + nothing); err != nil {
				return err
			}
			return tx.Each(`SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
				nil, []any{new(bool)}, func() error { return nil })
		})
	}
	takes("on")
	g := c.append(token, document("a"), eventType).want(t, 503, "unavailable")
	if g.header.Get("Retry-After") == "" || !strings.Contains(string(g.body), `"kept":true`) || bytes.Contains(g.body, []byte(f.Dir)) {
		t.Errorf("%v %s", g.header, g.body)
	}
	if c.do(ask{method: "GET", path: "/readyz"}).want(t, 503, ""); f.Door.Unwritten() != 1 {
		t.Errorf("%d events wait", f.Door.Unwritten())
	}
	metrics := c.do(ask{method: "GET", path: "/metrics", token: token}).want(t, 200, "")
	for _, line := range []string{"audit_log_write_failures_total 1\n", "scaf_events_waiting 1\n"} {
		if !bytes.Contains(metrics.body, []byte(line)) {
			t.Errorf("the metrics lack %q", line)
		}
	}
	takes("off")
	var first, again act.Receipt
	c.append(token, document("a"), eventType).want(t, 201, "").into(t, &first)
	c.append(token, document("a"), eventType).want(t, 201, "").into(t, &again)
	if first.Index != again.Index {
		t.Errorf("written twice: %+v, %+v", first, again)
	}
	c.do(ask{method: "GET", path: "/readyz"}).want(t, 200, "")
}

func TestWhatIsNotThere(t *testing.T) {
	f := apptest.New(t, config.Config{})
	c, _ := serve(t, f, api.DefaultTimeouts)
	c.do(ask{method: "GET", path: "/"}).want(t, 404, "not_found")
	c.do(ask{method: "GET", path: "/v1/nothing"}).want(t, 404, "not_found")
	g := c.do(ask{method: "DELETE", path: "/v1/events"}).want(t, 405, "method_not_allowed")
	if allow := g.header.Get("Allow"); !strings.Contains(allow, http.MethodPost) || !strings.Contains(allow, http.MethodGet) {
		t.Errorf("Allow: %s", allow)
	}
	for _, header := range []string{"X-Content-Type-Options", "Content-Security-Policy", "X-Frame-Options", "Referrer-Policy", "Cache-Control"} {
		if g.header.Get(header) == "" {
			t.Errorf("no %s", header)
		}
	}
	const transport = "Strict-Transport-Security"
	if said := g.header.Get(transport); said != "" {
		t.Errorf("over plain HTTP browsers are told %q", said)
	}
	if g := c.do(ask{method: "GET", path: "/healthz", headers: []string{"X-Forwarded-Proto: https"}}); g.header.Get(transport) != "max-age=31536000" {
		t.Errorf("behind a proxy with TLS: %q", g.header.Get(transport))
	}
	g = c.do(ask{method: "GET", path: "/openapi.json"}).want(t, 200, "")
	var description struct {
		OpenAPI string                    `json:"openapi"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(g.body, &description); err != nil || description.OpenAPI != "3.1.0" || description.Paths["/v1/events"]["post"] == nil {
		t.Errorf("%v %s", err, description.OpenAPI)
	}
	g = c.do(ask{method: "GET", path: "/healthz"}).want(t, 200, "")
	if string(g.body) != "ok\n" {
		t.Errorf("%s", g.body)
	}
}
