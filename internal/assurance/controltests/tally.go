package controltests

import (
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
)

// Tally is what the items of a census test came to, each by itself: without what
// notes, the period and the rule make of it. Run over the items that follow, with
// this as Options.Before, gives what Run over all of them does.
type Tally struct {
	Count    int       `json:"count"`
	Passed   int       `json:"passed"`
	Findings []Tallied `json:"findings"` // in order
	Failures []string  `json:"failures"` // the first few
	First    time.Time `json:"first"`    // the least instant
	Last     time.Time `json:"last"`     // the greatest one
	LastID   string    `json:"last_id"`  // of the last item
}

// Tallied is a deviation of a Tally.
type Tallied struct {
	Item   string    `json:"item"`
	At     time.Time `json:"at"`
	Reason Reason    `json:"reason"`
}

// maxTallied bounds the deviations of a Tally, which is kept beside the result.
const maxTallied = 10_000

// tally is what the items came to; nil where it takes more than a Tally to go on:
// other kinds of tests judge an item by the period's end, or with others, and
// where ids may not be unique all of them are needed.
func (c *collector) tally() *Tally {
	if c.test.Kind != controls.Census || c.seen != nil || c.members == nil || c.outside > 0 || len(c.findings) > maxTallied {
		return nil
	}
	t := &Tally{Count: c.count, Passed: c.passed, Failures: slices.Clone(c.failures), First: c.first, Last: c.last, LastID: c.lastID}
	for _, f := range c.findings {
		t.Findings = append(t.Findings, Tallied{f.Item, f.At, f.Reason})
	}
	return t
}

// resume begins with what earlier items came to.
func (c *collector) resume(t *Tally) {
	c.given, c.count, c.passed = t.Count, t.Count, t.Passed
	c.first, c.last, c.lastID = t.First, t.Last, t.LastID
	c.failures = slices.Clone(t.Failures)
	for _, f := range t.Findings {
		c.find(f.Item, f.At, f.Reason)
	}
}
