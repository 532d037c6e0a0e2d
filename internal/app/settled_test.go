package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What one person decided, nobody simply changes afterwards: of the register's documents
// as they stand after the decision, each change here is refused at its field.
func TestADecisionIsNotChangedByAnEdit(t *testing.T) {
	const (
		risk    = `{"id":"RSK-1","title":"Flood","category":"operations","owner":"person/owner","likelihood":4,"impact":4,"response":"accept","due_at":"2026-06-01T00:00:00Z","state":`
		finding = `{"id":"FND-1","title":"A gap","source":"audit","severity":"high","found_at":"2026-01-01T00:00:00Z","owner":"person/owner","reported_by":"person/b","retest":"Looked at","state":`
		vendor  = `{"id":"VEN-1","name":"Example","service":"s","category":"cloud","owner":"person/owner","proposed_by":"person/b","data":["none"],"access":"none","criticality":"low","state":`
		action  = `{"id":"ACT-1","title":"Do it","owner":"person/owner","due_at":"2026-02-01T00:00:00Z","added_by":"person/b","risk":"risk/RSK-1","result":"Done","state":`
	)
	until := `"accepted_until":"2026-04-01T00:00:00Z","accepted_reason":"r","accepted_by":"person/b","accepted_at":"2026-01-01T00:00:00Z"}`
	for _, c := range []struct{ kind, doc, set, field string }{
		{"risk", risk + `"accepted",` + until, `{"accepted_until":"2099-01-01T00:00:00Z"}`, "accepted_until"},
		{"risk", risk + `"accepted",` + until, `{"accepted_reason":"other"}`, "accepted_reason"},
		{"risk", risk + `"accepted",` + until, `{"impact":5}`, "impact"},
		{"risk", risk + `"accepted",` + until, `{"treatment":"Sandbags"}`, ""},
		{"risk", risk + `"assessed"}`, `{"impact":5}`, ""},
		{"risk", risk + `"closed","closed_reason":"gone"}`, `{"title":"Drought"}`, "title"},
		{"finding", finding + `"accepted",` + until, `{"accepted_until":"2099-01-01T00:00:00Z"}`, "accepted_until"},
		{"finding", finding + `"open"}`, `{"severity":"low"}`, "severity"},
		{"finding", finding + `"in_progress"}`, `{"found_at":"2026-01-05T00:00:00Z"}`, "found_at"},
		{"finding", finding + `"open"}`, `{"what":"more"}`, ""},
		{"finding", finding + `"closed"}`, `{"retest":"Never"}`, "retest"},
		{"finding", finding + `"withdrawn"}`, `{"title":"x"}`, "title"},
		{"vendor", vendor + `"assessed"}`, `{"access":"production"}`, "access"},
		{"vendor", vendor + `"in_use"}`, `{"data":["personal"]}`, "data"},
		{"vendor", vendor + `"in_use"}`, `{"criticality":"essential"}`, "criticality"},
		{"vendor", vendor + `"in_use"}`, `{"service":"other"}`, ""},
		{"vendor", vendor + `"proposed"}`, `{"access":"production"}`, ""},
		{"action", action + `"done"}`, `{"result":"Nothing"}`, "result"},
		{"action", action + `"open"}`, `{"what":"more"}`, ""},
	} {
		t.Run(c.doc[2:10]+c.set, func(t *testing.T) {
			kind, err := app.Kinds.Find(c.kind)
			if err != nil {
				t.Fatal(err)
			}
			ledgertest.EachOf(t, record.Kinds{kind}, func(t *testing.T, l *ledgertest.Ledger) {
				doc := kind.New()
				var fields map[string]json.RawMessage
				if err := errors.Join(json.Unmarshal([]byte(c.doc), doc), json.Unmarshal([]byte(c.set), &fields)); err != nil {
					t.Fatal(err)
				}
				_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "test", func(tx *act.Tx) error {
					if _, err := record.Put(tx, kind, record.Change{Verb: "put", ID: kind.Identify(doc), Doc: doc}); err != nil {
						return err
					}
					_, err := record.Set(tx, kind, kind.Identify(doc), record.AnyVersion, fields)
					return err
				})
				var wrong *record.Invalid
				if c.field == "" && err != nil || c.field != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != c.field) {
					t.Errorf("%s over %s: %v, want %q", c.set, c.doc, err, c.field)
				}
			})
		})
	}
}
