package surface_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// What an operator enters for a person names both in the ledger; nobody but an
// operator at the machine can, and for nobody who is not there.
func TestWhoActsForSomebodyElseIsNamed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		joined := apptest.Begin.Add(-time.Hour)
		if _, err := f.Door.Do(t.Context(), apptest.Operator, "person.add", "people", func(tx *act.Tx) error {
			_, err := record.Put(tx, people.Register,
				record.Change{Verb: "added", ID: "E1", Doc: people.Person{ID: "E1", Name: "Ann", State: people.Active, JoinedAt: &joined}},
				record.Change{Verb: "added", ID: "E2", Doc: people.Person{ID: "E2", Name: "Ben", State: people.Left, JoinedAt: &joined}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			caller       act.Caller
			person, says string
		}{
			{apptest.Operator, "person/E2", "has left"},
			{apptest.Operator, "person/E3", "there is no person/E3"},
			{apptest.Operator, "security lead", "is no person"},
			{apptest.Operator, "token/1", "is no person"},
			{act.Caller{ID: "token/1", Roles: []string{"administrator"}}, "person/E1", "token/1 is not at this machine"},
			{act.Caller{ID: "person/E1", By: "local/test"}, "person/E1", "is not at this machine"},
		} {
			if _, err := f.OnBehalf(t.Context(), c.caller, c.person); !errors.Is(err, surface.ErrBehalf) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s for %s: %v", c.caller.ID, c.person, err)
			}
		}
		same, err := f.OnBehalf(t.Context(), apptest.Operator, "")
		if err != nil || same.ID != apptest.Operator.ID || same.Operator() != same.ID {
			t.Errorf("%+v %v", same, err)
		}
		ann, err := f.OnBehalf(t.Context(), apptest.Operator, "person/E1")
		if err != nil || ann.Operator() != "local/test" {
			t.Fatalf("%+v %v", ann, err)
		}
		receipts, err := f.Door.Do(t.Context(), ann, "control.test", "x", func(tx *act.Tx) error {
			_, err := tx.Event(act.Event{Type: "scaf.test.happened.v1", Subject: "x"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.DB.Read(t.Context(), func(r *store.Reader) error {
			e, err := ledger.Get(r, receipts[0].Index)
			if err == nil && (e.Actor != "person/E1" || e.RecordedBy != "local/test") {
				t.Errorf("actor %q, recorded by %q", e.Actor, e.RecordedBy)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
