package vendors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// firstContract is a contract as the first version of the register kept it.
type firstContract struct {
	ID       string     `json:"id"`
	Vendor   string     `json:"vendor"`
	Title    string     `json:"title"`
	Owner    string     `json:"owner"`
	BeginsAt *time.Time `json:"begins_at,omitempty"`
	SignedAt *time.Time `json:"signed_at,omitempty"`
}

// A contract of before there was a confirmation is a draft, and is confirmed as any other.
func TestAContractOfTheFirstVersionIsADraft(t *testing.T) {
	first := record.Define[firstContract](record.Definition{Kind: "vendor_contract", Register: "vendor_contracts", Title: "Vendor contracts", Prefix: "CON", At: "begins_at",
		Columns: []record.Column{{Field: "title", Filter: true}}})
	ledgertest.EachOf(t, record.Kinds{first}, func(t *testing.T, l *ledgertest.Ledger) {
		do := func(who string, body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "vendors", body)
			return err
		}
		if err := do("person/b", put(first, []string{"CON-1"}, `{"id":"ID","vendor":"vendor/VEN-1","title":"Terms","owner":"person/o","begins_at":"2026-03-02T00:00:00Z","signed_at":"2026-03-01T00:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		kinds := record.Kinds{vendors.Contracts}
		adoption, err := kinds.Adopt(context.Background(), l.DB)
		if err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		if err := adoption.Migrate(context.Background(), l.Door); err != nil {
			t.Fatal(err)
		}
		var drafts []string
		if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			_, err := record.List(r, vendors.Contracts, record.Query{Filter: `item.state == "draft"`}, func(v *record.Version) error {
				drafts = append(drafts, v.ID)
				return nil
			})
			return err
		}); err != nil || !slices.Equal(drafts, []string{"CON-1"}) {
			t.Fatalf("drafts are %v (%v)", drafts, err)
		}
		if err := do("person/o", func(tx *act.Tx) error {
			_, err := record.Set(tx, vendors.Contracts, "CON-1", record.AnyVersion, fields(t, `{"personal_data":false,"document":"contracts/1"}`))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[string]error{"person/o": act.ErrSamePerson, "person/c": nil} {
			if err := do(who, func(tx *act.Tx) error {
				_, err := record.Move(tx, vendors.Contracts, "CON-1", record.AnyVersion, "in_force", "vendor_contract.confirm", nil)
				return err
			}); !errors.Is(err, want) {
				t.Errorf("%s confirms it: %v, want %v", who, err, want)
			}
		}
		l.Verify(t, kinds)
	})
}

// fields are those of a JSON object.
func fields(t testing.TB, text string) (all map[string]json.RawMessage) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// What a test reads of a contract stands while it is in force or over, whatever its owner
// tries: only a move of somebody else changes it.
func TestWhatAContractSaysStandsOnceItIsConfirmed(t *testing.T) {
	values := map[string][]string{
		"begins_at": {`"2026-01-01T00:00:00Z"`, `"2026-02-20T00:00:00Z"`}, "signed_at": {`"2026-01-15T00:00:00Z"`, "null"}, "ends_at": {`"2027-06-01T00:00:00Z"`, "null"},
		"ended_at": {`"2026-03-01T00:00:00Z"`, `"2026-03-01T12:00:00Z"`}, "personal_data": {"true"}, "terms": {`["audit"]`, "null"}, "notice": {`"24h"`, "null"},
		"document": {`"elsewhere"`}, "title": {`"Other"`}, "vendor": {`"vendor/VEN-2"`},
	}
	names := slices.Sorted(maps.Keys(values))
	ledgertest.EachOf(t, record.Kinds{vendors.Contracts}, func(t *testing.T, l *ledgertest.Ledger) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			state := rapid.SampledFrom([]string{"in_force", "ended"}).Draw(rt, "state")
			field := rapid.SampledFrom(names).Draw(rt, "field")
			value := rapid.SampledFrom(values[field]).Draw(rt, "value")
			ended := ""
			if state == "ended" {
				ended = `,"ended_at":"2026-02-28T00:00:00Z"`
			}
			n++
			id := fmt.Sprintf("CON-%d", n)
			_, err := l.Do(context.Background(), act.Caller{ID: "person/o", Roles: []string{"administrator"}}, "test", "vendors", func(tx *act.Tx) error {
				if err := put(vendors.Contracts, []string{id}, `{"id":"ID","vendor":"vendor/VEN-1","title":"Terms","owner":"person/o","begins_at":"2026-02-01T00:00:00Z","signed_at":"2026-01-30T00:00:00Z","ends_at":"2027-01-31T00:00:00Z",
					"personal_data":false,"terms":["security"],"notice":"48h","document":"contracts/1","confirmed_by":"person/c","state":"`+state+`"`+ended+`}`)(tx); err != nil {
					return err
				}
				_, err := record.Set(tx, vendors.Contracts, id, record.AnyVersion, map[string]json.RawMessage{field: json.RawMessage(value)})
				return err
			})
			var wrong *record.Invalid
			if !errors.As(err, &wrong) || wrong.Fields[0].Field != field {
				rt.Errorf("%s = %s of one that is %s: %v", field, value, state, err)
			}
		})
	})
}
