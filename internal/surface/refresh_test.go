package surface_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// compared are controls over every source, and of every kind.
var compared = []string{"ACC-02", "CHG-01", "CHG-04", "CLD-02", "CLD-07", "LOG-01", "MON-02", "PPL-01", "PPL-03", "PPL-05"}

// answers are what every test would say now, performed in full.
func (f *firm) answers() map[results.Key]string {
	f.t.Helper()
	all, err := f.Controls()
	if err != nil {
		f.t.Fatal(err)
	}
	said := map[results.Key]string{}
	for _, c := range all {
		for _, test := range c.Tests {
			if test.Population.Awaited || !slices.Contains(compared, c.ID) {
				continue
			}
			outcome, err := f.Lab().Perform(context.Background(), apptest.Operator, results.Task{Control: c, Test: test, Period: *f.period})
			if err != nil {
				f.t.Fatal(err)
			}
			said[results.Key{Control: c.ID, Test: test.ID}] = gist(outcome.Result, outcome.Population.SHA256)
		}
	}
	return said
}

func gist(r *results.Result, population string) string {
	return fmt.Sprint(r.Conclusion, r.Interim, r.Count, r.Passed, r.Deviations, r.Open, r.Because, population)
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// A test that Refresh leaves alone would have said what it said before.
func TestRefreshPerformsWhateverWouldSayAnythingElse(t *testing.T) {
	folder := apptest.New(t, config.Config{}) // the daily job's test has both databases
	f, ctx := openFirm(t, folder), context.Background()
	cloud := func(id, name, at string) []byte {
		return []byte(`{"specversion":"1.0","id":"` + id + `","source":"aws","type":"com.amazonaws","time":"` + at + `","data":{"eventName":"` + name + `","eventSource":"cloudtrail.amazonaws.com"}}`)
	}
	imported := func(complete bool, since, until string) func() error {
		return func() error {
			done := record.Completed{Source: "cloudtrail", Register: "events", Complete: complete, Query: "q", Summary: &record.Summary{}}
			from, to := instant(t, since), instant(t, until)
			done.Since, done.Until = &from, &to
			if !complete {
				done.Gaps = []string{"a file is missing"}
			}
			return record.Complete(ctx, f.Door, apptest.Operator, "import.cloudtrail", "cloudtrail", done)
		}
	}
	every := 0
	all, err := f.Controls()
	if err != nil {
		t.Fatal(err)
	}
	for _, control := range all {
		every += len(control.Tests)
	}
	steps := []struct {
		name string
		do   func() error
		// least is how many tests at least have something new to say.
		least, most int
	}{
		{"the first time", func() error { return nil }, 25, every},
		{"nothing", func() error { return nil }, 0, 0},
		{"a minute", func() error { f.at("2026-01-12T09:01:00Z"); return nil }, 0, 0},
		{"a day", func() error { f.at("2026-01-13T09:00:00Z"); return nil }, 1, 4},
		{"a change", func() error {
			addChange(t, folder, "c1", map[string]any{"merged_at": "2026-01-13T08:00:00Z"})
			return nil
		}, 4, 4},
		{"an event of no interest", func() error {
			folder.Append(t, []byte(`{"specversion":"1.0","id":"x1","source":"x","type":"x","time":"2026-01-13T08:00:00Z"}`))
			return nil
		}, 0, 0},
		{"an act in the cloud, and one of tomorrow", func() error {
			folder.Append(t, cloud("a1", "StopLogging", "2026-01-13T08:00:00Z"), cloud("a2", "StopLogging", "2026-01-14T08:00:00Z"))
			return nil
		}, 2, 2},
		{"its day comes", func() error { f.at("2026-01-14T09:00:00Z"); return nil }, 2, 6},
		{"weeks", func() error { f.at("2026-02-06T09:00:00Z"); return nil }, 2, 20},
		{"an import ends", func() error {
			return record.Complete(ctx, f.Door, apptest.Operator, "import.git", "git", record.Completed{Source: "git", Register: "changes", Complete: true, Query: "q", Summary: &record.Summary{}})
		}, 0, 4},
		{"events are imported up to a day", imported(true, "2025-12-01T00:00:00Z", "2026-02-05T00:00:00Z"), 2, 20},
		{"an act after that day", func() error {
			folder.Append(t, cloud("a3", "StopLogging", "2026-02-05T12:00:00Z"))
			return nil
		}, 0, 0},
		{"the same is imported again", imported(true, "2026-01-05T00:00:00Z", "2026-02-05T00:00:00Z"), 0, 0},
		{"the next day is imported", imported(true, "2026-02-05T00:00:00Z", "2026-02-06T00:00:00Z"), 2, 2},
		{"an import with a hole, of days that are known", imported(false, "2026-02-05T00:00:00Z", "2026-02-06T00:00:00Z"), 0, 0},
		{"somebody joined, and somebody leaves tomorrow", func() error {
			f.add("E9", "joined_at", "2026-02-06T08:00:00Z")
			_, err := f.MoveRecord(ctx, apptest.Operator, people.Register, "E3", record.AnyVersion, people.Left, fields("left_at", "2026-02-07T08:00:00Z"))
			return err
		}, 4, 5},
		{"they have left, and their access has not ended", func() error { f.at("2026-02-09T09:00:00Z"); return nil }, 1, 5},
		{"a meeting is held", func() error {
			v, err := f.AddRecord(ctx, apptest.Operator, meetings.Register, fields("title", "Week 6", "series", meetings.Posture, "chair", "person/E1", "keeper", "person/E1"))
			if err != nil {
				return err
			}
			held := fields("held_at", "2026-02-06T10:00:00Z", "notes", "Alerts.", "no_decisions", "None was needed.")
			held["attendees"], held["topics"] = json.RawMessage(`["person/E1","person/E2"]`), json.RawMessage(`["Alerts"]`)
			_, err = f.MoveRecord(ctx, apptest.Operator, meetings.Register, v.ID, record.AnyVersion, meetings.Held, held)
			return err
		}, 1, 1},
		{"a duty is done", func() error {
			_, err := f.Desk().Done(ctx, apptest.Operator, tasks.Entry{Ref: "posture-review@2026-02-06", Evidence: []string{"meeting/MTG-1"}})
			return err
		}, 1, 1},
		{"the period is closed", func() (err error) {
			f.at("2026-07-02T09:00:00Z")
			f.period, err = periods.Close(ctx, f.Door, apptest.Operator, "H1")
			return err
		}, 25, every},
		{"time after it", func() error { f.at("2026-07-03T09:00:00Z"); return nil }, 0, 0},
	}
	f.at("2026-01-12T09:00:00Z")
	said := map[results.Key]string{}
	var mark results.Mark
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		all, err := f.Controls()
		if err != nil {
			t.Fatal(err)
		}
		done, err := f.Lab().Refresh(ctx, apptest.Operator, all, *f.period, mark)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		mark = done.Mark
		if n := len(done.Performed); n < step.least || n > step.most {
			t.Errorf("%s: %d tests said something new, want %d to %d", step.name, n, step.least, step.most)
		}
		for _, o := range done.Performed {
			said[results.Key{Control: o.Result.Control, Test: o.Result.Test}] = gist(o.Result, o.Population.SHA256)
		}
		for key, want := range f.answers() {
			if said[key] != want {
				t.Errorf("%s: %v says %s, refreshed it said %s", step.name, key, want, said[key])
			}
		}
	}
	if _, err := f.Verify(ctx, nil, nil); err != nil {
		t.Fatal(err)
	}
}

// The daily job tests what has changed, keeps the report, and is what the duty
// is performed by.
func TestTheDailyReportIsMadeAndRecorded(t *testing.T) {
	apptest.Each(t, func(t *testing.T, folder *apptest.Folder) {
		f, ctx := openFirm(t, folder), context.Background()
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		runner := act.NewRunner(f.Door, log)
		if err := surface.ScheduleReadiness(f.System, runner, log); err != nil {
			t.Fatal(err)
		}
		for _, at := range []string{"2026-01-12T09:00:00Z", "2026-01-12T10:00:00Z", "2026-01-13T01:15:00Z"} {
			f.at(at)
			if err := runner.RunDue(ctx); err != nil {
				t.Fatal(err)
			}
		}
		var made []reports.Made
		if err := ledger.Find(ctx, f.DB, ledger.Query{Type: reports.MadeType}, func(e *ledger.Event) error {
			var one reports.Made
			made = append(made, one)
			return json.Unmarshal(e.Data, &made[len(made)-1])
		}); err != nil {
			t.Fatal(err)
		}
		if len(made) != 2 || !made[0].Since.Equal(made[0].At.Add(-24*time.Hour)) || made[1].At.Sub(made[0].At) != 16*time.Hour+15*time.Minute {
			t.Fatalf("reports: %+v", made)
		}
		content, err := f.Blobs.Open(ctx, made[1].SHA256)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = content.Close() }()
		kept, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(f.report(surface.ReadinessQuery{At: made[1].At}))
		if err != nil {
			t.Fatal(err)
		}
		var was, is reports.Readiness
		if json.Unmarshal(kept, &was) != nil || json.Unmarshal(again, &is) != nil || was.Ledger.Size >= is.Ledger.Size {
			t.Fatalf("kept %s", kept)
		}
		var o *tasks.Occurrence
		if err := f.DB.Read(ctx, func(r *store.Reader) (err error) {
			_, o, err = f.Desk().Show(r, "readiness-report@2026-01-12", f.Manual.Now())
			return err
		}); err != nil || o.DoneAt == nil || o.State != "done" {
			t.Errorf("the duty: %+v, %v", o, err)
		}
	})
}
