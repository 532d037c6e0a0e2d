package evidence_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// The control has a test over records, one over events, one over the daily
// checks, and one whose items the database does not have in order.
const controlFile = `id: C-1
title: What is tested
owner: test
frequency: daily
criteria: [CC8.1]
tests:
  - id: titled
    kind: census
    title: Changes have a good title
    population: {from: changes}
    pass: item.title != "bad"
  - id: merges
    kind: census
    title: Changes by another instant and a filter
    population: {from: changes, at: item.authored_at, where: item.title != "skip"}
    pass: size(item.reviewers) > 0
  - id: reported
    kind: census
    title: Events from outside succeed
    population: {from: events, where: item.type.startsWith("test.")}
    pass: item.outcome != "failure"
  - id: checked
    kind: occurrence
    title: The ledger is verified every day
    population: {from: log_checks}
    due: item.due_at
    done: item.done_at
    pass: item.ok
`

// world is a folder in which a period was tested.
type world struct {
	*apptest.Folder
	t       testing.TB
	control *controls.Control
	period  periods.Period
}

func newWorld(t testing.TB, c config.Config) *world {
	t.Helper()
	w := &world{Folder: apptest.New(t, c), t: t}
	var err error
	if w.control, err = controls.Parse("C-1.yaml", []byte(controlFile), controls.Builtin(app.Kinds)); err != nil {
		t.Fatal(err)
	}
	versionstest.InForce(t, w.Door, w.Blobs, w.control)
	from := apptest.Begin.AddDate(0, 0, -3).Truncate(24 * time.Hour)
	opened, err := periods.OpenPeriod(context.Background(), w.Door, apptest.Operator, periods.Period{Name: "P", From: from, To: from.AddDate(0, 0, 5), Timezone: "Europe/Berlin"})
	if err != nil {
		t.Fatal(err)
	}
	w.period = *opened
	return w
}

// add records n changes, and then a second version of some of them.
func (w *world) add(n int) {
	w.t.Helper()
	one := func(i int) changes.Change {
		at := w.period.From.Add(time.Duration(i*7%(5*24)) * time.Hour)
		return changes.Change{
			ID: fmt.Sprintf("c%03d", i), Title: []string{"good", "bad", "skip", "fine <&>", "grün"}[i%5], Author: changes.Person{Name: "Ann"},
			Reviewers: []changes.Person{}, AuthoredAt: &at, MergedAt: &at, State: changes.Merged,
		}
	}
	var list, second []record.Change
	for i := range n {
		c := one(i)
		list = append(list, record.Change{Verb: "added", ID: c.ID, Doc: c})
		if i%3 == 0 {
			c.Reviewers = append(c.Reviewers, changes.Person{Name: "Ben"})
			second = append(second, record.Change{Verb: "changed", ID: c.ID, Doc: c, Expect: 1})
		}
	}
	for _, batch := range [][]record.Change{list, second} {
		if _, err := w.Door.Do(context.Background(), apptest.Operator, "test", "test", func(tx *act.Tx) error {
			_, err := record.Put(tx, changes.Register, batch...)
			return err
		}); err != nil {
			w.t.Fatal(err)
		}
	}
	var events [][]byte
	for i := range n {
		outcome := []string{"success", "failure"}[i/9%2]
		events = append(events, []byte(fmt.Sprintf(`{"specversion":"1.0","id":"e%d","source":"test","type":"test.done","outcome":%q,"time":%q}`, i, outcome, w.period.From.Add(time.Duration(i)*time.Hour).Format(time.RFC3339))))
	}
	w.Append(w.t, events...)
}

// test performs every test of the control, and states a cause of the first one's
// deviations, which somebody else confirms.
func (w *world) test() {
	w.t.Helper()
	for i, one := range w.control.Tests {
		task := results.Task{Control: w.control, Test: one, Period: w.period}
		outcome, err := w.Lab().Perform(context.Background(), apptest.Operator, task)
		if err != nil {
			w.t.Fatal(err)
		}
		if i == 0 {
			w.judge(outcome.Result)
		}
	}
}

// judge states a cause and a compensation, confirms them, and concludes.
func (w *world) judge(r *results.Result) {
	w.t.Helper()
	ctx, lab, notes := context.Background(), w.Lab(), controltests.Notes{
		Items:        map[string]controltests.Note{"c001": {Cause: "human_error", Person: "Ann"}, "c006": {Cause: "capacity"}},
		Compensating: map[string]string{"c001": "read again later"},
	}
	stated, err := lab.StateNotes(ctx, apptest.Operator, r, notes)
	if err != nil {
		w.t.Fatal(err)
	}
	if stated > 0 {
		if _, err := lab.Confirm(ctx, versionstest.Assessor, r.ID+"/c001"); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := lab.Conclude(ctx, versionstest.Assessor, r.ID, judgments.Conclusion{Role: judgments.Management, Conclusion: controltests.Ineffective}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	w.Manual.Set(w.period.To)
	closed, err := periods.Close(context.Background(), w.Door, apptest.Operator, "P")
	if err != nil {
		w.t.Fatal(err)
	}
	w.period = *closed
}

// export writes the bundle and returns its bytes.
func (w *world) export() ([]byte, *evidence.Written) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "bundle")
	done, err := w.ExportEvidence(context.Background(), apptest.Operator, "P", path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	return data, done
}

// usual is a world with a closed period that was tested before and after.
func usual(t testing.TB, c config.Config) *world {
	w := newWorld(t, c)
	w.add(24)
	w.test()
	w.close()
	if _, err := w.Lab().Perform(context.Background(), apptest.Operator, results.Task{Control: w.control, Test: w.control.Tests[1], Period: w.period, BankOnly: true}); err != nil {
		t.Fatal(err)
	}
	w.test()
	return w
}

func check(key string) evidence.Verification {
	return evidence.Verification{VerifierKey: key, Kinds: app.Kinds}
}

func verify(bundle []byte, v evidence.Verification) (*evidence.Verified, error) {
	return v.Verify(context.Background(), bytes.NewReader(bundle), int64(len(bundle)))
}

// file is a file of an archive that a test writes.
type file struct {
	name string
	data []byte
}

// unpack reads the files of a bundle.
func unpack(t testing.TB, bundle []byte) []file {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	var files []file
	for _, f := range reader.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{f.Name, data})
	}
	return files
}

// pack writes files as a bundle's archive.
func pack(t testing.TB, files []file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		out, err := w.CreateRaw(&zip.FileHeader{
			Name: f.name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(f.data),
			ModifiedDate:     1<<5 | 1, //nolint:staticcheck // Modified adds an extra field
			CompressedSize64: uint64(len(f.data)), UncompressedSize64: uint64(len(f.data)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// find is the place of the first file whose name begins so.
func find(t testing.TB, files []file, prefix string) int {
	t.Helper()
	for i, f := range files {
		if strings.HasPrefix(f.name, prefix) {
			return i
		}
	}
	t.Fatalf("there is no %s", prefix)
	return -1
}

func manifestOf(t testing.TB, files []file) (m evidence.Manifest) {
	t.Helper()
	if err := json.Unmarshal(files[find(t, files, "manifest.json")].data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}
