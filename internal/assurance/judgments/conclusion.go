package judgments

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// Role is in whose name a person concludes. Management's result, the auditor's
// confirmation and the auditor's conclusion are three things.
type Role string

// The roles.
const (
	// Management concludes on a control where the rule leaves it to a person.
	Management Role = "management"
	// Confirmation is what the auditor found on performing a test again.
	Confirmation Role = "confirmation"
	// Auditor is the auditor's own conclusion.
	Auditor Role = "auditor"
)

// Conclusion is what a person concluded from a result. It stands beside the
// computed one.
type Conclusion struct {
	ID      string `json:"id"` // CON-1, CON-2 ...
	Role    Role   `json:"role"`
	Control string `json:"control"`
	Test    string `json:"test"`
	Period  string `json:"period"`
	Result  string `json:"result"` // RES-...
	// Computed is the result's conclusion.
	Computed    controltests.Conclusion `json:"computed"`
	Conclusion  controltests.Conclusion `json:"conclusion"`
	Reason      string                  `json:"reason,omitempty"`
	ConcludedBy string                  `json:"concluded_by"`
	// ConcludedVia is who entered it for them, where somebody did.
	ConcludedVia string    `json:"concluded_via,omitempty"`
	ConcludedAt  time.Time `json:"concluded_at"`
}

// Conclusions describes the register.
var Conclusions = record.Define[Conclusion](record.Definition{
	Kind: "conclusion", Register: "conclusions", Title: "Conclusions", At: "concluded_at", Internal: true,
	Purpose: "What management and auditors conclude, beside what SCAF computed.",
	Shown:   []string{"control", "test", "period", "role", "conclusion", "concluded_by", "concluded_at"},
})

// Basis is the result that a person concludes from.
type Basis struct {
	Result, Control, Test, Period string
	Owner                         string // of the control
	PerformedBy                   string
	Conclusion                    controltests.Conclusion
	Deviations                    int
	// Design: the design was assessed as ineffective.
	Design bool
}

// severity ranks conclusions; what is harsher is higher.
var severity = map[controltests.Conclusion]int{
	controltests.Effective: 0, controltests.NotOccurring: 0, controltests.EffectiveWithExceptions: 1,
	controltests.NotTested: 2, controltests.Incomplete: 2, controltests.Ineffective: 3,
}

// Conclude records what the caller concludes from a result.
func Conclude(tx *act.Tx, c Conclusion, on Basis) (*Conclusion, error) {
	before, err := List(&tx.Reader, on.Period, 0)
	if err != nil {
		return nil, err
	}
	number, err := record.Number(&tx.Reader, Conclusions.Name)
	if err != nil {
		return nil, err
	}
	c.ID = fmt.Sprintf("CON-%d", number)
	c.Control, c.Test, c.Period, c.Result, c.Computed = on.Control, on.Test, on.Period, on.Result, on.Conclusion
	c.ConcludedBy, c.ConcludedVia, c.ConcludedAt = tx.Caller().ID, tx.Caller().By, tx.Now()
	by, err := versions.ActorOf(&tx.Reader, tx.Caller())
	if err != nil {
		return nil, err
	}
	if err := c.Follows(before, on, by, tx.Now()); err != nil {
		return nil, err
	}
	_, err = record.Put(tx, Conclusions, record.Change{Verb: "recorded", ID: c.ID, Doc: c})
	return &c, err
}

// Follows checks a conclusion that somebody recorded at an instant, after those
// that were recorded before: act.ErrSamePerson, ErrWrong. Harsher is always possible;
// softer needs a reason, never makes anything of missing data, and never
// erases a deviation.
func (c *Conclusion) Follows(before []Conclusion, on Basis, by versions.Actor, at time.Time) error {
	actor := by.ID
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s from %s: %s", ErrWrong, c.Conclusion.Words(), on.Result, fmt.Sprintf(format, args...))
	}
	_, known := severity[c.Conclusion]
	switch {
	case c.Result != on.Result || c.Control != on.Control || c.Test != on.Test || c.Period != on.Period || c.Computed != on.Conclusion:
		return wrong("that result says something else")
	case !slices.Contains([]Role{Management, Confirmation, Auditor}, c.Role):
		return wrong("%q is no role", c.Role)
	case !known || c.Conclusion == controltests.NotTested:
		return wrong("a person concludes effective, effective_with_exceptions, ineffective, incomplete or not_occurring")
	case c.ConcludedBy != actor || c.ConcludedVia != by.By || !c.ConcludedAt.Equal(at):
		return wrong("it is concluded by who records it (%s)", actor)
	case versions.Owns(on.Owner, by):
		return fmt.Errorf("%w: %s is the owner of %s, and cannot conclude on it", act.ErrSamePerson, actor, on.Control)
	case c.Role != Management && on.PerformedBy == actor:
		return fmt.Errorf("%w: %s performed %s, and cannot audit it", act.ErrSamePerson, actor, on.Result)
	}
	for i := range before {
		b := &before[i]
		if b.Control == c.Control && b.ConcludedBy == actor && (b.Role == Management) != (c.Role == Management) {
			return fmt.Errorf("%w: %s concluded for the other side (%s)", act.ErrSamePerson, actor, b.ID)
		}
	}
	return c.softer(on, wrong)
}

// Possible are the conclusions that somebody can record from a result at an instant, the
// mildest first, after those that were recorded before. A reason is for them to give;
// act.ErrSamePerson says why they can record none in this role.
func Possible(before []Conclusion, on Basis, role Role, by versions.Actor, at time.Time) (possible []controltests.Conclusion, err error) {
	for _, conclusion := range []controltests.Conclusion{
		controltests.Effective, controltests.EffectiveWithExceptions, controltests.NotOccurring, controltests.Incomplete, controltests.Ineffective,
	} {
		c := Conclusion{
			Role: role, Control: on.Control, Test: on.Test, Period: on.Period, Result: on.Result, Computed: on.Conclusion,
			Conclusion: conclusion, Reason: "theirs", ConcludedBy: by.ID, ConcludedVia: by.By, ConcludedAt: at,
		}
		switch err := c.Follows(before, on, by, at); {
		case err == nil:
			possible = append(possible, conclusion)
		case !errors.Is(err, ErrWrong):
			return nil, err
		}
	}
	return possible, nil
}

// Softer reports whether it is not as harsh as what was computed, and needs a reason.
func (c *Conclusion) Softer(computed controltests.Conclusion) bool {
	is, known := severity[c.Conclusion]
	return known && is < severity[computed]
}

// softer checks a conclusion that is not as harsh as the computed one.
func (c *Conclusion) softer(on Basis, wrong func(string, ...any) error) error {
	from, to := severity[on.Conclusion], severity[c.Conclusion]
	switch {
	case to > from, c.Conclusion == on.Conclusion:
		return nil
	case on.Conclusion == controltests.Incomplete || on.Conclusion == controltests.NotTested:
		return wrong("what is missing is not a matter of judgment")
	case to == from: // effective and not occurring
		return wrong("whether it occurred is not a matter of judgment")
	case on.Design:
		return wrong("the design was assessed as ineffective: it is to be assessed again")
	case c.Conclusion != controltests.EffectiveWithExceptions:
		return wrong("%d deviations stay deviations", on.Deviations)
	case on.Deviations == 0:
		return wrong("there is no exception")
	case strings.TrimSpace(c.Reason) == "":
		return wrong("it is softer than %s, and needs a reason", on.Conclusion.Words())
	}
	return nil
}

// List reads the conclusions of a period as of a checkpoint (0: now), the
// oldest first.
func List(r *store.Reader, period string, asOf int64) ([]Conclusion, error) {
	type kept struct {
		Conclusion
		from int64
	}
	var found []kept
	err := record.Each(r, record.Range{Kind: Conclusions.Name, AsOf: asOf}, func(v *record.Version) error {
		c := kept{from: v.From}
		if err := json.Unmarshal(v.Doc, &c.Conclusion); err != nil {
			return fmt.Errorf("%s: %w", v.Ref(), err)
		}
		if c.Period == period {
			found = append(found, c)
		}
		return nil
	})
	slices.SortFunc(found, func(a, b kept) int { return cmp.Compare(a.from, b.from) })
	all := make([]Conclusion, len(found))
	for i := range found {
		all[i] = found[i].Conclusion
	}
	return all, err
}
