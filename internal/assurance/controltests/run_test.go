package controltests_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	ct "scaf.dev/scaf/internal/assurance/controltests"
)

const census = `id: CHG-1
title: Changes are reviewed
criteria: [CC8.1]
owner: engineering lead
frequency: multi_daily
tests:
  - id: reviewed
    kind: census
    title: Every change is reviewed
    population: {from: items, id: item.id, at: item.occurred_at}
    pass: size(item.reviewers) > 0
`

// fataler is what a test and a property have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func load(t fataler, text string) *controls.Control {
	t.Helper()
	c, err := controls.Parse("control.yaml", []byte(text), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func run(t testing.TB, control, items string, opt ct.Options) (*ct.Result, error) {
	t.Helper()
	c := load(t, control)
	return runOne(context.Background(), c, c.Tests[0], ct.NewFile("items.jsonl", strings.NewReader(items)), opt)
}

// runOne runs one test over a population of its own.
func runOne(ctx context.Context, c *controls.Control, test *controls.Test, source ct.Source, opt ct.Options) (*ct.Result, error) {
	all, err := ct.Run(ctx, source, ct.Subject{Control: c, Test: test, Options: opt})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

var update = flag.Bool("update", false, "write what is found into testdata")

// One file in testdata/try is one run: what goes in, and exactly what comes
// out. The options are the lines of "options": from, to, timezone.
func TestRun(t *testing.T) {
	names, err := filepath.Glob("testdata/try/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string]string{}
			for _, f := range archive.Files {
				files[f.Name] = string(f.Data)
			}
			got := try(t, files)
			if want := files["want"]; got != want {
				if *update {
					for i, f := range archive.Files {
						if f.Name == "want" {
							archive.Files[i].Data = []byte(got)
						}
					}
					if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
						t.Fatal(err)
					}
					return
				}
				t.Errorf("result differs (-want +got):\n%s", cmp.Diff(want, got))
			}
		})
	}
}

func try(t *testing.T, files map[string]string) string {
	t.Helper()
	var opt ct.Options
	if text, ok := files["notes.json"]; ok {
		notes, err := ct.ParseNotes("notes.json", []byte(text))
		if err != nil {
			return err.Error() + "\n"
		}
		opt.Notes = notes
	}
	if text, ok := files["options"]; ok {
		var from, to, zone string
		if _, err := fmt.Sscan(text, &from, &to, &zone); err != nil {
			t.Fatal(err)
		}
		var err error
		if opt.Zone, err = time.LoadLocation(zone); err != nil {
			t.Fatal(err)
		}
		if opt.Period, err = ct.ParsePeriod(from, to, opt.Zone); err != nil {
			t.Fatal(err)
		}
	}
	r, err := run(t, files["control.yaml"], files["items.jsonl"], opt)
	if err != nil {
		return err.Error() + "\n"
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, text, "", "  "); err != nil {
		t.Fatal(err)
	}
	return pretty.String() + "\n"
}

func TestResultIsTheJSONOfTheOrder(t *testing.T) {
	items := `{"id":"a","occurred_at":"2026-01-05T00:00:00Z","reviewers":[{}]}` + "\n"
	r, err := run(t, census, items, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"control":"CHG-1","test":"reviewed","population":{"count":1,"sha256":"%x"},"passed":1,"deviations":[],"open":[],"rate":0,"markers":[],"conclusion":"effective","needs_judgment":false,"because":["1 item tested: 1 passed, 0 deviations.","No deviation: effective."]}`,
		sha256.Sum256([]byte(items)))
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAPopulationThatCannotBeUsed(t *testing.T) {
	good := `{"id":"a","occurred_at":"2026-01-05T00:00:00Z","reviewers":[]}` + "\n"
	for name, c := range map[string]struct{ items, want string }{
		"malformed":             {good + `{"id":`, `items.jsonl:2: not valid JSON: unexpected EOF after byte 6`},
		"malformed, not read":   {good + `{"id":"b","occurred_at":"2026-01-05T00:00:00Z","reviewers":[],"x":nul}`, `items.jsonl:2: not valid JSON: invalid character '}' in literal null (expecting 'l') after byte 69`},
		"blank lines count":     {good + "\n  \n[]", `items.jsonl:4: not a JSON object but a list`},
		"no id":                 {good + `{"occurred_at":"2026-01-05T00:00:00Z"}`, `items.jsonl:2: no id (item.id): no such key: id`},
		"no time":               {good + `{"id":"b"}`, `items.jsonl:2: item "b": no time (item.occurred_at): missing`},
		"bad time":              {good + `{"id":"b","occurred_at":"Monday"}`, `items.jsonl:2: item "b": no time (item.occurred_at): "Monday" is not an RFC 3339 time such as 2026-01-31T09:30:00Z`},
		"duplicate id":          {good + "\n" + good, `items.jsonl:3: the id "a" is already on line 1`},
		"duplicate, number":     {`{"id":7,"occurred_at":"2026-01-05T00:00:00Z"}` + "\n" + `{"id":"7","occurred_at":"2026-01-05T00:00:00Z"}`, `items.jsonl:2: the id "7" is already on line 1`},
		"the first error first": {good + "[]\n" + `{"id":`, `items.jsonl:2: not a JSON object but a list`},
		"too long":              {good + `{"id":"` + strings.Repeat("x", ct.MaxItemSize) + `"}` + "\n" + good, `items.jsonl:2: an item of more than 1048576 bytes`},
		"too long, blank":       {good + strings.Repeat(" ", 3*ct.MaxItemSize) + "\n[]", `items.jsonl:2: an item of more than 1048576 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := run(t, census, c.items, ct.Options{})
			var input *ct.InputError
			if !errors.As(err, &input) || err.Error() != c.want {
				t.Errorf("Run = %v, %v\nwant %s", r, err, c.want)
			}
		})
	}
}

func TestALongLineAndAByteOrderMarkAreRead(t *testing.T) {
	items := "\xef\xbb\xbf" + `{"id":"a","occurred_at":"2026-01-05T00:00:00Z","reviewers":[1],"text":"` + strings.Repeat("x", 600<<10) + `"}` + "\r\n" +
		`{"id":"b","occurred_at":"2026-01-05T00:00:00Z","reviewers":[1],"text":"` + strings.Repeat("y", 500<<10) + `"}`
	r, err := run(t, census, items, ct.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Passed != 2 || r.Population.SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(items))) {
		t.Errorf("passed %d, sha256 %s", r.Passed, r.Population.SHA256)
	}
}

// many is n items of which every tenth fails, one a minute.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		reviewers := "[1]"
		if i%10 == 0 {
			reviewers = "[]"
		}
		fmt.Fprintf(&b, `{"id":"i%d","occurred_at":%q,"reviewers":%s}`+"\n", i, day(float64(i)/1440).Format(time.RFC3339), reviewers)
	}
	return b.String()
}

func TestTheResultDoesNotDependOnTheNumberOfWorkers(t *testing.T) {
	items := many(5000)
	var first []byte
	for _, workers := range []int{1, 2, 7} {
		r, err := run(t, census, items, ct.Options{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = text
			if len(r.Deviations) != 500 || r.Deviations[1].Item != "i10" || r.Deviations[499].Item != "i4990" {
				t.Fatalf("%d deviations, not in file order", len(r.Deviations))
			}
		}
		if !bytes.Equal(text, first) {
			t.Errorf("with %d workers the result differs", workers)
		}
	}
}

// records is a source that is not a file.
type records struct {
	items []string
	err   error // after the items
}

func (r records) Name() string   { return "" }
func (r records) SHA256() string { return "of the bank" }
func (r records) Items() iter.Seq2[ct.Item, error] {
	return func(yield func(ct.Item, error) bool) {
		var buffer []byte // reused, as the contract allows
		for i, text := range r.items {
			buffer = append(buffer[:0], text...)
			if !yield(ct.Item{Line: i + 1, JSON: buffer}, nil) {
				return
			}
		}
		if r.err != nil {
			yield(ct.Item{}, r.err)
		}
	}
}

func TestAnotherSourceThanAFile(t *testing.T) {
	c := load(t, census)
	lines := strings.Split(strings.TrimSpace(many(600)), "\n")
	r, err := runOne(context.Background(), c, c.Tests[0], records{items: lines}, ct.Options{UniqueIDs: true})
	if err != nil || r.Population != (ct.Population{Count: 600, SHA256: "of the bank"}) || len(r.Deviations) != 60 {
		t.Fatalf("Run = %+v, %v", r, err)
	}
	broken := errors.New("the disk is gone")
	if _, err := runOne(context.Background(), c, c.Tests[0], records{lines, broken}, ct.Options{}); !errors.Is(err, broken) {
		t.Errorf("the source's error is lost: %v", err)
	}
	_, err = runOne(context.Background(), c, c.Tests[0], records{items: append(lines, lines[3])}, ct.Options{})
	if want := `record 601: the id "i3" is already that of record 4`; err == nil || err.Error() != want {
		t.Errorf("Run says %v, want %s", err, want)
	}
}

func TestACancelledRunStops(t *testing.T) {
	c := load(t, census)
	ctx, cancel := context.WithCancel(context.Background())
	endless := func(yield func(ct.Item, error) bool) {
		for i := 1; yield(ct.Item{Line: i, JSON: fmt.Appendf(nil, `{"id":%d,"occurred_at":"2026-01-05T00:00:00Z","reviewers":[]}`, i)}, nil); i++ {
			if i == 3000 {
				cancel()
			}
		}
	}
	if _, err := runOne(ctx, c, c.Tests[0], endlessSource(endless), ct.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v, want context.Canceled", err)
	}
}

type endlessSource iter.Seq2[ct.Item, error]

func (s endlessSource) Name() string                     { return "" }
func (s endlessSource) SHA256() string                   { return "" }
func (s endlessSource) Items() iter.Seq2[ct.Item, error] { return iter.Seq2[ct.Item, error](s) }

func TestParsePeriod(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to, want string }{
		{"2026-01-01", "2026-07-01", "2025-12-31T23:00:00Z to 2026-06-30T22:00:00Z"},
		{"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z to 2026-01-01T00:00:00Z"},
		{"2026-01-01", "2026-01-01", "error: the period ends (2026-01-01) before it begins (2026-01-01), or is empty"},
		{"2026-02-01", "2026-01-01", "error: the period ends (2026-01-01) before it begins (2026-02-01), or is empty"},
		{"", "2026-01-01", `error: from: "" is no date such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z`},
		{"2026-01-01", "2026-1-2", `error: to: "2026-1-2" is no date such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z`},
	} {
		p, err := ct.ParsePeriod(c.from, c.to, berlin)
		got := fmt.Sprint(p)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("ParsePeriod(%q, %q): %s\nwant %s", c.from, c.to, got, c.want)
		}
	}
}

func TestParseNotesIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		`{"items":{"a":{"cause":"c","person":null}},"design_level":true,"recorded_query":"q","compensating":{"a":"r"}}`: "",
		`{}`:                             "",
		"{\n\"desing\":true}":            `n.json:2: unknown name /desing; a notes file has items (of cause, person, subsystem, incident, design_level), design_level, recorded_query, compensating`,
		`{"items":{"a":{"why":1}}}`:      `n.json:1: unknown name /items/a/why; a notes file has items (of cause, person, subsystem, incident, design_level), design_level, recorded_query, compensating`,
		"{\n\n\"design_level\":\"yes\"}": `n.json:3: /design_level must be true or false`,
		`{"items":{"a":{"cause":7}}}`:    `n.json:1: /items/a/cause must be a string`,
		`{"items":[]}`:                   `n.json:1: /items must be an object`,
		`[]`:                             `n.json:1: a notes file must be an object`,
		"{\n\"items\":{}":                `n.json:2: not valid JSON: unexpected EOF`,
		`{"items":{},"items":{}}`:        `n.json:1: not valid JSON: duplicate object member name`,
		``:                               `n.json:1: not valid JSON: unexpected EOF`,
		`{} x`:                           `n.json:1: not valid JSON: invalid character 'x' after top-level value`,
	} {
		_, err := ct.ParseNotes("n.json", []byte(text))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("ParseNotes(%s)\nsays %s\nwant %s", text, got, want)
		}
	}
}

func FuzzItems(f *testing.F) {
	c := load(f, census)
	f.Add([]byte(many(3)))
	f.Add([]byte("\xef\xbb\xbf\n\n{}\r\n[]"))
	f.Add([]byte(`{"id":"a","occurred_at":"2026-01-05T00:00:00Z","reviewers":7}`))
	f.Add([]byte(`{"id":1,"occurred_at":"2026-01-05T00:00:00+14:00","reviewers":{}}` + "\n" + `{"id":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := runOne(context.Background(), c, c.Tests[0], ct.NewFile("f", bytes.NewReader(data)), ct.Options{Workers: 1})
		if err != nil {
			var input *ct.InputError
			if !errors.As(err, &input) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("Run says %q", err)
			}
			return
		}
		if r.Population.SHA256 != fmt.Sprintf("%x", sha256.Sum256(data)) {
			t.Fatal("the hash is not that of the bytes")
		}
		if r.Population.Count != r.Passed+len(r.Deviations)+len(r.Open) {
			t.Fatalf("%d items, but %d passed, %d deviate, %d are open", r.Population.Count, r.Passed, len(r.Deviations), len(r.Open))
		}
	})
}

func FuzzParseNotes(f *testing.F) {
	f.Add([]byte(`{"items":{"a":{"cause":"c"}},"design_level":true,"recorded_query":"q","compensating":{"a":"r"}}`))
	f.Add([]byte("{\n\"x\":1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := ct.ParseNotes("n", data); err != nil && strings.Contains(err.Error(), "\n") {
			t.Fatalf("error of more than one line: %q", err)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	const n = 100_000
	var text bytes.Buffer
	for i := range n {
		fmt.Fprintf(&text, `{"id":"1f0c4d0e2f8f4c5a9d3b7e6a5c4b3a29%08d","title":"Fix the parser so that a trailing comma is refused with its line number","author":{"name":"Ada Example","email":"ada@example.com"},"committer":{"name":"Bo Example","email":"bo@example.com"},"reviewers":[{"name":"Cy Example","email":"cy@example.com"},{"name":"Di Example","email":"di@example.com"}],"authored_at":"2026-03-01T10:11:12Z","merged_at":"2026-03-02T10:11:12Z","merge":false,"repository":"git@example.com:scaf/scaf.git"}`+"\n", i)
	}
	for _, bench := range []struct{ name, from, pass string }{
		{"file", "{from: items, at: item.merged_at}", "size(item.reviewers) > 0"},
		{"changes", "{from: changes}", "item.reviewers.exists(r, r.email != item.author.email)"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			control := strings.Replace(strings.Replace(census, "{from: items, id: item.id, at: item.occurred_at}", bench.from, 1), "size(item.reviewers) > 0", bench.pass, 1)
			c := load(b, control)
			b.ReportAllocs()
			for b.Loop() {
				r, err := runOne(context.Background(), c, c.Tests[0], ct.NewFile("f", bytes.NewReader(text.Bytes())), ct.Options{})
				if err != nil || r.Passed != n {
					b.Fatal(r, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
		})
	}
}
