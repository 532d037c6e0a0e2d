package act

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/platform/store"
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
	entries, unreadable, size, err := s.read()
	if err != nil {
		return nil, err
	}
	s.size = size
	s.lines.Store(int64(len(entries) + len(unreadable)))
	return s, nil
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

// read returns the entries of the whole lines, those lines that are whole and
// yet no entry (the file was damaged), and the bytes that both take.
func (s *side) read() (entries []Entry, unreadable [][]byte, size int64, err error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, 0, nil
	}
	if err != nil {
		return nil, nil, 0, err
	}
	for line := range bytes.Lines(data) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		size += int64(len(line))
		var entry Entry
		if json.Unmarshal(line, &entry) != nil || entry.ID == "" || entry.Source == "" || len(entry.JSON) < 2 {
			unreadable = append(unreadable, line)
			continue
		}
		entries = append(entries, entry)
	}
	return entries, unreadable, size, nil
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
	entries, unreadable, _, err := l.side.read()
	if err != nil {
		return // tried again after the next commit
	}
	var refused []Entry
	for some := range slices.Chunk(entries, groupEvents) {
		not, err := l.append(some)
		if err != nil {
			return
		}
		refused = append(refused, not...)
	}
	ids := []string{}
	for i := range refused {
		ids = append(ids, refused[i].ID)
	}
	if len(refused)+len(unreadable) > 0 {
		other, err := openSide(l.side.path + ".refused")
		if err != nil || other.write(unreadable) != nil || other.keep(refused) != nil {
			return
		}
	}
	report := &member{caller: Caller{ID: "scaf/door"}, body: func(tx *Tx) error {
		_, err := tx.Event(Event{Type: "scaf.ledger.recovered.v1", Subject: "ledger", Data: map[string]any{
			"events": len(entries) - len(refused), "refused": ids, "unreadable": len(unreadable),
		}})
		return err
	}}
	if err := l.commit([]*member{report}, false); err != nil || report.err != nil {
		return
	}
	l.side.empty()
}

// append appends entries of the side file and returns those that can never be
// appended. An error is the machine's: try again later.
func (l *lane) append(entries []Entry) (refused []Entry, err error) {
	group := make([]*member, len(entries))
	for i := range entries {
		group[i] = &member{caller: Caller{ID: entries[i].RecordedBy}, entries: entries[i : i+1]}
	}
	err = l.commit(group, true)
	switch {
	case err == nil:
		for i, m := range group {
			if m.err != nil {
				refused = append(refused, entries[i])
			}
		}
		return refused, nil
	case environmental(err) || errors.Is(err, store.ErrUnknown):
		return nil, err
	case len(entries) == 1:
		return entries, nil
	}
	for i := range entries {
		not, err := l.append(entries[i : i+1])
		if err != nil {
			return nil, err
		}
		refused = append(refused, not...)
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
