package surface

import (
	"context"
	"fmt"
	"io"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
)

// Table is a file of rows for a register.
type Table struct {
	Form     string // tabular.CSV or tabular.XLSX
	Register string
	Name     string // of the file, for messages
	Sheet    string // of an XLSX file; empty: the only one, or the one named after the register
	Options  tabular.Options
	Update   bool // records that are there are changed where they differ
	// Progress is told how many of how many rows have been read; nil: nobody is.
	Progress func(done, rows int64)
}

// TableFile is what a table is read from.
type TableFile interface {
	io.ReadSeeker
	io.ReaderAt
}

// tableQuery is the exact query of an import of a table.
type tableQuery struct {
	File      string            `json:"file"`
	Sheet     string            `json:"sheet,omitempty"` // of an XLSX file
	SHA256    string            `json:"sha256"`
	Rows      int64             `json:"rows"`
	Delimiter string            `json:"delimiter,omitempty"` // of a CSV file
	Map       map[string]string `json:"map"`                 // field to column, where it was given
	Ignored   []string          `json:"ignored"`
	Update    bool              `json:"update"`
	Timezone  string            `json:"timezone"` // of dates without a time
}

// TableError is what is wrong with a file as a table of a register.
type TableError struct{ Err error }

// Error implements error.
func (e *TableError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *TableError) Unwrap() error { return e.Err }

// opened is a table whose columns feed a register that the caller may feed.
func (s *System) opened(ctx context.Context, caller act.Caller, t Table, file TableFile) (*record.Intake, *tabular.Table, error) {
	kind, err := s.Kinds.Find(t.Register)
	if err != nil {
		return nil, nil, err
	}
	if kind.Internal {
		return nil, nil, fmt.Errorf("%w: %s are written by their own commands only", act.ErrDenied, kind.Register)
	}
	intake := &record.Intake{Door: s.Door, Caller: caller, Kind: kind, Action: "import." + t.Form, Update: t.Update}
	if err := s.Allow(ctx, caller, intake.Action, kind.Register); err != nil {
		return nil, nil, err
	}
	if t.Options.Zone, err = s.Config.Location(); err != nil {
		return nil, nil, err
	}
	var table *tabular.Table
	if t.Form == tabular.CSV {
		table, err = tabular.Open(t.Name, file, kind, t.Options)
	} else {
		var size int64
		if size, err = file.Seek(0, io.SeekEnd); err == nil {
			table, err = tabular.OpenXLSX(t.Name, file, size, t.Sheet, kind, t.Options)
		}
	}
	if err != nil {
		return nil, nil, &TableError{err}
	}
	if t.Progress != nil {
		intake.Progress = func(done int64) { t.Progress(done, table.Rows) }
	}
	return intake, table, nil
}

// TakeTable takes the rows of a table into its register (record.Intake), and
// records what the import was and how it went.
func (s *System) TakeTable(ctx context.Context, caller act.Caller, t Table, file TableFile) (*record.Completed, error) {
	intake, table, err := s.opened(ctx, caller, t, file)
	if err != nil {
		return nil, err
	}
	summary, err := intake.Run(ctx, table.Items())
	if err != nil {
		return nil, err
	}
	query := tableQuery{
		File: t.Name, Sheet: table.Sheet, SHA256: table.SHA256, Rows: table.Rows, Map: t.Options.Columns,
		Ignored: t.Options.Ignored, Update: t.Update, Timezone: table.Zone().String(),
	}
	if t.Form == tabular.CSV {
		query.Delimiter = string(t.Options.Delimiter)
	}
	done := &record.Completed{Source: t.Form, Register: intake.Kind.Register, Summary: summary, Complete: true, Gaps: []string{}, Query: query}
	if summary.Refused > 0 {
		done.Miss("%d rows were refused", summary.Refused)
	}
	return done, record.Complete(ctx, s.Door, caller, intake.Action, t.Form, *done)
}

// PreviewTable says of each row of a table what TakeTable with Update would make
// of it, and writes nothing. The caller may feed the register and read it.
func (s *System) PreviewTable(ctx context.Context, caller act.Caller, t Table, file TableFile, visit func(record.Preview) error) (*record.Previewed, error) {
	intake, table, err := s.opened(ctx, caller, t, file)
	if err != nil {
		return nil, err
	}
	if err := s.ViewRecords(ctx, caller, intake.Kind, "", nil); err != nil {
		return nil, err
	}
	return intake.Preview(ctx, s.DB, s.Clock.Now().In(table.Zone()), table.Items(), visit)
}
