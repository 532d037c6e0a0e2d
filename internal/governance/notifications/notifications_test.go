package notifications_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func TestNobodyIsToldTwiceForOneCause(t *testing.T) {
	each(t, func(o *office) {
		same := note("event/1", ann, notifications.Review)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				if _, err := o.desk.Tell(o.Context(), ledgertest.Operator, []notifications.Note{same, same, note("event/1", bob, notifications.Review)}, nil); err != nil {
					o.Error(err)
				}
			})
		}
		wait.Wait()
		o.run()
		o.run()
		if n := o.tell(same); n != 0 {
			o.Errorf("told %d again", n)
		}
		o.run()
		if letters := o.post.Letters(); len(letters) != 2 || len(o.inbox(ann)) != 1 || len(o.inbox(bob)) != 1 {
			o.Fatalf("%d letters, %d and %d in the inboxes", len(letters), len(o.inbox(ann)), len(o.inbox(bob)))
		}
		if told, sent := o.events(notifications.ToldType), o.events(notifications.DeliveredType); len(sent) != 2 || len(told) < 1 || len(told) > 2 {
			o.Errorf("%d events of telling, %d of delivering", len(told), len(sent))
		}
		letter := o.post.Letters()[0]
		if !strings.Contains(letter.Body, "https://scaf.example.com/r/findings/FND-1") || !strings.Contains(letter.Body, "/preferences") || !strings.Contains(letter.Body, "Two &lt;b&gt;&amp;") {
			o.Errorf("the letter:\n%s", letter.Body)
		}
	})
}

func TestTellingIsOneTransactionWithWhatTheCallerDoes(t *testing.T) {
	each(t, func(o *office) {
		changed := errors.New("changed my mind")
		if _, err := o.desk.Tell(o.Context(), ledgertest.Operator, []notifications.Note{note("event/1", ann, notifications.Review)}, func(*act.Tx) error { return changed }); !errors.Is(err, changed) {
			o.Fatal(err)
		}
		o.run()
		if len(o.inbox(ann)) != 0 || len(o.post.Letters()) != 0 || len(o.log(notifications.LogQuery{})) != 0 {
			o.Error("something is left of what failed")
		}
	})
}

func TestManyAreToldInSeveralTransactions(t *testing.T) {
	each(t, func(o *office) {
		var notes []notifications.Note
		for i := range 250 {
			notes = append(notes, note(fmt.Sprintf("event/%d", i), ann, notifications.Duty))
		}
		if n := o.tell(notes...); n != 250 || len(o.events(notifications.ToldType)) != 3 {
			o.Fatalf("%d told, %d events", n, len(o.events(notifications.ToldType)))
		}
		o.at(3, 8, 0)
		if letters := o.post.Letters(); len(letters) != 1 || len(o.log(notifications.LogQuery{State: notifications.Delivered})) != 100 {
			o.Errorf("%d letters", len(letters))
		}
	})
}

func TestADeliveryThatFailsIsTriedAgain(t *testing.T) {
	each(t, func(o *office) {
		o.post.Refuse("to", 451)
		o.tell(note("event/1", ann, notifications.Review))
		o.run()
		one := o.log(notifications.LogQuery{State: notifications.Waiting})
		if len(one) != 1 || one[0].Attempts != 1 || !strings.Contains(one[0].Answer, "451") || one[0].NextAt == nil || !one[0].NextAt.Equal(o.l.Clock.Now().Add(time.Minute)) {
			o.Fatalf("%+v", one)
		}
		if strings.Contains(one[0].Answer, "@") {
			o.Errorf("the log tells an address: %s", one[0].Answer)
		}
		if n := o.metric("scaf_notification_deliveries", notifications.Email, notifications.Waiting); n != 1 {
			o.Errorf("%v waiting", n)
		}
		o.post.Refuse("to", 0)
		o.l.Clock.Advance(time.Minute)
		o.run()
		one = o.log(notifications.LogQuery{State: notifications.Delivered})
		if len(one) != 1 || one[0].Attempts != 2 || one[0].SettledAt == nil || len(o.post.Letters()) != 1 {
			o.Fatalf("%+v", one)
		}
		if n := o.metric("scaf_notification_deliveries_total", notifications.Email, notifications.Delivered); n != 1 {
			o.Errorf("%v delivered", n)
		}
	})
}

func TestADeliveryComesToAnEnd(t *testing.T) {
	each(t, func(o *office) {
		o.post.Refuse("to", 451)
		o.tell(note("event/1", ann, notifications.Review))
		for range jobs.MaxAttempts + 2 {
			o.run()
			o.l.Clock.Advance(time.Hour)
		}
		one := o.log(notifications.LogQuery{State: notifications.Failed})
		if len(one) != 1 || one[0].Attempts != jobs.MaxAttempts || len(o.log(notifications.LogQuery{})) != 1 {
			o.Fatalf("%+v", o.log(notifications.LogQuery{}))
		}
		failed := o.events(notifications.FailedType)
		if len(failed) != 1 || failed[0]["channel"] != notifications.Email || failed[0]["attempts"] != float64(jobs.MaxAttempts) {
			o.Errorf("%+v", failed)
		}
		if n := o.metric("scaf_notification_deliveries_total", notifications.Email, notifications.Failed); n != 1 {
			o.Errorf("%v failed", n)
		}
	})
}

func TestWhatIsRefusedForGoodIsNotTriedAgainButBySomebody(t *testing.T) {
	each(t, func(o *office) {
		o.post.Refuse("to", 550)
		o.tell(note("event/1", ann, notifications.Review))
		o.run()
		one := o.log(notifications.LogQuery{State: notifications.Failed})
		if len(one) != 1 || one[0].Attempts != 1 || !strings.Contains(one[0].Answer, "550") {
			o.Fatalf("%+v", one)
		}
		o.post.Refuse("to", 0)
		o.l.Clock.Advance(24 * time.Hour)
		o.run()
		if len(o.post.Letters()) != 0 {
			o.Error("it was tried again on its own")
		}
		again := func() error {
			return o.desk.Again(o.Context(), ledgertest.Operator, one[0].Notification, notifications.Email)
		}
		if err := again(); err != nil {
			o.Fatal(err)
		}
		o.run()
		if got := o.log(notifications.LogQuery{}); len(got) != 1 || got[0].State != notifications.Delivered || len(o.post.Letters()) != 1 {
			o.Fatalf("%+v", got)
		}
		if err := again(); !errors.Is(err, notifications.ErrState) {
			o.Errorf("what was delivered is delivered again: %v", err)
		}
		if err := o.desk.Again(o.Context(), ledgertest.Operator, "nothing", notifications.Email); !errors.Is(err, notifications.ErrNone) {
			o.Error(err)
		}
	})
}

func TestAPauseThatIsAskedForIsKept(t *testing.T) {
	each(t, func(o *office) {
		limited := true
		o.desk.Rules.Channels = []string{notifications.Slack}
		o.slack.Fail = func(w http.ResponseWriter, method string) bool {
			if limited && method == "chat.postMessage" {
				w.Header().Set("Retry-After", "1800")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			return false
		}
		o.tell(note("event/1", ann, notifications.Review))
		o.run()
		one := o.log(notifications.LogQuery{})
		if len(one) != 1 || one[0].NextAt == nil || !one[0].NextAt.Equal(o.l.Clock.Now().Add(30*time.Minute)) {
			o.Fatalf("%+v", one)
		}
		limited = false
		o.l.Clock.Advance(29 * time.Minute)
		o.run()
		if len(o.slack.Posted()) != 0 {
			o.Error("it was tried sooner")
		}
		o.l.Clock.Advance(time.Minute)
		o.run()
		if posted := o.slack.Posted(); len(posted) != 1 || posted[0]["channel"] != "U1" {
			o.Errorf("%v", posted)
		}
	})
}

// The process dies after the mail server took the letter, before that is recorded.
func TestALetterThatIsSentAgainAfterACrashIsTheSame(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("event/1", ann, notifications.Review), note("event/2", ann, notifications.Duty), note("event/3", ann, notifications.Duty))
		crash := func(kind string, do act.Handler, at time.Time) {
			o.l.Clock.Set(at)
			var key, payload string
			if err := o.l.DB.Read(o.Context(), func(r *store.Reader) error {
				return r.One(`SELECT key, payload FROM job WHERE kind = $1`, []any{kind}, []any{&key, &payload})
			}); err != nil {
				o.Fatal(err)
			}
			// A claim that the database knows nothing of: the end cannot be recorded.
			if err := do(o.Context(), &jobs.Job{Kind: kind, Key: key, Payload: json.RawMessage(payload), Attempt: 7}); !errors.Is(err, jobs.ErrLost) {
				o.Fatal(err)
			}
		}
		crash(notifications.DeliverJob, o.desk.Deliver, o.l.Clock.Now())
		crash(notifications.DigestJob, o.desk.Digest, time.Date(2026, 3, 3, 8, 0, 0, 0, o.desk.Rules.Zone))
		if got := o.log(notifications.LogQuery{State: notifications.Delivered}); len(got) != 0 {
			o.Fatalf("recorded: %+v", got)
		}
		o.run()
		o.run()
		seen := map[string]int{}
		for _, letter := range o.post.Letters() {
			seen[letter.Header.Get("Message-ID")+letter.Header.Get("Subject")]++
		}
		if len(seen) != 2 {
			o.Fatalf("%v", seen)
		}
		for id, n := range seen {
			if n != 2 {
				o.Errorf("%s came %d times", id, n)
			}
		}
		if got := o.log(notifications.LogQuery{State: notifications.Delivered}); len(got) != 3 || len(o.events(notifications.DeliveredType)) != 2 {
			o.Errorf("%+v", got)
		}
	})
}

func TestADigestIsOneLetterADay(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", ann, notifications.Duty), note("b", ann, notifications.Deadline), note("c", bob, notifications.Duty))
		o.at(3, 7, 59)
		if len(o.post.Letters()) != 0 || len(o.log(notifications.LogQuery{State: notifications.Held})) != 3 || len(o.inbox(ann)) != 2 {
			o.Fatalf("before its time: %d letters", len(o.post.Letters()))
		}
		o.at(3, 8, 0)
		o.run()
		letters := o.post.Letters()
		if len(letters) != 2 {
			o.Fatalf("%d letters", len(letters))
		}
		for _, letter := range letters {
			wants := []string{"Title of c"}
			if letter.To == "ann@example.com" {
				wants = []string{"Title of a", "Title of b"}
				if letter.Header.Get("Subject") != "2 things for you" {
					o.Error(letter.Header.Get("Subject"))
				}
			}
			for _, want := range wants {
				if !strings.Contains(letter.Body+letter.Header.Get("Subject"), want) {
					o.Errorf("%s gets no %q:\n%s", letter.To, want, letter.Body)
				}
			}
		}
		o.tell(note("d", ann, notifications.Duty))
		o.at(3, 23, 0)
		if len(o.post.Letters()) != 2 {
			o.Error("a second digest on the same day")
		}
		o.at(4, 8, 0)
		if len(o.post.Letters()) != 3 {
			o.Error("no digest on the next day")
		}
	})
}

// Each thing of a digest leads to its page, in Slack as in a letter; of very many the first.
func TestADigestLeadsToWhatItIsAbout(t *testing.T) {
	each(t, func(o *office) {
		o.desk.Rules.Channels = []string{notifications.Email, notifications.Slack}
		for i := range 23 {
			one := note(fmt.Sprintf("thing %d <!channel>", i+1), ann, notifications.Duty)
			one.Path = fmt.Sprintf("/policies/PV-%d", i+1)
			o.tell(one)
		}
		o.at(3, 8, 0)
		posted, letters := o.slack.Posted(), o.post.Letters()
		if len(posted) != 1 || len(letters) != 1 {
			o.Fatalf("%d posted, %d letters", len(posted), len(letters))
		}
		var blocks []any
		if err := json.Unmarshal([]byte(posted[0]["blocks"]), &blocks); err != nil || len(blocks) > 50 || strings.Contains(posted[0]["blocks"], "<!channel>") {
			o.Errorf("%d blocks, %v", len(blocks), err)
		}
		slack := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(posted[0]["blocks"])
		for _, want := range []string{"<https://scaf.example.com/policies/PV-1|Open it in SCAF>", "<https://scaf.example.com/policies/PV-20|", "<https://scaf.example.com/inbox|", "And 3 more"} {
			if !strings.Contains(slack, want) {
				o.Errorf("Slack lacks %q: %s", want, slack)
			}
		}
		if strings.Contains(slack, "/policies/PV-21|") || !strings.Contains(letters[0].Body, "https://scaf.example.com/policies/PV-23") {
			o.Errorf("%s\n%s", slack, letters[0].Body)
		}
	})
}

func TestQuietHoursAreKeptButByWhatIsUrgent(t *testing.T) {
	each(t, func(o *office) {
		o.prefers(ann, notifications.Preferences{QuietFrom: "22:00", QuietUntil: "07:30"})
		o.at(2, 23, 0)
		o.tell(note("a", ann, notifications.Review), note("b", ann, notifications.Ledger))
		o.run()
		if letters := o.post.Letters(); len(letters) != 1 || letters[0].Header.Get("Subject") != "Title of b" {
			o.Fatalf("%d letters", len(letters))
		}
		o.at(3, 7, 29)
		if len(o.post.Letters()) != 1 {
			o.Error("it came in the quiet hours")
		}
		o.at(3, 7, 30)
		if len(o.post.Letters()) != 2 {
			o.Error("it did not come at their end")
		}
		// What is tried again does not fall into them, and the wait is no attempt.
		o.at(3, 21, 59)
		o.post.Refuse("to", 451)
		o.tell(note("c", ann, notifications.Review))
		o.run()
		o.post.Refuse("to", 0)
		o.at(3, 22, 5)
		o.at(4, 7, 29)
		if len(o.post.Letters()) != 2 {
			o.Error("it was tried again in the quiet hours")
		}
		o.at(4, 7, 30)
		if got := o.log(notifications.LogQuery{Channel: notifications.Email, Recipient: ann}); len(o.post.Letters()) != 3 || got[0].Attempts != 2 {
			o.Errorf("%+v", got[0])
		}
	})
}

func TestPeopleAreToldAsTheyChose(t *testing.T) {
	each(t, func(o *office) {
		o.desk.Rules.Channels = []string{notifications.Email, notifications.Slack}
		o.prefers(ann, notifications.Preferences{Choices: []notifications.Choice{
			{Kind: notifications.Review, Channels: []string{notifications.Slack}}, {Kind: notifications.Duty, Channels: []string{notifications.Email}}, {Kind: notifications.Escalation},
		}})
		o.tell(note("a", ann, notifications.Review), note("b", ann, notifications.Duty), note("c", ann, notifications.Escalation))
		o.run()
		if len(o.slack.Posted()) != 1 || len(o.post.Letters()) != 1 || len(o.inbox(ann)) != 3 {
			o.Errorf("%d posts, %d letters, %d in the inbox", len(o.slack.Posted()), len(o.post.Letters()), len(o.inbox(ann)))
		}
		var wrong *record.Invalid
		for _, p := range []notifications.Preferences{
			{Choices: []notifications.Choice{{Kind: "weather"}}}, {Choices: []notifications.Choice{{Kind: notifications.Duty, Channels: []string{"webhook/siem"}}}},
			{Choices: []notifications.Choice{{Kind: notifications.Duty}, {Kind: notifications.Duty}}}, {Choices: []notifications.Choice{{Kind: notifications.Ledger, Digest: true}}},
			{QuietFrom: "22:00"}, {QuietUntil: "22:00"}, {QuietFrom: "9pm", QuietUntil: "07:00"}, {QuietFrom: "07:00", QuietUntil: "07:00"},
		} {
			if err := o.desk.Prefer(o.Context(), act.Caller{ID: ann}, p); !errors.As(err, &wrong) {
				o.Errorf("%+v: %v", p, err)
			}
		}
	})
}

func TestTheOrganizationIsToldOnItsOwnChannels(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", notifications.Organization, notifications.Ledger), note("b", notifications.Organization, notifications.Job))
		o.status = http.StatusInternalServerError
		o.run()
		o.status = http.StatusOK
		o.l.Clock.Advance(time.Minute)
		o.run()
		if len(o.hooked) != 2 || o.hooked[0] != o.hooked[1] || len(o.post.Letters()) != 0 {
			o.Errorf("webhooks %v", o.hooked)
		}
	})
}

func TestWhoHasLeftIsSentNothing(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", ann, notifications.Review), note("b", "person/E9", notifications.Review))
		o.people[ann] = notifications.Address{Email: "ann@example.com", Gone: true}
		o.run()
		if got := o.log(notifications.LogQuery{State: notifications.Failed}); len(got) != 2 || !strings.Contains(got[0].Answer, "left") || len(o.post.Letters()) != 0 {
			o.Errorf("%+v", got)
		}
		o.people[ann] = notifications.Address{}
		o.tell(note("c", ann, notifications.Review))
		o.run()
		if got := o.log(notifications.LogQuery{State: notifications.Failed}); len(got) != 3 || !strings.Contains(got[0].Answer, "no e-mail address") {
			o.Errorf("%+v", got)
		}
	})
}

func TestAChannelThatIsTakenAwayFailsOpenly(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", ann, notifications.Review))
		delete(o.desk.Channels, notifications.Email)
		o.run()
		if got := o.log(notifications.LogQuery{State: notifications.Failed}); len(got) != 1 || !strings.Contains(got[0].Answer, "scaf.json") {
			o.Errorf("%+v", got)
		}
	})
}

func TestAnInboxIsItsOwnersAlone(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", ann, notifications.Review), note("b", ann, notifications.Review), note("c", bob, notifications.Review))
		read := func(who, id string, want int64) {
			o.Helper()
			if n, err := o.desk.Read(o.Context(), act.Caller{ID: who, Roles: []string{"account"}}, id); err != nil || n != want {
				o.Errorf("%s read %d (%v), want %d", who, n, err, want)
			}
		}
		first := o.inbox(ann)[1]
		read(bob, first.ID, 0)
		read(ann, first.ID, 1)
		read(ann, first.ID, 0)
		unread := func(of string) (n int) {
			if err := o.l.DB.Read(o.Context(), func(r *store.Reader) (err error) {
				n, err = notifications.Unread(r, of)
				return err
			}); err != nil {
				o.Fatal(err)
			}
			return n
		}
		if a, b := unread(ann), unread(bob); a != 1 || b != 1 {
			o.Errorf("%d and %d unread", a, b)
		}
		read(ann, "", 1)
		if a, b := unread(ann), unread(bob); a != 0 || b != 1 || len(o.events("scaf.notification.read.v1")) != 2 {
			o.Errorf("%d and %d unread, %d events", a, b, len(o.events("scaf.notification.read.v1")))
		}
	})
}

func TestATestSaysWhatCameOfIt(t *testing.T) {
	each(t, func(o *office) {
		one, err := o.desk.Try(o.Context(), ledgertest.Operator, ann, notifications.Email)
		if err != nil || one.State != notifications.Delivered || len(o.post.Letters()) != 1 || len(o.inbox(ann)) != 1 {
			o.Fatalf("%+v, %v", one, err)
		}
		o.post.Refuse("data", 451)
		if one, err = o.desk.Try(o.Context(), ledgertest.Operator, ann, notifications.Email); err != nil || one.State != notifications.Failed || !strings.Contains(one.Answer, "451") {
			o.Errorf("%+v, %v", one, err)
		}
		if one, err = o.desk.Try(o.Context(), ledgertest.Operator, notifications.Organization, "webhook/siem"); err != nil || one.State != notifications.Delivered {
			o.Errorf("%+v, %v", one, err)
		}
		if _, err = o.desk.Try(o.Context(), ledgertest.Operator, ann, "pigeon"); !errors.Is(err, notifications.ErrChannel) {
			o.Error(err)
		}
	})
}

func TestWhatStopsIsTriedAgain(t *testing.T) {
	each(t, func(o *office) {
		o.tell(note("a", ann, notifications.Review))
		ctx, stop := context.WithCancel(o.Context())
		o.runner.Handle(notifications.DeliverJob, func(ctx context.Context, job *jobs.Job) error { stop(); return o.desk.Deliver(ctx, job) })
		_ = o.runner.RunDue(ctx) // it was stopped
		o.runner.Handle(notifications.DeliverJob, o.desk.Deliver)
		o.run()
		if got := o.log(notifications.LogQuery{}); len(got) != 1 || got[0].State != notifications.Delivered || got[0].Attempts != 1 {
			o.Errorf("%+v", got)
		}
	})
}
