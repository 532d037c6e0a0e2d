package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const account = "111122223333"

// event gives one record as CloudTrail writes it.
func event(id, at, region string) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ada","accountId":"111122223333","userName":"ada"},`+
		`"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":%q,"sourceIPAddress":"192.0.2.7","userAgent":"aws-cli","requestParameters":{"bucketName":"b"},`+
		`"responseElements":null,"eventID":%q,"recipientAccountId":"111122223333"}`, at, region, id)
}

func logFile(events ...string) string { return `{"Records":[` + strings.Join(events, ",") + `]}` }

func zipped(t testing.TB, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// folder writes files, by name below a temporary folder.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readAll(t testing.TB, o Options, paths ...string) ([]Record, Summary) {
	t.Helper()
	r, err := Open(paths, o)
	if err != nil {
		t.Fatal(err)
	}
	var records []Record
	for record, err := range r.Records(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return records, r.Summary()
}

func ids(records []Record) (all []string) {
	for _, r := range records {
		all = append(all, r.EventID)
	}
	return all
}

func TestRecordIsReadWhole(t *testing.T) {
	spaced := "{\n \"Records\" : [ " + strings.ReplaceAll(event("e-1", "2026-01-31T12:00:00Z", "us-east-2"), ",", " ,\n ") + " ] }\n"
	dir := folder(t, map[string]string{"a.json": spaced})
	records, _ := readAll(t, Options{}, dir)
	want := []Record{{
		EventID: "e-1", EventTime: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), EventSource: "s3.amazonaws.com", EventName: "GetObject", Region: "us-east-2",
		AccountID: account, Actor: "arn:aws:iam::111122223333:user/ada", Outcome: Success, Raw: json.RawMessage(event("e-1", "2026-01-31T12:00:00Z", "us-east-2")),
		File: filepath.Join(dir, "a.json"), Number: 1,
	}}
	if diff := cmp.Diff(want, records); diff != "" {
		t.Error(diff)
	}
}

func TestFieldsFallBack(t *testing.T) {
	for name, tc := range map[string]struct {
		record string
		want   Record
	}{
		"account of the caller":  {`"userIdentity":{"accountId":"444455556666","type":"Root"}`, Record{AccountID: "444455556666", Actor: "Root", Outcome: Success}},
		"account of the file":    {`"userIdentity":null`, Record{AccountID: account, Outcome: Success}},
		"service":                {`"userIdentity":{"type":"AWSService","invokedBy":"ec2.amazonaws.com"}`, Record{AccountID: account, Actor: "ec2.amazonaws.com", Outcome: Success}},
		"denied":                 {`"errorCode":"AccessDenied","errorMessage":"no"`, Record{AccountID: account, ErrorCode: "AccessDenied", ErrorMessage: "no", Outcome: Denied}},
		"denied by EC2":          {`"errorCode":"Client.UnauthorizedOperation"`, Record{AccountID: account, ErrorCode: "Client.UnauthorizedOperation", Outcome: Denied}},
		"failed":                 {`"errorCode":"NoSuchKey"`, Record{AccountID: account, ErrorCode: "NoSuchKey", Outcome: Failure}},
		"failed sign-in":         {`"eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Failure"}`, Record{AccountID: account, EventName: "ConsoleLogin", Outcome: Failure}},
		"successful sign-in":     {`"eventName":"ConsoleLogin","responseElements":{"ConsoleLogin":"Success"}`, Record{AccountID: account, EventName: "ConsoleLogin", Outcome: Success}},
		"fields of other events": {`"x":{"y":[1,null,{"z":"\u0000"}]}`, Record{AccountID: account, Outcome: Success}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{account + "_CloudTrail_eu-west-1_20260131T1205Z_AbC.json": logFile(`{"eventID":"e","eventTime":"2026-01-31T13:00:00+01:00",` + tc.record + `}`)})
			records, s := readAll(t, Options{}, dir)
			if len(records) != 1 {
				t.Fatalf("%d records; refused %v", len(records), s.Refused)
			}
			got := records[0]
			tc.want.EventID, tc.want.EventTime, tc.want.Region, tc.want.Number = "e", time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), "eu-west-1", 1
			got.Raw, got.File = nil, ""
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilesAreReadInSortedOrderOnce(t *testing.T) {
	at := "2026-01-31T12:00:00Z"
	dir := folder(t, map[string]string{
		"b/2.json.gz":    zipped(t, logFile(event("3", at, "r"), event("4", at, "r"))),
		"b/1.json":       logFile(event("2", at, "r")),
		"a.JSON":         logFile(event("1", at, "r")),
		"c.json.gz":      logFile(event("5", at, "r")), // decompressed by the tool that copied it
		"d.json":         zipped(t, logFile(event("6", at, "r"))) + zipped(t, " "),
		"e.json":         logFile(),
		"README.md":      "not a log",
		"f.json":         `{"other":"thing"}`,
		"g.json":         `[1,2]`,
		"given/by-name":  logFile(event("7", at, "r")),
		"given/skip.txt": logFile(event("8", at, "r")),
	})
	if err := os.Symlink(filepath.Join(dir, "a.JSON"), filepath.Join(dir, "h.json")); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	var calls []Progress
	records, s := readAll(t, Options{Progress: func(p Progress) { calls = append(calls, p) }},
		dir, filepath.Join(dir, "given", "by-name"), filepath.Join(dir, "a.JSON"), link)
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6", "7"}, ids(records)); diff != "" {
		t.Error(diff)
	}
	if s.LogFiles != 7 || s.Records != 7 || len(s.Refused) != 0 {
		t.Errorf("%d log files, %d records, refused %v", s.LogFiles, s.Records, s.Refused)
	}
	names := map[string]bool{}
	for _, n := range s.Skipped {
		names[filepath.Base(n.File)] = true
	}
	if diff := cmp.Diff(map[string]bool{"README.md": true, "f.json": true, "g.json": true, "by-name": true, "skip.txt": true}, names); diff != "" {
		t.Errorf("skipped: %s", diff)
	}
	last := calls[len(calls)-1]
	if len(calls) != 9 || last.Files != 9 || last.AllFiles != 9 || last.Bytes != last.AllBytes || last.Records != 7 {
		t.Errorf("%d calls, the last %+v", len(calls), last)
	}
}

// Of a damaged file nothing is taken, the place is named, and the others go on.
func TestDamagedFileIsRefusedWhole(t *testing.T) {
	good := event("ok", "2026-01-31T12:00:00Z", "r")
	whole := zipped(t, logFile(good, strings.Repeat(good+",", 50)+good))
	flipped := []byte(whole)
	flipped[len(flipped)-8] ^= 1 // the checksum
	for name, tc := range map[string]struct{ content, want string }{
		"truncated gzip":        {whole[:len(whole)/2], "truncated gzip: it ends after"},
		"gzip header only":      {"\x1f\x8b\x08", "damaged gzip"},
		"wrong checksum":        {string(flipped), "damaged gzip after"},
		"empty":                 {"", "the file is empty"},
		"blank":                 {"  \n", "malformed JSON"},
		"one byte":              {"{", "malformed JSON at byte 1"},
		"truncated record":      {`{"Records":[` + good + `,{"eventID":"e`, "record 2: malformed JSON"},
		"truncated list":        {`{"Records":[` + good, "record 2: malformed JSON"},
		"bad record":            {`{"Records":[` + good + "," + good + `,{"eventID":x}]}`, "record 3: malformed JSON at byte"},
		"bad on a line":         {"{\"Records\":[\n" + good + ",\n{\"eventID\" 1}\n]}", "record 2: malformed JSON at line 3"},
		"bad before":            {`{"x":tru,"Records":[]}`, "malformed JSON at byte 9"},
		"bad after":             {logFile(good) + "}", "malformed JSON at byte"},
		"two objects":           {logFile(good) + logFile(good), "malformed JSON at byte"},
		"bad other":             {"[1,2", "malformed JSON"},
		"bad deep in a record":  {`{"Records":[` + good + `,{"eventID":"e","eventTime":"2026-01-31T12:00:00Z","x":{"y":[1,,2]}}]}`, "record 2: malformed JSON"},
		"not UTF-8":             {logFile(`{"eventID":"e` + "\xff" + `"}`), "not UTF-8"},
		"not a list":            {`{"Records":{}}`, "Records is not a list"},
		"null list":             {`{"Records":null}`, "Records is not a list"},
		"record is null":        {logFile(good, "null"), "record 2: not a JSON object"},
		"record is text":        {logFile(good, `"x"`), "record 2: not a JSON object"},
		"no id":                 {logFile(good, `{"eventTime":"2026-01-31T12:00:00Z"}`), "record 2: no eventID"},
		"id is null":            {logFile(good, `{"eventID":null,"eventTime":"2026-01-31T12:00:00Z"}`), "record 2: no eventID"},
		"no time":               {logFile(good, `{"eventID":"e"}`), "record 2: no eventTime"},
		"time is not one":       {logFile(good, `{"eventID":"e","eventTime":"yesterday"}`), `record 2: eventTime "yesterday" is not a time like`},
		"id is a number":        {logFile(good, `{"eventID":7,"eventTime":"2026-01-31T12:00:00Z"}`), "record 2: a field of another type than CloudTrail writes: json: cannot unmarshal number into Go struct field fields.eventID"},
		"record is too large":   {logFile(good, `{"eventID":"e","x":"`+strings.Repeat("x", MaxRecord)+`"}`), "record 2: 1048"},
		"digest without an end": {`{"digestStartTime":"2026-01-31T12:00:00Z"}`, "malformed digest file: digestEndTime"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"0.json": logFile(event("before", "2026-01-31T12:00:00Z", "r")), "1.json": tc.content, "2.json": logFile(event("after", "2026-01-31T12:00:00Z", "r"))})
			records, s := readAll(t, Options{}, dir)
			if diff := cmp.Diff([]string{"before", "after"}, ids(records)); diff != "" {
				t.Error(diff)
			}
			if len(s.Refused) != 1 || s.LogFiles != 2 || s.Records != 2 {
				t.Fatalf("refused %v, %d log files", s.Refused, s.LogFiles)
			}
			if line := s.Refused[0].String(); !strings.HasPrefix(line, filepath.Join(dir, "1.json")+": ") || !strings.Contains(line, tc.want) || strings.Contains(line, "\n") || len(line) > 400 {
				t.Errorf("refused with %q, want one line with %q", line, tc.want)
			}
		})
	}
}

func TestGzipThatGrowsBeyondTheLimitIsRefused(t *testing.T) {
	dir := folder(t, map[string]string{"bomb.json.gz": zipped(t, logFile(event("e", "2026-01-31T12:00:00Z", "r"))+strings.Repeat(" ", 1<<20))})
	records, s := readAll(t, Options{MaxFile: 1 << 20}, dir)
	if len(records) != 0 || len(s.Refused) != 1 || s.Refused[0].Reason != "more than 1048576 bytes decompressed, the limit" {
		t.Errorf("%d records, refused %v", len(records), s.Refused)
	}
	if records, _ = readAll(t, Options{}, dir); len(records) != 1 {
		t.Errorf("%d records below the limit", len(records))
	}
}

func TestMissingPathIsAnError(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open([]string{dir, filepath.Join(dir, "absent")}, Options{}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("error %v", err)
	}
}

func TestFileThatGoesAwayIsRefused(t *testing.T) {
	dir := folder(t, map[string]string{"a.json": logFile(), "b.json": logFile(event("e", "2026-01-31T12:00:00Z", "r"))})
	r, err := Open([]string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "a.json")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.Records(context.Background()) {
		n++
	}
	if s := r.Summary(); n != 1 || len(s.Refused) != 1 || s.Refused[0].Reason != "no such file or directory" {
		t.Errorf("%d records, refused %v", n, s.Refused)
	}
}

func TestReadingStopsWithItsContext(t *testing.T) {
	dir := folder(t, map[string]string{"a.json": logFile(event("e", "2026-01-31T12:00:00Z", "r"))})
	r, err := Open([]string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range r.Records(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
}

func TestDeliveredTwiceIsGivenTwice(t *testing.T) {
	e := event("e", "2026-01-31T12:00:00Z", "r")
	records, _ := readAll(t, Options{}, folder(t, map[string]string{"a.json": logFile(e, e), "b.json": logFile(e)}))
	if len(records) != 3 {
		t.Errorf("%d records", len(records))
	}
}

func FuzzFile(f *testing.F) {
	good := event("e", "2026-01-31T12:00:00Z", "r")
	for _, s := range []string{
		logFile(good), logFile(good, good), logFile(), `{"Records":[{"eventID":"e","eventTime":"0001-01-01T00:00:00+23:59"}]}`, `{"digestStartTime":"2026-01-31T12:00:00Z"}`,
		digestOf("a", "2026-01-31T12:00:00Z", "2026-01-31T13:00:00Z", nil, nil), `{"Records":null}`, `{"Records":[null]}`, "[]", "\"", `{"Records":[{}],"Records":[]}`, "\ufeff{}",
		zipped(f, logFile(good)), zipped(f, logFile(good))[:40], `{"\u0052ecords":[]}`, `{"Records":[{"eventID":"e","eventTime":"2026-01-31T12:00:00Z","userIdentity":[]}]}`,
		strings.Repeat(`{"a":`, 10001),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		content, err := decompress(bytes.NewReader(b), 1<<20)
		if err != nil {
			return
		}
		p, err := parse(content)
		if err != nil {
			if json.Valid(content) && strings.Contains(err.Error(), "malformed JSON") {
				t.Fatalf("valid JSON is called malformed: %v", err)
			}
			return
		}
		if !json.Valid(content) {
			t.Fatal("malformed JSON was taken")
		}
		// What is taken is what encoding/json finds.
		var want struct{ Records []json.RawMessage }
		var root map[string]json.RawMessage
		if p.kind != kindLog || json.Unmarshal(content, &root) != nil {
			return
		}
		if err := json.Unmarshal(root["Records"], &want.Records); err != nil {
			t.Fatal(err)
		}
		if !slices.EqualFunc(want.Records, p.records, func(raw json.RawMessage, r Record) bool {
			var compact bytes.Buffer
			var id struct {
				ID string `json:"eventID"`
			}
			return json.Compact(&compact, raw) == nil && bytes.Equal(compact.Bytes(), r.Raw) && json.Unmarshal(raw, &id) == nil && id.ID == r.EventID
		}) {
			t.Fatalf("records of %q differ", content)
		}
	})
}

// BenchmarkRecords reads compressed files of 1,000 records; the aim is 40,000 records/s.
func BenchmarkRecords(b *testing.B) {
	files := map[string]string{}
	const n, each = 40, 1000
	for i := range n {
		events := make([]string, each)
		for j := range events {
			events[j] = strings.Replace(event(fmt.Sprintf("%08d-%04d-4000-8000-000000000000", i, j), "2026-01-31T12:00:00Z", "us-east-2"), `"bucketName":"b"`,
				`"bucketName":"`+strings.Repeat(fmt.Sprint(j), 200)+`"`, 1)
		}
		files[fmt.Sprintf("%d.json.gz", i)] = zipped(b, logFile(events...))
	}
	dir := folder(b, files)
	b.ReportAllocs()
	for b.Loop() {
		records, s := readAll(b, Options{}, dir)
		if len(records) != n*each {
			b.Fatalf("%d records, refused %v", len(records), s.Refused)
		}
	}
	b.ReportMetric(float64(n*each)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
