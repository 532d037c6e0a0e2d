package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type exception struct {
	ID     string     `json:"id"`
	What   string     `json:"what,omitempty"`
	Note   string     `json:"note,omitempty"`
	Place  string     `json:"place,omitempty"`
	Weight int        `json:"weight,omitempty"`
	Why    string     `json:"why,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Owner  string     `json:"owner,omitempty"`
	By     string     `json:"by,omitempty"`
	State  string     `json:"state"`
}

// exceptions are granted by somebody else until a day, and weighed by somebody else.
var exceptions = record.Define[exception](record.Definition{
	Kind: "exception", Register: "exceptions", Title: "Exceptions", States: []string{"asked", "granted", "past"},
	Settled: []record.Settled{{States: []string{"granted"}, Fields: []string{"weight"}}}, Unsettled: []string{"place"},
	Fields: []record.Field{{Name: "why", Label: "Why", Given: true}, {Name: "by", Label: "Granted by", Given: true}},
	Transitions: []record.Transition{
		{From: "asked", To: "granted", NotBy: []string{"owner"}, Required: []string{"until", "place"}, Stamp: []string{"by"}},
		{From: "granted", To: "granted", Called: "Weigh", NotBy: []string{"owner"}, Required: []string{"weight", "why"}, Sets: []string{"why"}},
		{From: "granted", To: "asked", Permission: "exception.end", Required: []string{"what"}},
		{From: "granted", To: "past"},
	},
})

func TestWhatWasDecidedStands(t *testing.T) {
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	ledgertest.EachOf(t, record.Kinds{exceptions}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/ann", Roles: []string{"administrator"}}, "test", "exceptions", body)
			return err
		}
		version := func(state string) {
			t.Helper()
			if err := do(func(tx *act.Tx) error {
				expect := 0
				if v, err := record.Get(&tx.Reader, "exception", "e"); err == nil {
					expect = v.Version
				}
				_, err := record.Put(tx, exceptions, record.Change{Verb: "put", ID: "e", Expect: expect, Doc: &exception{ID: "e", What: "w", Weight: 1, Until: &day, Place: "here", Owner: "person/ben", By: "person/dan", State: state}})
				return err
			}); err != nil && !errors.Is(err, record.ErrSame) {
				t.Fatal(err)
			}
		}
		stands := func(name, field, says string, err error) {
			t.Helper()
			var wrong *record.Invalid
			switch {
			case field == "" && err != nil:
				t.Errorf("%s: %v", name, err)
			case field != "" && (!errors.As(err, &wrong) || len(wrong.Fields) != 1 || wrong.Fields[0].Field != field || !strings.Contains(wrong.Fields[0].Problem, says)):
				t.Errorf("%s: %v, want %s: %s", name, err, field, says)
			}
		}
		for _, c := range []struct{ state, fields, field, says string }{
			{"asked", `{"until":"2030-01-01T00:00:00Z","weight":3}`, "", ""},
			{"granted", `{"until":"2030-01-01T00:00:00Z"}`, "until", "stands as it was when the record became granted: it is changed after the move Back to asked"},
			{"granted", `{"until":null}`, "until", "stands"},
			{"granted", `{"weight":3}`, "weight", "it is changed with the move Weigh or after the move Back to asked"},
			{"granted", `{"place":"there","note":"n","what":"other"}`, "", ""},
			{"granted", `{"owner":"person/dan"}`, "owner", `cannot be person/dan, who stands in "Granted by": that is somebody else`},
			{"granted", `{"owner":"person/cem"}`, "", ""},
			{"asked", `{"owner":"person/dan"}`, "", ""},
			{"past", `{"note":"n"}`, "note", "stands as it was when the record became past: no move opens it again"},
		} {
			version(c.state)
			fields := given()
			if err := json.Unmarshal([]byte(c.fields), &fields); err != nil {
				t.Fatal(err)
			}
			stands(c.state+" set "+c.fields, c.field, c.says, do(func(tx *act.Tx) error {
				_, err := record.Set(tx, exceptions, "e", record.AnyVersion, fields)
				return err
			}))
			// A table is no way around it, and its preview says so.
			version(c.state)
			in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: exceptions, Action: "test", Update: true}
			items := func(yield func(record.Item, error) bool) {
				yield(record.Item{Where: "e.csv:2", Doc: &exception{ID: "e", State: c.state}, Fields: fields}, nil)
			}
			refused := ""
			if _, err := in.Preview(context.Background(), l.DB, l.Clock.Now(), items, func(p record.Preview) error { refused = p.Wrong; return nil }); err != nil {
				t.Fatal(err)
			}
			done, err := in.Run(context.Background(), items)
			if err != nil || (c.field != "") != (done.Refused == 1) || (refused != "") != (c.field != "") || done.Refused > 0 && (done.Reasons[0].Reason != refused || !strings.Contains(refused, c.field+": ")) {
				t.Errorf("%s imported %s: %+v %v, in the preview %q", c.state, c.fields, done, err, refused)
			}
		}
		move := func(state, permission string, pairs ...string) error {
			return do(func(tx *act.Tx) error {
				fields := given(pairs...)
				if w, ok := fields["weight"]; ok {
					fields["weight"] = json.RawMessage(strings.Trim(string(w), `"`))
				}
				_, err := record.Move(tx, exceptions, "e", record.AnyVersion, state, permission, fields)
				return err
			})
		}
		version("granted")
		stands("a move that does not ask for it", "until", "stands", move("granted", "", "weight", "4", "until", "2031-01-01T00:00:00Z"))
		stands("a move that asks for it", "", "", move("granted", "", "weight", "5", "why", "It fell"))
		stands("a second one with the reason of the first", "why", "is needed anew", move("granted", "", "weight", "6"))
		stands("a second one that gives the same reason", "", "", move("granted", "", "weight", "6", "why", "It fell"))
		stands("a move to where nothing was decided", "until", "does not change with the move Back to asked, which asks for what", move("asked", "exception.end", "until", "2031-01-01T00:00:00Z"))
		stands("a move to where nothing was decided, with what stands there", "", "", move("asked", "exception.end", "until", "2026-06-01T00:00:00Z"))
		version("granted")
		stands("a move on", "weight", "", move("past", "", "weight", "6"))
	})
}
