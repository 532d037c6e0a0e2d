package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// Tests over events, one of which has a filter that may fail, and one that is
// none of those that go on: its ids are not known to be unique.
const trail = `
id: E-1
title: Events are as they should be
owner: test
frequency: multi_daily
criteria: [CC8.1]
tests:
  - {id: fine, kind: census, title: Fine, population: {from: events, where: item.type == "seen"}, pass: item.data.ok}
  - {id: same, kind: census, title: Same, population: {from: events, where: item.type == "seen"}, pass: item.data.n < 3}
  - {id: some, kind: census, title: Some, population: {from: events, where: item.type == "seen" && item.data.n > 1}, pass: item.data.ok}
  - {id: all, kind: census, title: All, population: {from: events}, pass: item.type != "bad"}
  - {id: sources, kind: census, title: Sources, population: {from: events, id: item.source + item.id}, pass: item.type != "bad"}
`

func parseTrail(t testing.TB, replace ...string) *controls.Control {
	t.Helper()
	control, err := controls.Parse("E-1.yaml", []byte(strings.NewReplacer(replace...).Replace(trail)), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return control
}

// reading counts the events that are read of more than one type.
type reading struct {
	populations.Snapshot
	events int
}

func (c *reading) Events(q ledger.Query, visit func(*ledger.Event) error) error {
	return c.Snapshot.Events(q, func(e *ledger.Event) error {
		if q.Type == "" {
			c.events++
		}
		return visit(e)
	})
}

// compute answers questions as of now, and counts what was read for them.
func (l *laboratory) compute(questions []*results.Question) (answers []*results.Answer, read int) {
	l.Helper()
	answers = make([]*results.Answer, len(questions))
	if err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		if err != nil {
			return err
		}
		for _, q := range questions {
			q.Window.AsOf = head.Size
		}
		c := &reading{Snapshot: populations.Stored(r)}
		err = results.Compute(context.Background(), c, kinds, questions, func(number int, a *results.Answer, err error) error {
			answers[number] = a
			return err
		})
		read = c.events
		return err
	}); err != nil {
		l.Fatal(err)
	}
	return answers, read
}

// asJSON is how a value is written, so that two can be held against each other.
func asJSON(t testing.TB, value any) string {
	t.Helper()
	text, err := json.MarshalIndent(value, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGoingOnIsBeginningAtTheBeginning imports events at random, in order and out
// of it, and asks in between: whichever earlier answer one goes on from, the
// answer is what computing from the beginning gives, to the byte, and so is what
// it takes to go on from there.
func TestGoingOnIsBeginningAtTheBeginning(t *testing.T) {
	each(t, func(l *laboratory) {
		n, shorter := 0, 0
		files := []*controls.Control{parseTrail(l.T), parseTrail(l.T, "item.data.n < 3", "item.data.n < 2")}
		rapid.Check(l.T, func(rt *rapid.T) {
			if n++; n > 30 { // the ledger grows
				return
			}
			shorter += l.goOn(rt, n, files) // each has a year of its own
		})
		if shorter < 10 {
			l.Errorf("in %d histories %d answers were given by reading less: the test shows nothing", n, shorter)
		}
	})
}

// goOn goes through one history, and returns how many answers were given by
// reading less than everything.
func (l *laboratory) goOn(rt *rapid.T, n int, files []*controls.Control) (shorter int) {
	year := time.Date(1500+n, 1, 1, 0, 0, 0, 0, time.UTC)
	period := fmt.Sprint("P", n)
	control, to, number := files[0], 24, 0
	known := make([][]*results.Progress, len(control.Tests))
	for range rapid.IntRange(2, 12).Draw(rt, "steps") {
		switch rapid.SampledFrom([]string{"import", "import", "import", "late", "later", "later", "earlier", "judge", "cover", "file", "other"}).Draw(rt, "step") {
		case "import":
			l.arrive(rt, year, to-2, to+1, &number)
		case "late":
			l.arrive(rt, year, 0, to, &number)
		case "later":
			to += rapid.IntRange(0, 900).Draw(rt, "hours")
		case "earlier":
			to -= rapid.IntRange(0, 3).Draw(rt, "hours")
			to = max(to, 3)
		case "judge":
			l.stated(rt, period)
		case "cover":
			since := year.Add(time.Duration(rapid.IntRange(-2, 5).Draw(rt, "since")) * time.Hour)
			l.eventsImported(since, since.Add(time.Duration(rapid.IntRange(1, 2*to).Draw(rt, "covered"))*time.Hour))
		case "file":
			control = rapid.SampledFrom(files).Draw(rt, "file")
		}
		whole, begun := make([]*results.Question, len(control.Tests)), make([]*results.Question, len(control.Tests))
		for i, test := range control.Tests {
			q := results.Question{Control: control, Test: test, Period: period, Interim: true, Engine: "e", Window: populations.Window{
				From: year, To: year.Add(time.Duration(to) * time.Hour), Zone: time.UTC, Interim: true,
			}}
			again := q
			whole[i], begun[i] = &q, &again
			if len(known[i]) > 0 {
				again.Before = known[i][max(0, len(known[i])-rapid.IntRange(1, 3).Draw(rt, "before"))]
			}
		}
		want, all := l.compute(whole)
		got, read := l.compute(begun)
		for i, test := range control.Tests {
			if diff := cmp.Diff(asJSON(l.T, want[i]), asJSON(l.T, got[i])); diff != "" {
				rt.Fatalf("%s (-from the beginning +going on):\n%s", test.ID, diff)
			}
			if (want[i].Progress == nil) != (test.ID == "sources") {
				rt.Fatalf("%s: the progress is %v", test.ID, want[i].Progress)
			}
			if p := got[i].Progress; p != nil { // as it is kept
				kept := &results.Progress{}
				if err := json.Unmarshal([]byte(asJSON(l.T, p)), kept); err != nil {
					rt.Fatal(err)
				}
				known[i] = append(known[i], kept)
			}
		}
		if read < all {
			shorter++
		}
	}
	return shorter
}

// arrive adds events with instants between two hours of the year.
func (l *laboratory) arrive(rt *rapid.T, year time.Time, from, to int, number *int) {
	var list [][]byte
	for range rapid.IntRange(1, 6).Draw(rt, "events") {
		*number++
		event := map[string]any{
			"specversion": "1.0", "id": fmt.Sprint("e", rapid.IntRange(0, 5).Draw(rt, "id")), "source": fmt.Sprint("out/", year.Year(), "/", *number),
			"type": rapid.SampledFrom([]string{"seen", "seen", "seen", "bad"}).Draw(rt, "type"),
			"time": year.Add(time.Duration(rapid.IntRange(4*from, 4*to).Draw(rt, "quarter")) * 15 * time.Minute),
		}
		data := map[string]any{"ok": rapid.IntRange(0, 3).Draw(rt, "ok") > 0, "n": rapid.IntRange(0, 4).Draw(rt, "n")}
		switch rapid.IntRange(0, 9).Draw(rt, "data") {
		case 0:
			delete(data, "ok")
		case 1:
			delete(data, "n")
		}
		event["data"] = data
		body, err := json.Marshal(event)
		if err != nil {
			rt.Fatal(err)
		}
		list = append(list, body)
	}
	l.Add(l.T, list...)
}

// stated states the cause of an item's deviation, which somebody confirms or not.
func (l *laboratory) stated(rt *rapid.T, period string) {
	subject := judgments.Subject{
		Control: "E-1", Test: rapid.SampledFrom([]string{"fine", "same", "some", "all"}).Draw(rt, "test"), Period: period,
		Item: fmt.Sprint("e", rapid.IntRange(0, 5).Draw(rt, "item")),
	}
	cause := &judgments.Cause{ID: rapid.SampledFrom([]string{"human_error", "design_gap", "capacity"}).Draw(rt, "cause")}
	do := func(caller act.Caller, what func(tx *act.Tx) error) {
		if _, err := l.Do(context.Background(), caller, "test", "test", what); err != nil && !errors.Is(err, record.ErrSame) && !errors.Is(err, judgments.ErrNothing) {
			rt.Fatal(err)
		}
	}
	do(ann, func(tx *act.Tx) error {
		made, err := judgments.State(tx, judgments.Deviation{Subject: subject, Result: "RES-1", Owner: "test", Cause: cause})
		if err == nil && len(made) == 0 {
			return record.ErrSame
		}
		return err
	})
	if rapid.Bool().Draw(rt, "confirm") {
		do(ben, func(tx *act.Tx) error {
			_, err := judgments.Confirm(tx, subject)
			return err
		})
	}
}

// A refresh goes on from what its latest result came to. What it goes on from is
// no evidence: when somebody has changed it, performing the result again says so;
// what does not belong to the recorded result, or is lost, is not used.
func TestARefreshGoesOn(t *testing.T) {
	each(t, func(l *laboratory) {
		ctx := context.Background()
		control := parseTrail(l.T)
		versionstest.InForce(l.T, l.Ledger.Door, l.Blobs, control)
		from := month(1)
		p := l.period("Q1", from, month(12))
		number := 0
		arrive := func(hour int, ok bool) {
			number++
			l.happened("seen", fmt.Sprint("s", number), from.Add(time.Duration(hour)*time.Hour), map[string]any{"ok": ok, "n": 0})
		}
		refresh := func(performed int) *results.Result {
			l.Helper()
			l.Ledger.Clock.Advance(time.Hour)
			done, err := l.Refresh(ctx, ledgertest.Operator, []*controls.Control{control}, p, results.Mark{})
			if err != nil || len(done.Passed) > 0 {
				l.Fatal(err, done)
			}
			var fine *results.Result
			for _, o := range done.Performed {
				if o.Result.Test == "fine" {
					fine = o.Result
				}
			}
			if fine == nil || len(done.Performed) != performed {
				l.Fatalf("performed: %+v", done.Performed)
			}
			return fine
		}
		same := func(r *results.Result, want bool) {
			l.Helper()
			again, err := l.Reperform(ctx, r.ID)
			if err != nil || again.Same != want {
				l.Errorf("%s: %+v, %v", r.ID, again, err)
			}
		}
		change := func(statement string, args ...any) {
			l.Helper()
			if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				n, err := tx.Exec(statement, args...)
				if n == 0 {
					err = errors.Join(err, errors.New("nothing was changed"))
				}
				if err == nil {
					_, err = tx.Event(act.Event{Type: "scaf.test.changed.v1", Subject: "test"})
				}
				return err
			}); err != nil {
				l.Fatal(err)
			}
		}
		for hour := range 12 {
			arrive(hour, hour != 3)
		}
		same(refresh(5), true)
		arrive(20, true)
		arrive(21, false)
		r := refresh(4) // not "some"
		if same(r, true); r.Count != 14 || r.Deviations != 2 || r.Conclusion != controltests.Ineffective {
			l.Errorf("%+v", r)
		}
		arrive(5, false) // before others
		same(refresh(4), true)

		item := r.Exceptions[0].Item
		change(`UPDATE result_progress SET progress = replace(progress, $1, 'forged') WHERE test = 'fine'`, item)
		arrive(30, true)
		r = refresh(4)
		if same(r, false); r.Exceptions[0].Item != "forged" {
			l.Errorf("the refresh did not go on: %+v", r.Exceptions)
		}
		for i, statement := range []string{
			`UPDATE result_progress SET progress = replace(progress, '"passed":', '"passed":1')`,
			`UPDATE result_progress SET progress = 'x'`,
			`DELETE FROM result_progress`,
		} {
			change(statement)
			arrive(40+i, true)
			same(refresh(4), true)
		}

		// A final result begins at the beginning.
		change(`UPDATE result_progress SET progress = replace(progress, $1, 'forged') WHERE test = 'fine'`, item)
		l.Ledger.Clock.Set(month(12).Add(time.Hour))
		p = l.close("Q1")
		same(refresh(5), true)
	})
}

// A refresh that is a job's says how many tests it has looked at, and then how many new
// results it has recorded.
func TestARefreshSaysHowFarItIs(t *testing.T) {
	each(t, func(l *laboratory) {
		control := parseTrail(l.T, trail[strings.Index(trail, "  - {id: all"):], "") // what reads every event reads its own results
		versionstest.InForce(l.T, l.Ledger.Door, l.Blobs, control)
		p := l.period("Q1", month(1), month(12))
		l.happened("seen", "s1", month(1), map[string]any{"ok": true, "n": 0})
		l.Ledger.Clock.Advance(time.Hour)
		runner := act.NewRunner(l.Ledger.Door, slog.New(slog.DiscardHandler))
		var reached jobs.Reached
		runner.Handle("refresh", func(ctx context.Context, _ *jobs.Job) error {
			if _, err := l.Refresh(ctx, ledgertest.Operator, []*controls.Control{control}, p, results.Mark{}); err != nil {
				return err
			}
			return l.Ledger.DB.Read(ctx, func(r *store.Reader) error {
				s, err := jobs.Last(r, "refresh")
				reached = s.Reached
				return err
			})
		})
		tests := int64(len(control.Tests))
		for i, want := range []jobs.Reached{
			{Of: "new results of Q1 recorded", Done: 0, Total: tests}, // the clock stands: its beginning is written
			{Of: "tests over Q1 looked at", Done: tests, Total: tests},
		} {
			if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				if _, err := tx.Event(act.Event{Type: "scaf.test.asked.v1", Subject: "test"}); err != nil {
					return err
				}
				return tx.Enqueue("refresh", fmt.Sprint(i), nil, tx.Now())
			}); err != nil {
				l.Fatal(err)
			}
			if err := runner.RunDue(context.Background()); err != nil || reached != want {
				l.Errorf("%+v, want %+v (%v)", reached, want, err)
			}
		}
	})
}
