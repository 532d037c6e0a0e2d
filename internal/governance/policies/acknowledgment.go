package policies

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
)

// States of an acknowledgment, as answers to the question.
const (
	Asked        = "asked"
	Acknowledged = "acknowledged"
	Refused      = "refused"
)

// DaysToAnswer is how long people have to acknowledge: POL-02 allows as much.
const DaysToAnswer = 30

// Acknowledgment is what one person was asked about one version, and what they
// answered. Its instant is that of the question.
type Acknowledgment struct {
	ID      string `json:"id"`      // PV-7.E1001
	Person  string `json:"person"`  // person/E1001
	Version string `json:"version"` // policy_version/PV-7
	Policy  string `json:"policy,omitempty"`
	// SHA256 is of the text that was put to the person, lowercase hex.
	SHA256         string     `json:"sha256,omitempty"`
	State          string     `json:"state"`
	AskedAt        *time.Time `json:"asked_at,omitempty"`
	DueAt          *time.Time `json:"due_at,omitempty"`
	AcknowledgedAt *time.Time `json:"acknowledged_at,omitempty"`
	RefusedAt      *time.Time `json:"refused_at,omitempty"`
	Reason         string     `json:"reason,omitempty"` // of a refusal
}

// Acknowledgments describes the register of who acknowledged which text.
var Acknowledgments = record.Define[Acknowledgment](record.Definition{
	Kind: "acknowledgment", Register: "acknowledgments", Title: "Acknowledgments", At: "asked_at",
	States: []string{Asked, Acknowledged, Refused}, Fixed: []string{"person", "version"},
	Transitions: []record.Transition{
		{From: Asked, To: Acknowledged, Permission: answer, Stamp: []string{"acknowledged_at"}},
		{From: Asked, To: Refused, Permission: answer, Stamp: []string{"refused_at"}, Required: []string{"reason"}},
		{From: Refused, To: Acknowledged, Permission: answer, Stamp: []string{"acknowledged_at"}},
	},
	Columns: []record.Column{
		{Field: "person", Filter: true}, {Field: "version", Filter: true}, {Field: "state", Label: "State", Filter: true},
		{Field: "due_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "person", Label: "Person", Refers: "person", Required: true},
		{Name: "version", Label: "Policy version", Refers: "policy_version", Required: true},
		{Name: "policy", Label: "Policy", Refers: "policy", Given: true},
		{Name: "asked_at", Label: "Asked", Given: true}, {Name: "due_at", Label: "Due", Given: true},
		{Name: "acknowledged_at", Label: "Acknowledged", Given: true}, {Name: "refused_at", Label: "Refused", Given: true},
		{Name: "reason", Label: "Reason", Help: "Why it is refused.", Long: true},
		{Name: "sha256", Label: "SHA-256 of the text", Given: true},
	},
	Dues: []record.Due{{Name: "acknowledge", What: "Acknowledge the policy", At: "due_at", Owner: "person", Open: `item.state == "asked"`}},
})

// answer is the permission to answer for oneself, which every account has.
const answer = "acknowledgment.answer"

const maxReason = 4000 // bytes

// Validate says what is wrong with an acknowledgment.
func (a *Acknowledgment) Validate() (wrong []record.FieldError) {
	if a.ID == "" || len(a.ID) > 200 || strings.ContainsAny(a.ID, " \t\r\n\x00/") {
		wrong = append(wrong, record.FieldError{Field: "id", Problem: "must have 1 to 200 characters, no space and no slash, such as PV-7.E1001"})
	}
	if len(a.Reason) > maxReason {
		wrong = append(wrong, record.FieldError{Field: "reason", Problem: fmt.Sprintf("has %d bytes, at most %d are taken", len(a.Reason), maxReason)})
	}
	return wrong
}

// Before puts the question with the text that is in force, and takes the answer
// from the person who was asked, and from nobody else.
func (a *Acknowledgment) Before(tx *act.Tx, old any) error {
	if old == nil {
		v, _, err := Get(&tx.Reader, a.Version)
		switch {
		case errors.Is(err, record.ErrNone) || err == nil && v.State != InForce:
			return refuse("version", "%s is not in force", a.Version)
		case err != nil:
			return err
		case a.State != Asked:
			return refuse("state", "is %q: somebody is asked first", a.State)
		}
		a.ask(v, tx.Now())
		return nil
	}
	before := record.As[Acknowledgment](old)
	if tx.Caller().ID != a.Person && (before.State != a.State || before.Reason != a.Reason) {
		return fmt.Errorf("%w: %s was asked, and nobody else answers", act.ErrDenied, a.Person)
	}
	return nil
}

// ask puts the question at an instant.
func (a *Acknowledgment) ask(v *Version, at time.Time) {
	due := at.AddDate(0, 0, DaysToAnswer)
	a.Policy, a.Version, a.SHA256, a.State, a.AskedAt, a.DueAt = v.Policy, v.Ref(), v.SHA256, Asked, &at, &due
}

// Campaign asks people to acknowledge the version in force of a policy: those of
// them who were not asked about it (record.InBatches). people are references. It
// returns how many were asked.
func Campaign(ctx context.Context, door *act.Door, caller act.Caller, version string, people []string) (asked int, err error) {
	ref := Versions.Name + "/" + strings.TrimPrefix(version, Versions.Name+"/")
	return record.InBatches(ctx, door, caller, "acknowledgment.ask", ref, Acknowledgments, people, func(tx *act.Tx, batch []string) ([]record.Change, error) {
		v, _, err := Get(&tx.Reader, version)
		if err != nil {
			return nil, err
		}
		if v.State != InForce {
			return nil, refuse("version", "%s is %s: people acknowledge what is in force", v.ID, v.State)
		}
		return questions(tx, v, batch)
	})
}

// questions are those to the people who were not asked yet.
func questions(tx *act.Tx, v *Version, people []string) ([]record.Change, error) {
	ids := make([]string, len(people))
	for i, person := range people {
		ids[i] = v.ID + "." + strings.TrimPrefix(person, "person/")
	}
	known, err := record.Current(&tx.Reader, Acknowledgments.Name, ids)
	if err != nil {
		return nil, err
	}
	var changes []record.Change
	for i, person := range people {
		if _, there := known[ids[i]]; there {
			continue
		}
		a := &Acknowledgment{ID: ids[i], Person: person}
		a.ask(v, tx.Now())
		changes = append(changes, record.Change{Verb: "asked", ID: a.ID, Doc: a})
	}
	return changes, nil
}
