package reports

import (
	"errors"
	"sync"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// maxBacklog bounds the items that a backlog keeps. A register of which more is
// undone is read for each report.
const maxBacklog = 1 << 19

// backlog is what tests with a deadline find undone in one register, beside the
// open database, so that a report of the present reads only the records that were
// changed since the one before. It is derived, of the records up to a checkpoint,
// and loses nothing when it is lost: a report of an earlier checkpoint reads the
// register.
type backlog struct {
	mu   sync.Mutex
	upTo int64 // size of the ledger that it was brought to
	over bool  // it does not hold what is undone
	// tests are those of the report that was made last.
	tests map[backlogTest]*backlogItems
}

type (
	backlogKey  struct{ kind string }
	backlogTest struct{ sha256, test string } // of the control's file, and the test's id
)

// backlogItems are the undone items of a test, by the ids of their records.
type backlogItems struct {
	test  *controls.Test
	items map[string]backlogItem
}

type backlogItem struct {
	controltests.Undone
	at time.Time // the item's instant, by which it belongs to a population
}

// errNotKept says: what is undone is to be read.
var errNotKept = errors.New("what is undone in the register is not kept")

// kept adds to tests over a register what they find undone, in the part of the
// period that each is asked over. It is errNotKept where the register is to be read.
func (b *builder) kept(kind *record.Kind, size int64, group []*asked, windows []interval) error {
	known, ok := store.Beside(b.reader, backlogKey{kind.Name}, &backlog{})
	if !ok {
		return errNotKept
	}
	known.mu.Lock()
	defer known.mu.Unlock()
	if known.over || size < known.upTo {
		return errNotKept
	}
	if err := known.goOn(b.reader, kind, size, group); err != nil {
		known.tests, known.upTo, known.over = nil, 0, errors.Is(err, errNotKept) // it may be half way
		return err
	}
	for i, a := range group {
		for _, item := range known.tests[a.key()].items {
			if !item.at.Before(windows[i].from) && item.at.Before(windows[i].to) {
				a.undone = append(a.undone, item.Undone)
			}
		}
	}
	return nil
}

// key names the test: what it asks depends on the file.
func (a *asked) key() backlogTest { return backlogTest{a.part.Control.SHA256, a.test.ID} }

// goOn brings what the tests find undone to a checkpoint, and forgets other tests.
func (l *backlog) goOn(r *store.Reader, kind *record.Kind, size int64, group []*asked) error {
	tests := map[backlogTest]*backlogItems{}
	var old, fresh []*backlogItems
	for _, a := range group {
		switch known := l.tests[a.key()]; {
		case tests[a.key()] != nil: // the same file over another part
		case known != nil:
			tests[a.key()] = known
			old = append(old, known)
		default:
			tests[a.key()] = &backlogItems{a.test, map[string]backlogItem{}}
			fresh = append(fresh, tests[a.key()])
		}
	}
	if len(fresh) > 0 {
		take := reads(fresh)
		if err := record.Each(r, record.Range{Kind: kind.Name, AsOf: size}, take); err != nil {
			return err
		}
	}
	if len(old) > 0 && l.upTo < size {
		take := reads(old)
		if err := record.EachMade(r, kind.Name, l.upTo, func(v *record.Version) error {
			if v.From >= size {
				return nil
			}
			return take(v)
		}); err != nil {
			return err
		}
	}
	l.tests, l.upTo = tests, size
	n := 0
	for _, known := range tests {
		n += len(known.items)
	}
	if n > maxBacklog {
		return errNotKept
	}
	return nil
}

// reads returns what takes a later version of a record into account.
func reads(all []*backlogItems) func(*record.Version) error {
	tests := make([]*controls.Test, len(all))
	for i, one := range all {
		tests[i] = one.test
	}
	panel := controls.NewPanel(tests)
	return func(v *record.Version) error {
		panel.Read(v.Doc)
		for i, one := range all {
			delete(one.items, v.ID)
			e, err := panel.Evaluator(i)
			if err != nil {
				return errNotKept // a reading says what becomes of it
			}
			u, ok := controltests.UndoneOf(one.test, e)
			if !ok {
				continue
			}
			at, err := e.At()
			switch {
			case errors.Is(err, controls.ErrAbsent): // what did not happen belongs to no period
			case err != nil:
				return errNotKept
			default:
				one.items[v.ID] = backlogItem{u, at}
			}
		}
		return nil
	}
}
