package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type berth struct {
	ID string `json:"id"`
}

type watch struct {
	Keeper string `json:"keeper" refers:"person"`
}

type ship struct {
	ID      string   `json:"id"`
	Berth   string   `json:"berth,omitempty"`
	Called  []string `json:"called,omitempty"`
	Sisters []string `json:"sisters,omitempty"`
	Flag    string   `json:"flag,omitempty"`
	Tug     string   `json:"tug,omitempty"`
	Pilot   string   `json:"pilot,omitempty"`
	Watches []watch  `json:"watches,omitempty"`
	Proofs  []string `json:"proofs,omitempty"`
	Signal  string   `json:"signal,omitempty"`
	State   string   `json:"state,omitempty"`
	Tows    string   `json:"tows,omitempty"`
	Heir    string   `json:"heir,omitempty"`
}

type paper struct {
	ID    string `json:"id"`
	State string `json:"state"`
}

var (
	persons = record.Define[berth](record.Definition{Kind: "person", Register: "people", Title: "People"})
	berths  = record.Define[berth](record.Definition{Kind: "berth", Register: "berths", Title: "Berths"})
	papers  = record.Define[paper](record.Definition{Kind: "attachment", Register: "attachments", Title: "Files", States: []string{"kept", "removed"}, Transitions: []record.Transition{{From: "kept", To: "removed"}}})
	flags   = &record.Names{What: "flag", Like: "write DE or NO", Missing: func(_ *store.Reader, texts []string) ([]string, error) {
		return slices.DeleteFunc(texts, func(text string) bool { return text == "DE" || text == "NO" }), nil
	}}
	ships = record.Define[ship](record.Definition{
		Kind: "ship", Register: "ships", Title: "Ships",
		Columns: []record.Column{{Field: "signal", Filter: true, Selective: true}, {Field: "state", Filter: true}},
		Fields: []record.Field{
			{Name: "berth", Label: "Berth", Refers: "berth"}, {Name: "called", Label: "Called at", Refers: "berth"},
			{Name: "sisters", Label: "Sisters", Refers: "ship"}, {Name: "flag", Label: "Flag", Names: flags},
			{Name: "tug", Label: "Tug", Refers: "tug"}, {Name: "pilot", Label: "Pilot", Refers: "person"},
			{Name: "watches", Label: "Watches"}, {Name: "proofs", Label: "Proofs", Shows: true},
			{Name: "signal", Label: "Call sign", Distinct: &record.Distinct{Except: []string{"scrapped"}}},
			{Name: "state", Label: "State"},
			{Name: "tows", Label: "Tows", Refers: "ship", Acyclic: "tows"},
			{Name: "heir", Label: "Heir", Refers: "ship", Later: true},
		},
	})
)

// harbour has the berth 1, the person ann, the account ben and the ship one. No database
// of it was ever opened with a register of tugs.
func harbour(t *testing.T, test func(t *testing.T, l *ledgertest.Ledger, do func(body func(tx *act.Tx) error) error)) {
	ledgertest.EachOf(t, record.Kinds{holders, persons, berths, ships, papers}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/ann", Roles: []string{"administrator"}}, "test", "ships", body)
			return err
		}
		if err := do(func(tx *act.Tx) error {
			for kind, doc := range map[*record.Kind]any{holders: &holder{ID: "ben"}, persons: &berth{"ann"}, berths: &berth{"1"}, ships: &ship{ID: "one", Signal: "DABC"}, papers: &paper{"log", "kept"}} {
				if _, err := record.Put(tx, kind, record.Change{Verb: "added", ID: kind.Identify(doc), Doc: doc}); err != nil {
					return err
				}
			}
			_, err := record.Put(tx, papers, record.Change{Verb: "added", ID: "old", Doc: &paper{"old", "removed"}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		test(t, l, do)
	})
}

const showsNothing = " names no record: name one that is there, such as attachment/… or evidence/EVD-1, or say by its address or in words where it is"

// references are fields with what they must be refused for: the field, empty for none.
var references = map[string]struct {
	fields, wrong, says string
}{
	"a record":                       {`{"berth":"berth/1"}`, "", ""},
	"no record":                      {`{"berth":"berth/2"}`, "berth", "berth/2 names no record: add it before, or name one that is there"},
	"a list":                         {`{"called":["berth/1","berth/3"]}`, "called", "berth/3 names no record: add it before, or name one that is there"},
	"nothing":                        {`{"berth":"","called":[]}`, "", ""},
	"a person":                       {`{"pilot":"person/ann"}`, "", ""},
	"nobody":                         {`{"pilot":"person/zoe"}`, "pilot", "person/zoe names no record: add it before, or name one that is there"},
	"an account of nobody's":         {`{"pilot":"account/ben"}`, "", ""},
	"no account":                     {`{"pilot":"account/zoe"}`, "pilot", "account/zoe names no record: add it before, or name one that is there"},
	"a name":                         {`{"flag":"NO"}`, "", ""},
	"no name":                        {`{"flag":"XX"}`, "flag", "XX is no flag: write DE or NO"},
	"in a struct":                    {`{"watches":[{"keeper":"person/ann"},{"keeper":"person/zoe"}]}`, "watches[1].keeper", "person/zoe names no record: add it before, or name one that is there"},
	"what shows it":                  {`{"proofs":["attachment/log","berth/1","https://example.com/a/b","The log of 1/2","","CERT/7"]}`, "", ""},
	"evidence that is not there":     {`{"proofs":["attachment/log","attachment/none"]}`, "proofs", "attachment/none" + showsNothing},
	"a place":                        {`{"proofs":["file/log","wiki/r.pdf"]}`, "", ""},
	"a file that was taken off":      {`{"proofs":["attachment/old"]}`, "proofs", "attachment/old" + showsNothing},
	"what only a table names before": {`{"heir":"ship/x"}`, "heir", "ship/x names no record: add it before, or name one that is there"},
	"of a register that is unseen":   {`{"tug":"tug/1"}`, "", ""},
}

func TestWhatARecordNamesHasToBeThere(t *testing.T) {
	for name, c := range references {
		t.Run(name, func(t *testing.T) {
			harbour(t, func(t *testing.T, _ *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
				var fields map[string]json.RawMessage
				if err := json.Unmarshal([]byte(c.fields), &fields); err != nil {
					t.Fatal(err)
				}
				held(t, c.wrong, c.says, do(func(tx *act.Tx) error {
					_, err := record.Set(tx, ships, "one", record.AnyVersion, fields)
					if errors.Is(err, record.ErrSame) {
						err = nil
					}
					return err
				}))
				fields["id"] = json.RawMessage(`"two"`)
				held(t, c.wrong, c.says, do(func(tx *act.Tx) error {
					_, err := record.Add(tx, ships, fields)
					return err
				}))
			})
		})
	}
}

// held wants that a field is refused, or nothing.
func held(t *testing.T, field, says string, err error) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var wrong *record.Invalid
	if !errors.As(err, &wrong) || len(wrong.Fields) != 1 || wrong.Fields[0] != (record.FieldError{Field: field, Problem: says}) {
		t.Errorf("%v, want %s: %s", err, field, says)
	}
}

// Nobody has to put right what they do not touch, and nobody adds to it.
func TestWhatStoodThereBeforeStays(t *testing.T) {
	harbour(t, func(t *testing.T, l *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
		set := func(pairs ...string) error {
			return do(func(tx *act.Tx) error {
				_, err := record.Set(tx, ships, "old", record.AnyVersion, given(pairs...))
				return err
			})
		}
		if err := do(func(tx *act.Tx) error {
			_, err := record.Put(tx, ships, record.Change{Verb: "added", ID: "old", Doc: &ship{ID: "old", Called: []string{"berth/8", "berth/9"}}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		held(t, "", "", set("flag", "DE"))
		held(t, "", "", set("called", `["berth/9","berth/1"]`))
		held(t, "called", "berth/8 names no record: add it before, or name one that is there", set("called", `["berth/9","berth/8"]`))

		docs := func(yield func(record.Item, error) bool) {
			_ = yield(record.Item{Where: "ships.csv:2", Doc: &ship{ID: "old", Flag: "NO", Called: []string{"berth/9"}}}, nil) &&
				yield(record.Item{Where: "ships.csv:3", Doc: &ship{ID: "one", Called: []string{"berth/9"}}}, nil)
		}
		imports(t, l, docs, record.Summary{Read: 2, Updated: 1, Refused: 1}, `ships.csv:3: called: berth/9 names no record: add it before, or name one that is there`)
	})
}

// A table is held to it row by row, and its preview says so before. What it brings into
// the register itself may come in any order.
func TestWhatATableNamesHasToBeThere(t *testing.T) {
	harbour(t, func(t *testing.T, l *ledgertest.Ledger, _ func(func(*act.Tx) error) error) {
		docs := func(yield func(record.Item, error) bool) {
			for i, doc := range []*ship{
				{ID: "two", Berth: "berth/1", Sisters: []string{"ship/five"}, Pilot: "account/ben"},
				{ID: "three", Berth: "berth/2", Flag: "XX"},
				{ID: "four", Watches: []watch{{"person/zoe"}}},
				{ID: "five", Flag: "DE", Pilot: "person/ann", Proofs: []string{"attachment/log"}},
				{ID: "six", Proofs: []string{"attachment/none"}},
			} {
				if !yield(record.Item{Where: "ships.csv:" + string(rune('2'+i)), Doc: doc}, nil) {
					return
				}
			}
		}
		refused := []string{
			"ships.csv:3: berth: berth/2 names no record: add it before, or name one that is there; flag: XX is no flag: write DE or NO",
			"ships.csv:4: watches[0].keeper: person/zoe names no record: add it before, or name one that is there",
			"ships.csv:6: proofs: attachment/none" + showsNothing,
		}
		imports(t, l, docs, record.Summary{Read: 5, Taken: 2, Refused: 3}, refused...)
	})
}

// No two have the same distinct text, but for records that do not count; what is there
// twice stays until somebody touches it.
func TestADistinctTextIsOfOneRecord(t *testing.T) {
	harbour(t, func(t *testing.T, l *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
		add := func(pairs ...string) error {
			return do(func(tx *act.Tx) error {
				_, err := record.Add(tx, ships, given(pairs...))
				return err
			})
		}
		set := func(id string, pairs ...string) error {
			return do(func(tx *act.Tx) error {
				_, err := record.Set(tx, ships, id, record.AnyVersion, given(pairs...))
				return err
			})
		}
		const twice = "DABC is that of ship/one already: no two have the same"
		held(t, "signal", twice, add("id", "two", "signal", "DABC"))
		held(t, "", "", add("id", "two", "signal", "DXYZ"))
		held(t, "", "", add("id", "silent"))
		held(t, "", "", add("id", "as silent"))
		held(t, "signal", twice, set("two", "signal", "DABC"))
		held(t, "", "", set("one", "flag", "NO"))

		// A scrapped ship's is free, and taken when it floats again.
		held(t, "", "", set("one", "state", "scrapped"))
		held(t, "", "", set("two", "signal", "DABC"))
		held(t, "signal", "DABC is that of ship/two already: no two have the same", set("one", "state", "afloat"))

		// It stood there twice before anybody said that it must not.
		if err := do(func(tx *act.Tx) error {
			_, err := record.Put(tx, ships, record.Change{Verb: "added", ID: "old", Doc: &ship{ID: "old", Signal: "DABC"}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		held(t, "", "", set("old", "flag", "DE"))

		docs := func(yield func(record.Item, error) bool) {
			for i, doc := range []*ship{
				{ID: "three", Signal: "DNEW"},
				{ID: "four", Signal: "DNEW"},
				{ID: "five", Signal: "DABC"},
				{ID: "six", Signal: "DABC", State: "scrapped"},
				{ID: "silent", Signal: "DNEW"},
				{ID: "as silent", Signal: "DSIL"},
				{ID: "two", Signal: "DABC", Flag: "NO"},
			} {
				if !yield(record.Item{Where: "ships.csv:" + string(rune('2'+i)), Doc: doc}, nil) {
					return
				}
			}
		}
		imports(t, l, docs, record.Summary{Read: 7, Taken: 2, Updated: 2, Refused: 3},
			"ships.csv:3: signal: DNEW is that of ship/three already: no two have the same",
			"ships.csv:4: signal: DABC is that of ship/old already: no two have the same",
			"ships.csv:6: signal: DNEW is that of ship/three already: no two have the same",
		)
	})
}

// imports wants that a preview refuses what the import then does, with the same reasons.
func imports(t *testing.T, l *ledgertest.Ledger, docs func(func(record.Item, error) bool), want record.Summary, refused ...string) {
	t.Helper()
	in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: ships, Action: "test", Update: true}
	var seen []string
	if _, err := in.Preview(context.Background(), l.DB, l.Clock.Now(), docs, func(p record.Preview) error {
		if p.Outcome == record.Refused {
			seen = append(seen, p.Where+": "+p.Wrong)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	done, err := in.Run(context.Background(), docs)
	if err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for _, r := range done.Reasons {
		reasons = append(reasons, r.Where+": "+r.Reason)
	}
	slices.Sort(reasons) // what had to wait is refused last
	if !slices.Equal(reasons, refused) || !slices.Equal(seen, refused) {
		t.Errorf("refused %q, in the preview %q, want %q", reasons, seen, refused)
	}
	if done.Read != want.Read || done.Taken != want.Taken || done.Updated != want.Updated || done.Refused != want.Refused {
		t.Errorf("%+v, want %+v", done, want)
	}
}
