package surface

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/jobs"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/trust/accounts"
)

// TableJob is the kind of the job that reads a table which is too large for a page to wait
// for it.
const TableJob = "table.read"

// TableAtOnce is up to how many bytes of a table a page waits for: some thousand rows, in a
// second or two.
const TableAtOnce = 128 << 10

// What an outcome names of a preview's rows at most.
const (
	previewedRows  = 200
	previewedBytes = 512 << 10
)

// TableWork is a table that somebody sent, and what they want done with it.
type TableWork struct {
	Form     string `json:"form"`
	Register string `json:"register"`
	Name     string `json:"name"`
	Sheet    string `json:"sheet,omitempty"`
	SHA256   string `json:"sha256"`
	Take     bool   `json:"take"`   // false: it is previewed
	Update   bool   `json:"update"` // records that are there are changed where they differ
	AskedBy  string `json:"asked_by"`
}

// TableOutcome is what became of a table, or would.
type TableOutcome struct {
	Wrong  string            `json:"wrong,omitempty"` // why nothing was read
	Counts *record.Previewed `json:"counts,omitempty"`
	Rows   []record.Preview  `json:"rows,omitempty"` // those that would be refused, then the others of which something would become, the first of each
	More   bool              `json:"more,omitempty"`
	Done   *record.Completed `json:"done,omitempty"`
}

// listedRows are the first rows of a preview.
type listedRows struct {
	rows   []record.Preview
	length int // bytes
	more   bool
}

func (l *listedRows) add(row record.Preview) error {
	if l.more {
		return nil
	}
	text, err := json.Marshal(row)
	if l.length += len(text); len(l.rows) == previewedRows || l.length > previewedBytes {
		l.more = true
		return err
	}
	l.rows = append(l.rows, row)
	return err
}

// ReadTable previews or takes a table for a caller. What is wrong with the file is an outcome.
func (s *System) ReadTable(ctx context.Context, caller act.Caller, work TableWork, file TableFile) (*TableOutcome, error) {
	outcome := &TableOutcome{}
	table := Table{Form: work.Form, Register: work.Register, Name: work.Name, Sheet: work.Sheet, Update: work.Update || !work.Take,
		Progress: func(done, rows int64) { act.Reached(ctx, "rows", int(done), int(rows)) }}
	delimiter, err := tabular.Delimiter(file)
	if err != nil {
		return nil, err
	}
	table.Options.Delimiter = delimiter
	if work.Take {
		outcome.Done, err = s.TakeTable(ctx, caller, table, file)
	} else {
		var refused, others listedRows
		outcome.Counts, err = s.PreviewTable(ctx, caller, table, file, func(row record.Preview) error {
			switch row.Outcome {
			case record.Unchanged:
				return nil
			case record.Refused:
				return refused.add(row)
			}
			return others.add(row)
		})
		outcome.Rows, outcome.More = append(refused.rows, others.rows...), refused.more || others.more
	}
	var wrong *TableError
	var invalid *record.Invalid
	if errors.As(err, &wrong) || errors.As(err, &invalid) {
		return &TableOutcome{Wrong: err.Error()}, nil
	}
	return outcome, err
}

// AskTable has a table read by a job for a caller, and gives the job's key. Who asked is in
// the ledger; the work is done with the roles that they have by then.
func (s *System) AskTable(ctx context.Context, caller act.Caller, work TableWork) (key string, err error) {
	work.AskedBy = caller.ID
	_, err = s.Door.Do(ctx, caller, "import."+work.Form, "job/"+TableJob, func(tx *act.Tx) error {
		key = tx.NewID()
		if _, err := tx.Event(act.Event{Type: "scaf.job.asked.v1", Subject: "job/" + TableJob, Data: work}); err != nil {
			return err
		}
		return tx.Enqueue(TableJob, key, work, tx.Now())
	})
	return key, err
}

// AskedTable is how the work on a table stands that a caller asked for, with its outcome when
// it is done; record.ErrNone when they asked for none with this key.
func (s *System) AskedTable(ctx context.Context, caller act.Caller, key string) (work TableWork, at *jobs.Standing, outcome *TableOutcome, err error) {
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		if at, err = jobs.Get(r, TableJob, key); err != nil {
			return err
		}
		if at == nil {
			return record.ErrNone
		}
		return json.Unmarshal(at.Payload, &work)
	})
	if err == nil && work.AskedBy != caller.ID {
		err = record.ErrNone
	}
	if err != nil || len(at.Result) == 0 {
		return work, at, nil, err
	}
	outcome = &TableOutcome{}
	return work, at, outcome, json.Unmarshal(at.Result, outcome)
}

// HeldTable is the file of a table that was kept, whole; whoever has it closes and removes it.
func (s *System) HeldTable(ctx context.Context, sha256 string) (*os.File, error) {
	content, err := s.Blobs.Open(ctx, sha256)
	if err != nil {
		return nil, err
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

// ScheduleTables hands the tables that somebody sent to the runner.
func ScheduleTables(s *System, runner *act.Runner, log *slog.Logger) error {
	runner.Handle(TableJob, func(ctx context.Context, job *jobs.Job) error {
		var work TableWork
		if err := json.Unmarshal(job.Payload, &work); err != nil {
			return err
		}
		outcome, err := s.readHeld(ctx, work)
		if err != nil {
			return err
		}
		log.Info("a table was read", "by", work.AskedBy, "register", work.Register, "file", work.Name, "taken", outcome.Done != nil)
		job.Result, err = json.Marshal(outcome)
		return err
	})
	return nil
}

func (s *System) readHeld(ctx context.Context, work TableWork) (*TableOutcome, error) {
	file, err := s.HeldTable(ctx, work.SHA256)
	if errors.Is(err, blob.ErrNotFound) {
		return &TableOutcome{Wrong: fmt.Sprintf("the file %s is not here any more: send it again", work.Name)}, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close(); _ = os.Remove(file.Name()) }() // it was read
	var caller act.Caller
	var outcome *TableOutcome
	err = s.DB.Read(ctx, func(r *store.Reader) (err error) {
		caller, err = accounts.Present(r, work.AskedBy, s.Clock.Now())
		return err
	})
	if err == nil {
		outcome, err = s.ReadTable(ctx, caller, work, file)
	}
	if errors.Is(err, act.ErrDenied) {
		return &TableOutcome{Wrong: err.Error()}, nil
	}
	return outcome, err
}
