package tabular_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// berlin has an hour twice in autumn, and misses one in spring.
var berlin = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return zone
}()

// put writes records behind the registers' rules, as other importers may.
var kinds = record.Kinds{people.Register, people.JobChanges, changes.Register, sheets}

func put(t rapid.TB, l *ledgertest.Ledger, kind *record.Kind, docs ...any) {
	t.Helper()
	_, err := l.Do(context.Background(), ledgertest.Operator, "test", kind.Register, func(tx *act.Tx) error {
		var list []record.Change
		for _, doc := range docs {
			list = append(list, record.Change{Verb: "imported", ID: kind.Identify(doc), Doc: doc})
		}
		_, err := record.Put(tx, kind, list...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// export is the register as a file.
func export(t rapid.TB, l *ledgertest.Ledger, kind *record.Kind, format string) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	w, err := tabular.NewWriter(&b, kind, format, berlin)
	if err != nil {
		return nil, err
	}
	if err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		return record.Each(r, record.Range{Kind: kind.Name}, w.Write)
	}); err != nil {
		w.Abort()
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// preview says what an import of the file would do; the differences as text.
func preview(t rapid.TB, l *ledgertest.Ledger, kind *record.Kind, format string, file []byte) (*record.Previewed, []string) {
	t.Helper()
	var table *tabular.Table
	var err error
	if format == tabular.CSV {
		table, err = tabular.Open("file", bytes.NewReader(file), kind, tabular.Options{Zone: berlin})
	} else {
		table, err = tabular.OpenXLSX("file", bytes.NewReader(file), int64(len(file)), "", kind, tabular.Options{Zone: berlin})
	}
	if err != nil {
		t.Fatalf("%v in %q", err, file)
	}
	var lines []string
	done, err := record.Intake{Kind: kind}.Preview(context.Background(), l.DB, l.Clock.Now(), table.Items(), func(p record.Preview) error {
		if p.Outcome == record.Unchanged {
			return nil
		}
		line := fmt.Sprintf("%s %s %s %s", p.Where, p.Outcome, p.Ref, p.Wrong)
		for _, f := range p.Fields {
			line += fmt.Sprintf("%s: %s -> %s;", f.Field, f.Old, f.New)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if done.Read != table.Rows || done.Read != done.New+done.Changed+done.Unchanged+done.Refused {
		t.Fatalf("of %d rows: %+v", table.Rows, done)
	}
	return done, lines
}

// text is any text that XML can hold, often one that a spreadsheet would take
// for something else.
func text(forXML bool) *rapid.Generator[string] {
	odd := rapid.SampledFrom([]string{"=1+1", "+1", "-1", "@a", "'", "''=x", "'a", "\t", "\r", "\n", "\r\n", " ", "\"", ",", "a", "é", "😀", "_x0041_", "_x005F_", "&<>", "\u00a0", "\ufeff", "true", "46204", "2026-01-01", "null", "{}", "]]>"})
	pieces := rapid.Map(rapid.SliceOfN(odd, 0, 5), func(list []string) string { return strings.Join(list, "") })
	return rapid.OneOf(pieces, rapid.String()).Filter(func(s string) bool {
		return !forXML || strings.IndexFunc(s, func(r rune) bool {
			return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
		}) < 0
	})
}

// sheet has what a cell holds in a way of its own.
type sheet struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	Mood    string      `json:"mood,omitempty"`
	Count   int64       `json:"count"`
	Share   float64     `json:"share"`
	Lines   []string    `json:"lines"`
	Open    bool        `json:"open"`
	At      *time.Time  `json:"at,omitempty"`
	Day     *time.Time  `json:"day,omitempty"`
	Quarter *time.Time  `json:"quarter,omitempty"`
	Parts   *sheetParts `json:"parts,omitempty"`
	Sum     string      `json:"sum,omitempty"`
}

type sheetParts struct {
	Low  int    `json:"low"`
	Name string `json:"name"`
}

var sheets = record.Define[sheet](record.Definition{
	Kind: "sheet", Register: "sheets", Title: "Sheets", Singular: "Sheet",
	Fields: []record.Field{
		{Name: "id", Label: "Number"},
		{Name: "sum", Label: "Sum", Unseen: true},
		{Name: "title", Label: "What it is"},
		{Name: "mood", Label: "Mood of it", Choices: []string{"good", "bad"}},
		{Name: "count", Label: "How many"}, {Name: "share", Label: "Share"},
		{Name: "lines", Label: "What it says"},
		{Name: "open", Label: "Open"},
		{Name: "at", Label: "Held"}, {Name: "day", Label: "Review due", Day: true}, {Name: "quarter", Label: "Day", LastDay: true},
		{Name: "parts", Label: "Parts"},
	},
})

var quarter = time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)

// An export that is imported again changes nothing, whatever the texts are.
func TestAnImportOfAnExportChangesNothing(t *testing.T) {
	for _, format := range []string{tabular.CSV, tabular.XLSX} {
		t.Run(format, func(t *testing.T) {
			l := ledgertest.New(t, storetest.SQLite(t), kinds...)
			anyText := text(format == tabular.XLSX)
			moment := rapid.Custom(func(rt *rapid.T) *time.Time {
				at := time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(rt, "at")).In(time.FixedZone("", rapid.SampledFrom([]int{0, 3600, -19800}).Draw(rt, "zone")))
				return rapid.SampledFrom([]*time.Time{nil, &at}).Draw(rt, "none")
			})
			someone := rapid.Custom(func(rt *rapid.T) changes.Person {
				return changes.Person{Name: anyText.Draw(rt, "name"), Email: anyText.Draw(rt, "email")}
			})
			drawn, count := 0, int64(0)
			rapid.Check(t, func(rt *rapid.T) {
				drawn++
				id := fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"E", "=", "@", "-", "'", "'="}).Draw(rt, "prefix"), drawn)
				name := anyText.Filter(func(s string) bool { return strings.TrimSpace(s) != "" && len(s) <= 400 })
				person := &people.Person{
					ID: id, Name: name.Draw(rt, "name"), Title: anyText.Filter(func(s string) bool { return len(s) <= 400 }).Draw(rt, "title"),
					Employment: people.Employee, State: people.Active, JoinedAt: moment.Draw(rt, "joined"),
				}
				at := time.UnixMicro(int64(drawn)).UTC()
				change := &changes.Change{
					ID: id, Title: name.Draw(rt, "change"), Author: changes.Person{Name: "A" + anyText.Draw(rt, "author")}, Committer: someone.Draw(rt, "committer"),
					Reviewers: append([]changes.Person{}, rapid.SliceOfN(someone, 0, 2).Draw(rt, "reviewers")...), MergedAt: &at, Merge: rapid.Bool().Draw(rt, "merge"),
					Asserted: rapid.Bool().Draw(rt, "asserted"), State: changes.Merged, Note: anyText.Draw(rt, "note"),
				}
				whole := rapid.Int64Range(-1<<53, 1<<53).Draw(rt, "whole")
				sheet := &sheet{
					ID: id, Title: name.Draw(rt, "sheet"), Mood: rapid.SampledFrom([]string{"", "good", "bad"}).Draw(rt, "mood"), Count: whole, Share: rapid.Float64().Draw(rt, "share"),
					Lines: append([]string{}, rapid.SliceOfN(anyText, 0, 3).Draw(rt, "lines")...), Open: rapid.Bool().Draw(rt, "open"), At: moment.Draw(rt, "moment"),
					Quarter: rapid.SampledFrom([]*time.Time{nil, &quarter}).Draw(rt, "quarter"), Parts: &sheetParts{Low: int(whole % 100), Name: anyText.Draw(rt, "part")},
				}
				put(rt, l, people.Register, person)
				put(rt, l, changes.Register, change)
				put(rt, l, sheets, sheet)
				count++
			})
			for _, kind := range []*record.Kind{people.Register, changes.Register, sheets} {
				file, err := export(t, l, kind, format)
				if err != nil {
					t.Fatal(err)
				}
				done, different := preview(t, l, kind, format, file)
				if done.Unchanged != count || done.Read != count {
					t.Errorf("%s: %+v\n%s", kind.Register, done, strings.Join(different[:min(len(different), 10)], "\n"))
				}
				if format == tabular.CSV {
					noFormula(t, file)
				}
			}
		})
	}
}

// noFormula holds every cell of a CSV file against what begins a formula.
func noFormula(t *testing.T, file []byte) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	must(t, err)
	for _, row := range rows {
		for _, cell := range row {
			if first, _ := utf8.DecodeRuneInString(cell); cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", first) {
				t.Errorf("the cell %q begins a formula", cell)
			}
		}
	}
}

func TestWhatAnExportLooksLike(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	put(t, l, changes.Register, &changes.Change{ID: "c1", Title: "=HYPERLINK(1)", Note: "＝1+1", Author: changes.Person{Name: "Ada", Email: "@ada"}, Reviewers: []changes.Person{{Name: "Ben"}}, MergedAt: &at, Merge: true, State: changes.Merged})

	file, err := export(t, l, changes.Register, tabular.CSV)
	must(t, err)
	want := "id,asserted,author.name,author.email,authored_at,committer.name,committer.email,deployed_at,merge,merged_at,note,repository,reviewers,state,ticket,title,exported_version\n" +
		`c1,false,Ada,'@ada,,,,,true,2026-01-02T03:04:05.000006Z,'＝1+1,,"[{""name"":""Ben""}]",merged,,'=HYPERLINK(1),1` + "\n"
	if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Error(diff)
	}
	file, err = export(t, l, changes.Register, tabular.JSONL)
	must(t, err)
	want = `{"asserted":false,"author":{"email":"@ada","name":"Ada"},"committer":{},"id":"c1","merge":true,"merged_at":"2026-01-02T03:04:05.000006Z","note":"＝1+1","reviewers":[{"name":"Ben"}],"state":"merged","title":"=HYPERLINK(1)"}` + "\n"
	if diff := cmp.Diff(want, string(file)); diff != "" {
		t.Error(diff)
	}
}

// A sheet is for people: each value as what it is, under the label that they know.
func TestWhatASheetLooksLike(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	winter, night := time.Date(2026, 1, 2, 2, 4, 5, 678901000, time.UTC), time.Date(2026, 6, 30, 22, 0, 0, 0, time.UTC)
	abroad := winter.In(time.FixedZone("", 3600))
	twice, old := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC), time.Date(1890, 1, 1, 0, 0, 0, 0, time.UTC)
	put(t, l, sheets,
		&sheet{ID: "1", Title: "=HYPERLINK(1)", Mood: "good", Count: 12, Share: 0.5, Lines: []string{"one; two", "three"}, Open: true, At: &winter, Day: &night, Quarter: &quarter, Parts: &sheetParts{Low: 1, Name: "x"}, Sum: "ab"},
		&sheet{ID: "2", Title: "=1", Count: 1 << 53, Lines: []string{"one; two"}, At: &twice, Day: &abroad},
		&sheet{ID: "3", Title: "x", Lines: []string{}, At: &old},
	)
	file, err := export(t, l, sheets, tabular.XLSX)
	must(t, err)
	f, err := excelize.OpenReader(bytes.NewReader(file))
	must(t, err)
	defer func() { _ = f.Close() }()
	shown, err := f.GetRows("sheets")
	must(t, err)
	// "Day" is the name of another field: the quarter's heading is its own name.
	if diff := cmp.Diff([][]string{
		{"Number", "What it is", "Mood of it", "How many", "Share", "What it says", "Open", "Held", "Review due", "quarter", "Parts", "Sum", "Exported version"},
		{"1", "=HYPERLINK(1)", "good", "12", "0.5", "one; two\nthree", "TRUE", "2026-01-02 03:04", "2026-07-01", "2026-03-31", `{"low":1,"name":"x"}`, "ab", "1"},
		{"2", "=1", "", "9007199254740992", "0", `["one; two"]`, "FALSE", "2026-10-25T00:30:00Z", "2026-01-02T03:04:05.678901+01:00", "", "", "", "1"},
		{"3", "x", "", "0", "0", "", "FALSE", "1890-01-01T00:00:00Z", "", "", "", "", "1"},
	}, shown); diff != "" {
		t.Error(diff)
	}
	for cell, want := range map[string]excelize.CellType{"B2": excelize.CellTypeInlineString, "D2": excelize.CellTypeUnset, "G2": excelize.CellTypeBool, "H2": excelize.CellTypeUnset} {
		kind, err := f.GetCellType("sheets", cell)
		must(t, err)
		formula, err := f.GetCellFormula("sheets", cell)
		must(t, err)
		if kind != want || formula != "" {
			t.Errorf("%s has the type %v, and the formula %q", cell, kind, formula)
		}
	}
	rules, err := f.GetDataValidations("sheets")
	must(t, err)
	if len(rules) != 1 || rules[0].Sqref != "C2:C1000" || rules[0].Formula1 != `"good,bad"` {
		t.Errorf("the choices are %+v", rules)
	}
	panes, err := f.GetPanes("sheets")
	must(t, err)
	number, err := f.GetCellStyle("sheets", "B1")
	must(t, err)
	style, err := f.GetStyle(number)
	must(t, err)
	width, err := f.GetColWidth("sheets", "B")
	must(t, err)
	if !panes.Freeze || panes.YSplit != 1 || style.Font == nil || !style.Font.Bold || width < 20 {
		t.Errorf("the header: %+v %+v, and %v wide", panes, style.Font, width)
	}
	done, different := preview(t, l, sheets, tabular.XLSX, file)
	if done.Unchanged != 3 {
		t.Errorf("%+v %v", done, different)
	}
}

// A character that no XML has, in a record of before it was refused, takes nobody the
// table of all of them.
func TestACharacterThatXLSXDoesNotHoldIsReplaced(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	at := time.Unix(0, 0)
	put(t, l, changes.Register, &changes.Change{ID: "c1", Title: "a\x00b\x1f\uffff\tü", Author: changes.Person{Name: "a"}, MergedAt: &at, State: changes.Merged})
	file, err := export(t, l, changes.Register, tabular.XLSX)
	must(t, err)
	f, err := excelize.OpenReader(bytes.NewReader(file))
	must(t, err)
	rows, err := f.GetRows("changes")
	must(t, err)
	if !slices.Contains(rows[1], "a\ufffdb\ufffd\ufffd\tü") {
		t.Errorf("the row is %q", rows[1])
	}
}

func TestWhatACellCannotHoldIsRefused(t *testing.T) {
	for name, tc := range map[string]struct{ note, want string }{
		"too long": {strings.Repeat("é", 32_768), "change/c1: note has more than 32767 characters, which a cell of XLSX does not hold: export as csv or jsonl"},
	} {
		t.Run(name, func(t *testing.T) {
			l := ledgertest.New(t, storetest.SQLite(t), kinds...)
			at := time.Unix(0, 0)
			if len(tc.note) > 60_000 {
				tc.note = strings.Repeat("x", 32_768)
			}
			put(t, l, changes.Register, &changes.Change{ID: "c1", Title: "t", Author: changes.Person{Name: "a"}, MergedAt: &at, State: changes.Merged, Note: tc.note})
			if _, err := export(t, l, changes.Register, tabular.XLSX); err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			if _, err := export(t, l, changes.Register, tabular.CSV); err != nil {
				t.Errorf("as CSV: %v", err)
			}
		})
	}
	if _, err := tabular.NewWriter(&bytes.Buffer{}, people.Register, "ods", berlin); err == nil || err.Error() != `the format "ods" is not known: csv, xlsx or jsonl` {
		t.Error(err)
	}
}

func TestAPreviewSaysWhatAnImportWouldDo(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		take(t, l, "id,name,title,joined_at\nE1,Ada,Engineer,2026-01-01\nE2,Ben,,2026-01-02\nE3,Cyd,,\n", false)
		file := "id,name,title,state,left_at\nE1,Ada,,on_leave,\nE1,Ada,,on_leave,\nE2,Ben,,,\nE3,Cyd,,left,\nE4,Dee,,,\nE4,Dee,,,\nE5,,,,\n"
		done, lines := preview(t, l, people.Register, tabular.CSV, []byte(file))
		want := []string{
			`file:2 changed person/E1 state: "active" -> "on_leave";`,
			`file:5 refused person/E3 left_at: is missing: somebody who has left did so at a time`,
			`file:6 new person/E4 employment:  -> "employee";name:  -> "Dee";state:  -> "active";`,
			`file:8 refused person/E5 name: is missing`,
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Error(diff)
		}
		if *done != (record.Previewed{Read: 7, New: 1, Changed: 1, Unchanged: 3, Refused: 2}) {
			t.Errorf("%+v", done)
		}
		// It wrote nothing, and the import does just that.
		if got := len(l.Population(t, "person")); got != 3 {
			t.Errorf("%d people", got)
		}
		summary := take(t, l, file, true)
		if summary.Taken != done.New || summary.Updated != done.Changed || summary.Skipped != done.Unchanged || summary.Refused != done.Refused {
			t.Errorf("previewed %+v, done %+v", done, summary)
		}
	})
}

// A table that was exported leaves alone what was changed since and in it was not. What
// both changed is refused, field by field, and a version that is none as well.
func TestAnOldExportUndoesNothing(t *testing.T) {
	edit := strings.NewReplacer("Ada", "Adele", "Clerk", "Head", "Cook", "Chef")
	for _, format := range []string{tabular.CSV, tabular.XLSX} {
		ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			take(t, l, "id,name,title,joined_at\nE1,Ada,Engineer,2026-01-01\nE2,Ben,Clerk,2026-01-02\nE3,Cyd,Cook,\n", false)
			file, err := export(t, l, people.Register, format)
			must(err)
			take(t, l, "id,name,title\nE1,Ada,Lead\nE2,Ben,Lead\n", true)
			if format == tabular.XLSX {
				book, err := excelize.OpenReader(bytes.NewReader(file))
				must(err)
				rows, err := book.GetRows("people")
				must(err)
				for line, row := range rows {
					for i, text := range row {
						at, err := excelize.CoordinatesToCellName(i+1, line+1)
						must(err)
						if edited := edit.Replace(text); edited != text {
							must(book.SetCellStr("people", at, edited))
						}
					}
				}
				var b bytes.Buffer
				must(book.Write(&b))
				file = b.Bytes()
			} else {
				file = []byte(edit.Replace(string(file)))
			}
			_, lines := preview(t, l, people.Register, format, file)
			want := []string{
				`changed person/E1 name: "Ada" -> "Adele";`,
				`changed person/E3 title: "Cook" -> "Chef";`,
				`refused person/E2 title: was changed since version 1, which the table is of: leave it out, or put it into a table of version 2`,
			}
			for i := range lines {
				_, lines[i], _ = strings.Cut(lines[i], " ")
			}
			slices.Sort(lines)
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Error(diff)
			}
			open := func() *tabular.Table {
				table, err := tabular.Open("file", bytes.NewReader(file), people.Register, tabular.Options{Zone: berlin})
				if format == tabular.XLSX {
					table, err = tabular.OpenXLSX("file", bytes.NewReader(file), int64(len(file)), "", people.Register, tabular.Options{Zone: berlin})
				}
				must(err)
				return table
			}
			for round, updated := range []int64{2, 0} { // the second time there is nothing left to do
				done, err := record.Intake{Door: l.Door, Caller: ledgertest.Operator, Kind: people.Register, Action: "test", Update: true}.Run(t.Context(), open().Items())
				if err != nil || done.Updated != updated || done.Refused != 1 || done.Read != 3 {
					t.Errorf("round %d: %+v %v", round, done, err)
				}
			}
			if got := strings.Join(l.Population(t, "person"), ""); !strings.Contains(got, `"name":"Adele","state":"active","title":"Lead"`) || !strings.Contains(got, `"name":"Ben","state":"active","title":"Lead"`) {
				t.Errorf("there is %s", got)
			}
			_, lines = preview(t, l, people.Register, tabular.CSV, []byte("id,name,exported_version\nE1,Eve,7\nE2,Eve,x\nE3,Eve,\n"))
			for i, want := range []string{"person/E1 has no version 7 yet: the table is of another register", `exported_version: "x" is no version: leave the column as it was exported`, `changed person/E3 name: "Cyd" -> "Eve"`} {
				if len(lines) != 3 || !strings.Contains(lines[i], want) {
					t.Fatalf("previewed %q, want %s", lines, want)
				}
			}
		})
	}
}

func TestAnImportCannotChangeWhereARecordCameFrom(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	at := time.Unix(0, 0)
	put(t, l, changes.Register, &changes.Change{ID: "c1", Title: "t", Author: changes.Person{Name: "a"}, MergedAt: &at, State: changes.Merged, Asserted: true})
	_, lines := preview(t, l, changes.Register, tabular.CSV, []byte("id,title,author.name,merged_at,asserted\nc1,t,a,1970-01-01,false\n"))
	if diff := cmp.Diff([]string{`file:2 refused change/c1 asserted: cannot be changed: it says where the record came from`}, lines); diff != "" {
		t.Error(diff)
	}
}
