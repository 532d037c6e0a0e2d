// Package cloudtrail takes AWS CloudTrail log files into the ledger: each
// record becomes an event.
package cloudtrail

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	fastjson "github.com/goccy/go-json"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/operations/cloudtrail/trail"
)

// A record that is imported again must give the same bytes, in every later
// version too: these limits and the order of the attributes never change.
const (
	// maxInline is the largest event, in bytes, that holds its record whole.
	// It leaves room for what the server adds (tlog-tiles: 65,535 an entry).
	maxInline = 65_000
	// maxField and maxFields bound, in bytes, the fields that stand in the
	// event of a record that is kept as a blob: each one, and all together.
	maxField  = 2 << 10
	maxFields = 32 << 10
)

// envelope is a CloudEvents 1.0 document.
//
// The source is //cloudtrail.amazonaws.com/<account>/<region>, the type
// com.amazonaws.cloudtrail.<service>.<eventName>, the id the record's eventID,
// the time its eventTime. The subject is the ARN of the first resource that
// the record lists, else <eventSource>/<eventName>. The actor is the ARN of
// the caller, else the service that called, the user name, the principal id or
// the kind of identity, in this order. The outcome is denied where the error
// code says so, failure where there is another error, success where none.
type envelope struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        string          `json:"time"`
	Subject     string          `json:"subject"`
	Actor       string          `json:"actor,omitempty"`
	Outcome     string          `json:"outcome"`
	DataType    string          `json:"datacontenttype"`
	Data        json.RawMessage `json:"data"`
}

func newEnvelope(r *trail.Record) envelope {
	return envelope{
		SpecVersion: "1.0", ID: r.EventID, Source: "//cloudtrail.amazonaws.com/" + r.AccountID + "/" + r.Region,
		Type: eventType(r), Time: r.EventTime.UTC().Format(time.RFC3339), Subject: subject(r), Actor: r.Actor,
		Outcome: string(r.Outcome), DataType: "application/json",
	}
}

func eventType(r *trail.Record) string {
	parts := []string{"com.amazonaws.cloudtrail"}
	for _, part := range []string{strings.TrimSuffix(r.EventSource, ".amazonaws.com"), r.EventName} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ".")
}

func subject(r *trail.Record) string {
	var listed struct {
		Resources []struct {
			ARN string `json:"ARN"`
		} `json:"resources"`
	}
	// The reader has checked that the record is JSON; resources of another
	// shape are none.
	if bytes.Contains(r.Raw, []byte(`"resources":[`)) && fastjson.Unmarshal(r.Raw, &listed) == nil {
		for _, resource := range listed.Resources {
			if resource.ARN != "" {
				return resource.ARN
			}
		}
	}
	if r.EventSource == "" && r.EventName == "" {
		return "cloudtrail"
	}
	return strings.Trim(r.EventSource+"/"+r.EventName, "/")
}

// encode writes the event; data stands last, as it is.
func (e envelope) encode() ([]byte, error) {
	data := e.Data
	e.Data = json.RawMessage("0")
	head, err := marshal(e)
	if err != nil {
		return nil, err
	}
	head = head[:len(head)-len("0}")]
	document := make([]byte, 0, len(head)+len(data)+1)
	document = append(append(document, head...), data...)
	return append(document, '}'), nil
}

func marshal(value any) ([]byte, error) {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false)
	if err := out.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// reference is the data of an event whose record is kept as a blob: the
// record's fields but for large ones, and where the record is.
func reference(raw []byte, hash string, size int64) (json.RawMessage, error) {
	kept, omitted, err := smallFields(raw)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, field := range kept {
		b.Write(field.name)
		b.WriteByte(':')
		b.Write(field.value)
		b.WriteByte(',')
	}
	last, err := marshal(struct {
		Blob    blobRef  `json:"blob"`
		Omitted []string `json:"omitted"`
	}{blobRef{hash, size}, omitted})
	if err != nil {
		return nil, err
	}
	b.Write(last[1:])
	return b.Bytes(), nil
}

type blobRef struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

type field struct{ name, value []byte }

// smallFields reads the top-level fields of a record that are small and
// strictly JSON (no name twice, no half of a surrogate pair), and the names of
// the others. Of a name that comes twice the first counts.
func smallFields(raw []byte) (kept []field, omitted []string, err error) {
	lenient := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	decoder := jsontext.NewDecoder(bytes.NewReader(raw), lenient...)
	if _, err := decoder.ReadToken(); err != nil {
		return nil, nil, err
	}
	omitted = []string{}
	seen := map[string]bool{"blob": true, "omitted": true}
	total := 0
	for decoder.PeekKind() == '"' {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, nil, err
		}
		name := token.String()
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, nil, err
		}
		quoted, err := marshal(name)
		if err != nil {
			return nil, nil, err
		}
		size := len(quoted) + len(value) + 2
		if size > maxField || total+size > maxFields || seen[name] || !value.IsValid() {
			if len(name) <= 100 && len(omitted) < 100 {
				omitted = append(omitted, name)
			}
			continue
		}
		seen[name] = true
		total += size
		kept = append(kept, field{quoted, bytes.Clone(value)})
	}
	return kept, omitted, nil
}
