// Package risks holds the register of risks and that of the assessments in which
// they are looked for as a whole.
package risks

import (
	"time"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/vocabulary"
)

// Risk is something that could go wrong. The record's instant is when its review
// is due.
type Risk struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	What     string `json:"what,omitempty"`
	Category string `json:"category"`
	Owner    string `json:"owner"`
	State    string `json:"state"`

	// Inherent: before anything is done about it. Residual: with what is done.
	// Scale is that on which they were rated: risk_scale/SCL-1, empty for the default.
	Scale string `json:"scale,omitempty"`
	// RatedOn are its numbers.
	RatedOn            *Terms `json:"rated_on,omitempty"`
	Likelihood         *int   `json:"likelihood,omitempty"`
	Impact             *int   `json:"impact,omitempty"`
	Score              *int   `json:"score,omitempty"`
	Level              string `json:"level,omitempty"`
	ResidualLikelihood *int   `json:"residual_likelihood,omitempty"`
	ResidualImpact     *int   `json:"residual_impact,omitempty"`
	ResidualScore      *int   `json:"residual_score,omitempty"`
	ResidualLevel      string `json:"residual_level,omitempty"`

	// RateOn is the scale that came into force since the risk was rated, RateBy by
	// when it is to be rated on it.
	RateOn string     `json:"rate_on,omitempty"`
	RateBy *time.Time `json:"rate_by,omitempty"`

	Response  string   `json:"response,omitempty"`
	Treatment string   `json:"treatment,omitempty"`
	Tasks     []string `json:"tasks,omitempty"`
	Controls  []string `json:"controls,omitempty"`
	Vendors   []string `json:"vendors,omitempty"`

	// ReviewedAt is when the risk was last reviewed, DueAt by when it is next.
	ReviewedAt *time.Time `json:"reviewed_at,omitempty"`
	ReviewedBy string     `json:"reviewed_by,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	// Reviews are those of the due dates before, which ReviewedAt may come after: what is
	// reviewed long before it is due is due all the same.
	Reviews []Review `json:"reviews,omitempty"`

	AcceptedUntil  *time.Time `json:"accepted_until,omitempty"`
	AcceptedReason string     `json:"accepted_reason,omitempty"`
	AcceptedBy     string     `json:"accepted_by,omitempty"`
	AcceptedAt     *time.Time `json:"accepted_at,omitempty"`

	ClosedReason string     `json:"closed_reason,omitempty"`
	ClosedAt     *time.Time `json:"closed_at,omitempty"`
	ClosedBy     string     `json:"closed_by,omitempty"`
}

const kindRisk = "risk"

// States of a risk.
const (
	Identified = "identified" // nobody has rated it
	Assessed   = "assessed"   // rated, with a response
	Accepted   = "accepted"   // left as it is until a day, by somebody else than its owner
	Closed     = "closed"
)

// Categories of risks. Fraud and change are among them since CC3.3 and CC3.4 ask
// for them by name.
var Categories = []string{"strategy", "operations", "technology", "security", "privacy", "suppliers", "people", "fraud", "change", "legal"}

// Responses to a risk.
var Responses = []string{"accept", "avoid", "reduce", "share"}

// controlled is what an assessed risk has beside its required fields: a control from its
// scale's score on, which RSK-02 tests.
var controlled = record.Guard{
	Field: "controls", If: `item.likelihood * item.impact < item.rated_on.control_from || item.response == "accept" || has(item.controls) && item.controls.size() > 0`,
	Why: "names none: a risk that is not accepted names one from the score on that its scale says (12 on " + DefaultID + ")",
}

var rated = []string{"likelihood", "impact", "response"}

// defaults are the steps of the default scale.
var defaults = struct{ likelihoods, impacts string }{steps(Default().Likelihoods, nil), steps(Default().Impacts, nil)}

// Register describes the register of risks.
var Register = record.Define[Risk](record.Definition{
	Kind: kindRisk, Register: "risks", Title: "Risks", Singular: "Risk", Prefix: "RSK", At: "due_at", Explain: explain, Version: 2,
	Migrations: []record.Migration{{From: 1, Change: toNext}},
	Purpose:    "What could go wrong, how bad it would be, who owns it and what is done about it.",
	States:     []string{Identified, Assessed, Accepted, Closed},
	Settled: []record.Settled{
		{States: []string{Accepted}, Fields: []string{"title", "what", "category", "scale", "likelihood", "impact", "residual_likelihood", "residual_impact", "response"}},
		{States: []string{Closed}},
	},
	Transitions: []record.Transition{
		assessing(Identified).As("Assess"), assessing(Assessed).As("Assess again"),
		{From: Assessed, To: Accepted, Permission: "risk.accept", Required: []string{"accepted_until", "accepted_reason"},
			NotBy: []string{"owner"}, Stamp: []string{"accepted_at", "accepted_by"},
			Guards: []record.Guard{
				{Field: "response", If: `item.response == "accept"`, Why: "is not accept: the owner proposes an acceptance by that response, in a review or by changing the risk"},
				{Field: "accepted_until", If: `item.accepted_until > item.accepted_at && item.accepted_until - item.accepted_at <= duration("8784h")`, Why: "has to be a day ahead, within a year (366 days)"},
			}},
		{From: Accepted, To: Assessed},
		closing(Identified), closing(Assessed),
		{From: Closed, To: Identified},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Help: "RSK-1, RSK-2 ...: SCAF gives it, unless the risk comes in a table."},
		{Name: "title", Label: "Title", Section: "Risk", Required: true, Help: "What could happen, in a line."},
		{Name: "what", Label: "Description", Long: true, Help: "What could happen, from what cause, and what would follow."},
		{Name: "category", Label: "Category", Required: true, Choices: Categories, Help: "Which part of the company it belongs to."},
		{Name: "owner", Label: "Owner", Required: true, Refers: "person", Help: "Who answers for it, as person/E1001."},
		{Name: "state", Label: "State"},
		{Name: "scale", Label: "Scale", Section: "Inherent", Refers: Scales.Name, Help: "The scale on which it is rated: empty while none was approved (" + DefaultID + "). A new risk is given the one in force."},
		{Name: "rated_on", Label: "Numbers of the scale", Given: true, Unseen: true},
		{Name: "rate_on", Label: "Rated before", Given: true, Refers: Scales.Name, Help: "The scale that came into force since it was rated: it is to be rated on it."},
		{Name: "rate_by", Label: "To be rated on it by", Given: true, Day: true},
		{Name: "likelihood", Label: "Likelihood", Help: "Before anything is done about it, on " + DefaultID + ": " + defaults.likelihoods + "."},
		{Name: "impact", Label: "Impact", Help: "Before anything is done about it, on " + DefaultID + ": " + defaults.impacts + "."},
		{Name: "score", Label: "Score", Computed: true, Help: "Likelihood times impact."},
		{Name: "level", Label: "Level", Computed: true, Help: "Of the score, as the scale says: on " + DefaultID + " low to 4, moderate to 9, high to 15, critical above."},
		{Name: "residual_likelihood", Label: "Residual likelihood", Section: "Residual", Help: "With what is done about it, on " + DefaultID + ": " + defaults.likelihoods + "."},
		{Name: "residual_impact", Label: "Residual impact", Help: "With what is done about it, on " + DefaultID + ": " + defaults.impacts + "."},
		{Name: "residual_score", Label: "Residual score", Computed: true, Help: "Residual likelihood times residual impact."},
		{Name: "residual_level", Label: "Residual level", Computed: true, Help: "Of the residual score."},
		{Name: "response", Label: "Response", Section: "Response", Choices: Responses, Help: "What was decided."},
		{Name: "treatment", Label: "Treatment", Long: true, Help: "What is done about it, or with whom it is shared."},
		{Name: "tasks", Label: "Tasks", Refers: "task", Help: "The duties by which it is treated, like task/access-review."},
		{Name: "controls", Label: "Controls", Names: vocabulary.Controls, Help: "The controls that answer it, like END-01. One at least from the score on that the scale says, 12 on " + DefaultID + "."},
		{Name: "vendors", Label: "Vendors", Refers: "vendor", Help: "The vendors from whom it comes, like vendor/VEN-1."},
		{Name: "due_at", Label: "Review due", Section: "Review", Day: true, Help: "By when it is reviewed next. A review sets the next day, at most a year on; where nobody says another one, a quarter on where the score asks for a control, otherwise a year."},
		{Name: "reviewed_at", Label: "Reviewed", Given: true},
		{Name: "reviewed_by", Label: "Reviewed by", Given: true},
		{Name: DoneReviews, Label: "Reviews that were due", Given: true},
		{Name: "accepted_until", Label: "Accepted until", Section: "Acceptance", Help: "Until when it is left as it is: at most a year. Then it is assessed again."},
		{Name: "accepted_reason", Label: "Why it is accepted", Long: true, Help: "Why the company can live with it until then."},
		{Name: "accepted_by", Label: "Accepted by", Given: true},
		{Name: "accepted_at", Label: "Accepted at", Given: true},
		{Name: "closed_reason", Label: "Why it is closed", Section: "End", Long: true, Help: "Why it cannot happen any more."},
		{Name: "closed_by", Label: "Closed by", Given: true},
		{Name: "closed_at", Label: "Closed", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Scanned: true},
		{Field: "due_at", Filter: true, Sort: true},
		{Field: "reviewed_at", Filter: true, Sort: true},
		{Field: "score", Filter: true, Sort: true},
		{Field: "level", Filter: true},
		{Field: "residual_score", Filter: true, Sort: true},
		{Field: "owner", Filter: true},
		{Field: "category", Filter: true},
		{Field: "response", Filter: true},
		{Field: "state", Filter: true},
		{Field: "accepted_until", Filter: true, Sort: true},
		{Field: "accepted_by", Filter: true},
		{Field: "likelihood", Filter: true, Scanned: true},
		{Field: "impact", Filter: true, Scanned: true},
		{Field: "residual_likelihood", Filter: true, Scanned: true},
		{Field: "residual_impact", Filter: true, Scanned: true},
		{Field: "scale", Filter: true, Scanned: true, Order: "score"},
		{Field: "rate_on", Filter: true, Scanned: true},
		{Field: "rate_by", Filter: true, Sort: true},
	},
	Dues: []record.Due{
		{Name: "review", What: "Review the risk", At: "due_at", Owner: "owner", Open: `item.state != "closed"`},
		{Name: "rating", What: "Rate the risk on the scale in force", At: "rate_by", Owner: "owner", Open: `item.state != "closed" && has(item.rate_by)`},
		{Name: "acceptance", What: "Decide about the acceptance that ends", At: "accepted_until", Owner: "accepted_by", Open: `item.state == "accepted"`},
	},
	Derived: []record.Derived{{Name: "risk_reviews", At: "due_at", Item: Review{}, Of: record.OfEach(reviews)}},
})

func assessing(from string) record.Transition {
	return record.Transition{From: from, To: Assessed, Required: rated, Offered: []string{"scale", "residual_likelihood", "residual_impact", "controls", "due_at"}, Stamp: []string{"reviewed_at", "reviewed_by"}, Guards: []record.Guard{controlled}}
}

// closing a risk is for somebody other than its owner.
func closing(from string) record.Transition {
	return record.Transition{From: from, To: Closed, Required: []string{"closed_reason"}, NotBy: []string{"owner"}, Stamp: []string{"closed_at", "closed_by"}}
}

// Compute sets what follows from the rest: the scores, and that what belongs to a
// state ends with it (the history keeps it).
func (r *Risk) Compute() {
	terms := r.terms()
	r.Score, r.Level = terms.rate(r.Likelihood, r.Impact)
	r.ResidualScore, r.ResidualLevel = terms.rate(r.ResidualLikelihood, r.ResidualImpact)
	if r.State != Accepted {
		r.AcceptedUntil, r.AcceptedReason, r.AcceptedAt, r.AcceptedBy = nil, "", nil, ""
	}
	if r.State != Closed {
		r.ClosedAt, r.ClosedBy = nil, ""
	}
}
