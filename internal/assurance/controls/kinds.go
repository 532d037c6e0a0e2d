package controls

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/record/expr"
)

// StateTerms are what a state test says beside its population and predicate.
type StateTerms struct {
	// Resource gives what an observation is of, Failed whether it could not be
	// read, Absent whether the resource is not there. Since gives the instant
	// from which the resource exists, as the source has it.
	Resource string `json:"resource"`
	Failed   string `json:"failed,omitempty"`
	Absent   string `json:"absent,omitempty"`
	Since    string `json:"since,omitempty"`
	// Interval is the longest time between two readings of a resource.
	Interval time.Duration `json:"-"`
	// Changes is the source's own record of changes, nil where there is none.
	Changes *Changes `json:"changes,omitempty"`

	resource, failed, absent, since *expr.Program
}

// Changes is a source's own record of every change of a setting. Where it is
// complete and holds no change, the state is known without a reading.
type Changes struct {
	Population
	// Scope names the imports that speak for it; empty means all of the source.
	Scope string `json:"scope,omitempty"`
	// Resource gives what was changed; empty means every resource.
	Resource string `json:"resource,omitempty"`

	resource *expr.Program
}

// Evaluator returns a new evaluator of changes.
func (c *Changes) Evaluator() *Evaluator {
	return (&Evaluator{population: &c.Population, resource: c.resource}).prepare()
}

// Documents says which documents are due: one for every unit of the calendar.
type Documents struct {
	Control, Test string
	Every         Frequency
}

// Reconcile holds a test's population against a second one, by a key that both
// give of their items.
type Reconcile struct {
	With    Population `json:"with"`
	Key     string     `json:"key"`      // of the test's items
	WithKey string     `json:"with_key"` // of the second population's

	key, withKey *expr.Program
}

// Here returns a new evaluator of the keys of the test's own items.
func (r *Reconcile) Here(t *Test) *Evaluator {
	return (&Evaluator{population: &t.Population, key: r.key}).prepare()
}

// There returns a new evaluator of the keys of the second population.
func (r *Reconcile) There() *Evaluator {
	return (&Evaluator{population: &r.With, key: r.withKey}).prepare()
}

// Reads reports whether the keys of the test's items depend on the field.
func (r *Reconcile) Reads(field string) bool { return r.key.Reads(field) }

// Cutoff names the second instant of an item, which should lie on the same
// side of the period's ends as the one that selects it.
type Cutoff struct {
	Other     string        `json:"other"`
	Tolerance time.Duration `json:"-"`

	other *expr.Program
}

// Evaluator returns a new evaluator of both instants of the test's items.
func (c *Cutoff) Evaluator(t *Test) *Evaluator {
	return (&Evaluator{population: &t.Population, other: c.other}).prepare()
}

// Resource returns what an observation, or a change, is of; empty where that is
// every resource.
func (e *Evaluator) Resource() (string, error) {
	if e.resource == nil {
		return "", nil
	}
	resource, err := e.item.Identifier(e.resource)
	if err != nil {
		return "", fmt.Errorf("no resource: %w", err)
	}
	return resource, nil
}

// Seen says whether the state was read: it was not where the probe failed, or
// the resource is not there.
func (e *Evaluator) Seen() (failed, absent bool, err error) {
	if e.failed != nil {
		if failed, err = e.item.Truth(e.failed); err != nil || failed {
			return failed, false, err
		}
	}
	if e.absent != nil {
		absent, err = e.item.Truth(e.absent)
	}
	return false, absent, err
}

// Since returns the instant from which the resource exists, false where it is
// not said.
func (e *Evaluator) Since() (time.Time, bool, error) { return e.maybe("since", e.since) }

// Other returns an item's second instant, false where it has none.
func (e *Evaluator) Other() (time.Time, bool, error) { return e.maybe("other", e.other) }

func (e *Evaluator) maybe(name string, p *expr.Program) (time.Time, bool, error) {
	if p == nil {
		return time.Time{}, false, nil
	}
	at, err := e.item.Instant(p)
	if errors.Is(err, ErrAbsent) {
		return time.Time{}, false, nil
	}
	if err != nil {
		return time.Time{}, false, fmt.Errorf("%s: %w", name, err)
	}
	return at, true, nil
}

// Key returns the key of an item.
func (e *Evaluator) Key() (string, error) {
	key, err := e.item.Identifier(e.key)
	if err != nil {
		return "", fmt.Errorf("no key: %w", err)
	}
	return strings.ToValidUTF8(key, "\uFFFD"), nil
}
