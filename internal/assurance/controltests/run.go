// Package controltests runs tests of controls over complete populations and
// concludes by the deviation rule.
//
// Run streams: of the items it keeps identifiers (as hashes, to find a second
// one), deviations and open ones. Its result depends on the items, the test,
// the notes, the period and the time zone, and on nothing else: not on the
// clock, the machine, or the number of workers.
package controltests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Source gives a population's items.
type Source interface {
	// Items gives the items once, in order. An error ends them.
	Items() iter.Seq2[Item, error]
	// Name is a file's name for error messages; where it is empty they say
	// "record N".
	Name() string
}

// Hashed is a source that is a population by itself.
type Hashed interface {
	Source
	// SHA256 is the lowercase hex hash of what was given; it is asked for
	// after Items has ended.
	SHA256() string
}

// Options are what Run needs beside the items.
type Options struct {
	Notes Notes
	// Period is the period to which the items belong; others are left out.
	// Nil takes all, and nothing is then open.
	Period *Period
	// Until is the end up to which deadlines are judged, where it is not the
	// period's: that of a part of a period is no reason not to be done.
	Until time.Time
	// Zone is the organisation's time zone; nil is UTC.
	Zone *time.Location
	// Shared says that notes may be about items of other populations too: those
	// that are not met are not mentioned.
	Shared bool
	// UniqueIDs says that no two items of the source have the same id, so that
	// Run need not remember them.
	UniqueIDs bool
	// Workers is the number of goroutines that evaluate; 0 is one for each
	// processor.
	Workers int
	// Each is told what became of every item of the population, in order, when
	// it is given. Its error ends Run.
	Each func(ItemOutcome) error
	// Doc is given the document of every item that the source gives of the test's
	// population, in order, when it is given. Its error ends Run; a document is
	// valid during the call only.
	Doc func(doc []byte) error
	// Changes is the source's own record of changes, for a state test; nil for
	// none.
	Changes *ChangeRecord
	// Before is what the items before those of the source came to; nil: there are
	// none. The result is that of all of them; Population is asked for the hash of
	// all of them.
	Before *Tally
}

// ItemOutcome is what became of one item of the population.
type ItemOutcome struct {
	Item    string `json:"item"`
	Outcome string `json:"outcome"`          // passed, open, deviation, unread or absent
	Reason  Reason `json:"reason,omitempty"` // of a deviation

	// Resource is what a state test looked at; empty where the reading does not say it.
	Resource string `json:"-"`
}

// The outcomes of items.
const (
	ItemPassed    = "passed"
	ItemOpen      = "open"
	ItemDeviation = "deviation"
	ItemUnread    = "unread" // of a state test: the probe failed
	ItemAbsent    = "absent" // of a state test: the resource is not there
)

// Subject is a test to run.
type Subject struct {
	Control *controls.Control
	Test    *controls.Test
	Options
	// Population is told the items of the source that belong to the test's
	// population: those for which its filter is true, or cannot be evaluated.
	// Subjects with the same one have the same filter. Nil: the source is
	// Hashed and of this test alone, and what the filter leaves out is counted.
	Population Members
}

// Members are told the items of a population, in order.
type Members interface {
	// Take is given one; doc is valid during the call only.
	Take(doc []byte) error
	// SHA256 is the lowercase hex hash of what was given.
	SHA256() string
}

// ErrTogether says: what is to be kept of the subjects' items is too much for
// running them together; half of them at a time may do.
var ErrTogether = errors.New("too much is to be kept of tests that run together")

// maxTogether is how many deviations, open items and readings of several
// subjects are kept at once. One alone keeps what it has to.
const maxTogether = 200_000

// Run tests every item of the source, which it reads once, for all subjects,
// and gives their results in their order: each is what it would be alone. An item
// that cannot be evaluated is a deviation with reason error. The error is an
// *InputError for a population that cannot be used, that of the source, that of a
// subject's functions, ErrTogether, or the context's; there is then no result at
// all.
func Run(ctx context.Context, source Source, subjects ...Subject) ([]*Result, error) {
	collectors := make([]*collector, len(subjects))
	tests := make([]*controls.Test, len(subjects))
	for i := range subjects {
		collectors[i], tests[i] = newCollector(&subjects[i], source), subjects[i].Test
	}
	judges := make([]*judge, len(subjects))
	for i := range subjects {
		judges[i] = newJudge(&subjects[i])
	}
	workers := 0
	for i := range subjects {
		workers = max(workers, subjects[i].Workers)
	}
	if err := InOrder(ctx, kept(source.Items()), func(item Item) int { return len(item.JSON) }, workers, func() func([]Item, *judged) {
		panel := controls.NewPanel(tests)
		return func(items []Item, made *judged) { made.judge(panel, judges, items) }
	}, func(items []Item, made *judged) error { return made.collect(collectors, items) }); err != nil {
		return nil, err
	}
	all := make([]*Result, len(subjects))
	for i, c := range collectors {
		all[i] = c.result()
	}
	return all, nil
}

// judged is what a batch of items came to.
type judged struct {
	verdicts []verdict // by item, then by subject
	ends     []int     // of each item's
}

func (m *judged) judge(panel *controls.Panel, judges []*judge, items []Item) {
	m.verdicts, m.ends = m.verdicts[:0], m.ends[:0]
	for _, item := range items {
		panel.Read(item.JSON)
		for i, j := range judges {
			e, err := panel.Evaluator(i)
			if v, belongs := j.judge(e, err, item); belongs {
				v.subject = i
				m.verdicts = append(m.verdicts, v)
			}
		}
		m.ends = append(m.ends, len(m.verdicts))
	}
}

func (m *judged) collect(collectors []*collector, items []Item) error {
	begin := 0
	var told []Members // of this item
	for i, end := range m.ends {
		told = told[:0]
		for _, v := range m.verdicts[begin:end] {
			c := collectors[v.subject]
			if c.members != nil && v.state != unusable && !slices.Contains(told, c.members) {
				if err := c.members.Take(items[i].JSON); err != nil {
					return err
				}
				told = append(told, c.members)
			}
			if c.opt.Doc != nil {
				if err := c.opt.Doc(items[i].JSON); err != nil {
					return err
				}
			}
			if err := c.add(v); err != nil {
				return err
			}
		}
		begin = end
	}
	if len(collectors) == 1 {
		return nil
	}
	sum := 0
	for _, c := range collectors {
		sum += c.kept()
	}
	if sum > maxTogether {
		return ErrTogether
	}
	return nil
}

// verdict is what a test says about one item.
type verdict struct {
	subject int // its number
	line    int
	id      string
	at      time.Time
	state   state
	reason  Reason // of a deviation
	err     error  // why it could not be evaluated, or why the population cannot be used

	resource string    // of a state test
	since    time.Time // from which the resource exists; zero if not said
	gap      *Gap      // of a document test
	note     string    // what a document test has to say of it
}

type state int

const (
	passed state = iota
	deviates
	open
	filtered // by the population's own filter
	outside  // the period
	unread   // the probe failed
	gone     // the resource is not there
	unusable // the population cannot be used
)

// judge makes verdicts.
type judge struct {
	test   *controls.Test
	period *Period
	until  time.Time // zero: nothing is open
	zone   *time.Location
	choose bool // the source gives items of other populations, too
}

func newJudge(of *Subject) *judge {
	j := &judge{of.Test, of.Period, of.Until, cmp.Or(of.Zone, time.UTC), of.Population != nil}
	if j.until.IsZero() && of.Period != nil {
		j.until = of.Period.To
	}
	return j
}

// judge judges the item that the evaluator has read, or could not read. It
// reports whether the test is given the item at all.
func (j *judge) judge(e *controls.Evaluator, unread error, item Item) (v verdict, belongs bool) {
	v = verdict{line: item.Line, state: unusable}
	if v.err = unread; v.err != nil {
		return v, true
	}
	in, filterErr := e.In()
	left := filterErr == nil && !in
	if left && j.choose {
		return v, false
	}
	if v.id, v.err = e.ID(); v.err != nil {
		return v, true
	}
	if left {
		v.state = filtered
		return v, true
	}
	if v.at, v.err = e.At(); v.err != nil {
		v.err = fmt.Errorf("item %s: %w", quote(v.id), v.err)
		return v, true
	}
	v.state = passed
	if j.period != nil && !j.period.Contains(v.at) {
		v.state = outside
		return v, true
	}
	if filterErr != nil {
		return v.failed(filterErr), true
	}
	switch j.test.Kind {
	case controls.Occurrence:
		return j.occurrence(v, e), true
	case controls.State:
		return v.reading(e), true
	case controls.Document:
		return j.document(v, e, item.JSON), true
	}
	return v.predicate(e), true
}

// occurrence judges a duty by when it was done, and if that was in time by its
// predicate.
func (j *judge) occurrence(v verdict, e *controls.Evaluator) verdict {
	term, err := e.Term(j.zone)
	if err != nil {
		return v.failed(err)
	}
	done, isDone, err := e.Done()
	switch {
	case err != nil:
		return v.failed(err)
	case isDone && done.After(term.Deadline):
		v.state, v.reason = deviates, Late
		return v
	case isDone:
		return v.predicate(e)
	case !j.until.IsZero() && term.Deadline.After(j.until):
		v.state = open
		return v
	}
	v.state, v.reason = deviates, Missing
	return v
}

// reading judges a look at a resource.
func (v verdict) reading(e *controls.Evaluator) verdict {
	if v.resource, v.err = e.Resource(); v.err != nil {
		return v.failed(v.err)
	}
	failed, absent, err := e.Seen()
	switch {
	case err != nil:
		return v.failed(err)
	case failed:
		v.state = unread
		return v
	case absent:
		v.state = gone
		return v
	}
	if v.since, _, err = e.Since(); err != nil {
		return v.failed(err)
	}
	return v.predicate(e)
}

func (v verdict) predicate(e *controls.Evaluator) verdict {
	ok, err := e.Pass()
	switch {
	case err != nil:
		return v.failed(err)
	case !ok:
		v.state, v.reason = deviates, FailedPredicate
	}
	return v
}

func (v verdict) failed(err error) verdict {
	v.state, v.reason, v.err = deviates, Failure, err
	return v
}
