package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/act"
)

// Limits of an event.
const (
	// MaxEvent is the largest stored event in bytes: the entry limit of
	// tlog-tiles. What the server adds counts.
	MaxEvent = 65535
	// MaxID and MaxSource bound the idempotency key, in bytes.
	MaxID     = 512
	MaxSource = 1024
	// MaxFuture is how far an event's time may lie ahead of the server's
	// clock. A wrong time zone (up to 14 hours) is taken, a wrong year is not.
	MaxFuture = 24 * time.Hour
)

// InvalidError says what is wrong with a submitted event and what would be
// right.
type InvalidError struct {
	Attribute string // of CloudEvents; empty when the whole document is meant
	Problem   string
}

// Error implements error.
func (e *InvalidError) Error() string {
	if e.Attribute == "" {
		return e.Problem
	}
	return e.Attribute + ": " + e.Problem
}

// Parser reads submitted events: CloudEvents 1.0 in the JSON format, strictly
// (no duplicate names, valid UTF-8). It is safe for concurrent use.
type Parser struct {
	// Source is the ledger's own source, which nobody else may claim.
	Source string
}

var decoders = sync.Pool{New: func() any { return new(jsontext.Decoder) }}

// decoderOf takes a decoder from the pool and puts it at the document's
// beginning.
func decoderOf(document []byte) *jsontext.Decoder {
	decoder, ok := decoders.Get().(*jsontext.Decoder)
	if !ok { // the pool holds nothing else
		decoder = new(jsontext.Decoder)
	}
	decoder.Reset(bytes.NewBuffer(document))
	return decoder
}

// Parse checks one event and returns it ready to be appended. The bytes are
// kept as they are but for white space around them; they are not copied. The
// error is an *InvalidError.
func (p Parser) Parse(document []byte, now time.Time) (act.Entry, error) {
	document = bytes.TrimSpace(document)
	entry := act.Entry{JSON: document}
	if len(document) > MaxEvent {
		return entry, tooLarge(len(document))
	}
	if len(document) == 0 || document[0] != '{' {
		return entry, &InvalidError{Problem: "not a JSON object: an event is a CloudEvents 1.0 document like {\"specversion\":\"1.0\",\"id\":...,\"source\":...,\"type\":...}"}
	}
	decoder := decoderOf(document)
	defer decoders.Put(decoder)
	attributes, err := readAttributes(decoder)
	if err != nil {
		return entry, err
	}
	if err := p.check(&entry, attributes, now); err != nil {
		return entry, err
	}
	return entry, nil
}

// ErrTooLarge says: the event has more than MaxEvent bytes.
var ErrTooLarge = errors.New("the event is too large")

// tooLarge is an *InvalidError and ErrTooLarge.
func tooLarge(size int) error {
	return &sizeError{InvalidError{Problem: fmt.Sprintf("the event has %d bytes with what the server adds, more than the limit of %d: put large data elsewhere and its SHA-256 into the event", size, MaxEvent)}}
}

type sizeError struct{ InvalidError }

// Unwrap gives both natures of the error.
func (e *sizeError) Unwrap() []error { return []error{&e.InvalidError, ErrTooLarge} }

// attributes are the ones that SCAF reads.
type attributes struct {
	specversion, id, source, kind, subject, actor, outcome, time string
	data                                                         jsontext.Value
	recordedtime, recordedby                                     string
	binary                                                       bool // there is data_base64
}

// at returns where the attribute of this name is kept, nil when SCAF does not
// read it.
func (a *attributes) at(name string) *string {
	switch name {
	case "specversion":
		return &a.specversion
	case "id":
		return &a.id
	case "source":
		return &a.source
	case "type":
		return &a.kind
	case "subject":
		return &a.subject
	case "actor":
		return &a.actor
	case "outcome":
		return &a.outcome
	case "time":
		return &a.time
	case "recordedtime":
		return &a.recordedtime
	case "recordedby":
		return &a.recordedby
	}
	return nil
}

// readAttributes reads the document to its end.
func readAttributes(decoder *jsontext.Decoder) (attributes, error) {
	var a attributes
	if _, err := decoder.ReadToken(); err != nil {
		return a, malformed(err)
	}
	for decoder.PeekKind() != '}' {
		token, err := decoder.ReadToken()
		if err != nil {
			return a, malformed(err)
		}
		name := token.String()
		if into := a.at(name); into != nil {
			value, err := decoder.ReadToken()
			if err != nil {
				return a, malformed(err)
			}
			if value.Kind() != '"' {
				return a, &InvalidError{name, "must be a string"}
			}
			if *into = value.String(); *into == "" {
				return a, &InvalidError{name, "must not be empty"}
			}
			continue
		}
		if !attributeName(name) {
			return a, &InvalidError{name, "is no CloudEvents attribute: names have only the letters a-z and digits"}
		}
		if name == "data" {
			if a.data, err = decoder.ReadValue(); err != nil {
				return a, malformed(err)
			}
			a.data = a.data.Clone()
			continue
		}
		if name == "data_base64" {
			value, err := decoder.ReadValue()
			if err != nil {
				return a, malformed(err)
			}
			var binary []byte
			if json.Unmarshal(value, &binary) != nil || value.Kind() != '"' {
				return a, &InvalidError{name, "must be a string of base64"}
			}
			a.binary = true
			continue
		}
		if err := decoder.SkipValue(); err != nil {
			return a, malformed(err)
		}
	}
	if _, err := decoder.ReadToken(); err != nil {
		return a, malformed(err)
	}
	// Not PeekKind: it is 0 at the end, and before what can begin no JSON, too.
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return a, &InvalidError{Problem: "there is more after the JSON object: one event a line"}
	}
	return a, nil
}

func attributeName(name string) bool {
	if name == "data_base64" {
		return true
	}
	for i := range len(name) {
		if c := name[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func malformed(err error) error {
	text := strings.TrimPrefix(err.Error(), "jsontext: ")
	return &InvalidError{Problem: "malformed JSON: " + text}
}

// check holds the rules of CloudEvents 1.0 and what SCAF keeps for itself.
func (p Parser) check(entry *act.Entry, a attributes, now time.Time) error {
	for _, required := range [...]struct{ name, value string }{
		{"specversion", a.specversion}, {"id", a.id}, {"source", a.source}, {"type", a.kind},
	} {
		if required.value == "" {
			return &InvalidError{required.name, "is missing: CloudEvents requires specversion, id, source and type"}
		}
	}
	switch {
	case a.binary && a.data != nil:
		return &InvalidError{"data_base64", "stands beside data: an event has one of them"}
	case a.specversion != "1.0":
		return &InvalidError{"specversion", fmt.Sprintf("%q is not known: it must be \"1.0\"", a.specversion)}
	case len(a.id) > MaxID:
		return &InvalidError{"id", fmt.Sprintf("has %d bytes, at most %d are taken", len(a.id), MaxID)}
	case len(a.source) > MaxSource:
		return &InvalidError{"source", fmt.Sprintf("has %d bytes, at most %d are taken", len(a.source), MaxSource)}
	case strings.ContainsRune(a.id, 0), strings.ContainsRune(a.source, 0):
		return &InvalidError{"id", "the id and the source must not contain the character U+0000"}
	case strings.HasPrefix(a.kind, "scaf."):
		return &InvalidError{"type", fmt.Sprintf("%q is SCAF's own: types that start with \"scaf.\" are set by the server", a.kind)}
	case a.source == p.Source || strings.HasPrefix(a.source, "urn:scaf:"):
		return &InvalidError{"source", fmt.Sprintf("%q is SCAF's own source", a.source)}
	case a.recordedtime != "":
		return &InvalidError{"recordedtime", "is set by the server and must not be submitted"}
	case a.recordedby != "":
		return &InvalidError{"recordedby", "is set by the server and must not be submitted"}
	case a.outcome != "" && a.outcome != act.Success && a.outcome != act.Failure && a.outcome != act.Denied:
		return &InvalidError{"outcome", fmt.Sprintf("%q is not known: success, failure or denied", a.outcome)}
	}
	entry.ID, entry.Source, entry.Type, entry.Subject, entry.Actor = a.id, a.source, a.kind, a.subject, a.actor
	if a.time != "" {
		at, err := time.Parse(time.RFC3339Nano, a.time)
		if err != nil {
			return &InvalidError{"time", fmt.Sprintf("%q is not an RFC 3339 time like 2026-01-31T09:30:00Z", a.time)}
		}
		if at.After(now.Add(MaxFuture)) {
			return &InvalidError{"time", fmt.Sprintf("%s lies more than %v after the server's clock (%s): check the sender's clock", a.time, MaxFuture, now.Format(time.RFC3339))}
		}
		entry.Time = at
	}
	if size := len(entry.JSON) + suffixRoom; size > MaxEvent {
		return tooLarge(size)
	}
	return nil
}

// The server adds what it knows at the end of the submitted object, so that
// the bytes as submitted are still there.
const (
	suffixMark = `,"recordedtime":"`
	byMark     = `,"recordedby":`
	// suffixRoom bounds the addition: both names, a time, a caller of up to
	// 128 bytes.
	suffixRoom = 200
)

// stored is the bytes that are kept and hashed: the submitted object with the
// server's attributes at its end.
func stored(entry *act.Entry, now time.Time) []byte {
	body := make([]byte, 0, len(entry.JSON)+suffixRoom)
	body = append(body, entry.JSON[:len(entry.JSON)-1]...)
	body = append(body, suffixMark...)
	body = now.UTC().AppendFormat(body, time.RFC3339Nano)
	body = append(body, '"')
	if entry.RecordedBy != "" {
		body = append(body, byMark...)
		body = strconv.AppendQuote(body, plain(entry.RecordedBy))
	}
	return append(body, '}')
}

// plain makes a caller's reference safe to stand in JSON. References are ASCII
// by construction; this holds whatever comes.
func plain(reference string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r == '"' || r == '\\' || r == utf8.RuneError || r > 0x7e {
			return '_'
		}
		return r
	}, reference)
	return clean[:min(len(clean), 128)]
}

// asSubmitted is the inverse of stored.
func asSubmitted(body []byte) []byte {
	end := bytes.LastIndex(body, []byte(suffixMark))
	if end < 0 {
		return body
	}
	return append(bytes.Clone(body[:end]), '}')
}

// Event is a stored event, read.
type Event struct {
	Index        int64          `json:"index"`
	LeafHash     string         `json:"leaf_hash"` // lowercase hex
	ID           string         `json:"id"`
	Source       string         `json:"source"`
	Type         string         `json:"type"`
	Time         string         `json:"time,omitempty"` // as submitted
	Subject      string         `json:"subject,omitempty"`
	Actor        string         `json:"actor,omitempty"`
	Outcome      string         `json:"outcome,omitempty"`
	RecordedTime string         `json:"recordedtime"`
	RecordedBy   string         `json:"recordedby,omitempty"`
	Data         jsontext.Value `json:"data,omitempty"`

	Body []byte `json:"-"` // the stored bytes
}

// Instant is when the event happened: its time, or when it was recorded. The
// first instant of year 1, which many programs write for "none", is no time.
func (e *Event) Instant() time.Time {
	for _, text := range []string{e.Time, e.RecordedTime} {
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil && !at.IsZero() {
			return at
		}
	}
	return time.Time{}
}

// The form in which SCAF writes its own events, and most producers theirs.
var (
	usualID     = []byte(`{"specversion":"1.0","id":"`)
	usualSource = []byte(`","source":"`)
)

// identify reads the id and the source of a stored event, and no further. An
// event of the usual form is not parsed for it: its first two strings are the
// id and the source when no escape stands in them.
func identify(body []byte) (id, source []byte, err error) {
	if rest, ok := bytes.CutPrefix(body, usualID); ok {
		if id, rest, ok = bytes.Cut(rest, usualSource); ok && bytes.IndexByte(id, '"') < 0 && bytes.IndexByte(id, '\\') < 0 {
			if end := bytes.IndexByte(rest, '"'); end > 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
				return id, rest[:end], nil
			}
		}
	}
	decoder := decoderOf(body)
	defer decoders.Put(decoder)
	if _, err := decoder.ReadToken(); err != nil {
		return nil, nil, malformed(err)
	}
	for id, source = nil, nil; id == nil || source == nil; {
		token, err := decoder.ReadToken()
		if err != nil {
			return nil, nil, malformed(err)
		}
		if token.Kind() != '"' {
			return nil, nil, &InvalidError{Problem: "has no id or no source"}
		}
		switch token.String() {
		case "id":
			token, err = decoder.ReadToken()
			id = []byte(token.String())
		case "source":
			token, err = decoder.ReadToken()
			source = []byte(token.String())
		default:
			err = decoder.SkipValue()
		}
		if err != nil {
			return nil, nil, malformed(err)
		}
	}
	return id, source, nil
}

// Read parses the stored bytes of an event, which it keeps.
func Read(index int64, body []byte) (*Event, error) {
	event, err := read(index, body)
	if err != nil {
		return nil, &DamageError{index, "the stored bytes are not an event: " + err.Error()}
	}
	return event, nil
}

// read parses stored bytes.
func read(index int64, body []byte) (*Event, error) {
	decoder := decoderOf(body)
	defer decoders.Put(decoder)
	a, err := readAttributes(decoder)
	if err != nil {
		return nil, err
	}
	return &Event{
		Index: index, LeafHash: hexHash(leafHash(body)), ID: a.id, Source: a.source, Type: a.kind,
		Time: a.time, Subject: a.subject, Actor: a.actor, Outcome: a.outcome,
		RecordedTime: a.recordedtime, RecordedBy: a.recordedby, Data: a.data, Body: body,
	}, nil
}
