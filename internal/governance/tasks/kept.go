package tasks

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/record"
)

// duty is a duty with its occurrences, as one document of it says: beside an open
// database they are computed once.
type duty struct {
	*Task

	mu sync.Mutex
	// occurrences are all that fall due before until, the earliest first.
	occurrences []calendar.Occurrence
	until       time.Time
	done        map[string]done // by date; nil: they are not kept
}

// done is an occurrence that was done, and of what it was made.
type done struct {
	by    *Performance
	fact  record.Fact
	shown *Occurrence
}

const (
	// Occurrences are computed ahead of what is asked for, and not kept for longer
	// than this at once.
	ahead    = 60 * 24 * time.Hour
	farthest = 4 * 366 * 24 * time.Hour
)

// of is a duty that is not kept.
func of(t *Task) *duty { return &duty{Task: t} }

// dutyOf is the duty that a document says.
func dutyOf(past record.Past, doc []byte) (*duty, error) {
	return record.Parsed(past.Memo(), doc, func(doc []byte) (*duty, error) {
		d := of(&Task{})
		if past.Memo() != nil {
			d.done = map[string]done{}
		}
		return d, json.Unmarshal(doc, d.Task)
	})
}

// performanceOf is what a document says of an occurrence.
func performanceOf(past record.Past, doc []byte) (*Performance, error) {
	return record.Parsed(past.Memo(), doc, func(doc []byte) (*Performance, error) {
		p := &Performance{}
		return p, json.Unmarshal(doc, p)
	})
}

// between gives the duty's occurrences that fall due in the half-open interval,
// over all its schedules, the earliest first.
func (d *duty) between(from, to time.Time) ([]calendar.Occurrence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.until.Before(to) {
		known := d.until
		if known.IsZero() {
			known = d.Schedules[0].Since
		}
		if to.Sub(known) > farthest {
			seq, err := d.Task.between(from, to)
			if err != nil {
				return nil, err
			}
			return slices.Collect(seq), nil
		}
		seq, err := d.Task.between(d.until, to.Add(ahead))
		if err != nil {
			return nil, err
		}
		d.occurrences, d.until = slices.AppendSeq(slices.Clip(d.occurrences), seq), to.Add(ahead)
	}
	due := func(o calendar.Occurrence, at time.Time) int {
		if o.Due.Before(at) {
			return -1
		}
		return 1
	}
	first, _ := slices.BinarySearchFunc(d.occurrences, from, due)
	end, _ := slices.BinarySearchFunc(d.occurrences, to, due)
	return d.occurrences[first:max(first, end)], nil
}

// show is Task.show. How an occurrence that was done stands depends on nothing that
// is still to come.
func (d *duty) show(o calendar.Occurrence, p *Performance, fact *record.Fact, now time.Time) (*Occurrence, error) {
	if d.done == nil {
		return d.Task.show(o, p, fact, now), nil
	}
	var of record.Fact
	if fact != nil {
		of = *fact
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.done[o.Date]; ok && known.by == p && known.fact == of && !now.Before(*known.shown.DoneAt) {
		return known.shown, nil
	}
	shown := d.Task.show(o, p, fact, now)
	if shown.DoneAt == nil || now.Before(*shown.DoneAt) {
		return shown, nil
	}
	var err error
	if shown.doc, err = record.Canonical(shown); err != nil {
		return nil, err
	}
	d.done[o.Date] = done{p, of, shown}
	return shown, nil
}
