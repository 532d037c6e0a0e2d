package results_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func (l *laboratory) desk() *versions.Desk {
	return &versions.Desk{Door: l.Ledger.Door, Blobs: l.Blobs, Kinds: kinds}
}

// changed is the control with another predicate.
func (l *laboratory) changed(pass string) *controls.Control {
	l.Helper()
	text := strings.Replace(strings.Replace(file, `item.title != "bad"`, pass, 1), "C-1", l.control.ID, 1)
	control, err := controls.Parse(l.control.ID+".yaml", []byte(text), controls.Builtin(app.Kinds))
	if err != nil {
		l.Fatal(err)
	}
	return control
}

// TestEarlierResultsArePerformedAgainToTheByte changes records, versions,
// assessments, causes and conclusions at random; every result that was recorded
// on the way is then the same when it is computed again at its checkpoint, and lists
// as many items as it counted.
func TestEarlierResultsArePerformedAgainToTheByte(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				if n++; n > 12 { // each is a database
					return
				}
				l := newLaboratory(t, ledgertest.New(t, url(t), kinds...))
				l.history(rt)
			})
		})
	}
}

func (l *laboratory) history(rt *rapid.T) {
	ctx := context.Background()
	p := l.period("Q1", month(1), month(4))
	if rapid.Bool().Draw(rt, "not adopted") { // C-1 is
		l.control = &controls.Control{ID: "C-2"}
		l.control = l.changed(`item.title != "bad"`)
	}
	current, number := l.control, 0
	var recorded []string
	for range rapid.IntRange(3, 10).Draw(rt, "steps") {
		l.Ledger.Clock.Advance(time.Duration(rapid.IntRange(1, 200).Draw(rt, "hours")) * time.Hour)
		switch rapid.SampledFrom([]string{"add", "change", "adopt", "version", "assess", "judge", "test", "test", "test", "close"}).Draw(rt, "step") {
		case "add":
			number++
			l.add(month(1).Add(time.Duration(number*137)*time.Hour), slices.Concat(repeat(rapid.IntRange(0, 6).Draw(rt, "good"), reviewed), repeat(rapid.IntRange(0, 3).Draw(rt, "bad"), bad))...)
		case "change":
			l.retitle(rapid.SampledFrom([]string{"bad", "1", "good"}).Draw(rt, "title"))
		case "version":
			current = l.changed(fmt.Sprintf(`item.title != "%d"`, rapid.IntRange(0, 2).Draw(rt, "predicate")))
			v, err := l.desk().Propose(ctx, versionstest.Assessor, current, l.Ledger.Clock.Now().Add(time.Duration(rapid.IntRange(-50, 50).Draw(rt, "effective"))*time.Hour))
			if err == nil {
				_, err = l.desk().Approve(ctx, versionstest.Approver, current.ID, v.ID)
			}
			if err != nil && !errors.Is(err, record.ErrSame) {
				rt.Fatal(err)
			}
		case "adopt":
			if _, _, err := l.desk().Adopt(ctx, versionstest.Approver, []*controls.Control{l.control}, nil); err != nil {
				rt.Fatal(err)
			}
		case "assess":
			if err := l.Ledger.DB.Read(ctx, func(r *store.Reader) error {
				all, err := versions.List(r, l.control.ID)
				if len(all) == 0 {
					return errors.Join(err, versions.ErrNone)
				}
				return err
			}); err != nil {
				continue
			}
			versionstest.Assess(l.T, l.desk(), l.control.ID, rapid.SampledFrom([]controltests.Conclusion{controltests.Effective, controltests.Ineffective}).Draw(rt, "design"))
		case "judge":
			l.judge(rt)
		case "close":
			if closed, err := periods.Close(ctx, l.Ledger.Door, ledgertest.Operator, "Q1"); err == nil {
				p = *closed
			}
		case "test":
			recorded = append(recorded, l.testAll(rt, current, p)...)
		}
	}
	for _, id := range recorded {
		again, err := l.Reperform(ctx, id)
		if err != nil || !again.Same || len(again.Differences) > 0 {
			rt.Fatalf("%s: %+v, %v", id, again, err)
		}
		l.listsWhatItCounts(id, 3)
	}
}

// testAll tests every part and returns the results.
func (l *laboratory) testAll(rt *rapid.T, current *controls.Control, p periods.Period) (ids []string) {
	parts, err := l.Plan(context.Background(), current, &p)
	if err != nil {
		rt.Fatal(err)
	}
	for _, part := range parts {
		for _, test := range part.Control.Tests[:2] {
			outcome, err := l.Perform(context.Background(), ledgertest.Operator, results.Task{Control: part.Control, Test: test, Period: p, Part: &part.Part})
			if errors.Is(err, results.ErrNotBegun) {
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			ids = append(ids, outcome.Result.ID)
		}
	}
	return ids
}

// judge states, confirms or concludes on whatever there is.
func (l *laboratory) judge(rt *rapid.T) {
	ctx := context.Background()
	found, err := l.Deviations(ctx, "Q1")
	if err != nil {
		rt.Fatal(err)
	}
	if len(found) == 0 {
		return
	}
	f := found[rapid.IntRange(0, len(found)-1).Draw(rt, "deviation")]
	stated := judgments.Deviation{Cause: &judgments.Cause{ID: rapid.SampledFrom(judgments.Causes()).Draw(rt, "cause").ID}}
	if _, err := l.State(ctx, ledgertest.Operator, f.Ref(), stated); err != nil && !errors.Is(err, record.ErrSame) {
		rt.Fatal(err)
	}
	if rapid.Bool().Draw(rt, "confirm") {
		if _, err := l.Confirm(ctx, versionstest.Assessor, f.Ref()); err != nil && !errors.Is(err, judgments.ErrNothing) {
			rt.Fatal(err)
		}
	}
	if _, err := l.Conclude(ctx, versionstest.Assessor, f.Result, judgments.Conclusion{Role: judgments.Management, Conclusion: controltests.Ineffective}); err != nil {
		rt.Fatal(err)
	}
}

// retitle gives some change another title.
func (l *laboratory) retitle(title string) {
	l.Helper()
	_, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
		var found *record.Version
		if err := record.Each(&tx.Reader, record.Range{Kind: changes.Register.Name}, func(v *record.Version) error {
			if found == nil {
				one := *v
				one.Doc = slices.Clone(v.Doc)
				found = &one
			}
			return nil
		}); err != nil || found == nil {
			return errors.Join(err, record.ErrSame)
		}
		var change changes.Change
		if err := json.Unmarshal(found.Doc, &change); err != nil {
			return err
		}
		change.Title = title
		_, err := record.Put(tx, changes.Register, record.Change{Verb: "set", ID: found.ID, Doc: change, Expect: found.Version})
		return err
	})
	if err != nil && !errors.Is(err, record.ErrSame) {
		l.Fatal(err)
	}
}

// A result that was not computed so is found when it is performed again.
func TestAResultThatDiffersIsNamed(t *testing.T) {
	each(t, func(l *laboratory) {
		ctx := context.Background()
		l.add(month(1), append(repeat(12, reviewed), bad)...)
		l.period("Q1", month(1), month(3))
		r := l.perform("titled", l.close("Q1")).Result
		if again, err := l.Reperform(ctx, r.ID); err != nil || !again.Same || again.Details != r.Details {
			l.Fatalf("%+v, %v", again, err)
		}
		if _, err := l.Reperform(ctx, "RES-99"); !errors.Is(err, results.ErrNoResult) {
			l.Errorf("one that is not there: %v", err)
		}
		forged := *r
		forged.Deviations, forged.Conclusion = 0, controltests.Effective
		if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
			_, err := record.Put(tx, results.Register, record.Change{Verb: "changed", ID: r.ID, Doc: forged, Expect: 1})
			return err
		}); err != nil {
			l.Fatal(err)
		}
		again, err := l.Reperform(ctx, r.ID)
		if err != nil || again.Same || len(again.Differences) != 2 || !strings.HasPrefix(again.Differences[0], `RES-1: conclusion is recorded as "effective"`) || !strings.HasPrefix(again.Differences[1], "RES-1: deviations is recorded as 0") {
			l.Errorf("%+v, %v", again, err)
		}
	})
}

// Each version is tested over its own dates, and deadlines are judged up to the
// period's end.
func TestEachVersionOverItsOwnDates(t *testing.T) {
	each(t, func(l *laboratory) {
		ctx := context.Background()
		l.Ledger.Clock.Set(month(2))
		second := l.changed(`item.title != "1"`)
		v, err := l.desk().Propose(ctx, versionstest.Assessor, second, month(2).AddDate(0, 0, 14))
		if err == nil {
			_, err = l.desk().Approve(ctx, versionstest.Approver, "C-1", v.ID)
		}
		if err != nil {
			l.Fatal(err)
		}
		versionstest.Assess(l.T, l.desk(), "C-1", controltests.Effective)
		l.Ledger.Clock.Set(month(4))
		l.add(month(1), repeat(12, reviewed)...) // their title is "1"
		l.add(month(2).AddDate(0, 0, 14), repeat(12, reviewed)...)
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		parts, err := l.Plan(ctx, l.control, &p)
		if err != nil || len(parts) != 2 || parts[0].Control.SHA256 != l.control.SHA256 || parts[1].Control.SHA256 != second.SHA256 || !results.Differs(l.control, parts) {
			l.Fatalf("%+v, %v", parts, err)
		}
		var got []string
		for _, part := range parts {
			test, _ := part.Control.Test("titled")
			outcome, err := l.Perform(ctx, ledgertest.Operator, results.Task{Control: part.Control, Test: test, Period: p, Part: &part.Part, Final: true})
			if err != nil {
				l.Fatal(err)
			}
			r := outcome.Result
			got = append(got, fmt.Sprint(r.Version, " ", r.Count, " ", r.Conclusion, " ", r.ApprovedBy, " ", r.ControlSHA256 == part.Control.SHA256))
			if until := outcome.Population.Query.Until; (until == nil) != (part.To.Equal(p.To)) {
				l.Errorf("%s: deadlines are judged up to %v", r.Version, until)
			}
		}
		if want := []string{"C-1.1 12 effective local/approver true", "C-1.2 12 ineffective local/approver true"}; !slices.Equal(got, want) {
			l.Errorf("%q, want %q", got, want)
		}
		// The file of one version over all of the period is not what was in force.
		r := l.perform("titled", p).Result
		if r.Conclusion != controltests.Incomplete || r.Version != "" || r.ApprovedBy != "" || r.Census != controltests.Effective || !strings.Contains(strings.Join(r.Because, " "), "the version C-1.2 was in force") {
			l.Errorf("%+v", r)
		}
	})
}

// What nobody approved, or whose design nobody assessed, concludes nothing good.
func TestWithoutApprovalOrAssessmentAResultIsIncomplete(t *testing.T) {
	each(t, func(l *laboratory) {
		ctx := context.Background()
		l.add(month(1), repeat(12, reviewed)...)
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		perform := func(control *controls.Control) *results.Result {
			l.Helper()
			test, _ := control.Test("titled")
			outcome, err := l.Perform(ctx, ledgertest.Operator, results.Task{Control: control, Test: test, Period: p})
			if err != nil {
				l.Fatal(err)
			}
			return outcome.Result
		}
		other := strings.Replace(file, "C-1", "C-2", 1)
		second, err := controls.Parse("C-2.yaml", []byte(other), controls.Builtin(app.Kinds))
		if err != nil {
			l.Fatal(err)
		}
		expect := func(what string, r *results.Result, design, operating, conclusion controltests.Conclusion, says string) {
			l.Helper()
			if r.Census != controltests.Effective || r.Design != design || r.Operating != operating || r.Conclusion != conclusion || !strings.Contains(strings.Join(r.Because, " "), says) {
				l.Errorf("%s: census %s, design %s, operating %s, conclusion %s because %q", what, r.Census, r.Design, r.Operating, r.Conclusion, r.Because)
			}
		}
		const eff, bad, inc, not = controltests.Effective, controltests.Ineffective, controltests.Incomplete, controltests.NotTested
		expect("nothing approved", perform(second), not, inc, inc, "Nobody has approved the control file")
		if _, _, err := l.desk().Adopt(ctx, versionstest.Approver, []*controls.Control{second}, nil); err != nil {
			l.Fatal(err)
		}
		expect("approved", perform(second), not, inc, inc, "Nobody has assessed the design")
		versionstest.Assess(l.T, l.desk(), "C-2", bad)
		r := perform(second)
		expect("a design that does not work", r, bad, eff, bad, "The design was assessed as ineffective (ASM-2")
		if !slices.Contains(r.Markers, controltests.Design) {
			l.Errorf("markers %v", r.Markers)
		}
		versionstest.Assess(l.T, l.desk(), "C-2", eff)
		expect("assessed again", perform(second), eff, eff, eff, "C-2.1 was approved at")
		if _, err := l.Perform(ctx, ledgertest.Operator, results.Task{Control: second, Test: second.Tests[0], Period: periods.Period{Name: "Q1", State: periods.Open, From: month(1), To: month(3)}, Final: true}); !errors.Is(err, periods.ErrOpen) {
			l.Errorf("a final test of an open period: %v", err)
		}
	})
}

// A cause counts in the test after its confirmation, and not before.
func TestConfirmedCausesCount(t *testing.T) {
	each(t, func(l *laboratory) {
		ctx := context.Background()
		l.add(month(1), append(repeat(40, reviewed), bad)...)
		l.period("Q1", month(1), month(3))
		p := l.close("Q1")
		r := l.perform("titled", p).Result
		if r.Conclusion != controltests.EffectiveWithExceptions || !r.NeedsJudgment {
			l.Fatalf("%+v", r)
		}
		found, err := l.Deviations(ctx, "Q1")
		if err != nil || len(found) != 1 || found[0].Standing != results.NoCause {
			l.Fatalf("%+v, %v", found, err)
		}
		ref := found[0].Ref()
		for wrong, want := range map[string]error{"RES-1": results.ErrNoDeviation, "RES-1/none": results.ErrNoDeviation, "RES-9/x": results.ErrNoResult} {
			if _, err := l.State(ctx, ledgertest.Operator, wrong, judgments.Deviation{Incident: "incident/1"}); !errors.Is(err, want) {
				l.Errorf("%s: %v", wrong, err)
			}
		}
		state := func(d judgments.Deviation) {
			l.Helper()
			if _, err := l.State(ctx, ledgertest.Operator, ref, d); err != nil {
				l.Fatal(err)
			}
		}
		state(judgments.Deviation{Cause: &judgments.Cause{ID: "human_error"}})
		if r := l.perform("titled", p).Result; !r.NeedsJudgment || r.Exceptions[0].Cause != nil || !strings.Contains(strings.Join(r.Because, " "), "nobody else has confirmed") {
			l.Errorf("stated: %+v", r)
		}
		if _, err := l.Confirm(ctx, versionstest.Assessor, ref); err != nil {
			l.Fatal(err)
		}
		if r := l.perform("titled", p).Result; r.NeedsJudgment || *r.Exceptions[0].Cause != "human_error" {
			l.Errorf("confirmed: %+v", r)
		}
		state(judgments.Deviation{Incident: "incident/INC-1"})
		if r := l.perform("titled", p).Result; !r.NeedsJudgment || !strings.Contains(strings.Join(r.Because, " "), "linked with an incident") {
			l.Errorf("linked with an incident: %+v", r)
		}
		if _, err := l.State(ctx, ledgertest.Operator, ref, judgments.Deviation{Cause: &judgments.Cause{ID: "design_gap"}}); err != nil {
			l.Fatal(err)
		}
		if _, err := l.Confirm(ctx, versionstest.Assessor, ref); err != nil {
			l.Fatal(err)
		}
		if r := l.perform("titled", p).Result; r.Conclusion != controltests.Ineffective || !slices.Contains(r.Markers, controltests.Design) {
			l.Errorf("a cause of the design: %+v", r)
		}
		nobody := act.Caller{ID: "token/none"}
		_, err1 := l.State(ctx, nobody, ref, judgments.Deviation{Incident: "incident/2"})
		_, err2 := l.Confirm(ctx, nobody, ref)
		_, err3 := l.Conclude(ctx, nobody, r.ID, judgments.Conclusion{Role: judgments.Management, Conclusion: controltests.Ineffective})
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, act.ErrDenied) {
				l.Errorf("without a role: %v", err)
			}
		}
	})
}
