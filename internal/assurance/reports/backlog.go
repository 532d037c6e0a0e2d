package reports

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// maxBacklog bounds the items that a backlog keeps. A register of which more is
// undone is read for each report.
const maxBacklog = 1 << 19

// backlog is what tests with a deadline find undone in one register, or in a source
// whose items are made of one record of it each, beside the open database, so that a
// report of the present reads only the records that were changed since the one before.
// It is derived, of the records up to a checkpoint, and loses nothing when it is lost: a
// report of an earlier checkpoint reads the register.
type backlog struct {
	mu    sync.Mutex
	upTo  int64     // size of the ledger that it was brought to
	until time.Time // before which lie the items that were made of records
	over  bool      // it does not hold what is undone
	// tests are those of the report that was made last.
	tests map[backlogTest]*backlogItems
}

// ahead is how far beyond what a report asks for items are made of records: a later
// report that asks for no more than that goes on from them.
const ahead = 31 * 24 * time.Hour

type (
	backlogKey  struct{ source string }
	backlogTest struct{ sha256, test, zone string } // of the control's file, the test's id, and the period's
)

// backlogItems are what a test finds undone: by the ids of their records, and all in the
// order of lists (byDeadline).
type backlogItems struct {
	asked asked
	items map[string][]backlogItem
	order []backlogItem
}

// backlogItem has its instants as microseconds, the least distance of two instants: a
// report goes through hundreds of thousands of them, and looks at none of their lines.
type backlogItem struct {
	deadline int64
	at       int64 // the item's instant, by which it belongs to a population
	line     *Pending
}

// origin is where tests find what is undone: in the records of a kind, or in what is
// made of one each.
type origin struct {
	kind *record.Kind
	made *record.Derived // nil: the records themselves
}

// origin is that of the test; false where items depend on more than one record.
func (b *builder) origin(test *controls.Test) (origin, bool) {
	from := test.Population.From
	if kind, made := b.question.Kinds.Computed(from); made != nil {
		return origin{kind, made}, made.Of != nil && test.Population.At == "item."+made.At
	}
	kind, err := b.question.Kinds.Find(from)
	return origin{kind, nil}, err == nil
}

// name is what control files call it.
func (o origin) name() string {
	if o.made != nil {
		return o.made.Name
	}
	return o.kind.Register
}

// items gives the documents of a record's items that lie before an instant.
func (o origin) items(v *record.Version, until time.Time, take func(doc []byte) error) error {
	if o.made == nil {
		return take(v.Doc)
	}
	return o.made.Of(v.Doc, time.Time{}, until, populations.Encoded(take))
}

// errNotKept says: what is undone is to be read.
var errNotKept = errors.New("what is undone in the register is not kept")

// kept gives tests over one origin what they find undone, in the order of lists: in the
// part of the period that each is asked over, and by an instant at last. It is errNotKept where all is to
// be read.
func (b *builder) kept(from origin, size int64, group []*asked, windows []interval, by time.Time) error {
	known, ok := store.Beside(b.reader, backlogKey{from.name()}, &backlog{})
	if !ok {
		return errNotKept
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.over || size < known.upTo {
		return errNotKept
	}
	if until := last(windows); until.After(known.until) {
		known.tests, known.until = nil, until.Add(ahead)
	}
	if err := known.goOn(b.reader, b.zone, from, size, group); err != nil {
		known.tests, known.upTo, known.over = nil, 0, errors.Is(err, errNotKept) // it may be half way
		return err
	}
	for i, a := range group {
		order := known.tests[a.key(b.zone)].order
		end, _ := slices.BinarySearchFunc(order, by.UnixMicro()+1, func(item backlogItem, at int64) int { return cmp.Compare(item.deadline, at) })
		order = order[:end]
		from, to := windows[i].from.UnixMicro(), windows[i].to.UnixMicro()
		a.undone = slices.Grow(a.undone, len(order))
		for j := range order {
			if from <= order[j].at && order[j].at < to {
				a.undone = append(a.undone, order[j].line)
			}
		}
	}
	return nil
}

// last is the end of the intervals.
func last(windows []interval) (end time.Time) {
	for _, one := range windows {
		if one.to.After(end) {
			end = one.to
		}
	}
	return end
}

// key names the test: what it asks depends on the file.
func (a *asked) key(zone *time.Location) backlogTest {
	return backlogTest{a.part.Control.SHA256, a.test.ID, zone.String()}
}

// goOn brings what the tests find undone to a checkpoint, and forgets other tests.
func (l *backlog) goOn(r *store.Reader, zone *time.Location, from origin, size int64, group []*asked) error {
	tests := map[backlogTest]*backlogItems{}
	var old, fresh []*backlogItems
	for _, a := range group {
		switch known := l.tests[a.key(zone)]; {
		case tests[a.key(zone)] != nil: // the same file over another part
		case known != nil:
			tests[a.key(zone)] = known
			old = append(old, known)
		default:
			tests[a.key(zone)] = &backlogItems{asked: *a, items: map[string][]backlogItem{}}
			fresh = append(fresh, tests[a.key(zone)])
		}
	}
	if len(fresh) > 0 {
		if err := l.read(zone, from, fresh, func(take func(*record.Version) error) error {
			return record.Each(r, record.Range{Kind: from.kind.Name, AsOf: size}, take)
		}); err != nil {
			return err
		}
	}
	if len(old) > 0 && l.upTo < size {
		if err := l.read(zone, from, old, func(take func(*record.Version) error) error {
			return record.EachMade(r, from.kind.Name, l.upTo, func(v *record.Version) error {
				if v.From >= size {
					return nil
				}
				return take(v)
			})
		}); err != nil {
			return err
		}
	}
	l.tests, l.upTo = tests, size
	n := 0
	for _, known := range tests {
		n += len(known.order)
	}
	if n > maxBacklog {
		return errNotKept
	}
	return nil
}

// read takes later versions of records into account, which each visits.
func (l *backlog) read(zone *time.Location, from origin, all []*backlogItems, each func(take func(*record.Version) error) error) error {
	tests, changed := make([]*controls.Test, len(all)), make([]map[string][]backlogItem, len(all))
	for i, one := range all {
		tests[i], changed[i] = one.asked.test, map[string][]backlogItem{}
	}
	panel := controls.NewPanel(tests)
	if err := each(func(v *record.Version) error {
		for i := range changed {
			changed[i][v.ID] = nil
		}
		return from.items(v, l.until, func(doc []byte) error {
			panel.Read(doc)
			for i, one := range all {
				e, err := panel.Evaluator(i)
				if err != nil {
					return errNotKept // a reading says what becomes of it
				}
				u, ok := controltests.UndoneOf(e, zone)
				if !ok {
					continue
				}
				at, err := e.At()
				switch {
				case errors.Is(err, controls.ErrAbsent): // what did not happen belongs to no period
				case err != nil:
					return errNotKept
				default:
					changed[i][v.ID] = append(changed[i][v.ID], backlogItem{u.Deadline.UnixMicro(), at.UnixMicro(), one.asked.pending(u)})
				}
			}
			return nil
		})
	}); err != nil {
		return err
	}
	for i, one := range all {
		one.set(changed[i])
	}
	return nil
}

// fewChanged is up to how many records each item is moved in the order: for more of them
// all are sorted.
const fewChanged = 64

// set says what is undone of records now.
func (t *backlogItems) set(changed map[string][]backlogItem) {
	few := len(changed) <= fewChanged
	for id, now := range changed {
		if few {
			for _, was := range t.items[id] {
				at := t.place(was)
				for t.order[at].line != was.line {
					at++ // others are like it
				}
				t.order = slices.Delete(t.order, at, at+1)
			}
			for _, one := range now {
				t.order = slices.Insert(t.order, t.place(one), one)
			}
		}
		if t.items[id] = now; now == nil {
			delete(t.items, id)
		}
	}
	if few {
		return
	}
	t.order = t.order[:0]
	for _, items := range t.items {
		t.order = append(t.order, items...)
	}
	slices.SortFunc(t.order, inOrder)
}

// place is where an item stands in the order.
func (t *backlogItems) place(one backlogItem) int {
	at, _ := slices.BinarySearchFunc(t.order, one, inOrder)
	return at
}

func inOrder(a, b backlogItem) int {
	if c := cmp.Compare(a.deadline, b.deadline); c != 0 {
		return c
	}
	return byDeadline(a.line, b.line)
}
