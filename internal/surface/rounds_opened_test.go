package surface_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
	"scaf.dev/scaf/internal/surface"
)

// opens opens a round and says how many were opened, were there and are left, and why.
func (h *half) opens(register, round, given string) (opened, there int, left map[string]string) {
	h.t.Helper()
	done, err := h.OpenRound(context.Background(), person("lead"), h.register(register), round, h.fields(given))
	if err != nil {
		h.t.Fatal(err)
	}
	left = map[string]string{}
	for _, one := range done.Left {
		left[one.About] = one.Why
	}
	return done.Opened, done.There, left
}

// has is a field of a record, "restore_trial/RT-PLN-1-2026-Q1".
func (h *half) has(register, id, field string) (text string) {
	h.t.Helper()
	if err := h.DB.Read(context.Background(), func(r *store.Reader) error {
		v, err := record.Get(r, h.register(register).Name, id)
		if err != nil {
			return err
		}
		var doc map[string]any
		err = json.Unmarshal(v.Doc, &doc)
		text = fmt.Sprint(doc[field])
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return text
}

// Restores, practices and reviews of a round are opened as self-assessments are: of what
// is there by its end, by its owners, and what stays from round to round is asked once.
func TestRoundsOfRegistersAreOpened(t *testing.T) {
	h := &half{apptest.New(t, config.Config{}), t}
	h.at("2026-02-02")
	for _, id := range []string{"E1", "E2", "E3"} {
		h.adds("lead", "people", fmt.Sprintf(`{"id":%q,"name":"Person %s","title":"Engineer","state":"active"}`, id, id))
	}
	for _, owner := range []string{"E1", "E3"} {
		h.adds("writer", "continuity_plans", fmt.Sprintf(`{"function":"Billing","owner":"person/%s","deputy":"person/E2","recovery_time":"4h","recovery_point":"1h","steps":"Restore it.","kept_at":"On paper"}`, owner))
	}
	h.adds("writer", "continuity_plans", `{"function":"Not approved","owner":"person/E1","deputy":"person/E2"}`)
	h.moves("boss", "continuity_plan/PLN-1", "in_force", "{}")
	h.moves("boss", "continuity_plan/PLN-2", "in_force", "{}")
	h.adds("lead", "sites", `{"id":"berlin","name":"Berlin","purpose":"office","owner":"person/E1"}`)
	h.adds("lead", "sites", `{"id":"gone","name":"Gone","purpose":"office","owner":"person/E1"}`)
	h.moves("lead", "site/gone", "closed", `{"closed_how":"Nothing is there."}`)
	h.moves("lead", "person/E3", "left", `{"left_at":"2026-02-02T00:00:00Z"}`)

	if opened, _, left := h.opens("restore_trials", "2026-Q1", "{}"); opened != 0 || left["continuity_plan/PLN-1"] != "no round before says its store, and nobody has now" {
		t.Errorf("%d opened, left: %v", opened, left)
	}
	opened, there, left := h.opens("restore_trials", "2026-Q1", `{"store":"The backup of the night"}`)
	if opened != 1 || there != 0 || len(left) != 1 || left["continuity_plan/PLN-2"] != "its owner, Person E3, has left" {
		t.Errorf("%d opened, %d there, left: %v", opened, there, left)
	}
	if opened, there, left = h.opens("restore_trials", "2026-Q1", `{"store":"Its own","owner":"person/E2"}`); opened != 1 || there != 1 || len(left) != 0 {
		t.Errorf("again: %d opened, %d there, left: %v", opened, there, left)
	}
	if opened, _, _ = h.opens("restore_trials", "2026-Q2", `{"owner":"person/E2"}`); opened != 2 || h.has("restore_trials", "RT-PLN-1-2026-Q2", "store") != "The backup of the night" ||
		h.has("restore_trials", "RT-PLN-2-2026-Q2", "store") != "Its own" || h.has("restore_trials", "RT-PLN-2-2026-Q2", "owner") != "person/E2" || h.has("restore_trials", "RT-PLN-1-2026-Q2", "owner") != "person/E1" {
		t.Errorf("the quarter after: %d opened, not as the one before", opened)
	}
	if opened, there, left = h.opens("restore_trials", "2025-Q4", `{"store":"All"}`); opened+there+len(left) != 0 {
		t.Errorf("%d opened of a quarter in which no plan was in force, %d there, left: %v", opened, there, left)
	}
	if opened, _, _ = h.opens("plan_practices", "2026", `{"scenario":"The region is gone","owner":"person/E2"}`); opened != 2 || h.has("plan_practices", "PP-PLN-1-2026", "scenario") != "The region is gone" {
		t.Errorf("%d practices", opened)
	}
	if opened, _, left = h.opens("site_reviews", "2026-Q1", "{}"); opened != 1 || len(left) != 0 || h.has("site_reviews", "PAR-berlin-2026-Q1", "reviewer") != "person/E1" {
		t.Errorf("%d reviews, left: %v", opened, left)
	}
	h.moves("lead", "site_review/PAR-berlin-2026-Q1", "withdrawn", `{"withdrawn_reason":"Nobody is there."}`)
	if opened, there, _ = h.opens("site_reviews", "2026-Q1", "{}"); opened != 0 || there != 1 {
		t.Errorf("what was withdrawn: %d opened, %d there", opened, there)
	}

	for _, wrong := range []struct{ register, round, given, field string }{
		{"plan_practices", "2026", `{}`, "scenario"},
		{"plan_practices", "2026-Q1", `{"scenario":"x"}`, "year"},
		{"site_reviews", "2026", `{}`, "quarter"},
		{"site_reviews", "2026-Q2", `{"note":"x"}`, "note"},
		{"site_reviews", "2026-Q2", `{"reviewer":"person/E9"}`, "reviewer"},
		{"self_assessments", "2026-Q2", `{"reviewer":"person/E1","assessor":"person/E1"}`, "assessor"},
	} {
		_, err := h.OpenRound(context.Background(), person("lead"), h.register(wrong.register), wrong.round, h.fields(wrong.given))
		var invalid *record.Invalid
		if !errors.As(err, &invalid) || len(invalid.Fields) != 1 || invalid.Fields[0].Field != wrong.field {
			t.Errorf("%s %s %s: %v, want it refused at %s", wrong.register, wrong.round, wrong.given, err, wrong.field)
		}
	}
	if _, err := h.OpenRound(context.Background(), person("lead"), h.register("risks"), "2026-Q1", nil); !errors.Is(err, record.ErrRegister) {
		t.Errorf("a register without rounds: %v", err)
	}
	if _, err := h.OpenRound(context.Background(), act.Caller{ID: "person/E1", Roles: []string{"employee"}}, h.register("site_reviews"), "2026-Q2", nil); !errors.Is(err, act.ErrDenied) {
		t.Errorf("an employee: %v", err)
	}
}

// letter is a record about a site in a quarter; one of them cannot be written.
type letter struct {
	ID      string `json:"id"`
	Site    string `json:"site"`
	Quarter string `json:"quarter"`
	Writer  string `json:"writer"`
}

func (l *letter) Validate() []record.FieldError { return nil }

func (l *letter) Compose(*store.Reader) (string, error) {
	return strings.TrimPrefix(l.Site, "site/") + "-" + l.Quarter, nil
}

// unwritable is the site of the letter that cannot be written.
var unwritable = "site/s1002"

func (l *letter) Before(*act.Tx, any) error {
	if l.Site == unwritable {
		return record.Refuse("site", "cannot be written to")
	}
	return nil
}

var letters = record.Define[letter](record.Definition{
	Kind: "site_letter", Register: "site_letters", Title: "Letters",
	Opening: &record.Opening{Every: rounds.Quarter, Round: "quarter", About: "site", Owner: "writer", In: "open"},
	Fields:  []record.Field{{Name: "site", Label: "Site", Refers: "site"}, {Name: "writer", Label: "Writer", Refers: "person"}},
	Columns: []record.Column{{Field: "quarter", Label: "Quarter", Filter: true}},
})

// More than one act takes are several, and what is missing of them is opened by the next.
func TestALargeRoundIsSeveralActs(t *testing.T) {
	if err := letters.Wrong(); err != nil {
		t.Fatal(err)
	}
	h := &half{apptest.New(t, config.Config{}, letters), t}
	h.at("2026-02-02")
	h.adds("lead", "people", `{"id":"E1","name":"Ann Example"}`)
	adds := func(from, to int) {
		t.Helper()
		kind := h.register("sites")
		if _, err := h.Door.Do(context.Background(), person("lead"), "site.add", "sites", func(tx *act.Tx) error {
			for i := from; i < to; i++ {
				if _, err := record.Add(tx, kind, h.fields(fmt.Sprintf(`{"id":"s%04d","name":"Site %d","purpose":"office","owner":"person/E1"}`, i, i))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	adds(0, act.MaxBatch)
	adds(act.MaxBatch, act.MaxBatch+3)
	if opened, there, left := h.opens("site_reviews", "2026-Q1", "{}"); opened != act.MaxBatch+3 || there != 0 || len(left) != 0 {
		t.Errorf("%d opened, %d there, left: %v", opened, there, left)
	}
	adds(act.MaxBatch+3, act.MaxBatch+5)
	if opened, there, _ := h.opens("site_reviews", "2026-Q1", "{}"); opened != 2 || there != act.MaxBatch+3 {
		t.Errorf("%d opened, %d there", opened, there)
	}

	// Where the second act fails, the first one stays, and the next time goes on.
	_, err := h.OpenRound(context.Background(), person("lead"), letters, "2026-Q1", nil)
	var partly *surface.PartlyOpenedError
	var invalid *record.Invalid
	if !errors.As(err, &partly) || partly.Opened != act.MaxBatch || partly.Of != act.MaxBatch+5 || !errors.As(err, &invalid) {
		t.Errorf("the second act failed: %v", err)
	}
	unwritable = ""
	if opened, there, _ := h.opens("site_letters", "2026-Q1", "{}"); opened != 5 || there != act.MaxBatch {
		t.Errorf("it went on with %d, %d were there", opened, there)
	}
}
