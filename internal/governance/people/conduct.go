package people

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// ConductCase is a reported breach of the rules, as dates and outcomes: which
// rule, whom it is about, who looked into it, what it came to and what followed.
// Neither what happened nor who reported it stands here. The record's instant is
// the report's.
type ConductCase struct {
	ID             string     `json:"id"` // CASE-1
	ReportedAt     *time.Time `json:"reported_at"`
	Channel        string     `json:"channel"`
	Rule           string     `json:"rule"`
	About          string     `json:"about,omitempty"`
	State          string     `json:"state"`
	DueAt          *time.Time `json:"due_at,omitempty"`
	InvestigatedBy string     `json:"investigated_by,omitempty"`
	HeardAt        *time.Time `json:"heard_at,omitempty"`
	Outcome        string     `json:"outcome,omitempty"`
	Action         string     `json:"action,omitempty"`
	ClosedAt       *time.Time `json:"closed_at,omitempty"`
	ClosedBy       string     `json:"closed_by,omitempty"`
}

// States of a case.
const (
	Reported      = "reported"
	Investigating = "investigating"
	Closed        = "closed"
)

// DaysToClose is within how many days a case is closed: GOV-04 tests it.
const DaysToClose = 30

// ConductCases describes the register of breaches of the rules.
var ConductCases = record.Define[ConductCase](record.Definition{
	Kind: "conduct_case", Register: "conduct_cases", Title: "Conduct cases", Singular: "Conduct case", Prefix: "CASE", At: "reported_at", Personal: true,
	Purpose: "Reported breaches of rules: dates and outcomes only.",
	States:  []string{Reported, Investigating, Closed}, Fixed: []string{"reported_at", "channel"},
	Settled: []record.Settled{{States: []string{Investigating}, Fields: []string{"about"}}},
	Transitions: []record.Transition{
		looking(Reported), looking(Investigating).As("Name whom it is about, or another investigator"),
		{
			From: Investigating, To: Closed, Permission: "conduct_case.close", NotBy: []string{"about"}, Stamp: []string{"closed_at", "closed_by"},
			Required: []string{"investigated_by", "outcome", "action"}, Offered: []string{"about", "heard_at"}, Guards: []record.Guard{other, named},
		},
	},
	Columns: []record.Column{
		{Field: "reported_at", Filter: true, Sort: true}, {Field: "rule", Filter: true}, {Field: "about", Filter: true}, {Field: "investigated_by", Filter: true},
		{Field: "state", Label: "State", Filter: true}, {Field: "due_at", Filter: true, Sort: true}, {Field: "closed_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "reported_at", Label: "Reported", Section: "Report", Required: true, Happened: true, Help: "When the report came in."},
		{Name: "channel", Label: "Came by", Required: true, Choices: []string{"manager", "people lead", "chief executive", "form without a name", "outside", "audit"}, Help: "Who reported it is not recorded."},
		{Name: "rule", Label: "Rule", Required: true, Help: "The policy and the number of its rule, such as code-of-conduct 6."},
		{Name: "about", Label: "About", Refers: "person", Leavers: true, Help: "Whom it is about, such as person/E1001. Needed to close it, unless nothing can be established."},
		{Name: "state", Label: "State"},
		{Name: "due_at", Label: "Due", Computed: true, Help: "Thirty days after the report."},
		{Name: "investigated_by", Label: "Looked into by", Section: "Answer", Refers: "person", Help: "Somebody whom it is not about and who does not report to that person."},
		{Name: "heard_at", Label: "Person heard", Day: true, Happened: true, Help: "When the person whom it is about was heard."},
		{Name: "outcome", Label: "Outcome", Choices: []string{"confirmed", "confirmed in part", "not confirmed", "cannot be established"}, Help: "What looking into it came to."},
		{Name: "action", Label: "What follows", Choices: []string{"nothing", "talk", "training", "written warning", "access ended", "work ended"}, Help: "That nothing follows is an answer, too."},
		{Name: "closed_by", Label: "Closed by", Given: true},
		{Name: "closed_at", Label: "Closed", Given: true},
	},
	Dues: []record.Due{{Name: "close", What: "Look into the reported breach and answer it", At: "due_at", Owner: "investigated_by", Open: `item.state != "closed"`}},
})

// looking is the move by which a case gets its investigator. Whom it is about is often
// known only while it is looked into.
func looking(from string) record.Transition {
	return record.Transition{
		From: from, To: Investigating, NotBy: []string{"about"}, Required: []string{"investigated_by"}, Offered: []string{"about"}, Guards: []record.Guard{other},
	}
}

// other is the guard that the investigator is not whom the case is about, named that it
// is known by the end whom it is about.
var (
	other = record.Guard{Field: "investigated_by", If: `!has(item.about) || item.about != item.investigated_by`, Why: "is whom it is about: somebody else looks into it"}
	named = record.Guard{Field: "about", If: `item.outcome == "cannot be established" || has(item.about) && item.about != ""`, Why: "is needed, unless nothing can be established"}
)

// ruleShape leaves no room for what happened.
var ruleShape = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*( [1-9][0-9]?)?$`)

const maxRule = 90 // bytes

// Compute sets until when the case has to be closed.
func (c *ConductCase) Compute() {
	c.DueAt = nil
	if c.ReportedAt != nil {
		due := c.ReportedAt.AddDate(0, 0, DaysToClose)
		c.DueAt = &due
	}
}

// Validate says what is wrong with a case.
func (c *ConductCase) Validate() (wrong []record.FieldError) {
	if c.Rule != "" && (len(c.Rule) > maxRule || !ruleShape.MatchString(c.Rule)) {
		wrong = append(wrong, record.FieldError{Field: "rule", Problem: fmt.Sprintf("%q must be the id of a policy and the number of its rule, such as code-of-conduct 6", c.Rule)})
	}
	return wrong
}

// Before holds a closed case as it is, and leaves it to others than those whom a case
// names, or has named, to say that it is about somebody else.
func (c *ConductCase) Before(tx *act.Tx, old any) error {
	if old == nil {
		return nil
	}
	was := record.As[ConductCase](old)
	switch {
	case was.State == Closed:
		return record.Refuse("state", "is closed: it stays as it is")
	case was.About == c.About:
		return nil
	}
	current, err := record.Get(&tx.Reader, ConductCases.Name, c.ID)
	if err != nil {
		return err
	}
	change := &record.Transition{From: was.State, To: c.State, NotBy: []string{"about"}}
	if err := record.Another(&tx.Reader, ConductCases, tx.Caller(), change, current); errors.Is(err, act.ErrSamePerson) {
		return fmt.Errorf("%w: the case is about %s, or was, and whom it is about is for somebody else to change", act.ErrSamePerson, tx.Caller().ID)
	} else if err != nil {
		return err
	}
	return nil
}

// Consult refuses an investigator who reports to whom the case is about. Whoever comes
// to report to them later goes on with it.
func (c *ConductCase) Consult(r *store.Reader, old any) error {
	if c.About == "" || c.InvestigatedBy == "" {
		return nil
	}
	if old != nil {
		if was := record.As[ConductCase](old); was.About == c.About && was.InvestigatedBy == c.InvestigatedBy {
			return nil
		}
	}
	by, _, err := record.Load[Person](r, Register, c.InvestigatedBy)
	if errors.Is(err, record.ErrNone) {
		return nil
	} else if err != nil {
		return err
	}
	about, _, err := record.Load[Person](r, Register, c.About)
	if err != nil && !errors.Is(err, record.ErrNone) {
		return err
	}
	if by.Manager == c.About || about != nil && about.Email != "" && strings.EqualFold(Register.Bare(by.Manager), about.Email) { // as HR systems name them
		return record.Refuse("investigated_by", "reports to whom it is about: somebody else looks into it")
	}
	return nil
}
