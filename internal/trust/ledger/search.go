package ledger

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
)

// The search index has one row for every full block of events, with a column
// each of fixed-width values in event order: a 32-bit fingerprint of type,
// subject and actor, and the time in microseconds. A query reads one column
// per condition (4 or 8 bytes an event) and then only the events that match;
// writing costs a row for every 4,096 events. Secondary B-tree indexes, written
// inline, were measured to cost two thirds of the ingestion rate.
const blockEvents = 4096

var fingerprints = crc32.MakeTable(crc32.Castagnoli)

func fingerprint(text string) uint32 { return crc32.Checksum([]byte(text), fingerprints) }

// searchBlock collects the block that is not full yet.
type searchBlock struct {
	number                          int64
	types, subjects, actors, moment []byte
	full                            []searchBlock
}

// add appends an event; now is its time when it says none.
func (b *searchBlock) add(entry *act.Entry, now time.Time) {
	b.append(entry, now)
	if len(b.types) == 4*blockEvents {
		full := append(b.full, searchBlock{b.number, b.types, b.subjects, b.actors, b.moment, nil})
		*b = searchBlock{number: b.number + 1, full: full}
	}
}

// append is add to a block that has room.
func (b *searchBlock) append(entry *act.Entry, now time.Time) {
	at := entry.Time
	if at.IsZero() {
		at = now
	}
	b.types = binary.BigEndian.AppendUint32(b.types, fingerprint(entry.Type))
	b.subjects = binary.BigEndian.AppendUint32(b.subjects, fingerprint(entry.Subject))
	b.actors = binary.BigEndian.AppendUint32(b.actors, fingerprint(entry.Actor))
	b.moment = binary.BigEndian.AppendUint64(b.moment, uint64(at.UnixMicro()))
}

// flush gives the rows of the blocks that have filled, each signed, and
// forgets them.
func (b *searchBlock) flush(origin string, signer note.Signer) (store.Insertion, error) {
	rows := make([][]any, len(b.full))
	for i := range b.full {
		full := &b.full[i]
		signed, err := note.Sign(&note.Note{Text: full.text(origin)}, signer)
		if err != nil {
			return store.Insertion{}, fmt.Errorf("sign the search index: %w", err)
		}
		rows[i] = []any{full.number, full.types, full.subjects, full.actors, full.moment, string(signed)}
	}
	b.full = nil
	return store.Insertion{Table: "ledger_search", Columns: []string{"block", "types", "subjects", "actors", "times", "note"}, Rows: rows}, nil
}

// loadSearch reads the block that is not full yet from the events.
func loadSearch(r *store.Reader, size int64) (*searchBlock, error) {
	b := &searchBlock{number: size / blockEvents}
	err := eachEvent(r, b.number*blockEvents, size, func(index int64, body []byte) error {
		entry, err := indexed(index, body)
		if err == nil {
			b.add(entry, entry.Time)
		}
		return err
	})
	return b, err
}

// indexed is what the search index holds of a stored event.
func indexed(index int64, body []byte) (*act.Entry, error) {
	event, err := read(index, body)
	if err != nil {
		return nil, err
	}
	return &act.Entry{Type: event.Type, Subject: event.Subject, Actor: event.Actor, Time: event.Instant()}, nil
}

// Query selects events. Zero fields do not restrict.
type Query struct {
	Type    string // exactly, or a prefix when it ends with "*"
	Subject string
	Actor   string
	Since   time.Time // inclusive
	Until   time.Time // exclusive
	// From and To bound the index, To exclusive. To is the log's size when 0.
	From, To int64
	// Newest walks from the newest event back.
	Newest bool
}

// prefix reports whether the query's type is a pattern.
func (q *Query) prefix() (string, bool) {
	if n := len(q.Type); n > 0 && q.Type[n-1] == '*' {
		return q.Type[:n-1], true
	}
	return "", false
}

// Matches reports whether the event is one that the query selects, its index
// aside.
func (q *Query) Matches(e *Event) bool {
	if prefix, ok := q.prefix(); ok {
		if len(e.Type) < len(prefix) || e.Type[:len(prefix)] != prefix {
			return false
		}
	} else if q.Type != "" && e.Type != q.Type {
		return false
	}
	if q.Subject != "" && e.Subject != q.Subject || q.Actor != "" && e.Actor != q.Actor {
		return false
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		at := e.Instant()
		if !q.Since.IsZero() && at.Before(q.Since) || !q.Until.IsZero() && !at.Before(q.Until) {
			return false
		}
	}
	return true
}

// Find calls visit for every event that the query selects, in the order of
// the index (or against it), all of one snapshot. Visit stops the walk by
// returning Stop.
func Find(ctx context.Context, db *store.DB, q Query, visit func(*Event) error) error {
	return db.Read(ctx, func(r *store.Reader) error { return FindIn(r, q, visit) })
}

// Stop ends a walk without an error.
var Stop = errStop{}

type errStop struct{}

func (errStop) Error() string { return "stop" }

// FindIn is Find within a snapshot that the caller holds.
func FindIn(r *store.Reader, q Query, visit func(*Event) error) error {
	head, err := readHead(r, "")
	if err != nil {
		return err
	}
	if q.To <= 0 || q.To > head.Size {
		q.To = head.Size
	}
	for from, to := range q.blocks() {
		if err = findBlock(r, &q, from, to, visit); err != nil {
			break
		}
	}
	if errors.Is(err, Stop) {
		return nil
	}
	return err
}

// blocks walks the query's index range block by block.
func (q *Query) blocks() func(func(from, to int64) bool) {
	return func(yield func(from, to int64) bool) {
		if q.From >= q.To {
			return
		}
		first, last := q.From/blockEvents, (q.To-1)/blockEvents
		for i := range last - first + 1 {
			block := first + i
			if q.Newest {
				block = last - i
			}
			if !yield(max(q.From, block*blockEvents), min(q.To, (block+1)*blockEvents)) {
				return
			}
		}
	}
}

// findBlock visits the matching events of one block. It is looked up in the
// index first; a missing index row only costs the scan.
func findBlock(r *store.Reader, q *Query, from, to int64, visit func(*Event) error) error {
	candidates, known, err := q.candidates(r, from/blockEvents, to)
	if err != nil {
		return err
	}
	if !known {
		return q.visit(func(take func(int64, []byte) error) error { return eachEvent(r, from, to, take) }, visit)
	}
	base := from / blockEvents * blockEvents
	var hits []int64
	for index := from; index < to; index++ {
		if candidates[index-base] {
			hits = append(hits, index)
		}
	}
	piece := len(hits)
	if q.Newest { // mostly a few are wanted: twice as many each time
		piece = 4
	}
	for ; len(hits) > 0; piece *= 2 {
		begin := max(0, len(hits)-piece)
		some := hits[begin:]
		hits = hits[:begin]
		if err := q.visit(func(take func(int64, []byte) error) error { return eachOf(r, some, take) }, visit); err != nil {
			return err
		}
	}
	return nil
}

// visit visits those of the events that read gives which the query selects: after
// their rows are closed, since visit may query.
func (q *Query) visit(from func(take func(index int64, body []byte) error) error, visit func(*Event) error) error {
	var found []*Event
	if err := from(func(index int64, body []byte) error {
		if !q.mayMatch(body) {
			return nil
		}
		event, err := read(index, bytes.Clone(body))
		if err != nil {
			return &DamageError{index, "the stored bytes are not an event: " + err.Error()}
		}
		if q.Matches(event) {
			found = append(found, event)
		}
		return nil
	}); err != nil {
		return err
	}
	if q.Newest {
		slices.Reverse(found)
	}
	for _, event := range found {
		if err := visit(event); err != nil {
			return err
		}
	}
	return nil
}

// mayMatch is false when stored bytes cannot be of an event that the query
// selects: its type is in them letter by letter, or they escape letters.
func (q *Query) mayMatch(body []byte) bool {
	wanted := q.Type
	if prefix, ok := q.prefix(); ok {
		wanted = prefix
	}
	return bytes.Contains(body, []byte(wanted)) || bytes.IndexByte(body, '\\') >= 0
}

// column is the values of a column.
func (b *searchBlock) column(name string) []byte {
	switch name {
	case "types":
		return b.types
	case "subjects":
		return b.subjects
	case "actors":
		return b.actors
	}
	return b.moment
}

// candidates says which events of a block before an index may match; known is
// false when the index cannot tell.
func (q *Query) candidates(r *store.Reader, block, to int64) (hits []bool, known bool, err error) {
	type condition struct {
		column string
		accept func(value []byte) bool
		width  int
	}
	equal := func(column, text string) condition {
		want := fingerprint(text)
		return condition{column, func(value []byte) bool { return binary.BigEndian.Uint32(value) == want }, 4}
	}
	var conditions []condition
	if _, pattern := q.prefix(); q.Type != "" && !pattern {
		conditions = append(conditions, equal("types", q.Type))
	}
	if q.Subject != "" {
		conditions = append(conditions, equal("subjects", q.Subject))
	}
	if q.Actor != "" {
		conditions = append(conditions, equal("actors", q.Actor))
	}
	if !q.Since.IsZero() || !q.Until.IsZero() {
		since, until := int64(math.MinInt64), int64(math.MaxInt64)
		if !q.Since.IsZero() {
			since = q.Since.UnixMicro()
		}
		if !q.Until.IsZero() {
			until = q.Until.UnixMicro()
		}
		conditions = append(conditions, condition{"times", func(value []byte) bool {
			at := int64(binary.BigEndian.Uint64(value))
			return at >= since && at <= until // microseconds: the event itself decides at the edge
		}, 8})
	}
	var unfinished *searchBlock
	for _, c := range conditions {
		var column []byte
		if unfinished == nil {
			err := r.One(`SELECT `+c.column+` FROM ledger_search WHERE block = $1`, []any{block}, []any{&column})
			if errors.Is(err, store.ErrNotFound) && to < (block+1)*blockEvents {
				unfinished = tailOf(r, block, to)
			}
			if unfinished == nil && (errors.Is(err, store.ErrNotFound) || err == nil && len(column) != c.width*blockEvents) {
				return nil, false, nil
			}
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return nil, false, err
			}
		}
		if unfinished != nil {
			column = unfinished.column(c.column)
		}
		if hits == nil {
			hits = make([]bool, blockEvents)
			for i := range hits {
				hits[i] = true
			}
		}
		for i := range len(column) / c.width {
			hits[i] = hits[i] && c.accept(column[i*c.width:(i+1)*c.width])
		}
	}
	return hits, hits != nil, nil
}
