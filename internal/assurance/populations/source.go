// Package populations reads complete populations from what SCAF has recorded,
// as of a checkpoint, and banks them: the exact query, the checkpoint, the
// count and the SHA-256.
package populations

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"iter"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// The sources that are not registers.
const (
	FromEvents       = "events"
	FromLogChecks    = "log_checks"
	FromObservations = "observations"
)

// Window is what a population is read for.
type Window struct {
	// From and To are the half-open interval; the item's instant decides.
	From, To time.Time
	Zone     *time.Location
	// AsOf is the size of the checkpoint at which it is read.
	AsOf int64
	// Interim: the period goes on after To, so that what has begun is not over.
	Interim bool
	// Until is the end up to which deadlines are judged: that of the period
	// whose part the window is. Zero: To.
	Until time.Time
}

// Stream is a population being read: it implements controltests.Source. Items
// come sorted by instant, then id, bytewise; the hash is over each item's
// canonical document (RFC 8785) followed by a line feed, in this order.
type Stream struct {
	kinds  record.Kinds
	reader Snapshot
	from   *controls.Population
	window Window
	sum    hash.Hash
	count  int64
	// asserted counts items that say of themselves that they are; only those of
	// registers that have such a field can.
	marks    bool
	asserted int64
}

// ErrSource says: the population's source is not in the store.
var ErrSource = errors.New("the population is not kept by SCAF")

// Open prepares to read the population of a test in a snapshot.
func Open(r Snapshot, kinds record.Kinds, from *controls.Population, window Window) (*Stream, error) {
	if from.From == controls.FromItems {
		return nil, fmt.Errorf("%w: it comes from a file that is given to scaf control try", ErrSource)
	}
	s := &Stream{kinds: kinds, reader: r, from: from, window: window, sum: sha256.New()}
	if kind, err := kinds.Find(from.From); err == nil {
		s.marks = kind.Type("asserted") != nil
	}
	return s, nil
}

// Name implements controltests.Source.
func (s *Stream) Name() string { return "" }

// SHA256 implements controltests.Source.
func (s *Stream) SHA256() string { return hex.EncodeToString(s.sum.Sum(nil)) }

// Count is the number of items that were given.
func (s *Stream) Count() int64 { return s.count }

// Asserted is the number of items given that are marked asserted.
func (s *Stream) Asserted() int64 { return s.asserted }

var (
	errStopped   = errors.New("stopped")
	assertedMark = []byte(`"asserted":true`)
)

// Items implements controltests.Source.
func (s *Stream) Items() iter.Seq2[controltests.Item, error] {
	return func(yield func(controltests.Item, error) bool) {
		give := func(doc []byte) error {
			s.count++
			s.sum.Write(doc)
			s.sum.Write([]byte{'\n'})
			if s.marks && bytes.Contains(doc, assertedMark) {
				s.asserted++
			}
			if !yield(controltests.Item{Line: int(s.count), JSON: doc}, nil) {
				return errStopped
			}
			return nil
		}
		if err := s.each(give); err != nil && !errors.Is(err, errStopped) {
			yield(controltests.Item{}, err)
		}
	}
}

// each reads the source in order and gives every item of the population.
func (s *Stream) each(give func(doc []byte) error) error {
	switch s.from.From {
	case FromEvents:
		return s.sorted(s.events, give)
	case FromLogChecks:
		return s.sorted(s.logChecks, give)
	case FromObservations:
		return s.sorted(s.observations, give)
	case controls.FromDocuments:
		return s.sorted(s.documents, give)
	}
	if derived := s.kinds.Derived(s.from.From); derived != nil {
		return s.sorted(func(take func([]byte) error) error { return s.derived(derived, take) }, give)
	}
	kind, err := s.kinds.Find(s.from.From)
	if err != nil {
		return err
	}
	all := record.Range{Kind: kind.Name, AsOf: s.window.AsOf}
	if s.from.At != "item."+kind.At {
		return s.sorted(func(take func([]byte) error) error {
			return s.reader.Versions(all, func(v *record.Version) error { return take(v.Doc) })
		}, give)
	}
	// The register's own instant: the database has the order already.
	all.From, all.To = s.window.From, s.window.To
	if s.from.Where == "" {
		return s.reader.Versions(all, func(v *record.Version) error { return give(v.Doc) })
	}
	keep := s.from.Evaluator()
	return s.reader.Versions(all, func(v *record.Version) error {
		if in, err := belongs(keep, v.Doc); err != nil || !in {
			return err
		}
		return give(v.Doc)
	})
}

// belongs reads a document and asks the population's filter. Where the filter
// cannot be evaluated the item stays in: the test then says that it could not
// be evaluated, and reads incomplete.
func belongs(e *controls.Evaluator, doc []byte) (bool, error) {
	if err := e.Read(doc); err != nil {
		return false, err
	}
	in, err := e.In()
	return in || err != nil, nil
}

// sorted gives a source's items in the order of populations, where the
// database does not have it. Memory is bounded.
func (s *Stream) sorted(source func(take func(doc []byte) error) error, give func([]byte) error) error {
	items := NewSorter(sortMemory)
	defer items.Close()
	e := s.from.Evaluator()
	err := source(func(doc []byte) error {
		if in, err := belongs(e, doc); err != nil || !in {
			return err
		}
		id, err := e.ID()
		if err != nil {
			return err
		}
		at, err := e.At()
		if errors.Is(err, controls.ErrAbsent) {
			return nil // what did not happen belongs to no period
		}
		if err != nil {
			return fmt.Errorf("item %q: %w", id, err)
		}
		if at.Before(s.window.From) || !at.Before(s.window.To) {
			return nil
		}
		return items.Add(at.UnixMicro(), id, bytes.Clone(doc))
	})
	if err != nil {
		return err
	}
	return items.Each(func(_ int64, _ string, doc []byte) error { return give(doc) })
}

// events gives the ledger's events as items.
func (s *Stream) events(take func([]byte) error) error {
	query := ledger.Query{To: s.window.AsOf}
	if s.from.At == "item.time" { // by another instant an event of any time may belong
		query.Since, query.Until = s.window.From, s.window.To
	}
	var doc []byte
	return s.reader.Events(query, func(e *ledger.Event) (err error) {
		if doc, err = appendEvent(doc[:0], e); err != nil {
			return err
		}
		return take(doc)
	})
}

// HasEvent reports whether an event that the query selects belongs to a
// population of events, or cannot be told not to.
func HasEvent(from Snapshot, population *controls.Population, query ledger.Query) (bool, error) {
	found := false
	e := population.Evaluator()
	var doc []byte
	err := from.Events(query, func(event *ledger.Event) (err error) {
		if doc, err = appendEvent(doc[:0], event); err != nil {
			return err
		}
		if in, err := belongs(e, doc); err != nil || !in {
			return err
		}
		found = true
		return ledger.Stop
	})
	return found, err
}

// logCheck is one day's duty to verify the ledger.
type logCheck struct {
	ID     string     `json:"id"` // the day
	DueAt  time.Time  `json:"due_at"`
	DoneAt *time.Time `json:"done_at,omitempty"`
	OK     bool       `json:"ok"`
	Event  *int64     `json:"event,omitempty"` // ledger index of the verification
}

// logChecks gives the daily integrity checks: one for every day of the calendar
// in the organisation's time zone that the window touches, due at the day's
// end, done by the first verification recorded within the day.
func (s *Stream) logChecks(take func([]byte) error) error {
	year, month, day := s.window.From.In(s.window.Zone).Date()
	begin := dayBegin(year, month, day, s.window.Zone)
	first := map[string]*ledger.Event{}
	// The window may begin when the day's verification has been done already.
	query := ledger.Query{Type: ledger.VerifiedType, To: s.window.AsOf, Since: begin, Until: s.window.To}
	if err := s.reader.Events(query, func(e *ledger.Event) error {
		day := e.Instant().In(s.window.Zone).Format(time.DateOnly)
		if first[day] == nil {
			first[day] = e
		}
		return nil
	}); err != nil {
		return err
	}
	for ; begin.Before(s.window.To); day++ {
		end := dayBegin(year, month, day+1, s.window.Zone)
		if !begin.Before(end) { // a day that was left out of the calendar
			continue
		}
		check := logCheck{ID: begin.Format(time.DateOnly), DueAt: end.Add(-time.Microsecond).UTC()}
		begin = end
		if e := first[check.ID]; e != nil {
			done := e.Instant().UTC()
			check.DoneAt, check.OK, check.Event = &done, e.Outcome == "success", &e.Index
		}
		doc, err := record.Canonical(check)
		if err != nil {
			return err
		}
		if err := take(doc); err != nil {
			return err
		}
	}
	return nil
}

// dayBegin is the first instant of a day; day may lie beyond the month's end.
// Where the clocks go forward at midnight the day has no midnight, and begins
// at the change.
func dayBegin(year int, month time.Month, day int, zone *time.Location) time.Time {
	at := time.Date(year, month, day, 0, 0, 0, 0, zone)
	// Of a time that does not exist, time.Date gives one on either side.
	if noon := time.Date(year, month, day, 12, 0, 0, 0, zone); at.Day() != noon.Day() {
		_, at = at.ZoneBounds()
	}
	return at
}
