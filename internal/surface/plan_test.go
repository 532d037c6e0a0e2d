package surface

import (
	"testing"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
)

func verifiedAt(size int64, outcome string) *previous {
	return &previous{&ledger.Event{Outcome: outcome}, Verification{Checkpoint: &stamps.Checkpoint{Size: size}}}
}

func TestTheFirstVerificationAndTheOneAfterAFailureReadEverything(t *testing.T) {
	if plan(nil, 1) != nil || plan(verifiedAt(1_000_000, act.Failure), 1) != nil {
		t.Error("something is left out")
	}
}

// Within any thirty days everything old is read again, every day what is new,
// and a day reads little more than a thirtieth of what is old.
func TestThirtyDaysReadThePastAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, 400*unit).Draw(t, "size")
		day := rapid.Int64Range(0, 100_000).Draw(t, "day")
		read := make([]bool, size/unit)
		for i := range int64(thirtieths) {
			spans := plan(verifiedAt(size, act.Success), day+i)
			fresh := spans[1]
			if fresh.From > size || fresh.From > max(0, size-recent) || fresh.From < size-recent-unit || fresh.To < size {
				t.Fatalf("what is new is read as %+v", fresh)
			}
			if most := size/unit/thirtieths + 1; (spans[0].To-spans[0].From)/unit > most {
				t.Fatalf("%+v is more than a thirtieth of %d", spans[0], size)
			}
			for u := spans[0].From / unit; u < spans[0].To/unit; u++ {
				read[u] = true
			}
		}
		for u, ok := range read {
			if !ok {
				t.Fatalf("unit %d of %d is not read again", u, len(read))
			}
		}
	})
}
