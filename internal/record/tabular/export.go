package tabular

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/record"
)

// Writer writes records, one after another, in a form of their own. Memory
// does not grow with their number.
type Writer interface {
	// Write writes one record. Its document is not kept.
	Write(v *record.Version) error
	// Close ends the file, which is whole only then. What it is written to stays
	// open.
	Close() error
	// Abort gives back what the writer holds, when the file is not to be ended.
	Abort()
}

// Formats are those that NewWriter knows.
const (
	CSV   = "csv"   // RFC 4180, UTF-8
	XLSX  = "xlsx"  // one sheet, named after the register
	JSONL = "jsonl" // a canonical document on each line
)

// NewWriter begins a file of a register's records. A table has a column for
// each field, and for each part of an object of texts. CSV is for machines:
// columns are called as the fields (author.name), times are RFC 3339 texts, other
// values are as JSON. XLSX is for people: columns have the labels and the order of
// forms and pages, numbers are numbers, times are dates of the time zone, lists of
// texts have a line for each; JSON is what no cell holds otherwise. What it writes,
// Open and OpenXLSX read as the same documents, in the same time zone.
//
// No text becomes a formula: in CSV an apostrophe is put in front of one that
// begins with = + - @, a tab or a carriage return (and of one with spaces
// around it, which would be lost); XLSX holds texts as texts.
func NewWriter(to io.Writer, kind *record.Kind, format string, zone *time.Location) (Writer, error) {
	switch format {
	case CSV:
		return newCSVWriter(to, kind)
	case XLSX:
		return newXLSXWriter(to, kind, zone)
	case JSONL:
		return lines{bufio.NewWriter(to)}, nil
	}
	return nil, fmt.Errorf("the format %q is not known: csv, xlsx or jsonl", format)
}

// lines writes JSON Lines.
type lines struct{ to *bufio.Writer }

func (l lines) Write(v *record.Version) error {
	if _, err := l.to.Write(v.Doc); err != nil {
		return err
	}
	return l.to.WriteByte('\n')
}

func (l lines) Close() error { return l.to.Flush() }

func (l lines) Abort() {}

// exported is a column of a file that is written.
type exported struct {
	field, part string
	text        bool // its value is text or a time, and stands as it is
	holds       holding
}

func (e exported) name() string {
	if e.part == "" {
		return e.field
	}
	return e.field + "." + e.part
}

// versions is the column of the version that a record was exported at: an import leaves
// alone what was changed since, and in the table was not.
const versions = "exported_version"

// exports are the columns of a register: the id first, then by name, and the version
// at the end.
func exports(kind *record.Kind) []exported {
	var columns []exported
	for _, field := range kind.Fields() {
		t := kind.Type(field)
		parts := parts(t)
		for _, part := range parts {
			columns = append(columns, exported{field, part, true, texts})
		}
		if len(parts) == 0 {
			columns = append(columns, exported{field, "", t.Kind() == reflect.String || isTime(t), holds(t, "")})
		}
	}
	if at := slices.IndexFunc(columns, func(c exported) bool { return c.field == "id" }); at > 0 {
		id := columns[at]
		copy(columns[1:], columns[:at])
		columns[0] = id
	}
	return append(columns, exported{versions, "", false, numbers})
}

// parts are the names of an object's fields, when all of them are texts.
func parts(t reflect.Type) []string {
	if !isObject(t) {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || t.Field(i).Type.Kind() != reflect.String {
			return nil
		}
		names = append(names, name)
	}
	return names
}

// values are the values of a record in the order of the columns: JSON where
// the column holds no text; nil where there is none.
func values(columns []exported, v *record.Version, into []any) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(v.Doc, &fields); err != nil {
		return err
	}
	fields[versions] = json.RawMessage(strconv.Itoa(v.Version))
	objects := map[string]map[string]json.RawMessage{}
	for i, column := range columns {
		raw := fields[column.field]
		if column.part != "" && len(raw) > 0 {
			object, known := objects[column.field]
			if !known {
				if err := json.Unmarshal(raw, &object); err != nil {
					return fmt.Errorf("%s: %w", column.field, err)
				}
				objects[column.field] = object
			}
			raw = object[column.part]
		}
		into[i] = nil
		switch {
		case len(raw) == 0 || string(raw) == "null":
		case column.text:
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("%s: %w", column.name(), err)
			}
			if text != "" {
				into[i] = text
			}
		default:
			into[i] = raw
		}
	}
	return nil
}

// csvWriter writes CSV.
type csvWriter struct {
	to      *csv.Writer
	columns []exported
	values  []any
	cells   []string
}

func newCSVWriter(to io.Writer, kind *record.Kind) (*csvWriter, error) {
	w := &csvWriter{to: csv.NewWriter(to), columns: exports(kind)}
	w.values, w.cells = make([]any, len(w.columns)), make([]string, len(w.columns))
	for i, column := range w.columns {
		w.cells[i] = column.name()
	}
	return w, w.to.Write(w.cells)
}

func (w *csvWriter) Write(v *record.Version) error {
	if err := values(w.columns, v, w.values); err != nil {
		return fmt.Errorf("%s: %w", v.Ref(), err)
	}
	for i, value := range w.values {
		text := ""
		switch value := value.(type) {
		case string:
			text = value
		case json.RawMessage:
			text = string(value)
		}
		// A reader of CSV takes the CR of every line end within a cell away
		// (so does Go's): it gets one to take.
		w.cells[i] = strings.ReplaceAll(guard(text, startsFormula), "\r\n", "\r\r\n")
	}
	return w.to.Write(w.cells)
}

func (w *csvWriter) Close() error {
	w.to.Flush()
	return w.to.Error()
}

func (w *csvWriter) Abort() {}

// arranged are the columns of a register as people read them: the id, then the fields in
// the order of forms and pages, and what neither shows at the end.
func arranged(kind *record.Kind) []exported {
	place := map[string]int{kind.IDField: 0}
	for i, field := range kind.Ordered() {
		if field.Name != kind.IDField {
			place[field.Name] = i + 1
		}
	}
	at := func(column exported) int {
		if i, shown := place[column.field]; shown {
			return i
		}
		return math.MaxInt
	}
	columns := exports(kind)
	slices.SortStableFunc(columns, func(a, b exported) int { return cmp.Compare(at(a), at(b)) })
	return columns
}

// xlsxWriter writes an XLSX file. Its rows wait in a temporary file.
type xlsxWriter struct {
	to      io.Writer
	kind    *record.Kind
	book    *excelize.File
	rows    *excelize.StreamWriter
	columns []exported
	zones   []*time.Location // of the columns
	blank   map[string]json.RawMessage
	values  []any
	line    int
}

func newXLSXWriter(to io.Writer, kind *record.Kind, zone *time.Location) (*xlsxWriter, error) {
	w := &xlsxWriter{to: to, kind: kind, book: excelize.NewFile(), columns: arranged(kind), line: 1}
	w.values = make([]any, len(w.columns))
	for _, column := range w.columns {
		w.zones = append(w.zones, zoneOf(kind, column.field, zone))
	}
	if err := w.begin(); err != nil {
		_ = w.book.Close() // the first error says more
		return nil, err
	}
	return w, nil
}

// begin writes the header.
func (w *xlsxWriter) begin() error {
	raw, err := json.Marshal(w.kind.New())
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &w.blank); err != nil {
		return err
	}
	sheet := sheetName(w.kind.Register)
	if err := w.book.SetSheetName(w.book.GetSheetName(0), sheet); err != nil {
		return err
	}
	if w.rows, err = w.book.NewStreamWriter(sheet); err != nil {
		return err
	}
	if err := w.rows.SetPanes(headerPanes()); err != nil {
		return err
	}
	bold, err := headerStyle(w.book)
	if err != nil {
		return err
	}
	called, header := namesOf(w.kind), make([]any, len(w.columns))
	for i, column := range w.columns {
		heading := called.heading(w.kind, column.name())
		header[i] = excelize.Cell{StyleID: bold, Value: heading}
		style, err := columnStyle(w.book, w.kind, column.field, column.holds)
		if err != nil {
			return err
		}
		if err := w.rows.SetColStyle(i+1, i+1, style); err != nil {
			return err
		}
		if err := w.rows.SetColWidth(i+1, i+1, columnWidth(w.kind, column.field, heading, column.holds)); err != nil {
			return err
		}
	}
	return w.rows.SetRow("A1", header)
}

// sheetName shortens a name to what a sheet may have.
func sheetName(name string) string { return name[:min(len(name), excelize.MaxSheetNameLength)] }

func (w *xlsxWriter) Write(v *record.Version) error {
	if err := values(w.columns, v, w.values); err != nil {
		return fmt.Errorf("%s: %w", v.Ref(), err)
	}
	if w.line++; w.line > maxSheetRows {
		return fmt.Errorf("a sheet holds at most %d records: export as csv or jsonl", maxSheetRows-1)
	}
	for i, value := range w.values {
		if value == nil {
			continue
		}
		value, err := w.cell(i, value)
		if err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		text, ok := value.(string)
		if w.values[i] = value; !ok {
			continue
		}
		if len(text) > maxCellUnits && units(text) > maxCellUnits {
			return fmt.Errorf("%s: %s has more than %d characters, which a cell of XLSX does not hold: export as csv or jsonl", v.Ref(), w.columns[i].name(), maxCellUnits)
		}
		w.values[i] = strings.Map(inXML, text)
	}
	return w.rows.SetRow(fmt.Sprintf("A%d", w.line), w.values)
}

// cell is the value of a column as a spreadsheet holds it; nil is an empty cell.
func (w *xlsxWriter) cell(column int, value any) (any, error) {
	holds := w.columns[column].holds
	if text, ok := value.(string); ok {
		if holds != times {
			if w.kind.Type(w.columns[column].field) == reflect.TypeFor[record.Duration]() {
				text = record.Duration(text).Lossless()
			}
			return guard(text, nothing), nil
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			return nil, err
		}
		if days, exact := serial(at, w.zones[column]); exact && strings.HasSuffix(text, "Z") { // another zone is kept as it was written
			return days, nil
		}
		return text, nil
	}
	raw, ok := value.(json.RawMessage)
	if !ok {
		return value, nil
	}
	text := string(raw)
	switch {
	case text == "true" || text == "false":
		return text == "true", nil
	case holds == numbers:
		// More digits than these are not those of the number that a spreadsheet keeps.
		if number, err := strconv.ParseFloat(text, 64); err == nil && len(text) <= maxDigits {
			return number, nil
		}
	case holds == lists && text == "[]" && string(w.blank[w.columns[column].field]) == text:
		return nil, nil
	case holds == lists:
		var list []string
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		if lines := strings.Join(list, "\n"); !strings.HasPrefix(lines, "[") && slices.Equal(listed(lines), list) {
			return guard(lines, nothing), nil
		}
	}
	return text, nil
}

// maxDigits is the length of numbers that a spreadsheet keeps as they are.
const maxDigits = 15

// inXML is a character as XML holds it: U+FFFD where XML 1.0 cannot (2.2, Char), so that
// nobody is without the table for one old record.
func inXML(r rune) rune {
	if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
		return unicode.ReplacementChar
	}
	return r
}

func (w *xlsxWriter) Close() error {
	err := w.offer()
	if err == nil {
		err = w.rows.Flush()
	}
	if err == nil {
		err = w.book.Write(w.to)
	}
	return errors.Join(err, w.book.Close())
}

// offer gives the fields their choices, in the rows that are there and in new ones.
func (w *xlsxWriter) offer() error {
	for i, column := range w.columns {
		rule, err := choiceRule(w.kind, w.kind.Field(column.name()), i+1, max(w.line, templateRows))
		if err != nil {
			return err
		}
		if rule == nil {
			continue
		}
		if err := w.book.AddDataValidation(sheetName(w.kind.Register), rule); err != nil {
			return err
		}
	}
	return nil
}

func (w *xlsxWriter) Abort() { _ = w.book.Close() } // there is an error to tell already
