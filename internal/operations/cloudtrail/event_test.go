package cloudtrail

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/operations/cloudtrail/trail"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// The bytes of an event decide whether a record is known again, so they must
// be the same in every version of the program for ever.
func TestTheBytesOfAnEventNeverChange(t *testing.T) {
	for name, tc := range map[string]struct {
		record trail.Record
		want   string
	}{
		"all": {
			trail.Record{EventID: "e-1", EventTime: noon, EventSource: "s3.amazonaws.com", EventName: "GetObject", Region: "eu-west-1", AccountID: "111122223333",
				Actor: "arn:aws:iam::111122223333:user/ada", Outcome: trail.Denied,
				Raw: json.RawMessage(`{"eventID":"e-1","note":"<&>","resources":[{"type":"x"},{"ARN":"arn:aws:s3:::shop/a"}]}`)},
			`{"specversion":"1.0","id":"e-1","source":"//cloudtrail.amazonaws.com/111122223333/eu-west-1","type":"com.amazonaws.cloudtrail.s3.GetObject","time":"2026-01-31T12:00:00Z","subject":"arn:aws:s3:::shop/a","actor":"arn:aws:iam::111122223333:user/ada","outcome":"denied","datacontenttype":"application/json","data":{"eventID":"e-1","note":"<&>","resources":[{"type":"x"},{"ARN":"arn:aws:s3:::shop/a"}]}}`,
		},
		"no resource": {
			trail.Record{EventID: "e-2", EventTime: noon, EventSource: "signin.amazonaws.com", EventName: "ConsoleLogin", Region: "us-east-1", AccountID: "1", Outcome: trail.Failure,
				Raw: json.RawMessage(`{"resources":[]}`)},
			`{"specversion":"1.0","id":"e-2","source":"//cloudtrail.amazonaws.com/1/us-east-1","type":"com.amazonaws.cloudtrail.signin.ConsoleLogin","time":"2026-01-31T12:00:00Z","subject":"signin.amazonaws.com/ConsoleLogin","outcome":"failure","datacontenttype":"application/json","data":{"resources":[]}}`,
		},
		"almost nothing": {
			trail.Record{EventID: "e-3", EventTime: noon, Outcome: trail.Success, Raw: json.RawMessage(`{"resources":[1]}`)},
			`{"specversion":"1.0","id":"e-3","source":"//cloudtrail.amazonaws.com//","type":"com.amazonaws.cloudtrail","time":"2026-01-31T12:00:00Z","subject":"cloudtrail","outcome":"success","datacontenttype":"application/json","data":{"resources":[1]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			event := newEnvelope(&tc.record)
			event.Data = tc.record.Raw
			got, err := event.encode()
			if err != nil || string(got) != tc.want {
				t.Errorf("got %v\n%s\nwant\n%s", err, got, tc.want)
			}
		})
	}
}

func TestTheReferenceToABlobNeverChanges(t *testing.T) {
	raw := `{"eventName":"PutObject","userIdentity":{"type":"Root"},"requestParameters":{"big":"` + strings.Repeat("x", maxField) + `"},"eventName":"Twice","blob":1,"odd":{"a":1,"a":2},"half":"\ud800","n":1.50}`
	got, err := reference([]byte(raw), "ab12", 99)
	want := `{"eventName":"PutObject","userIdentity":{"type":"Root"},"n":1.50,"blob":{"sha256":"ab12","size":99},"omitted":["requestParameters","eventName","blob","odd","half"]}`
	if err != nil || string(got) != want {
		t.Errorf("got %v\n%s\nwant\n%s", err, got, want)
	}
}

func FuzzReference(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"a":1}`, `{"a":"\ud800","a":2}`, `{"\ud800":1}`, `{"omitted":1,"blob":{}}`, `{"a":{"b":[1,{"c":"\u0000"}]}}`, `{"":""}`, `{"é":1e999}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var compact bytes.Buffer
		if json.Compact(&compact, raw) != nil || compact.Len() == 0 || compact.Bytes()[0] != '{' || !json.Valid(raw) {
			return
		}
		got, err := reference(compact.Bytes(), "ab", 1)
		if err != nil {
			return // the record is refused
		}
		if len(got) > maxFields+20_000 {
			t.Fatalf("%d bytes", len(got))
		}
		if !jsontext.Value(got).IsValid() {
			t.Fatalf("%s gives %s, which is not strict JSON", compact.Bytes(), got)
		}
		again, err := reference(compact.Bytes(), "ab", 1)
		if err != nil || !bytes.Equal(got, again) {
			t.Fatal("the same record gave another reference")
		}
	})
}
