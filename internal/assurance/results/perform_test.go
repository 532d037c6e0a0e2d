package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var kinds = record.Kinds{changes.Register, periods.Register, populations.Register, results.Register, versions.Register, versions.Assessments, judgments.Deviations, judgments.Conclusions}

// laboratory is a ledger with a lab over it.
type laboratory struct {
	*testing.T
	*ledgertest.Ledger
	*results.Lab
	control *controls.Control
}

// The control has a test over what an author can write, and one over what not.
const file = `
id: C-1
title: Every change is reviewed
owner: test
frequency: multi_daily
criteria: [CC8.1]
tests:
  - id: reviewed
    kind: census
    title: It has a reviewer
    population: {from: changes}
    pass: size(item.reviewers) > 0
  - id: titled
    kind: census
    title: It has a title
    population: {from: changes}
    pass: item.title != "bad"
  - id: numbered
    kind: census
    title: Merges have a number as their title
    population: {from: changes, where: int(item.title) > 0}
    pass: has(item.id)
`

// each runs the test on both databases; the clock stands at ledgertest.Begin,
// 2 March 2026, 09:00 UTC, and everything verifies in the end.
func each(t *testing.T, test func(l *laboratory)) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		lab := newLaboratory(t, l)
		test(lab)
		l.Verify(t, kinds)
	})
}

func newLaboratory(t *testing.T, l *ledgertest.Ledger) *laboratory {
	t.Helper()
	blobs, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	control, err := controls.Parse("C-1.yaml", []byte(file), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	versionstest.InForce(t, l.Door, blobs, control)
	return &laboratory{t, l, &results.Lab{DB: l.DB, Door: l.Door, Kinds: kinds, Blobs: blobs, Clock: l.Clock, Engine: "scaf test"}, control}
}

// period opens a period.
func (l *laboratory) period(name string, from, to time.Time) periods.Period {
	l.Helper()
	p, err := periods.OpenPeriod(context.Background(), l.Ledger.Door, ledgertest.Operator, periods.Period{Name: name, From: from, To: to, Timezone: "UTC"})
	if err != nil {
		l.Fatal(err)
	}
	return *p
}

func (l *laboratory) close(name string) periods.Period {
	l.Helper()
	p, err := periods.Close(context.Background(), l.Ledger.Door, ledgertest.Operator, name)
	if err != nil {
		l.Fatal(err)
	}
	return *p
}

// add adds changes, each an hour after the other, the first one at from.
func (l *laboratory) add(from time.Time, list ...changes.Change) {
	l.Helper()
	var all []record.Change
	for i, change := range list {
		at := from.Add(time.Duration(i) * time.Hour)
		change.ID, change.MergedAt, change.State = fmt.Sprintf("c%d-%s", i, from.Format(time.RFC3339)), &at, changes.Merged
		if change.Reviewers == nil {
			change.Reviewers = []changes.Person{}
		}
		all = append(all, record.Change{Verb: "added", ID: change.ID, Doc: change})
	}
	if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
		_, err := record.Put(tx, changes.Register, all...)
		return err
	}); err != nil {
		l.Fatal(err)
	}
}

// imported records the end of an import into the changes.
func (l *laboratory) imported(done record.Completed) {
	l.Helper()
	done.Source, done.Register, done.Query, done.Summary = "git", "changes", map[string]string{"branch": "main"}, &record.Summary{}
	if err := record.Complete(context.Background(), l.Ledger.Door, ledgertest.Operator, "import.git", "git", done); err != nil {
		l.Fatal(err)
	}
}

func (l *laboratory) perform(test string, over periods.Period) *results.Outcome {
	l.Helper()
	outcome, err := l.try(ledgertest.Operator, test, over)
	if err != nil {
		l.Fatal(err)
	}
	return outcome
}

func (l *laboratory) try(caller act.Caller, test string, over periods.Period) (*results.Outcome, error) {
	l.Helper()
	chosen, ok := l.control.Test(test)
	if !ok {
		l.Fatalf("no test %s", test)
	}
	return l.Perform(context.Background(), caller, results.Task{Control: l.control, Test: chosen, Period: over})
}

func repeat(n int, change changes.Change) []changes.Change {
	return slices.Repeat([]changes.Change{change}, n)
}

var (
	reviewed   = changes.Change{Title: "1", Reviewers: []changes.Person{{Name: "Ben"}}}
	unreviewed = changes.Change{Title: "1"}
	bad        = changes.Change{Title: "bad"}
)

func asserted(c changes.Change) changes.Change {
	c.Asserted = true
	return c
}

func month(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }

func TestWhatIsAssertedCannotMakeAControlEffective(t *testing.T) {
	each(t, func(l *laboratory) {
		for i, c := range []struct {
			name         string
			test         string
			changes      []changes.Change
			passed       int
			deviations   int
			asserted     int64
			census, want controltests.Conclusion
		}{
			{"all good", "reviewed", repeat(12, asserted(reviewed)), 12, 0, 12, controltests.Effective, controltests.Incomplete},
			{"all bad", "reviewed", repeat(12, asserted(unreviewed)), 0, 12, 12, controltests.Ineffective, controltests.Incomplete},
			{"one of many", "reviewed", append(repeat(12, reviewed), asserted(reviewed)), 13, 0, 1, controltests.Effective, controltests.Incomplete},
			{"independent", "reviewed", repeat(12, reviewed), 12, 0, 0, controltests.Effective, controltests.Effective},
			{"independent and bad", "reviewed", repeat(12, unreviewed), 0, 12, 0, controltests.Ineffective, controltests.Ineffective},
			{"a test that reads nothing asserted", "titled", repeat(12, asserted(reviewed)), 12, 0, 12, controltests.Effective, controltests.Effective},
			{"and is bad", "titled", repeat(12, asserted(bad)), 0, 12, 12, controltests.Ineffective, controltests.Ineffective},
		} {
			from := month(1).AddDate(0, -1-i, 0)
			l.add(from, c.changes...)
			p := l.period(fmt.Sprint("p", i), from, from.AddDate(0, 1, 0))
			l.close(p.Name)
			p.State = periods.Closed
			r := l.perform(c.test, p).Result
			if r.Count != len(c.changes) || r.Passed != c.passed || r.Deviations != c.deviations || r.Asserted != c.asserted || r.Census != c.census || r.Conclusion != c.want {
				l.Errorf("%s: %+v", c.name, r)
			}
			capped := strings.Contains(strings.Join(r.Because, " "), fmt.Sprintf("Reviewers of %d of %d items are asserted", c.asserted, len(c.changes)))
			if capped != (c.want == controltests.Incomplete) {
				l.Errorf("%s: because %q", c.name, r.Because)
			}
			if capped && !strings.Contains(r.Because[0], "it would be "+c.census.Words()) {
				l.Errorf("%s: the census is not said: %q", c.name, r.Because[0])
			}
		}
	})
}

func TestInterimAndFinal(t *testing.T) {
	each(t, func(l *laboratory) {
		p := l.period("Q1", month(1), month(4)) // now is 2 March
		l.add(month(2), repeat(3, reviewed)...)
		l.add(month(3).Add(time.Hour), reviewed)
		l.add(l.Ledger.Clock.Now().Add(-time.Microsecond), reviewed)
		l.add(l.Ledger.Clock.Now(), unreviewed) // not before now
		interim := l.perform("reviewed", p)
		if r := interim.Result; !r.Interim || r.Count != 5 || !r.To.Equal(l.Ledger.Clock.Now()) || r.Conclusion != controltests.Effective || r.ID != "RES-1" {
			l.Errorf("interim: %+v", r)
		}
		if b := interim.Population; !b.Interim || b.Count != 5 || b.ID != "POP-1" || b.Period != "Q1" || b.Query.Source != "changes" || b.Query.At != "item.merged_at" || b.Coverage != nil {
			l.Errorf("banked: %+v", b)
		}
		l.Ledger.Clock.Set(month(4).Add(-time.Microsecond))
		if r := l.perform("reviewed", p).Result; !r.Interim || r.Count != 6 {
			l.Errorf("just before the end: %+v", r)
		}
		l.Ledger.Clock.Set(month(5))
		if r := l.perform("reviewed", p).Result; !r.Interim || !r.To.Equal(month(4)) {
			l.Errorf("ended, not closed: %+v", r)
		}
		p = l.close("Q1")
		final := l.perform("reviewed", p).Result
		if final.Interim || final.Count != 6 || !final.To.Equal(month(4)) || final.Conclusion != controltests.EffectiveWithExceptions || !final.NeedsJudgment || final.Rate != "0.16666666666666666" {
			l.Errorf("final: %+v", final)
		}
		if final.ControlSHA256 != l.control.SHA256 || final.Engine != "scaf test" || final.PerformedBy != ledgertest.Operator.ID || !final.PerformedAt.Equal(month(5)) {
			l.Errorf("what it was computed from: %+v", final)
		}
	})
}

func TestBeforeThePeriodThereIsNothingToTest(t *testing.T) {
	each(t, func(l *laboratory) {
		for _, from := range []time.Time{l.Ledger.Clock.Now(), month(6)} {
			p := periods.Period{Name: "later", From: from, To: from.AddDate(0, 1, 0), Timezone: "UTC", State: periods.Open}
			if _, err := l.try(ledgertest.Operator, "reviewed", p); !errors.Is(err, results.ErrNotBegun) || !strings.HasPrefix(err.Error(), "control C-1, test reviewed: ") {
				l.Errorf("%v, want ErrNotBegun", err)
			}
		}
		if all := l.Events(l.T, "scaf.result.performed.v1"); len(all) != 0 {
			l.Errorf("%d results were recorded", len(all))
		}
	})
}

func TestEmptyPopulations(t *testing.T) {
	each(t, func(l *laboratory) {
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Incomplete || r.Count != 0 || !strings.HasPrefix(r.Because[0], "Nothing says that changes is complete: no import") || strings.Contains(r.Because[0], "scaf ") || strings.Contains(r.Because[0], "--") {
			l.Errorf("nobody has looked: %+v", r)
		}
		l.imported(record.Completed{Complete: true})
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.NotOccurring || strings.Contains(strings.Join(r.Because, " "), "Nothing says") {
			l.Errorf("a complete import found nothing: %+v", r)
		}
		l.imported(record.Completed{Scope: "other", Gaps: []string{"shallow clone"}})
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Incomplete || !strings.Contains(r.Because[0], "shallow clone") {
			l.Errorf("an incomplete import found nothing: %+v", r)
		}
	})
}

func TestPopulationWithHolesIsIncomplete(t *testing.T) {
	each(t, func(l *laboratory) {
		until := month(2)
		l.add(month(1), repeat(12, reviewed)...)
		l.imported(record.Completed{Complete: true, Until: &until})
		p := l.period("Q1", month(1), month(3))
		interim := l.perform("reviewed", p)
		if r := interim.Result; r.Conclusion != controltests.Effective || !r.Interim || !r.To.Equal(until) || !interim.Population.Coverage.Complete {
			l.Errorf("an interim test goes as far as is known: %+v", r)
		}
		p = l.close("Q1")
		final := l.perform("reviewed", p)
		if r := final.Result; r.Conclusion != controltests.Incomplete || r.Census != controltests.Effective || r.Count != 12 || !strings.Contains(r.Because[0], "complete imports reach up to 2026-02-01") {
			l.Errorf("final: %+v", r)
		}
		if final.Population.Coverage == nil || final.Population.Coverage.Complete {
			l.Errorf("the banked population does not say so: %+v", final.Population)
		}
		// What is missing makes nothing better.
		l.add(month(1).Add(time.Minute), repeat(12, unreviewed)...)
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Ineffective || !strings.Contains(r.Because[0], "not complete") {
			l.Errorf("ineffective: %+v", r)
		}
	})
}

func TestFilterThatCannotBeEvaluatedIsIncomplete(t *testing.T) {
	each(t, func(l *laboratory) {
		l.add(month(1), reviewed, bad, changes.Change{Title: "-1"})
		l.period("Q1", month(1), month(3))
		r := l.perform("numbered", l.close("Q1")).Result
		if r.Conclusion != controltests.Incomplete || r.Count != 2 || r.Passed != 1 || r.Deviations != 1 || r.Exceptions[0].Reason != controltests.Failure {
			l.Errorf("%+v", r)
		}
	})
}

func TestPerformedFromTheBankItIsTheSame(t *testing.T) {
	each(t, func(l *laboratory) {
		l.add(month(1), append(repeat(100, unreviewed), repeat(20, reviewed)...)...)
		l.period("Q1", month(1), month(3))
		outcome := l.perform("reviewed", l.close("Q1"))
		banked, result := outcome.Population, outcome.Result
		if len(result.Exceptions) != 50 || result.Deviations != 100 {
			l.Errorf("%d exceptions of %d deviations", len(result.Exceptions), result.Deviations)
		}
		// The register moves on.
		at := month(1)
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
			changed := unreviewed
			changed.ID, changed.MergedAt, changed.Title, changed.Reviewers = "c0-"+at.Format(time.RFC3339), &at, "changed", []changes.Person{}
			_, err := record.Put(tx, changes.Register, record.Change{Verb: "set", ID: changed.ID, Doc: changed, Expect: 1})
			return err
		}); err != nil {
			l.Fatal(err)
		}
		l.add(month(2), reviewed)
		err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) error {
			kept, err := populations.Get(r, banked.ID)
			if err != nil {
				return err
			}
			if diff := cmp.Diff(banked, kept); diff != "" {
				l.Errorf("banked (-given +kept):\n%s", diff)
			}
			if root, err := ledger.RootAt(r, kept.Checkpoint.Size); err != nil || fmt.Sprintf("%x", root[:]) != kept.Checkpoint.Root {
				l.Errorf("the checkpoint's root is %x, %v, not %s", root[:], err, kept.Checkpoint.Root)
			}
			zone, err := time.LoadLocation(kept.Query.Zone)
			if err != nil {
				return err
			}
			test, _ := l.control.Test(kept.Test)
			stream, err := populations.Open(populations.Stored(r), kinds, &test.Population, populations.Window{From: kept.Query.From, To: kept.Query.To, Zone: zone, AsOf: kept.Checkpoint.Size})
			if err != nil {
				return err
			}
			again, err := controltests.Run(context.Background(), stream, controltests.Subject{Control: l.control, Test: test, Options: controltests.Options{Zone: zone, UniqueIDs: true, Period: &controltests.Period{From: kept.Query.From, To: kept.Query.To}}})
			if err != nil {
				return err
			}
			if stream.Count() != kept.Count || stream.SHA256() != kept.SHA256 || again[0].Population.SHA256 != kept.SHA256 {
				l.Errorf("read again: %d items, %s; banked %d, %s", stream.Count(), stream.SHA256(), kept.Count, kept.SHA256)
			}
			want, err := json.Marshal(again[0])
			if err != nil {
				return err
			}
			// The evidence file has every deviation.
			details, err := l.Blobs.Open(context.Background(), result.Details)
			if err != nil {
				return err
			}
			defer details.Close()
			var have, expected any
			if err := errors.Join(json.NewDecoder(details).Decode(&have), json.Unmarshal(want, &expected)); err != nil {
				return err
			}
			if diff := cmp.Diff(expected, have); diff != "" {
				l.Errorf("details (-computed again +kept):\n%s", diff)
			}
			return nil
		})
		if err != nil {
			l.Fatal(err)
		}
	})
}

func TestBankingTestsNothing(t *testing.T) {
	each(t, func(l *laboratory) {
		l.add(month(1), reviewed)
		p := l.period("Q1", month(1), month(3))
		test, _ := l.control.Test("reviewed")
		outcome, err := l.Perform(context.Background(), ledgertest.Operator, results.Task{Control: l.control, Test: test, Period: p, BankOnly: true})
		if err != nil || outcome.Result != nil || outcome.Population.Count != 1 {
			l.Fatalf("%+v, %v", outcome, err)
		}
		if latest := l.latest("Q1"); len(latest) != 0 {
			l.Errorf("there are results: %+v", latest)
		}
		if _, err := l.try(act.Caller{ID: "token/none"}, "reviewed", p); !errors.Is(err, act.ErrDenied) {
			l.Errorf("a caller without a role: %v", err)
		}
	})
}

func (l *laboratory) latest(period string) (latest map[results.Key]results.Result) {
	l.Helper()
	if err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		latest, err = results.Latest(r, period, 0)
		return err
	}); err != nil {
		l.Fatal(err)
	}
	return latest
}

func TestLatestResultIsTheFinalOne(t *testing.T) {
	each(t, func(l *laboratory) {
		expect := func(what, id string) {
			l.Helper()
			if got := l.latest("Q1")[results.KeyOf("C-1", "reviewed", month(1))]; got.ID != id {
				l.Errorf("%s: the latest result is %s, want %s", what, got.ID, id)
			}
		}
		l.add(month(1), reviewed)
		open := l.period("Q1", month(1), month(3))
		other := l.period("Q0", month(1).AddDate(0, -1, 0), month(1))
		for range 9 { // RES-10 sorts before RES-9, and the clock stands still
			l.perform("reviewed", open)
		}
		expect("nine interim ones", "RES-9")
		l.perform("reviewed", open)
		expect("ten interim ones", "RES-10")
		l.perform("titled", open)
		l.perform("reviewed", other)
		expect("another test and another period", "RES-10")
		closed := l.close("Q1")
		l.perform("reviewed", closed)
		expect("a final one", "RES-13")
		l.perform("reviewed", open) // who read the period before it was closed
		expect("an interim one after it", "RES-13")
		l.Ledger.Clock.Advance(-time.Minute)
		l.perform("reviewed", closed)
		expect("a second final one, by a clock that went back", "RES-15")
		if got := l.latest("Q9"); len(got) != 0 {
			l.Errorf("a period that is not there: %+v", got)
		}
	})
}

// TestSameOnBothDatabases: the same history gives the same population, to the
// byte, and the same result.
func TestSameOnBothDatabases(t *testing.T) {
	var sums []string
	for _, url := range []string{storetest.SQLite(t), storetest.Postgres(t)} {
		l := newLaboratory(t, ledgertest.New(t, url, kinds...))
		for i, id := range []string{"b", "a", "B", "Ä", "é", "z", "10", "9"} {
			change := unreviewed
			at := month(1).Add(time.Duration(i/4) * time.Microsecond)
			change.ID, change.MergedAt, change.Reviewers = id, &at, []changes.Person{}
			if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				_, err := record.Put(tx, changes.Register, record.Change{Verb: "added", ID: id, Doc: change})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		l.period("Q1", month(1), month(3))
		outcome := l.perform("reviewed", l.close("Q1"))
		var order []string
		for _, d := range outcome.Result.Exceptions {
			order = append(order, d.Item)
		}
		if want := []string{"B", "a", "b", "Ä", "10", "9", "z", "é"}; !slices.Equal(order, want) {
			t.Errorf("order %q, want %q", order, want)
		}
		sums = append(sums, outcome.Population.SHA256+" "+outcome.Result.Details)
	}
	if sums[0] != sums[1] {
		t.Errorf("SQLite and PostgreSQL differ:\n%s\n%s", sums[0], sums[1])
	}
}

// A register that is still to come has no population, not an empty one.
func TestATestThatWaitsForItsRegisterIsNotPerformed(t *testing.T) {
	each(t, func(l *laboratory) {
		waiting, err := controls.Parse("W-1.yaml", []byte(`id: W-1
title: Spoons are owned
owner: security lead
frequency: ad_hoc
criteria: [CC3.2]
tests:
  - id: owned
    kind: census
    title: Each spoon has an owner
    population: {from: spoons, id: item.id, at: item.at, fields: {id: string, at: timestamp, owner: string}}
    pass: has(item.owner)
`), controls.Builtin(app.Kinds))
		if err != nil {
			l.Fatal(err)
		}
		p := l.period("2026-02", time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		for _, bankOnly := range []bool{false, true} {
			outcome, err := l.Perform(context.Background(), ledgertest.Operator, results.Task{Control: waiting, Test: waiting.Tests[0], Period: p, BankOnly: bankOnly})
			var awaited *results.AwaitedError
			if outcome != nil || !errors.As(err, &awaited) || awaited.Register != "spoons" || !errors.Is(err, populations.ErrSource) {
				l.Errorf("Perform gives %v and says %v", outcome, err)
			}
			if want := "control W-1, test owned: not_tested: the register spoons is not there yet"; err == nil || err.Error() != want {
				l.Errorf("Perform says %v, want %s", err, want)
			}
		}
	})
}

// size is the ledger's.
func (l *laboratory) size() (size int64) {
	l.Helper()
	if err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		size = head.Size
		return err
	}); err != nil {
		l.Fatal(err)
	}
	return size
}

// What is known of results beside the database is as true of the past as of the
// present, in whatever order it is asked: a report of an earlier day says what
// was known then.
func TestLatestResultsOfThePast(t *testing.T) {
	each(t, func(l *laboratory) {
		p := l.period("P", month(1), month(3))
		other := l.period("other", month(3), month(4))
		type state struct {
			size   int64
			latest map[results.Key]string
		}
		states := []state{{l.size(), map[results.Key]string{}}}
		note := func(outcome *results.Outcome) {
			latest := maps.Clone(states[len(states)-1].latest)
			if r := outcome.Result; r.Period == "P" {
				latest[results.KeyOf(r.Control, r.Test, r.From)] = r.ID
			}
			states = append(states, state{l.size(), latest})
		}
		ask := func() {
			l.Helper()
			if err := l.Ledger.DB.Read(context.Background(), func(r *store.Reader) error {
				for _, s := range slices.Backward(states) {
					latest, err := results.Latest(r, "P", s.size)
					if err != nil {
						return err
					}
					got := map[results.Key]string{}
					for key, result := range latest {
						got[key] = result.ID
					}
					if !maps.Equal(got, s.latest) {
						l.Errorf("at size %d: %v, want %v", s.size, got, s.latest)
					}
				}
				return nil
			}); err != nil {
				l.Fatal(err)
			}
		}
		for range 3 {
			note(l.perform("titled", p))
			note(l.perform("numbered", p))
			ask()
		}
		note(l.perform("titled", other))
		note(l.perform("titled", l.close("P")))
		ask()
	})
}
