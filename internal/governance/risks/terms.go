package risks

import (
	"fmt"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Terms are the numbers of a scale. A risk carries those on which it was rated, so
// that its score and level follow from it alone, whatever holds since.
type Terms struct {
	Likelihoods int      `json:"likelihoods"` // how far likelihoods go, from 1
	Impacts     int      `json:"impacts"`
	Levels      []string `json:"levels"`
	LevelFrom   []int    `json:"level_from"` // the score at which each level begins, ascending, the first at 1
	ControlFrom int      `json:"control_from"`
}

// Level is which of the levels a score has, from 0.
func (t *Terms) Level(score int) int {
	at := 0
	for i, from := range t.LevelFrom {
		if score >= from {
			at = i
		}
	}
	return at
}

// rate is the score and the level of a rating; none where a part is missing.
func (t *Terms) rate(likelihood, impact *int) (*int, string) {
	if likelihood == nil || impact == nil {
		return nil, ""
	}
	score := *likelihood * *impact
	at := t.Level(score)
	if at >= len(t.Levels) { // what somebody made up, which is refused
		return &score, ""
	}
	return &score, t.Levels[at]
}

// terms are those on which the risk was rated. Those of before there were scales,
// and those that nobody has rated, have the default ones.
func (r *Risk) terms() *Terms {
	if r.RatedOn == nil {
		return Default().Terms()
	}
	return r.RatedOn
}

// ratings are what people rate, by field.
func (r *Risk) ratings() []rating {
	return []rating{
		{"likelihood", r.Likelihood, false}, {"impact", r.Impact, true},
		{"residual_likelihood", r.ResidualLikelihood, false}, {"residual_impact", r.ResidualImpact, true},
	}
}

type rating struct {
	field  string
	value  *int
	impact bool
}

// rated reports whether anything of the risk is rated.
func (r *Risk) rated() bool {
	for _, one := range r.ratings() {
		if one.value != nil {
			return true
		}
	}
	return false
}

// ratedAs reports whether two risks have the same ratings on the same scale.
func (r *Risk) ratedAs(other *Risk) bool {
	others := other.ratings()
	for i, one := range r.ratings() {
		if was := others[i].value; (one.value == nil) != (was == nil) || was != nil && *one.value != *was {
			return false
		}
	}
	return r.Scale == other.Scale
}

// Consult holds a rating to the scale in force. Who rates, or reviews, does it on
// that one: a rating of an earlier scale stays as it is until somebody says that it
// is one of the scale in force.
func (r *Risk) Consult(reader *store.Reader, old any) error {
	before := &Risk{}
	if old != nil {
		before = record.As[Risk](old)
	}
	if !r.rated() {
		r.Scale, r.RatedOn, r.RateOn, r.RateBy = "", nil, "", nil
		r.Compute()
		return nil
	}
	if before.rated() && r.ratedAs(before) && !r.reviewedOver(before) {
		r.RatedOn = before.terms()
		r.Compute()
		return nil
	}
	scale, err := InCharge(reader)
	if err != nil {
		return err
	}
	if !before.rated() && r.Scale == "" {
		r.Scale = scale.Ref()
	}
	if r.Scale != scale.Ref() {
		return record.Refuse("scale", "%s", scale.Asked())
	}
	if wrong := scale.outside(r); len(wrong) > 0 {
		return &record.Invalid{Fields: wrong}
	}
	r.RatedOn, r.RateOn, r.RateBy = scale.Terms(), "", nil
	r.Compute()
	if r.Score != nil && r.ResidualScore != nil && *r.ResidualScore > *r.Score {
		return record.Refuse("residual_impact", "and the residual likelihood make %d, above the %d without anything done: what is done about a risk makes none greater", *r.ResidualScore, *r.Score)
	}
	return nil
}

// Asked says how a risk is rated on the scale.
func (s *Scale) Asked() string {
	if s.Ref() == "" {
		return "is left empty: no scale was approved, and risks are rated on " + DefaultID
	}
	return fmt.Sprintf("is that of an earlier rating: say %s, with each rating as it is on it", s.Ref())
}

// outside says which ratings are none of the scale's.
func (s *Scale) outside(r *Risk) (wrong []record.FieldError) {
	for _, one := range r.ratings() {
		names := s.Likelihoods
		if one.impact {
			names = s.Impacts
		}
		if n := len(names); one.value != nil && (*one.value < 1 || *one.value > n) {
			wrong = append(wrong, record.Wrong(one.field, "is %d: on the scale %s it goes from 1 (%s) to %d (%s)", *one.value, s.ID, names[0], n, names[n-1]))
		}
	}
	return wrong
}

// explain is the help of the ratings where another scale than the default is in force.
func explain(r *store.Reader) (map[string]string, error) {
	scale, err := InCharge(r)
	if err != nil || scale.Ref() == "" {
		return nil, err
	}
	help := map[string]string{"scale": "The scale on which it is rated: now " + scale.Ref() + ". A new risk is given it."}
	for _, one := range (&Risk{}).ratings() {
		names, meanings := scale.Likelihoods, scale.LikelihoodMeanings
		if one.impact {
			names, meanings = scale.Impacts, scale.ImpactMeanings
		}
		when := "Before anything is done about it"
		if one.field != "likelihood" && one.field != "impact" {
			when = "With what is done about it"
		}
		help[one.field] = fmt.Sprintf("%s, on the scale %s: %s.", when, scale.ID, steps(names, meanings))
	}
	return help, nil
}
