package evidence_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Whoever may write to the ledger can record a decision that nobody was allowed
// to take so. Verifying names each one.
func TestDecisionsAgainstTheirRulesAreNamed(t *testing.T) {
	owner := act.Caller{ID: "local/test", Roles: []string{"administrator"}} // of the control
	someone := versionstest.Approver
	subject := judgments.Subject{Control: "C-1", Test: "titled", Period: "P", Item: "c001"}
	for name, c := range map[string]struct {
		by   act.Caller
		kind *record.Kind
		id   string
		doc  func(w *world, before json.RawMessage) any // before: the current document, nil for none
		says string
	}{
		"approved by who proposed it": {someone, versions.Register, "C-1.2", func(w *world, _ json.RawMessage) any {
			now := w.Manual.Now()
			return versions.Version{ID: "C-1.2", Control: "C-1", Number: 2, SHA256: strings.Repeat("e", 64), State: versions.Approved, EffectiveFrom: &now,
				ProposedBy: someone.ID, ProposedAt: now, ApprovedBy: someone.ID, ApprovedAt: &now}
		}, "while no version is proposed or approved"},
		"approved in somebody's name": {someone, versions.Register, "C-1.1", func(_ *world, before json.RawMessage) any {
			return edited[versions.Version](before, func(v *versions.Version) { v.ApprovedBy = "local/boss" })
		}, "a version that is approved cannot become approved"},
		"adopted by its owner": {owner, versions.Register, "C-9.1", func(w *world, _ json.RawMessage) any {
			now := w.Manual.Now()
			return versions.Version{ID: "C-9.1", Control: "C-9", Number: 1, Owner: "test", SHA256: strings.Repeat("e", 64), State: versions.Approved,
				ProposedBy: versions.Catalog, ProposedAt: now, ApprovedBy: owner.ID, ApprovedAt: &now}
		}, "cannot adopt it alone"},
		"another file under an approval": {someone, versions.Register, "C-1.1", func(_ *world, before json.RawMessage) any {
			return edited[versions.Version](before, func(v *versions.Version) { v.SHA256 = strings.Repeat("e", 64) })
		}, "control_version/C-1.1"},
		"assessed by its owner": {owner, versions.Assessments, "ASM-2", func(w *world, _ json.RawMessage) any {
			return versions.Assessment{ID: "ASM-2", Control: "C-1", Version: "C-1.1", SHA256: w.control.SHA256, Risk: "r", Precision: "p", Walkthrough: "event/0",
				Conclusion: controltests.Effective, Reason: "w", Assessor: owner.ID, AssessedAt: w.Manual.Now()}
		}, "cannot assess its design"},
		"an assessment that was changed": {versionstest.Assessor, versions.Assessments, "ASM-1", func(_ *world, before json.RawMessage) any {
			return edited[versions.Assessment](before, func(a *versions.Assessment) { a.Conclusion = controltests.Ineffective })
		}, "it is recorded once, and was changed"},
		"a cause confirmed by its owner": {owner, judgments.Deviations, subject.ID(), func(w *world, before json.RawMessage) any {
			now := w.Manual.Now()
			return edited[judgments.Deviation](before, func(d *judgments.Deviation) { d.Cause.ConfirmedBy, d.Cause.ConfirmedAt = owner.ID, &now })
		}, "local/test"},
		"a cause confirmed by nobody": {someone, judgments.Deviations, subject.ID(), func(w *world, before json.RawMessage) any {
			now := w.Manual.Now()
			return edited[judgments.Deviation](before, func(d *judgments.Deviation) { d.Cause.ConfirmedBy, d.Cause.ConfirmedAt = "local/nobody", &now })
		}, "it is confirmed by who records it"},
		"a cause of its own": {someone, judgments.Deviations, subject.ID(), func(w *world, before json.RawMessage) any {
			return edited[judgments.Deviation](before, func(d *judgments.Deviation) {
				d.Cause.ID, d.Cause.Statement = "bad_luck", judgments.Statement{StatedBy: someone.ID, StatedAt: w.Manual.Now()}
			})
		}, "is no cause of the list"},
		"a conclusion that erases deviations": {someone, judgments.Conclusions, "CON-9", func(w *world, _ json.RawMessage) any {
			return judgments.Conclusion{ID: "CON-9", Role: judgments.Management, Control: "C-1", Test: "titled", Period: "P", Result: "RES-1",
				Computed: controltests.Ineffective, Conclusion: controltests.Effective, Reason: "all repaired", ConcludedBy: someone.ID, ConcludedAt: w.Manual.Now()}
		}, "stay deviations"},
		"a conclusion from another result": {someone, judgments.Conclusions, "CON-9", func(w *world, _ json.RawMessage) any {
			return judgments.Conclusion{ID: "CON-9", Role: judgments.Management, Control: "C-1", Test: "titled", Period: "P", Result: "RES-77",
				Computed: controltests.Ineffective, Conclusion: controltests.Ineffective, ConcludedBy: someone.ID, ConcludedAt: w.Manual.Now()}
		}, `there is no result "RES-77"`},
		"a resolution confirmed by its owner": {owner, resolutions.Register, "RSL-1", func(w *world, before json.RawMessage) any {
			now := w.Manual.Now()
			return edited[resolutions.Resolution](before, func(r *resolutions.Resolution) {
				r.State, r.ConfirmedBy, r.ConfirmedAt = resolutions.Confirmed, owner.ID, &now
			})
		}, "local/test"},
		"a resolution confirmed by nobody": {someone, resolutions.Register, "RSL-1", func(w *world, before json.RawMessage) any {
			now := w.Manual.Now()
			return edited[resolutions.Resolution](before, func(r *resolutions.Resolution) {
				r.State, r.ConfirmedBy, r.ConfirmedAt = resolutions.Confirmed, "local/nobody", &now
			})
		}, "it is confirmed by who records it"},
		"a resolution of another reason": {someone, resolutions.Register, "RSL-1", func(w *world, before json.RawMessage) any {
			now := w.Manual.Now()
			return edited[resolutions.Resolution](before, func(r *resolutions.Resolution) {
				r.Reason, r.State, r.ConfirmedBy, r.ConfirmedAt = "another", resolutions.Confirmed, someone.ID, &now
			})
		}, "changes no more"},
		"a resolution that nobody proposed": {someone, resolutions.Register, "RSL-2", func(w *world, _ json.RawMessage) any {
			now := w.Manual.Now()
			return resolutions.Resolution{ID: "RSL-2", Period: "P", Control: "C-1", Test: "titled", Mismatch: "m", Reason: "r", Owner: "test", State: resolutions.Confirmed,
				ProposedAt: now, ProposedBy: someone.ID, ConfirmedAt: &now, ConfirmedBy: someone.ID}
		}, "it is proposed first"},
		"a resolution of another owner's control": {someone, resolutions.Register, "RSL-2", func(w *world, _ json.RawMessage) any {
			return resolutions.Resolution{ID: "RSL-2", Period: "P", Control: "C-1", Test: "titled", Mismatch: "m", Reason: "r", Owner: "another", State: resolutions.Proposed,
				ProposedAt: w.Manual.Now(), ProposedBy: someone.ID}
		}, `no result of the test says that "another" owns`},
		"a result in somebody's name": {someone, results.Register, "RES-1", func(_ *world, before json.RawMessage) any {
			return edited[results.Result](before, func(r *results.Result) { r.PerformedBy = "local/auditor" })
		}, "says that local/auditor performed it"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, config.Config{})
			w.add(20)
			lab := w.Lab()
			outcome, err := lab.Perform(context.Background(), apptest.Operator, results.Task{Control: w.control, Test: w.control.Tests[0], Period: w.period})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := lab.StateNotes(context.Background(), someone, outcome.Result, controltests.Notes{Items: map[string]controltests.Note{"c001": {Cause: "capacity"}}}); err != nil {
				t.Fatal(err)
			}
			if _, err := resolutions.Propose(context.Background(), w.Door, versionstest.Assessor, resolutions.Resolution{
				Period: "P", Control: "C-1", Test: "titled", Mismatch: "only here: c004", Reason: "known", Owner: "test",
			}); err != nil {
				t.Fatal(err)
			}
			w.forge(c.by, c.kind, c.id, func(before json.RawMessage) any { return c.doc(w, before) })
			bundle, _ := w.export()
			verified, err := verify(bundle, check(w.VerifierKey))
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(verified.Differences, "\n"); !strings.Contains(found, c.says) {
				t.Errorf("%q, want %q", found, c.says)
			}
		})
	}
}

func edited[T any](doc json.RawMessage, change func(*T)) any {
	one := new(T)
	if err := json.Unmarshal(doc, one); err != nil {
		panic(err)
	}
	change(one)
	return one
}

// forge records a document past the commands that would refuse it.
func (w *world) forge(by act.Caller, kind *record.Kind, id string, doc func(before json.RawMessage) any) {
	w.t.Helper()
	var before json.RawMessage
	version := 0
	if err := w.DB.Read(context.Background(), func(r *store.Reader) error {
		if v, err := record.Get(r, kind.Name, id); err == nil {
			before, version = v.Doc, v.Version
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Door.Do(context.Background(), by, "test", "test", func(tx *act.Tx) error {
		_, err := record.Put(tx, kind, record.Change{Verb: "forged", ID: id, Doc: doc(before), Expect: version})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

// What was decided lies in the bundle, and a file that says something else is
// named by its place.
func TestDecisionsAreInTheBundle(t *testing.T) {
	w := usual(t, config.Config{})
	bundle, _ := w.export()
	files := unpack(t, bundle)
	for path, want := range map[string]string{
		"decisions/control_versions.jsonl": `"approved_by":"local/approver"`, "decisions/assessments.jsonl": `"assessor":"local/assessor"`,
		"decisions/deviations.jsonl": `"confirmed_by":"local/assessor"`, "decisions/conclusions.jsonl": `"role":"management"`,
	} {
		if data := string(files[find(t, files, path)].data); !strings.Contains(data, want) {
			t.Errorf("%s: %q has no %s", path, data, want)
		}
	}
}
