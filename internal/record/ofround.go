package record

import (
	"regexp"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record/rounds"
)

// OfRound is how records are called of which there is one for each record of another register
// in each round: RT-PLN-1-2026-Q1 is the restore of continuity_plan/PLN-1 in the first quarter.
type OfRound struct {
	prefix, about, refers, like string
	every                       rounds.Every
	shape                       *regexp.Regexp
}

// NewOfRound says how they are called: what their ids begin with; the field that says what one
// is about, what stands there before the id, and of which shape that is; and an example.
func NewOfRound(prefix, about, refers, shape string, every rounds.Every, like string) *OfRound {
	return &OfRound{prefix + "-", about, refers, like, every, regexp.MustCompile(`^` + prefix + `-(` + shape + `)-(20\d\d(?:-Q[1-4])?)$`)}
}

// round is the field that names the round.
func (o *OfRound) round() string {
	if o.every == rounds.Year {
		return "year"
	}
	return "quarter"
}

func (o *OfRound) id(about, round string) string {
	return o.prefix + strings.TrimPrefix(about, o.refers) + "-" + round
}

// Compose makes the id; empty: one of the two is not said.
func (o *OfRound) Compose(about, round string) (string, error) {
	if about == "" || round == "" {
		return "", nil
	}
	if _, ok := o.every.Parse(round); !ok {
		return "", Refuse(o.round(), "%q is no %s", round, o.every.Words())
	}
	return o.id(about, round), nil
}

// Parse is what an id says: what the record is about, as its field has it, and the round.
func (o *OfRound) Parse(id string) (about string, round rounds.Round, ok bool) {
	of := o.shape.FindStringSubmatch(id)
	if of == nil {
		return "", round, false
	}
	round, ok = o.every.Parse(of[2])
	return o.refers + of[1], round, ok
}

// Check says what is wrong with an id, beside what the record says it is about.
func (o *OfRound) Check(id, about, round string) (wrong []FieldError) {
	switch _, _, ok := o.Parse(id); {
	case id != "" && !ok:
		wrong = append(wrong, Wrong("id", "%q names no %s and %s: write it like %s", id, o.about, o.round(), o.like))
	case ok && id != o.id(about, round):
		wrong = append(wrong, Wrong(o.about, "and %s are %s and %s, the number is %s: leave it out, and it is made of them", o.round(), about, round, id))
	}
	return wrong
}

// Begun refuses what is done in a round that has not begun.
func (o *OfRound) Begun(tx *act.Tx, round string) error {
	if of, ok := o.every.Parse(round); ok && tx.Now().Before(o.every.Begins(of, tx.Zone())) {
		return Refuse(o.round(), "is %s, and has not begun: it is reviewed within it, or later", round)
	}
	return nil
}
