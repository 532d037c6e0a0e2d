package trail

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	fastjson "github.com/goccy/go-json"
)

// load reads a file whole, decompressed if it begins as gzip does, whatever its name.
func load(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return decompress(f, limit)
}

func decompress(r io.Reader, limit int64) ([]byte, error) {
	var head [2]byte
	n, err := io.ReadFull(r, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, err
	}
	r = io.MultiReader(bytes.NewReader(head[:n]), r)
	compressed := head == [2]byte{0x1f, 0x8b} // RFC 1952, 2.3.1
	if compressed {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("damaged gzip: %w", err)
		}
		r = z
	}
	var content bytes.Buffer
	size, err := content.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && compressed:
		return nil, fmt.Errorf("truncated gzip: it ends after %d decompressed bytes", size)
	case err != nil && compressed:
		return nil, fmt.Errorf("damaged gzip after %d decompressed bytes: %w", size, err)
	case err != nil:
		return nil, err
	case size > limit:
		return nil, fmt.Errorf("more than %d bytes decompressed, the limit", limit)
	}
	return content.Bytes(), nil
}

type kind int

const (
	kindOther kind = iota
	kindLog
	kindDigest
)

type parsed struct {
	kind    kind
	records []Record
	digest  digest
}

// parse takes the content of a file apart. encoding/json checks all of it and removes white
// space; only what it found valid is handed to the faster decoder, which does not check what it
// skips. Of a name that an object has twice the last counts.
func parse(content []byte) (parsed, error) {
	if !utf8.Valid(content) {
		return parsed{}, errors.New("malformed: not UTF-8")
	}
	var compact bytes.Buffer
	compact.Grow(len(content))
	if err := json.Compact(&compact, content); err != nil {
		return parsed{}, syntaxError(content, err)
	}
	if compact.Bytes()[0] != '{' {
		return parsed{}, nil
	}
	var root map[string]fastjson.RawMessage
	if err := fastjson.Unmarshal(compact.Bytes(), &root); err != nil {
		return parsed{}, fmt.Errorf("malformed: %w", err)
	}
	if list, isLog := root["Records"]; isLog {
		records, err := parseRecords(list)
		return parsed{kind: kindLog, records: records}, err
	}
	if _, isDigest := root["digestStartTime"]; isDigest {
		p := parsed{kind: kindDigest}
		if err := json.Unmarshal(content, &p.digest); err != nil {
			return parsed{}, fmt.Errorf("malformed digest file: %w", err)
		}
		return p, nil
	}
	return parsed{}, nil
}

// parseRecords reads the value of Records, which is compact and valid JSON.
func parseRecords(list []byte) ([]Record, error) {
	if list[0] != '[' {
		return nil, errors.New("malformed: Records is not a list")
	}
	var raws []fastjson.RawMessage
	if err := fastjson.Unmarshal(list, &raws); err != nil {
		return nil, fmt.Errorf("malformed: %w", err)
	}
	records := make([]Record, len(raws))
	for i, raw := range raws {
		record, err := parseRecord(raw)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		record.Number = i + 1
		records[i] = record
	}
	return records, nil
}

// fields are those of a record that SCAF reads (CloudTrail record contents, user guide).
type fields struct {
	EventID            string `json:"eventID"`
	EventTime          string `json:"eventTime"`
	EventSource        string `json:"eventSource"`
	EventName          string `json:"eventName"`
	AWSRegion          string `json:"awsRegion"`
	RecipientAccountID string `json:"recipientAccountId"`
	ErrorCode          string `json:"errorCode"`
	ErrorMessage       string `json:"errorMessage"`
	UserIdentity       *struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
		ARN         string `json:"arn"`
		AccountID   string `json:"accountId"`
		UserName    string `json:"userName"`
		InvokedBy   string `json:"invokedBy"`
	} `json:"userIdentity"`
	ResponseElements fastjson.RawMessage `json:"responseElements"`
}

// parseRecord reads one record, which is compact and valid JSON.
func parseRecord(raw json.RawMessage) (Record, error) {
	switch {
	case len(raw) > MaxRecord:
		return Record{}, fmt.Errorf("%d bytes, more than the limit of %d", len(raw), MaxRecord)
	case raw[0] != '{':
		return Record{}, errors.New("not a JSON object")
	}
	var f fields
	if err := fastjson.Unmarshal(raw, &f); err != nil {
		// encoding/json names the field.
		if exact := json.Unmarshal(raw, new(fields)); exact != nil {
			err = exact
		}
		return Record{}, fmt.Errorf("a field of another type than CloudTrail writes: %w", err)
	}
	if f.EventID == "" {
		return Record{}, errors.New("no eventID")
	}
	if f.EventTime == "" {
		return Record{}, errors.New("no eventTime")
	}
	at, err := time.Parse(time.RFC3339, f.EventTime)
	if err != nil || at.UTC().Year() > 9999 || at.UTC().Year() < 1 {
		return Record{}, fmt.Errorf("eventTime %.64q is not a time like 2026-01-31T12:00:00Z", f.EventTime)
	}
	r := Record{
		EventID: f.EventID, EventTime: at.UTC(), EventSource: f.EventSource, EventName: f.EventName, Region: f.AWSRegion,
		AccountID: f.RecipientAccountID, ErrorCode: f.ErrorCode, ErrorMessage: f.ErrorMessage, Outcome: f.outcome(), Raw: raw,
	}
	if u := f.UserIdentity; u != nil {
		if r.AccountID == "" {
			r.AccountID = u.AccountID
		}
		r.Actor = firstOf(u.ARN, u.InvokedBy, u.UserName, u.PrincipalID, u.Type)
	}
	return r, nil
}

// outcome reads what became of a call: an error code says so, and for sign-ins to the console
// the response does.
func (f *fields) outcome() Outcome {
	code := strings.ToLower(f.ErrorCode)
	switch {
	case strings.Contains(code, "accessdenied"), strings.Contains(code, "unauthorized"), strings.Contains(code, "notauthorized"), strings.Contains(code, "forbidden"):
		return Denied
	case f.ErrorCode != "" || f.ErrorMessage != "":
		return Failure
	case f.EventName == "ConsoleLogin":
		var response struct{ ConsoleLogin string }
		if json.Unmarshal(f.ResponseElements, &response) == nil && response.ConsoleLogin == "Failure" {
			return Failure
		}
	}
	return Success
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// name is what the name of a log file says (Finding your CloudTrail log files, user guide):
// 111122223333_CloudTrail_us-east-2_20260131T1205Z_ExAmPlE.json.gz. All empty for other names.
type name struct {
	account, region string
	delivered       time.Time
}

var logName = regexp.MustCompile(`^(\d{12})_CloudTrail(?:-Insight)?_([a-z0-9-]+)_(\d{8}T\d{4}Z)_`)

func parseName(path string) name {
	m := logName.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return name{}
	}
	at, err := time.Parse("20060102T1504Z", m[3])
	if err != nil {
		return name{}
	}
	return name{account: m[1], region: m[2], delivered: at}
}

// syntaxError says where content ceases to be JSON: the place, and the record if it is in one.
func syntaxError(content []byte, err error) error {
	var syntax *json.SyntaxError
	// Compact does not say where it stopped, Unmarshal does.
	if errors.As(json.Unmarshal(content, new(json.RawMessage)), &syntax) {
		err = fmt.Errorf("malformed JSON at %s: %w", place(content, syntax.Offset), err)
	} else {
		err = fmt.Errorf("malformed JSON: %w", err)
	}
	if number := lastRecord(content); number > 0 {
		return fmt.Errorf("record %d: %w", number, err)
	}
	return err
}

// lastRecord is the number of the record at which malformed content ends to be readable, or 0
// if that is outside of Records.
func lastRecord(content []byte) int {
	d := json.NewDecoder(bytes.NewReader(content))
	var skipped json.RawMessage
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return 0
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return 0
		}
		if key != "Records" {
			if d.Decode(&skipped) != nil {
				return 0
			}
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return 0
		}
		for number := 1; ; number++ {
			if !d.More() {
				if _, err := d.Token(); err != nil {
					return number
				}
				break
			}
			if d.Decode(&skipped) != nil {
				return number
			}
		}
	}
	return 0
}

// place says an offset as a person finds it: by line, or by byte where there is one line only.
func place(content []byte, offset int64) string {
	offset = max(0, min(offset, int64(len(content))))
	if line := bytes.Count(content[:offset], []byte("\n")); line > 0 {
		return fmt.Sprintf("line %d", line+1)
	}
	return fmt.Sprintf("byte %d", offset)
}
