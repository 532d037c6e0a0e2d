package results

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/record"
)

// Mismatch is an item that does not agree, and whether people found out why.
type Mismatch struct {
	// ID says what does not agree, and by which key: what a resolution names.
	ID    string   `json:"id"`
	Items []string `json:"items"`
	// Resolution is the confirmed one, RSL-..., empty while there is none.
	Resolution string `json:"resolution,omitempty"`
}

// The beginnings of mismatches' ids; the key, or the item, follows.
const (
	onlyHere    = "only here: "   // in the test's population
	onlyThere   = "only there: "  // in the second one
	twiceHere   = "twice here: "  // several items of the population have the key
	twiceThere  = "twice there: " // several items of the second one have it
	keylessHere = "no key here: "
	keyless     = "no key there: "
)

// There reports whether its items are of the second population.
func (m *Mismatch) There() bool {
	return slices.ContainsFunc([]string{onlyThere, twiceThere, keyless}, func(what string) bool { return strings.HasPrefix(m.ID, what) })
}

// Mismatches are what the result lists that is to be resolved, or was: items that do not
// agree with a second source, and instants too far apart at the ends of the period.
func (r *Result) Mismatches() (all []Mismatch) {
	if r.Reconciliation != nil {
		all = append(all, r.Reconciliation.Listed...)
	}
	if r.Cutoff != nil {
		for _, one := range r.Cutoff.Listed {
			if one.Beyond {
				all = append(all, one.Mismatch)
			}
		}
	}
	return all
}

// Reconciliation is what holding a population against a second one came to.
type Reconciliation struct {
	// Query is that of the second population, of which Count items were read,
	// with the SHA-256 of their documents.
	Query   populations.Query `json:"query"`
	Count   int64             `json:"count"`
	SHA256  string            `json:"sha256"`
	Matched int64             `json:"matched"` // keys that one item of each has
	// Mismatches are all that do not agree, Resolved those of them that a
	// confirmed resolution explains. Listed are the first, open ones before
	// resolved ones.
	Mismatches int        `json:"mismatches"`
	Resolved   int        `json:"resolved"`
	Listed     []Mismatch `json:"listed"`
	// Gaps are what is missing in the second population.
	Gaps []string `json:"gaps,omitempty"`
	// Independent: complete imports brought the second population, from another
	// source than the first one's.
	Independent bool `json:"independent"`
	Complete    bool `json:"complete"`
}

// maxListed is how many mismatches a result's record lists.
const maxListed = 40

// checks are what a test asks of its population beside the items' outcomes.
type checks struct {
	reconciliation *Reconciliation
	cutoff         *CutoffCheck
	says           []string // of resolutions
}

// check reconciles a test's population and looks at the period's ends, as far
// as the control asks for it.
func check(from populations.Snapshot, kinds record.Kinds, q *Question) (*checks, error) {
	c := &checks{}
	if q.Test.Reconcile == nil && q.Test.Cutoff == nil {
		return c, nil
	}
	resolved, err := confirmed(from, q)
	if err != nil {
		return nil, err
	}
	if q.Test.Reconcile != nil {
		if c.reconciliation, err = reconcile(from, kinds, q, resolved, nil); err != nil {
			return nil, fmt.Errorf("reconcile with %s: %w", q.Test.Reconcile.With.From, err)
		}
		c.tell(resolved, c.reconciliation.Listed)
	}
	if q.Test.Cutoff != nil {
		if c.cutoff, err = cutoff(from, kinds, q, resolved); err != nil {
			return nil, fmt.Errorf("cut-off: %w", err)
		}
		for _, one := range c.cutoff.Listed {
			c.tell(resolved, []Mismatch{one.Mismatch})
		}
	}
	return c, nil
}

func (c *checks) tell(resolved map[string]*resolutions.Resolution, listed []Mismatch) {
	for _, one := range listed {
		if r := resolved[one.ID]; r != nil {
			c.says = append(c.says, r.Says()+".")
		}
	}
}

// confirmed are the confirmed resolutions of a test, by their mismatches, as of
// the question's checkpoint.
func confirmed(from populations.Snapshot, q *Question) (map[string]*resolutions.Resolution, error) {
	known := map[string]*resolutions.Resolution{}
	err := from.Versions(record.Range{Kind: resolutions.Register.Name, AsOf: q.Window.AsOf}, func(v *record.Version) error {
		r := &resolutions.Resolution{}
		if err := json.Unmarshal(v.Doc, r); err != nil {
			return err
		}
		if r.State == resolutions.Confirmed && r.Period == q.Period && r.Control == q.Control.ID && r.Test == q.Test.ID && known[r.Mismatch] == nil {
			known[r.Mismatch] = r
		}
		return nil
	})
	return known, err
}

// sides collects the items of both populations by key.
type sides struct {
	sorter *populations.Sorter
	found  []Mismatch
}

// sideMemory is how much is sorted in memory, in bytes.
const sideMemory = 32 << 20

// add reads one side. An item within the window has to be matched; one that is
// read only because the window is widened may match.
func (s *sides) add(stream *populations.Stream, e *controls.Evaluator, there bool, window populations.Window) error {
	for item, err := range stream.Items() {
		if err != nil {
			return err
		}
		if err := e.Read(item.JSON); err != nil {
			return err
		}
		id, err := e.ID()
		if err != nil {
			return err
		}
		at, err := e.At()
		if err != nil {
			return err
		}
		within := !at.Before(window.From) && at.Before(window.To)
		key, err := e.Key()
		if err != nil {
			if within {
				name := keylessHere
				if there {
					name = keyless
				}
				s.found = append(s.found, Mismatch{ID: named(name, id), Items: []string{id}})
			}
			continue
		}
		if err := s.sorter.Add(0, key, append([]byte{flag(there), flag(within)}, id...)); err != nil {
			return err
		}
	}
	return nil
}

func flag(is bool) byte {
	if is {
		return 1
	}
	return 0
}

// named is the id of a mismatch. A very long key is cut, and told apart by its
// hash.
func named(what, key string) string {
	const most = 120
	if len(key) > most {
		sum := sha256.Sum256([]byte(key))
		key = key[:most/2] + "... sha256 " + hex.EncodeToString(sum[:8])
	}
	return what + key
}

// group is all items of a key.
type group struct {
	key    string
	items  [2][]string // here, there; the first few
	count  [2]int
	within [2]bool
}

// compare names what does not agree about a key. The readings of a state test
// have their resource's key each.
func (s *sides) compare(g *group, state bool) (matched bool) {
	const here, there = 0, 1
	miss := func(what string, side int) {
		s.found = append(s.found, Mismatch{ID: named(what, g.key), Items: g.items[side]})
	}
	before := len(s.found)
	switch {
	case g.within[here] && g.count[there] == 0:
		miss(onlyHere, here)
	case g.within[there] && g.count[here] == 0:
		miss(onlyThere, there)
	}
	if g.within[here] && g.count[here] > 1 && !state {
		miss(twiceHere, here)
	}
	if g.within[there] && g.count[there] > 1 {
		miss(twiceThere, there)
	}
	return before == len(s.found) && (g.within[here] || g.within[there])
}

// reconcile holds a test's population against the second one. Where the test
// has a cut-off, both are read as far beyond the period's ends as it tolerates,
// so that what happened at an end is found on its other side. Into all, where it is not
// nil, goes all that it counts.
func reconcile(from populations.Snapshot, kinds record.Kinds, q *Question, resolved map[string]*resolutions.Resolution, all *Reconciled) (*Reconciliation, error) {
	r := q.Test.Reconcile
	wide := q.Window
	if q.Test.Cutoff != nil {
		wide.From, wide.To = wide.From.Add(-q.Test.Cutoff.Tolerance), wide.To.Add(q.Test.Cutoff.Tolerance)
	}
	done := &Reconciliation{Listed: []Mismatch{}, Query: populations.Query{
		Source: r.With.From, At: r.With.At, Where: r.With.Where, From: wide.From.UTC(), To: wide.To.UTC(),
		Zone: wide.Zone.String(), Order: populations.Order,
	}}
	if r.With.Awaited {
		done.Gaps = []string{(&AwaitedError{r.With.From}).Error()}
		return done, nil
	}
	second, err := coverage(from, kinds, &controls.Test{Kind: controls.Census, Population: r.With}, q.Window)
	if err != nil {
		return nil, err
	}
	if second.Imports > 0 {
		done.Gaps = second.Gaps
		done.Independent = second.Complete && r.With.From != q.Test.Population.From && kinds.Derived(r.With.From) == nil
	}
	both := &sides{sorter: populations.NewSorter(sideMemory)}
	defer both.sorter.Close()
	ours, err := populations.Open(from, kinds, &q.Test.Population, wide)
	if err != nil {
		return nil, err
	}
	if err := both.add(ours, r.Here(q.Test), false, q.Window); err != nil {
		return nil, err
	}
	theirs, err := populations.Open(from, kinds, &r.With, wide)
	if err != nil {
		return nil, err
	}
	if err := both.add(theirs, r.There(), true, q.Window); err != nil {
		return nil, err
	}
	done.Count, done.SHA256 = theirs.Count(), theirs.SHA256()
	g := group{}
	end := func() {
		if g.count != [2]int{} && both.compare(&g, q.Test.Kind == controls.State) {
			done.Matched++
			if all != nil {
				all.Matched = append(all.Matched, Pair{g.items[0], g.items[1]})
			}
		}
	}
	if err := both.sorter.Each(func(_ int64, key string, doc []byte) error {
		if key != g.key {
			end()
			g = group{key: key}
		}
		const shown = 3
		side := doc[0]
		g.count[side]++
		g.within[side] = g.within[side] || doc[1] == 1
		if len(g.items[side]) < shown {
			g.items[side] = append(g.items[side], string(doc[2:]))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	end()
	done.list(both.found, resolved)
	if all != nil {
		all.Mismatches = both.found
	}
	return done, nil
}

// list counts mismatches and lists the first of them, open ones first.
func (r *Reconciliation) list(found []Mismatch, resolved map[string]*resolutions.Resolution) {
	r.Mismatches = len(found)
	for i := range found {
		if known := resolved[found[i].ID]; known != nil {
			found[i].Resolution = known.ID
			r.Resolved++
		}
	}
	slices.SortStableFunc(found, func(a, b Mismatch) int {
		return int(flag(a.Resolution != "")) - int(flag(b.Resolution != ""))
	})
	r.Listed = append(r.Listed, found[:min(len(found), maxListed)]...)
	r.Complete = r.Mismatches == r.Resolved && len(r.Gaps) == 0
}

// stop says what the checks found, and stops the conclusion where something is
// open: what is ineffective stays so.
func (c *checks) stop(because *[]string, conclusion *controltests.Conclusion) {
	var open []string
	if r := c.reconciliation; r != nil {
		switch {
		case len(r.Gaps) > 0:
			open = append(open, fmt.Sprintf("The population cannot be reconciled with %s, which is not complete: %s.", r.Query.Source, join(r.Gaps)))
		case !r.Complete:
			open = append(open, fmt.Sprintf("The population does not agree with %s: %d of %d mismatches are not resolved: %s.", r.Query.Source, r.Mismatches-r.Resolved, r.Mismatches, join(openOf(r.Listed))))
		default:
			*because = append(*because, fmt.Sprintf("The population agrees with %s: %d keys match, %d mismatches are resolved.", r.Query.Source, r.Matched, r.Resolved))
		}
	}
	if k := c.cutoff; k != nil {
		if k.Items > 0 {
			*because = append(*because, k.String())
		}
		if k.Beyond > k.Resolved {
			var listed []Mismatch
			for _, one := range k.Listed {
				if one.Beyond {
					listed = append(listed, one.Mismatch)
				}
			}
			open = append(open, fmt.Sprintf("To which period they belong is not resolved for %d of them: %s.", k.Beyond-k.Resolved, join(openOf(listed))))
		}
	}
	*because = append(*because, open...)
	*because = append(*because, c.says...)
	if len(open) > 0 && *conclusion != controltests.Ineffective {
		*conclusion = controltests.Incomplete
	}
}

// openOf are the ids of mismatches without a resolution.
func openOf(listed []Mismatch) (ids []string) {
	for _, one := range listed {
		if one.Resolution == "" {
			ids = append(ids, one.ID)
		}
	}
	return ids
}

// lifts reports whether an independent source bears out what the test reads of
// people's own statements: the keys that were reconciled hold it (ADR 7).
func (c *checks) lifts(test *controls.Test) bool {
	r := c.reconciliation
	if r == nil || !r.Complete || !r.Independent {
		return false
	}
	for _, field := range AssertedFields {
		if test.Reads(field) && !test.Reconcile.Reads(field) {
			return false
		}
	}
	return true
}

// apart is the time between two instants.
func apart(a, b time.Time) time.Duration {
	if a.Before(b) {
		a, b = b, a
	}
	return a.Sub(b)
}
