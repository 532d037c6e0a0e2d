package populations

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// What is written out is what RFC 8785 makes of the same attributes.
func TestAnEventsItemIsCanonical(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(name string) string { return rapid.String().Draw(t, name) }
		e := &ledger.Event{
			Index: rapid.Int64Range(0, 1<<53-1).Draw(t, "index"), ID: text("id"), Source: text("source"), Type: text("type"),
			Subject: text("subject"), Actor: text("actor"), Outcome: text("outcome"), RecordedTime: text("recordedtime"),
			Time: time.UnixMicro(rapid.Int64Range(-1e15, 1e16).Draw(t, "at")).UTC().Format(time.RFC3339Nano),
		}
		if rapid.Bool().Draw(t, "data") {
			var err error
			if e.Data, err = json.MarshalIndent(rapid.MapOf(rapid.String(), rapid.Float64()).Draw(t, "map"), " ", "  "); err != nil {
				t.Fatal(err)
			}
		}
		data := json.RawMessage(e.Data)
		if len(data) == 0 {
			data = json.RawMessage("null")
		}
		want, err := record.Canonical(map[string]any{
			"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject, "actor": e.Actor, "outcome": e.Outcome,
			"time": e.Instant().UTC().Format(time.RFC3339Nano), "recordedtime": e.RecordedTime, "data": data, "index": e.Index,
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendEvent([]byte("before")[:0], e)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
		}
	})
}
