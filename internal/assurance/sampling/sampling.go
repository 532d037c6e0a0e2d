// Package sampling draws the derived sample (docs/deviation-rule.md): sizes are
// fixed by frequency, and nobody chooses an item.
//
// It is for populations that cannot be tested in full, and a report discloses
// that it was used. Whoever has the same file, engagement and control draws
// the same items; whoever changes a byte of the file draws others.
package sampling

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
)

// Sample is a drawn sample.
type Sample struct {
	Population controltests.Population `json:"population"`
	// Seed is the lowercase hex SHA-256 of "engagement|control|sha256", where
	// the last is Population.SHA256.
	Seed string `json:"seed"`
	Size int    `json:"size"`
	Runs []Run  `json:"runs"`
}

// Run is a stretch of the sorted population, of which one item is picked.
type Run struct {
	Run int `json:"run"` // from 0
	// From and To are the ids of its first and last item.
	From   string `json:"from"`
	To     string `json:"to"`
	Picked string `json:"picked"`
}

// Size is the number of items that a sample of a population of n has, as
// docs/deviation-rule.md publishes it. ok is false for an unknown frequency.
func Size(f controls.Frequency, n int) (size int, ok bool) {
	switch f {
	case controls.Annual:
		size = 1
	case controls.Quarterly, controls.Monthly:
		size = 2
	case controls.Weekly:
		size = 5
	case controls.Daily:
		size = 25
	case controls.MultiDaily:
		size = 40
	case controls.AdHoc:
		switch {
		case n > 250:
			size = 25
		case n > 50:
			size = 15
		case n > 10:
			size = 8
		default:
			size = n
		}
	default:
		return 0, false
	}
	return min(size, n), true
}

// Entry is what a sample needs to know of an item.
type Entry struct {
	ID string
	At time.Time
}

// Options say what a sample is drawn for.
type Options struct {
	Engagement string
	Control    string
	Frequency  controls.Frequency
	// ID and At are CEL expressions over an item; empty for item.id and
	// item.occurred_at.
	ID, At string
}

// FromFile draws from a file with one JSON object a line. name is the file's,
// for error messages. The error is a *controltests.InputError for an item that
// is malformed or has no id, no instant or an id that another one has.
func FromFile(name string, r io.Reader, opt Options) (*Sample, error) {
	population, err := controls.NewPopulation(opt.ID, opt.At)
	if err != nil {
		return nil, err
	}
	evaluator := population.Evaluator()
	file := controltests.NewFile(name, r)
	var entries []Entry
	lines := map[string]int{}
	for item, err := range file.Items() {
		if err != nil {
			return nil, err
		}
		entry, err := read(evaluator, item)
		if err == nil {
			if first, twice := lines[entry.ID]; twice {
				err = fmt.Errorf("the id %q is already on line %d", entry.ID, first)
			}
		}
		if err != nil {
			return nil, &controltests.InputError{Name: name, Line: item.Line, Err: err}
		}
		lines[entry.ID] = item.Line
		entries = append(entries, entry)
	}
	return Draw(entries, file.SHA256(), opt)
}

func read(e *controls.Evaluator, item controltests.Item) (entry Entry, err error) {
	if err := e.Read(item.JSON); err != nil {
		return Entry{}, err
	}
	if entry.ID, err = e.ID(); err != nil {
		return Entry{}, err
	}
	if entry.At, err = e.At(); err != nil {
		return Entry{}, fmt.Errorf("item %q: %w", entry.ID, err)
	}
	return entry, nil
}

// Draw draws from entries in any order, which it sorts in place by instant,
// then by id as bytes. sum is the population's SHA-256 in lowercase hex. The
// error is for an unknown frequency, or an engagement or control that is empty
// or contains the separator '|', with which two could not be told apart.
func Draw(entries []Entry, sum string, opt Options) (*Sample, error) {
	for _, part := range []struct{ name, value string }{{"engagement", opt.Engagement}, {"control", opt.Control}} {
		if part.value == "" || strings.Contains(part.value, "|") {
			return nil, fmt.Errorf("%s %q must be a name without '|'", part.name, part.value)
		}
	}
	n := len(entries)
	size, ok := Size(opt.Frequency, n)
	if !ok {
		return nil, fmt.Errorf("unknown frequency %q; one of %v", opt.Frequency, controls.Frequencies())
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	hash := sha256.Sum256([]byte(opt.Engagement + "|" + opt.Control + "|" + sum))
	s := &Sample{
		Population: controltests.Population{Count: n, SHA256: sum},
		Seed:       hex.EncodeToString(hash[:]), Size: size, Runs: []Run{},
	}
	begin := 0
	for k := range size {
		length := n / size
		if k < n%size { // the first N mod K runs hold one more
			length++
		}
		run := entries[begin : begin+length]
		s.Runs = append(s.Runs, Run{
			Run: k, From: run[0].ID, To: run[length-1].ID,
			Picked: run[pick(s.Seed, k, length)].ID,
		})
		begin += length
	}
	return s, nil
}

// pick is the index drawn in a run: the first 8 bytes, big-endian, of
// SHA-256("seed|run"), modulo the run's length.
func pick(seed string, run, length int) int {
	hash := sha256.Sum256([]byte(seed + "|" + strconv.Itoa(run)))
	return int(binary.BigEndian.Uint64(hash[:8]) % uint64(length))
}
