package surface_test

import (
	"cmp"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// firm is a folder with a calendar, a period, somebody who has left and
// somebody who has joined.
type firm struct {
	*apptest.Folder
	t      *testing.T
	period *periods.Period
}

func openFirm(t *testing.T, f *apptest.Folder) *firm {
	firm := &firm{Folder: f, t: t}
	firm.at("2026-01-10T09:00:00Z")
	ctx := context.Background()
	if _, err := f.Establish(ctx, apptest.Operator); err != nil {
		t.Fatal(err)
	}
	var err error
	if firm.period, err = periods.OpenPeriod(ctx, f.Door, apptest.Operator, periods.Period{
		Name: "H1", From: time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), Timezone: "UTC",
	}); err != nil {
		t.Fatal(err)
	}
	firm.add("E3", "joined_at", "2025-02-10T09:00:00Z")
	firm.add("E1", "joined_at", "2026-02-10T09:00:00Z", "title", "Engineer", "manager", "E3")
	firm.add("E2", "joined_at", "2025-02-10T09:00:00Z")
	return firm
}

func (f *firm) at(text string) {
	f.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		f.t.Fatal(err)
	}
	f.Manual.Set(at)
}

func fields(pairs ...string) map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for i := 0; i < len(pairs); i += 2 {
		values[pairs[i]] = json.RawMessage(`"` + pairs[i+1] + `"`)
	}
	return values
}

func (f *firm) add(id string, pairs ...string) {
	f.t.Helper()
	if _, err := f.AddRecord(context.Background(), apptest.Operator, people.Register, fields(append(pairs, "id", id, "name", "Example "+id)...)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *firm) set(id string, pairs ...string) {
	f.t.Helper()
	if _, err := f.SetRecord(context.Background(), apptest.Operator, people.Register, id, record.AnyVersion, fields(pairs...)); err != nil {
		f.t.Fatal(err)
	}
}

func (f *firm) report(q surface.ReadinessQuery) *reports.Readiness {
	f.t.Helper()
	report, err := f.Readiness(context.Background(), q)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, list := range [][]*reports.Pending{report.Day.Late, report.Day.Coming} {
		if !slices.IsSortedFunc(list, func(a, b *reports.Pending) int {
			return cmp.Or(a.Deadline.Compare(b.Deadline), cmp.Compare(a.Item, b.Item), slices.Compare(a.Tests, b.Tests))
		}) {
			f.t.Errorf("what presses most does not come first: %+v", list)
		}
	}
	return report
}

func (f *firm) test(control string) {
	f.t.Helper()
	c, err := f.Control(control)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, test := range c.Tests {
		if _, err := f.Lab().Perform(context.Background(), apptest.Operator, results.Task{Control: c, Test: test, Period: *f.period}); err != nil {
			f.t.Fatal(err)
		}
	}
}

func find(list []*reports.Pending, item string) *reports.Pending {
	if i := slices.IndexFunc(list, func(p *reports.Pending) bool { return p.Item == item }); i >= 0 {
		return list[i]
	}
	return nil
}

func TestWhatBecomesADeviationIsNamedWithWhoCanPreventIt(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f, ctx := openFirm(t, folder), context.Background()
		f.at("2026-02-27T12:00:00Z")
		if _, err := f.MoveRecord(ctx, apptest.Operator, people.Register, "E2", record.AnyVersion, people.Left, fields("left_at", "2026-02-27T12:00:00Z")); err != nil {
			t.Fatal(err)
		}
		f.at("2026-02-28T10:00:00Z")
		f.test("PPL-01")
		day := f.report(surface.ReadinessQuery{}).Day
		wants := []struct {
			item, deadline, owner, test string
		}{
			{"person/E2", "2026-02-28T12:00:00Z", "people lead", "PPL-01 leavers"},
			{"task/access-review@2026-02-28", "2026-03-05T23:59:59.999999Z", "security lead", "ACC-02 monthly"},
		}
		for _, want := range wants {
			p := find(day.Coming, want.item)
			if p == nil {
				t.Errorf("%s is not among what comes: %+v", want.item, day.Coming)
				continue
			}
			if p.Deadline.Format(time.RFC3339Nano) != want.deadline || p.Owner != want.owner || !slices.Contains(p.Tests, want.test) {
				t.Errorf("%+v, want %+v", *p, want)
			}
		}
		// Thirty days after joining is beyond seven days, and not beyond thirty.
		if p := find(day.Coming, "person/E1"); p != nil {
			t.Errorf("%+v is further ahead than a week", *p)
		}
		if p := find(f.report(surface.ReadinessQuery{Days: 30}).Day.Coming, "person/E1"); p == nil || !slices.Equal(p.Tests, []string{"PPL-03 joiners"}) {
			t.Errorf("of what E1 has not done: %+v", p)
		}
		// An occurrence that nobody can do yet is not held against anybody.
		for _, p := range day.Coming {
			if strings.HasPrefix(p.Item, "task/log-integrity-check@2026-03-02") || strings.HasPrefix(p.Item, "2026-03-02") {
				t.Errorf("%+v cannot be done before its day", p)
			}
		}
		if _, err := f.Desk().Delegate(ctx, apptest.Operator, "access-review", "person/E3", f.Manual.Now().AddDate(0, 0, 10)); err != nil {
			t.Fatal(err)
		}
		if p := find(f.report(surface.ReadinessQuery{}).Day.Coming, "task/access-review@2026-02-28"); p == nil || p.Owner != "person/E3" {
			t.Errorf("after it was handed to E3: %+v", p)
		}

		f.at("2026-02-28T13:00:00Z")
		f.test("PPL-01")
		report := f.report(surface.ReadinessQuery{})
		if p := find(report.Day.Late, "person/E2"); p == nil || find(report.Day.Coming, "person/E2") != nil {
			t.Errorf("an hour after the deadline: late %+v", report.Day.Late)
		}
		if !slices.ContainsFunc(report.Day.Deviations, func(d reports.NewDeviation) bool {
			return d.Item == "person/E2" && d.Control == "PPL-01" && d.Reason == controltests.Missing && d.Result != ""
		}) {
			t.Errorf("new deviations: %+v", report.Day.Deviations)
		}
		if !slices.ContainsFunc(report.Day.Changes, func(c reports.Change) bool {
			return c.Control == "PPL-01" && c.From == controltests.NotTested && c.To == controltests.Ineffective
		}) {
			t.Errorf("changes: %+v", report.Day.Changes)
		}
		f.set("E2", "access_ended_at", "2026-02-28T13:00:00Z")
		if p := find(f.report(surface.ReadinessQuery{}).Day.Late, "person/E2"); p != nil {
			t.Errorf("it has been done: %+v", p)
		}
		// A day later the same deviation is nothing new.
		f.at("2026-03-01T14:00:00Z")
		if report = f.report(surface.ReadinessQuery{}); len(report.Day.Deviations)+len(report.Day.Changes) > 0 {
			t.Errorf("a day later: %+v %+v", report.Day.Deviations, report.Day.Changes)
		}
	})
}

// Of what SCAF computes itself nobody can import anything: the reason names the
// register that it is computed of.
func TestAnEmptySourceThatIsComputedNamesItsRegister(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f := openFirm(t, folder)
		f.at("2026-02-10T09:00:00Z")
		f.test("RSK-02")
		because := []string{}
		for _, control := range f.report(surface.ReadinessQuery{}).Controls {
			for _, test := range control.Tests {
				if control.ID == "RSK-02" && test.Result != nil {
					because = append(because, test.Result.Because...)
				}
			}
		}
		const want = "Of risk_reviews, which SCAF computes from risks, nothing falls into the period, and nothing says that risks is complete"
		if text := strings.Join(because, "\n"); !strings.Contains(text, want) || strings.Contains(text, "into risk_reviews") {
			t.Errorf("%s\nwant %q", text, want)
		}
	})
}

func TestDutiesTurnLateAndMissedOnTheirDay(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f := openFirm(t, folder)
		turned := func(at string) (list []string) {
			f.at(at)
			for _, t := range f.report(surface.ReadinessQuery{}).Day.Turned {
				if strings.HasPrefix(t.Occurrence, "posture-review") {
					list = append(list, t.Occurrence+" "+t.State)
				}
			}
			return list
		}
		// Due on Friday the 16th, three days of grace; the next one a week later.
		for at, want := range map[string][]string{
			"2026-01-19T12:00:00Z": nil,
			"2026-01-20T12:00:00Z": {"posture-review@2026-01-16 late"},
			"2026-01-21T12:00:00Z": nil,
			"2026-01-24T12:00:00Z": {"posture-review@2026-01-16 missed"},
		} {
			if got := turned(at); !slices.Equal(got, want) {
				t.Errorf("at %s %v turned, want %v", at, got, want)
			}
		}
	})
}

// The report of a day says the same whenever it is asked for.
func TestTheReportOfADayDoesNotChangeAfterwards(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f, ctx := openFirm(t, folder), context.Background()
		f.at("2026-02-28T10:00:00Z")
		f.test("PPL-04")
		end, err := time.Parse(time.RFC3339Nano, "2026-02-28T23:59:59.999999Z")
		if err != nil {
			t.Fatal(err)
		}
		f.Manual.Set(end)
		first, err := json.Marshal(f.report(surface.ReadinessQuery{}))
		if err != nil {
			t.Fatal(err)
		}
		f.at("2026-03-20T10:00:00Z")
		f.set("E1", "training_completed_at", "2026-03-20T10:00:00Z")
		f.test("PPL-04")
		if _, err := f.Desk().Delegate(ctx, apptest.Operator, "access-review", "person/E3", f.Manual.Now().AddDate(0, 0, 10)); err != nil {
			t.Fatal(err)
		}
		at, err := f.Day("2026-02-28")
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(f.report(surface.ReadinessQuery{At: at}))
		if err != nil {
			t.Fatal(err)
		}
		if string(first) != string(again) {
			t.Errorf("then\n%s\nnow\n%s", first, again)
		}
		for _, date := range []string{"2026-03-21", "yesterday", ""} {
			if _, err := f.Day(date); err == nil {
				t.Errorf("there is a report of %q", date)
			}
		}
	})
}

// People are shown one report until something changes: the ledger, a control's file,
// or the minute.
func TestTheReportThatPeopleAreShown(t *testing.T) {
	f := openFirm(t, apptest.New(t, config.Config{}))
	shown := func() *reports.Readiness {
		t.Helper()
		report, err := f.Standing(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	last := shown()
	same := func(why string, want bool) {
		t.Helper()
		now := shown()
		if (now == last) != want {
			t.Errorf("%s: the same report is %t, want %t", why, now == last, want)
		}
		if want := f.report(surface.ReadinessQuery{At: now.At}); now.Ledger != want.Ledger || !slices.EqualFunc(now.Day.Late, want.Day.Late, func(a, b *reports.Pending) bool { return a.Item == b.Item }) {
			t.Errorf("%s: it is of %+v, want %+v", why, now.Ledger, want.Ledger)
		}
		last = now
	}
	same("nothing happened", true)
	f.Manual.Set(f.Manual.Now().Add(59 * time.Second))
	same("within the minute", true)
	f.Manual.Set(f.Manual.Now().Add(time.Second))
	same("a minute later", false)
	f.add("E4", "joined_at", "2026-01-05T09:00:00Z")
	same("somebody joined", false)
	dir := filepath.Join(f.Dir, surface.ControlsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "own.yaml"), []byte(strings.NewReplacer("OWNER", "people lead", "GRACE", "24h").Replace(leavers)), 0o600); err != nil {
		t.Fatal(err)
	}
	same("a control was added", false)
	same("nothing happened since", true)
	f.Manual.Set(f.Manual.Now().Add(-time.Second))
	same("the clock went back", false)
	// Those who look at once after a change wait for one report, and all see it.
	f.add("E5", "joined_at", "2026-01-05T09:00:00Z")
	seen := make([]*reports.Readiness, 8)
	var looking sync.WaitGroup
	for i := range seen {
		looking.Go(func() { seen[i], _ = f.Standing(context.Background()) })
	}
	looking.Wait()
	for _, report := range seen {
		if report == nil || report == last || report != seen[0] {
			t.Fatal("eight who looked at once have several reports, or none")
		}
	}
}
