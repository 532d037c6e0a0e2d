package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// openAnnounced is a folder whose people are told by e-mail and Slack.
func openAnnounced(t *testing.T) (*told, *notifytest.Post, *notifytest.Slack) {
	t.Helper()
	post, slack := &notifytest.Post{}, &notifytest.Slack{Users: map[string]string{"e1@example.com": "U1", "e2@example.com": "U2", "e3@example.com": "U3", "e4@example.com": "U4"}}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"roots.pem": notifytest.Roots(), "token": []byte(notifytest.Token)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return openTold(t, apptest.New(t, config.Config{Notifications: &config.Notifications{
		PortalURL: "https://scaf.example.com", Roots: filepath.Join(dir, "roots.pem"), AllowPrivate: []string{"127.0.0.0/8"},
		Email: &config.Email{Server: fmt.Sprintf("127.0.0.1:%d", post.Start(t, false)), From: "SCAF <scaf@example.com>"},
		Slack: &config.Slack{Token: &config.Secret{File: filepath.Join(dir, "token")}, API: notifytest.Serve(t, slack) + "/api/"},
	}})), post, slack
}

// announce adds an announcement that somebody else approves.
func (o *told) announce(fields map[string]any) string {
	o.t.Helper()
	all := map[string]any{"title": "A new rule", "text": "Read it.\n\nAll of it.", "audience": "everybody", "channels": []string{"portal", "e-mail", "Slack"}}
	for name, value := range fields {
		all[name] = value
	}
	id := o.add(communication.Announcements, all)
	o.approve(id)
	return id
}

func (o *told) approve(id string) {
	o.t.Helper()
	o.move(person("E2"), communication.Announcements, id, communication.Approved, nil)
}

func (o *told) announcement(id string) *communication.Announcement {
	o.t.Helper()
	var a *communication.Announcement
	if err := o.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		a, _, err = record.Load[communication.Announcement](r, communication.Announcements, id)
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return a
}

// went is by which channels an announcement went out, as it says itself.
func went(a *communication.Announcement) (all []string) {
	for _, d := range a.Deliveries {
		_, what, _ := strings.Cut(d.Reference, ", ")
		all = append(all, d.Channel+": "+what)
	}
	return all
}

func TestAnAnnouncementReachesItsAudienceByItsChannels(t *testing.T) {
	o, post, slack := openAnnounced(t)
	id := o.announce(nil)
	o.run()
	ref := "/r/announcements/" + id
	o.wants("person/E1", notifications.Announcement, "A new rule -> "+ref)
	o.wants("person/E4", notifications.Announcement, "A new rule -> /inbox") // who has no account
	letters := post.Letters()
	if len(letters) != 4 || !strings.Contains(letters[0].Body, "All of it.") {
		t.Errorf("%d letters: %+v", len(letters), letters)
	}
	if posted := slack.Posted(); len(posted) != 4 || !strings.Contains(posted[0]["text"]+posted[0]["blocks"], "Read it.") {
		t.Errorf("posted: %v", posted)
	}
	a := o.announcement(id)
	if got := went(a); a.State != communication.Delivered || a.DeliveredBy != "job/notification.went" || !slices.Equal(got, []string{"portal: 4 inboxes", "e-mail: 4 messages", "Slack: 4 messages"}) {
		t.Errorf("%s by %s: %q", a.State, a.DeliveredBy, got)
	}
	// To engineers, by e-mail alone.
	o.announce(map[string]any{"audience": "engineers", "channels": []string{"e-mail"}, "title": "Another"})
	o.run()
	if len(post.Letters()) != 5 || post.Letters()[4].To != "e1@example.com" || len(slack.Posted()) != 4 {
		t.Errorf("%d letters, %d posted", len(post.Letters()), len(slack.Posted()))
	}
	if _, err := o.Verify(context.Background(), nil, nil); err != nil {
		t.Error(err)
	}
}

// Somebody else tells customers, and what is said in a meeting or on a website; and an
// announcement is delivered when it went out by all of its channels.
func TestWhatSCAFDoesNotSendIsRecordedByPeople(t *testing.T) {
	o, post, _ := openAnnounced(t)
	outside := o.announce(map[string]any{"audience": "customers", "channels": []string{"e-mail"}})
	partly := o.announce(map[string]any{"channels": []string{"portal", "meeting"}})
	o.run()
	if len(post.Letters()) != 0 || o.announcement(outside).State != communication.Approved {
		t.Errorf("customers: %d letters, %+v", len(post.Letters()), o.announcement(outside))
	}
	a := o.announcement(partly)
	if got := went(a); a.State != communication.Approved || !slices.Equal(got, []string{"portal: 4 inboxes"}) {
		t.Errorf("%s: %q", a.State, got)
	}
	all := append(slices.Clone(a.Deliveries), communication.Delivery{Channel: "meeting", At: a.ApprovedAt, Reference: "meeting/MTG-1"})
	o.move(person("E3"), communication.Announcements, partly, communication.Delivered, map[string]any{"deliveries": all})
}

// A channel on which a message was not taken is not one by which it went out, until
// it is sent again; whoever has left meanwhile does not count.
func TestAnAnnouncementThatDidNotGoOutIsNotDelivered(t *testing.T) {
	o, _, slack := openAnnounced(t)
	delete(slack.Users, "e4@example.com")
	again, leaves := o.announce(map[string]any{"channels": []string{"Slack"}}), o.announce(map[string]any{"channels": []string{"Slack"}})
	o.run()
	for _, id := range []string{again, leaves} {
		if a := o.announcement(id); a.State != communication.Approved || len(a.Deliveries) != 0 || len(a.Unreached) != 1 || !strings.HasPrefix(a.Unreached[0].Why, "1 of 4 messages were not taken") || !strings.Contains(a.Unreached[0].Why, "Correct the address") || !strings.Contains(a.Unreached[0].Why, "write down under Deliveries") {
			t.Errorf("%s: %+v, %+v", a.State, a.Deliveries, a.Unreached)
		}
	}
	slack.Users["e4@example.com"] = "U4"
	desk, err := o.NotificationDesk()
	if err != nil {
		t.Fatal(err)
	}
	var failed []notifications.Delivery
	if err := o.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		failed, err = notifications.Log(r, notifications.LogQuery{State: notifications.Failed, Limit: 10})
		return err
	}); err != nil || len(failed) != 2 {
		t.Fatalf("%+v, %v", failed, err)
	}
	one := slices.IndexFunc(failed, func(d notifications.Delivery) bool { return d.About == "announcement/"+again })
	if err := desk.Again(context.Background(), apptest.Operator, failed[one].Notification, notifications.Slack); err != nil {
		t.Fatal(err)
	}
	o.Manual.Advance(time.Hour)
	o.run()
	o.clerkLeaves()
	o.Manual.Advance(time.Hour)
	o.run()
	for id, want := range map[string]string{again: "Slack: 4 messages", leaves: "Slack: 3 messages, 1 not, to who has left"} {
		if a := o.announcement(id); a.State != communication.Delivered || len(a.Unreached) != 0 || !slices.Equal(went(a), []string{want}) {
			t.Errorf("%s: %q, %+v", a.State, went(a), a.Unreached)
		}
	}
}

// Of a long text messages show the beginning, and say so with the link; the inbox has
// the whole.
func TestALongAnnouncementGoesOnInThePortal(t *testing.T) {
	o, post, slack := openAnnounced(t)
	long := strings.Repeat("Read [the rules](https://rules.example.com/all), all of them.\n\n", 300) + "The end."
	id := o.announce(map[string]any{"text": long})
	o.run()
	for _, letter := range post.Letters() {
		where := "https://scaf.example.com/inbox" // of who may not open the record
		if letter.To != "e4@example.com" {
			where = "https://scaf.example.com/r/announcements/" + id
		}
		if body := strings.ReplaceAll(letter.Body, "\r\n", "\n"); !strings.Contains(body, "all of them.\n\nThis is the beginning. It goes on in the portal.\n\n"+where) || !strings.Contains(body, "Read the rules (https://rules.example.com/all), all") || strings.Contains(body, "The end.") {
			t.Errorf("%s: %q", letter.To, body[max(0, len(body)-500):])
		}
	}
	if posted := slack.Posted(); len(posted) != 4 || !strings.Contains(posted[0]["blocks"], "It goes on in the portal.") || !strings.Contains(posted[0]["blocks"], "Read the rules (https://rules.example.com/all), all") {
		t.Errorf("%d posted", len(posted))
	}
	whole := func() (text string) {
		t.Helper()
		if err := o.DB.Read(context.Background(), func(r *store.Reader) error {
			all, err := notifications.Inbox(r, "person/E4", "", 1)
			if err == nil {
				_, err = surface.WholeText(r, &all[0])
			}
			text = all[0].Text
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return text
	}
	if whole() != long {
		t.Error("the inbox has not the whole of it")
	}
	// What is written anew was not announced to anybody.
	id = o.announce(map[string]any{"text": long, "channels": []string{"portal", "website"}})
	o.run()
	o.move(act.Caller{ID: "person/E2", Roles: []string{"administrator"}}, communication.Announcements, id, communication.Draft, map[string]any{"redrafted_reason": "The text is another."})
	if strings.HasSuffix(whole(), "The end.") {
		t.Error("a draft is shown")
	}
}

// A channel that nobody has configured is a failure: in the record, in the log, and told
// to whoever approved it, once.
func TestAnAnnouncementByAChannelThatIsNotConfiguredSaysSo(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.announce(nil)
		for range 3 {
			o.run()
			f.Manual.Advance(time.Hour)
		}
		a := o.announcement(id)
		want := []communication.Failure{
			{Channel: "Slack", Why: "the channel slack is not configured: set notifications.slack.token in scaf.json, then send it again from the delivery log, or write down how else it went out"},
			{Channel: "e-mail", Why: "the channel email is not configured: set notifications.email in scaf.json, then send it again from the delivery log, or write down how else it went out"},
		}
		slices.SortFunc(a.Unreached, func(a, b communication.Failure) int { return strings.Compare(a.Channel, b.Channel) })
		if a.State != communication.Approved || !slices.Equal(a.Unreached, want) || !slices.Equal(went(a), []string{"portal: 4 inboxes"}) {
			t.Errorf("%s: %+v, %q", a.State, a.Unreached, went(a))
		}
		o.wants("person/E2", notifications.Escalation, "A new rule did not go out by e-mail and Slack -> /r/announcements/"+id)
		if err := f.DB.Read(context.Background(), func(r *store.Reader) error {
			_, _, failed, waiting, err := notifications.Count(r)
			if failed != 8 || waiting != 0 {
				t.Errorf("%d have failed, %d wait", failed, waiting)
			}
			var complains int
			if err := r.One(`SELECT count(*) FROM job WHERE kind = 'notification.went' AND failure <> ''`, nil, []any{&complains}); err != nil || complains > 0 {
				t.Errorf("looking again fails: %d, %v", complains, err)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		// Somebody says how else; what was taken back says nothing of it any more.
		other := o.announce(map[string]any{"channels": []string{"e-mail"}})
		o.run()
		o.move(act.Caller{ID: "person/E2", Roles: []string{"administrator"}}, communication.Announcements, other, communication.Draft, map[string]any{"redrafted_reason": "The text is another."})
		if a := o.announcement(other); len(a.Unreached) != 0 {
			t.Errorf("%+v", a.Unreached)
		}
		all := append(slices.Clone(a.Deliveries), communication.Delivery{Channel: "e-mail", At: a.ApprovedAt, Reference: "list 7"}, communication.Delivery{Channel: "Slack", At: a.ApprovedAt, Reference: "#all"})
		o.move(person("E3"), communication.Announcements, id, communication.Delivered, map[string]any{"deliveries": all})
		if a := o.announcement(id); len(a.Unreached) != 0 {
			t.Errorf("%+v", a.Unreached)
		}
	})
}

// An audience to which nobody belongs is a failure, too, which whoever approved it is
// told of; what others tell stays theirs.
func TestAnAnnouncementToNobodySaysSo(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.announce(map[string]any{"audience": "managers", "channels": []string{"portal", "e-mail", "website"}})
		for range 2 {
			o.run()
			f.Manual.Advance(time.Hour)
		}
		a := o.announcement(id)
		if a.State != communication.Approved || len(a.Deliveries) != 0 || len(a.Unreached) != 2 || a.Unreached[0].Channel != "portal" || a.Unreached[1].Channel != "e-mail" ||
			!strings.HasPrefix(a.Unreached[0].Why, "nobody here belongs to the audience managers: ") {
			t.Errorf("%s: %+v, %+v", a.State, a.Deliveries, a.Unreached)
		}
		o.wants("person/E2", notifications.Escalation, "A new rule did not go out by portal and e-mail -> /r/announcements/"+id)
		lead := act.Caller{ID: "person/E2", Roles: []string{"administrator"}}
		o.move(lead, communication.Announcements, id, communication.Draft, map[string]any{"redrafted_reason": "The text is another."})
		o.move(lead, communication.Announcements, id, record.Withdrawn, map[string]any{"withdrawn_reason": "There are no managers here."})
		if a := o.announcement(id); a.State != record.Withdrawn || a.WithdrawnBy != "person/E2" || len(a.Unreached) != 0 {
			t.Errorf("%+v", a)
		}
	})
}

func (o *told) clerkLeaves() {
	o.t.Helper()
	left, err := json.Marshal(o.Clock.Now())
	if err == nil {
		_, err = o.MoveRecord(context.Background(), apptest.Operator, people.Register, "E4", record.AnyVersion, people.Left, map[string]json.RawMessage{"left_at": left})
	}
	if err != nil {
		o.t.Fatal(err)
	}
}

// What was taken back and approved again goes out again, and what was taken back
// before anybody was told goes out once.
func TestAnotherApprovalIsAnotherAnnouncement(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.announce(map[string]any{"channels": []string{"portal", "website"}})
		o.move(act.Caller{ID: "person/E2", Roles: []string{"administrator"}}, communication.Announcements, id, communication.Draft, map[string]any{"redrafted_reason": "The text is another."})
		f.Manual.Advance(time.Minute)
		o.approve(id)
		o.run()
		o.wants("person/E1", notifications.Announcement, "A new rule -> /r/announcements/"+id)
		o.move(act.Caller{ID: "person/E2", Roles: []string{"administrator"}}, communication.Announcements, id, communication.Draft, map[string]any{"redrafted_reason": "The text is another."})
		f.Manual.Advance(time.Minute)
		o.approve(id)
		o.run()
		o.wants("person/E1", notifications.Announcement, "A new rule -> /r/announcements/"+id, "A new rule -> /r/announcements/"+id)
		a := o.announcement(id)
		if len(a.Deliveries) != 1 || a.Deliveries[0].At.Before(*a.ApprovedAt) {
			t.Errorf("%+v", a.Deliveries)
		}
	})
}

// A policy's text that comes into force is announced to its audience, once, by the
// channels with which it does, with the approval of the text, and POL-02's source has it.
func TestAPolicyInForceIsAnnounced(t *testing.T) {
	o, post, slack := openAnnounced(t)
	text := catalog.Policies()[slices.IndexFunc(catalog.Policies(), func(p catalog.Policy) bool { return p.Audience == "everybody" })]
	made, err := o.InstallPolicies(context.Background(), apptest.Operator, []catalog.Policy{text}, "The wiki")
	if err != nil {
		t.Fatal(err)
	}
	version := made.Versions[0]
	ref := "policy_version/" + version
	chief := act.Caller{ID: "person/E3", Roles: []string{"executive"}}
	o.move(apptest.Operator, policies.Versions, version, policies.InReview, nil)
	o.move(chief, policies.Versions, version, policies.Approved, nil)
	approved := o.Clock.Now()
	o.Manual.Advance(40 * 24 * time.Hour)
	o.move(apptest.Operator, policies.Versions, version, policies.InForce, map[string]any{"channels": []string{"portal", "e-mail", "Slack"}})
	for range 3 { // the last time as if its job were run again
		o.run()
		o.Manual.Advance(time.Hour)
		if err := o.AnnounceVersion(context.Background(), act.JobCaller(surface.PolicyJob), version); err != nil {
			t.Fatal(err)
		}
	}
	a := o.announcement("ANN-1")
	if a.State != communication.Delivered || a.PolicyVersion != ref || a.ApprovedWith != ref || a.ApprovedBy != "person/E3" || a.Author != "job/policy.follow" || a.Audience != "everybody" ||
		!a.ApprovedAt.Before(approved.Add(time.Second)) || a.ReleasedAt.Sub(*a.ApprovedAt) < 39*24*time.Hour || !slices.Equal(went(a), []string{"portal: 4 inboxes", "e-mail: 4 messages", "Slack: 4 messages"}) {
		t.Errorf("%+v, %q", a, went(a))
	}
	for _, one := range []string{"person/E1", "person/E4"} {
		o.wants(one, notifications.Announcement, "In force: "+text.Title+" -> /policies/"+version)
	}
	if posted := slack.Posted(); len(posted) == 0 || !strings.Contains(posted[0]["text"]+posted[0]["blocks"], "https://scaf.example.com/policies/"+version) {
		t.Errorf("posted: %v", posted)
	}
	told := 0
	for _, letter := range post.Letters() {
		if strings.Contains(letter.Body, "is in force since") {
			told++
		}
	}
	if told != 4 || len(slack.Posted()) < 4 {
		t.Errorf("%d letters, %d messages", told, len(slack.Posted()))
	}
	// One that somebody has written about the next text is the only one.
	next := o.add(policies.Versions, map[string]any{"policy": "policy/" + text.ID, "text": string(text.File) + "\nOne rule more.\n", "procedure": "The wiki"})
	o.announce(map[string]any{"channels": []string{"portal"}, "policy_version": "policy_version/" + next})
	o.move(apptest.Operator, policies.Versions, next, policies.InReview, nil)
	o.move(chief, policies.Versions, next, policies.Approved, nil)
	o.move(apptest.Operator, policies.Versions, next, policies.InForce, map[string]any{"channels": []string{"portal"}})
	o.run()
	o.wants("person/E1", notifications.Announcement, "In force: "+text.Title+" -> /policies/"+version, "A new rule -> /policies/"+next)
	// What is not in force yet is for those who keep the policies.
	later := o.add(policies.Versions, map[string]any{"policy": "policy/" + text.ID, "text": string(text.File) + "\nTwo rules more.\n", "procedure": "The wiki"})
	o.announce(map[string]any{"channels": []string{"portal"}, "title": "Soon", "policy_version": "policy_version/" + later})
	o.run()
	for one, to := range map[string]string{"person/E1": "/r/announcements/ANN-3", "person/E4": "/inbox"} {
		o.wants(one, notifications.Announcement, "In force: "+text.Title+" -> /policies/"+version, "A new rule -> /policies/"+next, "Soon -> "+to)
	}
}

// A text of a policy is told by channels that announcements have, too.
func TestPoliciesAreToldByTheChannelsOfAnnouncements(t *testing.T) {
	if !slices.Equal(policies.Channels, communication.Channels) {
		t.Errorf("policies: %q, announcements: %q", policies.Channels, communication.Channels)
	}
}
