// Package populations reads complete populations from what SCAF has recorded,
// as of a checkpoint, and banks them: the exact query, the checkpoint, the
// count and the SHA-256.
package populations

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"hash"
	"iter"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/record"
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

// ErrSource says: the population's source is not in the store.
var ErrSource = errors.New("the population is not kept by SCAF")

// Stream is a population being read: it implements controltests.Source. Items
// come sorted by instant, then id, bytewise; the hash is over each item's
// canonical document (RFC 8785) followed by a line feed, in this order.
type Stream struct {
	*Reading
	*Members
}

// Open prepares to read the population of a test in a snapshot.
func Open(r Snapshot, kinds record.Kinds, from *controls.Population, window Window) (*Stream, error) {
	reading, err := Read(context.Background(), r, kinds, window, from)
	if err != nil {
		return nil, err
	}
	return &Stream{reading, reading.Members()}, nil
}

// Items implements controltests.Source.
func (s *Stream) Items() iter.Seq2[controltests.Item, error] {
	return func(yield func(controltests.Item, error) bool) {
		var keep *controls.Evaluator
		if s.of[0].Where != "" && !s.sifted {
			keep = s.of[0].Evaluator()
		}
		for item, err := range s.Reading.Items() {
			in := true
			if err == nil && keep != nil {
				in, err = belongs(keep, item.JSON)
			}
			if err != nil {
				yield(item, err)
				return
			}
			if !in {
				continue
			}
			_ = s.Take(item.JSON) // a hash takes everything
			item.Line = int(s.Count())
			if !yield(item, nil) {
				return
			}
		}
	}
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

// Members counts and hashes the items of a population that is being read: it
// implements controltests.Members.
type Members struct {
	sum   hash.Hash
	count int64
	// asserted counts items that say of themselves that they are; only those of
	// registers that have such a field can.
	marks    bool
	asserted int64
}

var assertedMark = []byte(`"asserted":true`)

// Take implements controltests.Members; it takes everything.
func (m *Members) Take(doc []byte) error {
	m.count++
	m.sum.Write(doc)
	m.sum.Write([]byte{'\n'})
	if m.marks && bytes.Contains(doc, assertedMark) {
		m.asserted++
	}
	return nil
}

// SHA256 implements controltests.Members and controltests.Source.
func (m *Members) SHA256() string { return hex.EncodeToString(m.sum.Sum(nil)) }

// Count is the number of items that were given.
func (m *Members) Count() int64 { return m.count }

// Asserted is the number of items given that are marked asserted.
func (m *Members) Asserted() int64 { return m.asserted }
