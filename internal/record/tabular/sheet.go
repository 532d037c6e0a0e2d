package tabular

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"
)

// sheetRows reads the cells of a sheet as a stream. (excelize's own stream of
// rows gives formatted values only: it does not say which cell is a formula, a
// number or a date, and takes damaged XML for the end of the sheet.)
type sheetRows struct {
	book  *book
	place string
	part  io.ReadCloser
	xml   *xml.Decoder
	line  int // of the row that was read last
	width int // of the header; 0 before it was read
	cells []cell
}

// rows starts at the beginning of a sheet.
func (b *book) rows(place, part string) (source, error) {
	if err := b.readShared(); err != nil {
		return nil, err
	}
	content, err := b.open(part, maxSheetBytes)
	if err != nil {
		return nil, err
	}
	s := &sheetRows{book: b, place: place, part: content, xml: xml.NewDecoder(content)}
	root, err := s.xml.Token()
	for err == nil {
		if start, ok := root.(xml.StartElement); ok {
			if start.Name.Local == "worksheet" {
				return s, nil
			}
			err = errors.New("it is no worksheet")
			break
		}
		root, err = s.xml.Token()
	}
	_ = content.Close() // it was only read
	return nil, damagedPart(part, err)
}

func (s *sheetRows) limit(columns int) { s.width = columns }

func (s *sheetRows) close() error { return s.part.Close() }

func (s *sheetRows) sum() (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(s.book.file, 0, s.book.size)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// fail says what is wrong with the sheet, and near which row.
func (s *sheetRows) fail(err error) error {
	var line *LineError
	if errors.As(err, &line) {
		return err
	}
	var large *tooLargeError
	if !errors.As(err, &large) {
		err = fmt.Errorf("the sheet is damaged: %w", err)
	}
	return &LineError{s.place, max(s.line, 1), err}
}

func (s *sheetRows) wrong(line int, format string, args ...any) error {
	return &LineError{s.place, line, fmt.Errorf(format, args...)}
}

func (s *sheetRows) next() (row, error) {
	for {
		token, err := s.xml.Token()
		if errors.Is(err, io.EOF) {
			return row{}, io.EOF
		}
		if err != nil {
			return row{}, s.fail(err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "sheetData", "mergeCells": // what is wanted is within
		case "row":
			r, err := s.row(start)
			if err != nil {
				return row{}, s.fail(err)
			}
			if !r.empty() {
				return r, nil
			}
		case "mergeCell":
			return row{}, s.merged(attribute(start, "ref"))
		default:
			if err := s.xml.Skip(); err != nil {
				return row{}, s.fail(err)
			}
		}
	}
}

// merged refuses merged cells: one value that stands in several cells, of
// which only the first holds it.
func (s *sheetRows) merged(ref string) error {
	first, _, _ := strings.Cut(ref, ":")
	_, line, err := excelize.CellNameToCoordinates(first)
	if err != nil {
		line = 1
	}
	return s.wrong(line, "the cells %s are merged: unmerge them, and write the value into each", ref)
}

func attribute(start xml.StartElement, name string) string {
	for _, a := range start.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// row reads the cells of a row, without the empty ones at its end; once the
// header was read, as many as that has.
func (s *sheetRows) row(start xml.StartElement) (row, error) {
	line := s.line + 1
	if at := attribute(start, "r"); at != "" {
		n, err := strconv.Atoi(at)
		if err != nil || n < line || n > maxSheetRows {
			return row{}, s.wrong(line, "the sheet is damaged: a row numbered %q where row %d or a later one belongs", at, line)
		}
		line = n
	}
	if line > maxSheetRows {
		return row{}, s.wrong(s.line, "the sheet has more than %d rows", maxSheetRows)
	}
	s.line = line
	r := row{line: line}
	s.cells = s.cells[:0]
	column, filled := 0, 0
	for {
		token, err := s.xml.Token()
		if err != nil {
			return r, err
		}
		switch token := token.(type) {
		case xml.EndElement:
			r.cells = s.cells[:filled]
			if s.width > 0 && (filled > 0 || r.wrong != nil) {
				for len(s.cells) < s.width {
					s.cells = append(s.cells, cell{})
				}
				r.cells = s.cells[:s.width]
			}
			return r, nil
		case xml.StartElement:
			if token.Name.Local != "c" {
				if err := s.xml.Skip(); err != nil {
					return r, err
				}
				continue
			}
			if column, err = s.column(token, column); err != nil {
				return r, err
			}
			c, err := s.cell(token, column)
			if err != nil {
				return r, err
			}
			if c.text == "" && c.wrong == "" {
				continue
			}
			if s.width > 0 && column > s.width {
				if r.wrong == nil {
					r.wrong = fmt.Errorf("%s has a value, and its column no name in the header", cellName(column, line))
				}
				continue
			}
			for len(s.cells) < column {
				s.cells = append(s.cells, cell{})
			}
			s.cells[column-1], filled = c, column
		}
	}
}

// column is the number of the cell's column, after that of the one before.
func (s *sheetRows) column(start xml.StartElement, before int) (int, error) {
	name := attribute(start, "r")
	if name == "" && before < maxSheetColumns {
		return before + 1, nil
	}
	column, line, err := excelize.CellNameToCoordinates(name)
	if err != nil || line != s.line || column <= before || column > maxSheetColumns {
		return 0, s.wrong(s.line, "the sheet is damaged: a cell named %q in row %d, after column %d", name, s.line, before)
	}
	return column, nil
}

func cellName(column, line int) string {
	name, err := excelize.CoordinatesToCellName(column, line)
	if err != nil {
		return fmt.Sprintf("column %d", column)
	}
	return name
}

// cell reads a cell (ECMA-376 part 1, 18.3.1.4).
func (s *sheetRows) cell(start xml.StartElement, column int) (cell, error) {
	var value string
	var formula bool
	for {
		token, err := s.xml.Token()
		if err != nil {
			return cell{}, err
		}
		if _, end := token.(xml.EndElement); end {
			break
		}
		inner, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch inner.Name.Local {
		case "v":
			value, err = plainText(s.xml)
		case "is":
			value, err = richText(s.xml)
		case "f":
			formula = true
			err = s.xml.Skip()
		default:
			err = s.xml.Skip()
		}
		if err != nil {
			return cell{}, err
		}
	}
	wrong := func(format string, args ...any) (cell, error) {
		return cell{wrong: cellName(column, s.line) + " " + fmt.Sprintf(format, args...)}, nil
	}
	if formula {
		return wrong("holds a formula, whose stored value is no evidence: put the value in its place")
	}
	switch kind := attribute(start, "t"); kind {
	case "s":
		index, err := strconv.Atoi(value)
		text, ok := s.book.shared.text(index)
		if err != nil || !ok {
			return cell{}, s.wrong(s.line, "the sheet is damaged: %s refers to a text that is not there", cellName(column, s.line))
		}
		return textCell(text, wrong)
	case "inlineStr", "str", "d":
		return textCell(unescape(value), wrong)
	case "b":
		switch value {
		case "":
			return cell{}, nil
		case "0", "1":
			return cell{text: strconv.FormatBool(value == "1")}, nil
		}
		return wrong("holds %q where true or false belongs", value)
	case "e":
		return wrong("holds the error %s", value)
	case "", "n":
		if value == "" {
			return cell{}, nil
		}
		return s.number(start, value, wrong)
	default:
		return wrong("holds a value of the unknown type %q", kind)
	}
}

func textCell(text string, wrong func(string, ...any) (cell, error)) (cell, error) {
	if len(text) > maxCellUnits && units(text) > maxCellUnits {
		return wrong("holds more than %d characters", maxCellUnits)
	}
	return cell{text: unguard(text, nothing)}, nil
}

// units is the length of a text as Excel counts it, in UTF-16.
func units(text string) int {
	n := 0
	for _, r := range text {
		n++
		if r > 0xFFFF {
			n++
		}
	}
	return n
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,15}$`)

// number reads a number, which is a date if it is shown as one.
func (s *sheetRows) number(start xml.StartElement, value string, wrong func(string, ...any) (cell, error)) (cell, error) {
	v, err := strconv.ParseFloat(value, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return wrong("holds %q where a number belongs", value)
	}
	style, err := strconv.Atoi(attribute(start, "s"))
	if err != nil || style < 0 || style >= len(s.book.dates) || !s.book.dates[style] {
		if !wholeNumber.MatchString(value) {
			value = strconv.FormatFloat(v, 'f', -1, 64)
		}
		return cell{text: value, form: number}, nil
	}
	at, ok := moments(v, s.book.epoch)
	if !ok {
		return wrong("holds %s, which is no date", value)
	}
	return cell{text: value, form: moment, at: at}, nil
}
