package results

import (
	"context"
	"errors"
	"fmt"

	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/platform/store"
)

// Reconciled is all that the reconciliation of a result counts.
type Reconciled struct {
	Result     *Result
	Matched    []Pair
	Mismatches []Mismatch // open ones before resolved ones
}

// Pair are the items that have a key: of the test's population, and of the second one.
type Pair struct{ Here, There []string }

// ErrNotReconciled says: a result was not reconciled, or cannot be again.
var ErrNotReconciled = errors.New("not reconciled")

// Reconciled reconciles the population of a result again, as of the checkpoint at which that
// was done, and lists what it counted. It records nothing.
func (l *Lab) Reconciled(ctx context.Context, id string) (*Reconciled, error) {
	all := &Reconciled{}
	return all, l.DB.Read(ctx, func(r *store.Reader) error {
		rec, err := l.recorded(ctx, r, id)
		if err != nil {
			return err
		}
		all.Result = rec.Result
		q, why := rec.question()
		switch {
		case rec.Result.Reconciliation == nil:
			return fmt.Errorf("%w: the test of %s does not ask for it", ErrNotReconciled, id)
		case q == nil || q.Test.Reconcile == nil:
			return fmt.Errorf("%w: %s cannot be again: %s", ErrNotReconciled, id, why)
		}
		from := populations.Stored(r)
		resolved, err := confirmed(from, q)
		if err != nil {
			return err
		}
		_, err = reconcile(from, l.Kinds, q, resolved, all)
		return err
	})
}
