package portal_test

import (
	"context"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
)

// posted is a portal with a mail server.
func posted(t *testing.T) (*site, *notifytest.Post) {
	t.Helper()
	post := &notifytest.Post{Password: "correct horse"}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"roots.pem": notifytest.Roots(), "password": []byte("correct horse\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return serve(t, config.Config{Notifications: &config.Notifications{
		PortalURL: "https://scaf.example.com", Roots: filepath.Join(dir, "roots.pem"), AllowPrivate: []string{"127.0.0.0/8"},
		Email: &config.Email{Server: fmt.Sprintf("127.0.0.1:%d", post.Start(t, false)), From: "SCAF <scaf@example.com>", User: "scaf", Password: &config.Secret{File: filepath.Join(dir, "password")}},
	}}), post
}

func (s *site) signedIn(t *testing.T, id, role string) *browser {
	t.Helper()
	if _, err := accounts.Create(context.Background(), s.Door, apptest.Operator, accounts.Account{ID: id, Name: "Example " + id, Roles: []string{role}}, password); err != nil {
		t.Fatal(err)
	}
	b := s.browser(t)
	b.post("/signin", "id", id, "password", password)
	b.get("/account")
	return b
}

func (s *site) tell(t *testing.T, notes ...notifications.Note) {
	t.Helper()
	desk, err := s.NotificationDesk()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Tell(context.Background(), apptest.Operator, notes, nil); err != nil {
		t.Fatal(err)
	}
}

// An announcement is Markdown, and reads so; what tells of anything is plain text, and so
// is what was told of an announcement that is there no more.
func TestTheInboxShowsAnnouncementsAsTheyRead(t *testing.T) {
	s := serve(t, config.Config{})
	ann := s.signedIn(t, "ann", "employee")
	s.people(t, `{"id":"E1","name":"Eva Example"}`)
	s.records(t, "announcements", `{"title":"New door","text":"## From Monday\n\nUse the **north** door.","audience":"everybody","channels":["portal"]}`)
	if _, err := s.MoveRecord(context.Background(), act.Caller{ID: "person/E1", Roles: []string{"ciso"}}, communication.Announcements, "ANN-1", record.AnyVersion, communication.Approved, nil); err != nil {
		t.Fatal(err)
	}
	s.tell(t, notifications.Note{Cause: "c", Recipient: "account/ann", Kind: notifications.Announcement, About: "announcement/ANN-1", Title: "New door", Text: "From Monday"},
		notifications.Note{Cause: "e", Recipient: "account/ann", Kind: notifications.Announcement, About: "announcement/ANN-9", Title: "Old door", Text: "Use * the south * door. <b>"},
		notifications.Note{Cause: "d", Recipient: "account/ann", Kind: notifications.Duty, About: "task/x", Title: "Duty", Text: "Not **this**"})
	ann.get("/inbox").want(t, 200, "<h2>From Monday</h2>", "<strong>north</strong>", "Not **this**", "Use * the south * door. &lt;b&gt;")
}

func TestAnInboxIsReadByItsOwner(t *testing.T) {
	s := serve(t, config.Config{})
	ann, bob := s.signedIn(t, "ann", "employee"), s.signedIn(t, "bob", "employee")
	ann.get("/inbox").want(t, 200, "You were not told anything yet", `<a href="/inbox" aria-current="page"`)
	var notes []notifications.Note
	for i := range 60 {
		notes = append(notes, notifications.Note{Cause: fmt.Sprint("c", i), Recipient: "account/ann", Kind: notifications.Duty, About: "task/x", Title: fmt.Sprintf("Title %02d <b>", i), Text: "Text & more", Path: "/work"})
	}
	s.tell(t, notes...)
	first := ann.get("/inbox").want(t, 200, "60 not read yet", "Title 59 &lt;b&gt;", "Text &amp; more", `href="/work"`, "Older →")
	if strings.Contains(first.body, "Title 09") {
		t.Error("the page has no end")
	}
	older := regexp.MustCompile(`href="(/inbox\?before=[^"]+)"`).FindStringSubmatch(first.body)
	ann.get(older[1]).want(t, 200, "Title 09", "Newest")
	id := regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(first.body)[1]
	bob.get("/inbox").want(t, 200, "You were not told anything yet")
	bob.post("/inbox/read", "id", id).want(t, 303)
	ann.get("/inbox").want(t, 200, "60 not read yet")
	ann.post("/inbox/read", "id", id).want(t, 303)
	ann.get("/inbox").want(t, 200, `<a href="/inbox?unread=yes">59 not read yet</a>`)
	// The number leads to as many, and to nothing that was read.
	unread := ann.get("/inbox?unread=yes").want(t, 200, "59 not read yet</a>, the only ones here")
	listed := strings.Count(unread.body, `name="id" value="`)
	older = regexp.MustCompile(`href="(/inbox\?before=[^"]+unread=yes)"`).FindStringSubmatch(unread.body)
	listed += strings.Count(ann.get(html.UnescapeString(older[1])).want(t, 200, `href="/inbox?unread=yes">Newest`).body, `name="id" value="`)
	if listed != 59 || strings.Contains(unread.body, id) {
		t.Errorf("%d are listed as not read", listed)
	}
	if to := ann.post("/inbox/read", "id", regexp.MustCompile(`name="id" value="([^"]+)"`).FindStringSubmatch(unread.body)[1], "unread", "yes").want(t, 303).to; to != "/inbox?unread=yes" {
		t.Error(to)
	}
	ann.post("/inbox/read").want(t, 303)
	ann.get("/inbox?unread=yes").want(t, 200, "Nothing here is left to read")
	ann.get("/inbox").want(t, 200, "You have read everything")
}

// prefers sends the form of the preferences as they are now.
func (b *browser) prefers(t *testing.T, chosen url.Values) page {
	t.Helper()
	chosen = maps.Clone(chosen)
	chosen.Set("version", regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(b.get("/preferences").body)[1])
	return b.postAll("/preferences", chosen)
}

// Of two windows neither takes back what was chosen in the other, and no choice is lost.
func TestPreferencesOfTwoWindows(t *testing.T) {
	s, _ := posted(t)
	ann := s.signedIn(t, "ann", "ciso")
	first := url.Values{"version": {"0"}, "by.duty": {"email"}, "when.duty": {"now"}, "quiet_from": {"22:00"}, "quiet_until": {"07:00"}}
	ann.get("/preferences").want(t, 200, `name="version" value="0"`)
	token := ann.form
	ann.postAll("/preferences", first).goes(t, "/preferences?saved")
	size := s.size(t)
	ann.form = token
	ann.postAll("/preferences", first).goes(t, "/preferences?saved") // twice
	ann.get("/preferences").want(t, 200, `name="version" value="1"`)
	second := url.Values{"version": {"0"}, "when.duty": {"digest"}}
	ann.postAll("/preferences", second).want(t, http.StatusConflict, "You have chosen otherwise since this page was loaded", "Quiet hours (22:00 to 07:00 now)", `name="version" value="1"`, `<option value="digest" selected>`, `name="quiet_from" type="time" value=""`)
	ann.get("/preferences").want(t, 200, `value="22:00"`)
	if s.size(t) != size {
		t.Error("something was overwritten")
	}
	second.Set("version", "1")
	ann.postAll("/preferences", second).goes(t, "/preferences?saved")
	second.Del("version")
	ann.postAll("/preferences", second).want(t, http.StatusBadRequest, "which version")
}

func TestPeopleChooseWhatTheyAreTold(t *testing.T) {
	s, _ := posted(t)
	ann := s.signedIn(t, "ann", "ciso")
	ann.get("/preferences").want(t, 200, `name="by.duty" value="email" checked`, "once a day, at 08:00", "at once, always")
	form := url.Values{"by.review": {"email"}, "when.review": {"digest"}, "when.duty": {"now"}, "quiet_from": {"22:00"}, "quiet_until": {"07:00"}}
	if to := ann.prefers(t, form).want(t, 303).to; to != "/preferences?saved" {
		t.Error(to)
	}
	page := ann.get("/preferences?saved").want(t, 200, "It is as you chose", `value="22:00"`, `name="by.review" value="email" checked`)
	if strings.Contains(page.body, `name="by.duty" value="email" checked`) {
		t.Error("what was not chosen is")
	}
	form.Set("quiet_until", "")
	form.Set("when.review", "now")
	ann.prefers(t, form).want(t, 422, `href="#quiet_until"`, "no time of day", `value="22:00"`)
	form.Set("quiet_until", "07:00")
	form.Set("by.review", "pigeon")
	ann.prefers(t, form).want(t, 422, "no channel")
}

// Of what somebody is never told they are not asked, and what they chose before stays.
func TestPreferencesAreOfWhatSomebodyCanBeTold(t *testing.T) {
	s, _ := posted(t)
	for role, not := range map[string][]string{
		"employee":      {"review", "deviation", "job", "ledger", "test"},
		"control-owner": {"deviation", "job", "ledger", "test"},
		"ciso":          {"deviation", "job", "test"},
		"compliance":    {"test"},
	} {
		page := s.signedIn(t, "a-"+role, role).get("/preferences").want(t, 200)
		for _, kind := range notifications.Kinds {
			if asked := strings.Contains(page.body, `name="when.`+kind.Name+`"`) || kind.Urgent && strings.Contains(page.body, `name="by.`+kind.Name+`"`); asked == slices.Contains(not, kind.Name) {
				t.Errorf("%s is asked of %s: %t", role, kind.Name, asked)
			}
		}
	}
	lead := s.signedIn(t, "lead", "compliance")
	lead.prefers(t, url.Values{"when.deviation": {"now"}, "when.duty": {"now"}}).want(t, 303)
	if _, err := accounts.SetRoles(context.Background(), s.Door, apptest.Operator, "lead", []string{"employee"}); err != nil {
		t.Fatal(err)
	}
	lead.prefers(t, url.Values{"by.duty": {"email"}, "when.duty": {"now"}}).want(t, 303)
	if _, err := accounts.SetRoles(context.Background(), s.Door, apptest.Operator, "lead", []string{"compliance"}); err != nil {
		t.Fatal(err)
	}
	page := lead.get("/preferences").want(t, 200, `name="by.duty" value="email" checked`)
	if strings.Contains(page.body, `name="by.deviation" value="email" checked`) {
		t.Error("what was chosen in another role is lost")
	}
}

func TestTheDeliveryLogAndTheSettingsShowWhatFailed(t *testing.T) {
	s, post := posted(t)
	lead, employee, auditor := s.signedIn(t, "lead@example.com", "compliance"), s.signedIn(t, "ann", "employee"), s.signedIn(t, "aud", "auditor")
	for _, path := range []string{"/deliveries", "/settings"} {
		employee.get(path).want(t, 403)
	}
	settings := lead.get("/settings").want(t, 200, "mail server 127.0.0.1:", "STARTTLS", "Send a test", "Who is told what", "administrator, compliance, and the organisation")
	if strings.Contains(settings.body, "horse") || strings.Contains(auditor.get("/settings").want(t, 200).body, "Send a test") {
		t.Error("a secret, or a button that is not for auditors")
	}
	lead.get("/deliveries").want(t, 200, "Nothing was sent yet")
	lead.post("/settings/test", "channel", "email").want(t, 200, "The test by email delivered", "2.0.0")
	if letters := post.Letters(); len(letters) != 1 || letters[0].To != "lead@example.com" {
		t.Errorf("%+v", letters)
	}
	lead.post("/settings/test", "channel", "pigeon").want(t, 422, "not configured")
	auditor.post("/settings/test", "channel", "email").want(t, 403)
	post.Refuse("to", 550)
	lead.post("/settings/test", "channel", "email").want(t, 200, "The test by email failed", "550")
	log := lead.get("/deliveries?state=failed").want(t, 200, "failed", "550", "Try again", "to lead@example.com by e-mail")
	if strings.Contains(auditor.get("/deliveries").want(t, 200, "550").body, "Try again") {
		t.Error("a button that is not for auditors")
	}
	id := regexp.MustCompile(`name="notification" value="([^"]+)"`).FindStringSubmatch(log.body)[1]
	lead.post("/deliveries/retry", "notification", id, "channel", "email").want(t, 303)
	lead.post("/deliveries/retry", "notification", id, "channel", "email").want(t, 303) // pressed twice
	lead.get("/deliveries?state=waiting").want(t, 200, "next at")
	lead.post("/deliveries/retry", "notification", "none", "channel", "email").want(t, 404)
}

// The log says how each delivery stands, in words, to whom by what they are called, and
// finds them by that; whoever tries one again stays with what they looked for.
func TestTheDeliveryLogSaysHowEachStands(t *testing.T) {
	s, post := posted(t)
	s.people(t, `{"id":"E1","name":"Eva Example","email":"eva@example.com"}`, `{"id":"E2","name":"Ben Example","email":"ben@example.com"}`)
	lead := s.signedIn(t, "lead@example.com", "compliance")
	send := func(refuse int, note notifications.Note) {
		t.Helper()
		post.Refuse("to", refuse)
		note.Cause, note.Text = note.Title, "Text."
		s.tell(t, note)
		if _, err := surface.SendNotifications(context.Background(), s.System, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	send(0, notifications.Note{Recipient: "person/E1", Kind: notifications.Review, Title: "It went"})
	send(550, notifications.Note{Recipient: "person/E2", Kind: notifications.Review, Title: "It failed"})
	send(451, notifications.Note{Recipient: "account/lead@example.com", Kind: notifications.Review, Title: "It waits"})
	send(0, notifications.Note{Recipient: "person/E1", Kind: notifications.Duty, Title: "It is held"})
	for _, one := range []struct{ state, title, to, says string }{
		{"delivered", "It went", "Eva Example", "2.0.0 OK: queued 1 attempt, the last 2026-03-02 09:00"},
		{"failed", "It failed", "Ben Example", "recipient: 550 5.1.1 1 attempt, the last 2026-03-02 09:00 Try again"},
		{"waiting", "It waits", "lead@example.com", "recipient: 451 4.1.1 1 attempt, next at 2026-03-02 09:01"},
		{"held", "It is held", "Eva Example", "held for a digest Eva Example by e-mail In the digest of 2026-03-03 08:00"},
	} {
		for _, path := range []string{"/deliveries?state=" + one.state, "/deliveries?" + url.Values{"state": {one.state}, "recipient": {one.to}}.Encode()} {
			page := lead.get(path).want(t, 200)
			text := strings.Join(strings.Fields(page.reads()), " ")
			for _, want := range []string{one.title, one.to + " by e-mail", one.says} {
				if !strings.Contains(text, want) {
					t.Errorf("%s lacks %q: %s", path, want, text[max(0, strings.Index(text, "What came of it")):])
				}
			}
			if n := strings.Count(page.body, `<tr class="toned`); n != 1 {
				t.Errorf("%s has %d lines", path, n)
			}
		}
	}
	// A part of a name finds one person; what several people are called finds nobody, and says who they are.
	s.people(t, `{"id":"E3","name":"Bob Twin"}`, `{"id":"E4","name":"Bob Twin"}`, `{"id":"E5","name":"Zoe Other","title":"Twin of Eva"}`)
	lead.get("/deliveries?recipient=eva").want(t, 200, "It went", "It is held", `value="eva"`)
	for typed, says := range map[string]string{
		"Bob Twin": "To: several people are called Bob Twin: write which one, &#34;person/E3&#34; or &#34;person/E4&#34;.",
		"twin":     "To: several people are called twin: write which one, Bob Twin (person/E3) or Bob Twin (person/E4).",
	} {
		page := lead.get("/deliveries?"+url.Values{"recipient": {typed}}.Encode()).want(t, 422, says, `value="`+typed+`"`)
		if strings.Contains(page.body, "No delivery is like that") {
			t.Errorf("%s: it says that there are none", typed)
		}
	}
	lead.get("/deliveries?recipient=nobody").want(t, 200, "No delivery is like that")
	form := sentAgain(lead.get("/deliveries?state=failed"))
	lead.post("/deliveries/retry", "notification", form.Get("notification"), "channel", "email", "to", form.Get("to")).goes(t, "/deliveries?state=failed")
	lead.post("/deliveries/retry", "notification", form.Get("notification"), "channel", "email", "to", "//example.com").goes(t, "/deliveries")
}

// Where there is no channel yet, nobody chooses to be told on none.
func TestPreferencesBeforeThereIsAChannel(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signedIn(t, "ann", "ciso")
	b.get("/preferences").want(t, 200, "No channel but the inbox is configured here")
	b.prefers(t, url.Values{"quiet_from": {"22:00"}, "quiet_until": {"07:00"}}).want(t, 303)
	if err := s.DB.Read(t.Context(), func(r *store.Reader) error {
		chosen, _, err := notifications.PreferencesOf(r, "account/ann")
		if err != nil || chosen.QuietFrom != "22:00" {
			t.Errorf("%+v %v", chosen, err)
			return err
		}
		for i := range notifications.Kinds {
			if got := chosen.Choice(&notifications.Kinds[i], []string{notifications.Email}); !slices.Equal(got.Channels, []string{notifications.Email}) {
				t.Errorf("%s comes by %q when there is e-mail", got.Kind, got.Channels)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
