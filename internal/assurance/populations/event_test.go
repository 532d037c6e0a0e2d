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

// BenchmarkEvent makes items of an event as AWS CloudTrail's are: written out, and
// of a map.
func BenchmarkEvent(b *testing.B) {
	e := &ledger.Event{
		Index: 123456, ID: "01991111-1111-7111-8111-111111111111", Source: "aws:111122223333:eu-central-1", Type: "com.amazonaws.cloudtrail.v1",
		Subject: "ecs.amazonaws.com/DescribeServices", Actor: "arn:aws:sts::111122223333:assumed-role/deploy/session-1", Outcome: "success",
		Time: "2025-01-01T10:11:12Z", RecordedTime: "2025-01-01T10:20:12.123456Z",
		Data: []byte(`{"awsRegion":"eu-central-1","eventCategory":"Management","eventID":"00000001-1111-4111-8111-111111111111","eventName":"DescribeServices","eventSource":"ecs.amazonaws.com","eventTime":"2025-01-01T10:11:12Z","eventType":"AwsApiCall","eventVersion":"1.09","managementEvent":true,"readOnly":true,"recipientAccountId":"111122223333","requestID":"00000001-0000-4000-8000-000000000000","requestParameters":{"cluster":"shop","services":["checkout","search","basket-1"]},"responseElements":null,"sourceIPAddress":"192.0.2.1","userAgent":"aws-sdk-go-v2/1.30.3","userIdentity":{"accessKeyId":"ASIAEXAMPLE00000001","accountId":"111122223333","type":"AssumedRole"}}`),
	}
	b.Run("written out", func(b *testing.B) {
		var doc []byte
		for b.Loop() {
			var err error
			if doc, err = appendEvent(doc[:0], e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("of a map", func(b *testing.B) {
		for b.Loop() {
			if _, err := record.Canonical(map[string]any{
				"id": e.ID, "source": e.Source, "type": e.Type, "subject": e.Subject, "actor": e.Actor, "outcome": e.Outcome,
				"time": e.Instant().UTC().Format(time.RFC3339Nano), "recordedtime": e.RecordedTime, "data": json.RawMessage(e.Data), "index": e.Index,
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
