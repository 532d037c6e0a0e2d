package hris

import (
	"cmp"
	"slices"
	"time"
)

// settling is how long an answer may be on its way to the HR system before it counts
// as missing there.
const settling = time.Hour

type key struct{ person, version string }

// Compare holds the acknowledgments here against those that the HR system held at an
// instant. Whoever has answered within the hour before is not missed there. Times are
// compared by the second, which is what many systems keep.
func Compare(here, there []Answer, read time.Time) *Reconciliation {
	r := &Reconciliation{Here: len(here), There: len(there)}
	found := map[key]*Answer{}
	var all []Difference
	say := func(a *Answer, what string) {
		all = append(all, Difference{a.Person, a.Version, what})
	}
	for i := range there {
		a := &there[i]
		k := key{a.Person, a.Version}
		if found[k] != nil {
			say(a, TwiceThere)
			continue
		}
		found[k] = a
	}
	for i := range here {
		a := &here[i]
		k := key{a.Person, a.Version}
		other := found[k]
		delete(found, k)
		switch {
		case other == nil && a.AnsweredAt.After(read.Add(-settling)):
		case other == nil:
			say(a, MissingThere)
		case other.SHA256 != a.SHA256:
			say(a, OtherText)
		case !other.AnsweredAt.Truncate(time.Second).Equal(a.AnsweredAt.Truncate(time.Second)):
			say(a, OtherTime)
		default:
			r.Matched++
		}
	}
	for _, a := range found {
		say(a, OnlyThere)
	}
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Version, b.Version), cmp.Compare(a.What, b.What))
	})
	r.Differences = len(all)
	r.Listed = all[:min(len(all), MaxListed)]
	return r
}
