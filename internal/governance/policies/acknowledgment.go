package policies

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// States of an acknowledgment, as answers to the question.
const (
	Asked        = "asked"
	Acknowledged = "acknowledged"
	Refused      = "refused"
	// What was not answered by somebody who has left: before it was due, or after. What
	// is asked about a text that is in force no longer is superseded, or missed.
	Ended  = "ended"
	Missed = "missed"
)

// DaysToAnswer is how long people have to acknowledge: POL-02 allows as much.
const DaysToAnswer = 30

// Acknowledgment is what one person was asked about one version, and what they
// answered. Its instant is that of the question.
type Acknowledgment struct {
	ID      string `json:"id"`      // PV-7.E1001, or PV-7.E1001.2 of who came back
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
	Reason         string     `json:"reason,omitempty"` // of a refusal, or of its end
	// Reminders counts how often the person was reminded, RemindedAt is the last time.
	Reminders  int        `json:"reminders,omitempty"`
	RemindedAt *time.Time `json:"reminded_at,omitempty"`
	// LeftAt is when the person left, of what they had not answered by then.
	LeftAt *time.Time `json:"left_at,omitempty"`
	// SupersededAt is when the text was in force no longer, of what had not been
	// answered by then.
	SupersededAt *time.Time `json:"superseded_at,omitempty"`
}

// Acknowledgments describes the register of who acknowledged which text.
var Acknowledgments = record.Define[Acknowledgment](record.Definition{
	Kind: "acknowledgment", Register: "acknowledgments", Title: "Acknowledgments", At: "asked_at",
	Purpose: "Who was asked to acknowledge which policy, and what they answered.",
	Comes:   "SCAF asks for them when a policy comes into force.",
	States:  []string{Asked, Acknowledged, Refused, Ended, Missed, Superseded}, Fixed: []string{"person", "version"},
	Transitions: []record.Transition{
		{From: Asked, To: Acknowledged, Permission: answer, Who: whoeverWasAsked, Stamp: []string{"acknowledged_at"}},
		{From: Asked, To: Refused, Permission: answer, Who: whoeverWasAsked, Stamp: []string{"refused_at"}, Required: []string{"reason"}},
		{From: Refused, To: Acknowledged, Called: "Acknowledge after all", Permission: answer, Who: whoeverWasAsked, Stamp: []string{"acknowledged_at"}},
	},
	Settled: []record.Settled{{States: []string{Asked, Acknowledged, Refused}}}, // whoever was asked answers by a move
	Columns: []record.Column{
		{Field: "person", Filter: true}, {Field: "version", Filter: true}, {Field: "state", Label: "State", Filter: true},
		{Field: "due_at", Filter: true, Sort: true},
	},
	Fields: []record.Field{
		{Name: "id", Label: "Id", Required: true, Help: "The version of the policy and the person, such as PV-1.E1001."},
		{Name: "person", Label: "Person", Refers: "person", Leavers: true, Required: true},
		{Name: "version", Label: "Policy version", Refers: "policy_version", Required: true},
		{Name: "policy", Label: "Policy", Refers: "policy", Given: true},
		{Name: "asked_at", Label: "Asked", Given: true}, {Name: "due_at", Label: "Due", Given: true},
		{Name: "acknowledged_at", Label: "Acknowledged", Given: true}, {Name: "refused_at", Label: "Refused", Given: true},
		{Name: "reason", Label: "Reason", Help: "Why it is refused, or is asked no longer.", Long: true},
		{Name: "reminders", Label: "Reminders", Given: true}, {Name: "reminded_at", Label: "Last reminded", Given: true},
		{Name: "left_at", Label: "Left", Given: true}, {Name: "superseded_at", Label: "Text superseded", Given: true},
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
			return record.Refuse("version", "%s is not in force", a.Version)
		case err != nil:
			return err
		case a.State != Asked:
			return record.Refuse("state", "is %q: somebody is asked first", a.State)
		}
		a.ask(v, tx.Now())
		return nil
	}
	if record.As[Acknowledgment](old).Reason != a.Reason {
		return a.answeredBy(tx.Caller())
	}
	return nil
}

// whoeverWasAsked refuses everybody else.
func whoeverWasAsked(_ *store.Reader, caller act.Caller, doc json.RawMessage) error {
	a := &Acknowledgment{}
	if err := json.Unmarshal(doc, a); err != nil {
		return err
	}
	return a.answeredBy(caller)
}

func (a *Acknowledgment) answeredBy(caller act.Caller) error {
	if caller.ID != a.Person {
		return fmt.Errorf("%w: %s was asked, and nobody else answers", act.ErrSamePerson, a.Person)
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
			return nil, record.Refuse("version", "%s is %s: people acknowledge what is in force", v.ID, v.State)
		}
		return questions(tx, v, batch)
	})
}

// questions are those to the people who were not asked yet, or who left without an
// answer and have come back.
func questions(tx *act.Tx, v *Version, people []string) (changes []record.Change, err error) {
	last, err := latest(&tx.Reader, v, people)
	if err != nil {
		return nil, err
	}
	for _, person := range people {
		a := &Acknowledgment{ID: acknowledgmentID(v, person, 1), Person: person}
		if before := last[person]; before != nil {
			if before.State != Ended && before.State != Missed {
				continue
			}
			a.ID = acknowledgmentID(v, person, before.turn+1)
		}
		a.ask(v, tx.Now())
		changes = append(changes, record.Change{Verb: "asked", ID: a.ID, Doc: a})
	}
	return changes, nil
}

func acknowledgmentID(v *Version, person string, turn int) string {
	id := v.ID + "." + strings.TrimPrefix(person, "person/")
	if turn > 1 {
		id += fmt.Sprintf(".%d", turn)
	}
	return id
}

// turn is an acknowledgment with how often the person was asked for it.
type turn struct {
	Acknowledgment
	turn int
}

// latest are the people's last acknowledgments of a version. An id that is somebody
// else's, whose number ends like a turn, is passed over.
func latest(r *store.Reader, v *Version, people []string) (map[string]*turn, error) {
	last := map[string]*turn{}
	id := func(person string, n int) string { return acknowledgmentID(v, person, n) }
	return last, record.Series(r, Acknowledgments, people, id, func(person string, n int, a *Acknowledgment) {
		if a.Person == person {
			last[person] = &turn{*a, n}
		} else if last[person] != nil {
			last[person].turn = n
		}
	})
}

// AskedOf is what a person was asked about a version, the last time; nil when they
// were not.
func AskedOf(r *store.Reader, v *Version, person string) (*Acknowledgment, error) {
	last, err := latest(r, v, []string{person})
	if err != nil || last[person] == nil {
		return nil, err
	}
	return &last[person].Acknowledgment, nil
}

// Settle closes what people who have left were asked and did not answer: the duty
// ends with their leaving, and what was due before stays missed. gone says since when
// somebody is not there any more. It returns how many were closed.
func Settle(ctx context.Context, door *act.Door, caller act.Caller, gone map[string]time.Time) (int, error) {
	filter := fmt.Sprintf("item.state in [%q, %q, %q]", Asked, Ended, Missed)
	return record.Revise(ctx, door, caller, "acknowledgment.settle", Acknowledgments, filter, func(a *Acknowledgment) string {
		left, ok := gone[a.Person]
		if !ok || a.DueAt == nil || a.LeftAt != nil && a.LeftAt.Equal(left) {
			return ""
		}
		a.LeftAt, a.State = &left, Ended
		if a.DueAt.Before(left) {
			a.State = Missed
		}
		return a.State
	})
}

// SettleSuperseded closes what people were asked about texts that are in force no
// longer, and did not answer: what was due before the text ended stays missed. It
// returns how many were closed.
func SettleSuperseded(ctx context.Context, door *act.Door, caller act.Caller) (int, error) {
	over := map[string]*Version{}
	if err := door.DB.Read(ctx, func(r *store.Reader) error {
		_, err := record.List(r, Versions, record.Query{Filter: fmt.Sprintf("item.state == %q", Superseded)}, func(v *record.Version) error {
			one := &Version{}
			over[v.Ref()] = one
			return json.Unmarshal(v.Doc, one)
		})
		return err
	}); err != nil || len(over) == 0 {
		return 0, err
	}
	return record.Revise(ctx, door, caller, "acknowledgment.settle", Acknowledgments, fmt.Sprintf("item.state == %q", Asked), func(a *Acknowledgment) string {
		v := over[a.Version]
		if a.State != Asked || v == nil || v.SupersededAt == nil {
			return ""
		}
		a.SupersededAt, a.State = v.SupersededAt, Superseded
		a.Reason = fmt.Sprintf("%s, version %d of the policy, is in force no longer.", v.ID, v.Number)
		if a.DueAt != nil && a.DueAt.Before(*v.SupersededAt) {
			a.State = Missed
		}
		return a.State
	})
}

// AcknowledgmentsOf are all that a person was ever asked, those that are due first
// come first.
func AcknowledgmentsOf(r *store.Reader, person string) (all []*Acknowledgment, err error) {
	_, err = record.List(r, Acknowledgments, record.Query{Filter: fmt.Sprintf("item.person == %q", person), Sort: "due_at"}, func(v *record.Version) error {
		a := &Acknowledgment{}
		all = append(all, a)
		return json.Unmarshal(v.Doc, a)
	})
	return all, err
}

// Remind reminds those who have not answered, at steps before and after the answer is
// due: each step once, by an event that whoever tells people reacts to. Of several
// steps that have passed since the last time, one is made. It returns how many people
// were reminded of how much.
func Remind(ctx context.Context, door *act.Door, caller act.Caller, steps []time.Duration) (int, error) {
	now := door.Clock.Now()
	filter := fmt.Sprintf("item.state == %q && item.due_at <= timestamp(%q)", Asked, now.Add(-slices.Min(steps)).UTC().Format(time.RFC3339Nano))
	return record.Revise(ctx, door, caller, "acknowledgment.remind", Acknowledgments, filter, func(a *Acknowledgment) string {
		if a.State != Asked || !record.Passed(a.DueAt, steps, now, a.AskedAt, a.RemindedAt) {
			return ""
		}
		a.Reminders++
		a.RemindedAt = &now
		return "reminded"
	})
}
