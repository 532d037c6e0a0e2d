package evidence_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// The control has a state test with a gap, a document test, and a test that is
// reconciled and looks at the period's ends.
const kindsFile = `id: C-2
title: What is read, collected and reconciled
owner: test
frequency: daily
criteria: [CC8.1]
tests:
  - id: tls
    kind: state
    title: It holds
    population: {from: observations, fields: {value: {ok: bool}}}
    interval: 24h
    pass: item.value.ok
  - id: minutes
    kind: document
    title: They met
    every: weekly
  - id: deployed
    kind: census
    title: What was merged was deployed
    population: {from: changes}
    pass: item.title != "bad"
    reconcile:
      with: {from: events, where: item.type == "test.deployed"}
      key: item.id
      with_key: item.subject
    cutoff: {other: item.authored_at, tolerance: 1h}
`

var (
	ann = act.Caller{ID: "person/ann", Roles: apptest.Operator.Roles}
	ben = act.Caller{ID: "person/ben", Roles: apptest.Operator.Roles, By: "local/test"}
)

// newKinds is a world in which every kind of test has something to go by.
func newKinds(t testing.TB, c config.Config) *world {
	w := newWorld(t, c)
	var err error
	if w.control, err = controls.Parse("C-2.yaml", []byte(kindsFile), controls.Builtin(app.Kinds)); err != nil {
		t.Fatal(err)
	}
	versionstest.InForce(t, w.Door, w.Blobs, w.control)
	w.add(6)
	ctx := context.Background()
	from := w.period.From
	for _, o := range []observations.Observation{
		{ObservedAt: from, Outcome: observations.Read, Value: json.RawMessage(`{"ok":true}`)},
		{ObservedAt: from.Add(20 * time.Hour), Outcome: observations.Failed, Reason: "timeout"},
		{ObservedAt: from.Add(50 * time.Hour), Outcome: observations.Read, Value: json.RawMessage(`{"ok":false}`)},
	} {
		o.Resource, o.Check, o.Source, o.Query = "tls://a", "tls", "probe", "a"
		if _, err := observations.Record(ctx, w.Door, apptest.Operator, o); err != nil {
			t.Fatal(err)
		}
	}
	var deployed [][]byte
	for _, id := range []string{"c000", "c001", "c002", "c003", "c009"} {
		deployed = append(deployed, []byte(`{"specversion":"1.0","id":"d`+id+`","source":"out","type":"test.deployed","subject":"`+id+`","time":"`+from.Add(time.Hour).Format(time.RFC3339)+`"}`))
	}
	w.Append(t, deployed...)
	for i, conclusion := range []controltests.ReviewConclusion{controltests.Accepted, controltests.NotAccepted, ""} {
		e, err := documents.Add(ctx, w.Door, w.Blobs, ann, documents.Evidence{
			Control: "C-2", Test: "minutes", File: "m.txt", Source: "wiki", Query: "q", From: from.AddDate(0, 0, -7), To: from.AddDate(0, 0, 1+i),
		}, strings.NewReader(strings.Repeat("minutes ", i+1)))
		if err != nil {
			t.Fatal(err)
		}
		if conclusion != "" {
			if _, err := documents.Conclude(ctx, w.Door, ben, e.ID, conclusion, "read"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, mismatch := range []string{"only here: c004", "only there: c009"} {
		r, err := resolutions.Propose(ctx, w.Door, ann, resolutions.Resolution{Period: "P", Control: "C-2", Test: "deployed", Mismatch: mismatch, Reason: "known", Owner: "test"})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if _, err := resolutions.Confirm(ctx, w.Door, ben, r.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.close()
	return w
}

func (w *world) resultOf(test string) *results.Result {
	w.t.Helper()
	chosen, _ := w.control.Test(test)
	outcome, err := w.Lab().Perform(context.Background(), apptest.Operator, results.Task{Control: w.control, Test: chosen, Period: w.period})
	if err != nil {
		w.t.Fatal(err)
	}
	return outcome.Result
}

// Observations, evidence, reviews and resolutions are in the bundle, and what
// they came to is computed again from it.
func TestEveryKindOfTestReExecutes(t *testing.T) {
	for name, database := range map[string]string{"sqlite": "", "postgres": apptest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			w := newKinds(t, config.Config{Database: database})
			tls, minutes, deployed := w.resultOf("tls"), w.resultOf("minutes"), w.resultOf("deployed")
			if len(tls.Gaps) != 2 || tls.State.Unread != 1 || len(minutes.Gaps) != 2 || deployed.Reconciliation.Resolved != 1 || deployed.Reconciliation.Mismatches < 2 {
				t.Errorf("%+v\n%+v\n%+v", tls, minutes, deployed.Reconciliation)
			}
			bundle, written := w.export()
			verified, err := verify(bundle, check(w.VerifierKey))
			if err != nil || len(verified.Differences) > 0 || len(written.Differences) > 0 || len(verified.Results) != 3 {
				t.Fatalf("%v %+v %+v", err, verified, written)
			}
			files := unpack(t, bundle)
			for i := range 3 {
				content := strings.Repeat("minutes ", i+1)
				if at := find(t, files, "evidence/"+sum([]byte(content))); string(files[at].data) != content {
					t.Errorf("%s is %q", files[at].name, files[at].data)
				}
			}
		})
	}
}

// Whoever may write to the ledger can record another result than the one that
// follows: verifying names what differs.
func TestForgedStatesDocumentsAndResolutionsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		test  string
		forge func(r *results.Result)
		says  string
	}{
		"as computed":          {"tls", nil, ""},
		"a gap":                {"tls", func(r *results.Result) { r.Gaps = nil }, "RES-1: gaps is recorded as nothing"},
		"a probe that failed":  {"tls", func(r *results.Result) { r.State.Unread = 0 }, "RES-1: state is recorded as"},
		"a review":             {"minutes", func(r *results.Result) { r.Passed++ }, "RES-1: passed is recorded as"},
		"a document's gap":     {"minutes", func(r *results.Result) { r.Gaps = nil }, "RES-1: gaps is recorded as nothing"},
		"a resolution":         {"deployed", func(r *results.Result) { r.Reconciliation.Listed[0].Resolution = "RSL-2" }, "RES-1: reconciliation is recorded as"},
		"a second population":  {"deployed", func(r *results.Result) { r.Reconciliation.SHA256 = strings.Repeat("0", 64) }, "RES-1: reconciliation is recorded as"},
		"an end of the period": {"deployed", func(r *results.Result) { r.Cutoff = nil }, "RES-1: cutoff is recorded as nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newKinds(t, config.Config{})
			r := w.resultOf(c.test)
			if c.forge != nil {
				c.forge(r)
				if _, err := w.Door.Do(context.Background(), apptest.Operator, "test", "test", func(tx *act.Tx) error {
					_, err := record.Put(tx, results.Register, record.Change{Verb: "changed", ID: r.ID, Doc: r, Expect: 1})
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			bundle, _ := w.export()
			verified, err := verify(bundle, check(w.VerifierKey))
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(verified.Differences, "\n"); (found == "") != (c.says == "") || !strings.Contains(found, c.says) {
				t.Errorf("%q, want %q", found, c.says)
			}
		})
	}
}

// An evidence file that is another one, or is missing, and an event that is
// another one, are named.
func TestForgedFilesAndEventsAreNamed(t *testing.T) {
	w := newKinds(t, config.Config{})
	w.test2()
	bundle, _ := w.export()
	key := check(w.VerifierKey)
	files := unpack(t, bundle)
	hash := sum([]byte("minutes "))
	at := find(t, files, "evidence/"+hash)

	changed := append([]file{}, files...)
	changed[at].data = []byte("Minutes ")
	if _, err := verify(pack(t, changed), key); !errors.Is(err, evidence.ErrBundle) || !strings.Contains(err.Error(), "evidence/"+hash) {
		t.Errorf("another file: %v", err)
	}
	without := append(append([]file{}, files[:at]...), files[at+1:]...)
	if _, err := verify(pack(t, without), key); !errors.Is(err, evidence.ErrBundle) || !strings.Contains(err.Error(), "evidence/"+hash+" is in the manifest and missing") {
		t.Errorf("no file: %v", err)
	}
	for _, said := range []string{`"outcome":"failed"`, `"conclusion":"rejected"`, `"state":"confirmed"`} {
		forged := append([]file{}, files...)
		entries := find(t, files, "log/tile/entries/")
		forged[entries].data = bytes.Replace(files[entries].data, []byte(said), []byte(strings.ToUpper(said)), 1)
		if bytes.Equal(forged[entries].data, files[entries].data) {
			t.Fatalf("no event says %s", said)
		}
		if _, err := verify(pack(t, forged), key); !errors.Is(err, evidence.ErrBundle) || !strings.Contains(err.Error(), files[entries].name) {
			t.Errorf("%s: %v", said, err)
		}
	}
}

// test2 performs every test of the control, without notes.
func (w *world) test2() {
	for _, test := range w.control.Tests {
		w.resultOf(test.ID)
	}
}
