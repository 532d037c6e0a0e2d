package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/record/tabular"
)

// Each column of a register's sheet is called as people know the field, no two alike, and
// an import finds the field by that.
func TestEveryHeadingIsTheLabelOfOneField(t *testing.T) {
	for _, kind := range app.Kinds {
		var file bytes.Buffer
		w, err := tabular.NewWriter(&file, kind, tabular.XLSX, time.UTC)
		if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatalf("%s: %v", kind.Register, err)
		}
		if _, err := tabular.OpenXLSX(kind.Register, bytes.NewReader(file.Bytes()), int64(file.Len()), "", kind, tabular.Options{}); err != nil {
			t.Error(err)
		}
		book, err := excelize.OpenReader(&file)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := book.GetRows(book.GetSheetName(0))
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %v %v", kind.Register, rows, err)
		}
		left := map[string]bool{}
		for _, heading := range rows[0] {
			left[heading] = true
		}
		if !left["Exported version"] {
			t.Errorf("%s: no column says which version was exported", kind.Register)
		}
		delete(left, "Exported version")
		for _, field := range kind.Fields() {
			label := kind.Field(field).Label
			for heading := range left {
				if heading == label || strings.HasPrefix(heading, label+": ") {
					delete(left, heading)
				}
			}
		}
		for heading := range left {
			t.Errorf("%s: the column %s has no label of its own: another field is called so, or has the same label", kind.Register, heading)
		}
	}
}
