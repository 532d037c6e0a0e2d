// Package controltests runs tests of controls over complete populations and
// concludes by the deviation rule.
//
// Run streams: of the items it keeps identifiers (as hashes, to find a second
// one), deviations and open ones. Its result depends on the items, the test,
// the notes, the period and the time zone, and on nothing else: not on the
// clock, the machine, or the number of workers.
package controltests

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
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

// result concludes when all items are there, and gives back what was kept of
// them: there may be a deviation for every item.
func (c *collector) result() *Result {
	test, opt := c.test, &c.opt
	facts := Facts{
		Passed: c.passed, Open: len(c.open), Findings: c.findings,
		First: c.first, Last: c.last, Period: opt.Period, Zone: opt.Zone,
		DesignLevel: opt.Notes.DesignLevel, RecordedQuery: opt.Notes.RecordedQuery,
	}
	switch test.Kind {
	case controls.State:
		c.watch.finish(c.findings)
		facts.State, facts.Gaps = &c.watch.State, c.watch.gaps
		if c.watch.Absent == 0 { // nobody looked, or saw nothing: that is not nothing
			facts.RecordedQuery = ""
		}
	case controls.Document: // a document that nobody has yet is not one that was not due
		facts.Gaps, facts.RecordedQuery, facts.Documents = c.gaps, "", true
	}
	outcome := Conclude(facts)
	r := &Result{
		Control:    c.control.ID,
		Test:       test.ID,
		Population: Population{Count: c.count, SHA256: c.sum()},
		Passed:     c.passed, Deviations: make([]Deviation, len(c.findings)), Open: c.open,
		Markers: outcome.Markers, Conclusion: outcome.Conclusion, NeedsJudgment: outcome.NeedsJudgment,
		Because: append(c.because(), outcome.Because...), Episodes: len(outcome.Episodes),
		Outside: c.outside, FilteredOut: c.filtered, State: facts.State, Gaps: facts.Gaps, Tally: c.tally(),
	}
	if r.Open == nil {
		r.Open = []string{}
	}
	for i := range c.findings {
		f, d := &c.findings[i], &r.Deviations[i]
		d.Item, d.Reason = f.Item, f.Reason
		if cause := f.Cause; cause != "" {
			d.Cause = &cause
		}
	}
	if n := c.passed + len(c.findings); n > 0 {
		r.Rate = float64(len(c.findings)) / float64(n)
	}
	if facts.State != nil {
		r.Rate = facts.State.rate()
	}
	c.findings = nil
	return r
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
	choose bool      // the source gives items of other populations, too
}

func newJudge(of *Subject) *judge {
	j := &judge{of.Test, of.Period, of.Until, of.Population != nil}
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
	due, err := e.Due()
	if err != nil {
		return v.failed(err)
	}
	deadline := due.Add(j.test.Grace)
	done, isDone, err := e.Done()
	switch {
	case err != nil:
		return v.failed(err)
	case isDone && done.After(deadline):
		v.state, v.reason = deviates, Late
		return v
	case isDone:
		return v.predicate(e)
	case !j.until.IsZero() && deadline.After(j.until):
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

// collector takes the verdicts in the order of the items.
type collector struct {
	control *controls.Control
	test    *controls.Test
	name    string
	opt     Options
	members Members         // nil: all that the source gives
	sum     func() string   // the hash of the population
	seen    *idSet          // nil: ids are known to be unique
	noted   map[string]bool // ids in the notes, true once met

	given             int // of members
	count, passed     int
	outside, filtered int
	first, last       time.Time
	lastID            string // of the last item
	findings          []Finding
	open              []string
	failures          []string // the first few
	watch             *watch   // of a state test
	gaps              []Gap    // of a document test
	remarks           []string // on documents, in order
}

// maxFailures is how many evaluation errors a result spells out.
const maxFailures = 5

func newCollector(of *Subject, source Source) *collector {
	c := &collector{control: of.Control, test: of.Test, name: source.Name(), opt: of.Options, members: of.Population, noted: of.Notes.ids()}
	if whole, ok := source.(Hashed); ok {
		c.sum = whole.SHA256
	}
	if c.members != nil {
		c.sum = c.members.SHA256
	}
	if !of.UniqueIDs {
		c.seen = newIDSet()
	}
	if of.Test.Kind == controls.State {
		c.watch = newWatch(of.Test.Interval, &c.opt)
	}
	if of.Before != nil {
		c.resume(of.Before)
	}
	return c
}

// kept is about how much the collector holds.
func (c *collector) kept() int {
	n := len(c.findings) + len(c.open) + len(c.gaps) + len(c.remarks)
	if c.watch != nil {
		n += c.watch.Readings + c.watch.Unread + c.watch.Absent
	}
	if c.seen != nil {
		n += c.given
	}
	return n
}

func (c *collector) add(v verdict) error {
	if c.members != nil {
		c.given++
		v.line = c.given
	}
	if v.state == unusable {
		return &InputError{c.name, v.line, v.err}
	}
	if c.seen != nil {
		if line, twice := c.seen.add(v.id, v.line); twice {
			where := "on line"
			if c.name == "" {
				where = "that of record"
			}
			return &InputError{c.name, v.line, fmt.Errorf("the id %s is already %s %d", quote(v.id), where, line)}
		}
	}
	switch v.state {
	case filtered:
		c.filtered++
		return nil
	case outside:
		c.outside++
		return nil
	}
	if c.count == 0 || v.at.Before(c.first) {
		c.first = v.at
	}
	if c.count == 0 || v.at.After(c.last) {
		c.last = v.at
	}
	c.count++
	c.lastID = v.id
	if _, ok := c.noted[v.id]; ok {
		c.noted[v.id] = true
	}
	switch v.state {
	case passed:
		c.passed++
	case open:
		c.open = append(c.open, v.id)
	case deviates:
		c.find(v.id, v.at, v.reason)
		if v.err != nil && len(c.failures) < maxFailures {
			c.failures = append(c.failures, fmt.Sprintf("Item %s: %v.", quote(v.id), v.err))
		}
	}
	if c.watch != nil {
		c.watch.add(&v, len(c.findings)-1)
	}
	if v.gap != nil {
		c.gaps = append(c.gaps, *v.gap)
	}
	if v.note != "" {
		c.remarks = append(c.remarks, v.note)
	}
	if c.opt.Each == nil {
		return nil
	}
	return c.opt.Each(v.outcome())
}

// find takes a deviation, with what the notes say of it.
func (c *collector) find(id string, at time.Time, reason Reason) {
	note := c.opt.Notes.Items[id]
	c.findings = append(c.findings, Finding{
		Item: id, At: at, Reason: reason,
		Cause: note.Cause, Person: note.Person, Subsystem: note.Subsystem,
		Compensated: strings.TrimSpace(c.opt.Notes.Compensating[id]) != "",
		Incident:    note.Incident != "", DesignLevel: note.DesignLevel,
	})
}

// outcome is the verdict on an item that is in the population.
func (v verdict) outcome() ItemOutcome {
	switch v.state {
	case open:
		return ItemOutcome{Item: v.id, Outcome: ItemOpen}
	case deviates:
		return ItemOutcome{Item: v.id, Outcome: ItemDeviation, Reason: v.reason}
	case unread:
		return ItemOutcome{Item: v.id, Outcome: ItemUnread}
	case gone:
		return ItemOutcome{Item: v.id, Outcome: ItemAbsent}
	}
	return ItemOutcome{Item: v.id, Outcome: ItemPassed}
}

// because says what the population was; the rule's sentences follow.
func (c *collector) because() []string {
	var list []string
	if c.filtered > 0 {
		list = append(list, fmt.Sprintf("%s left out by the population's filter (%s).", isAre(c.filtered, "item"), c.test.Population.Where))
	}
	if c.outside > 0 {
		list = append(list, fmt.Sprintf("%s left out: outside the period %s.", isAre(c.outside, "item"), c.opt.Period))
	}
	list = append(list, c.remarks...)
	list = append(list, c.failures...)
	if more := countFindings(c.findings, func(f Finding) bool { return f.Reason == Failure }) - len(c.failures); more > 0 {
		list = append(list, fmt.Sprintf("%s more could not be evaluated.", count(more, "item")))
	}
	var strangers []string
	for id, met := range c.noted {
		if !met && !c.opt.Shared {
			strangers = append(strangers, id)
		}
	}
	slices.Sort(strangers)
	for _, id := range strangers {
		list = append(list, fmt.Sprintf("The note about %s was not used: no such item in the population.", quote(id)))
	}
	return list
}

// ids are all ids that the notes name.
func (n Notes) ids() map[string]bool {
	ids := map[string]bool{}
	for id := range n.Items {
		ids[id] = false
	}
	for id := range n.Compensating {
		ids[id] = false
	}
	return ids
}

// quote quotes an id for a one-line message.
func quote(id string) string {
	const most = 100
	if len(id) > most {
		id = strings.ToValidUTF8(id[:most], "") + "…"
	}
	return fmt.Sprintf("%q", id)
}
