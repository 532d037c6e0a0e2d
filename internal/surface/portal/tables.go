package portal

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

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
	// Of one that a job does.
	Work  *jobs.Standing
	Takes bool
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
	file, header, err := r.FormFile("file")
	if err != nil {
		return page.refuses(answer, "Choose a file."), nil
	}
	defer func() { _ = file.Close() }() // it was read
	work := surface.TableWork{Register: r.kind.Register, Name: filepath.Base(header.Filename), Sheet: strings.TrimSpace(r.PostForm.Get("sheet"))}
	page.Sheet = work.Sheet
	if work.Form, err = tableForm(work.Name); err != nil {
		return page.refuses(answer, sentence(err)), nil
	}
	if header.Size > surface.TableAtOnce {
		if work.SHA256, _, err = p.System.Blobs.Put(r.Context(), file); err != nil {
			return nil, err
		}
		return p.askTable(r, work)
	}
	outcome, err := p.System.ReadTable(r.Context(), r.caller, work, file)
	if err != nil {
		return nil, err
	}
	if outcome.Wrong == "" {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		if work.SHA256, _, err = p.System.Blobs.Put(r.Context(), file); err != nil {
			return nil, err
		}
	}
	return p.tableOutcome(r, answer, page, work, outcome)
}

// askTable has a job read a large table, and leads to where it is seen how that stands.
func (p *Portal) askTable(r *request, work surface.TableWork) (*shown, error) {
	key, err := p.System.AskTable(r.Context(), r.caller, work)
	return &shown{to: "/import/" + r.kind.Register + "/" + key}, err
}

// tableWork is how the work on a large table stands, and what came of it.
func (p *Portal) tableWork(r *request) (*shown, error) {
	answer, page := p.tablePage(r)
	work, at, outcome, err := p.System.AskedTable(r.Context(), r.caller, r.PathValue("work"))
	if err == nil && work.Register != r.kind.Register {
		err = errNotFound
	}
	if err != nil {
		return nil, err
	}
	if outcome == nil {
		page.Name, page.Work, page.Takes = work.Name, at, work.Take
		return answer, nil
	}
	return p.tableOutcome(r, answer, page, work, outcome)
}

// tableOutcome shows what became of a table, or would.
func (p *Portal) tableOutcome(r *request, answer *shown, page *tablePage, work surface.TableWork, outcome *surface.TableOutcome) (*shown, error) {
	if outcome.Wrong != "" {
		return page.refuses(answer, outcome.Wrong+"."), nil // it begins with the file's name, as that is written
	}
	page.Name, page.Held, page.Sheet, page.Form = work.Name, work.SHA256, work.Sheet, work.Form
	page.Counts, page.More, page.Done = outcome.Counts, outcome.More, outcome.Done
	for _, row := range outcome.Rows {
		if err := p.preview(r, page, row); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

// refuses says what is wrong with the file.
func (page *tablePage) refuses(answer *shown, wrong string) *shown {
	page.Wrong, answer.status = wrong, http.StatusUnprocessableEntity
	return answer
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
	one := previewRow{Preview: row}
	if row.There {
		one.Href = p.leads(r, row.Ref)
	}
	for _, d := range row.Fields {
		f := page.Kind.Field(d.Field)
		if f.Unseen {
			continue
		}
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
	work := surface.TableWork{
		Register: r.kind.Register, Name: filepath.Base(r.PostForm.Get("name")), Sheet: r.PostForm.Get("sheet"), SHA256: r.PostForm.Get("held"),
		Take: true, Update: r.PostForm.Get("update") != "",
	}
	var err error
	if work.Form, err = tableForm(work.Name); err != nil {
		return nil, fmt.Errorf("%w: %w", errForm, err)
	}
	held, err := p.System.HeldTable(r.Context(), work.SHA256)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrHash) {
		return nil, fmt.Errorf("%w: the file is not here any more: send it again", errForm)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = held.Close(); _ = os.Remove(held.Name()) }() // it was read
	info, err := held.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > surface.TableAtOnce {
		return p.askTable(r, work)
	}
	outcome, err := p.System.ReadTable(r.Context(), r.caller, work, held)
	if err != nil {
		return nil, err
	}
	return p.tableOutcome(r, answer, page, work, outcome)
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
