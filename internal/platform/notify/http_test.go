package notify_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/webhook"
)

type mimeWords = mime.WordDecoder

// authority is the certificate of every server of these tests: that of httptest,
// which is for 127.0.0.1.
var authority = sync.OnceValue(func() *httptest.Server { return httptest.NewTLSServer(http.NotFoundHandler()) })

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	return &tls.Config{Certificates: authority().TLS.Certificates, MinVersion: tls.VersionTLS12}
}

func policy(t *testing.T) *outbound.Policy {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(authority().Certificate())
	return &outbound.Policy{Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Roots: roots}
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.TLS = certificate(t)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

// slackServer answers as Slack's Web API does for the token xoxb-right, and
// otherwise as fail says.
type slackServer struct {
	mu     sync.Mutex
	posted []map[string]string // the forms of chat.postMessage
	looked int
	fail   func(w http.ResponseWriter, method string) bool
}

func (s *slackServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	answer := func(value map[string]any) { _ = json.NewEncoder(w).Encode(value) }
	if s.fail != nil && s.fail(w, method) {
		return
	}
	if err := r.ParseForm(); err != nil {
		answer(map[string]any{"ok": false, "error": "invalid_form_data"})
		return
	}
	if token := r.Header.Get("Authorization"); token != "Bearer xoxb-right" && r.PostForm.Get("token") != "xoxb-right" {
		answer(map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	switch method {
	case "users.lookupByEmail":
		s.looked++
		if r.Form.Get("email") != "ann@example.com" {
			answer(map[string]any{"ok": false, "error": "users_not_found"})
			return
		}
		answer(map[string]any{"ok": true, "user": map[string]any{"id": "U1", "name": "ann"}})
	case "chat.postMessage":
		form := map[string]string{}
		for name := range r.PostForm {
			form[name] = r.PostForm.Get(name)
		}
		s.posted = append(s.posted, form)
		answer(map[string]any{"ok": true, "channel": form["channel"], "ts": "1772442000.000100"})
	default:
		answer(map[string]any{"ok": false, "error": "unknown_method"})
	}
}

func (s *slackServer) app(t *testing.T, token, channel string) *notify.SlackApp {
	t.Helper()
	return notify.NewSlackApp(token, channel, serve(t, s.ServeHTTP)+"/api/", policy(t).Client())
}

func TestSlackGetsAMessageForAPerson(t *testing.T) {
	s := &slackServer{}
	app := s.app(t, "xoxb-right", "")
	odd := *message
	odd.Title, odd.Text = "<!channel> *Vendor* & <@U2>", "See <https://evil.example|this> _now_"
	for range 2 {
		if answer, err := app.Send(t.Context(), "ann@example.com", &odd, message.At); err != nil || answer != "posted as 1772442000.000100" {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	form := s.posted[0]
	if form["channel"] != "U1" || s.looked != 1 || !strings.Contains(form["metadata"], message.ID) || s.posted[1]["metadata"] != form["metadata"] {
		t.Errorf("%v, looked up %d times", form, s.looked)
	}
	for _, name := range []string{"text", "blocks"} {
		if strings.ContainsAny(strings.ReplaceAll(form[name], "<https://scaf.example.com/work|Open it in SCAF>", ""), "<>") && !strings.Contains(form[name], `\u003c`) {
			t.Errorf("%s holds what Slack reads as a mention or a link: %s", name, form[name])
		}
	}
	var shown []struct {
		Type string
		Text struct{ Type, Text string }
	}
	if err := json.Unmarshal([]byte(form["blocks"]), &shown); err != nil || len(shown) != 3 {
		t.Fatalf("%s: %v", form["blocks"], err)
	}
	if shown[0].Text.Type != "plain_text" || shown[0].Text.Text != "&lt;!channel&gt; *Vendor* &amp; &lt;@U2&gt;" || shown[1].Text.Type != "plain_text" ||
		shown[1].Text.Text != "See &lt;https://evil.example|this&gt; _now_" {
		t.Errorf("%+v", shown)
	}
}

func TestSlackGetsNoMoreThanItTakes(t *testing.T) {
	s := &slackServer{}
	large := *message
	large.Title, large.Text = strings.Repeat("é&", 300), strings.Repeat("<é", 1<<19)
	if _, err := s.app(t, "xoxb-right", "C1").Send(t.Context(), "", &large, message.At); err != nil {
		t.Fatal(err)
	}
	var shown []struct{ Text struct{ Text string } }
	if err := json.Unmarshal([]byte(s.posted[0]["blocks"]), &shown); err != nil || s.posted[0]["channel"] != "C1" {
		t.Fatal(err)
	}
	if a, b := len(shown[0].Text.Text), len(shown[1].Text.Text); a > 150 || a < 100 || b > 3000 || b < 2500 {
		t.Errorf("%d and %d bytes", a, b)
	}
}

func TestWhatSlackRefuses(t *testing.T) {
	says := func(name string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, _ string) bool {
			_ = json.NewEncoder(w).Encode(map[string]any{"ok": false, "error": name, "needed": "chat:write"})
			return true
		}
	}
	status := func(code int, after string) func(http.ResponseWriter, string) bool {
		return func(w http.ResponseWriter, _ string) bool {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(code)
			return true
		}
	}
	for name, c := range map[string]struct {
		token, to string
		fail      func(http.ResponseWriter, string) bool
		final     bool
		after     time.Duration
		text      string
	}{
		"wrong token": {token: "xoxb-wrong", to: "ann@example.com", final: true, text: "invalid_auth"},
		"nobody":      {token: "xoxb-right", to: "bob@example.com", final: true, text: "users_not_found"},
		"no address":  {token: "xoxb-right", to: "", final: true, text: "no e-mail address"},
		"scope":       {token: "xoxb-right", to: "ann@example.com", fail: says("missing_scope"), final: true, text: "chat:write"},
		"rate":        {token: "xoxb-right", to: "ann@example.com", fail: status(429, "90"), after: 90 * time.Second, text: "429"},
		"rate, years": {token: "xoxb-right", to: "ann@example.com", fail: status(429, "999999999"), after: 6 * time.Hour, text: "429"},
		"rate, when":  {token: "xoxb-right", to: "ann@example.com", fail: says("ratelimited"), text: "ratelimited"},
		"down":        {token: "xoxb-right", to: "ann@example.com", fail: status(503, ""), text: "503"},
		"gone":        {token: "xoxb-right", to: "ann@example.com", fail: status(404, ""), final: true, text: "404"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &slackServer{fail: c.fail}
			_, err := s.app(t, c.token, "").Send(t.Context(), c.to, message, message.At)
			var refused *outbound.Refused
			if !errors.As(err, &refused) || refused.Final != c.final || refused.After != c.after || !strings.Contains(err.Error(), c.text) {
				t.Errorf("%+v: %v", refused, err)
			}
			if strings.Contains(err.Error(), "xoxb") || strings.Contains(err.Error(), "@example.com") {
				t.Errorf("it tells a token or an address: %v", err)
			}
		})
	}
	t.Run("an answer that is no JSON, without an end", func(t *testing.T) {
		s := &slackServer{fail: func(w http.ResponseWriter, _ string) bool {
			for range 64 {
				_, _ = w.Write([]byte(strings.Repeat(" ", 32<<10)))
			}
			return true
		}}
		if _, err := s.app(t, "xoxb-right", "C1").Send(t.Context(), "", message, message.At); err == nil {
			t.Error("it was taken for an answer")
		}
	})
}

func TestSlacksIncomingWebhookGetsAMessage(t *testing.T) {
	var got struct {
		Text   string
		Blocks []json.RawMessage
	}
	code := http.StatusOK
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services/T0/B0/secret" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "ok")
	})
	hook := &notify.SlackHook{URL: url + "/services/T0/B0/secret", Client: policy(t).Client()}
	if answer, err := hook.Send(t.Context(), "", message, message.At); err != nil || answer != "200 OK" || got.Text != message.Title || len(got.Blocks) != 3 {
		t.Errorf("%q, %v, %+v", answer, err, got)
	}
	var refused *outbound.Refused
	code = http.StatusGone
	if _, err := hook.Send(t.Context(), "", message, message.At); !errors.As(err, &refused) || !refused.Final || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
	hook.URL = url + "/services/T0/B0/secret2"
	if _, err := hook.Send(t.Context(), "", message, message.At); !errors.As(err, &refused) || !refused.Final || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestAProgramGetsASignedMessage(t *testing.T) {
	keys, err := webhook.ParseKeys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	var got notify.Payload
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if id, err := keys.Verify(r.Header, body, message.At); err != nil || id != message.ID || json.Unmarshal(body, &got) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	hook := &notify.Hook{URL: url, Keys: keys, Client: policy(t).Client()}
	if answer, err := hook.Send(t.Context(), "", message, message.At); err != nil || answer != "200 OK" {
		t.Fatalf("%q, %v", answer, err)
	}
	if got.Type != "scaf.notification.duty" || got.Data.ID != message.ID || got.Data.Title != message.Title || !got.Timestamp.Equal(message.At) {
		t.Errorf("%+v", got)
	}
	large := *message
	large.Text = strings.Repeat("x", webhook.MaxBody)
	if _, err := hook.Send(t.Context(), "", &large, message.At); err != nil || len(got.Data.Text) > 20<<10 {
		t.Errorf("%v, %d bytes of text", err, len(got.Data.Text))
	}
}
