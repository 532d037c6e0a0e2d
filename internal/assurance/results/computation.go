package results

import (
	"context"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/record"
)

// maxTogether is how many questions are answered by one reading of a source.
const maxTogether = 64

// Compute answers questions: it reads their populations from the snapshot and
// tests every item. What several of them read it reads once; each answer is what
// it would be alone. tell is given the answer to each question, or why there is
// none, in no particular order; its error ends the computation, as the context's
// does.
func Compute(ctx context.Context, from populations.Snapshot, kinds record.Kinds, questions []*Question, tell func(number int, a *Answer, err error) error) error {
	c := &computation{ctx: ctx, from: populations.Remember(from), kinds: kinds, tell: tell}
	var begun []int
	for number, q := range questions {
		if q.Before.begins(q) {
			begun = append(begun, number)
		} else {
			c.whole = append(c.whole, number)
		}
	}
	c.goOn = true
	if err := c.all(questions, begun); err != nil {
		return err
	}
	c.goOn = false
	return c.all(questions, c.whole)
}

type computation struct {
	ctx   context.Context
	from  populations.Snapshot
	kinds record.Kinds
	tell  func(number int, a *Answer, err error) error
	goOn  bool  // from where earlier answers ended
	whole []int // the questions that are answered from the beginning
}

// all answers the questions with these numbers.
func (c *computation) all(questions []*Question, numbers []int) error {
	for _, group := range c.together(questions, numbers) {
		var asked []*inquiry
		for _, number := range group {
			i, err := c.inquire(number, questions[number])
			if err == nil {
				asked = append(asked, i)
			} else if err := c.failed(number, err); err != nil {
				return err
			}
		}
		if err := c.answer(asked); err != nil {
			return err
		}
	}
	return nil
}

// failed tells why a question has no answer. One that was to go on from an earlier
// answer is answered from the beginning, whatever was in the way.
func (c *computation) failed(number int, err error) error {
	switch {
	case c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case c.goOn:
		c.whole = append(c.whole, number)
		return nil
	}
	return c.tell(number, nil, err)
}

// together groups the questions that one reading can answer.
func (c *computation) together(questions []*Question, numbers []int) (groups [][]int) {
	type shared struct {
		alike    string
		from, to int64 // microseconds
		asOf     int64
		zone     string
		interim  bool
		begunTo  int64 // nanoseconds; where one goes on
		begunAt  int64
	}
	open := map[shared]int{}
	for _, number := range numbers {
		q := questions[number]
		w := &q.Window
		key := shared{populations.Alike(c.kinds, &q.Test.Population), w.From.UnixMicro(), w.To.UnixMicro(), w.AsOf, w.Zone.String(), w.Interim, 0, 0}
		if c.goOn {
			key.begunTo, key.begunAt = q.Before.Place.To.UnixNano(), q.Before.Place.AsOf
		}
		at, ok := open[key]
		if key.alike == "" || !ok || len(groups[at]) == maxTogether {
			at = len(groups)
			groups = append(groups, nil)
			open[key] = at
		}
		groups[at] = append(groups[at], number)
	}
	return groups
}

// inquiry is a question with what is known before its population is read.
type inquiry struct {
	number   int
	question *Question
	keeper   string // the register that the source comes from
	mirrored bool   // and that is a copy of what another system keeps
	coverage *populations.Coverage
	stands   *standing
	checks   *checks
	notes    controltests.Notes
	changes  *controltests.ChangeRecord
	before   *Progress // to go on from; nil: from the beginning
}

func (c *computation) inquire(number int, q *Question) (i *inquiry, err error) {
	i = &inquiry{number: number, question: q, keeper: c.kinds.Keeper(q.Test.Population.From), mirrored: c.kinds.Mirrored(q.Test.Population.From)}
	if c.goOn {
		i.before = q.Before
	}
	if i.coverage, err = coverage(c.from, c.kinds, q.Test, q.Window); err != nil {
		return nil, err
	}
	if i.changes, err = Changes(c.from, c.kinds, q.Test, q.Window); err != nil {
		return nil, err
	}
	if i.stands, err = q.standing(c.from); err != nil {
		return nil, err
	}
	i.notes = i.stands.notes()
	i.notes.RecordedQuery = q.RecordedQuery
	if i.coverage.Complete && i.notes.RecordedQuery == "" {
		i.notes.RecordedQuery = string(i.coverage.Query)
	}
	i.checks, err = check(c.from, c.kinds, q)
	return i, err
}

// answer answers inquiries by one reading. When anything is in the way of that,
// each half of them is answered by itself: what is in the way of one test is not
// in the way of the others.
func (c *computation) answer(asked []*inquiry) error {
	if len(asked) == 0 {
		return nil
	}
	answers, err := c.read(asked)
	switch half := len(asked) / 2; {
	case err != nil && half == 0:
		return c.failed(asked[0].number, err)
	case err != nil && c.ctx.Err() != nil:
		return context.Cause(c.ctx)
	case err != nil:
		if err := c.answer(asked[:half]); err != nil {
			return err
		}
		return c.answer(asked[half:])
	}
	for i, a := range answers {
		if err := c.tell(asked[i].number, a, nil); err != nil {
			return err
		}
	}
	return nil
}

// read reads the source of inquiries once and answers all of them, or none.
func (c *computation) read(asked []*inquiry) ([]*Answer, error) {
	of := make([]*controls.Population, len(asked))
	for i := range asked {
		of[i] = &asked[i].question.Test.Population
	}
	reading, err := populations.Read(c.ctx, c.from, c.kinds, asked[0].question.Window, of...)
	if err != nil {
		return nil, err
	}
	subjects := make([]controltests.Subject, len(asked))
	members := make([]*populations.Members, len(asked))
	known := map[string]*populations.Members{} // by filter, and what they begin with
	for i, one := range asked {
		key := of[i].Where
		if b := one.before; b != nil {
			reading.After(b.Place)
			key += "\x00" + string(b.Taken.State)
		}
		if members[i] = known[key]; members[i] == nil {
			if members[i], err = one.members(reading); err != nil {
				return nil, err
			}
			known[key] = members[i]
		}
		if subjects[i], err = one.subject(members[i]); err != nil {
			return nil, err
		}
	}
	results, err := controltests.Run(c.ctx, reading, subjects...)
	if err != nil {
		return nil, err
	}
	answers := make([]*Answer, len(asked))
	for i, one := range asked {
		answers[i] = one.question.answer(one, members[i], results[i])
		if answers[i].Progress, err = one.question.progress(reading, members[i], results[i]); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// members are to be told the items of an inquiry.
func (i *inquiry) members(reading *populations.Reading) (*populations.Members, error) {
	if i.before != nil {
		return i.before.Taken.Members()
	}
	return reading.Members(), nil
}

// subject is the test of an inquiry, to be run.
func (i *inquiry) subject(members *populations.Members) (controltests.Subject, error) {
	q := i.question
	s := controltests.Subject{Control: q.Control, Test: q.Test, Population: members, Options: controltests.Options{
		Notes: i.notes, Shared: true, Zone: q.Window.Zone,
		Period: &controltests.Period{From: q.Window.From, To: q.Window.To}, Until: q.Window.Until,
		UniqueIDs: q.Test.Population.ID == "item.id", // the store holds no id twice
		Changes:   i.changes,
	}}
	if i.before != nil {
		s.Before = i.before.Tally
	}
	if q.Begin == nil {
		return s, nil
	}
	w, err := q.Begin()
	if err != nil || w == nil {
		return s, err
	}
	s.Each, s.Doc = w.Each, w.Doc
	return s, nil
}

// answer puts together what was read and what came of it.
func (q *Question) answer(i *inquiry, members *populations.Members, details *controltests.Result) *Answer {
	population := &q.Test.Population
	a := &Answer{Details: details}
	a.Banked = populations.Banked{
		Control: q.Control.ID, Test: q.Test.ID, ControlSHA256: q.Control.SHA256, Period: q.Period, Interim: q.Interim,
		Query: populations.Query{
			Source: population.From, At: population.At, Where: population.Where,
			From: q.Window.From.UTC(), To: q.Window.To.UTC(), Zone: q.Window.Zone.String(), Order: populations.Order,
		},
		Checkpoint: populations.Checkpoint{Size: q.Window.AsOf, Root: q.Root},
		Count:      members.Count(), SHA256: members.SHA256(), Asserted: members.Asserted(),
	}
	if until := q.Window.Until.UTC(); !until.IsZero() && !until.Equal(q.Window.To) {
		a.Banked.Query.Until = &until
	}
	if i.coverage.Imports > 0 {
		a.Banked.Coverage = i.coverage
	}
	a.Result = q.result(details, members.Asserted(), i.keeper, i.mirrored, i.coverage, i.checks, i.stands)
	return a
}
