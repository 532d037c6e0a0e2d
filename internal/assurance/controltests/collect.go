package controltests

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

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
	one := ItemOutcome{Item: v.id, Outcome: ItemPassed, Resource: v.resource}
	switch v.state {
	case open:
		one.Outcome = ItemOpen
	case deviates:
		one.Outcome, one.Reason = ItemDeviation, v.reason
	case unread:
		one.Outcome = ItemUnread
	case gone:
		one.Outcome = ItemAbsent
	}
	return one
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
