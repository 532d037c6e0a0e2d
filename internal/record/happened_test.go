package record_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

type trip struct {
	ID    string     `json:"id"`
	Note  string     `json:"note,omitempty"`
	Ended *time.Time `json:"ended,omitempty"`
	Day   *time.Time `json:"day,omitempty"`
	Last  *time.Time `json:"last,omitempty"`
	Next  *time.Time `json:"next,omitempty"`
	Stops []stop     `json:"stops,omitempty"`
}

type stop struct {
	At   *time.Time `json:"at,omitempty" happened:"true"`
	Next *time.Time `json:"next,omitempty"`
}

var trips = record.Define[trip](record.Definition{
	Kind: "trip", Register: "trips", Title: "Trips",
	Fields: []record.Field{
		{Name: "note", Label: "Note"}, {Name: "ended", Label: "Ended", Happened: true}, {Name: "day", Label: "Day", Day: true, Happened: true},
		{Name: "last", Label: "Last", LastDay: true, Happened: true}, {Name: "next", Label: "Next"}, {Name: "stops", Label: "Stops"},
	},
})

// What happened did so by now, or on this day: in a record, a change and a table.
func TestNothingHasHappenedInTheFuture(t *testing.T) {
	ledgertest.EachOf(t, record.Kinds{trips}, func(t *testing.T, l *ledgertest.Ledger) {
		zone := time.FixedZone("east", 9*60*60)
		l.Zone = zone
		now := l.Clock.Now()
		y, m, d := now.In(zone).Date()
		midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
		utc := time.Date(y, m, d, 0, 0, 0, 0, time.UTC) // of the day in the zone
		do := func(body func(tx *act.Tx) error) error {
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "trips", body)
			return err
		}
		for i, c := range []struct {
			fields string // %s is a time
			at     time.Time
			field  string // that is refused; empty: none
		}{
			{`{"ended":%q}`, now, ""},
			{`{"ended":%q}`, now.Add(time.Minute), ""}, // another machine's clock
			{`{"ended":%q}`, now.Add(2 * time.Minute), "ended"},
			{`{"ended":%q}`, now.AddDate(1, 0, 0), "ended"},
			{`{"day":%q}`, midnight, ""},
			{`{"day":%q}`, midnight.AddDate(0, 0, 1), "day"},
			{`{"last":%q}`, utc, ""},
			{`{"last":%q}`, utc.AddDate(0, 0, 1), "last"},
			{`{"next":%q}`, now.AddDate(1, 0, 0), ""},
			{`{"stops":[{},{"next":%q}]}`, now.AddDate(1, 0, 0), ""},
			{`{"stops":[{},{"at":%q}]}`, now, ""},
			{`{"stops":[{},{"at":%q}]}`, now.AddDate(1, 0, 0), "stops[1].at"},
		} {
			text := fmt.Sprintf(c.fields, c.at.UTC().Format(time.RFC3339Nano))
			refused := func(way string, err error) {
				t.Helper()
				var wrong *record.Invalid
				if c.field == "" && err == nil || errors.As(err, &wrong) && len(wrong.Fields) == 1 && wrong.Fields[0].Field == c.field && strings.HasPrefix(wrong.Fields[0].Problem, "is in the future") {
					return
				}
				t.Errorf("%s %s: %v, want a refusal of %q", way, text, err, c.field)
			}
			fields := func(more ...string) map[string]json.RawMessage {
				all := given(more...)
				if err := json.Unmarshal([]byte(text), &all); err != nil {
					t.Fatal(err)
				}
				return all
			}
			added, set := fmt.Sprintf("added-%d", i), fmt.Sprintf("set-%d", i)
			refused("added", do(func(tx *act.Tx) error {
				_, err := record.Add(tx, trips, fields("id", added))
				return err
			}))
			if err := do(func(tx *act.Tx) error {
				_, err := record.Add(tx, trips, given("id", set))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			refused("set", do(func(tx *act.Tx) error {
				_, err := record.Set(tx, trips, set, record.AnyVersion, fields())
				return err
			}))
			for way, id := range map[string]string{"a new row": fmt.Sprintf("new-%d", i), "a row": set} {
				one := &trip{ID: id}
				if err := json.Unmarshal([]byte(text), one); err != nil {
					t.Fatal(err)
				}
				items := func(yield func(record.Item, error) bool) {
					yield(record.Item{Where: "t.csv:2", Doc: one, Fields: fields()}, nil)
				}
				in := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: trips, Action: "test", Update: true}
				var seen record.Preview
				if _, err := in.Preview(context.Background(), l.DB, now.In(zone), items, func(p record.Preview) error { seen = p; return nil }); err != nil {
					t.Fatal(err)
				}
				done, err := in.Run(context.Background(), items)
				if err != nil || (c.field != "") != (done.Refused == 1) || c.field != "" && (!strings.Contains(seen.Wrong, "is in the future") || !strings.Contains(done.Reasons[0].Reason, "is in the future")) {
					t.Errorf("%s %s: %+v %v, in the preview %+v", way, text, done, err, seen)
				}
			}
		}
		// What stands there stays, and can be mended.
		ahead := now.AddDate(1, 0, 0)
		if err := do(func(tx *act.Tx) error {
			_, err := record.Put(tx, trips, record.Change{Verb: "put", ID: "old", Doc: &trip{ID: "old", Ended: &ahead}})
			if err == nil {
				_, err = record.Set(tx, trips, "old", record.AnyVersion, given("note", "Other"))
			}
			if err == nil {
				_, err = record.Set(tx, trips, "old", record.AnyVersion, given("ended", now.UTC().Format(time.RFC3339Nano)))
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	})
}
