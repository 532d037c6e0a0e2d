package continuity

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// CapacityReview is that of whether what one plan's function runs on is enough, in one
// quarter. Its id names both, so that there is one of them. The record's instant is the
// last day of the quarter.
type CapacityReview struct {
	ID      string     `json:"id"` // CPR-PLN-1-2026-Q1
	Plan    string     `json:"plan"`
	Quarter string     `json:"quarter"`
	DueAt   *time.Time `json:"due_at,omitempty"`
	Owner   string     `json:"owner"`
	State   string     `json:"state"`

	Demand    string     `json:"demand,omitempty"`
	Resources []Resource `json:"resources,omitempty"`
	// Short counts the resources that are not enough until the end of the next quarter,
	// ShortDecided those of them about which something was decided.
	Short        *int `json:"short,omitempty"`
	ShortDecided *int `json:"short_decided,omitempty"`

	DoneAt     *time.Time `json:"done_at,omitempty"`
	DoneBy     string     `json:"done_by,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	Returned
	record.Withdrawal
}

// Resource is what a function runs on: a disk, workers, a supplier's limit, people on call.
type Resource struct {
	What        string     `json:"what" label:"Resource" doc:"What may run out: a disk, workers, a supplier's limit, people on call."`
	Measured    string     `json:"measured" doc:"How much of it is used, and of how much: 412 GB of 1 TB."`
	EnoughUntil *time.Time `json:"enough_until,omitempty" day:"last" doc:"The last day on which it is enough, by what is expected. Left empty: nobody can say, and something is decided."`
	Decision    string     `json:"decision,omitempty" long:"true" doc:"What is done about it and by when, where it is not enough until the end of the next quarter."`
}

const kindCapacityReview = "capacity_review"

// CapacityReviews describes the register of reviews of capacity.
var CapacityReviews = record.Define[CapacityReview](record.Definition{
	Kind: kindCapacityReview, Register: "capacity_reviews", Title: "Capacity reviews", Singular: "Capacity review", At: "due_at", Fixed: []string{"plan", "quarter"},
	Purpose: "What each function runs on, every quarter: is it enough for what is expected?",
	Opening: &record.Opening{Every: rounds.Quarter, Round: "quarter", About: "plan", Owner: "owner", In: InForce},
	States:  []string{Planned, Done, Reviewed, Withdrawn},
	Settled: []record.Settled{{States: []string{Done}, Fields: []string{"demand", "resources"}}, {States: []string{Reviewed}}},
	Transitions: []record.Transition{
		{From: Planned, To: Done, Required: []string{"demand", "resources"}, Stamp: []string{"done_at", "done_by"},
			Guards: []record.Guard{{Field: "resources", If: "item.short_decided == item.short", Why: "has one that is not enough until the end of the next quarter, and no decision: say what is done about it, and by when"}}},
		record.Withdrawing(Planned), {From: Withdrawn, To: Planned}, // there is one for each plan and quarter
		returning(Done, "capacity_review.review", "done_by"), returning(Reviewed, "capacity_review.review", "done_by"),
		{From: Done, To: Reviewed, Permission: "capacity_review.review", NotBy: []string{"done_by"}, Stamp: []string{"reviewed_at", "reviewed_by"}},
	},
	Fields: slices.Concat([]record.Field{
		{Name: "id", Label: "Number", Section: "Review", Help: "Made of the plan and the quarter, like CPR-PLN-1-2026-Q1: one for each."},
		{Name: "plan", Label: "Plan", Required: true, Refers: kindPlan, Help: "The continuity plan of the function, like continuity_plan/PLN-1."},
		{Name: "quarter", Label: "Quarter", Required: true, Help: "The quarter, like 2026-Q1."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "The last day of the quarter.", LastDay: true},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who is to do it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "demand", Label: "What is expected", Section: "What was found", Long: true, Help: "What changes what is needed: customers to come, a launch, a season, and what past quarters showed."},
		{Name: "resources", Label: "Resources", Help: "What the function runs on: how much is used, and how long it is enough."},
		{Name: "short", Label: "Not enough", Computed: true, Help: "How many are not enough until the end of the next quarter, or of which nobody can say it."},
		{Name: "short_decided", Label: "Decided", Computed: true, Help: "About how many of them something was decided."},
		{Name: "done_by", Label: "Done by", Section: "Review by others", Given: true},
		{Name: "done_at", Label: "Done", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
	}, returned),
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "plan", Filter: true},
		{Field: "quarter", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "short", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "review", What: "Review the capacity of what the function runs on", At: "due_at", Owner: "owner", Open: `item.state == "planned"`}},
})

var capacityIDs = record.NewOfRound("CPR", "plan", kindPlan+"/", planShape, rounds.Quarter, "CPR-PLN-1-2026-Q1")

// Compose makes the id of plan and quarter.
func (c *CapacityReview) Compose(*store.Reader) (string, error) {
	return capacityIDs.Compose(c.Plan, c.Quarter)
}

// Compute sets what follows from the id, counts what is not enough, and ends what belongs
// to a state with it.
func (c *CapacityReview) Compute() {
	c.DueAt, c.Short, c.ShortDecided = nil, nil, nil
	if c.State == Planned || c.State == Withdrawn {
		c.DoneAt, c.DoneBy, c.ReviewedAt, c.ReviewedBy = nil, "", nil, ""
	}
	plan, round, ok := capacityIDs.Parse(c.ID)
	if !ok {
		return
	}
	c.Plan, c.Quarter, c.DueAt = cmp.Or(c.Plan, plan), cmp.Or(c.Quarter, round.Name), &round.DueAt
	short, decided, until := 0, 0, rounds.Quarter.Next(round).DueAt
	for _, one := range c.Resources {
		if one.EnoughUntil != nil && !one.EnoughUntil.Before(until) {
			continue
		}
		short++
		if strings.TrimSpace(one.Decision) != "" {
			decided++
		}
	}
	c.Short, c.ShortDecided = &short, &decided
}

// Validate says what is wrong with a review.
func (c *CapacityReview) Validate() (wrong []record.FieldError) {
	wrong = capacityIDs.Check(c.ID, c.Plan, c.Quarter)
	for i, one := range c.Resources {
		wrong = append(wrong, record.Missing("resources", i, "what", one.What)...)
		wrong = append(wrong, record.Missing("resources", i, "measured", one.Measured)...)
	}
	return append(wrong, record.Bounded(maxText, "demand", c.Demand, "returned_why", c.ReturnedWhy)...)
}

// Before refuses the review of a quarter that has not begun.
func (c *CapacityReview) Before(tx *act.Tx, old any) error {
	if old == nil || record.As[CapacityReview](old).State != Planned || c.State != Done {
		return nil
	}
	return capacityIDs.Begun(tx, c.Quarter)
}

// CapacityRound is the review of a plan's capacity that was due in a quarter, done or not:
// the source capacity_rounds.
type CapacityRound struct {
	ID           string     `json:"id"` // PLN-1@2026-Q1
	Plan         string     `json:"plan"`
	Owner        string     `json:"owner"`
	DueAt        *time.Time `json:"due_at" day:"last"`
	DoneAt       *time.Time `json:"done_at,omitempty"`
	DoneBy       string     `json:"done_by,omitempty"`
	ReviewedBy   string     `json:"reviewed_by,omitempty"`
	Demand       string     `json:"demand,omitempty"`
	Resources    int        `json:"resources"`
	Short        *int       `json:"short,omitempty"`
	ShortDecided *int       `json:"short_decided,omitempty"`
}

// capacityRounds are the reviews that fall due in the interval: of every plan those of all
// quarters while it was in force.
func capacityRounds(past record.Past, from, to time.Time, give func(item any) error) error {
	reviews, err := byRound(past, kindCapacityReview, from, to, func(c *CapacityReview) string { return c.Plan + "@" + c.Quarter })
	if err != nil {
		return err
	}
	return eachPlan(past, func(p *Plan) error {
		for round := range rounds.Quarter.Due(p.InForceFrom, p.WithdrawnAt, from, to) {
			item := &CapacityRound{ID: p.ID + "@" + round.Name, Plan: p.ID, Owner: p.Owner, DueAt: &round.DueAt}
			if c := reviews[kindPlan+"/"+item.ID]; c != nil {
				item.DoneAt, item.DoneBy, item.ReviewedBy = c.DoneAt, c.DoneBy, c.ReviewedBy
				item.Demand, item.Resources, item.Short, item.ShortDecided = c.Demand, len(c.Resources), c.Short, c.ShortDecided
			}
			if err := give(item); err != nil {
				return err
			}
		}
		return nil
	})
}
