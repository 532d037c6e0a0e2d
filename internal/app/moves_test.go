package app_test

import (
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/record"
)

// A button says what happens when it is pressed: a move is called by what people do, and not
// by the state that comes of it, and no two from the same state are called alike.
func TestEveryMoveIsCalledByWhatIsDone(t *testing.T) {
	for _, area := range app.Areas {
		for _, kind := range area.Kinds {
			if kind.Internal {
				continue // nobody is offered its moves
			}
			states, called := map[string]bool{}, map[string]string{}
			for _, state := range kind.States {
				states[strings.ToLower(record.Words(state.Name))] = true
			}
			for i := range kind.Transitions {
				move := &kind.Transitions[i]
				name := kind.Called(move)
				switch first, _, _ := strings.Cut(name, " "); {
				case move.From != move.To && strings.EqualFold(name, "open"): // a verb, too
				case states[strings.ToLower(name)] || strings.HasSuffix(first, "ed"):
					t.Errorf("%s: the move from %s to %s is called %q, which is a state", kind.Register, move.From, move.To, name)
				}
				if other := called[move.From+" "+name]; other != "" {
					t.Errorf("%s: from %s both the move to %s and that to %s are called %q", kind.Register, move.From, other, move.To, name)
				}
				called[move.From+" "+name] = move.To
			}
		}
	}
}
