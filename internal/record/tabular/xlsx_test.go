package tabular_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
)

// workbook makes an XLSX file of rows on the sheet Staff, and lets change work
// on it.
func workbook(t testing.TB, change func(*excelize.File), rows ...[]any) []byte {
	t.Helper()
	f := excelize.NewFile()
	defer func() { _ = f.Close() }()
	if err := f.SetSheetName("Sheet1", "Staff"); err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if err := f.SetSheetRow("Staff", fmt.Sprintf("A%d", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(f)
	}
	b, err := f.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// readXLSX is read for an XLSX file.
func readXLSX(t testing.TB, file []byte, sheet string, kind *record.Kind, o tabular.Options) ([]string, error) {
	t.Helper()
	table, err := tabular.OpenXLSX("file.xlsx", bytes.NewReader(file), int64(len(file)), sheet, kind, o)
	if err != nil {
		return nil, err
	}
	got := []string{}
	for item, err := range table.Items() {
		if err != nil {
			return nil, err
		}
		if item.Err != nil {
			got = append(got, item.Where+": "+item.Err.Error())
			continue
		}
		doc, err := json.Marshal(item.Doc)
		must(t, err)
		got = append(got, string(doc))
	}
	if int64(len(got)) != table.Rows {
		t.Fatalf("the first reading counted %d rows, the second %d", table.Rows, len(got))
	}
	return got, nil
}

func TestRowsOfASheetBecomeDocuments(t *testing.T) {
	const ada = `{"id":"E1","name":"Ada","employment":"employee","state":"active"}`
	header := []any{"id", "name", "joined_at"}
	style := func(f *excelize.File, cell string, s excelize.Style) {
		id, err := f.NewStyle(&s)
		must(t, err, f.SetCellStyle("Staff", cell, cell, id))
	}
	custom := func(code string) excelize.Style { return excelize.Style{CustomNumFmt: &code} }
	for name, tc := range map[string]struct {
		rows   [][]any
		change func(*excelize.File)
		kind   *record.Kind
		o      tabular.Options
		want   []string
	}{
		"plain":              {rows: [][]any{header, {"E1", "Ada"}}, want: []string{ada}},
		"spaces around":      {rows: [][]any{{" ID ", "Na-Me"}, {" E1", "Ada  "}}, want: []string{ada}},
		"rows without cells": {rows: [][]any{{}, header, {}, {"E1", "Ada"}, {nil, ""}}, want: []string{ada}},
		"text is no formula": {rows: [][]any{header, {"E1", "=1+1"}, {"E2", "'=1+1"}},
			want: []string{`{"id":"E1","name":"=1+1","employment":"employee","state":"active"}`, `{"id":"E2","name":"'=1+1","employment":"employee","state":"active"}`}},
		"numbers and truth": {
			rows: [][]any{{"id", "title", "author.name", "merged_at", "merge"}, {1001, 0.1, "Ada", "2026-01-02", true}}, kind: changes.Register,
			want: []string{`{"id":"1001","title":"0.1","author":{"name":"Ada"},"committer":{},"reviewers":[],"merged_at":"2026-01-02T00:00:00Z","merge":true,"asserted":false,"state":"merged"}`},
		},
		"dates of the spreadsheet": {
			rows: [][]any{header, {"E1", "Ada", 46204}, {"E2", "Ada", 46204.5}, {"E3", "Ada", "2026-07-01"}, {"E4", "Ada", 46204}, {"E5", "Ada", 46204.25}}, o: tabular.Options{Zone: berlin},
			change: func(f *excelize.File) {
				style(f, "C2", excelize.Style{NumFmt: 14})
				style(f, "C3", excelize.Style{NumFmt: 22})
				style(f, "C5", custom(`[$-407]d. mmmm yyyy;@`))
				style(f, "C6", custom(`"am "dd/mm/yy`))
			},
			want: []string{
				`{"id":"E1","name":"Ada","employment":"employee","state":"active","joined_at":"2026-06-30T22:00:00Z"}`,
				`{"id":"E2","name":"Ada","employment":"employee","state":"active","joined_at":"2026-07-01T10:00:00Z"}`,
				`{"id":"E3","name":"Ada","employment":"employee","state":"active","joined_at":"2026-06-30T22:00:00Z"}`,
				`{"id":"E4","name":"Ada","employment":"employee","state":"active","joined_at":"2026-06-30T22:00:00Z"}`,
				`{"id":"E5","name":"Ada","employment":"employee","state":"active","joined_at":"2026-07-01T04:00:00Z"}`,
			},
		},
		"of a moment nothing is lost but what 15 digits lose": {
			rows: [][]any{header, {"E1", "Ada", 46204.123456789}, {"E2", "Ada", 46204.3958333333}, {"E3", "Ada", 30000.0000000001}},
			change: func(f *excelize.File) {
				for _, cell := range []string{"C2", "C3", "C4"} {
					style(f, cell, excelize.Style{NumFmt: 22})
				}
			},
			want: []string{
				`{"id":"E1","name":"Ada","employment":"employee","state":"active","joined_at":"2026-07-01T02:57:46.666569Z"}`,
				`{"id":"E2","name":"Ada","employment":"employee","state":"active","joined_at":"2026-07-01T09:30:00Z"}`,
				`{"id":"E3","name":"Ada","employment":"employee","state":"active","joined_at":"1982-02-18T00:00:00.000008Z"}`,
			},
		},
		"dates from 1904": {
			rows: [][]any{header, {"E1", "Ada", 44742}},
			change: func(f *excelize.File) {
				yes := true
				must(t, f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}))
				style(f, "C2", excelize.Style{NumFmt: 14})
			},
			want: []string{`{"id":"E1","name":"Ada","employment":"employee","state":"active","joined_at":"2026-07-01T00:00:00Z"}`},
		},
		"a number where a date belongs, and the other way round": {
			rows: [][]any{header, {"E1", "Ada", 46204}, {"E2", 46204, nil}, {"E3", "Ada", 0.5}, {"E4", "Ada", "46204"}},
			change: func(f *excelize.File) {
				style(f, "B3", excelize.Style{NumFmt: 14})
				style(f, "C4", excelize.Style{NumFmt: 14})
			},
			want: []string{
				`file.xlsx:Staff:2: joined_at: the cell holds the number 46204: format it as a date, or write text like 2026-01-31`,
				`file.xlsx:Staff:3: name: the cell holds a date, and the field none: format the cell as text and write its value again`,
				`file.xlsx:Staff:4: joined_at: C4 holds 0.5, which is no date`,
				`file.xlsx:Staff:5: joined_at: "46204" is no date such as 2026-01-31, nor a time such as 2026-01-31T09:30:00Z`,
			},
		},
		"formulas and errors are refused with their row": {
			rows: [][]any{header, {"E1", "Ada"}, {"E2", "Ben"}, {"E3", "Cyd"}},
			change: func(f *excelize.File) {
				must(t, f.SetCellFormula("Staff", "B2", `=UPPER("ada")`), f.SetCellFormula("Staff", "F9", "=1"))
			},
			want: []string{
				`file.xlsx:Staff:2: name: B2 holds a formula, whose stored value is no evidence: put the value in its place`,
				`{"id":"E2","name":"Ben","employment":"employee","state":"active"}`,
				`{"id":"E3","name":"Cyd","employment":"employee","state":"active"}`,
				`file.xlsx:Staff:9: F9 has a value, and its column no name in the header`,
			},
		},
		"a formula in a column that is left out": {
			rows: [][]any{{"id", "name", "x"}, {"E1", "Ada"}}, o: tabular.Options{Ignored: []string{"x"}},
			change: func(f *excelize.File) { must(t, f.SetCellFormula("Staff", "C2", "=1")) },
			want:   []string{ada},
		},
		"an id twice": {rows: [][]any{header, {"E1", "Ada"}, {"E1", "Eve"}}, want: []string{ada, `file.xlsx:Staff:3: id: "E1" is in line 2 already, with other content`}},
		"pieces of text": {
			rows: [][]any{header, {"E1"}},
			change: func(f *excelize.File) {
				must(t, f.SetCellRichText("Staff", "B2", []excelize.RichTextRun{{Text: "A"}, {Text: "da", Font: &excelize.Font{Bold: true}}}))
			},
			want: []string{ada},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.kind == nil {
				tc.kind = people.Register
			}
			got, err := readXLSX(t, workbook(t, tc.change, tc.rows...), "", tc.kind, tc.o)
			must(t, err)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// replaced is the file with one part in the place of another, or without it.
func replaced(t testing.TB, file []byte, name string, content func(old string) io.Reader) []byte {
	t.Helper()
	from, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	must(t, err)
	var b bytes.Buffer
	to := zip.NewWriter(&b)
	for _, part := range from.File {
		r, err := part.Open()
		must(t, err)
		old, err := io.ReadAll(r)
		must(t, err)
		var now io.Reader = bytes.NewReader(old)
		if part.Name == name {
			if now = content(string(old)); now == nil {
				continue
			}
		}
		w, err := to.Create(part.Name)
		must(t, err)
		_, err = io.Copy(w, now)
		must(t, err)
	}
	must(t, to.Close())
	return b.Bytes()
}

const sheetPart = "xl/worksheets/sheet1.xml"

// sheetOf is a workbook with this XML within the sheet.
func sheetOf(t testing.TB, inner string) []byte {
	return withSheet(t, workbook(t, nil, []any{"id"}), inner)
}

func withSheet(t testing.TB, file []byte, inner string) []byte {
	return replaced(t, file, sheetPart, func(string) io.Reader {
		return strings.NewReader(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">` + inner + `</worksheet>`)
	})
}

// repeat is a long text that is not kept.
func repeat(head, text string, n int, tail string) io.Reader {
	readers := []io.Reader{strings.NewReader(head)}
	block := strings.Repeat(text, 4096)
	for range n / 4096 {
		readers = append(readers, strings.NewReader(block))
	}
	return io.MultiReader(append(readers, strings.NewReader(tail))...)
}

func TestASpreadsheetOfTheWrongFormIsRefusedWhole(t *testing.T) {
	good := workbook(t, nil, []any{"id", "name"}, []any{"E1", "Ada"})
	two := workbook(t, func(f *excelize.File) {
		_, err := f.NewSheet("Old")
		must(t, err)
	}, []any{"id", "name"}, []any{"E1", "Ada"})
	locked := func() []byte {
		f, err := excelize.OpenReader(bytes.NewReader(good))
		must(t, err)
		var b bytes.Buffer
		must(t, f.Write(&b, excelize.Options{Password: "secret"}))
		return b.Bytes()
	}()
	const cell = `<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c></row>`
	for name, tc := range map[string]struct {
		file  []byte
		sheet string
		want  string
	}{
		"empty":             {file: nil, want: "file.xlsx: the file is empty"},
		"CSV":               {file: []byte("id,name\nE1,Ada\n"), want: "file.xlsx: this is no XLSX file"},
		"encrypted":         {file: locked, want: "file.xlsx: the workbook is encrypted, or of the old format .xls: save it as .xlsx without a password"},
		"cut off":           {file: good[:len(good)/2], want: "file.xlsx: the XLSX file is cut off or damaged"},
		"no such sheet":     {file: good, sheet: "Stuff", want: `file.xlsx: there is no sheet "Stuff": the sheets are "Staff"`},
		"which sheet":       {file: two, want: `file.xlsx: say which sheet is meant: the file has "Staff", "Old", and none of them is called people`},
		"empty sheet":       {file: two, sheet: "Old", want: "file.xlsx:Old:1: the file is empty"},
		"unknown column":    {file: workbook(t, nil, []any{"id", "name", "Salary"}), want: `file.xlsx:Staff:1: the columns do not fit: no field of people is like the column "Salary": call it`},
		"column twice":      {file: workbook(t, nil, []any{}, []any{"id", "name", "name"}), want: `file.xlsx:Staff:2: the column "name" is there twice`},
		"formula as header": {file: workbook(t, func(f *excelize.File) { must(t, f.SetCellFormula("Staff", "B1", `="name"`)) }, []any{"id", "x"}), want: "file.xlsx:Staff:1: B1 holds a formula"},
		"merged header":     {file: workbook(t, func(f *excelize.File) { must(t, f.MergeCell("Staff", "B1", "C1")) }, []any{"id", "name"}, []any{"E1", "Ada"}), want: "file.xlsx:Staff:1: the cells B1:C1 are merged"},
		"merged cells":      {file: workbook(t, func(f *excelize.File) { must(t, f.MergeCell("Staff", "B2", "B3")) }, []any{"id", "name"}, []any{"E1", "Ada"}, []any{"E2"}), want: "file.xlsx:Staff:2: the cells B2:B3 are merged"},
		"no workbook":       {file: replaced(t, good, "xl/workbook.xml", func(string) io.Reader { return nil }), want: `file.xlsx: the XLSX file is damaged: it has no part "xl/workbook.xml"`},
		"no sheet":          {file: replaced(t, good, sheetPart, func(string) io.Reader { return nil }), want: `file.xlsx: the XLSX file is damaged: it has no part`},
		"half a sheet":      {file: replaced(t, good, sheetPart, func(old string) io.Reader { return strings.NewReader(old[:strings.Index(old, "</row>")+6]) }), want: "file.xlsx:Staff:1: the sheet is damaged: XML syntax error on line"},
		"rows backwards":    {file: sheetOf(t, cell+`<row r="1"/></sheetData>`), want: `file.xlsx:Staff:2: the sheet is damaged: a row numbered "1" where row 2`},
		"row too far":       {file: sheetOf(t, cell+`<row r="1048577"/></sheetData>`), want: `file.xlsx:Staff:2: the sheet is damaged: a row numbered "1048577"`},
		"cell twice":        {file: sheetOf(t, cell+`<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row></sheetData>`), want: `file.xlsx:Staff:2: the sheet is damaged: a cell named "A2"`},
		"cell elsewhere":    {file: sheetOf(t, cell+`<row r="2"><c r="A3"><v>1</v></c></row></sheetData>`), want: `file.xlsx:Staff:2: the sheet is damaged: a cell named "A3"`},
		"text not there":    {file: sheetOf(t, cell+`<row r="2"><c r="A2" t="s"><v>99</v></c></row></sheetData>`), want: `file.xlsx:Staff:2: the sheet is damaged: A2 refers to a text`},
		"one long text": {
			file: replaced(t, good, sheetPart, func(string) io.Reader {
				return repeat(`<worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>`, "x", 8<<20, `</t></is></c></row></sheetData></worksheet>`)
			}),
			want: "file.xlsx:Staff:1: xl/worksheets/sheet1.xml holds a text of more than 1 MiB",
		},
		"a bomb": {
			file: replaced(t, good, "xl/styles.xml", func(string) io.Reader { return repeat(`<styleSheet>`, "<x/>", 8<<20, `</styleSheet>`) }),
			want: "file.xlsx: xl/styles.xml has more than 16 MiB when it is unzipped",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readXLSX(t, tc.file, tc.sheet, people.Register, tabular.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func FuzzSheet(f *testing.F) {
	for _, seed := range []string{
		`<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id</t></is></c><c r="B1" t="str"><v>name</v></c></row><row><c><v>1</v></c><c t="inlineStr"><is><r><t>a</t></r></is></c></row></sheetData>`,
		`<sheetData><row><c t="s"><v>0</v></c></row><row r="7"><c t="e"><v>#N/A</v></c><c><f>1</f><v>1</v></c></row></sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells>`,
		`<sheetData><row><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>name</t></is></c><c t="inlineStr"><is><t>joined_at</t></is></c></row><row><c t="b"><v>1</v></c><c><v>2e3</v></c><c s="1"><v>46204</v></c></row></sheetData>`,
	} {
		f.Add(seed)
	}
	empty := workbook(f, nil, []any{"id"})
	f.Fuzz(func(t *testing.T, inner string) {
		file := withSheet(t, empty, inner)
		table, err := tabular.OpenXLSX("f.xlsx", bytes.NewReader(file), int64(len(file)), "", people.Register, tabular.Options{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		holdsItems(t, table)
	})
}

func FuzzWorkbook(f *testing.F) {
	f.Add(workbook(f, nil, []any{"id", "name"}, []any{"E1", "Ada"}))
	f.Fuzz(func(t *testing.T, file []byte) {
		table, err := tabular.OpenXLSX("f.xlsx", bytes.NewReader(file), int64(len(file)), "", people.Register, tabular.Options{})
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Fatalf("more than one line: %q", err)
			}
			return
		}
		holdsItems(t, table)
	})
}
