package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type errand struct {
	ID     string     `json:"id"`
	DoneAt *time.Time `json:"done_at,omitempty"`
	Note   string     `json:"note,omitempty"`
	State  string     `json:"state"`
}

// errands are made and then told of, by anybody.
var errands = record.Define[errand](record.Definition{
	Kind: "errand", Register: "errands", Title: "Errands", States: []string{"planned", "made", "told"},
	Fields:      []record.Field{{Name: "done_at", Label: "Made", Happened: true}},
	Transitions: []record.Transition{{From: "planned", To: "made", Required: []string{"done_at", "note"}}, {From: "made", To: "told"}, {From: "made", To: "planned"}},
})

// When something happened stands once a move said it, whoever may make that move; other
// fields that it asked for do not.
func TestWhenSomethingHappenedStands(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{errands}, func(t *testing.T, l *ledgertest.Ledger) {
		l.Clock.Set(time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC))
		for i, step := range []struct{ state, fields, refused string }{
			{"", `{"done_at":"2026-04-01T00:00:00Z"}`, ""}, // nothing was said yet
			{"made", `{"done_at":"2026-05-01T00:00:00Z","note":"Far"}`, ""},
			{"", `{"note":"Farther"}`, ""},
			{"", `{"done_at":"2026-03-01T00:00:00Z"}`, "done_at"},
			{"told", `{"done_at":"2026-03-01T00:00:00Z"}`, "done_at"},
			{"told", `{}`, ""},
		} {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/ann", Roles: []string{"administrator"}}, "test", "errands", func(tx *act.Tx) (err error) {
				var fields map[string]json.RawMessage
				if err := json.Unmarshal([]byte(step.fields), &fields); err != nil {
					return err
				}
				if i == 0 {
					if _, err := record.Add(tx, errands, map[string]json.RawMessage{"id": json.RawMessage(`"t"`)}); err != nil {
						return err
					}
				}
				if step.state == "" {
					_, err = record.Set(tx, errands, "t", record.AnyVersion, fields)
					return err
				}
				_, err = record.Move(tx, errands, "t", record.AnyVersion, step.state, "", fields)
				return err
			})
			if wrong := (*record.Invalid)(nil); step.refused == "" && err != nil || step.refused != "" && (!errors.As(err, &wrong) || wrong.Fields[0].Field != step.refused) {
				t.Errorf("step %d %+v: %v", i, step, err)
			}
		}
	})
}
