package tabular

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/record"
)

// Template rows have the choices of their fields at hand.
const templateRows = 1000

// helpSheet explains the columns of a template.
const helpSheet = "help"

// What a spreadsheet takes of a hint (ECMA-376 part 1, 18.3.1.32).
const (
	maxHintTitle = 32
	maxHint      = 255
)

// Template writes an empty table of a register as XLSX: a sheet with the columns
// that people fill in, which offers the choices that the engine takes and says
// what belongs there, and a sheet "help" that says the same of each. The first
// one can be imported as it is. helps take the place of the fields' own (Kind.Explained).
func Template(to io.Writer, kind *record.Kind, helps map[string]string) (err error) {
	book := excelize.NewFile()
	defer func() { err = errors.Join(err, book.Close()) }()
	sheet := sheetName(kind.Register)
	if err := book.SetSheetName(book.GetSheetName(0), sheet); err != nil {
		return err
	}
	if _, err := book.NewSheet(helpSheet); err != nil {
		return err
	}
	if err := book.SetSheetRow(helpSheet, "A1", &[]string{"column", "field", "what belongs there", "written as", "choices"}); err != nil {
		return err
	}
	for i, field := range filled(kind) {
		field.Help = cmp.Or(helps[field.Name], field.Help)
		if err := templateColumn(book, kind, sheet, i+1, field); err != nil {
			return err
		}
	}
	bold, err := headerStyle(book)
	if err != nil {
		return err
	}
	for _, name := range []string{sheet, helpSheet} {
		if err := book.SetRowStyle(name, 1, 1, bold); err != nil {
			return err
		}
		if err := book.SetPanes(name, headerPanes()); err != nil {
			return err
		}
	}
	if err := book.SetColWidth(helpSheet, "A", "E", 32); err != nil {
		return err
	}
	return book.Write(to)
}

// filled are the fields that a table of new records has: the id, by which a row is
// known again, and what people fill in.
func filled(kind *record.Kind) []record.Field {
	fields := []record.Field{kind.Field(kind.IDField)}
	for _, field := range kind.Editable(false) {
		if field.Name != kind.IDField {
			fields = append(fields, field)
		}
	}
	return fields
}

// templateColumn writes the column of a field, and its line of the help.
func templateColumn(book *excelize.File, kind *record.Kind, sheet string, number int, field record.Field) error {
	name, err := excelize.ColumnNumberToName(number)
	if err != nil {
		return err
	}
	heading, holds := namesOf(kind).heading(kind, field.Name), holds(kind.Type(field.Name), "")
	if err := book.SetCellStr(sheet, name+"1", heading); err != nil {
		return err
	}
	style, err := columnStyle(book, kind, field.Name, holds)
	if err != nil {
		return err
	}
	if err := book.SetColStyle(sheet, name, style); err != nil {
		return err
	}
	if err := book.SetColWidth(sheet, name, name, columnWidth(kind, field.Name, heading, holds)); err != nil {
		return err
	}
	form := spelling(kind, field)
	cell, err := excelize.CoordinatesToCellName(1, number+1)
	if err != nil {
		return err
	}
	if err := book.SetSheetRow(helpSheet, cell, &[]string{heading, field.Name, field.Help, form, strings.Join(field.Choices, ", ")}); err != nil {
		return err
	}
	rule, err := choiceRule(kind, field, number, templateRows)
	if err != nil {
		return err
	}
	if rule == nil {
		rule = validation(number, templateRows)
	}
	hint := strings.TrimSpace(field.Help + " " + form)
	rule.SetInput(clipped(field.Label, maxHintTitle), clipped(hint, maxHint))
	return book.AddDataValidation(sheet, rule)
}

// validation is a rule for the cells of a column up to a row, which says nothing yet.
func validation(column, last int) *excelize.DataValidation {
	rule := excelize.NewDataValidation(true)
	rule.SetSqref(cellName(column, 2) + ":" + cellName(column, last))
	return rule
}

// choiceRule offers the choices of a field, and takes no other value; nil where it has
// none.
func choiceRule(kind *record.Kind, field record.Field, column, last int) (*excelize.DataValidation, error) {
	if len(field.Choices) == 0 || kind.Shape(field.Name) != record.ShapeText {
		return nil, nil
	}
	rule := validation(column, last)
	if err := rule.SetDropList(field.Choices); err != nil && !errors.Is(err, excelize.ErrDataValidationFormulaLength) {
		return nil, err
	}
	rule.SetError(excelize.DataValidationErrorStyleStop, clipped(field.Label, maxHintTitle), clipped("One of "+strings.Join(field.Choices, ", "), maxHint))
	return rule, nil
}

// headerPanes keep the first row in sight.
func headerPanes() *excelize.Panes {
	return &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}
}

func headerStyle(book *excelize.File) (int, error) {
	return book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Alignment: &excelize.Alignment{Vertical: "top", WrapText: true}})
}

// How a spreadsheet shows dates, and that a cell holds text (ECMA-376 part 1, 18.8.30):
// what somebody types there becomes neither a number, a date nor a formula.
const (
	dayFormat    = "yyyy-mm-dd"
	momentFormat = "yyyy-mm-dd hh:mm"
	textFormat   = 49
)

// columnStyle is how the cells of a field look.
func columnStyle(book *excelize.File, kind *record.Kind, name string, holds holding) (int, error) {
	field, format := kind.Field(name), ""
	style := excelize.Style{Alignment: &excelize.Alignment{Vertical: "top"}}
	switch {
	case holds == times && field.Whole():
		format = dayFormat
	case holds == times:
		format = momentFormat
	case holds == texts:
		style.NumFmt, style.Alignment.WrapText = textFormat, field.Long
	case holds == lists:
		style.NumFmt, style.Alignment.WrapText = textFormat, true
	}
	if format != "" {
		style.CustomNumFmt = &format
	}
	return book.NewStyle(&style)
}

// columnWidth is the width of a field's column, in characters.
func columnWidth(kind *record.Kind, name, heading string, holds holding) float64 {
	field, width := kind.Field(name), 24.0
	switch {
	case name == kind.IDField:
		width = 14
	case field.Long, field.Markdown:
		width = 48
	case holds == times && field.Whole():
		width = 12
	case holds == times:
		width = 17
	case holds == numbers, kind.Shape(name) == record.ShapeTruth:
		width = 10
	}
	return max(width, min(float64(len(heading))+2, 24)) // a longer heading has two lines
}

// spelling says how the values of a field are written in a cell.
func spelling(kind *record.Kind, field record.Field) string {
	switch kind.Shape(field.Name) {
	case record.ShapeText:
		return "Text."
	case record.ShapeNumber:
		return "A number."
	case record.ShapeTruth:
		return "true or false."
	case record.ShapeTime:
		return "A date, like 2026-01-31."
	case record.ShapeTexts:
		return "A list: a line each, or semicolons between them."
	case record.ShapeNumbers:
		return "A list, like [1,5,10]."
	case record.ShapeParts, record.ShapeRows, record.ShapeJSON:
	}
	return "JSON."
}

// clipped is the beginning of a text that is too long, by characters.
func clipped(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}
