package surface_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
	"scaf.dev/scaf/internal/trust/ledger"
)

// told is a folder whose people are told.
type told struct {
	*apptest.Folder
	t              *testing.T
	runner, sender *act.Runner
}

// openTold has Ann, an engineer, Bea of compliance, Cy, who is an executive, and Dan,
// who has no account.
func openTold(t *testing.T, f *apptest.Folder) *told {
	t.Helper()
	f.Manual.Set(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	o := &told{Folder: f, t: t}
	for id, p := range map[string]string{"E1": "Engineer", "E2": "Compliance Lead", "E3": "Chief Executive Officer", "E4": "Clerk"} {
		o.add(people.Register, map[string]any{"id": id, "name": "Person " + id, "title": p, "email": strings.ToLower(id) + "@example.com", "joined_at": "2026-01-01T00:00:00Z"})
	}
	for name, role := range map[string]string{"E1": "engineer", "E2": "compliance", "E3": "executive"} {
		if _, err := accounts.Create(context.Background(), f.Door, apptest.Operator, accounts.Account{ID: strings.ToLower(name), Name: "Person " + name, Person: "person/" + name, Roles: []string{role}}, "a long pass phrase of "+role); err != nil {
			t.Fatal(err)
		}
	}
	o.schedule()
	return o
}

func (o *told) schedule() {
	o.t.Helper()
	o.runner = act.NewRunner(o.Door, slog.New(slog.DiscardHandler))
	o.sender = o.runner.Beside()
	if err := surface.ScheduleNotifications(o.System, o.runner, o.sender, slog.New(slog.DiscardHandler)); err != nil {
		o.t.Fatal(err)
	}
}

// raw are fields as JSON.
func (o *told) raw(fields map[string]any) map[string]json.RawMessage {
	o.t.Helper()
	raw := map[string]json.RawMessage{}
	for name, value := range fields {
		data, err := json.Marshal(value)
		if err != nil {
			o.t.Fatal(err)
		}
		raw[name] = data
	}
	return raw
}

func (o *told) add(kind *record.Kind, fields map[string]any) string {
	o.t.Helper()
	v, err := o.AddRecord(context.Background(), apptest.Operator, kind, o.raw(fields))
	if err != nil {
		o.t.Fatal(err)
	}
	return v.ID
}

func (o *told) set(kind *record.Kind, id string, fields map[string]any) {
	o.t.Helper()
	if _, err := o.SetRecord(context.Background(), apptest.Operator, kind, id, record.AnyVersion, o.raw(fields)); err != nil {
		o.t.Fatal(err)
	}
}

func (o *told) move(by act.Caller, kind *record.Kind, id, state string, fields map[string]any) {
	o.t.Helper()
	if _, err := o.MoveRecord(context.Background(), by, kind, id, record.AnyVersion, state, o.raw(fields)); err != nil {
		o.t.Fatal(err)
	}
}

// run does what is due, twice: nobody is told twice.
func (o *told) run() {
	o.t.Helper()
	for range 2 {
		for _, r := range []*act.Runner{o.runner, o.sender} {
			if err := r.RunDue(context.Background()); err != nil {
				o.t.Fatal(err)
			}
		}
	}
}

// inbox is what somebody was told of a kind, the oldest first, as "title -> path".
func (o *told) inbox(of, kind string) (lines []string) {
	o.t.Helper()
	if err := o.DB.Read(context.Background(), func(r *store.Reader) error {
		all, err := notifications.Inbox(r, of, "", 1000)
		for _, n := range slices.Backward(all) {
			if n.Kind == kind {
				lines = append(lines, n.Title+" -> "+n.Path)
			}
		}
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return lines
}

// all is what somebody was told of a kind, as their inbox shows it.
func (o *told) all(of, kind string) (all []notifications.Told) {
	o.t.Helper()
	if err := o.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		all, err = notifications.Inbox(r, of, "", 1000)
		for i := range all {
			err = errors.Join(err, surface.OverSince(r, &all[i]))
		}
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(n notifications.Told) bool { return n.Kind != kind })
}

func (o *told) wants(of, kind string, want ...string) {
	o.t.Helper()
	if got := o.inbox(of, kind); !slices.Equal(got, want) {
		o.t.Errorf("%s is told of %s:\n  %s\nwant:\n  %s", of, kind, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func (o *told) finding(owner string) string {
	return o.add(findings.Register, map[string]any{"title": "Key without rotation", "source": "audit", "severity": "high", "found_at": "2026-03-01T00:00:00Z", "owner": owner})
}

func TestARetestIsAskedOfThoseWhoMayGiveIt(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.finding("person/E1")
		o.move(apptest.Operator, findings.Register, id, findings.InProgress, map[string]any{"plan": "Rotate it", "told_to": "person/E3"})
		o.run()
		o.wants("person/E2", notifications.Review)
		o.move(act.Caller{ID: "person/E1", Roles: []string{"administrator"}}, findings.Register, id, findings.Remediated, map[string]any{"remediation": "Rotated"})
		o.run()
		o.wants("person/E2", notifications.Review, "Key without rotation waits for its retest -> /r/findings/"+id)
		o.wants("person/E1", notifications.Review) // who did it
		o.wants("person/E3", notifications.Review) // who may not
	})
}

// Whoever brought it there, or had a part in it, is not asked to judge it.
func TestNobodyIsAskedToReviewTheirOwn(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.finding("person/E2")
		o.move(apptest.Operator, findings.Register, id, findings.InProgress, map[string]any{"plan": "Rotate it", "told_to": "person/E3"})
		o.move(apptest.Operator, findings.Register, id, findings.Remediated, map[string]any{"remediation": "Rotated"})
		o.run()
		o.wants("person/E2", notifications.Review)
	})
}

func TestAnOverdueFindingIsBroughtToWhomItIsEscalated(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.finding("person/E1")
		o.move(apptest.Operator, findings.Register, id, findings.InProgress, map[string]any{"plan": "Rotate it", "told_to": "person/E3"})
		f.Manual.Set(time.Date(2026, 4, 2, 9, 0, 0, 0, time.UTC))
		if _, err := findings.Watch(context.Background(), f.Door, act.JobCaller(surface.WatchJob)); err != nil {
			t.Fatal(err)
		}
		o.run()
		o.wants("person/E3", notifications.Escalation, "Key without rotation was brought to you: it is overdue -> /r/findings/"+id)
		o.wants("person/E1", notifications.Deadline, "Close the finding: Key without rotation is overdue -> /r/findings/"+id)
	})
}

func TestADeadlineIsToldWhenItIsNearAndEveryWeekWhenItHasPassed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.finding("person/E1") // due on 31 March
		o.finding("person/E4")       // who has no account, and cannot see the register
		at := func(month time.Month, day int) {
			f.Manual.Set(time.Date(2026, month, day, 9, 0, 0, 0, time.UTC))
			o.run()
		}
		at(3, 20)
		o.wants("person/E1", notifications.Deadline)
		for _, day := range []int{24, 25, 30} {
			at(3, day)
		}
		near := "Close the finding: Key without rotation, by 31 March 2026 -> /r/findings/" + id
		o.wants("person/E1", notifications.Deadline, near)
		o.wants("person/E4", notifications.Deadline, "Close the finding: Key without rotation, by 31 March 2026 -> /work")
		passed := "Close the finding: Key without rotation is overdue -> /r/findings/" + id
		for _, day := range []int{1, 6, 7, 8} {
			at(4, day)
		}
		o.wants("person/E1", notifications.Deadline, near, passed, passed)
		for week := range 12 {
			at(4, 15+7*week)
		}
		if n := len(o.inbox("person/E1", notifications.Deadline)); n != 9 {
			t.Errorf("%d notes: the reminders have no end, or another one", n)
		}
	})
}

func TestWhatNobodyOwnsConcernsSomebody(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		id := o.finding("person/E4")
		o.move(apptest.Operator, people.Register, "E4", people.Left, map[string]any{"left_at": "2026-03-02T09:00:00Z"})
		f.Manual.Set(time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC))
		o.run()
		o.wants("person/E4", notifications.Deadline)
		o.wants("person/E2", notifications.Deadline, "Close the finding: Key without rotation, by 31 March 2026 -> /r/findings/"+id)
	})
}

// Nobody waits for the night: who has to finish a course is assigned it when it is offered,
// and once.
func TestACourseThatIsOfferedIsAssignedAtOnce(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		course := o.add(training.Courses, map[string]any{"id": "basics", "title": "Look twice", "owner": "security lead", "audience": "everybody", "text": "Look twice."})
		assigned := func() (n int) {
			if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
				all, err := training.Of(r, "person/E1")
				n = len(all)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		o.run()
		if n := assigned(); n != 0 {
			t.Errorf("of a draft there are %d trainings", n)
		}
		for _, state := range []string{training.Offered, training.Retired, training.Offered} {
			o.move(apptest.Operator, training.Courses, course, state, nil)
			o.run()
			if n := assigned(); n != 1 {
				t.Errorf("when it is %s there are %d trainings", state, n)
			}
		}
		if n, err := f.AssignTrainings(t.Context(), apptest.Operator); err != nil || n != 0 {
			t.Errorf("the night assigns %d more: %v", n, err)
		}
		// One whose audience grows is assigned to those who are new in it.
		few := o.add(training.Courses, map[string]any{"id": "deciding", "title": "Decide twice", "owner": "security lead", "audience": "executives", "text": "Decide twice."})
		o.move(apptest.Operator, training.Courses, few, training.Offered, nil)
		o.run()
		if n := assigned(); n != 1 {
			t.Errorf("a course of executives makes it %d trainings", n)
		}
		o.set(training.Courses, few, map[string]any{"audience": "everybody"})
		o.run()
		if n := assigned(); n != 2 {
			t.Errorf("when it is for everybody there are %d trainings", n)
		}
		few = o.add(training.Courses, map[string]any{"id": "reading", "title": "Read twice", "owner": "security lead", "audience": "executives", "text": "Read twice."})
		o.move(apptest.Operator, training.Courses, few, training.Offered, nil)
		if _, err := f.TakeTable(t.Context(), apptest.Operator, surface.Table{Register: "courses", Form: tabular.CSV, Name: "courses.csv", Update: true}, strings.NewReader("id,audience\nreading,everybody\n")); err != nil {
			t.Fatal(err)
		}
		o.run()
		if n := assigned(); n != 3 {
			t.Errorf("when a table says that it is for everybody there are %d trainings", n)
		}
	})
}

func TestPeopleAreToldWhatTheyHaveToAcknowledge(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ctx := context.Background()
		o := openTold(t, f)
		all := catalog.Policies()
		text := all[slices.IndexFunc(all, func(p catalog.Policy) bool { return p.Audience == "everybody" })]
		made, err := f.InstallPolicies(ctx, apptest.Operator, []catalog.Policy{text}, "The wiki")
		if err != nil {
			t.Fatal(err)
		}
		version := made.Versions[0]
		o.move(apptest.Operator, policies.Versions, version, policies.InReview, nil)
		o.run()
		o.wants("person/E3", notifications.Review, text.Title+" waits for approval -> /r/policy_versions/"+version)
		o.move(act.Caller{ID: "person/E3", Roles: []string{"executive"}}, policies.Versions, version, policies.Approved, nil)
		o.move(apptest.Operator, policies.Versions, version, policies.InForce, map[string]any{"channels": []string{"portal"}})
		if n, err := f.AskEverybody(ctx, apptest.Operator); err != nil || n != 4 {
			t.Fatal(n, err)
		}
		o.run()
		for _, id := range []string{"E1", "E4"} {
			o.wants("person/"+id, notifications.Acknowledgment, "Please read and acknowledge: "+text.Title+" -> /policies/"+version)
		}
		// What was answered meanwhile nobody is reminded of.
		o.move(act.Caller{ID: "person/E1", Roles: []string{"account"}}, policies.Acknowledgments, version+".E1", policies.Acknowledged, nil)
		f.Manual.Set(f.Manual.Now().AddDate(0, 0, policies.DaysToAnswer-3))
		for _, want := range []int{1, 0} {
			if n, err := f.RemindPeople(ctx, act.JobCaller("register.watch")); err != nil || n < want {
				t.Fatal(n, err)
			}
		}
		o.run()
		o.wants("person/E1", notifications.Acknowledgment, "Please read and acknowledge: "+text.Title+" -> /policies/"+version)
		o.wants("person/E4", notifications.Acknowledgment, "Please read and acknowledge: "+text.Title+" -> /policies/"+version,
			"Acknowledge the policy: "+text.Title+", by 1 April 2026 -> /policies/"+version)
		// The next text takes its place: everybody is asked about that one at once, and
		// nobody any more about the one before.
		next := o.add(policies.Versions, map[string]any{"policy": "policy/" + text.ID, "text": string(text.File) + "\nOne rule more.\n", "procedure": "The wiki"})
		o.move(apptest.Operator, policies.Versions, next, policies.InReview, nil)
		o.move(act.Caller{ID: "person/E3", Roles: []string{"executive"}}, policies.Versions, next, policies.Approved, nil)
		o.move(apptest.Operator, policies.Versions, next, policies.InForce, map[string]any{"channels": []string{"portal"}})
		o.run()
		asked := func(id string) string {
			for _, n := range o.all("person/"+id, notifications.Acknowledgment) {
				if n.About == policies.Acknowledgments.Name+"/"+version+"."+id {
					return n.Text
				}
			}
			t.Errorf("%s was told nothing of %s", id, version)
			return ""
		}
		if was, answered := asked("E4"), asked("E1"); !strings.Contains(was, "asked no longer: "+version) || strings.Contains(answered, "no longer") {
			t.Errorf("E4 reads %q, E1 %q", was, answered)
		}
		if got := o.inbox("person/E4", notifications.Acknowledgment); len(got) != 3 || !strings.HasSuffix(got[2], "/policies/"+next) {
			t.Errorf("%q", got)
		}
		owed, err := f.Owed(ctx, act.Caller{ID: "person/E4", Roles: []string{"account"}}, 60*24*time.Hour)
		if err != nil || len(owed.Deadlines) != 1 || owed.Deadlines[0].Ref != policies.Acknowledgments.Name+"/"+next+".E4" {
			t.Errorf("%+v %v", owed, err)
		}
	})
}

func TestDutiesAreToldWhenTheyAreDueLateAndMissed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		base, err := f.Duties()
		if err != nil {
			t.Fatal(err)
		}
		name := ""
		for _, d := range base {
			if d.PerformedBy == "" && d.Schedule.Frequency == "quarterly" {
				name = d.ID
			}
		}
		calendarJob(t, f)
		if _, err := f.Desk().Assign(context.Background(), apptest.Operator, name, "person/E1"); err != nil {
			t.Fatal(err)
		}
		for week := range 28 {
			f.Manual.Set(time.Date(2026, 3, 3+7*week, 9, 0, 0, 0, time.UTC))
			o.run()
		}
		var of []string
		for _, line := range o.inbox("person/E1", notifications.Duty) {
			title, path, _ := strings.Cut(line, " -> ")
			if !strings.HasPrefix(path, "/duties/"+name+"/") {
				t.Errorf("%s leads to %s", title, path)
			}
			of = append(of, title[strings.LastIndex(title, " is ")+1:])
		}
		text := strings.Join(of, "\n")
		if !strings.Contains(text, "is due by") || !strings.Contains(text, "is late") || !strings.Contains(text, "missed") || len(of) > 6 {
			t.Errorf("%d notes of two quarters: %q", len(of), of)
		}
	})
}

func TestTheOrganizationIsToldWhenTheLedgerIsNotWholeAndWhenAJobIsGivenUp(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		if _, err := f.Door.Do(context.Background(), act.JobCaller(surface.VerifyJob), "ledger.verify", "ledger", func(tx *act.Tx) error {
			_, err := tx.Event(act.Event{Type: ledger.VerifiedType, Subject: "ledger", Outcome: act.Failure, Data: surface.Verification{Difference: "event 7 was changed"}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"test.fails", "notification.fails"} {
			o.runner.Handle(kind, func(context.Context, *jobs.Job) error { return errors.New("no such luck") })
		}
		if _, err := f.Door.Do(context.Background(), apptest.Operator, "test", "x", func(tx *act.Tx) error {
			if _, err := tx.Event(act.Event{Type: "scaf.test.caused.v1", Subject: "x"}); err != nil {
				return err
			}
			return errors.Join(tx.Enqueue("test.fails", "1", nil, tx.Now()), tx.Enqueue("notification.fails", "1", nil, tx.Now()))
		}); err != nil {
			t.Fatal(err)
		}
		for range jobs.MaxAttempts + 1 {
			o.run()
			f.Manual.Advance(time.Hour)
		}
		o.wants("person/E2", notifications.Ledger, "The verification of the ledger failed -> /ledger")
		o.wants("person/E2", notifications.Job, "SCAF gave up: notification.fails -> /settings", "SCAF gave up: test.fails -> /settings")
		o.wants("person/E1", notifications.Ledger)
		o.wants("person/E1", notifications.Job)
	})
}

// Of what becomes a deviation those are told who can prevent it.
func TestWhatBecomesADeviationIsTold(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		calendarJob(t, f)
		var coming []*reports.Pending
		for days := 0; len(coming) == 0 && days < 60; days++ {
			report, err := f.Readiness(context.Background(), surface.ReadinessQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if coming = report.Day.Coming; len(coming) == 0 {
				f.Manual.Advance(24 * time.Hour)
			}
		}
		o.run()
		got := o.inbox("person/E2", notifications.Deviation)
		if len(got) != len(coming) || len(got) == 0 || !strings.Contains(got[0], "becomes a deviation on") {
			t.Errorf("%d are told, %d come: %q", len(got), len(coming), got)
		}
		// It is not late yet, and people have names.
		for _, n := range o.all("person/E2", notifications.Deviation) {
			if !strings.Contains(n.Text, "is still open") || strings.Contains(n.Text, "person/") || strings.Contains(n.Text, "task/") {
				t.Errorf("%s: %s", n.Title, n.Text)
			}
		}
	})
}

func TestALetterGoesOutByWhatTheConfigurationSays(t *testing.T) {
	post := &notifytest.Post{Password: "correct horse"}
	dir := t.TempDir()
	for name, text := range map[string][]byte{"roots.pem": notifytest.Roots(), "password": []byte("correct horse\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := openTold(t, apptest.New(t, config.Config{Notifications: &config.Notifications{
		PortalURL: "https://scaf.example.com", Roots: filepath.Join(dir, "roots.pem"), AllowPrivate: []string{"127.0.0.0/8"},
		Email: &config.Email{Server: fmt.Sprintf("127.0.0.1:%d", post.Start(t, false)), From: "SCAF <scaf@example.com>", User: "scaf", Password: &config.Secret{File: filepath.Join(dir, "password")}},
	}}))
	id := o.finding("person/E1")
	o.move(apptest.Operator, findings.Register, id, findings.InProgress, map[string]any{"plan": "Rotate it", "told_to": "person/E3"})
	o.move(apptest.Operator, findings.Register, id, findings.Remediated, map[string]any{"remediation": "Rotated"})
	o.run()
	letters := post.Letters()
	if len(letters) != 1 || letters[0].To != "e2@example.com" || !strings.Contains(letters[0].Body, "https://scaf.example.com/r/findings/"+id) {
		for _, l := range letters {
			t.Errorf("%+v", l.Header)
		}
	}
	shown, err := o.ShownChannels()
	if err != nil || len(shown) != 1 || strings.Contains(fmt.Sprint(shown), "horse") {
		t.Errorf("%+v, %v", shown, err)
	}
	// Those who are sent nothing are told all the same.
	if _, err := o.Verify(context.Background(), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestAConfigurationThatCannotBeUsedIsNamedAtTheStart(t *testing.T) {
	for says, c := range map[string]*config.Notifications{
		"SCAF_NO_SUCH":   {Email: &config.Email{Server: "a:587", From: "a@b.example", User: "u", Password: &config.Secret{Env: "SCAF_NO_SUCH"}}},
		"no certificate": {Roots: "scaf.json"}, "no such file": {Roots: "nowhere.pem"},
		"whsec_":             {Webhooks: []config.Webhook{{Name: "siem", URL: "https://x.example", Secret: config.Secret{File: "kek"}}}},
		"no kind of message": {Told: map[string][]string{"weather": {"ciso"}}}, "no role": {Told: map[string][]string{"job": {"boss"}}},
		`"duty" is no kind`: {Webhooks: []config.Webhook{{Name: "siem", URL: "https://x.example", Kinds: []string{"duty"}, Secret: config.Secret{Env: "X"}}}},
	} {
		f := apptest.New(t, config.Config{Notifications: c})
		if _, err := f.NotificationDesk(); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "AGE-SECRET") {
			t.Errorf("%v, which does not say %q", err, says)
		}
	}
}

// An account with which nobody signs in any more is nobody, and who leaves later is there.
func TestWhoHasLeftIsNotToldAndWhoLeavesLaterIs(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		o := openTold(t, f)
		if _, err := accounts.Create(t.Context(), f.Door, apptest.Operator, accounts.Account{ID: "boss", Name: "Example Boss", Roles: []string{"ciso"}}, "a long pass phrase of nobody"); err != nil {
			t.Fatal(err)
		}
		mine, nobodys := o.finding("person/E1"), o.finding("person/E2")
		o.move(apptest.Operator, people.Register, "E2", people.Left, map[string]any{"left_at": "2026-03-01T09:00:00Z"}) // all of compliance
		o.move(apptest.Operator, people.Register, "E1", people.Left, map[string]any{"left_at": "2026-04-30T09:00:00Z"})
		f.Manual.Set(time.Date(2026, 3, 28, 9, 0, 0, 0, time.UTC))
		o.run()
		o.wants("person/E1", notifications.Deadline, "Close the finding: Key without rotation, by 31 March 2026 -> /r/findings/"+mine)
		o.wants("person/E2", notifications.Deadline)
		o.wants("account/boss", notifications.Deadline, "Close the finding: Key without rotation, by 31 March 2026 -> /r/findings/"+nobodys)
	})
}

// Where more become deviations than are told in a night, the others are told in the next ones.
func TestOfManyDeviationsTheLaterOnesAreToldToo(t *testing.T) {
	o := openTold(t, apptest.New(t, config.Config{}))
	day := 24 * time.Hour
	var coming []*reports.Pending
	for i := range 250 {
		coming = append(coming, &reports.Pending{Item: fmt.Sprintf("finding/FND-%d", i), Title: "Example", Owner: "compliance", Due: o.Manual.Now().Add(day), Deadline: o.Manual.Now().Add(7 * day)})
	}
	desk, err := o.NotificationDesk()
	if err != nil {
		t.Fatal(err)
	}
	for night, want := range []int{100, 200, 250, 250} {
		if _, err := surface.TellComing(o.System, t.Context(), desk, apptest.Operator, coming); err != nil {
			t.Fatal(err)
		}
		if got := len(o.inbox("person/E2", notifications.Deviation)); got != want {
			t.Errorf("after %d nights %d are told, want %d", night+1, got, want)
		}
	}
}
