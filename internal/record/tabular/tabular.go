// Package tabular reads CSV files (RFC 4180) and sheets of XLSX files (ECMA-376)
// as documents of a register, and writes registers as such files. What it
// writes it reads as the same documents again.
package tabular

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"scaf.dev/scaf/internal/record"
)

// Options say how a file is read.
type Options struct {
	// Delimiter separates cells of a CSV file; zero is a comma.
	Delimiter rune
	// Columns maps a field to the column that feeds it. Fields that are not
	// named here are fed by the column of the same name, or of the label that
	// people see, ignoring case, spaces, dots, colons, hyphens and underscores. A
	// field of an object is written with a dot: author.name.
	Columns map[string]string
	// Ignored columns feed nothing.
	Ignored []string
	// Zone is where a date without a time begins.
	Zone *time.Location
}

// LineError says which line of which file is wrong.
type LineError struct {
	File string
	Line int
	Err  error
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap gives the line's own error.
func (e *LineError) Unwrap() error { return e.Err }

// What whoever sends a file can answer: which sheet is meant, and which column
// feeds which field.
var (
	ErrSheet  = errors.New("say which sheet is meant")
	ErrColumn = errors.New("the columns do not fit")
)

// ErrEmpty says that the file has no header.
var ErrEmpty = errors.New("the file is empty: its first line must name the columns")

// Table is a file that has been read once: its form is right, and its columns
// feed fields.
type Table struct {
	place    string // the file, and the sheet within it
	start    func() (source, error)
	kind     *record.Kind
	options  Options
	columns  []column
	version  int // the column of versions, -1: none
	width    int
	template map[string]json.RawMessage

	// Sheet is the sheet that is read, of an XLSX file.
	Sheet string
	// Rows is the number of rows after the header, empty ones not counted.
	Rows int64
	// SHA256 is that of the file's bytes, in lowercase hex.
	SHA256 string
}

// source reads the rows of a file from its beginning.
type source interface {
	// next reads the next row that is not empty; io.EOF is the end. The row is
	// valid until the next call. What is wrong with the file's form is a
	// *LineError.
	next() (row, error)
	// limit says how many columns the header has.
	limit(columns int)
	// sum is the SHA-256 of the file's bytes, after the end was reached.
	sum() (string, error)
	close() error
}

// row is a row of cells, and the line that it begins at.
type row struct {
	line  int
	cells []cell
	wrong error // with the row as a whole
}

func (r row) empty() bool { return len(r.cells) == 0 && r.wrong == nil }

// cell is what a cell says.
type cell struct {
	text  string
	form  form
	at    time.Time // what clock and calendar show, of a moment
	wrong string    // why its value cannot be taken
}

// form is how a cell holds its value.
type form int

// The forms.
const (
	written form = iota // as text
	number              // as a number that is no date
	moment              // as a date
)

// Open reads a CSV file to its end without taking anything: the columns and
// the form of every line. What is wrong with them is a *LineError.
func Open(name string, file io.ReadSeeker, kind *record.Kind, o Options) (*Table, error) {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	return open(&Table{place: name, kind: kind, options: o, start: func() (source, error) { return newCSV(name, file, o.Delimiter) }})
}

// open reads the file for the first time.
func open(t *Table) (_ *Table, err error) {
	if t.options.Zone == nil {
		t.options.Zone = time.UTC
	}
	blank, err := json.Marshal(t.kind.New())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(blank, &t.template); err != nil {
		return nil, err
	}
	rows, err := t.start()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	first, err := rows.next()
	if errors.Is(err, io.EOF) {
		return nil, &LineError{t.place, 1, ErrEmpty}
	}
	if err != nil {
		return nil, err
	}
	header := make([]string, len(first.cells))
	for i, cell := range first.cells {
		if header[i] = cell.text; cell.wrong != "" {
			return nil, &LineError{t.place, first.line, errors.New(cell.wrong)}
		}
	}
	t.width = len(header)
	rows.limit(t.width)
	if t.columns, t.version, err = match(t.kind, header, t.options); err != nil {
		return nil, &LineError{t.place, first.line, err}
	}
	for {
		if _, err := rows.next(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		t.Rows++
	}
	t.SHA256, err = rows.sum()
	return t, err
}

// Zone is where a date without a time begins.
func (t *Table) Zone() *time.Location { return t.options.Zone }

// Items reads the rows as documents, each with the fields that its cells
// speak of; a row that cannot be taken has its error. An id that has come
// before with other content is refused; the memory needed for that is 40 bytes
// a row or so.
func (t *Table) Items() iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		rows, err := t.start()
		if err != nil {
			yield(record.Item{}, err)
			return
		}
		defer func() { _ = rows.close() }()    // it was only read
		if _, err := rows.next(); err != nil { // the header
			yield(record.Item{}, err)
			return
		}
		rows.limit(t.width)
		before := map[[16]byte]seen{}
		for {
			row, err := rows.next()
			if errors.Is(err, io.EOF) {
				if now, err := rows.sum(); err != nil {
					yield(record.Item{}, err)
				} else if now != t.SHA256 {
					yield(record.Item{}, fmt.Errorf("%s was changed while it was read", t.place))
				}
				return
			}
			if err != nil {
				yield(record.Item{}, err)
				return
			}
			item := record.Item{Where: fmt.Sprintf("%s:%d", t.place, row.line)}
			item.Doc, item.Fields, item.Short, item.Err = t.document(row)
			if item.Err == nil && t.version >= 0 {
				item.From, item.Err = versionOf(row.cells[t.version])
			}
			if item.Err == nil {
				item.Err = t.first(before, item, row.line)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// document makes a document of a row. short says why it cannot be that of a new record.
func (t *Table) document(row row) (doc any, fields map[string]json.RawMessage, short, err error) {
	if row.wrong != nil {
		return nil, nil, nil, row.wrong
	}
	if len(row.cells) != t.width {
		return nil, nil, nil, fmt.Errorf("the row has %d cells, the header %d", len(row.cells), t.width)
	}
	fields = map[string]json.RawMessage{}
	parts := map[string]map[string]json.RawMessage{}
	var wrong []record.FieldError
	for _, c := range t.columns {
		cell := row.cells[c.index]
		if cell.text == "" && cell.wrong == "" {
			continue
		}
		value, err := c.value(t.kind, cell)
		var invalid *record.Invalid
		switch {
		case errors.As(err, &invalid):
			wrong = append(wrong, invalid.Fields...)
		case err != nil:
			return nil, nil, nil, err
		case c.part == "":
			fields[c.field] = value
		default:
			if parts[c.field] == nil {
				parts[c.field] = map[string]json.RawMessage{}
			}
			parts[c.field][c.part] = value
		}
	}
	if len(wrong) > 0 {
		return nil, nil, nil, t.kind.Others(&record.Invalid{Fields: wrong}, fields)
	}
	for field, object := range parts {
		raw, err := json.Marshal(object)
		if err != nil {
			return nil, nil, nil, err
		}
		fields[field] = raw
	}
	fields = t.kind.Unmarked(fields)
	whole := make(map[string]json.RawMessage, len(t.template)+len(fields))
	for field, value := range t.template {
		whole[field] = value
	}
	for field, value := range fields {
		whole[field] = value
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		return nil, nil, nil, err
	}
	doc, short, err = t.kind.Draft(raw)
	return doc, fields, short, err
}

// seen is where an id came first, and with which content.
type seen struct {
	content [16]byte
	line    int
}

// first refuses an id that has come before with other content.
func (t *Table) first(before map[[16]byte]seen, item record.Item, line int) error {
	content, err := json.Marshal(item.Doc)
	if err != nil {
		return err
	}
	id := t.kind.Identify(item.Doc)
	key, now := short([]byte(id)), seen{short(content), line}
	then, known := before[key]
	if !known {
		before[key] = now
		return nil
	}
	if then.content != now.content {
		return fmt.Errorf("id: %q is in line %d already, with other content", id, then.line)
	}
	return nil
}

// short is a hash that is long enough to tell rows of a file apart.
func short(text []byte) [16]byte {
	sum := sha256.Sum256(text)
	return [16]byte(sum[:16])
}
