package surface

import (
	"cmp"
	"slices"
	"testing"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/access"
)

// A line that names a state, a permission or a move that there is none of would
// tell nobody.
func TestEveryReviewIsOneThatSomebodyMayGive(t *testing.T) {
	for _, r := range reviews {
		if len(r.verbs) == 0 || r.what == "" || len(access.Roles.Allowing(r.permission)) < 2 {
			t.Errorf("%s, %s: no role but the administrator's has %s, or the line is not whole", r.kind.Register, r.state, r.permission)
		}
		if len(r.kind.Transitions) == 0 { // what SCAF's own commands keep
			continue
		}
		if !slices.ContainsFunc(r.kind.Transitions, func(t record.Transition) bool {
			return t.From == r.state && t.To == r.to && cmp.Or(t.Permission, r.kind.Name+".move") == r.permission
		}) {
			t.Errorf("%s: nothing moves it from %s to %s with %s", r.kind.Register, r.state, r.to, r.permission)
		}
	}
}

// Reviewed reports whether somebody is told of records in a state of a register.
func Reviewed(kind *record.Kind, state string) bool {
	return slices.ContainsFunc(reviews, func(r review) bool { return r.kind == kind && r.state == state })
}
