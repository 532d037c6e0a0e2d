package ledger

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

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

// Lines is a file of events: CloudEvents, one JSON document a line. Empty
// lines are passed over.
type Lines struct {
	Name   string // for errors
	Reader io.Reader
	Parser Parser
	Now    func() time.Time
}

// Batch is some lines of a file, parsed.
type Batch struct {
	Entries []act.Entry
	Lines   []int // of each entry, from 1
}

// At puts file and line in front of an error that is about one entry.
func (l *Lines) At(batch Batch, err error) error {
	var conflict *act.ConflictError
	if errors.As(err, &conflict) && conflict.Position < len(batch.Lines) {
		if conflict.Within && conflict.First < len(batch.Lines) {
			err = &doubledError{conflict.ID, conflict.Source, batch.Lines[conflict.First]}
		}
		return &LineError{l.Name, batch.Lines[conflict.Position], err}
	}
	return err
}

// doubledError says that another line of the file has an event's key, with
// other content. It is act.ErrConflict.
type doubledError struct {
	id, source string
	line       int
}

func (e *doubledError) Error() string {
	return fmt.Sprintf("line %d has the same id and source but other content (id %q, source %q)", e.line, e.id, e.source)
}

func (e *doubledError) Unwrap() error { return act.ErrConflict }

// Each parses the lines and hands them on in batches of at most act.MaxBatch.
// From a pipe, a batch is what has arrived, so that whoever writes a line and
// waits for its receipt gets it. A line that is wrong ends the walk with a
// *LineError before its batch is handed on.
func (l *Lines) Each(take func(Batch) error) error {
	// A line may be a little longer than an event: white space around it.
	reader := bufio.NewReaderSize(l.Reader, 1<<20)
	var batch Batch
	for number := 1; ; number++ {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return &LineError{l.Name, number, &InvalidError{Problem: fmt.Sprintf("the line is longer than 1 MiB; an event has at most %d bytes", MaxEvent)}}
		}
		last := errors.Is(err, io.EOF)
		if err != nil && !last {
			return err
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // a byte order mark, of an editor
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			entry, err := l.Parser.Parse(bytes.Clone(line), l.Now())
			if err != nil {
				return &LineError{l.Name, number, err}
			}
			batch.Entries, batch.Lines = append(batch.Entries, entry), append(batch.Lines, number)
		}
		if len(batch.Entries) > 0 && (last || len(batch.Entries) == act.MaxBatch || !anotherLine(reader)) {
			if err := take(batch); err != nil {
				return l.At(batch, err)
			}
			batch = Batch{}
		}
		if last {
			return nil
		}
	}
}

// anotherLine reports whether a whole line has arrived already.
func anotherLine(reader *bufio.Reader) bool {
	waiting, err := reader.Peek(reader.Buffered())
	return err == nil && bytes.IndexByte(waiting, '\n') >= 0
}

// checkedIDs bounds the memory for finding an id with two contents in one
// file; in a larger file such an id is found when it is reached.
const checkedIDs = 1 << 20

// Check reads all lines and finds what would be refused, a conflict with the
// ledger or within the file included, without writing anything.
func (l *Lines) Check(ctx context.Context, db *store.DB) error {
	type place struct {
		content [16]byte
		line    int
	}
	seen := map[[16]byte]place{}
	return l.Each(func(batch Batch) error {
		for i, entry := range batch.Entries {
			key := short(entry.ID, entry.Source)
			content := short(string(entry.JSON))
			before, twice := seen[key]
			if twice && before.content != content {
				return &LineError{l.Name, batch.Lines[i], &doubledError{entry.ID, entry.Source, before.line}}
			}
			if !twice && len(seen) < checkedIDs {
				seen[key] = place{content, batch.Lines[i]}
			}
		}
		return db.Read(ctx, func(r *store.Reader) error {
			_, err := known(r, Head{Root: make([]byte, 32)}, batch.Entries)
			return err
		})
	})
}

// short is a hash of texts that is long enough to tell them apart.
func short(texts ...string) (sum [16]byte) {
	hash := sha256.New()
	for _, text := range texts {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(text), text) // a hash takes everything
	}
	copy(sum[:], hash.Sum(nil))
	return sum
}
