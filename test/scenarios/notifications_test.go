package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/webhook"
)

// around are the servers on loopback that scripts send to: those of each script
// its own.
type around struct {
	t     *testing.T
	mu    sync.Mutex
	posts map[*testscript.TestScript]*notifytest.Post
	slack map[*testscript.TestScript]*notifytest.Slack
}

// servers starts a mail server, at which scaf signs in as "correct horse", a Slack
// workspace with Ann and Ben in it, and a program that takes what is signed with the secret of the file siem; the
// certificate that vouches for them is put into data/roots.pem.
func (a *around) servers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: servers")
	}
	keys, err := webhook.ParseKeys(ts.ReadFile("siem"))
	ts.Check(err)
	post := &notifytest.Post{Password: "correct horse"}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.posts[ts] = post
	a.slack[ts] = &notifytest.Slack{Users: map[string]string{"ann@example.com": "U1", "ben@example.com": "U2"}}
	ts.Setenv("SLACK", notifytest.Serve(a.t, a.slack[ts]))
	ts.Setenv("SMTP", strconv.Itoa(post.Start(a.t, false)))
	ts.Setenv("HTTPS", notifytest.Serve(a.t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, err = keys.Verify(r.Header, body, time.Now())
		}
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})))
	ts.Check(os.WriteFile(ts.MkAbs("data/roots.pem"), notifytest.Roots(), 0o600))
}

// notifications puts a file into data/scaf.json as what it says of notifications,
// with the addresses of the servers for SMTP, HTTPS and SLACK.
func (a *around) notifications(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: notifications FILE")
	}
	text := strings.NewReplacer(":SMTP", ":"+ts.Getenv("SMTP"), "HTTPS/", ts.Getenv("HTTPS")+"/", "SLACK/", ts.Getenv("SLACK")+"/").Replace(ts.ReadFile(args[0]))
	var c map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("data/scaf.json")), &c))
	c["notifications"] = json.RawMessage(text)
	data, err := json.Marshal(c)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("data/scaf.json"), data, 0o600))
}

// letters wants as many letters to have come, the last one with these parts.
func (a *around) letters(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: letters N [PART...]")
	}
	a.mu.Lock()
	all := a.posts[ts].Letters()
	a.mu.Unlock()
	if got := strconv.Itoa(len(all)); got != args[0] {
		ts.Fatalf("%s letters came, want %s", got, args[0])
	}
	last := all[len(all)-1]
	whole := fmt.Sprint(last.To, last.Header, last.Body)
	for _, part := range args[1:] {
		if !strings.Contains(whole, part) {
			ts.Fatalf("the letter has no %q: %s", part, whole)
		}
	}
}

// posted wants as many messages to have come to Slack, the last one with these parts.
func (a *around) posted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: posted N [PART...]")
	}
	a.mu.Lock()
	all := a.slack[ts].Posted()
	a.mu.Unlock()
	if got := strconv.Itoa(len(all)); got != args[0] {
		ts.Fatalf("%s messages came, want %s", got, args[0])
	}
	for _, part := range args[1:] {
		if whole := fmt.Sprint(all[len(all)-1]); !strings.Contains(whole, part) {
			ts.Fatalf("the message has no %q: %s", part, whole)
		}
	}
}
