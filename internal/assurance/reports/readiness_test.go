package reports_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/width"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/assurance/versions/versionstest"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var update = flag.Bool("update", false, "write the golden files")

var kinds = record.Kinds{changes.Register, periods.Register, populations.Register, results.Register, versions.Register, versions.Assessments, judgments.Deviations, judgments.Conclusions}

// hostile are texts that no report may take at their word.
var hostile = []string{
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	`</title></style><link rel=stylesheet href=https://evil.example/x.css>`,
	`javascript:alert(1) {{.}} <!-- ]]> &amp; &#0;`,
}

// control makes a control with the given tests: id and predicate each.
func control(t testing.TB, id, title string, tests ...string) *controls.Control {
	t.Helper()
	quoted, err := json.Marshal(title)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("id: %s\ntitle: %s\nowner: engineering lead\nfrequency: multi_daily\ncriteria: [CC8.1, CC5.2]\ntests:\n", id, quoted)
	for i := 0; i < len(tests); i += 2 {
		text += fmt.Sprintf("  - id: %s\n    kind: census\n    title: %s\n    population: {from: changes, where: item.repository == \"%s\"}\n    pass: %s\n", tests[i], quoted, tests[i], tests[i+1])
	}
	loaded, err := controls.Parse(id+".yaml", []byte(text), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

// setting is a ledger in which controls of every conclusion have been tested.
type setting struct {
	*ledgertest.Ledger
	period   *periods.Period
	controls []*controls.Control
	files    *results.Files
}

func newSetting(t testing.TB, url string) *setting {
	t.Helper()
	l := ledgertest.New(t, url, kinds...)
	s := &setting{Ledger: l}
	ctx := context.Background()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var list []record.Change
	add := func(repository, title string, n int, asserted bool) {
		for range n {
			at := from.Add(time.Duration(len(list)) * time.Hour)
			c := changes.Change{
				ID: fmt.Sprintf("c%03d", len(list)), Title: title, Repository: repository, MergedAt: &at,
				Reviewers: []changes.Person{}, Asserted: asserted, State: changes.Merged,
			}
			list = append(list, record.Change{Verb: "added", ID: c.ID, Doc: c})
		}
	}
	add("good", "ok", 12, false)
	add("isolated", "ok", 40, false)
	add("isolated", "bad", 1, false)
	add("systematic", "bad", 12, false)
	add("few", "bad", 1, false)
	add("asserted", "ok", 12, true)
	if _, err := l.Do(ctx, ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
		_, err := record.Put(tx, changes.Register, list...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := record.Complete(ctx, l.Door, ledgertest.Operator, "import.git", "git", record.Completed{
		Source: "git", Register: "changes", Complete: true, Query: "test", Summary: &record.Summary{},
	}); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.period, err = periods.OpenPeriod(ctx, l.Door, ledgertest.Operator, periods.Period{Name: "Q1", From: from, To: ledgertest.Begin, Timezone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	if s.period, err = periods.Close(ctx, l.Door, ledgertest.Operator, "Q1"); err != nil {
		t.Fatal(err)
	}
	const ok = `item.title != "bad"`
	s.controls = []*controls.Control{
		control(t, "C-01", "All is well", "good", ok),
		control(t, "C-02", "One of forty is not", "isolated", ok),
		control(t, "C-03", "Nothing is well", "systematic", ok),
		control(t, "C-04", "Too few for a rate", "few", ok),
		control(t, "C-05", "Only asserted", "asserted", `size(item.reviewers) == 0`),
		control(t, "C-06", "Nothing occurred", "nothing", ok),
		control(t, "C-07", "As bad as the worst", "good", ok, "systematic", ok),
		control(t, "C-08", hostile[0]+" "+hostile[1], "good", ok),
		control(t, "C-09", "Changed since", "good", ok),
		control(t, "C-10", "Never tested", "good", ok),
		control(t, "C-11", "Nobody approved it", "good", ok),
		control(t, "C-12", "Nobody assessed its design", "good", ok),
		control(t, "C-13", "Its design does not work", "good", ok),
		control(t, "C-14", "Changed in the period", "good", ok, "isolated", ok),
		control(t, "C-15", "A person has to conclude", "few", ok),
	}
	blobs, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	lab := &results.Lab{DB: l.DB, Door: l.Door, Kinds: kinds, Blobs: blobs, Clock: l.Clock, Engine: "scaf test"}
	s.files = &results.Files{Blobs: blobs, Kinds: app.Kinds}
	versionstest.InForce(t, l.Door, blobs, s.controls[:9]...)
	versionstest.InForce(t, l.Door, blobs, s.controls[14])
	desk := &versions.Desk{Door: l.Door, Blobs: blobs}
	change := from.Add(30 * time.Hour) // within the changes of the repository "isolated"
	l.Clock.Set(change.Add(-time.Hour))
	if _, _, err := desk.Adopt(ctx, versionstest.Approver, s.controls[11:14], nil); err != nil {
		t.Fatal(err)
	}
	versionstest.Assess(t, desk, "C-13", controltests.Ineffective)
	versionstest.Assess(t, desk, "C-14", controltests.Effective)
	s.controls[13] = control(t, "C-14", "Changed in the period, to this", "isolated", ok)
	proposed, err := desk.Propose(ctx, versionstest.Assessor, s.controls[13], change)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Approve(ctx, versionstest.Approver, "C-14", proposed.ID); err != nil {
		t.Fatal(err)
	}
	versionstest.Assess(t, desk, "C-14", controltests.Effective)
	l.Clock.Set(ledgertest.Begin)
	for _, c := range slices.Delete(slices.Clone(s.controls), 9, 10) {
		parts, err := lab.Plan(ctx, c, s.period)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range parts {
			for _, test := range part.Control.Tests {
				outcome, err := lab.Perform(ctx, ledgertest.Operator, results.Task{Control: part.Control, Test: test, Period: *s.period, Part: &part.Part})
				if err != nil {
					t.Fatal(err)
				}
				if c.ID != "C-15" {
					continue
				}
				if _, err := lab.Conclude(ctx, versionstest.Assessor, outcome.Result.ID, judgments.Conclusion{Role: judgments.Management, Conclusion: controltests.Ineffective, Reason: hostile[0]}); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	s.controls[8] = control(t, "C-09", "Changed since it was tested", "good", ok)
	return s
}

func (s *setting) build(t testing.TB, organization string, period *periods.Period) *reports.Readiness {
	t.Helper()
	var report *reports.Readiness
	if err := s.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		q := reports.Question{Organization: organization, Controls: s.controls, Kinds: kinds, Zone: time.UTC, At: s.Clock.Now(), Horizon: 7 * 24 * time.Hour, Files: s.files}
		if period != nil {
			q.Period = period.Name
		} else {
			q.At = q.At.Add(-time.Microsecond) // before anything was recorded
		}
		q.Since = q.At.AddDate(0, 0, -1)
		report, err = reports.Build(context.Background(), q, r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return report
}

// stable replaces what differs from run to run.
func stable(r *reports.Readiness) *reports.Readiness {
	r.Ledger.Root, r.Day.Before.Root = strings.Repeat("0", 64), strings.Repeat("0", 64)
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); run the test with -update and read the difference:\n%s", name, diff)
	}
}

func TestReadiness(t *testing.T) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			s := newSetting(t, url)
			report := stable(s.build(t, "Example Corp", s.period))
			want := map[string]controltests.Conclusion{
				"C-01": controltests.Effective, "C-02": controltests.EffectiveWithExceptions, "C-03": controltests.Ineffective,
				"C-04": controltests.EffectiveWithExceptions, "C-05": controltests.Incomplete, "C-06": controltests.NotOccurring,
				"C-07": controltests.Ineffective, "C-08": controltests.Effective, "C-09": controltests.Effective, "C-10": controltests.NotTested,
				"C-11": controltests.Incomplete, "C-12": controltests.Incomplete, "C-13": controltests.Ineffective,
				"C-14": controltests.EffectiveWithExceptions, "C-15": controltests.EffectiveWithExceptions,
			}
			counts := map[controltests.Conclusion]int{}
			for _, c := range report.Controls {
				counts[c.Conclusion]++
				if c.Conclusion != want[c.ID] {
					t.Errorf("%s is %s, want %s", c.ID, c.Conclusion, want[c.ID])
				}
				for _, test := range c.Tests {
					if (test.Conclusion == controltests.Effective) != (len(test.Because) == 0) {
						t.Errorf("%s %s is %s because %q: everything that is not effective needs a reason, nothing else has one", c.ID, test.ID, test.Conclusion, test.Because)
					}
				}
			}
			if len(report.Conclusions) != 6 {
				t.Errorf("conclusions: %+v", report.Conclusions)
			}
			for _, c := range report.Conclusions {
				if c.Controls != counts[c.Conclusion] {
					t.Errorf("%d are said to be %s, %d are", c.Controls, c.Conclusion, counts[c.Conclusion])
				}
			}
			// What is approved is tested, and that another file is in use is said.
			if notices := report.Controls[8].Notices; len(notices) != 1 || !strings.Contains(notices[0], "The file in use is not the approved version C-09.1") {
				t.Errorf("a changed control: %q", notices)
			}
			for id, says := range map[string]string{"C-11": "Nobody has approved the control file", "C-12": "Nobody has assessed the design", "C-13": "The design was assessed as ineffective"} {
				if because := find(report, id).Tests[0].Because; !slices.ContainsFunc(because, func(s string) bool { return strings.Contains(s, says) }) {
					t.Errorf("%s: %q, want %q", id, because, says)
				}
			}
			// Each version over its own dates, with its own tests.
			changed := find(report, "C-14")
			var parts []string
			for _, test := range changed.Tests {
				parts = append(parts, fmt.Sprint(test.Part, test.ID, test.Result.Count, test.Result.Version, test.Conclusion))
			}
			if want := []string{"0good12C-14.1effective", "0isolated18C-14.1effective", "1isolated23C-14.2effective_with_exceptions"}; !slices.Equal(parts, want) {
				t.Errorf("parts %q, want %q", parts, want)
			}
			if p := changed.Parts; len(p) != 2 || !p[0].To.Equal(p[1].From) || p[0].Version != "C-14.1" || p[0].Conclusion != controltests.Effective || p[1].ApprovedBy != versionstest.Approver.ID {
				t.Errorf("parts: %+v", changed.Parts)
			}
			if c := find(report, "C-15"); c.Conclusion != controltests.EffectiveWithExceptions || len(c.Tests[0].Concluded) != 1 || c.Tests[0].Concluded[0].Conclusion != controltests.Ineffective {
				t.Errorf("a person's conclusion stands beside the computed one: %+v", c)
			}
			if because := report.Controls[9].Tests[0].Because; len(because) != 1 || !strings.Contains(because[0], "It has not been performed in this period: test it.") {
				t.Errorf("a control that was never tested: %q", because)
			}
			var text, page bytes.Buffer
			body, err := json.MarshalIndent(report, "", "  ")
			if err = errors.Join(err, report.Text(&text), report.HTML(&page)); err != nil {
				t.Fatal(err)
			}
			// The same bytes from both databases.
			golden(t, "readiness.json", append(body, '\n'))
			golden(t, "readiness.txt", text.Bytes())
			narrow(t, text.String())
			harmless(t, page.Bytes())
			s.Verify(t, kinds)
		})
	}
}

func find(r *reports.Readiness, id string) *reports.Control {
	i := slices.IndexFunc(r.Controls, func(c reports.Control) bool { return c.ID == id })
	return &r.Controls[i]
}

func TestBeforeAnyPeriodNothingIsTested(t *testing.T) {
	s := newSetting(t, storetest.SQLite(t))
	report := s.build(t, "Example Corp", nil)
	for _, c := range report.Controls {
		if c.Conclusion != controltests.NotTested {
			t.Errorf("%s is %s", c.ID, c.Conclusion)
		}
	}
	var text, page bytes.Buffer
	if err := errors.Join(report.Text(&text), report.HTML(&page)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "No period is open: scaf period open NAME --from D --to D\n") || !strings.Contains(page.String(), "No period is open yet") {
		t.Errorf("it is not said that no period is open:\n%s", text.String())
	}
	harmless(t, page.Bytes())
	s.controls = nil
	body, err := json.Marshal(s.build(t, "Example Corp", nil))
	if err != nil || !bytes.Contains(body, []byte(`"period":null`)) || !bytes.Contains(body, []byte(`"controls":[]`)) {
		t.Errorf("%s, %v", body, err)
	}
}

// narrow checks that a text fits a terminal.
func narrow(t interface{ Errorf(string, ...any) }, text string) {
	for i, line := range strings.Split(text, "\n") {
		columns := 0
		for _, r := range line {
			switch kind := width.LookupRune(r).Kind(); {
			case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
				t.Errorf("line %d has the character %U", i+1, r)
			case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
			case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
				columns += 2
			default:
				columns++
			}
		}
		if columns > 80 {
			t.Errorf("line %d has %d columns: %s", i+1, columns, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("line %d ends with a space: %q", i+1, line)
		}
	}
}

// harmless checks that a page is well formed, runs nothing and loads nothing.
func harmless(t interface {
	Errorf(string, ...any)
	Fatalf(string, ...any)
}, page []byte) {
	elements := []string{"html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "strong", "code", "ul", "li", "span", "main", "section", "article", "div", "h3", "a", "details", "summary"}
	attributes := []string{"lang", "charset", "name", "content", "class", "aria-label", "id", "href"}
	decoder := xml.NewDecoder(bytes.NewReader(page))
	decoder.Strict, decoder.AutoClose, decoder.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var open []string
	for {
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page cannot be read: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if !slices.Contains(elements, token.Name.Local) {
				t.Errorf("the page has an element %s", token.Name.Local)
			}
			for _, attribute := range token.Attr {
				if !slices.Contains(attributes, attribute.Name.Local) {
					t.Errorf("the page has an attribute %s=%q", attribute.Name.Local, attribute.Value)
				}
				if attribute.Name.Local == "href" && !strings.HasPrefix(attribute.Value, "#") {
					t.Errorf("the page leads to %q", attribute.Value)
				}
			}
			if token.Name.Local != "meta" {
				open = append(open, token.Name.Local)
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != token.Name.Local {
				t.Fatalf("</%s> closes %v", token.Name.Local, open)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == "style" && (bytes.Contains(token, []byte("url(")) || bytes.Contains(token, []byte("@import"))) {
				t.Errorf("the style loads something")
			}
		case xml.Comment:
			t.Errorf("a comment: %s", token)
		}
	}
	if len(open) > 0 {
		t.Errorf("%v are never closed", open)
	}
}

// TestReportsOfHostileTexts builds reports around texts that break out, and
// around texts that are too wide or move the cursor.
func TestReportsOfHostileTexts(t *testing.T) {
	texts := rapid.OneOf(
		rapid.SampledFrom(hostile),
		rapid.SampledFrom([]string{
			strings.Repeat("x", 300), strings.Repeat("漢", 100), strings.Repeat("e\u0301", 120), "\x1b[2J\x1b[31mred\x07", "\u202eevil", "a\r\nb\tc\x00", "日本 語テスト " + strings.Repeat("カ", 70),
			"", " ", "no\u00a0break " + strings.Repeat("word ", 40), "\xff\xfe",
		}),
		rapid.String(),
	)
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string { return texts.Draw(rt, label) }
		result := results.Result{ID: "RES-1", Population: "POP-1", Count: 1, NeedsJudgment: true, Because: []string{text("because")}}
		report := reports.Readiness{
			Organization: text("organization"), Period: &periods.Period{Name: "Q1", State: periods.Open, Timezone: "UTC"},
			Ledger: reports.Ledger{Origin: text("origin"), Root: strings.Repeat("0", 64)},
			Controls: []reports.Control{{
				ID: "C-1", Title: text("title"), Owner: text("owner"), Criteria: []string{"CC8.1", text("criterion")}, Conclusion: controltests.Ineffective,
				Parts: []reports.Part{{Version: text("version"), ApprovedBy: text("approver"), SHA256: text("hash"), Assessment: text("assessment")}}, Notices: []string{text("notice")},
				Tests: []reports.Test{
					{ID: text("id"), Title: text("test"), Conclusion: controltests.Ineffective, Result: &result, Because: result.Because, Concluded: []judgments.Conclusion{{ID: "CON-1", ConcludedBy: text("who"), Reason: text("why"), Role: judgments.Management}}},
					{ID: "two", Title: text("test"), Conclusion: controltests.NotTested, Because: []string{text("because"), text("because")}},
				},
			}},
		}
		pending := []*reports.Pending{{Item: text("item"), Title: text("title"), Owner: text("owner"), Tests: []string{text("test")}}}
		report.Day = &reports.Day{
			Changes:    []reports.Change{{Control: text("id"), Test: text("id"), To: controltests.Incomplete, Result: text("id"), Because: []string{text("because")}}},
			Deviations: []reports.NewDeviation{{Control: text("id"), Test: text("id"), Item: text("item"), Reason: controltests.Late, Result: text("id")}},
			Turned:     []reports.Turned{{Occurrence: text("item"), Title: text("title"), State: text("state"), Responsible: text("owner")}},
			Late:       pending, Coming: pending, Duties: []reports.DutyCount{{State: text("state"), Count: 2}},
		}
		var plain, page bytes.Buffer
		if err := errors.Join(report.Text(&plain), report.HTML(&page)); err != nil {
			rt.Fatal(err)
		}
		narrow(rt, plain.String())
		harmless(rt, page.Bytes())
		for _, breaking := range []string{"<script", "<img", "<link", "</title></style>"} {
			if bytes.Contains(page.Bytes(), []byte(breaking)) {
				rt.Errorf("%s came through", breaking)
			}
		}
	})
}

// A control whose register is still to come reads not_tested and says which
// one is missing, even where the ledger has a result of an earlier file.
func TestAControlThatWaitsForItsRegisterIsNotTested(t *testing.T) {
	file := `id: %s
title: Spoons are owned
owner: security lead
frequency: ad_hoc
criteria: [CC3.2]
tests:
  - id: good
    kind: census
    title: Each spoon has an owner
    population: {from: spoons, id: item.id, at: item.at, fields: {id: string, at: timestamp, owner: string}}
    pass: has(item.owner)
`
	s := newSetting(t, storetest.SQLite(t))
	id := s.controls[10].ID // which has been tested, with another file
	waiting, err := controls.Parse("c.yaml", fmt.Appendf(nil, file, id), controls.Builtin(app.Kinds))
	if err != nil {
		t.Fatal(err)
	}
	err = s.DB.Read(context.Background(), func(r *store.Reader) error {
		report, err := reports.Build(context.Background(), reports.Question{Organization: "Example", Controls: []*controls.Control{waiting}, Kinds: kinds, Zone: time.UTC, At: s.Clock.Now(), Since: s.Clock.Now(), Period: s.period.Name, Files: s.files}, r)
		if err != nil {
			return err
		}
		got := report.Controls[0]
		if got.Conclusion != controltests.NotTested || got.Tests[0].Result != nil ||
			!slices.Equal(got.Tests[0].Because, []string{"The register spoons is not there yet."}) {
			t.Errorf("the report says %+v", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
