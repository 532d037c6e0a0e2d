package controltests

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A state test asks whether a setting held all the time, of readings at
// moments. Between two readings of a resource the state is taken to be that of
// the reading before, for at most the test's interval: what lies beyond it is
// not known, and named as a gap. A probe that failed is no reading.

// Span is a half-open part of time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Gap is a part of the period of which nothing is known.
type Gap struct {
	Of string `json:"of"` // a resource, or a document
	Span
	Why string `json:"why"`
}

// String is the gap in a sentence.
func (g Gap) String() string {
	return fmt.Sprintf("%s, from %s to %s: %s", g.Of, g.From.UTC().Format(time.RFC3339), g.To.UTC().Format(time.RFC3339), g.Why)
}

// ChangeRecord is a source's own record of changes. Within what it covers, a
// state without a change is known without being read.
type ChangeRecord struct {
	// Covered are the parts of time of which it is complete, in order, apart from
	// each other.
	Covered []Span
	// Changed are the instants of changes, in order, by resource; those of the
	// empty resource concern every one.
	Changed map[string][]time.Time
}

// State is what a state test knows beside the outcome of every reading.
type State struct {
	Resources int `json:"resources"`
	// Readings are those that came to something; Unread probes failed, Absent
	// ones found the resource not there.
	Readings int `json:"readings"`
	Unread   int `json:"unread"`
	Absent   int `json:"absent"`
	// KnownHours are the resource-hours of which the state is known, FailedHours
	// those of them in which it did not hold.
	KnownHours  float64 `json:"known_hours"`
	FailedHours float64 `json:"failed_hours"`

	known, failed int64 // microseconds
}

// reading is one look at a resource.
type reading struct {
	at      int64 // microseconds
	state   state
	finding int // its index, where it deviates
}

// resource is what was seen of one resource.
type resource struct {
	readings []reading
	since    int64 // from which it exists, by its earliest reading; 0 if not said
	sinceAt  int64 // of that reading
}

// watch collects the readings of a state test.
type watch struct {
	interval  int64 // microseconds
	period    *Period
	changes   *ChangeRecord
	resources map[string]*resource
	State
	gaps []Gap
}

func newWatch(interval time.Duration, opt *Options) *watch {
	return &watch{interval: interval.Microseconds(), period: opt.Period, changes: opt.Changes, resources: map[string]*resource{}}
}

// add takes the verdict on a reading; finding is the index of its deviation.
func (w *watch) add(v *verdict, finding int) {
	r := w.resources[v.resource]
	if r == nil {
		r = &resource{}
		w.resources[v.resource] = r
	}
	at := v.at.UnixMicro()
	if !v.since.IsZero() && (r.since == 0 || at < r.sinceAt) {
		r.since, r.sinceAt = v.since.UnixMicro(), at
	}
	r.readings = append(r.readings, reading{at, v.state, finding})
	switch v.state {
	case unread:
		w.Unread++
	case gone:
		w.Absent++
	default:
		w.Readings++
	}
}

// finish goes through every resource, in order, and says in the findings which
// of them are one spell: readings of a resource that deviate without one that
// does not between them.
func (w *watch) finish(findings []Finding) {
	w.Resources = len(w.resources)
	for _, name := range slices.Sorted(maps.Keys(w.resources)) {
		r := w.resources[name]
		slices.SortStableFunc(r.readings, func(a, b reading) int { return cmp.Compare(a.at, b.at) })
		w.follow(name, r)
		spell := ""
		for _, one := range r.readings {
			switch {
			case one.state == unread:
			case one.state != deviates:
				spell = ""
			default:
				if spell == "" {
					spell = name + "\x00" + findings[one.finding].Item
				}
				findings[one.finding].Spell = spell
			}
		}
	}
	const hour = 3600e6 // microseconds
	w.KnownHours, w.FailedHours = float64(w.known)/hour, float64(w.failed)/hour
}

// follow goes through the readings of one resource.
func (w *watch) follow(name string, r *resource) {
	seen := slices.DeleteFunc(slices.Clone(r.readings), func(one reading) bool { return one.state == unread })
	changed := w.changesOf(name)
	if len(seen) == 0 {
		if p := w.period; p != nil {
			w.gap(name, r, p.From.UnixMicro(), p.To.UnixMicro(), "it was never read")
		}
		return
	}
	if w.period != nil {
		// Before the first reading the state is known back to the last change, as
		// far as the record of changes is complete.
		first := seen[0]
		begin := max(w.period.From.UnixMicro(), min(r.since, first.at))
		back := w.knownBack(changed, begin, first.at)
		if back-begin > w.interval {
			w.gap(name, r, begin, back, "no reading")
		}
		w.count(first, first.at-back)
	}
	for i, one := range seen {
		var next int64
		switch {
		case i+1 < len(seen):
			next = seen[i+1].at
		case w.period == nil || one.state == gone: // what is gone is not looked for any more
			return
		default:
			next = w.period.To.UnixMicro()
		}
		known := w.knownUntil(changed, one.at, next)
		if next-known > w.interval {
			w.gap(name, r, known, next, "no reading")
		}
		w.count(one, min(next, known+w.interval)-one.at)
	}
}

// speaks is the instant up to which the last reading of a resource speaks; false
// when nothing was seen of it, or it is gone.
func (w *watch) speaks(name string, r *resource) (until time.Time, ok bool) {
	var last *reading
	for i := range r.readings {
		if one := &r.readings[i]; one.state != unread && (last == nil || one.at >= last.at) {
			last = one
		}
	}
	if last == nil || last.state == gone {
		return until, false
	}
	known := w.knownUntil(w.changesOf(name), last.at, w.period.To.UnixMicro())
	return time.UnixMicro(known + w.interval).UTC(), true
}

// count counts the time for which a reading speaks.
func (w *watch) count(one reading, micros int64) {
	if one.state == gone {
		return
	}
	w.known += micros
	if one.state == deviates {
		w.failed += micros
	}
}

func (w *watch) gap(name string, r *resource, from, to int64, why string) {
	failed := 0
	for _, one := range r.readings {
		if one.state == unread && one.at >= from && one.at <= to {
			failed++
		}
	}
	why = fmt.Sprintf("%s for %s, at most %s are allowed", why, span(to-from), span(w.interval))
	if failed > 0 {
		why += fmt.Sprintf("; %s failed", count(failed, "probe"))
	}
	if w.changes != nil {
		why += "; the record of changes is not complete for it, or holds one"
	}
	w.gaps = append(w.gaps, Gap{name, Span{time.UnixMicro(from).UTC(), time.UnixMicro(to).UTC()}, why})
}

// span writes a length of time.
func span(micros int64) string { return (time.Duration(micros) * time.Microsecond).String() }

// changesOf are the instants of the changes of a resource, in order.
func (w *watch) changesOf(name string) []int64 {
	if w.changes == nil {
		return nil
	}
	var all []int64
	for _, of := range slices.Compact([]string{"", name}) {
		for _, at := range w.changes.Changed[of] {
			all = append(all, at.UnixMicro())
		}
	}
	slices.Sort(all)
	return all
}

// covering is the part of time around an instant of which the record of changes
// is complete.
func (w *watch) covering(at int64) (from, to int64, ok bool) {
	if w.changes == nil {
		return 0, 0, false
	}
	for _, part := range w.changes.Covered {
		if from, to := part.From.UnixMicro(), part.To.UnixMicro(); from <= at && at <= to {
			return from, to, true
		}
	}
	return 0, 0, false
}

// knownUntil is the last instant up to next at which the state is surely that
// of a reading: the first change after it, or the end of what is covered.
func (w *watch) knownUntil(changed []int64, at, next int64) int64 {
	_, to, ok := w.covering(at)
	if !ok {
		return at
	}
	until := min(to, next)
	if i, _ := slices.BinarySearch(changed, at+1); i < len(changed) {
		until = min(until, changed[i])
	}
	return max(at, until)
}

// knownBack is the first instant from begin on at which the state is surely
// that of the reading that follows.
func (w *watch) knownBack(changed []int64, begin, at int64) int64 {
	from, _, ok := w.covering(at)
	if !ok {
		return at
	}
	back := max(from, begin)
	if i, _ := slices.BinarySearch(changed, at+1); i > 0 {
		back = max(back, changed[i-1])
	}
	return min(at, back)
}

// rate is the share of the known time in which the state did not hold.
func (s *State) rate() float64 {
	if s.known == 0 {
		return 0
	}
	return float64(s.failed) / float64(s.known)
}
