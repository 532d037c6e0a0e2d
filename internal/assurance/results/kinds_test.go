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

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var moreKinds = append(record.Kinds{documents.Register, resolutions.Register}, kinds...)

var (
	ann = act.Caller{ID: "person/ann", Roles: ledgertest.Operator.Roles}
	ben = act.Caller{ID: "person/ben", Roles: ledgertest.Operator.Roles}
)

const kindsFile = `
id: C-2
title: Every kind
owner: person/owner
frequency: monthly
criteria: [CC8.1]
tests:
  - id: tls
    kind: state
    title: It holds
    population: {from: observations, where: item.check == "tls", fields: {value: {ok: bool}}}
    interval: 24h
    pass: item.value.ok
    changes: {from: events, where: item.type == "aws.changed", resource: item.subject}
  - id: minutes
    kind: document
    title: They met
  - id: reviewed
    kind: census
    title: It has a reviewer
    population: {from: changes}
    pass: size(item.reviewers) > 0
    reconcile:
      with: {from: events, where: item.type == "review.approved", fields: {data: {change: string, by: string}}}
      key: item.title + " " + item.reviewers.map(r, r.name)[0]
      with_key: item.data.change + " " + item.data.by
  - id: deployed
    kind: census
    title: What was merged was deployed
    population: {from: changes}
    pass: "true"
    reconcile:
      with: {from: events, where: item.type == "deployed"}
      key: item.title
      with_key: item.data
    cutoff: {other: item.deployed_at, tolerance: 48h}
`

func eachKind(t *testing.T, test func(l *laboratory)) {
	ledgertest.EachOf(t, moreKinds, func(t *testing.T, l *ledgertest.Ledger) {
		lab := newLaboratory(t, l)
		lab.Kinds = moreKinds
		var err error
		if lab.control, err = controls.Parse("C-2.yaml", []byte(kindsFile), controls.Builtin(app.Kinds)); err != nil {
			t.Fatal(err)
		}
		versionstest.InForce(t, lab.Ledger.Door, lab.Blobs, lab.control)
		test(lab)
		l.Verify(t, moreKinds)
	})
}

func (l *laboratory) saw(at time.Time, resource, value string) {
	l.Helper()
	o := observations.Observation{Resource: resource, Check: "tls", Source: "probe", Query: "q", ObservedAt: at, Outcome: observations.Read, Value: json.RawMessage(`{"ok":` + value + `}`)}
	switch value {
	case "failed":
		o.Outcome, o.Value, o.Reason = observations.Failed, nil, "timeout"
	case "absent":
		o.Outcome, o.Value = observations.Absent, nil
	}
	if _, err := observations.Record(context.Background(), l.Ledger.Door, ledgertest.Operator, o); err != nil {
		l.Fatal(err)
	}
}

// happened appends an event from outside.
func (l *laboratory) happened(kind, subject string, at time.Time, data any) {
	l.Helper()
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": fmt.Sprint(kind, subject, at, data), "source": "out", "type": kind, "subject": subject, "time": at, "data": data,
	})
	if err != nil {
		l.Fatal(err)
	}
	l.Add(l.T, body)
}

func (l *laboratory) eventsImported(since, until time.Time) {
	l.Helper()
	done := record.Completed{Source: "events", Register: "events", Since: &since, Until: &until, Query: "q", Summary: &record.Summary{}, Complete: true}
	if err := record.Complete(context.Background(), l.Ledger.Door, ledgertest.Operator, "import.events", "events", done); err != nil {
		l.Fatal(err)
	}
}

func says(r *results.Result, part string) bool {
	return strings.Contains(strings.Join(r.Because, "\n"), part)
}

// A gap makes a state test incomplete, unless the record of changes is complete
// for it and holds none.
func TestAGapIsFilledByACompleteRecordOfChangesOnly(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		from := month(1)
		l.saw(from, "a", "true")
		l.saw(from.AddDate(0, 0, 1), "a", "failed")
		l.saw(from.AddDate(0, 0, 5), "a", "true")
		l.saw(from.AddDate(0, 0, 6).Add(-time.Hour), "a", "true")
		p := l.period("P", from, from.AddDate(0, 0, 6))
		p = l.close(p.Name)
		r := l.perform("tls", p).Result
		if r.Conclusion != controltests.Incomplete || len(r.Gaps) != 1 || r.Gaps[0].Of != "a" || !r.Gaps[0].From.Equal(from) || r.State.Unread != 1 || r.Passed != 3 {
			l.Errorf("%+v %+v", r, r.State)
		}
		if !says(r, "no reading for 120h0m0s, at most 24h0m0s are allowed; 1 probe failed") {
			l.Errorf("%q", r.Because)
		}
		// Complete for a part only, then for all of it.
		l.eventsImported(from, from.AddDate(0, 0, 2))
		if r := l.perform("tls", p).Result; r.Conclusion != controltests.Incomplete || !r.Gaps[0].From.Equal(from.AddDate(0, 0, 2)) {
			l.Errorf("%+v", r.Gaps)
		}
		l.eventsImported(from.AddDate(0, 0, 2), from.AddDate(0, 0, 6))
		r = l.perform("tls", p).Result
		if r.Conclusion != controltests.Effective || len(r.Gaps) != 0 || r.State.KnownHours != 144 {
			l.Errorf("%+v %+v", r.Because, r.State)
		}
		// A change of another resource changes nothing; one of this one does.
		l.happened("aws.changed", "b", from.AddDate(0, 0, 3), nil)
		if r := l.perform("tls", p).Result; r.Conclusion != controltests.Effective {
			l.Errorf("%+v", r.Because)
		}
		l.happened("aws.changed", "a", from.AddDate(0, 0, 3), nil)
		if r := l.perform("tls", p).Result; r.Conclusion != controltests.Incomplete || len(r.Gaps) != 1 || !r.Gaps[0].From.Equal(from.AddDate(0, 0, 3)) {
			l.Errorf("%+v", r.Gaps)
		}
	})
}

func TestNothingObservedIsIncompleteAndAClosedPeriodTakesNoObservation(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		l.period("P", month(1), month(2))
		p := l.close("P")
		if r := l.perform("tls", p).Result; r.Conclusion != controltests.Incomplete || r.Count != 0 {
			l.Errorf("%+v", r)
		}
		o := observations.Observation{Resource: "a", Check: "tls", Source: "p", Query: "q", ObservedAt: month(1), Outcome: observations.Absent}
		if _, err := observations.Record(context.Background(), l.Ledger.Door, ledgertest.Operator, o); !errors.Is(err, periods.ErrClosed) {
			l.Errorf("%v", err)
		}
		if o.ObservedAt = l.Ledger.Clock.Now().Add(time.Microsecond); true {
			if _, err := observations.Record(context.Background(), l.Ledger.Door, ledgertest.Operator, o); !errors.Is(err, observations.ErrInvalid) {
				l.Errorf("%v", err)
			}
		}
		if all := l.Events(l.T, observations.RecordedType); len(all) != 0 {
			l.Errorf("%d observations were recorded", len(all))
		}
	})
}

func (l *laboratory) file(by act.Caller, from, to time.Time) *documents.Evidence {
	l.Helper()
	e, err := documents.Add(context.Background(), l.Ledger.Door, l.Blobs, by, documents.Evidence{
		Control: "C-2", Test: "minutes", File: "m.txt", Source: "wiki", Query: "q", From: from, To: to,
	}, strings.NewReader("minutes"))
	if err != nil {
		l.Fatal(err)
	}
	return e
}

func (l *laboratory) review(by act.Caller, e *documents.Evidence, conclusion controltests.ReviewConclusion) error {
	_, err := documents.Conclude(context.Background(), l.Ledger.Door, by, e.ID, conclusion, "because")
	return err
}

func TestDocumentsCountWhenSomebodyElseAcceptedThem(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		l.period("P", month(1), month(3))
		p := l.close("P")
		reason := func(r *results.Result, item string) controltests.Reason {
			for _, d := range r.Exceptions {
				if d.Item == item {
					return d.Reason
				}
			}
			return ""
		}
		if r := l.perform("minutes", p).Result; r.Count != 2 || reason(r, "2026-01") != controltests.Missing || r.Conclusion != controltests.Ineffective {
			l.Errorf("nothing: %+v", r)
		}
		january := l.file(ann, month(1), month(2))
		if err := l.review(ann, january, controltests.Accepted); !errors.Is(err, act.ErrSamePerson) {
			l.Errorf("own: %v", err)
		}
		if r := l.perform("minutes", p).Result; reason(r, "2026-01") != "" || !says(r, "EVD-1 is not reviewed") || r.Passed != 0 || len(r.Gaps) != 1 {
			l.Errorf("unread: %+v", r)
		}
		if err := l.review(ben, january, controltests.Accepted); err != nil {
			l.Fatal(err)
		}
		february := l.file(ann, month(2), month(3))
		if err := l.review(ben, february, controltests.NotAccepted); err != nil {
			l.Fatal(err)
		}
		r := l.perform("minutes", p).Result
		if r.Passed != 1 || reason(r, "2026-02") != controltests.Rejected || r.Conclusion != controltests.EffectiveWithExceptions || !r.NeedsJudgment {
			l.Errorf("rejected: %+v", r)
		}
		half := l.file(ann, month(2), month(2).AddDate(0, 0, 14))
		if err := l.review(ben, half, controltests.Accepted); err != nil {
			l.Fatal(err)
		}
		if r := l.perform("minutes", p).Result; r.Conclusion != controltests.Incomplete || !says(r, "EVD-3 covers it up to there only") {
			l.Errorf("half: %+v", r)
		}
		rest := l.file(ann, month(2).AddDate(0, 0, 13), month(6))
		if err := l.review(ben, rest, controltests.Accepted); err != nil {
			l.Fatal(err)
		}
		if r := l.perform("minutes", p).Result; r.Conclusion != controltests.Effective || r.Passed != 2 {
			l.Errorf("whole: %+v", r)
		}
	})
}

func (l *laboratory) resolve(test, mismatch string, by, confirmed act.Caller) {
	l.Helper()
	r, err := resolutions.Propose(context.Background(), l.Ledger.Door, by, resolutions.Resolution{Period: "P", Control: "C-2", Test: test, Mismatch: mismatch, Reason: "a reason", Owner: l.control.Owner})
	if err != nil {
		l.Fatal(err)
	}
	for _, own := range []act.Caller{by, {ID: l.control.Owner, Roles: by.Roles}} {
		if _, err := resolutions.Confirm(context.Background(), l.Ledger.Door, own, r.ID); !errors.Is(err, act.ErrSamePerson) {
			l.Errorf("%s confirms: %v", own.ID, err)
		}
	}
	if confirmed.ID == "" {
		return
	}
	if _, err := resolutions.Confirm(context.Background(), l.Ledger.Door, confirmed, r.ID); err != nil {
		l.Fatal(err)
	}
}

// Items on one side only, and doubled keys, stop the conclusion until two
// people resolved each of them.
func TestMismatchesStopTheConclusionUntilTheyAreResolved(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		for i, title := range []string{"both", "merged", "double", "double", "twice"} {
			l.add(month(1).AddDate(0, 0, i), changes.Change{Title: title})
		}
		for i, title := range []string{"both", "deployed", "double", "twice", "twice"} {
			l.happened("deployed", "x", month(1).AddDate(0, 0, i), title)
		}
		// At the end: within the tolerance it is found on the other side.
		l.add(month(3).Add(-time.Hour), changes.Change{Title: "late"})
		l.happened("deployed", "x", month(3).Add(time.Hour), "late")
		l.period("P", month(1), month(3).Add(-time.Minute))
		p := l.close("P")
		r := l.perform("deployed", p).Result
		k := r.Reconciliation
		if r.Conclusion != controltests.Incomplete || r.Census != controltests.Effective || k == nil || k.Matched != 2 || k.Mismatches != 4 || k.Resolved != 0 || k.Complete || k.Independent {
			l.Fatalf("%+v %+v", r, k)
		}
		var ids []string
		for _, one := range k.Listed {
			ids = append(ids, one.ID)
		}
		if want := []string{"only there: deployed", "twice here: double", "only here: merged", "twice there: twice"}; !slices.Equal(ids, want) {
			l.Errorf("%q, want %q", ids, want)
		}
		if !says(r, "The population does not agree with events: 4 of 4 mismatches are not resolved: only there: deployed") {
			l.Errorf("%q", r.Because)
		}
		for _, id := range ids[:3] {
			l.resolve("deployed", id, ann, ben)
		}
		l.resolve("reviewed", ids[3], ann, ben)          // of another test
		l.resolve("deployed", ids[3], ann, act.Caller{}) // not confirmed
		if r := l.perform("deployed", p).Result; r.Conclusion != controltests.Incomplete || r.Reconciliation.Resolved != 3 || r.Reconciliation.Listed[0].ID != ids[3] {
			l.Errorf("%+v", r.Reconciliation)
		}
		l.resolve("deployed", ids[3], ben, ann)
		r = l.perform("deployed", p).Result
		if r.Conclusion != controltests.Effective || !r.Reconciliation.Complete || !says(r, "twice there: twice is resolved by RSL-6: a reason; proposed by person/ben, confirmed by person/ann.") {
			l.Errorf("%+v %q", r.Reconciliation, r.Because)
		}
	})
}

// Whose reviewers an independent source bears out, is not capped (ADR 7).
func TestAnIndependentSourceLiftsTheCapOnWhatIsAsserted(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		l.add(month(1), asserted(reviewed))
		l.happened("review.approved", "x", month(1), map[string]string{"change": "1", "by": "Ben"})
		l.period("P", month(1), month(2))
		p := l.close("P")
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Incomplete || !r.Reconciliation.Complete || r.Reconciliation.Independent {
			l.Errorf("nothing says that the source is complete: %+v", r)
		}
		l.eventsImported(month(1), month(1).AddDate(0, 0, 3))
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Incomplete || r.Reconciliation.Complete || !says(r, "cannot be reconciled with events, which is not complete") {
			l.Errorf("it is not: %+v", r)
		}
		l.eventsImported(month(1), month(2))
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Effective || !r.Reconciliation.Independent || !says(r, "events, an independent source, bears them out") {
			l.Errorf("it is: %+v", r)
		}
		l.add(month(1).AddDate(0, 0, 1), asserted(changes.Change{Title: "2", Reviewers: []changes.Person{{Name: "Zoe"}}}))
		if r := l.perform("reviewed", p).Result; r.Conclusion != controltests.Incomplete || !says(r, "only here: 2 Zoe") || !says(r, "are asserted by commit messages, which") {
			l.Errorf("a reviewer whom it does not know: %q", r.Because)
		}
	})
}

// Items of which one instant lies in the period and the other does not are
// shown, and those that are far apart stop the conclusion.
func TestCutOff(t *testing.T) {
	eachKind(t, func(l *laboratory) {
		end := month(2)
		for _, c := range []struct {
			title            string
			merged, deployed time.Duration // after the end
		}{
			{"inside", -72 * time.Hour, -71 * time.Hour},
			{"near", -time.Hour, 47 * time.Hour},
			{"far", -time.Hour, 47*time.Hour + time.Microsecond},
			{"from before", -32 * 24 * time.Hour, -28 * 24 * time.Hour},
			{"after", time.Hour, 2 * time.Hour},
		} {
			apart := time.Duration(len(c.title)) * time.Second // ids are told by the second
			deployed := end.Add(c.deployed).Add(apart)
			l.add(end.Add(c.merged).Add(apart), changes.Change{Title: c.title, DeployedAt: &deployed})
			l.happened("deployed", "x", end.Add(c.merged), c.title)
		}
		l.period("P", month(1), end)
		p := l.close("P")
		r := l.perform("deployed", p).Result
		k := r.Cutoff
		if r.Conclusion != controltests.Incomplete || k == nil || k.Items != 3 || k.Beyond != 2 || k.Resolved != 0 || len(k.Listed) != 3 || k.Listed[2].Beyond || k.Listed[2].Apart != "48h0m0s" {
			l.Fatalf("%+v %+v", r.Because, k)
		}
		for _, one := range k.Listed[:2] {
			l.resolve("deployed", one.ID, ann, ben)
		}
		if r := l.perform("deployed", p).Result; r.Conclusion != controltests.Effective || r.Cutoff.Resolved != 2 || !says(r, "of 2 of them they are further apart than 48h0m0s, and 2 of these are resolved") {
			l.Errorf("%+v %q", r.Cutoff, r.Because)
		}
	})
}
