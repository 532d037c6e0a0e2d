package portal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

// previewed is the number of rows of a preview that are shown.
const previewed = 200

// tablePage is the page on which a table is brought into a register: first the
// form, then what would become of its rows, then what did.
type tablePage struct {
	Kind           *record.Kind
	Back, Template string
	Wrong          string
	// Of a preview: the file, as it was kept, and what would become of it.
	Name, Held, Form string
	Sheet            string // that whoever sent the file named
	Counts           *record.Previewed
	Rows             []previewRow
	More             bool
	// Of an import that was done.
	Done *record.Completed
}

type previewRow struct {
	record.Preview
	Href   string
	Fields []staleRow
}

func (p *Portal) tablePage(r *request) (*shown, *tablePage) {
	page := &tablePage{Kind: r.kind, Back: at(r.kind), Template: "/import/" + r.kind.Register + "/template"}
	return &shown{page: "table", title: "Bring in a table: " + r.kind.Title, data: page}, page
}

func (p *Portal) tableForm(r *request) (*shown, error) {
	answer, _ := p.tablePage(r)
	return answer, nil
}

// tablePreview keeps the file that was sent, and says what would become of it.
func (p *Portal) tablePreview(r *request) (*shown, error) {
	answer, page := p.tablePage(r)
	answer.status = http.StatusUnprocessableEntity
	file, header, err := r.FormFile("file")
	if err != nil {
		page.Wrong = "Choose a file."
		return answer, nil
	}
	defer func() { _ = file.Close() }() // it was read
	page.Name, page.Sheet = filepath.Base(header.Filename), strings.TrimSpace(r.PostForm.Get("sheet"))
	if page.Form, err = tableForm(page.Name); err != nil {
		page.Wrong = sentence(err)
		return answer, nil
	}
	table := surface.Table{Form: page.Form, Register: r.kind.Register, Name: page.Name, Sheet: page.Sheet, Update: true}
	if table.Options.Delimiter, err = tabular.Delimiter(file); err != nil {
		return nil, err
	}
	if page.Counts, err = p.System.PreviewTable(r.Context(), r.caller, table, file, func(row record.Preview) error {
		return p.preview(r, page, row)
	}); err != nil {
		page.Counts, page.Rows = nil, nil
		return answer, page.fails(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	answer.status = 0
	page.Held, _, err = p.System.Blobs.Put(r.Context(), file)
	return answer, err
}

// fails says what is wrong with the file; another error it returns.
func (page *tablePage) fails(err error) error {
	var table *surface.TableError
	var invalid *record.Invalid
	if errors.As(err, &table) || errors.As(err, &invalid) {
		page.Wrong = err.Error() + "." // it begins with the file's name, as that is written
		return nil
	}
	return err
}

func tableForm(name string) (string, error) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return tabular.CSV, nil
	case ".xlsx":
		return tabular.XLSX, nil
	}
	return "", fmt.Errorf("%q is neither a .csv nor an .xlsx file", name)
}

func (p *Portal) preview(r *request, page *tablePage, row record.Preview) error {
	if row.Outcome == record.Unchanged {
		return nil
	}
	if len(page.Rows) == previewed {
		page.More = true
		return nil
	}
	one := previewRow{Preview: row, Href: p.leads(r, row.Ref)}
	if row.Outcome == record.New {
		one.Href = "" // it is not there yet
	}
	for _, d := range row.Fields {
		f := page.Kind.Field(d.Field)
		change := staleRow{Label: f.Label}
		var err error
		if len(d.New) > 0 {
			change.Yours, err = p.value(r, described(page.Kind, f), d.New)
		}
		if len(d.Old) > 0 && err == nil {
			change.Mine, err = p.value(r, described(page.Kind, f), d.Old)
		}
		if err != nil {
			return err
		}
		one.Fields = append(one.Fields, change)
	}
	page.Rows = append(page.Rows, one)
	return nil
}

// takeTable brings in a table that was kept after its preview.
func (p *Portal) takeTable(r *request) (*shown, error) {
	answer, page := p.tablePage(r)
	page.Name, page.Sheet = filepath.Base(r.PostForm.Get("name")), r.PostForm.Get("sheet")
	form, err := tableForm(page.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	held, err := p.held(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close(); _ = os.Remove(held.Name()) }() // it was read
	table := surface.Table{Form: form, Register: r.kind.Register, Name: page.Name, Sheet: page.Sheet, Update: r.PostForm.Get("update") != ""}
	if table.Options.Delimiter, err = tabular.Delimiter(held); err != nil {
		return nil, err
	}
	page.Done, err = p.System.TakeTable(r.Context(), r.caller, table, held)
	if err != nil {
		answer.status = http.StatusUnprocessableEntity
		return answer, page.fails(err)
	}
	return answer, nil
}

// held is the file that was previewed, whole.
func (p *Portal) held(r *request) (*os.File, error) {
	content, err := p.System.Blobs.Open(r.Context(), r.PostForm.Get("held"))
	if err != nil {
		return nil, fmt.Errorf("%w: the file is not here any more: send it again", errForm)
	}
	defer func() { _ = content.Close() }() // it was read
	file, err := os.CreateTemp("", "scaf-import-*")
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(file, content); err != nil {
		return nil, errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	return file, nil
}

// tableTemplate is an empty table of a register, with its choices and help.
func (p *Portal) tableTemplate(r *request) (*shown, error) {
	file, err := os.CreateTemp("", "scaf-template-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(file.Name()) }() // it is still read through the open file
	helps, err := p.explained(r)
	if err == nil {
		err = tabular.Template(file, r.kind, helps)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &shown{file: file, name: r.kind.Register + ".xlsx"}, nil
}
