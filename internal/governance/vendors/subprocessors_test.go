package vendors_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/vendors"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What a form says of the minute of the review is not before it; what is said of an earlier
// one stays so.
func TestDataThatGoesInTheMinuteOfTheReview(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Subprocessors}, func(t *testing.T, l *ledgertest.Ledger) {
		for id, before := range map[string]time.Duration{"SUB-1": 0, "SUB-2": time.Minute} {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "vendors", func(tx *act.Tx) error {
				reviewed := tx.Now().Truncate(time.Minute).Add(-time.Hour + 30*time.Second)
				if err := put(vendors.Subprocessors, []string{id}, `{"id":"ID","vendor":"vendor/VEN-1","owner":"person/o","purpose":"Mail","model_provider":false,"state":"reviewed","reviewed_by":"person/c","reviewed_at":"`+reviewed.Format(time.RFC3339)+`"}`)(tx); err != nil {
					return err
				}
				from := reviewed.Truncate(time.Minute).Add(-before).Format(time.RFC3339)
				v, err := record.Move(tx, vendors.Subprocessors, id, record.AnyVersion, "active", "", fields(t, `{"listed":true,"told_at":"2026-01-05T00:00:00Z","told_by":["A letter"],"data_from":"`+from+`"}`))
				if err != nil {
					return err
				}
				s := &vendors.Subprocessor{}
				if err := json.Unmarshal(v.Doc, s); err != nil {
					return err
				}
				if s.DataFrom.Before(*s.ReviewedAt) != (before > 0) {
					t.Errorf("of data from %s, reviewed at %s, the record has %s", from, reviewed, s.DataFrom)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// By what customers were told is said once: of one of before it was asked for, too.
func TestByWhatCustomersWereToldStands(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{vendors.Subprocessors}, func(t *testing.T, l *ledgertest.Ledger) {
		set := func(by string) error {
			_, err := l.Do(context.Background(), act.Caller{ID: "person/o", Roles: []string{"administrator"}}, "test", "vendors", func(tx *act.Tx) error {
				_, err := record.Set(tx, vendors.Subprocessors, "SUB-1", record.AnyVersion, fields(t, `{"told_by":`+by+`}`))
				return err
			})
			return err
		}
		if _, err := l.Do(context.Background(), act.Caller{ID: "person/b", Roles: []string{"administrator"}}, "test", "vendors", put(vendors.Subprocessors, []string{"SUB-1"},
			`{"id":"ID","vendor":"vendor/VEN-1","owner":"person/o","purpose":"Mail","model_provider":false,"state":"active","reviewed_by":"person/c","listed":true,"told_at":"2026-01-05T00:00:00Z","data_from":"2026-02-01T00:00:00Z"}`)); err != nil {
			t.Fatal(err)
		}
		if err := set(`["A letter"]`); err != nil {
			t.Errorf("what nobody said: %v", err)
		}
		for _, other := range []string{`["Another letter"]`, "null"} {
			var wrong *record.Invalid
			if err := set(other); !errors.As(err, &wrong) || wrong.Fields[0].Field != "told_by" {
				t.Errorf("%s in the place of what was said: %v", other, err)
			}
		}
	})
}
