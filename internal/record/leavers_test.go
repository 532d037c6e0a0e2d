package record_test

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type worker struct {
	ID     string     `json:"id"`
	Name   string     `json:"name,omitempty"`
	State  string     `json:"state,omitempty"`
	LeftAt *time.Time `json:"left_at,omitempty"`
}

type shift struct {
	Keeper string `json:"keeper" refers:"person"`
}

type voyage struct {
	ID     string     `json:"id"`
	Master string     `json:"master,omitempty"`
	Deputy string     `json:"deputy,omitempty"`
	Crew   []string   `json:"crew,omitempty"`
	About  string     `json:"about,omitempty"`
	Shifts []shift    `json:"shifts,omitempty"`
	Flag   string     `json:"flag,omitempty"`
	HeldAt *time.Time `json:"held_at,omitempty"`
}

var (
	workers = record.Define[worker](record.Definition{Kind: "person", Register: "people", Title: "People", States: []string{"active", "left"}})
	voyages = record.Define[voyage](record.Definition{
		Kind: "voyage", Register: "voyages", Title: "Voyages",
		Fields: []record.Field{
			{Name: "master", Label: "Master", Refers: "person"}, {Name: "deputy", Label: "Deputy", Refers: "person"},
			{Name: "crew", Label: "Crew", Refers: "person", Then: "held_at"}, {Name: "about", Label: "About", Refers: "person", Leavers: true},
			{Name: "shifts", Label: "Shifts"}, {Name: "flag", Label: "Flag"}, {Name: "held_at", Label: "Held"},
		},
	})
)

// crewed has people: Ann works here, Gus left a month ago, Lea leaves in a month. The account gus is his, and
// the voyage old has named him since he was here.
func crewed(t *testing.T, test func(t *testing.T, l *ledgertest.Ledger, do func(body func(tx *act.Tx) error) error)) {
	ledgertest.EachOf(t, record.Kinds{holders, workers, voyages}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(t.Context(), act.Caller{ID: "person/ann", Roles: []string{"administrator"}}, "test", "voyages", body)
			return err
		}
		left, leaves := ledgertest.Begin.AddDate(0, -1, 0), ledgertest.Begin.AddDate(0, 1, 0)
		if err := do(func(tx *act.Tx) error {
			for _, one := range []struct {
				kind *record.Kind
				doc  any
			}{
				{workers, &worker{ID: "ann", Name: "Ann", State: "active"}},
				{workers, &worker{ID: "gus", Name: "Gus Gone", State: "left", LeftAt: &left}},
				{workers, &worker{ID: "lea", State: "left", LeftAt: &leaves}},
				{holders, &holder{"gus", "person/gus"}},
				{voyages, &voyage{ID: "old", Master: "person/gus", Shifts: []shift{{"person/gus"}}}},
			} {
				if _, err := record.Put(tx, one.kind, record.Change{Verb: "added", ID: one.kind.Identify(one.doc), Doc: one.doc}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		test(t, l, do)
	})
}

// leaving are fields with what they must be refused for: the field, empty for none.
var leaving = map[string]struct{ fields, wrong, says string }{
	"who works here":              {`{"master":"person/ann"}`, "", ""},
	"who will leave":              {`{"master":"person/lea"}`, "", ""},
	"who has left":                {`{"deputy":"person/gus"}`, "deputy", "Gus Gone (person/gus) left on GONE: name somebody who works here"},
	"by their account":            {`{"deputy":"account/gus"}`, "deputy", "Gus Gone (account/gus) left on GONE: name somebody who works here"},
	"whom it is about":            {`{"about":"person/gus"}`, "", ""},
	"in a struct":                 {`{"shifts":[{"keeper":"person/ann"},{"keeper":"person/gus"}]}`, "shifts[1].keeper", "Gus Gone (person/gus) left on GONE: name somebody who works here"},
	"planned":                     {`{"crew":["person/ann","person/gus"]}`, "crew", "Gus Gone (person/gus) left on GONE: name somebody who works here"},
	"held before they left":       {`{"crew":["person/gus"],"held_at":"BEFORE"}`, "", ""},
	"held after they left":        {`{"crew":["person/gus"],"held_at":"AFTER"}`, "crew", "Gus Gone (person/gus) left on GONE, before that: name who was there"},
	"planned before they left it": {`{"crew":["person/lea"],"held_at":"AHEAD"}`, "", ""},
}

func TestWhoHasLeftIsGivenNothingToDo(t *testing.T) {
	day := func(months, days int) string { return ledgertest.Begin.AddDate(0, months, days).Format(time.RFC3339) }
	words := map[string]string{"GONE": ledgertest.Begin.AddDate(0, -1, 0).Format(time.DateOnly), "BEFORE": day(-2, 0), "AFTER": day(0, -7), "AHEAD": day(0, 7)}
	for name, c := range leaving {
		t.Run(name, func(t *testing.T) {
			crewed(t, func(t *testing.T, l *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
				c := c
				for word, means := range words {
					c.fields, c.says = strings.ReplaceAll(c.fields, word, means), strings.ReplaceAll(c.says, word, means)
				}
				var fields map[string]json.RawMessage
				if err := json.Unmarshal([]byte(c.fields), &fields); err != nil {
					t.Fatal(err)
				}
				whole := maps.Clone(fields)
				whole["id"] = json.RawMessage(`"new"`)
				doc := &voyage{}
				if raw, err := json.Marshal(whole); err != nil || json.Unmarshal(raw, doc) != nil {
					t.Fatal(err)
				}
				// A table of new records and of a part of one that is there, and its preview.
				table := func(yield func(record.Item, error) bool) {
					some := *doc
					doc.ID, some.ID = "table", "some"
					_ = yield(record.Item{Where: "2", Doc: doc}, nil) && yield(record.Item{Where: "3", Doc: &some, Fields: fields}, nil)
				}
				held(t, "", "", do(func(tx *act.Tx) error {
					_, err := record.Add(tx, voyages, given("id", "some"))
					return err
				}))
				in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: voyages, Action: "test", Update: true}
				want := ""
				if c.wrong != "" {
					want = c.wrong + ": " + c.says
				}
				if _, err := in.Preview(t.Context(), l.DB, l.Clock.Now(), table, func(p record.Preview) error {
					if p.Wrong != want {
						t.Errorf("the preview of %s says %q, want %q", p.Where, p.Wrong, want)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				done, err := in.Run(t.Context(), table)
				if err != nil {
					t.Fatal(err)
				}
				refused := int64(0)
				if want != "" {
					refused = 2
				}
				if done.Refused != refused {
					t.Errorf("the table: %+v", done)
				}
				for _, r := range done.Reasons {
					if r.Reason != want {
						t.Errorf("row %s is refused with %q, want %q", r.Where, r.Reason, want)
					}
				}
				held(t, c.wrong, c.says, do(func(tx *act.Tx) error {
					_, err := record.Set(tx, voyages, "some", record.AnyVersion, fields)
					if errors.Is(err, record.ErrSame) { // the table has brought it
						err = nil
					}
					return err
				}))
				held(t, c.wrong, c.says, do(func(tx *act.Tx) error {
					_, err := record.Add(tx, voyages, whole)
					return err
				}))
			})
		})
	}
}

// What stood there when somebody left stays in its field, and is no reason to name them in
// another one.
func TestWhoStoodThereWhenTheyLeftStays(t *testing.T) {
	crewed(t, func(t *testing.T, _ *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
		set := func(pairs ...string) error {
			return do(func(tx *act.Tx) error {
				_, err := record.Set(tx, voyages, "old", record.AnyVersion, given(pairs...))
				return err
			})
		}
		says := "Gus Gone (person/gus) left on " + ledgertest.Begin.AddDate(0, -1, 0).Format(time.DateOnly) + ": name somebody who works here"
		held(t, "", "", set("flag", "NO"))
		held(t, "", "", set("master", "person/gus", "flag", "DE"))
		held(t, "", "", set("shifts", `[{"keeper":"person/ann"},{"keeper":"person/gus"}]`))
		held(t, "deputy", says, set("deputy", "person/gus"))
		held(t, "", "", set("master", "person/ann"))
		held(t, "master", says, set("master", "person/gus"))
	})
}
