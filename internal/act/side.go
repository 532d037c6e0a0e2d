package act

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"scaf.dev/scaf/internal/platform/durable"
)

// side is the file that keeps events which could not be written to the
// ledger, until they can. A line is one Entry as JSON, the event's bytes in
// base64 since the ledger compares and hashes bytes. What follows the last
// whole line was cut short by a crash, and never promised to anybody. Only the
// lane writes the file.
type side struct {
	path  string
	lines atomic.Int64
	size  int64 // bytes of whole lines; whatever follows them is overwritten
}

// openSide reads what an earlier run left. An empty path keeps nothing.
func openSide(path string) (*side, error) {
	if path == "" {
		return nil, nil
	}
	s := &side{path: path}
	err := s.each(func(line []byte, _ *Entry) error {
		s.size += int64(len(line))
		s.lines.Add(1)
		return nil
	})
	return s, err
}

func (s *side) pending() bool { return s != nil && s.lines.Load() > 0 }

// keep appends the entries and fsyncs file and folder. After an error none of
// them is kept.
func (s *side) keep(entries []Entry) error {
	if s == nil {
		return errors.New("no side file is configured")
	}
	var lines [][]byte
	for i := range entries {
		line, err := json.Marshal(entries[i])
		if err != nil {
			return err
		}
		lines = append(lines, append(line, '\n'))
	}
	return s.write(lines)
}

// write appends whole lines.
func (s *side) write(lines [][]byte) (err error) {
	file, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := file.Truncate(s.size); err != nil {
		return err
	}
	data := bytes.Join(lines, nil)
	_, err = file.WriteAt(data, s.size)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = durable.SyncDir(filepath.Dir(s.path))
	}
	if err != nil {
		return errors.Join(err, file.Truncate(s.size))
	}
	s.size += int64(len(data))
	s.lines.Add(int64(len(lines)))
	return nil
}

// each visits the whole lines; entry is nil where a line is whole and yet no
// entry, since the file was damaged. Memory does not grow with the file.
func (s *side) each(visit func(line []byte, entry *Entry) error) error {
	file, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewReaderSize(file, 1<<18)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what is left of a line was never promised
		}
		if err != nil {
			return err
		}
		entry := &Entry{}
		if json.Unmarshal(line, entry) != nil || entry.ID == "" || entry.Source == "" || len(entry.JSON) < 2 {
			entry = nil
		}
		if err := visit(line, entry); err != nil {
			return err
		}
	}
}

// empty removes the file once its events are in the ledger. Where that fails
// they are found there when the file is read again.
func (s *side) empty() {
	s.lines.Store(0)
	s.size = 0
	if err := os.Truncate(s.path, 0); err == nil && os.Remove(s.path) == nil {
		_ = durable.SyncDir(filepath.Dir(s.path)) // an empty file says the same
	}
}

// recover appends the events of the side file and records how many there
// were. What cannot be appended now stays. What can never be, since its key
// has been taken by other content meanwhile or its line cannot be read, is
// moved to a file beside it (".refused") and named in the ledger.
func (l *lane) recover() {
	if !l.side.pending() {
		return
	}
	var refused [][]byte // lines
	var appended, unreadable int
	ids := []string{}
	var lines [][]byte
	var entries []Entry
	flush := func() error {
		not, err := l.append(entries)
		for _, i := range not {
			refused, ids = append(refused, lines[i]), append(ids, entries[i].ID)
		}
		appended += len(entries) - len(not)
		lines, entries = nil, nil
		return err
	}
	err := l.side.each(func(line []byte, entry *Entry) error {
		if entry == nil {
			unreadable++
			refused = append(refused, line)
			return nil
		}
		if lines, entries = append(lines, line), append(entries, *entry); len(entries) < groupEvents {
			return nil
		}
		return flush()
	})
	if err != nil || flush() != nil {
		return // tried again after the next commit
	}
	if len(refused) > 0 {
		other, err := openSide(l.side.path + ".refused")
		if err != nil || other.write(refused) != nil {
			return
		}
	}
	report := &member{caller: Caller{ID: "scaf/door"}, body: func(tx *Tx) error {
		_, err := tx.Event(Event{Type: "scaf.ledger.recovered.v1", Subject: "ledger", Data: map[string]any{
			"events": appended, "refused": ids, "unreadable": unreadable,
		}})
		return err
	}}
	if err := l.commit([]*member{report}, false); err != nil || report.err != nil {
		return
	}
	l.side.empty()
}

// append appends entries of the side file and returns the positions of those
// that can never be appended. An error is the machine's: try again later.
func (l *lane) append(entries []Entry) (refused []int, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	group := make([]*member, len(entries))
	for i := range entries {
		group[i] = &member{caller: Caller{ID: entries[i].RecordedBy}, entries: entries[i : i+1]}
	}
	err = l.commit(group, true)
	switch {
	case err == nil:
		for i, m := range group {
			if m.err != nil {
				refused = append(refused, i)
			}
		}
		return refused, nil
	case environmental(err):
		return nil, err
	case len(entries) == 1:
		return []int{0}, nil
	}
	for i := range entries {
		not, err := l.append(entries[i : i+1])
		if err != nil {
			return nil, err
		}
		if not != nil {
			refused = append(refused, i)
		}
	}
	return refused, nil
}

// Unwritten is the number of events that wait in the side file.
func (d *Door) Unwritten() int64 {
	if d.lane.side == nil {
		return 0
	}
	return d.lane.side.lines.Load()
}
