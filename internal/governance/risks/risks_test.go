package risks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const (
	risk   = `{"title":"A laptop is lost","category":"security","owner":"person/owner"}`
	rating = `{"likelihood":4,"impact":4,"response":"accept","due_at":"2026-06-01T00:00:00Z"}`
	covers = `["threats from outside","insiders","fraud","separation of duties","suppliers","people","technology","changes"]`
)

func TestTheRegister(t *testing.T) {
	bare := `{"likelihood":4,"impact":4,"response":"reduce","due_at":"2026-06-01T00:00:00Z"}`
	closed := `{"closed_reason":"No laptops any more"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: risks.Register, With: record.Kinds{risks.Scales}, New: risk, Set: `{"residual_likelihood":2,"residual_impact":2}`,
		Fields: map[string]string{
			"identified assessed": rating, "assessed assessed": `{"treatment":"Encrypt the disks"}`, "identified closed": closed, "assessed closed": closed,
			"assessed accepted": `{"accepted_until":"2026-09-01T00:00:00Z","accepted_reason":"The disks are encrypted"}`,
		},
		Refused: map[string]string{
			"likelihood": `{"likelihood":6}`, "residual_impact": `{"residual_impact":0}`, "scale": `{"likelihood":1,"scale":"risk_scale/SCL-9"}`, "owner": `{"owner":"Ada"}`, "category": `{"category":"weather"}`,
		},
		GuardFalse: map[string]string{
			"identified assessed controls": bare, "assessed assessed controls": bare,
			"assessed accepted response":       `{"response":"reduce","accepted_until":"2026-09-01T00:00:00Z","accepted_reason":"x"}`,
			"assessed accepted accepted_until": `{"accepted_until":"2020-01-01T00:00:00Z","accepted_reason":"x"}`,
		},
	})
}

func TestScoresAreComputed(t *testing.T) {
	for _, test := range []struct {
		likelihood, impact, score int
		level                     string
	}{{1, 1, 1, "low"}, {2, 2, 4, "low"}, {1, 5, 5, "moderate"}, {3, 3, 9, "moderate"}, {2, 5, 10, "high"}, {3, 5, 15, "high"}, {4, 4, 16, "critical"}, {5, 5, 25, "critical"}} {
		r := &risks.Risk{Likelihood: &test.likelihood, Impact: &test.impact}
		if r.Compute(); r.Score == nil || *r.Score != test.score || r.Level != test.level || r.ResidualScore != nil {
			t.Errorf("%d × %d: %v %s", test.likelihood, test.impact, r.Score, r.Level)
		}
	}
}

func TestAssessments(t *testing.T) {
	done := `{"held_at":"2026-03-01T00:00:00Z","goals":["Stay in business"],"covers":` + covers + `,"result":"Two new risks"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: risks.Assessments, New: `{"title":"2026","trigger":"yearly"}`, Set: `{"title":"Assessment 2026"}`, With: record.Kinds{risks.Register, risks.Scales},
		Fields:  map[string]string{"open approved": done},
		Refused: map[string]string{"trigger": `{"trigger":"mood"}`, "covers": `{"covers":["weather"]}`},
		GuardFalse: map[string]string{
			"open approved covers":      strings.Replace(done, `"fraud",`, "", 1),
			"planned withdrawn held_at": `{"held_at":"2026-01-09T00:00:00Z","withdrawn_reason":"x"}`, "open withdrawn held_at": `{"held_at":"2026-01-09T00:00:00Z","withdrawn_reason":"x"}`,
		},
	})
}

func TestARoundEndsWhenEveryOpenRiskWasReviewedSince(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		kinds := record.Kinds{risks.Register, risks.Assessments, risks.Scales}
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := kinds.Adopt(context.Background(), l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		do := func(who string, body func(*act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "risks", body)
			return err
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		fields := func(text string) (all map[string]json.RawMessage) {
			must(json.Unmarshal([]byte(text), &all))
			return all
		}
		add := func(kind *record.Kind, text string) {
			t.Helper()
			must(do("person/a", func(tx *act.Tx) error { _, err := record.Add(tx, kind, fields(text)); return err }))
		}
		move := func(who string, kind *record.Kind, id, state, permission, text string) error {
			l.Clock.Advance(1e9)
			return do(who, func(tx *act.Tx) error {
				_, err := record.Move(tx, kind, id, record.AnyVersion, state, permission, fields(text))
				return err
			})
		}
		add(risks.Register, risk)
		add(risks.Register, risk)
		add(risks.Register, risk)
		must(move("person/a", risks.Register, "RSK-1", "assessed", "", rating))
		must(move("person/a", risks.Register, "RSK-3", "closed", "", `{"closed_reason":"x"}`))
		add(risks.Assessments, `{"title":"2026","trigger":"yearly"}`)
		must(move("person/a", risks.Assessments, "RA-1", "open", "", `{}`))
		approve := func() error {
			return move("person/b", risks.Assessments, "RA-1", "approved", "risk_assessment.approve",
				`{"held_at":"2026-03-01T00:00:00Z","goals":["g"],"covers":`+covers+`,"result":"r"}`)
		}
		if err := approve(); err == nil || !strings.Contains(err.Error(), "RSK-1") || !strings.Contains(err.Error(), "RSK-2") || strings.Contains(err.Error(), "RSK-3") {
			t.Errorf("a round of which two risks were not reviewed since: %v", err)
		}
		must(move("person/a", risks.Register, "RSK-1", "assessed", "", `{}`))
		if err := approve(); err == nil || strings.Contains(err.Error(), "RSK-1") {
			t.Errorf("a round of which one risk was not rated: %v", err)
		}
		must(move("person/a", risks.Register, "RSK-2", "assessed", "", rating))
		must(approve())

		// An acceptance ends on its day, once.
		must(move("person/b", risks.Register, "RSK-1", "accepted", "risk.accept", `{"accepted_until":"2026-05-01T00:00:00Z","accepted_reason":"x"}`))
		job := act.JobCaller("register.watch")
		for _, want := range []string{"[]", "[RSK-1]", "[]"} {
			ended, err := risks.Watch(context.Background(), l.Door, job)
			if err != nil || fmt.Sprint(ended) != want {
				t.Errorf("at %s: %v %v, want %s", l.Clock.Now(), ended, err, want)
			}
			l.Clock.Advance(100 * 24 * 3600 * 1e9)
		}
		l.Verify(t, kinds)
	})
}

// The template in the documentation is what the program makes.
func TestTheTemplateOfTheDocumentation(t *testing.T) {
	var made bytes.Buffer
	if err := tabular.Template(&made, risks.Register, nil); err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("../../../docs/operations/risk-register.xlsx")
	if err != nil {
		t.Fatal(err)
	}
	if want, got := cells(t, made.Bytes()), cells(t, kept); want != got {
		t.Errorf("docs/operations/risk-register.xlsx is another one: make it anew with scaf record template risks -o docs/operations/risk-register.xlsx\n%s\nwant\n%s", got, want)
	}
}

// cells are the cells of a workbook and the choices that it offers.
func cells(t *testing.T, file []byte) string {
	t.Helper()
	book, err := excelize.OpenReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = book.Close() }()
	var b strings.Builder
	for _, sheet := range book.GetSheetList() {
		rows, err := book.GetRows(sheet)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %q\n", sheet, rows)
		rules, err := book.GetDataValidations(sheet)
		if err != nil {
			t.Fatal(err)
		}
		for _, rule := range rules {
			prompt := ""
			if rule.Prompt != nil {
				prompt = *rule.Prompt
			}
			fmt.Fprintf(&b, "%s %s %s %s\n", rule.Sqref, rule.Type, rule.Formula1, prompt)
		}
	}
	return b.String()
}
