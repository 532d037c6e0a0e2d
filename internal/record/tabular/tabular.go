// Package tabular reads CSV files (RFC 4180) as documents of a register.
package tabular

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"scaf.dev/scaf/internal/record"
)

// Options say how a file is read.
type Options struct {
	// Delimiter separates cells; zero is a comma.
	Delimiter rune
	// Columns maps a field to the column that feeds it. Fields that are not
	// named here are fed by the column of the same name, ignoring case,
	// spaces, dots, hyphens and underscores. A field of an object is written
	// with a dot: author.name.
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

// ErrEmpty says that the file has no header.
var ErrEmpty = errors.New("the file is empty: its first line must name the columns")

// Table is a file that has been read once: its form is right, and its columns
// feed fields.
type Table struct {
	name     string
	file     io.ReadSeeker
	kind     *record.Kind
	options  Options
	columns  []column
	width    int
	template map[string]json.RawMessage

	// Rows is the number of rows after the header, empty lines not counted.
	Rows int64
	// SHA256 is that of the file's bytes, in lowercase hex.
	SHA256 string
}

// Open reads the file to its end without taking anything: the columns and the
// form of every line. What is wrong with them is a *LineError.
func Open(name string, file io.ReadSeeker, kind *record.Kind, o Options) (*Table, error) {
	if o.Delimiter == 0 {
		o.Delimiter = ','
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	t := &Table{name: name, file: file, kind: kind, options: o}
	blank, err := json.Marshal(kind.New())
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(blank, &t.template); err != nil {
		return nil, err
	}
	sum := sha256.New()
	rows, err := t.reader(sum)
	if err != nil {
		return nil, err
	}
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, &LineError{name, 1, ErrEmpty}
	}
	if err != nil {
		return nil, t.malformed(err)
	}
	line, _ := rows.FieldPos(0)
	t.width = len(header)
	if t.columns, err = match(kind, header, o); err != nil {
		return nil, &LineError{name, line, err}
	}
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			t.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return t, nil
		}
		if err != nil {
			return nil, t.malformed(err)
		}
		for _, cell := range cells {
			if !utf8.ValidString(cell) {
				line, _ := rows.FieldPos(0)
				return nil, &LineError{name, line, errors.New("the text is not UTF-8: save the file as CSV in UTF-8")}
			}
		}
		t.Rows++
	}
}

// reader starts at the beginning of the file, after a byte order mark.
func (t *Table) reader(sum io.Writer) (*csv.Reader, error) {
	if _, err := t.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	text := bufio.NewReaderSize(io.TeeReader(t.file, sum), 1<<16)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\xEF\xBB\xBF" {
		_, _ = text.Discard(3) // they have been peeked
	}
	rows := csv.NewReader(text)
	rows.Comma = t.options.Delimiter
	rows.FieldsPerRecord = -1 // counted row by row
	rows.ReuseRecord = true
	return rows, nil
}

// malformed puts file and line in front of what the CSV reader says.
func (t *Table) malformed(err error) error {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	problem := parse.Err
	switch {
	case errors.Is(parse.Err, csv.ErrQuote):
		problem = fmt.Errorf(`byte %d: a quotation mark is not closed, or not written twice within quotes`, parse.Column)
	case errors.Is(parse.Err, csv.ErrBareQuote):
		problem = fmt.Errorf(`byte %d: a quotation mark in a cell that is not quoted: write "a ""b"" c"`, parse.Column)
	}
	return &LineError{t.name, parse.StartLine, problem}
}

// Items reads the rows as documents, each with the fields that its cells
// speak of; a row that cannot be taken has its error. An id that has come
// before with other content is refused; the memory needed for that is 40 bytes
// a row or so.
func (t *Table) Items() iter.Seq2[record.Item, error] {
	return func(yield func(record.Item, error) bool) {
		sum := sha256.New()
		rows, err := t.reader(sum)
		if err == nil {
			_, err = rows.Read() // the header
		}
		if err != nil {
			yield(record.Item{}, t.malformed(err))
			return
		}
		before := map[[16]byte]seen{}
		for {
			cells, err := rows.Read()
			if errors.Is(err, io.EOF) {
				if hex.EncodeToString(sum.Sum(nil)) != t.SHA256 {
					yield(record.Item{}, fmt.Errorf("%s was changed while it was read", t.name))
				}
				return
			}
			if err != nil {
				yield(record.Item{}, t.malformed(err))
				return
			}
			line, _ := rows.FieldPos(0)
			item := record.Item{Where: fmt.Sprintf("%s:%d", t.name, line)}
			item.Doc, item.Fields, item.Err = t.row(cells)
			if item.Err == nil {
				item.Err = t.first(before, item, line)
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// row makes a document of a row.
func (t *Table) row(cells []string) (any, map[string]json.RawMessage, error) {
	if len(cells) != t.width {
		return nil, nil, fmt.Errorf("the row has %d cells, the header %d", len(cells), t.width)
	}
	fields := map[string]json.RawMessage{}
	parts := map[string]map[string]json.RawMessage{}
	var wrong []record.FieldError
	for _, c := range t.columns {
		text := strings.TrimSpace(cells[c.index])
		if text == "" {
			continue
		}
		value, err := c.value(t.kind, text, t.options.Zone)
		var invalid *record.Invalid
		switch {
		case errors.As(err, &invalid):
			wrong = append(wrong, invalid.Fields...)
		case err != nil:
			return nil, nil, err
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
		return nil, nil, &record.Invalid{Fields: wrong}
	}
	for field, object := range parts {
		raw, err := json.Marshal(object)
		if err != nil {
			return nil, nil, err
		}
		fields[field] = raw
	}
	whole := make(map[string]json.RawMessage, len(t.template)+len(fields))
	for field, value := range t.template {
		whole[field] = value
	}
	for field, value := range fields {
		whole[field] = value
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		return nil, nil, err
	}
	doc, err := t.kind.Decode(raw)
	return doc, fields, err
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
