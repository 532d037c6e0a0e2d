package tasks_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/record"
)

// asking is the duty of an office with the evidence that it asks for.
func asking(text string) string {
	return text + "evidence:\n  what: the approved round\n  like: [risk_assessment/*]\n  states: [approved]\n"
}

// round adds an assessment that was held on a day.
func (o *office) round(held string) string {
	o.t.Helper()
	values := map[string]json.RawMessage{}
	for name, value := range map[string]any{"title": "Round", "trigger": "yearly", "held_at": held + "T09:00:00Z", "goals": []string{"Go on"}, "covers": risks.Fields, "result": "Nothing new"} {
		values[name], _ = json.Marshal(value)
	}
	v, err := o.AddRecord(ctx, act.Caller{ID: "person/E2", Roles: []string{"administrator"}}, risks.Assessments, values)
	if err != nil {
		o.t.Fatal(err)
	}
	return v.Ref()
}

func (o *office) approves(ref string) {
	o.t.Helper()
	for _, state := range []string{risks.Running, risks.Approved} {
		if _, err := o.MoveRecord(ctx, act.Caller{ID: "person/E1", Roles: []string{"administrator"}}, risks.Assessments, strings.TrimPrefix(ref, "risk_assessment/"), record.AnyVersion, state, nil); err != nil {
			o.t.Fatal(err)
		}
	}
}

// refuses wants an entry to be refused at the field for evidence.
func (o *office) refuses(by string, e tasks.Entry, why string) {
	o.t.Helper()
	_, err := o.desk.Done(ctx, act.Caller{ID: by, Roles: []string{"compliance"}}, e)
	var invalid *record.Invalid
	if !errors.Is(err, tasks.ErrRefused) || !errors.As(err, &invalid) || invalid.Fields[0].Field != "evidence" || !strings.Contains(invalid.Fields[0].Problem, why) {
		o.t.Errorf("%v: %v, want %q", e.Evidence, err, why)
	}
}

// What is recorded as done names what shows it: a record of the kind that is asked for, in
// its state, and of this time.
func TestWhatIsAskedForIsNamed(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if _, err := o.desk.Establish(ctx, apptest.Operator, duties(t, asking)); err != nil {
			t.Fatal(err)
		}
		o.at("2026-01-30T09:00:00Z")
		open, old, now := o.round("2026-01-20"), o.round("2025-12-20"), o.round("2026-01-21")
		o.approves(old)
		o.approves(now)
		for _, by := range []string{"person/E1", "local/op"} {
			for _, none := range [][]string{nil, {"person/E2"}, {"task/review", "person/E1"}} {
				o.refuses(by, tasks.Entry{Ref: "review", Note: "Looked at", Evidence: none}, "name what shows it: the approved round, as risk_assessment/…")
			}
		}
		o.refuses("person/E1", tasks.Entry{Ref: "review", Evidence: []string{"risk_assessment/RA-9"}}, "names no record here")
		o.refuses("person/E1", tasks.Entry{Ref: "review", Evidence: []string{open}}, open+" is planned: it shows it when it is approved")
		o.refuses("person/E1", tasks.Entry{Ref: "review", Evidence: []string{old}}, old+" is of 2025-12-20: name one of the time since 2025-12-30")
		if made, err := o.desk.Done(ctx, act.Caller{ID: "person/E1", Roles: []string{"compliance"}}, tasks.Entry{Ref: "review", Evidence: []string{old, now}}); err != nil || made.ID != "review@2026-01-31" || made.DoneBy != "person/E1" {
			t.Errorf("%+v %v", made, err)
		}
		// Who has nothing to do names nothing.
		o.at("2026-02-20T09:00:00Z")
		if _, err := o.desk.NotOccurring(ctx, act.Caller{ID: "person/E2", Roles: []string{"compliance"}}, tasks.Entry{Ref: "review", Note: "Nothing"}); err != nil {
			t.Error(err)
		}
	})
}

// A record can show it in several states: a meeting that was held, and one whose minutes
// were confirmed since.
func TestARecordShowsItInEachOfItsStates(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		if _, err := o.desk.Establish(ctx, apptest.Operator, duties(t, func(text string) string {
			return strings.Replace(asking(text), "[approved]", "[approved, withdrawn]", 1)
		})); err != nil {
			t.Fatal(err)
		}
		o.at("2026-01-30T09:00:00Z")
		ref := o.round("2026-01-21")
		o.refuses("person/E1", tasks.Entry{Ref: "review", Evidence: []string{ref}}, ref+" is planned: it shows it when it is approved or withdrawn")
		o.approves(ref)
		if _, err := o.desk.Done(ctx, act.Caller{ID: "person/E1", Roles: []string{"compliance"}}, tasks.Entry{Ref: "review", Evidence: []string{ref}}); err != nil {
			t.Error(err)
		}
	})
}

// Before, evidence had one state.
func TestADutyOfBeforeKeepsTheStateOfItsEvidence(t *testing.T) {
	change := tasks.Register.Migrations[0].Change
	for was, want := range map[string]string{
		`{"id":"a","evidence":{"what":"x","like":["y/*"],"state":"done"}}`: `{"evidence":{"like":["y/*"],"states":["done"],"what":"x"},"id":"a"}`,
		`{"id":"a","evidence":{"what":"x","like":["y/*"]}}`:                `{"evidence":{"like":["y/*"],"what":"x"},"id":"a"}`,
		`{"id":"a"}`: `{"id":"a"}`,
	} {
		var fields map[string]any
		if err := json.Unmarshal([]byte(was), &fields); err != nil {
			t.Fatal(err)
		}
		if err := change(fields); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(fields); string(got) != want {
			t.Errorf("%s became %s, want %s", was, got, want)
		}
	}
}

// Evidence of what was recorded as done without it can be named until the grace ends, by
// who does the duty; when it was done, and by whom, stays.
func TestEvidenceIsNamedLaterUntilTheGraceEnds(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at("2026-01-29T09:00:00Z")
		if _, err := o.done("review"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.desk.Establish(ctx, apptest.Operator, duties(t, asking)); err != nil {
			t.Fatal(err)
		}
		task, was, err := o.Task(ctx, apptest.Operator, "review@2026-01-31")
		if err != nil || task.Shown(was) || !was.MayAdd(o.Manual.Now()) {
			t.Fatalf("%+v %v: it is shown, or can never be", was, err)
		}
		ref, later := o.round("2026-01-28"), o.round("2026-01-28")
		o.approves(ref)
		o.approves(later)
		o.at("2026-02-05T20:00:00Z") // in the grace
		add := tasks.Entry{Ref: "review@2026-01-31", Evidence: []string{ref}}
		o.refuses("person/E1", tasks.Entry{Ref: "review@2026-01-31", Evidence: []string{"person/E2"}}, "name what shows it")
		if _, err := o.desk.Done(ctx, act.Caller{ID: "person/E2", Roles: []string{"compliance"}}, add); !errors.Is(err, tasks.ErrRefused) || !strings.Contains(err.Error(), "is done by person/E1") {
			t.Errorf("somebody else: %v", err)
		}
		if _, err := o.desk.Done(ctx, act.Caller{ID: "person/E1", Roles: []string{"compliance"}}, tasks.Entry{Ref: "review@2026-01-31", Note: "again"}); !errors.Is(err, record.ErrSame) {
			t.Errorf("a note alone: %v", err)
		}
		made, err := o.desk.Done(ctx, act.Caller{ID: "person/E1", Roles: []string{"compliance"}}, add)
		if err != nil || !made.DoneAt.Equal(*was.DoneAt) || made.DoneBy != was.DoneBy || made.Note != was.Note || !slices.Equal(made.Evidence, []string{ref}) || !task.Shown(made) {
			t.Fatalf("%+v %v, was %+v", made, err, was)
		}
		steps, err := o.History(ctx, tasks.Performances, "review@2026-01-31", false)
		if n := len(steps); err != nil || n != 2 || steps[1].Type != "scaf.performance.evidence-added.v1" || steps[1].Actor != "person/E1" {
			t.Errorf("%+v %v", steps, err)
		}
		o.at("2026-02-06T09:00:00Z")
		if _, err := o.desk.Done(ctx, act.Caller{ID: "person/E1", Roles: []string{"compliance"}}, tasks.Entry{Ref: "review@2026-01-31", Evidence: []string{later}}); !errors.Is(err, record.ErrSame) {
			t.Errorf("after its grace: %v", err)
		}
	})
}

func TestWhatIsWrongWithTheEvidenceOfADutysFile(t *testing.T) {
	for evidence, want := range map[string]string{
		"evidence: [attachment/*]\n":                                     "d.yaml:11: evidence must be a map",
		"evidence:\n  like: [attachment/*]\n":                            "d.yaml:12: evidence has what,",
		"evidence:\n  what: the export\n":                                "d.yaml:11: evidence has what,",
		"evidence:\n  what: the export\n  like: attachment/*\n":          "d.yaml:13: evidence.like must be a list, and not empty",
		"evidence:\n  what: the export\n  like: [export]\n":              `d.yaml:13: evidence.like is "export", it must be a reference such as attachment/*`,
		"evidence:\n  what: the export\n  like: [\"export/{decade}\"]\n": `d.yaml:13: evidence.like is "export/{decade}"`,
		"evidence:\n  what: x\n  like: [a/*]\nperformed_by: scaf.x.v1\n": "d.yaml:13: evidence is asked of people",
	} {
		if _, _, err := tasks.Parse("d.yaml", []byte(good+evidence), "UTC"); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", evidence, err, want)
		}
	}
}

func TestTheEvidenceOfAnOccurrenceIsThatOfItsTime(t *testing.T) {
	a := &tasks.Asked{Like: []string{"x/{year}", "x/R-*-{quarter}", "x/{month}"}}
	for date, want := range map[string]string{
		"2026-01-01": "x/2026 x/R-*-2026-Q1 x/2026-01", "2026-03-31": "x/2026 x/R-*-2026-Q1 x/2026-03", "2026-12-31": "x/2026 x/R-*-2026-Q4 x/2026-12",
	} {
		if got := strings.Join(a.Of(date), " "); got != want {
			t.Errorf("%s: %s, want %s", date, got, want)
		}
	}
	if got := a.Says("2026-04-01"); got != "x/2026, x/R-…-2026-Q2 or x/2026-04" {
		t.Error(got)
	}
}
