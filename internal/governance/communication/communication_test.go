package communication_test

import (
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const announcement = `{"title":"New rules","text":"Read them.","audience":"everybody","channels":["portal","Slack"]}`

func TestAnnouncements(t *testing.T) {
	// What was delivered before it was approved was not delivered.
	early := `{"deliveries":[{"channel":"portal","at":"2001-03-01T00:00:00Z","reference":"a"},{"channel":"Slack","at":"2001-03-01T00:00:00Z","reference":"b"}]}`
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		add := func(documents ...string) error {
			_, err := f.AddRecord(t.Context(), caller("author"), communication.Announcements, apptest.Fields(t, documents...))
			return err
		}
		if err := add(announcement); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{`{"channels":["smoke"]}`, `{"audience":"all"}`, `{"text":""}`, `{"policy_version":"PV-1"}`, `{"deliveries":[{"channel":"e-mail","at":"2026-03-01T00:00:00Z","reference":"x"}]}`,
			`{"deliveries":[{"channel":"Slack","reference":"x"}]}`, `{"deliveries":[{"channel":"Slack","at":"2026-03-01T00:00:00Z","reference":" "}]}`, `{"author":"person/x"}`} {
			if err := add(announcement, bad); err == nil {
				t.Errorf("%s is taken", bad)
			}
		}
		move := func(who, state string, documents ...string) error {
			_, err := f.MoveRecord(t.Context(), caller(who), communication.Announcements, "ANN-1", record.AnyVersion, state, apptest.Fields(t, documents...))
			return err
		}
		if err := move("author", "approved"); err == nil {
			t.Error("the author approves it")
		}
		f.Manual.Advance(10 * time.Second)
		if err := move("other", "approved"); err != nil {
			t.Fatal(err)
		}
		f.Manual.Advance(10 * time.Second)
		if _, err := f.SetRecord(t.Context(), caller("other"), communication.Announcements, "ANN-1", record.AnyVersion, apptest.Fields(t, `{"text":"Other"}`)); err == nil {
			t.Error("what was approved is changed")
		}
		if _, err := f.SetRecord(t.Context(), caller("other"), communication.Announcements, "ANN-1", record.AnyVersion, apptest.Fields(t, early)); err == nil || !strings.Contains(err.Error(), "when it was approved: it goes out after that") {
			t.Errorf("a delivery of before it was approved: %v", err)
		}
		now := f.Manual.Now().Format("2006-01-02T15:04:05.999999Z07:00")
		for name, bad := range map[string]string{"before it was approved": early, "by no channel": `{}`, "by one channel": `{"deliveries":[{"channel":"portal","at":"` + now + `","reference":"a"}]}`,
			"tomorrow": strings.ReplaceAll(early, "2001", "2091")} {
			if err := move("author", "delivered", bad); err == nil {
				t.Errorf("it is delivered %s", name)
			}
		}
		// A form's time has no seconds: its minute is that of the approval.
		if err := move("author", "delivered", strings.ReplaceAll(early, "2001-03-01T00:00:00Z", f.Manual.Now().Truncate(time.Minute).Format(time.RFC3339))); err != nil {
			t.Error(err)
		}
		// Who ends an approval says why, each time.
		if err := add(announcement); err != nil {
			t.Fatal(err)
		}
		again := func(who, state string, documents ...string) error {
			_, err := f.MoveRecord(t.Context(), caller(who), communication.Announcements, "ANN-2", record.AnyVersion, state, apptest.Fields(t, documents...))
			return err
		}
		for range 2 {
			if err := again("other", "approved"); err != nil {
				t.Fatal(err)
			}
			if err := again("author", "draft"); err == nil || !strings.Contains(err.Error(), "redrafted_reason") {
				t.Errorf("back to draft without a reason: %v", err)
			}
			if err := again("author", "draft", `{"redrafted_reason":"The date is wrong."}`); err != nil {
				t.Error(err)
			}
		}
	})
}

func caller(who string) act.Caller {
	return act.Caller{ID: "person/" + who, Roles: []string{"compliance"}}
}

func TestCommitments(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: communication.Commitments, New: `{"title":"99.9 %","owner":"person/owner"}`, Set: `{"changes":"It was 99 %"}`,
		Fields: map[string]string{
			"draft approved":    `{"document":"terms","customer_duties":"Second factors","system_description":"section 3","effective_at":"2026-03-01T00:00:00Z"}`,
			"approved in_force": `{"told_at":"2026-02-01T00:00:00Z","told_by":["A letter"]}`,
		},
		Refused: map[string]string{"owner": `{"owner":"Ada"}`, "title": `{"title":""}`},
	})
}

func TestReportsFromOutside(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: communication.Reports, New: `{"title":"A form takes scripts","channel":"e-mail","received_at":"2026-03-01T00:00:00Z","routed_to":"person/owner"}`, Set: `{"anonymous":true}`,
		Fields:  map[string]string{"received answered": `{"assessment":"It does","answer":"Thank you"}`},
		Refused: map[string]string{"routed_to": `{"routed_to":"Ada"}`, "channel": `{"channel":"dream"}`, "received_at": `{"received_at":null}`},
	})
}
