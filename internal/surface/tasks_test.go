package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// calendarJob runs what is due of the calendar's job.
func calendarJob(t *testing.T, f *apptest.Folder) {
	t.Helper()
	runner := act.NewRunner(f.Door, slog.New(slog.DiscardHandler))
	if err := surface.ScheduleCalendar(f.System, runner, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if err := runner.RunDue(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func occurrences(t *testing.T, f *apptest.Folder, q tasks.Query) []tasks.Listed {
	t.Helper()
	listed, err := f.Occurrences(context.Background(), apptest.Operator, q)
	if err != nil {
		t.Fatal(err)
	}
	return listed
}

func TestTheCalendarIsThereFromTheFirstStart(t *testing.T) {
	f := apptest.New(t, config.Config{Timezone: "America/New_York"})
	year := tasks.Query{From: apptest.Begin, To: apptest.Begin.AddDate(1, 0, 0)}
	preview := occurrences(t, f, year)
	calendarJob(t, f)
	started := occurrences(t, f, year)
	if fmt.Sprint(preview) != fmt.Sprint(started) || len(started) < 2*365+52+24+16+5-2 {
		t.Errorf("%d occurrences before the first start, %d after", len(preview), len(started))
	}
	before := taskEvents(t, f)
	f.Manual.Advance(24 * time.Hour)
	calendarJob(t, f)
	if after := taskEvents(t, f); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("the second run established again: %v", after)
	}
}

// taskEvents are the events about duties.
func taskEvents(t *testing.T, f *apptest.Folder) (types []string) {
	t.Helper()
	if err := ledger.Find(context.Background(), f.DB, ledger.Query{Type: "scaf.task.*"}, func(e *ledger.Event) error {
		types = append(types, e.Type+" "+e.Subject)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return types
}

func TestAnOwnerWhoLeftIsNamedByTheDailyJob(t *testing.T) {
	ctx := context.Background()
	f := apptest.New(t, config.Config{})
	calendarJob(t, f)
	if _, err := f.AddRecord(ctx, apptest.Operator, people.Register, map[string]json.RawMessage{
		"id": json.RawMessage(`"E1"`), "name": json.RawMessage(`"Example"`),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Desk().Assign(ctx, apptest.Operator, "access-review", "person/E1"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.MoveRecord(ctx, apptest.Operator, people.Register, "E1", record.AnyVersion, people.Left, map[string]json.RawMessage{
		"left_at": json.RawMessage(`"2026-03-01T00:00:00Z"`),
	}); err != nil {
		t.Fatal(err)
	}
	f.Manual.Advance(24 * time.Hour)
	calendarJob(t, f)
	types := taskEvents(t, f)
	if last := types[len(types)-1]; last != "scaf.task.orphaned.v1 task/access-review" {
		t.Errorf("the last event is %s", last)
	}
	if task, _, err := f.Task(ctx, apptest.Operator, "access-review"); err != nil || task.Orphaned == nil || task.Orphaned.Owner != "person/E1" {
		t.Errorf("%+v %v", task, err)
	}
}

func TestAnOrganisationsOwnDutiesAreAdded(t *testing.T) {
	f := apptest.New(t, config.Config{})
	dir := filepath.Join(f.Dir, surface.DutiesDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("fire.yaml", "id: fire-drill\ntitle: Fire drill\nowner: head of people\nfrequency: once\ndate: 2026-05-01\nescalate: {to: boss, after: 1h}\n")
	listed := occurrences(t, f, tasks.Query{From: apptest.Begin, To: apptest.Begin.AddDate(1, 0, 0), Duty: "fire-drill"})
	if len(listed) != 1 || listed[0].ID != "fire-drill@2026-05-01" {
		t.Errorf("%+v", listed)
	}
	write("bad.yaml", "id: bad\nowner: x\n")
	if _, err := f.Duties(); err == nil || !strings.Contains(err.Error(), "bad.yaml:1: title is missing") {
		t.Errorf("%v", err)
	}
}

// A control can be tested over the occurrences of a duty; one that is done
// late or missed is a deviation, whenever it was made up for.
func TestAControlIsTestedOverOccurrences(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		ctx := context.Background()
		own(t, f, "TST-01.yaml", `id: TST-01
title: The access review is done every month
owner: security lead
frequency: monthly
criteria: [CC6.2]
tests:
  - id: monthly
    kind: occurrence
    title: Each review was done within its grace
    population:
      from: occurrences
      where: item.duty == "access-review"
    due: item.due_at
    done: item.done_at
    grace: 120h
    pass: item.state == "done" && item.ok && size(item.evidence) > 0
`)
		calendarJob(t, f) // on 2026-03-02
		review := func(at, ref string) {
			t.Helper()
			f.Manual.Set(date(t, at))
			if _, err := f.Done(ctx, apptest.Operator, tasks.Entry{Ref: ref, Evidence: []string{"task/access-review"}}, "export "+at+".csv", strings.NewReader("account,decision\n")); err != nil {
				t.Fatal(err)
			}
		}
		review("2026-04-03", "access-review") // in the grace
		review("2026-05-20", "access-review") // late
		review("2026-07-20", "access-review@2026-05-31")
		review("2026-07-21", "access-review@2026-06-30")
		f.Manual.Set(date(t, "2026-08-01"))
		if _, err := periods.OpenPeriod(ctx, f.Door, apptest.Operator, periods.Period{Name: "H1", From: date(t, "2026-03-03"), To: date(t, "2026-07-01"), Timezone: "UTC"}); err != nil {
			t.Fatal(err)
		}
		period, err := periods.Close(ctx, f.Door, apptest.Operator, "H1")
		if err != nil {
			t.Fatal(err)
		}
		control, err := f.Control("TST-01")
		if err != nil {
			t.Fatal(err)
		}
		versionstest.InForce(t, f.Door, f.Blobs, control)
		outcome, err := f.Lab().Perform(ctx, apptest.Operator, results.Task{Control: control, Test: control.Tests[0], Period: *period})
		if err != nil {
			t.Fatal(err)
		}
		r := outcome.Result
		if r.Conclusion == controltests.Incomplete || r.Count != 4 || r.Passed != 1 || r.Deviations != 3 {
			t.Errorf("%+v", r)
		}
		states := map[string]calendar.State{}
		for _, l := range occurrences(t, f, tasks.Query{From: period.From, To: period.To, Duty: "access-review"}) {
			states[l.ID] = l.State
		}
		if got := fmt.Sprint(states); got != "map[access-review@2026-03-31:done access-review@2026-04-30:late access-review@2026-05-31:missed access-review@2026-06-30:late]" {
			t.Error(got)
		}
	})
}

// Of the time before the calendar began nothing is known: that is neither a
// pass nor a failure. A duty that was not due in a time the calendar speaks
// for is not occurring.
func TestATimeBeforeTheCalendarIsIncomplete(t *testing.T) {
	ctx := context.Background()
	f := apptest.New(t, config.Config{})
	own(t, f, "TST-02.yaml", `id: TST-02
title: Vendors are assessed again every year
owner: security lead
frequency: annual
criteria: [CC9.2]
tests:
  - id: yearly
    kind: occurrence
    title: The reassessment was done
    population:
      from: occurrences
      where: item.duty == "vendor-reassessment"
    due: item.due_at
    done: item.done_at
`)
	perform := func(name, from, to string) controltests.Conclusion {
		t.Helper()
		f.Manual.Set(date(t, to))
		period, err := periods.OpenPeriod(ctx, f.Door, apptest.Operator, periods.Period{Name: name, From: date(t, from), To: date(t, to), Timezone: "UTC"})
		if err == nil {
			period, err = periods.Close(ctx, f.Door, apptest.Operator, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		control, err := f.Control("TST-02")
		if err != nil {
			t.Fatal(err)
		}
		versionstest.InForce(t, f.Door, f.Blobs, control)
		outcome, err := f.Lab().Perform(ctx, apptest.Operator, results.Task{Control: control, Test: control.Tests[0], Period: *period})
		if err != nil {
			t.Fatal(err)
		}
		return outcome.Result.Conclusion
	}
	if got := perform("none", "2026-03-02", "2026-03-03"); got != controltests.Incomplete {
		t.Errorf("without a calendar: %s", got)
	}
	f.Manual.Set(date(t, "2026-03-10"))
	calendarJob(t, f)
	if got := perform("part", "2026-03-05", "2026-04-01"); got != controltests.Incomplete {
		t.Errorf("a calendar for a part of the period: %s", got)
	}
	if got := perform("whole", "2026-04-01", "2026-07-01"); got != controltests.NotOccurring {
		t.Errorf("nothing was due: %s", got)
	}
}

func date(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
