package act

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"scaf.dev/scaf/internal/platform/durable"
)

// side is the file that keeps events which could not be written to the
// ledger, until they can. A line is one Entry as JSON, the event's bytes in
// base64 since the ledger compares and hashes bytes; a line that a crash cut
// short was never promised to anybody and is dropped. Only the lane writes it.
type side struct {
	path  string
	lines atomic.Int64
}

// openSide reads what an earlier run left. An empty path keeps nothing.
func openSide(path string) (*side, error) {
	if path == "" {
		return nil, nil
	}
	s := &side{path: path}
	lines, whole, err := s.read()
	if err != nil {
		return nil, err
	}
	if len(lines) > 0 {
		if err := os.Truncate(path, whole); err != nil {
			return nil, err
		}
	}
	s.lines.Store(int64(len(lines)))
	return s, nil
}

func (s *side) pending() bool { return s != nil && s.lines.Load() > 0 }

// keep appends the entries and fsyncs file and folder. After an error the
// file is as it was before.
func (s *side) keep(entries []Entry) (err error) {
	if s == nil {
		return errors.New("no side file is configured")
	}
	file, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	before, err := file.Stat()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Truncate(before.Size()) // a torn line is dropped by read, too
		}
	}()
	out := json.NewEncoder(file)
	for i := range entries {
		if err := out.Encode(entries[i]); err != nil {
			return err
		}
	}
	if err := file.Sync(); err != nil {
		return err
	}
	s.lines.Add(int64(len(entries)))
	return durable.SyncDir(filepath.Dir(s.path))
}

// read returns the complete lines and the number of bytes that they take.
func (s *side) read() (all []Entry, whole int64, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	for line := range bytes.Lines(data) {
		var entry Entry
		if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &entry) != nil {
			break // a crash came in the middle of a write; nothing was promised
		}
		all = append(all, entry)
		whole += int64(len(line))
	}
	return all, whole, nil
}

// empty removes the file once its events are in the ledger.
func (s *side) empty() error {
	if err := os.Remove(s.path); err != nil {
		return err
	}
	s.lines.Store(0)
	return durable.SyncDir(filepath.Dir(s.path))
}

// recover appends the events of the side file. What cannot be appended now
// stays; an event whose key has been taken by other content meanwhile is
// moved to a file beside it and named in the ledger.
func (l *lane) recover() {
	if !l.side.pending() {
		return
	}
	lines, _, err := l.side.read()
	if err != nil {
		return // tried again after the next commit
	}
	var refused []Entry
	for _, line := range lines {
		m := &member{caller: Caller{ID: line.RecordedBy}, entries: []Entry{line}}
		err := l.commit([]*member{m}, true)
		if err == nil {
			err = m.err
		}
		switch {
		case errors.Is(err, ErrConflict):
			refused = append(refused, line)
		case err != nil:
			return
		}
	}
	report := &member{caller: Caller{ID: "scaf/door"}, body: func(tx *Tx) error {
		ids := []string{}
		for _, line := range refused {
			ids = append(ids, line.ID)
		}
		_, err := tx.Event(Event{Type: "scaf.ledger.recovered.v1", Subject: "ledger", Data: map[string]any{
			"events": len(lines) - len(refused), "refused": ids,
		}})
		return err
	}}
	if len(refused) > 0 {
		other := &side{path: l.side.path + ".refused"}
		if other.keep(refused) != nil {
			return
		}
	}
	if err := l.commit([]*member{report}, false); err != nil || report.err != nil {
		return
	}
	_ = l.side.empty() // appended again at the next start, which finds them there
}

// Unwritten is the number of events that wait in the side file.
func (d *Door) Unwritten() int64 {
	if d.lane.side == nil {
		return 0
	}
	return d.lane.side.lines.Load()
}
