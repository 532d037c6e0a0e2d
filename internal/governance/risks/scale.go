package risks

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Scale is what risks are rated on: the steps of likelihood and impact with what
// each means, the levels of the scores, and the score from which on a risk needs a
// control. Once in force it stays as it is: another one takes its place.
type Scale struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Why   string `json:"why,omitempty"`
	// Likelihoods and Impacts are the names of the steps, the first one that of 1;
	// the meanings stand in the same order.
	Likelihoods        []string `json:"likelihoods,omitempty"`
	LikelihoodMeanings []string `json:"likelihood_meanings,omitempty"`
	Impacts            []string `json:"impacts,omitempty"`
	ImpactMeanings     []string `json:"impact_meanings,omitempty"`
	// Levels are the names of the levels, LevelFrom the scores at which they begin.
	Levels      []string `json:"levels,omitempty"`
	LevelFrom   []int    `json:"level_from,omitempty"`
	ControlFrom int      `json:"control_from"`
	// RateBy is by when the risks that were rated on an earlier scale are rated on it.
	RateBy *time.Time `json:"rate_by,omitempty"`

	// Author proposed it; Authors are all who have written in it.
	Author       string     `json:"author"`
	Authors      []string   `json:"authors,omitempty"`
	State        string     `json:"state"`
	ApprovedBy   string     `json:"approved_by,omitempty"`
	ApprovedAt   *time.Time `json:"approved_at,omitempty"`
	SupersededAt *time.Time `json:"superseded_at,omitempty"`
}

// States of a scale.
const (
	Proposed   = "proposed"
	InForce    = "in_force"
	Superseded = "superseded" // by a later one
	Dropped    = "dropped"    // before it was approved
)

// DefaultID is what the scale is called that holds while none was approved. There is
// no record of it.
const DefaultID = "SCL-0"

// Bounds of a scale. The map of the risks tells so many levels apart.
const (
	minSteps, maxSteps   = 3, 7
	minLevels, maxLevels = 2, 4
	maxName, maxMeaning  = 40, 200 // bytes
)

// Scales describes the register of scales.
var Scales = record.Define[Scale](record.Definition{
	Kind: "risk_scale", Register: "risk_scales", Title: "Risk scales", Singular: "Risk scale", Prefix: "SCL", At: "approved_at",
	Purpose: "What the numbers of likelihood and impact mean.",
	States:  []string{Proposed, InForce, Superseded, Dropped}, Author: "author", Authors: "authors",
	Transitions: []record.Transition{
		{From: Proposed, To: InForce, Permission: "risk_scale.approve", NotBy: []string{"authors"}, Stamp: []string{"approved_by", "approved_at"},
			Guards: []record.Guard{{Field: "rate_by", If: `item.rate_by > item.approved_at && item.rate_by - item.approved_at <= duration("8784h")`, Why: "has to be a day ahead, within a year (366 days)"}}},
		{From: Proposed, To: Dropped},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Number", Help: "SCL-1, SCL-2 ...: SCAF gives it. SCL-0 is the scale that holds while none was approved."},
		{Name: "title", Label: "Title", Section: "Scale", Required: true, Help: "What it is called, like: Four by four."},
		{Name: "why", Label: "Why", Long: true, Help: "Why it takes the place of the one before."},
		{Name: "likelihoods", Label: "Likelihoods", Section: "Likelihood", Help: "A name on each line, 3 to 7 of them, the least likely first: that is 1."},
		{Name: "likelihood_meanings", Label: "What each likelihood means", Help: "A line for each likelihood: how often it is expected."},
		{Name: "impacts", Label: "Impacts", Section: "Impact", Help: "A name on each line, 3 to 7 of them, the smallest first: that is 1."},
		{Name: "impact_meanings", Label: "What each impact means", Help: "A line for each impact: in money, customers or days of outage."},
		{Name: "levels", Label: "Levels", Section: "Levels", Help: "A name on each line, 2 to 4 of them, the lowest first."},
		{Name: "level_from", Label: "Levels begin at", Help: "The score (likelihood times impact) at which each level begins, the first at 1, like 1, 5, 10, 16: one a line."},
		{Name: "control_from", Label: "A control from", Help: "The score from which on a risk that is not accepted names a control."},
		{Name: "rate_by", Label: "Risks rated by", Section: "In force", Required: true, Day: true, Help: "By when the risks that were rated on an earlier scale are rated on this one."},
		{Name: "state", Label: "State"},
		{Name: "author", Label: "Author"},
		{Name: "authors", Label: "Written by", Given: true},
		{Name: "approved_by", Label: "Approved by", Given: true},
		{Name: "approved_at", Label: "In force since", Given: true},
		{Name: "superseded_at", Label: "Superseded", Given: true},
	},
	Columns: []record.Column{
		{Field: "title", Filter: true, Sort: true},
		{Field: "state", Filter: true},
		{Field: "author", Filter: true},
		{Field: "approved_at", Filter: true, Sort: true},
		{Field: "superseded_at", Filter: true, Sort: true},
	},
})

// Default is the scale that holds while none was approved.
func Default() *Scale {
	s := &Scale{ID: DefaultID, Title: "Five by five", State: InForce}
	s.Defaults()
	return s
}

// Defaults begin a scale as the default one.
func (s *Scale) Defaults() {
	s.Likelihoods = []string{"rare", "unlikely", "possible", "likely", "almost certain"}
	s.LikelihoodMeanings = []string{"less than once in 10 years", "once in 10 years", "once in 3 years", "expected within a year", "more often"}
	s.Impacts = []string{"negligible", "minor", "moderate", "major", "severe"}
	s.ImpactMeanings = []string{
		"hardly felt", "a day of work or of outage", "a promise to some customers is broken",
		"many customers are harmed, or the law is broken", "the company's existence is in question",
	}
	s.Levels, s.LevelFrom, s.ControlFrom = []string{"low", "moderate", "high", "critical"}, []int{1, 5, 10, 16}, 12
}

// Validate says what is wrong with a scale.
func (s *Scale) Validate() (wrong []record.FieldError) {
	add := func(field, format string, args ...any) {
		wrong = append(wrong, record.Wrong(field, format, args...))
	}
	names := func(field string, names []string, least, most int) {
		if len(names) < least || len(names) > most {
			add(field, "has %d names: %d to %d are taken", len(names), least, most)
		}
		seen := map[string]bool{}
		for _, name := range names {
			plain := strings.ToLower(strings.TrimSpace(name))
			switch {
			case plain == "" || len(name) > maxName:
				add(field, "%q: a name has 1 to %d bytes", name, maxName)
			case seen[plain]:
				add(field, "%q stands there twice", name)
			}
			seen[plain] = true
		}
	}
	meanings := func(field string, meanings, names []string) {
		if len(meanings) != len(names) {
			add(field, "says what %d of %d steps mean: give a line for each", len(meanings), len(names))
		}
		for _, meaning := range meanings {
			if strings.TrimSpace(meaning) == "" || len(meaning) > maxMeaning {
				add(field, "%q: a meaning has 1 to %d bytes", meaning, maxMeaning)
			}
		}
	}
	names("likelihoods", s.Likelihoods, minSteps, maxSteps)
	meanings("likelihood_meanings", s.LikelihoodMeanings, s.Likelihoods)
	names("impacts", s.Impacts, minSteps, maxSteps)
	meanings("impact_meanings", s.ImpactMeanings, s.Impacts)
	names("levels", s.Levels, minLevels, maxLevels)
	highest := len(s.Likelihoods) * len(s.Impacts)
	switch {
	case len(s.LevelFrom) != len(s.Levels):
		add("level_from", "has %d scores for %d levels: give one for each", len(s.LevelFrom), len(s.Levels))
	case len(s.LevelFrom) > 0 && s.LevelFrom[0] != 1:
		add("level_from", "begins with %d: the lowest level begins at 1", s.LevelFrom[0])
	case len(s.LevelFrom) > 0 && s.LevelFrom[len(s.LevelFrom)-1] > highest:
		add("level_from", "ends with %d: the highest score is %d", s.LevelFrom[len(s.LevelFrom)-1], highest)
	}
	for i := 1; i < len(s.LevelFrom); i++ {
		if s.LevelFrom[i] <= s.LevelFrom[i-1] {
			add("level_from", "has %d after %d: each level begins above the one before", s.LevelFrom[i], s.LevelFrom[i-1])
		}
	}
	if s.ControlFrom < 1 || s.ControlFrom > highest {
		add("control_from", "is %d: the scores go from 1 to %d", s.ControlFrom, highest)
	}
	return append(wrong, record.Bounded(2000, "title", s.Title, "why", s.Why)...)
}

// said is what people wrote in a scale, without what its life adds.
func (s *Scale) said() Scale {
	only := *s
	only.Authors, only.State, only.ApprovedBy, only.ApprovedAt, only.SupersededAt = nil, "", "", nil, nil
	if only.RateBy != nil {
		at := only.RateBy.UTC()
		only.RateBy = &at
	}
	return only
}

// Before holds a scale to what was proposed, and does what its coming into force
// brings with it.
func (s *Scale) Before(tx *act.Tx, old any) error {
	if old == nil {
		if s.State != Proposed {
			return record.Refuse("state", "is %q: a scale begins as proposed", s.State)
		}
		return nil
	}
	before := record.As[Scale](old)
	if !reflect.DeepEqual(before.said(), s.said()) {
		if before.State != Proposed {
			return record.Refuse("state", "is %s: the scale stays as it is, propose another one", before.State)
		}
	}
	if before.State == s.State || s.State != InForce {
		return nil
	}
	return s.enforce(tx)
}

// enforce ends the scale that was in force, and asks for the first risks to be
// rated on this one; Watch asks for the rest.
func (s *Scale) enforce(tx *act.Tx) error {
	before, version, err := inForce(&tx.Reader)
	if err != nil {
		return err
	}
	if version > 0 {
		now := tx.Now()
		before.State, before.SupersededAt = Superseded, &now
		if _, err := record.Put(tx, Scales, record.Change{Verb: "superseded", ID: before.ID, Doc: before, Expect: version}); err != nil {
			return err
		}
	}
	_, err = ask(tx, s)
	return err
}

// InCharge is the scale in force: Default where none was approved.
func InCharge(r *store.Reader) (*Scale, error) {
	s, _, err := inForce(r)
	return s, err
}

// inForce is the scale in force with the version of its record, 0 for the default.
func inForce(r *store.Reader) (*Scale, int, error) {
	found, version := Default(), 0
	return found, version, record.Each(r, record.Range{Kind: Scales.Name}, func(v *record.Version) error {
		s := &Scale{}
		if err := json.Unmarshal(v.Doc, s); err != nil || s.State != InForce {
			return err
		}
		found, version = s, v.Version
		return nil
	})
}

// Ref is the reference by which risks name the scale; empty of the default, which
// has no record.
func (s *Scale) Ref() string {
	if s.ID == DefaultID {
		return ""
	}
	return Scales.Name + "/" + s.ID
}

// Terms are the numbers of the scale.
func (s *Scale) Terms() *Terms {
	return &Terms{Likelihoods: len(s.Likelihoods), Impacts: len(s.Impacts), Levels: s.Levels, LevelFrom: s.LevelFrom, ControlFrom: s.ControlFrom}
}

// Steps are the ratings that the scale knows of what a field of a risk rates, the first one
// that of 1, each with what it means; none where the field rates nothing.
func (s *Scale) Steps(field string) (all []string) {
	names, meanings := s.named(field)
	for i, name := range names {
		text := fmt.Sprintf("%d %s", i+1, name)
		if i < len(meanings) && meanings[i] != "" {
			text += ": " + meanings[i]
		}
		all = append(all, text)
	}
	return all
}

// named are the names of what a field of a risk rates, and what each means.
func (s *Scale) named(field string) (names, meanings []string) {
	ratings := (&Risk{}).ratings()
	at := slices.IndexFunc(ratings, func(r rating) bool { return r.field == field })
	switch {
	case at < 0:
		return nil, nil
	case ratings[at].impact:
		return s.Impacts, s.ImpactMeanings
	}
	return s.Likelihoods, s.LikelihoodMeanings
}

// Were says what the ratings of a risk were, by field, such as "3 possible on SCL-0",
// where it was rated on another scale than this one; nil: it was not.
func (s *Scale) Were(r *store.Reader, risk *Risk) (map[string]string, error) {
	if !risk.rated() || risk.Scale == s.Ref() {
		return nil, nil
	}
	on := Default()
	if risk.Scale != "" {
		var err error
		if on, _, err = record.Load[Scale](r, Scales, Scales.Bare(risk.Scale)); errors.Is(err, record.ErrNone) {
			on = &Scale{ID: Scales.Bare(risk.Scale)}
		} else if err != nil {
			return nil, err
		}
	}
	were := map[string]string{}
	for _, one := range risk.ratings() {
		if one.value == nil {
			continue
		}
		text := strconv.Itoa(*one.value)
		if names, _ := on.named(one.field); *one.value >= 1 && *one.value <= len(names) {
			text += " " + names[*one.value-1]
		}
		were[one.field] = text + " on " + on.ID
	}
	return were, nil
}

// steps lists names with their numbers: "1 rare, 2 unlikely, ...", and what each
// means where meanings are given.
func steps(names, meanings []string) string {
	var all []string
	for i, name := range names {
		text := fmt.Sprintf("%d %s", i+1, name)
		if i < len(meanings) {
			text += " (" + meanings[i] + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}
