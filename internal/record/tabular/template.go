package tabular

import (
	"cmp"
	"errors"
	"fmt"
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
	if err := book.SetSheetRow(helpSheet, "A1", &[]string{"column", "label", "what belongs there", "written as", "choices"}); err != nil {
		return err
	}
	for i, field := range filled(kind) {
		field.Help = cmp.Or(helps[field.Name], field.Help)
		if err := templateColumn(book, kind, sheet, i+1, field); err != nil {
			return err
		}
	}
	bold, err := book.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return err
	}
	for _, name := range []string{sheet, helpSheet} {
		if err := book.SetRowStyle(name, 1, 1, bold); err != nil {
			return err
		}
		if err := book.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
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
	if err := book.SetCellStr(sheet, name+"1", field.Name); err != nil {
		return err
	}
	if err := book.SetColWidth(sheet, name, name, 22); err != nil {
		return err
	}
	form := spelling(kind, field)
	cell, err := excelize.CoordinatesToCellName(1, number+1)
	if err != nil {
		return err
	}
	if err := book.SetSheetRow(helpSheet, cell, &[]string{field.Name, field.Label, field.Help, form, strings.Join(field.Choices, ", ")}); err != nil {
		return err
	}
	rule := excelize.NewDataValidation(true)
	rule.SetSqref(fmt.Sprintf("%s2:%s%d", name, name, templateRows))
	hint := strings.TrimSpace(field.Help + " " + form)
	rule.SetInput(clipped(field.Label, maxHintTitle), clipped(hint, maxHint))
	if len(field.Choices) > 0 && kind.Shape(field.Name) == record.ShapeText {
		if err := rule.SetDropList(field.Choices); err != nil && !errors.Is(err, excelize.ErrDataValidationFormulaLength) {
			return err
		}
		rule.SetError(excelize.DataValidationErrorStyleStop, clipped(field.Label, maxHintTitle), clipped("One of "+strings.Join(field.Choices, ", "), maxHint))
	}
	return book.AddDataValidation(sheet, rule)
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
