package record_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// fleet is a table of ships.
func fleet(docs ...*ship) func(func(record.Item, error) bool) {
	return func(yield func(record.Item, error) bool) {
		for i, doc := range docs {
			if !yield(record.Item{Where: fmt.Sprintf("row %d", i+1), Doc: doc}, nil) {
				return
			}
		}
	}
}

// A table may name what it brings itself, in any order and in a circle; what it does not
// bring, or what is refused, is nothing that it can name, whoever names it.
func TestATableNamesWhatItBringsItself(t *testing.T) {
	const none = " names no record: add it before, or name one that is there"
	for name, c := range map[string]struct {
		docs    []*ship
		want    record.Summary
		refused []string
	}{
		"what comes later, and one by another": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b", "ship/one"}}, {ID: "b", Sisters: []string{"ship/c"}}, {ID: "c"},
		}, record.Summary{Read: 3, Taken: 3}, nil},
		"a circle, and one that is its own sister": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b"}}, {ID: "b", Sisters: []string{"ship/a"}}, {ID: "c", Sisters: []string{"ship/c", "ship/a"}},
		}, record.Summary{Read: 3, Taken: 3}, nil},
		"a circle with what is there": {[]*ship{
			{ID: "one", Sisters: []string{"ship/b"}}, {ID: "b", Sisters: []string{"ship/one"}},
		}, record.Summary{Read: 2, Taken: 1, Updated: 1}, nil},
		"nothing": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b"}}, {ID: "b", Sisters: []string{"ship/x"}}, {ID: "c"},
		}, record.Summary{Read: 3, Taken: 1, Refused: 2}, []string{"row 1: sisters: ship/b" + none, "row 2: sisters: ship/x" + none}},
		"what is refused, in a circle": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b"}}, {ID: "b", Sisters: []string{"ship/a"}, Berth: "berth/9"}, {ID: "one", Sisters: []string{"ship/a"}},
		}, record.Summary{Read: 3, Refused: 3}, []string{"row 1: sisters: ship/b" + none, "row 2: berth: berth/9" + none, "row 3: sisters: ship/a" + none}},
		"what is refused, but is there": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b", "ship/one"}}, {ID: "b"}, {ID: "one", Berth: "berth/9", Sisters: []string{"ship/b"}},
		}, record.Summary{Read: 3, Taken: 2, Refused: 1}, []string{"row 3: berth: berth/9" + none}},
		"the same ship twice": {[]*ship{
			{ID: "a", Sisters: []string{"ship/b"}}, {ID: "a", Flag: "DE"}, {ID: "b"},
		}, record.Summary{Read: 3, Taken: 2, Updated: 1}, nil},
		"what may come by another table": {[]*ship{{ID: "a", Heir: "ship/x"}, {ID: "one", Heir: "ship/y"}}, record.Summary{Read: 2, Taken: 1, Updated: 1}, nil},
		"a circle that must not be": {[]*ship{
			{ID: "a", Tows: "ship/b"}, {ID: "b", Tows: "ship/a"}, {ID: "c", Tows: "ship/a"}, {ID: "d", Tows: "ship/e"}, {ID: "e"},
		}, record.Summary{Read: 5, Taken: 2, Refused: 3}, []string{
			"row 1: tows: goes round in a circle: a tows b tows a", "row 2: tows: goes round in a circle: b tows a tows b", "row 3: tows: ship/a" + none,
		}},
		"one that must not be, with what is there": {[]*ship{
			{ID: "a", Tows: "ship/one"}, {ID: "one", Tows: "ship/a"},
		}, record.Summary{Read: 2, Taken: 1, Refused: 1}, []string{"row 2: tows: goes round in a circle: one tows a tows one"}},
	} {
		t.Run(name, func(t *testing.T) {
			harbour(t, func(t *testing.T, l *ledgertest.Ledger, _ func(func(*act.Tx) error) error) {
				imports(t, l, fleet(c.docs...), c.want, c.refused...)
			})
		})
	}
}

// Who tows whom is turned round by one table, whichever row comes first.
func TestATableTurnsRoundWhoComesFirst(t *testing.T) {
	for _, docs := range [][]*ship{
		{{ID: "one", Tows: "ship/two"}, {ID: "two"}},
		{{ID: "two"}, {ID: "one", Tows: "ship/two"}},
	} {
		harbour(t, func(t *testing.T, l *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
			if err := do(func(tx *act.Tx) error {
				_, err := record.Put(tx, ships, record.Change{Verb: "added", ID: "two", Doc: &ship{ID: "two", Tows: "ship/one"}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			held(t, "tows", "goes round in a circle: one tows two tows one", do(func(tx *act.Tx) error {
				_, err := record.Set(tx, ships, "one", record.AnyVersion, given("tows", "ship/two"))
				return err
			}))
			held(t, "tows", "goes round in a circle: one tows one", do(func(tx *act.Tx) error {
				_, err := record.Set(tx, ships, "one", record.AnyVersion, given("tows", "ship/one"))
				return err
			}))
			imports(t, l, fleet(docs...), record.Summary{Read: 2, Updated: 2})
		})
	}
}

// What is named comes in another act, where there is more than one act takes; what names
// more than that in a circle is too much.
func TestALongTableNamesWhatItBringsItself(t *testing.T) {
	harbour(t, func(t *testing.T, l *ledgertest.Ledger, _ func(func(*act.Tx) error) error) {
		var docs []*ship
		for i := range act.MaxBatch + 100 {
			docs = append(docs, &ship{ID: fmt.Sprintf("s%d", i), Sisters: []string{fmt.Sprintf("ship/s%d", i+1)}})
		}
		last := &ship{ID: fmt.Sprintf("s%d", len(docs))}
		imports(t, l, fleet(append(slices.Clone(docs), last)...), record.Summary{Read: act.MaxBatch + 101, Taken: act.MaxBatch + 101})

		for _, doc := range append(docs, last) {
			doc.ID = strings.Replace(doc.ID, "s", "r", 1)
			for i := range doc.Sisters {
				doc.Sisters[i] = strings.Replace(doc.Sisters[i], "ship/s", "ship/r", 1)
			}
		}
		last.Sisters = []string{"ship/r0"}
		in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: ships, Action: "test", Update: true}
		done, err := in.Run(context.Background(), fleet(append(docs, last)...))
		if err != nil || done.Taken != 0 || done.Refused != act.MaxBatch+101 || !strings.Contains(done.Reasons[0].Reason, "name each other in a circle") {
			t.Errorf("%+v %v", done, err)
		}
	})
}

// A row of an old table that changed nothing brings back no circle that was undone since.
func TestAnOldTableBringsBackNoCircle(t *testing.T) {
	harbour(t, func(t *testing.T, l *ledgertest.Ledger, do func(func(*act.Tx) error) error) {
		set := func(id, tows string) func(*act.Tx) error {
			return func(tx *act.Tx) error {
				_, err := record.Set(tx, ships, id, record.AnyVersion, given("tows", tows))
				return err
			}
		}
		for _, step := range []func(*act.Tx) error{
			func(tx *act.Tx) error {
				_, err := record.Put(tx, ships, record.Change{Verb: "added", ID: "two", Doc: &ship{ID: "two"}})
				return err
			}, set("one", "ship/two"), set("one", ""), set("two", "ship/one"),
		} {
			if err := do(step); err != nil {
				t.Fatal(err)
			}
		}
		old := func(yield func(record.Item, error) bool) {
			yield(record.Item{Where: "row 1", Doc: &ship{ID: "one", Tows: "ship/two"}, Fields: given("tows", "ship/two"), From: 2}, nil)
		}
		imports(t, l, old, record.Summary{Read: 1, Skipped: 1})
	})
}
