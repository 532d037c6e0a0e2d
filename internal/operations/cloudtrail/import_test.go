package cloudtrail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/operations/cloudtrail"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

const account = "111122223333"

// event is a record of an hour of 2026-01-31.
func event(id string, hour int, more string) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::%s:user/ada"},"eventTime":"2026-01-31T%02d:30:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","eventID":%q,"recipientAccountId":%q%s}`,
		account, hour, id, account, more)
}

func logFile(records ...string) []byte {
	return []byte(`{"Records": [` + strings.Join(records, ", ") + `]}`)
}

func zipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func importer(t testing.TB, l *ledgertest.Ledger, paths ...string) cloudtrail.Import {
	t.Helper()
	blobs, err := blob.OpenFolder(filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	var head ledger.Head
	if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return cloudtrail.Import{Door: l.Door, Caller: ledgertest.Operator, Blobs: blobs, Parse: l.Parser.Parse, Size: head.Size, Paths: paths}
}

func run(t testing.TB, in cloudtrail.Import) (*record.Completed, cloudtrail.Details) {
	t.Helper()
	done, err := in.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if done.Read != done.Taken+done.Skipped+done.Refused {
		t.Errorf("the summary does not add up: %+v", done.Summary)
	}
	return done, done.Details.(cloudtrail.Details)
}

func TestRecordsBecomeEventsOnce(t *testing.T) {
	var many []string
	for i := range 1200 {
		many = append(many, event(fmt.Sprintf("m-%d", i), 10, ""))
	}
	dir := folder(t, map[string][]byte{
		"a.json":    logFile(event("e-1", 10, ""), event("e-2", 10, `,"errorCode":"AccessDenied"`), event("e-1", 10, "")),
		"b.json.gz": zipped(t, logFile(many...)),
		"c.txt":     []byte("?"),
	})
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		done, details := run(t, importer(t, l, dir))
		if done.Read != 1203 || done.Taken != 1202 || done.Skipped != 1 || !done.Complete || details.LogFiles != 2 || details.SkippedFiles != 1 {
			t.Errorf("%+v %+v %v", done.Summary, details, done.Gaps)
		}
		before := l.Events(t, "com.amazonaws.cloudtrail.*")
		again, _ := run(t, importer(t, l, dir))
		if again.Taken != 0 || again.Skipped != 1203 || !again.Complete {
			t.Errorf("again: %+v", again.Summary)
		}
		after := l.Events(t, "com.amazonaws.cloudtrail.*")
		if len(before) != 1202 || len(after) != len(before) || after[1].LeafHash != before[1].LeafHash {
			t.Errorf("%d events, then %d", len(before), len(after))
		}
		if e := after[1]; e.ID != "e-2" || e.Outcome != act.Denied || e.Actor != "arn:aws:iam::"+account+":user/ada" || e.RecordedBy != ledgertest.Operator.ID || !strings.Contains(string(e.Data), `"errorCode":"AccessDenied"`) {
			t.Errorf("%+v", e)
		}
		l.Verify(t, nil)
	})
}

func TestEachAccountGetsItsOwnEnd(t *testing.T) {
	other := strings.ReplaceAll(event("o-1", 12, ""), account, "444455556666")
	l := ledgertest.New(t, storetest.SQLite(t))
	done, details := run(t, importer(t, l, folder(t, map[string][]byte{
		"a.json": logFile(event("e-1", 9, ""), event("e-2", 10, ""), event("e-3", 11, ""), event("e-4", 12, "")), "b.json": logFile(other),
	})))
	if done.Complete || details.MissingHours != 3 || done.Scope != "" {
		t.Errorf("complete %v, %+v", done.Complete, details)
	}
	ends := l.Events(t, "scaf.import.completed.v1")
	if len(ends) != 2 {
		t.Fatalf("%d ends", len(ends))
	}
	for i, want := range []struct {
		scope    string
		taken    int64
		complete bool
	}{{account, 4, true}, {"444455556666", 1, false}} {
		var got record.Completed
		if err := json.Unmarshal(ends[i].Data, &got); err != nil {
			t.Fatal(err)
		}
		if got.Scope != want.scope || got.Taken != want.taken || got.Complete != want.complete || got.Register != "events" ||
			got.Since.Format("15:04") != "09:00" || got.Until.Format("15:04") != "13:00" {
			t.Errorf("got %s", ends[i].Data)
		}
		if !want.complete && !strings.Contains(got.Gaps[0], "3 hours of accounts and regions have no log file") {
			t.Errorf("gaps %q", got.Gaps)
		}
	}
}

func TestARecordThatIsTooLargeBecomesABlob(t *testing.T) {
	big := event("big", 10, `,"requestParameters":{"text":"`+strings.Repeat("x", 70_000)+`"},"errorCode":"Client.UnauthorizedOperation"`)
	fits := event("fits", 10, `,"requestParameters":{"text":"`+strings.Repeat("y", 64_000)+`"}`)
	twice := event("twice", 10, `,"requestParameters":{"a":1,"a":2},"half":"\ud800"`) // JSON, but not strict
	dir := folder(t, map[string][]byte{"a.json": logFile(big, fits, twice)})
	l := ledgertest.New(t, storetest.SQLite(t))
	in := importer(t, l, dir)
	done, details := run(t, in)
	if done.Taken != 3 || details.Blobs != 2 {
		t.Fatalf("%+v, %d blobs", done.Summary, details.Blobs)
	}
	in.Size = 3
	if again, details := run(t, in); again.Skipped != 3 || details.Blobs != 0 {
		t.Errorf("again: %+v", again.Summary)
	}
	for i, want := range map[int]string{0: big, 2: twice} {
		var data struct {
			Blob struct {
				SHA256 string `json:"sha256"`
				Size   int    `json:"size"`
			} `json:"blob"`
			EventName, ErrorCode string
			UserIdentity         struct{ Type string }
			Omitted              []string
		}
		e := l.Events(t, "com.amazonaws.*")[i]
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(want))
		if data.Blob.SHA256 != hex.EncodeToString(sum[:]) || data.Blob.Size != len(want) || data.EventName != "GetObject" || data.UserIdentity.Type != "IAMUser" || data.Omitted[0] != "requestParameters" {
			t.Errorf("%s", e.Data)
		}
		kept, err := in.Blobs.Open(context.Background(), data.Blob.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(kept)
		if err != nil || string(content) != want || kept.Close() != nil {
			t.Errorf("the blob holds %d bytes, %v", len(content), err)
		}
	}
	l.Verify(t, nil)
}

func TestWhatIsWrongIsRefusedAlone(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	run(t, importer(t, l, folder(t, map[string][]byte{"a.json": logFile(event("e-1", 10, ""), event("e-2", 10, ""))})))
	truncated := zipped(t, logFile(event("t-1", 10, "")))
	dir := folder(t, map[string][]byte{
		"b.json":    logFile(event("e-0", 10, ""), event("e-1", 10, `,"changed":1`), event("e-2", 10, ""), event("e-3", 10, "")),
		"c.json":    logFile(strings.ReplaceAll(event("future", 10, ""), "2026-01-31", "2036-01-31")),
		"d.json.gz": truncated[:len(truncated)-8],
		"e.json":    []byte(`{"Records": [{"eventID": }]}`),
	})
	done, details := run(t, importer(t, l, dir))
	if done.Read != 7 || done.Taken != 2 || done.Skipped != 1 || done.Refused != 4 || done.Complete || details.RefusedFiles != 2 {
		t.Errorf("%+v, %+v", done.Summary, details)
	}
	var reasons []string
	for _, r := range done.Reasons {
		reasons = append(reasons, strings.TrimPrefix(r.Where, dir+"/")+": "+r.Reason)
	}
	text := strings.Join(reasons, "\n")
	for _, want := range []string{
		"b.json: record 2: an event with the same id and source but other content", "c.json: record 1: time: 2036-01-31",
		"d.json.gz: truncated gzip", "e.json: record 1: malformed JSON",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	l.Verify(t, nil)
}

func TestDigestFilesThatDoNotFitMakeItIncomplete(t *testing.T) {
	name := account + "_CloudTrail_eu-west-1_20260131T1035Z_abcdefghijklmnop.json"
	digest := fmt.Sprintf(`{"awsAccountId":%q,"digestStartTime":"2026-01-31T10:00:00Z","digestEndTime":"2026-01-31T11:00:00Z","digestS3Bucket":"b","digestS3Object":"AWSLogs/%s_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260131T110000Z.json.gz","digestSignatureAlgorithm":"SHA256withRSA","previousDigestS3Object":null,"previousDigestHashValue":null,"logFiles":[{"s3Object":"AWSLogs/%s.gz","hashValue":%q,"hashAlgorithm":"SHA-256"}]}`,
		account, account, name, strings.Repeat("0", 64))
	l := ledgertest.New(t, storetest.SQLite(t))
	done, details := run(t, importer(t, l, folder(t, map[string][]byte{
		name: logFile(event("e-1", 10, "")), account + "_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260131T110000Z.json": []byte(digest),
	})))
	if done.Complete || details.Digests.Mismatching != 1 || details.Digests.Sound() || !strings.Contains(done.Gaps[0], "digest files do not fit") {
		t.Errorf("%+v %q", details.Digests, done.Gaps)
	}
}

func TestNothingToReadIsAnError(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	truncated := zipped(t, logFile(event("t-1", 10, "")))
	for name, tc := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"empty folder":   {nil, "holds no file"},
		"other files":    {map[string][]byte{"a.txt": nil}, "does not end in .json"},
		"truncated gzip": {map[string][]byte{"a.json.gz": truncated[:20]}, "a.json.gz: truncated gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := importer(t, l, folder(t, tc.files)).Run(context.Background())
			if !errors.Is(err, cloudtrail.ErrNothing) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	in := importer(t, l, filepath.Join(t.TempDir(), "missing"))
	if _, err := in.Run(context.Background()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	in.Caller = act.Caller{ID: "token/1"}
	if _, err := in.Run(context.Background()); !errors.Is(err, act.ErrDenied) {
		t.Errorf("without a role: %v", err)
	}
	if n := len(l.Events(t, "")); n != 1 {
		t.Errorf("%d events, want the denial only", n)
	}
}

func TestHalvesAreTheWhole(t *testing.T) {
	ledgers := []*ledgertest.Ledger{ledgertest.New(t, storetest.SQLite(t)), ledgertest.New(t, storetest.SQLite(t))}
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		var records []string
		for i, hour := range rapid.SliceOfN(rapid.IntRange(0, 23), 1, 6).Draw(rt, "hours") {
			records = append(records, event(fmt.Sprintf("r-%d-%d", round, i%5), hour%2, fmt.Sprintf(`,"n":%d`, i/5)))
		}
		at := rapid.IntRange(0, len(records)).Draw(rt, "at")
		dir := t.TempDir()
		for name, content := range map[string][]byte{"whole": logFile(records...), "1": logFile(records[:at]...), "2": logFile(records[at:]...)} {
			if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
				rt.Fatal(err)
			}
		}
		whole, _ := run(t, importer(t, ledgers[0], filepath.Join(dir, "whole")))
		one, _ := run(t, importer(t, ledgers[1], filepath.Join(dir, "1"), filepath.Join(dir, "2")))
		if whole.Taken != one.Taken || whole.Refused != one.Refused {
			rt.Fatalf("whole %+v, halves %+v", whole.Summary, one.Summary)
		}
	})
	a, b := ledgers[0].Events(t, "com.amazonaws.*"), ledgers[1].Events(t, "com.amazonaws.*")
	for i := range a {
		if a[i].ID != b[i].ID || !bytes.Equal(a[i].Data, b[i].Data) || a[i].Time != b[i].Time {
			t.Fatalf("event %d: %s and %s", i, a[i].Body, b[i].Body)
		}
	}
}

// BenchmarkImport takes 20,000 records a turn; the aim is 10,000
// events/s.
func BenchmarkImport(b *testing.B) {
	const n = 20_000
	files := map[string][]byte{}
	for file := range n / 100 {
		var records []string
		for i := range 100 {
			records = append(records, event(fmt.Sprintf("b-%d-%d", file, i), 10, `,"requestParameters":{"key":"`+strings.Repeat("k", 600)+`"}`))
		}
		files[fmt.Sprintf("%04d.json.gz", file)] = zipped(b, logFile(records...))
	}
	dir := folder(b, files)
	for name, database := range map[string]func(testing.TB) string{"sqlite": storetest.SQLite, "postgres": storetest.Postgres} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				in := importer(b, ledgertest.New(b, database(b)), dir)
				b.StartTimer()
				if done, _ := run(b, in); done.Taken != n {
					b.Fatalf("%+v", done.Summary)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
