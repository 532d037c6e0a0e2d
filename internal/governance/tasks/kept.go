package tasks

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/record"
)

// kept holds beside an open database what documents of duties, and of what was
// done about their occurrences, come to, by their bytes: it depends on these alone,
// and holds of every snapshot. What is asked every night then costs what has changed
// since. It can be lost without harm, and nobody changes what it holds.
type kept struct {
	beside       bool // the database, and not only for its caller
	mu           sync.Mutex
	duties       map[string]*duty
	performances map[string]*Performance
}

// duty is a duty with its occurrences, as one document of it says.
type duty struct {
	*Task
	mu sync.Mutex
	// occurrences are all that fall due before until, the earliest first.
	occurrences []calendar.Occurrence
	until       time.Time
	done        map[string]done // by date; nil: they are not kept
}

// of is a duty that is not kept.
func of(t *Task) *duty { return &duty{Task: t} }

// done is an occurrence that was done, and of what it was made.
type done struct {
	by    *Performance
	fact  record.Fact
	shown *Occurrence
}

const (
	// Of each as many are kept; when there are more all are read anew.
	maxDuties       = 1 << 12
	maxPerformances = 1 << 17
	// Occurrences are computed ahead of what is asked for, and not kept for longer
	// than this at once.
	ahead    = 60 * 24 * time.Hour
	farthest = 4 * 366 * 24 * time.Hour
)

type keptKey struct{}

// keep is what is kept beside the database that the past is of; without one it is
// empty, and lives as long as its caller.
func keep(past record.Past) *kept {
	fresh := &kept{duties: map[string]*duty{}, performances: map[string]*Performance{}}
	if memo := past.Memo(); memo != nil {
		fresh.beside = true
		found, _ := memo.LoadOrStore(keptKey{}, fresh)
		if known, ok := found.(*kept); ok {
			return known
		}
	}
	return fresh
}

// read is what a document says, which is read once.
func read[T any](k *kept, known map[string]*T, most int, doc []byte, wrap func(*T) error) (*T, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := known[string(doc)]; one != nil {
		return one, nil
	}
	one := new(T)
	if err := wrap(one); err != nil {
		return nil, err
	}
	if len(known) >= most {
		clear(known)
	}
	known[string(doc)] = one
	return one, nil
}

// duty is that of a document.
func (k *kept) duty(doc []byte) (*duty, error) {
	return read(k, k.duties, maxDuties, doc, func(d *duty) error {
		if d.Task = (&Task{}); k.beside {
			d.done = map[string]done{}
		}
		return json.Unmarshal(doc, d.Task)
	})
}

// performance is that of a document.
func (k *kept) performance(doc []byte) (*Performance, error) {
	return read(k, k.performances, maxPerformances, doc, func(p *Performance) error { return json.Unmarshal(doc, p) })
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
