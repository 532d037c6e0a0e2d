package results

import (
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/record"
)

// CutoffCheck is what looking at the ends of the period came to: the items of
// which one instant lies in it and the other does not.
type CutoffCheck struct {
	Tolerance string `json:"tolerance"`
	Items     int    `json:"items"`
	// Beyond are those whose instants are further apart than is tolerated,
	// Resolved those of them that a confirmed resolution explains.
	Beyond   int          `json:"beyond"`
	Resolved int          `json:"resolved"`
	Listed   []CutoffItem `json:"listed"` // the first, those to be resolved before others
}

// CutoffItem is an item whose instants disagree about the period.
type CutoffItem struct {
	Mismatch
	At     time.Time `json:"at"`
	Other  time.Time `json:"other"`
	Apart  string    `json:"apart"`
	Beyond bool      `json:"beyond"`
}

// atCutoff begins the id of a mismatch of instants; the item's id follows.
const atCutoff = "cut-off: "

// cutoffReach is how far from the period an item's own instant may lie and
// still be looked at: a year covers what is brought in late.
const cutoffReach = 366 * 24 * time.Hour

// cutoff reads the source around the period and finds the items that one of
// their instants puts into it, and the other does not.
func cutoff(from populations.Snapshot, kinds record.Kinds, q *Question, resolved map[string]*resolutions.Resolution) (*CutoffCheck, error) {
	terms := q.Test.Cutoff
	wide := q.Window
	wide.From, wide.To = wide.From.Add(-cutoffReach), wide.To.Add(cutoffReach)
	stream, err := populations.Open(from, kinds, &q.Test.Population, wide)
	if err != nil {
		return nil, err
	}
	done := &CutoffCheck{Tolerance: terms.Tolerance.String(), Listed: []CutoffItem{}}
	within := func(at time.Time) bool { return !at.Before(q.Window.From) && at.Before(q.Window.To) }
	e := terms.Evaluator(q.Test)
	var rest []CutoffItem // that need nothing
	for item, err := range stream.Items() {
		if err != nil {
			return nil, err
		}
		if err := e.Read(item.JSON); err != nil {
			return nil, err
		}
		id, err := e.ID()
		if err != nil {
			return nil, err
		}
		at, err := e.At()
		if err != nil {
			return nil, err
		}
		other, there, err := e.Other()
		if err != nil {
			return nil, fmt.Errorf("item %q: %w", id, err)
		}
		if !there || within(at) == within(other) {
			continue
		}
		one := CutoffItem{Mismatch: Mismatch{ID: named(atCutoff, id), Items: []string{id}}, At: at.UTC(), Other: other.UTC(), Apart: apart(at, other).String(), Beyond: apart(at, other) > terms.Tolerance}
		done.Items++
		if r := resolved[one.ID]; r != nil && one.Beyond {
			one.Resolution = r.ID
			done.Resolved++
		}
		if one.Beyond {
			done.Beyond++
		}
		switch {
		case one.Beyond && one.Resolution == "" && len(done.Listed) < maxListed:
			done.Listed = append(done.Listed, one)
		case len(rest) < maxListed:
			rest = append(rest, one)
		}
	}
	done.Listed = slices.Concat(done.Listed, rest)
	done.Listed = done.Listed[:min(len(done.Listed), maxListed)]
	return done, nil
}

// String is the check in a sentence.
func (c *CutoffCheck) String() string {
	return fmt.Sprintf("Near the ends of the period one instant of %d items lies in it and the other does not; of %d of them they are further apart than %s, and %d of these are resolved.", c.Items, c.Beyond, c.Tolerance, c.Resolved)
}
