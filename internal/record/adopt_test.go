package record_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// The definition of a register before and after a change of its program.
type before struct {
	ID   string `json:"id"`
	Risk string `json:"risk"`
}

type after struct {
	ID   string `json:"id"`
	Risk int    `json:"risk"`
}

func gauges[T any](version int, migrations ...record.Migration) record.Kinds {
	return record.Kinds{record.Define[T](record.Definition{
		Kind: "gauge", Register: "gauges", Title: "Gauges", Internal: true, Version: version, Migrations: migrations,
		Columns: []record.Column{{Field: "risk", Label: "Risk", Filter: true, Sort: true}},
	})}
}

var toNumbers = record.Migration{From: 1, Change: func(fields map[string]any) error {
	risk, ok := map[string]int{"low": 1, "high": 3}[fmt.Sprint(fields["risk"])]
	if !ok {
		return fmt.Errorf("the risk %v is not known", fields["risk"])
	}
	fields["risk"] = risk
	return nil
}}

// adopt brings a ledger to the definitions, as a start does.
func adopt(t *testing.T, l *ledgertest.Ledger, kinds record.Kinds) error {
	t.Helper()
	if err := l.Door.Close(); err != nil {
		t.Fatal(err)
	}
	adoption, err := kinds.Adopt(context.Background(), l.DB)
	l.OpenDoor(t)
	if err == nil {
		err = adoption.Migrate(context.Background(), l.Door)
	}
	return err
}

// A register whose records get states later says in a migration in which those are that are
// there; without one nothing is said of them, and they would be in none.
func TestARegisterThatGetsStates(t *testing.T) {
	type stated struct {
		ID    string `json:"id"`
		Risk  string `json:"risk"`
		State string `json:"state"`
	}
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		old := gauges[before](1)
		if err := adopt(t, l, old); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "gauges", func(tx *act.Tx) error {
			_, err := record.Put(tx, old[0], record.Change{Verb: "added", ID: "a", Doc: &before{"a", "low"}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		kinds := record.Kinds{record.Define[stated](record.Definition{
			Kind: "gauge", Register: "gauges", Title: "Gauges", Internal: true, Version: 2, States: []string{"draft", "ended"}, Transitions: []record.Transition{{From: "draft", To: "ended"}},
			Migrations: []record.Migration{{From: 1, Change: func(fields map[string]any) error { fields["state"] = "draft"; return nil }}},
		})}
		if err := adopt(t, l, kinds); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "gauges", func(tx *act.Tx) error {
			v, err := record.Get(&tx.Reader, "gauge", "a")
			if err != nil || !strings.Contains(string(v.Doc), `"state":"draft"`) {
				t.Errorf("the document is %s, %v", v.Doc, err)
			}
			_, err = record.Move(tx, kinds[0], "a", record.AnyVersion, "ended", "", nil)
			return err
		}); err != nil {
			t.Error(err)
		}
		l.Verify(t, kinds)
	})
}

func TestADefinitionThatChangedUnderItsRecords(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		old := gauges[before](1)
		put := func(id, risk string) {
			t.Helper()
			if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "gauges", func(tx *act.Tx) error {
				_, err := record.Put(tx, old[0], record.Change{Verb: "added", ID: id, Doc: &before{id, risk}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		if err := adopt(t, l, old); err != nil {
			t.Fatal(err)
		}
		put("a", "low")
		put("b", "high")
		put("c", "odd")

		// Without a migration, and with one that does not know everything, the
		// start is refused with the list, and nothing has changed.
		var misfits *record.Misfits
		err := adopt(t, l, gauges[after](1))
		if !errors.As(err, &misfits) || len(misfits.Records) != 3 || !strings.Contains(err.Error(), "gauge/a: risk: is a string") {
			t.Fatalf("got %v", err)
		}
		err = adopt(t, l, gauges[after](2, toNumbers))
		if !errors.As(err, &misfits) || len(misfits.Records) != 1 || !strings.Contains(err.Error(), "gauge/c") || !strings.Contains(err.Error(), "the risk odd is not known") {
			t.Fatalf("got %v", err)
		}
		l.Verify(t, old)
		if err := old.Defined(context.Background(), l.DB); err != nil {
			t.Errorf("the definition that was: %v", err)
		}

		if _, err := l.Do(context.Background(), ledgertest.Operator, "test", "gauges", func(tx *act.Tx) error {
			_, err := record.Put(tx, old[0], record.Change{Verb: "set", ID: "c", Doc: &before{"c", "low"}, Expect: 1})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		now := gauges[after](2, toNumbers)
		if err := now.Defined(context.Background(), l.DB); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("who only reads is told %v", err)
		}
		if err := adopt(t, l, now); err != nil {
			t.Fatal(err)
		}
		// The next start finds nothing to do, and keeps the definition.
		if err := adopt(t, l, now); err != nil {
			t.Fatal(err)
		}
		if err := now.Defined(context.Background(), l.DB); err != nil {
			t.Error(err)
		}
		l.Verify(t, now)
		var found []string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			_, err := record.List(r, now[0], record.Query{Filter: "item.risk > 0", Sort: "-risk"}, func(v *record.Version) error {
				found = append(found, fmt.Sprintf("%s %d %s", v.ID, v.Version, v.Doc))
				return nil
			})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		want := `[b 2 {"id":"b","risk":3} c 3 {"id":"c","risk":1} a 2 {"id":"a","risk":1}]`
		if fmt.Sprint(found) != want {
			t.Errorf("got %v, want %s", found, want)
		}
	})
}
