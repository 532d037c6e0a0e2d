package tabular

import (
	"bufio"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"unicode/utf8"
)

// csvRows reads a CSV file.
type csvRows struct {
	name  string
	rows  *csv.Reader
	hash  hash.Hash
	cells []cell
}

// newCSV starts at the beginning of the file, after a byte order mark.
func newCSV(name string, file io.ReadSeeker, delimiter rune) (source, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	c := &csvRows{name: name, hash: sha256.New()}
	text := bufio.NewReaderSize(io.TeeReader(file, c.hash), 1<<16)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\xEF\xBB\xBF" {
		_, _ = text.Discard(3) // they have been peeked
	}
	c.rows = csv.NewReader(text)
	c.rows.Comma = delimiter
	c.rows.FieldsPerRecord = -1 // counted row by row
	c.rows.ReuseRecord = true
	return c, nil
}

func (c *csvRows) next() (row, error) {
	texts, err := c.rows.Read()
	if errors.Is(err, io.EOF) {
		return row{}, io.EOF
	}
	if err != nil {
		return row{}, c.malformed(err)
	}
	line, _ := c.rows.FieldPos(0)
	c.cells = c.cells[:0]
	for _, text := range texts {
		if !utf8.ValidString(text) {
			return row{}, &LineError{c.name, line, errors.New("the text is not UTF-8: save the file as CSV in UTF-8")}
		}
		c.cells = append(c.cells, cell{text: unguard(text, startsFormula)})
	}
	return row{line: line, cells: c.cells}, nil
}

// malformed puts file and line in front of what the CSV reader says.
func (c *csvRows) malformed(err error) error {
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
	return &LineError{c.name, parse.StartLine, problem}
}

func (c *csvRows) limit(int) {} // each row is held against the header as it is

func (c *csvRows) sum() (string, error) { return hex.EncodeToString(c.hash.Sum(nil)), nil }

func (c *csvRows) close() error { return nil }

// delimiters are what programs put between the cells of a CSV file, by their settings.
const delimiters = ",;\t"

// Delimiter is what separates the columns' names in the first line of a CSV file: a
// comma, a semicolon or a tab, whichever is there most often. The file is read from its
// beginning, and left anywhere.
func Delimiter(file io.ReadSeeker) (rune, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	lines := bufio.NewReaderSize(file, 1<<16)
	for {
		line, err := lines.ReadSlice('\n')
		if text := string(line); strings.TrimSpace(text) != "" {
			most := ','
			for _, one := range delimiters {
				if strings.Count(text, string(one)) > strings.Count(text, string(most)) {
					most = one
				}
			}
			return most, nil
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return ',', err
		}
	}
}
