package systems

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// DataSet is data that belongs together, with one class, owner and retention. The
// record's instant is when its entry was approved first. From then on its owner
// reviews it in every quarter, until it is no more.
type DataSet struct {
	ID            string           `json:"id"`
	Title         string           `json:"title"`
	Owner         string           `json:"owner"`
	Class         string           `json:"class"`
	Personal      bool             `json:"personal"`
	Handling      string           `json:"handling,omitempty"`
	System        string           `json:"system,omitempty"`
	Store         string           `json:"store,omitempty"`
	StoreClass    string           `json:"store_class,omitempty"`
	Location      string           `json:"location,omitempty"`
	Retention     *record.Duration `json:"retention,omitempty"`
	RetentionFrom string           `json:"retention_from,omitempty"`
	State         string           `json:"state"`

	ProposedBy string     `json:"proposed_by"`
	Authors    []string   `json:"authors,omitempty"`
	ApprovedBy string     `json:"approved_by,omitempty"`
	ApprovedAt *time.Time `json:"approved_at,omitempty"`
	InUseFrom  *time.Time `json:"in_use_from,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	// DueAt is the end of the first quarter in which it was not reviewed.
	DueAt   *time.Time `json:"due_at,omitempty"`
	Reviews []Review   `json:"reviews,omitempty"`
	EndedAt *time.Time `json:"ended_at,omitempty"`
	record.Withdrawal
}

// Review is that of one quarter: the entry as its owner found it right.
type Review struct {
	rounds.Round
	At         time.Time        `json:"at" label:"Reviewed at"`
	By         string           `json:"by" label:"Reviewed by" refers:"person"`
	Owner      string           `json:"owner" refers:"person"`
	Class      string           `json:"class"`
	Store      string           `json:"store,omitempty"`
	StoreClass string           `json:"store_class,omitempty"`
	Retention  *record.Duration `json:"retention,omitempty"`
}

const (
	kindData  = "data_set"
	ended     = "ended"
	approving = "data_set.approve"
)

// DataSets describes the register of sets of data.
var DataSets = record.Define[DataSet](record.Definition{
	Kind: kindData, Register: "data_sets", Title: "Data sets", Singular: "Data set", Prefix: "DS", At: "in_use_from", Author: "proposed_by", Authors: "authors",
	Purpose: "Where data is kept, how sensitive it is, who owns it and how long it stays.",
	Version: 2, Migrations: replayed("reviews", "in_use_from"),
	States: []string{Proposed, InUse, ended, record.Withdrawn},
	// What was approved; where it is, a review says.
	Settled: []record.Settled{{States: []string{InUse}, Fields: []string{"title", "class", "personal", "handling", "system", "location"}}},
	Transitions: []record.Transition{
		{From: Proposed, To: InUse, Called: "Approve for use", Permission: approving, Required: []string{"store", "store_class", "retention", "retention_from"},
			NotBy: []string{"proposed_by", "authors"}, Stamp: []string{"approved_by", "approved_at"}},
		{From: InUse, To: InUse, Called: "Review", Permission: "data_set.review", Offered: []string{"store", "store_class", "location"}, Stamp: []string{"reviewed_at", "reviewed_by"},
			Guards: []record.Guard{{If: "item.reviewed_by == item.owner", Why: "the owner reviews it, in their own name"}}},
		// Another class, handling, system or retention is approved again.
		{From: InUse, To: Proposed},
		record.Withdrawing(Proposed),
		{From: InUse, To: ended, Permission: approving, Stamp: []string{"ended_at"}, Check: disposedOf},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Help: "DS-1, DS-2 ...: SCAF gives it, unless the entry comes in a table."},
		{Name: "title", Label: "Title", Section: "Data", Required: true, Help: "What data it is."},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who decides about it and reviews it every quarter, as person/E1001."},
		{Name: "class", Label: "Class", Required: true, Choices: Classes, Help: "That of the most sensitive item in it. Data of customers and people is confidential at least."},
		{Name: "personal", Label: "Personal", Help: "Whether it is about people."},
		{Name: "handling", Label: "Handling", Long: true, Help: "Who may have it, and what is to be minded beyond the rules for its class."},
		{Name: "state", Label: "State"},
		{Name: "system", Label: "System", Section: "Place", Refers: kindSystem, Help: "The system that it is in, like system/audit-pipelines."},
		{Name: "store", Label: "Store", Help: "What it lies in: a database, a bucket, a folder."},
		{Name: "store_class", Label: "Class of the store", Choices: Classes[1:], Help: "What the store is fit for."},
		{Name: "location", Label: "Location", Help: "Where the store is: countries, regions."},
		{Name: "retention", Label: "Retention", Section: "Retention", Help: "How long it is kept, such as 1 year."},
		{Name: "retention_from", Label: "Retention runs from", Help: "The moment from which it runs, such as the end of the contract."},
		{Name: "due_at", Label: "Review due", Section: "Review", Given: true, LastDay: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviews", Label: "Reviews", Given: true},
		{Name: "proposed_by", Label: "Proposed by", Section: "Approval"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "Approved", Given: true},
		{Name: "in_use_from", Label: "On the list from", Given: true},
		{Name: "ended_at", Label: "Ended", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Sort: true},
		{Field: "class", Filter: true},
		{Field: "personal", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "system", Filter: true},
		{Field: "state", Filter: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "in_use_from", Filter: true, Sort: true},
	},
	Dues:    []record.Due{{Name: "review", What: "Review the set of data", At: "due_at", Owner: "owner", Open: `item.state != "ended"`}},
	Derived: []record.Derived{{Name: "data_set_reviews", At: "due_at", Item: DataRound{}, Of: record.OfEach(dataRounds)}},
})

// Validate says what is wrong with an entry. That a store is not fit for the class
// is not refused: it is what a review finds, and DAT-01 reports.
func (d *DataSet) Validate() (wrong []record.FieldError) {
	if d.Personal && (d.Class == "public" || d.Class == "internal") {
		wrong = append(wrong, record.Wrong("class", "is %s, and data about people is confidential at least", d.Class))
	}
	return append(wrong, record.Bounded(maxText, "title", d.Title, "handling", d.Handling, "store", d.Store, "location", d.Location, "retention_from", d.RetentionFrom)...)
}

// Before holds the class and the retention that were approved, and keeps what its
// owner reviewed: one review is for one quarter, the first that is due. Another one in a
// quarter that is reviewed counts for none to come.
func (d *DataSet) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	before, now := record.As[DataSet](old), tx.Now()
	switch {
	case before.State == ended || before.State == record.Withdrawn:
		return record.Refuse("state", "is %s: it stays as it was", before.State)
	case d.State == record.Withdrawn && d.InUseFrom != nil:
		return record.Refuse("state", "is no entry begun by mistake: data that was on the list is disposed of, and its entry ends with that")
	case before.State == InUse && d.State == InUse && (before.Class != d.Class || before.Personal != d.Personal || !same(before.Retention, d.Retention) || before.RetentionFrom != d.RetentionFrom):
		return record.Refuse("state", "is %s: class and retention were approved; move it to %s to change them", InUse, Proposed)
	case d.State == ended:
		d.DueAt = nil
	case d.State == InUse && d.InUseFrom == nil:
		d.InUseFrom, d.DueAt = &now, rounds.Quarter.First(now)
	case !record.SameTime(before.ReviewedAt, d.ReviewedAt):
		if round, next, ok := rounds.Quarter.Take(d.DueAt, now); ok {
			d.Reviews = append(d.Reviews, Review{round, *d.ReviewedAt, d.ReviewedBy, d.Owner, d.Class, d.Store, d.StoreClass, d.Retention})
			d.DueAt = next
		}
	}
	return nil
}

func same(a, b *record.Duration) bool { return a == b || a != nil && b != nil && *a == *b }

// disposedOf wants a disposal of the whole set that a second person witnessed.
func disposedOf(r *store.Reader, doc json.RawMessage) error {
	d := &DataSet{}
	if err := json.Unmarshal(doc, d); err != nil {
		return err
	}
	found := false
	_, err := record.List(r, Disposals, record.Query{Filter: fmt.Sprintf("item.data == %q && item.state == %q", kindData+"/"+d.ID, witnessed)}, func(v *record.Version) error {
		p := &Disposal{}
		err := json.Unmarshal(v.Doc, p)
		found = found || p.Whole
		return err
	})
	if err == nil && !found {
		return record.Refuse("state", "no witnessed disposal of the whole of %s: it belongs into the register of data disposals", d.ID)
	}
	return err
}

// DataRound is the review of a set of data that was due in a quarter, done or
// not: the source data_set_reviews.
type DataRound struct {
	ID         string           `json:"id"` // DS-1@2026-Q1
	DataSet    string           `json:"data_set"`
	Title      string           `json:"title"`
	Owner      string           `json:"owner"`
	Class      string           `json:"class"`
	Store      string           `json:"store,omitempty"`
	StoreClass string           `json:"store_class,omitempty"`
	Retention  *record.Duration `json:"retention,omitempty"`
	DueAt      *time.Time       `json:"due_at" day:"last"`
	ReviewedAt *time.Time       `json:"reviewed_at,omitempty"`
	ReviewedBy string           `json:"reviewed_by,omitempty"`
}

// dataRounds are the reviews of a set that fall due in the interval: those of all
// quarters while it was on the list.
func dataRounds(d *DataSet, from, to time.Time, give func(item any) error) error {
	for round := range rounds.Quarter.Due(d.InUseFrom, d.EndedAt, from, to) {
		item := &DataRound{ID: d.ID + "@" + round.Name, DataSet: d.ID, Title: d.Title, Owner: d.Owner, Class: d.Class,
			Store: d.Store, StoreClass: d.StoreClass, Retention: d.Retention, DueAt: &round.DueAt}
		if at := slices.IndexFunc(d.Reviews, func(one Review) bool { return one.Name == round.Name }); at >= 0 {
			v := &d.Reviews[at]
			item.Owner, item.Class, item.Store, item.StoreClass, item.Retention = v.Owner, v.Class, v.Store, v.StoreClass, v.Retention
			item.ReviewedAt, item.ReviewedBy = &v.At, v.By
		}
		if err := give(item); err != nil {
			return err
		}
	}
	return nil
}
