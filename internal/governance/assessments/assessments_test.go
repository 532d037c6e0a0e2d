package assessments_test

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
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/governance/assessments"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	people    = `"assessor":"person/other","reviewer":"person/third"`
	statement = `{"as_written":"Yes","evidence":"Ten tickets","improvements":"Nothing","result":"works"}`
)

var with = record.Kinds{versions.Register, findings.Register}

// seed adopts CHG-01, and reports FND-1.
func seed(tx *act.Tx) error {
	v := &versions.Version{ID: versions.ID("CHG-01", 1), Control: "CHG-01", Number: 1, State: versions.Approved}
	if _, err := record.Put(tx, versions.Register, record.Change{Verb: "proposed", ID: v.ID, Doc: v}); err != nil {
		return err
	}
	_, err := record.Add(tx, findings.Register, fields(`{"title":"It does not work","source":"self-assessment","severity":"high","found_at":"2026-03-01T00:00:00Z","owner":"person/owner"}`))
	return err
}

func fields(text string) (all map[string]json.RawMessage) {
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}

func TestTheRegister(t *testing.T) {
	forged := `{"assessor":"person/author","as_written":"Yes","evidence":"Ten tickets","improvements":"Nothing","result":"works"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: assessments.Register, New: `{` + people + `}`, Set: `{"evidence":"Nine tickets"}`, With: with, Seed: seed,
		ID: func(n int) string { return fmt.Sprintf("SA-CHG-01-20%02d-Q%d", 10+n/4, 1+n%4) },
		Fields: map[string]string{
			"draft submitted": statement, "submitted returned": `{"review":"Which tickets?"}`, "submitted reviewed": `{"review":"Read"}`,
		},
		Refused: map[string]string{
			"id": `{"id":"SA-CHG-01-2026-Q5"}`, "assessor": `{"assessor":"Ada"}`, "reviewer": `{"reviewer":"person/other"}`,
			"result": `{"result":"fine"}`, "finding": `{"finding":"FND-1"}`, "control": `{"control":"CHG-02"}`, "statement": `{"statement":"x"}`,
		},
		GuardFalse: map[string]string{"draft submitted": forged, "returned submitted": forged},
	})
}

func TestTheNumberNamesControlAndQuarter(t *testing.T) {
	for id, want := range map[string][3]string{
		"SA-CHG-01-2026-Q1":     {"CHG-01", "2026-Q1", "2026-03-31"},
		"SA-CHG-01-2026-Q2":     {"CHG-01", "2026-Q2", "2026-06-30"},
		"SA-OWN-Q1-2.b-2027-Q3": {"OWN-Q1-2.b", "2027-Q3", "2027-09-30"},
		"SA-x-2028-Q4":          {"x", "2028-Q4", "2028-12-31"},
		"SA-CHG-01-2026-Q0":     {}, "SA-CHG-01-2026-Q5": {}, "SA-CHG-01-1926-Q1": {}, "SA-CHG-01-26-Q1": {}, "CHG-01-2026-Q1": {}, "SA--2026-Q1": {},
		"SA-CHG-01": {}, "SA-CHG 01-2026-Q1": {}, "SA-CHG-01-2026-Q1 ": {}, "SA-CHG/01-2026-Q1": {}, "SA-1": {},
	} {
		a := &assessments.Assessment{ID: id}
		a.Compute()
		due := ""
		if a.DueAt != nil {
			due = a.DueAt.Format(time.DateOnly)
		}
		if got := [3]string{a.Control, a.Quarter, due}; got != want {
			t.Errorf("%s: %v, want %v", id, got, want)
		}
		if wrong := a.Validate(); (len(wrong) > 0) != (want == [3]string{}) {
			t.Errorf("%s: %v", id, wrong)
		}
	}
}

// desk is a register with one assessment, SA-CHG-01-2026-Q1 by person/other.
type desk struct {
	*testing.T
	l *ledgertest.Ledger
}

const id = "SA-CHG-01-2026-Q1"

func each(t *testing.T, body func(d *desk)) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		kinds := slices.Concat(record.Kinds{assessments.Register}, with)
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := kinds.Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		d := &desk{t, l}
		if err := errors.Join(d.do("person/owner", seed), d.add(id)); err != nil {
			t.Fatal(err)
		}
		body(d)
		l.Verify(t, kinds)
	})
}

func (d *desk) do(who string, body func(*act.Tx) error) error {
	_, err := d.l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "self_assessments", body)
	return err
}

func (d *desk) add(id string) error {
	return d.do("person/owner", func(tx *act.Tx) error {
		_, err := record.Add(tx, assessments.Register, fields(`{"id":"`+id+`",`+people+`}`))
		return err
	})
}

func (d *desk) set(text string) error {
	return d.do("person/owner", func(tx *act.Tx) error {
		_, err := record.Set(tx, assessments.Register, id, record.AnyVersion, fields(text))
		return err
	})
}

func (d *desk) move(who, id, state, text string) error {
	return d.do(who, func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, assessments.Register, id, state)
		if err == nil {
			_, err = record.Move(tx, assessments.Register, id, record.AnyVersion, state, permission, fields(text))
		}
		return err
	})
}

// refused holds that an error names this field; none: that there is no error.
func (d *desk) refused(what string, err error, field string) {
	d.Helper()
	var wrong *record.Invalid
	if (err == nil) != (field == "") || field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != field) {
		d.Errorf("%s: %v, want %q", what, err, field)
	}
}

func TestWhatASubmissionTakes(t *testing.T) {
	said := `"as_written":"Yes","evidence":"Ten tickets","improvements":"Nothing"`
	each(t, func(d *desk) {
		for i, test := range []struct{ text, field string }{
			{`{` + said + `,"result":"works"}`, ""},
			{`{` + said + `,"result":"works_with_gaps"}`, "gaps"},
			{`{` + said + `,"result":"works_with_gaps","gaps":" "}`, "gaps"},
			{`{` + said + `,"result":"works_with_gaps","gaps":"One ticket"}`, ""},
			{`{` + said + `,"result":"not_done"}`, "gaps"},
			{`{` + said + `,"result":"not_done","gaps":"Ill"}`, ""},
			{`{` + said + `,"result":"does_not_work","finding":"finding/FND-1"}`, "gaps"},
			{`{` + said + `,"result":"does_not_work","gaps":"All of it"}`, "finding"},
			{`{` + said + `,"result":"does_not_work","gaps":"All of it","finding":"finding/FND-2"}`, "finding"},
			{`{` + said + `,"result":"does_not_work","gaps":"All of it","finding":"finding/FND-1"}`, ""},
		} {
			id := fmt.Sprintf("SA-CHG-01-20%d-Q1", 10+i)
			d.refused("added", d.add(id), "")
			d.refused(test.text, d.move("person/other", id, "submitted", test.text), test.field)
		}
		d.refused("added", d.add("SA-CHG-01-2050-Q1"), "")
		d.refused("a quarter that has not begun", d.move("person/other", "SA-CHG-01-2050-Q1", "submitted", `{`+said+`,"result":"works"}`), "quarter")
		d.refused("a control with the longest id", d.add("SA-"+strings.Repeat("A", 64)+"-2019-Q1"), "")
		if d.add("SA-"+strings.Repeat("A", 65)+"-2019-Q1") == nil {
			d.Error("a longer one is taken")
		}
		d.refused("added", d.add("SA-CHG-01-2009-Q4"), "")
		if err := d.move("person/other", "SA-CHG-01-2009-Q4", "submitted", `{`+said+`,"result":"works","assessor":"person/third","reviewer":"person/another"}`); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("whoever is not the assessor any more submits it: %v", err)
		}
	})
}

func TestOneForAControlAndAQuarter(t *testing.T) {
	each(t, func(d *desk) {
		if err := d.add(id); !errors.Is(err, record.ErrExists) {
			d.Errorf("a second one: %v", err)
		}
		d.refused("another quarter", d.add("SA-CHG-01-2026-Q2"), "")
		d.refused("another control", d.add("SA-CHG-99-2026-Q1"), "")
		d.refused("of a control that there is not", d.move("person/other", "SA-CHG-99-2026-Q1", "submitted", statement), "control")
	})
}

// What is reviewed is what was submitted.
func TestAStatementStaysAsItIs(t *testing.T) {
	each(t, func(d *desk) {
		d.refused("a draft", d.set(`{"evidence":"x"}`), "")
		d.refused("to submitted", d.move("person/other", id, "submitted", statement), "")
		d.refused("after that", d.set(`{"evidence":"x"}`), "state")
		d.refused("with the review", d.move("person/third", id, "reviewed", `{"result":"not_done"}`), "state")
		d.refused("another assessor", d.set(`{"assessor":"person/else"}`), "state")
		d.refused("another reviewer", d.set(`{"reviewer":"person/else"}`), "")
		d.refused("to returned", d.move("person/third", id, "returned", `{"review":"Why?"}`), "")
		d.refused("when returned", d.set(`{"evidence":"x"}`), "")
		d.refused("to submitted again", d.move("person/other", id, "submitted", `{}`), "")
		if err := d.move("person/other", id, "reviewed", `{}`); !errors.Is(err, act.ErrSamePerson) {
			d.Errorf("a review by the assessor: %v", err)
		}
		d.refused("to reviewed", d.move("person/third", id, "reviewed", `{}`), "")
		d.refused("after the review", d.set(`{"result":"not_done"}`), "state")
		if err := d.move("person/other", id, "draft", `{}`); err == nil {
			d.Error("a reviewed one begins again")
		}
	})
}
