package notify_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/platform/notify"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/outbound"
	"scaf.dev/scaf/internal/platform/webhook"
)

func app(t *testing.T, s *notifytest.Slack, token, channel string) *notify.SlackApp {
	t.Helper()
	s.Users = map[string]string{"ann@example.com": "U1"}
	return notify.NewSlackApp(token, channel, notifytest.Serve(t, s)+"/api/", notifytest.Policy().Client())
}

func TestSlackGetsAMessageForAPerson(t *testing.T) {
	s := &notifytest.Slack{}
	ann := app(t, s, "xoxb-right", "")
	odd := *message
	odd.Title, odd.Text = "<!channel> *Vendor* & <@U2>", "See <https://evil.example|this> _now_"
	for range 2 {
		if answer, err := ann.Send(t.Context(), "ann@example.com", &odd, message.At); err != nil || answer != "posted as 1772442000.000100" {
			t.Fatalf("%q, %v", answer, err)
		}
	}
	form := s.Posted()[0]
	if form["channel"] != "U1" || s.Looked() != 1 || !strings.Contains(form["metadata"], message.ID) || s.Posted()[1]["metadata"] != form["metadata"] {
		t.Errorf("%v, looked up %d times", form, s.Looked())
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
	s := &notifytest.Slack{}
	large := *message
	large.Title, large.Text = strings.Repeat("é&", 300), strings.Repeat("<é", 1<<19)
	if _, err := app(t, s, "xoxb-right", "C1").Send(t.Context(), "", &large, message.At); err != nil {
		t.Fatal(err)
	}
	var shown []struct{ Text struct{ Text string } }
	if err := json.Unmarshal([]byte(s.Posted()[0]["blocks"]), &shown); err != nil || s.Posted()[0]["channel"] != "C1" {
		t.Fatal(err)
	}
	if a, b := len(shown[0].Text.Text), len(shown[1].Text.Text); a > 150 || a < 100 || b > 3000 || b < 2500 {
		t.Errorf("%d and %d bytes", a, b)
	}
}

func TestSlackShowsALongTextInParts(t *testing.T) {
	s := &notifytest.Slack{}
	long := *message
	long.Text = strings.TrimSpace(strings.Repeat("one & another, é. ", 500))
	if _, err := app(t, s, "xoxb-right", "C1").Send(t.Context(), "", &long, message.At); err != nil {
		t.Fatal(err)
	}
	var shown []struct{ Text struct{ Text string } }
	if err := json.Unmarshal([]byte(s.Posted()[0]["blocks"]), &shown); err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, block := range shown[1 : len(shown)-1] { // between the header and the link
		if len(block.Text.Text) > 3000 {
			t.Errorf("%d bytes", len(block.Text.Text))
		}
		parts = append(parts, block.Text.Text)
	}
	if got := strings.ReplaceAll(strings.Join(parts, " "), "&amp;", "&"); got != long.Text || len(parts) != 4 {
		t.Errorf("%d parts, %d of %d bytes", len(parts), len(got), len(long.Text))
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
			s := &notifytest.Slack{Fail: c.fail}
			_, err := app(t, s, c.token, "").Send(t.Context(), c.to, message, message.At)
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
		s := &notifytest.Slack{Fail: func(w http.ResponseWriter, _ string) bool {
			for range 64 {
				_, _ = w.Write([]byte(strings.Repeat(" ", 32<<10)))
			}
			return true
		}}
		if _, err := app(t, s, "xoxb-right", "C1").Send(t.Context(), "", message, message.At); err == nil {
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
	url := notifytest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/services/T0/B0/secret" || r.Header.Get("Content-Type") != "application/json" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "ok")
	}))
	hook := &notify.SlackHook{URL: url + "/services/T0/B0/secret", Client: notifytest.Policy().Client()}
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
	url := notifytest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if id, err := keys.Verify(r.Header, body, message.At); err != nil || id != message.ID || json.Unmarshal(body, &got) != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	hook := &notify.Hook{URL: url, Keys: keys, Client: notifytest.Policy().Client()}
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
