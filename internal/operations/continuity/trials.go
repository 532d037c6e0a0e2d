package continuity

import (
	"cmp"
	"slices"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/rounds"
)

// Trial is a restore for trial of one plan's data in one quarter. Its id names both,
// so that there is one of them. The record's instant is the last day of the quarter.
type Trial struct {
	ID      string     `json:"id"` // RT-PLN-1-2026-Q1
	Plan    string     `json:"plan"`
	Quarter string     `json:"quarter"`
	DueAt   *time.Time `json:"due_at,omitempty"`
	Owner   string     `json:"owner"`
	Store   string     `json:"store"`
	State   string     `json:"state"`

	// StartedAt is when the restore began, RestoredAt when the function ran on what
	// was restored, DataUntil the instant of the newest data that came back.
	StartedAt  *time.Time `json:"started_at,omitempty"`
	RestoredAt *time.Time `json:"restored_at,omitempty"`
	DataUntil  *time.Time `json:"data_until,omitempty"`
	Whole      *bool      `json:"whole,omitempty"`
	Note       string     `json:"note,omitempty"`

	// Took and Lost follow from the times; Allowed and AllowedLoss are the plan's
	// objectives when the trial was made.
	Took        *record.Duration `json:"took,omitempty"`
	Allowed     *record.Duration `json:"allowed,omitempty"`
	Lost        *record.Duration `json:"lost,omitempty"`
	AllowedLoss *record.Duration `json:"allowed_loss,omitempty"`
	Result      string           `json:"result,omitempty"`

	DoneAt     *time.Time `json:"done_at,omitempty"`
	DoneBy     string     `json:"done_by,omitempty"`
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	Returned
	record.Withdrawal
}

// Returned is that somebody else found that what was done was recorded wrongly.
type Returned struct {
	ReturnedWhy string `json:"returned_why,omitempty"`
	ReturnedBy  string `json:"returned_by,omitempty"`
}

// returning is for what was recorded wrongly: somebody other than who did it says why, and
// it is done again. When that is counts: nothing is in time that was not.
func returning(from, permission, did string) record.Transition {
	return record.Transition{
		From: from, To: Planned, Permission: permission, NotBy: []string{did},
		Required: []string{"returned_why"}, Sets: []string{"returned_why"}, Stamp: []string{"returned_by"},
	}
}

// returned are the fields of what was returned.
var returned = []record.Field{
	{Name: "returned_why", Label: "Why it is done again", Section: "Return", Given: true, Long: true, Help: "What was recorded wrongly, and how it is known."},
	{Name: "returned_by", Label: "Returned by", Given: true},
}

// States of a trial, and of a practice.
const (
	Planned  = "planned"
	Done     = "done"
	Reviewed = "reviewed"
)

// Results of a trial.
const (
	Passed = "passed"
	Failed = "failed"
)

const kindTrial = "restore_trial"

// Trials describes the register of restores for trial.
var Trials = record.Define[Trial](record.Definition{
	Kind: kindTrial, Register: "restore_trials", Title: "Restore trials", Singular: "Restore trial", At: "due_at", Fixed: []string{"plan", "quarter"},
	Purpose: "Backups restored for trial every quarter: whole, and in time?",
	Opening: &record.Opening{Every: rounds.Quarter, Round: "quarter", About: "plan", Owner: "owner", In: InForce, Same: []string{"store"}, Kept: []string{"store"}},
	States:  []string{Planned, Done, Reviewed, Withdrawn},
	Settled: []record.Settled{{States: []string{Reviewed}}},
	Transitions: []record.Transition{
		{From: Planned, To: Done, Required: []string{"started_at", "restored_at", "data_until", "whole"}, Stamp: []string{"done_at", "done_by"}},
		record.Withdrawing(Planned), {From: Withdrawn, To: Planned}, // there is one for each plan and quarter
		returning(Done, "restore_trial.review", "done_by"), returning(Reviewed, "restore_trial.review", "done_by"),
		{From: Done, To: Reviewed, Permission: "restore_trial.review", NotBy: []string{"done_by"}, Stamp: []string{"reviewed_at", "reviewed_by"}},
	},
	Fields: slices.Concat([]record.Field{
		{Name: "id", Label: "Number", Section: "Trial", Help: "Made of the plan and the quarter, like RT-PLN-1-2026-Q1: one for each."},
		{Name: "plan", Label: "Plan", Required: true, Refers: kindPlan, Help: "The plan, like continuity_plan/PLN-1."},
		{Name: "quarter", Label: "Quarter", Required: true, Help: "The quarter, like 2026-Q1."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "The last day of the quarter.", LastDay: true},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who is to do it, as person/E1001."},
		{Name: "store", Label: "Store", Required: true, Help: "What is restored, from which backup."},
		{Name: "state", Label: "State"},
		{Name: "started_at", Label: "Began", Section: "What was measured", Happened: true, Help: "When the restore began."},
		{Name: "restored_at", Label: "Restored", Happened: true, Help: "When the function ran on what was restored."},
		{Name: "data_until", Label: "Data until", Happened: true, Help: "The time of the newest data that came back."},
		{Name: "whole", Label: "Whole", Help: "Whether all of it came back, by checksum or count."},
		{Name: "note", Label: "Note", Long: true, Help: "What was seen, and what follows from it."},
		{Name: "took", Label: "Took", Section: "Result", Computed: true, Help: "From the beginning until it was restored."},
		{Name: "allowed", Label: "Allowed", Given: true, Help: "The plan's recovery time when the trial was made."},
		{Name: "lost", Label: "Lost", Computed: true, Help: "From the newest data until the restore began."},
		{Name: "allowed_loss", Label: "Loss allowed", Given: true, Help: "The plan's recovery point when the trial was made."},
		{Name: "result", Label: "Result", Computed: true, Choices: []string{Passed, Failed}, Help: "Passed: it is whole, and within the plan's recovery time and point."},
		{Name: "done_by", Label: "Done by", Given: true},
		{Name: "done_at", Label: "Done", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
	}, returned),
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "plan", Filter: true},
		{Field: "quarter", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "result", Filter: true},
		{Field: "state", Filter: true},
	},
	Dues: []record.Due{{Name: "restore", What: "Restore the plan's data for trial", At: "due_at", Owner: "owner", Open: `item.state == "planned"`}},
})

// planShape is that of the number of a plan.
const planShape = `PLN-[1-9][0-9]{0,8}`

var trialIDs = record.NewOfRound("RT", "plan", kindPlan+"/", planShape, rounds.Quarter, "RT-PLN-1-2026-Q1")

// Compose makes the id of plan and quarter.
func (t *Trial) Compose(*store.Reader) (string, error) { return trialIDs.Compose(t.Plan, t.Quarter) }

// Compute sets what follows from the id and from what was measured, and that what
// belongs to a state ends with it.
func (t *Trial) Compute() {
	t.DueAt = nil
	if plan, round, ok := trialIDs.Parse(t.ID); ok {
		t.Plan, t.Quarter, t.DueAt = cmp.Or(t.Plan, plan), cmp.Or(t.Quarter, round.Name), &round.DueAt
	}
	t.Took, t.Lost, t.Result = between(t.StartedAt, t.RestoredAt), between(t.DataUntil, t.StartedAt), ""
	if t.State == Planned || t.State == Withdrawn {
		t.DoneAt, t.DoneBy, t.Allowed, t.AllowedLoss, t.ReviewedAt, t.ReviewedBy = nil, "", nil, nil, nil, ""
		return
	}
	t.Result = Failed
	if t.Whole != nil && *t.Whole && within(t.Took, t.Allowed) && within(t.Lost, t.AllowedLoss) {
		t.Result = Passed
	}
}

// between is the time between two instants; nil where one is missing or they are in
// the wrong order.
func between(from, to *time.Time) *record.Duration {
	if from == nil || to == nil || to.Before(*from) {
		return nil
	}
	length := record.Duration(to.Sub(*from).String())
	return &length
}

// within reports whether a length of time is there, and at most what is allowed.
func within(length, allowed *record.Duration) bool {
	if length == nil || allowed == nil {
		return false
	}
	a, err := time.ParseDuration(string(*length))
	if err != nil {
		return false
	}
	b, err := time.ParseDuration(string(*allowed))
	return err == nil && a <= b
}

// Validate says what is wrong with a trial.
func (t *Trial) Validate() (wrong []record.FieldError) {
	wrong = trialIDs.Check(t.ID, t.Plan, t.Quarter)
	if t.StartedAt != nil && t.RestoredAt != nil && t.Took == nil {
		wrong = append(wrong, record.Wrong("restored_at", "is before the restore began"))
	}
	if t.DataUntil != nil && t.StartedAt != nil && t.Lost == nil {
		wrong = append(wrong, record.Wrong("data_until", "is after the restore began"))
	}
	return append(wrong, record.Bounded(maxText, "store", t.Store, "note", t.Note, "returned_why", t.ReturnedWhy)...)
}

// Before measures a trial against the objectives of its plan, and holds it to what
// was measured.
func (t *Trial) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	before := record.As[Trial](old)
	if before.State == Done || before.State == Reviewed {
		again := *t
		if again.State == Planned { // somebody else found that it was recorded wrongly
			again.Result = before.Result
		}
		t := &again
		if before.State == t.State || before.Result != t.Result || before.Store != t.Store || *before.Whole != *t.Whole || !before.StartedAt.Equal(*t.StartedAt) ||
			!before.RestoredAt.Equal(*t.RestoredAt) || !before.DataUntil.Equal(*t.DataUntil) {
			return record.Refuse("state", "is %s: what was measured stays as it was said", before.State)
		}
		return nil
	}
	if t.State != Done {
		return nil
	}
	if err := notBefore(tx, rounds.Quarter, t.Quarter, "started_at", t.StartedAt); err != nil {
		return err
	}
	p, _, err := record.Load[Plan](&tx.Reader, Plans, t.Plan)
	if err != nil {
		return err
	}
	if p.State != InForce {
		return record.Refuse("plan", "%s is %s: a trial is measured against the objectives that were approved. Have the plan approved first", t.Plan, record.Words(p.State))
	}
	t.Allowed, t.AllowedLoss = p.RecoveryTime, p.RecoveryPoint
	t.Compute()
	return nil
}

// notBefore refuses what was done before the round began that it is for.
func notBefore(tx *act.Tx, every rounds.Every, name, field string, at *time.Time) error {
	round, ok := every.Parse(name)
	if !ok || at == nil {
		return nil
	}
	if begins := every.Begins(round, tx.Zone()); at.Before(begins) {
		return record.Refuse(field, "is on %s, and this is the one of %s, which began on %s", at.In(tx.Zone()).Format(time.DateOnly), name, begins.Format(time.DateOnly))
	}
	return nil
}

// Practice is how one plan was practised in one year. Its id names both. The
// record's instant is the last day of the year.
type Practice struct {
	ID             string     `json:"id"` // PP-PLN-1-2026
	Plan           string     `json:"plan"`
	Year           string     `json:"year"`
	DueAt          *time.Time `json:"due_at,omitempty"`
	Owner          string     `json:"owner"`
	Scenario       string     `json:"scenario"`
	Participants   []string   `json:"participants,omitempty"`
	Result         string     `json:"result,omitempty"`
	Findings       *int       `json:"findings,omitempty"`
	FindingsInPlan *int       `json:"findings_in_plan,omitempty"`
	PractisedAt    *time.Time `json:"practised_at,omitempty"`
	PractisedBy    string     `json:"practised_by,omitempty"`
	ReviewedAt     *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy     string     `json:"reviewed_by,omitempty"`
	State          string     `json:"state"`
	Returned
	record.Withdrawal
}

const kindPractice = "plan_practice"

// Practices describes the register of practices.
var Practices = record.Define[Practice](record.Definition{
	Kind: kindPractice, Register: "plan_practices", Title: "Plan practices", Singular: "Plan practice", At: "due_at", Fixed: []string{"plan", "year"},
	Purpose: "The yearly practice of each plan, and what was learned.",
	Opening: &record.Opening{Every: rounds.Year, Round: "year", About: "plan", Owner: "owner", In: InForce, Same: []string{"scenario"}},
	States:  []string{Planned, Done, Reviewed, Withdrawn},
	Settled: []record.Settled{{States: []string{Reviewed}}},
	Transitions: []record.Transition{
		{From: Planned, To: Done, Required: []string{"practised_at", "participants", "result", "findings"}, Stamp: []string{"practised_by"}},
		record.Withdrawing(Planned), {From: Withdrawn, To: Planned}, // there is one for each plan and year
		returning(Done, "plan_practice.review", "practised_by"), returning(Reviewed, "plan_practice.review", "practised_by"),
		{From: Done, To: Reviewed, Permission: "plan_practice.review", Required: []string{"findings_in_plan"}, NotBy: []string{"practised_by"},
			Guards: []record.Guard{{Field: "findings_in_plan", If: "item.findings_in_plan == item.findings", Why: "is not the number of findings: what the practice showed goes into the plan first"}}, Stamp: []string{"reviewed_at", "reviewed_by"}},
	},
	Fields: slices.Concat([]record.Field{
		{Name: "id", Label: "Number", Section: "Practice", Help: "Made of the plan and the year, like PP-PLN-1-2026: one for each."},
		{Name: "plan", Label: "Plan", Required: true, Refers: kindPlan, Help: "The plan, like continuity_plan/PLN-1."},
		{Name: "year", Label: "Year", Required: true, Help: "The year, like 2026."},
		{Name: "due_at", Label: "Due", Computed: true, Help: "The last day of the year.", LastDay: true},
		{Name: "owner", Label: "Owner", Required: true, Refers: kindPerson, Help: "Who is to lead it, as person/E1001."},
		{Name: "scenario", Label: "Scenario", Required: true, Long: true, Help: "What is gone: a region, a supplier, a key person."},
		{Name: "state", Label: "State"},
		{Name: "practised_at", Label: "Practised", Section: "Result", Happened: true, Help: "When it was done."},
		{Name: "participants", Label: "Participants", Refers: kindPerson, Then: "practised_at", Help: "Who took part."},
		{Name: "result", Label: "Result", Long: true, Help: "What happened, and how long it took."},
		{Name: "findings", Label: "Findings", Help: "How many things it showed that the plan did not have right."},
		{Name: "findings_in_plan", Label: "Findings in the plan", Help: "How many of them are in the plan now."},
		{Name: "practised_by", Label: "Led by", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
	}, returned),
	Columns: []record.Column{
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "plan", Filter: true},
		{Field: "year", Filter: true},
		{Field: "owner", Filter: true},
		{Field: "state", Filter: true},
		{Field: "practised_at", Filter: true, Sort: true},
	},
	Dues: []record.Due{{Name: "practise", What: "Practise the plan", At: "due_at", Owner: "owner", Open: `item.state == "planned"`}},
})

var practiceIDs = record.NewOfRound("PP", "plan", kindPlan+"/", planShape, rounds.Year, "PP-PLN-1-2026")

// Compose makes the id of plan and year.
func (p *Practice) Compose(*store.Reader) (string, error) { return practiceIDs.Compose(p.Plan, p.Year) }

// Compute sets what follows from the id, and that what belongs to a state ends with it.
func (p *Practice) Compute() {
	if p.State == Planned || p.State == Withdrawn {
		p.PractisedBy, p.ReviewedAt, p.ReviewedBy = "", nil, ""
	}
	p.DueAt = nil
	if plan, round, ok := practiceIDs.Parse(p.ID); ok {
		p.Plan, p.Year, p.DueAt = cmp.Or(p.Plan, plan), cmp.Or(p.Year, round.Name), &round.DueAt
	}
}

// Validate says what is wrong with a practice.
func (p *Practice) Validate() (wrong []record.FieldError) {
	wrong = practiceIDs.Check(p.ID, p.Plan, p.Year)
	for _, one := range []struct {
		field string
		n     *int
	}{{"findings", p.Findings}, {"findings_in_plan", p.FindingsInPlan}} {
		if one.n != nil && *one.n < 0 {
			wrong = append(wrong, record.Wrong(one.field, "is %d: a number from 0", *one.n))
		}
	}
	return append(wrong, record.Bounded(maxText, "scenario", p.Scenario, "result", p.Result, "returned_why", p.ReturnedWhy)...)
}

// Before holds what was practised: only how many of the findings are in the plan may
// still change.
func (p *Practice) Before(tx *act.Tx, old any) error {
	if old != nil && p.State == Planned && p.State != record.As[Practice](old).State { // by it a practice counts as done
		p.PractisedAt, p.FindingsInPlan = nil, nil
		return nil
	}
	if err := notBefore(tx, rounds.Year, p.Year, "practised_at", p.PractisedAt); err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	before := record.As[Practice](old)
	if before.State == Reviewed || before.State == Done && (before.Result != p.Result || before.Scenario != p.Scenario || !slices.Equal(before.Participants, p.Participants) || *before.Findings != *p.Findings || !before.PractisedAt.Equal(*p.PractisedAt)) {
		return record.Refuse("state", "is %s: what was practised stays as it was said", before.State)
	}
	return nil
}
