// Package controls reads control files and evaluates what they say over items.
//
// A control file is YAML: id, title, objective, narrative, owner, frequency,
// criteria and tests. A test of a control names its population and gives CEL
// expressions over `item`. Loading checks everything, types of expressions
// included, and names the file and line of every error.
//
// Nothing here reads a clock, a database or a network, so an evaluation gives
// the same answer wherever and whenever it runs.
package controls

import (
	"slices"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/expr"
)

// Frequency is how often a control is performed. It decides the size of a
// sample.
type Frequency string

// The frequencies that a control file may name.
const (
	Annual     Frequency = "annual"
	Quarterly  Frequency = "quarterly"
	Monthly    Frequency = "monthly"
	Weekly     Frequency = "weekly"
	Daily      Frequency = "daily"
	MultiDaily Frequency = "multi_daily"
	AdHoc      Frequency = "ad_hoc"
)

// Frequencies lists all of them, the rarest first.
func Frequencies() []Frequency {
	return []Frequency{Annual, Quarterly, Monthly, Weekly, Daily, MultiDaily, AdHoc}
}

// Kind is the kind of a test of control.
type Kind string

const (
	// Census tests every item that occurred: it passes when its predicate is
	// true.
	Census Kind = "census"
	// Occurrence tests every occurrence of a duty: it passes when it was done
	// in time and its predicate, if there is one, is true.
	Occurrence Kind = "occurrence"
	// State tests every observation of a setting: it must hold at each, and
	// rates count the time between them.
	State Kind = "state"
	// Document tests the evidence that a person has to read: it is there for all
	// of the period, and somebody other than its preparer accepted it.
	Document Kind = "document"
)

// Kinds lists all of them.
func Kinds() []Kind { return []Kind{Census, Occurrence, State, Document} }

// Names of populations.
const (
	// FromItems is the population of the file that the caller gives.
	FromItems = "items"
	// FromDocuments is the population of a document test: the documents that were
	// due.
	FromDocuments = "documents"
)

// Control is a loaded control file. It is not changed after loading and may be
// used by many goroutines at once.
type Control struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	Objective string    `json:"objective,omitempty"`
	Narrative string    `json:"narrative,omitempty"`
	Owner     string    `json:"owner"`
	Frequency Frequency `json:"frequency"`
	Criteria  []string  `json:"criteria"`
	Tests     []*Test   `json:"tests"`

	// File is the name under which the control was loaded.
	File string `json:"-"`
	// SHA256 is the lowercase hex hash of the file's bytes: the version that a
	// result names.
	SHA256 string `json:"sha256"`
	// Source is the file's bytes.
	Source []byte `json:"-"`

	idLine int
}

// Test finds a test by its id.
func (c *Control) Test(id string) (*Test, bool) {
	for _, t := range c.Tests {
		if t.ID == id {
			return t, true
		}
	}
	return nil, false
}

// Test is one test of a control, compiled.
type Test struct {
	ID         string     `json:"id"`
	Kind       Kind       `json:"kind"`
	Title      string     `json:"title"`
	Population Population `json:"population"`
	Pass       string     `json:"pass,omitempty"`
	Due        string     `json:"due,omitempty"`
	Done       string     `json:"done,omitempty"`
	Grace      Grace      `json:"-"`
	// StateTerms are those of a state test.
	*StateTerms
	// Every is how often a document is due: the control's frequency, or what the
	// file says.
	Every Frequency `json:"every,omitempty"`
	// Reconcile and Cutoff are nil where the file gives none.
	Reconcile *Reconcile `json:"reconcile,omitempty"`
	Cutoff    *Cutoff    `json:"cutoff,omitempty"`

	pass, due, done *expr.Program // nil where the file gives none
	day             record.Field  // that due is; of no name where it is another expression
}

// Population says which items a test is about. Its expressions are over
// `item`.
type Population struct {
	// From is FromItems, the name of a source in the Schemas, or that of an
	// awaited register.
	From string `json:"from"`
	// ID gives an item's identifier, At its instant: the moment that decides
	// to which period it belongs.
	ID string `json:"id"`
	At string `json:"at"`
	// Where keeps only the items for which it is true. Empty keeps all.
	Where string `json:"where,omitempty"`
	// Awaited says that From is a register that is still to come: the file
	// declares its fields itself. Its tests can be tried over a file of items;
	// in a period they are not tested, whatever else is true.
	Awaited bool `json:"awaited,omitempty"`
	// Documents says which documents are due, where From is FromDocuments.
	Documents *Documents `json:"-"`

	fields        []expr.Field // nil: items are dynamic
	env           *expr.Environment
	id, at, where *expr.Program
}

// Fields are the declared fields of an item, nil where items are dynamic. The
// caller owns the slice.
func (p *Population) Fields() []expr.Field { return slices.Clone(p.fields) }
