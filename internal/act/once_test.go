package act_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// What is to be done once is done once, however many ask for it at once; what fails is
// not done, and can be.
func TestOnce(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		ctx := act.Once(context.Background(), "the key")
		do := func(ctx context.Context, caller act.Caller, key string) ([]act.Receipt, error) {
			return l.Do(ctx, caller, "test", "test/"+key, job(key))
		}
		broken := errors.New("broken")
		if _, err := l.Do(ctx, ledgertest.Operator, "test", "test/a", func(*act.Tx) error { return broken }); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if err := l.View(ctx, ledgertest.Operator, "test", "test/a", nil); err != nil {
			t.Fatal(err) // to read is no use of a key
		}
		const many = 8
		var answers sync.WaitGroup
		errs, receipts := make([]error, many), make([][]act.Receipt, many)
		for i := range many {
			answers.Go(func() { receipts[i], errs[i] = do(ctx, ledgertest.Operator, "a") })
		}
		answers.Wait()
		first := slices.Index(errs, nil)
		if first < 0 {
			t.Fatal(errs)
		}
		for i, err := range errs {
			var done *act.RepeatedError
			if i != first && (!errors.As(err, &done) || done.Subject != "test/a" || done.Index != receipts[first][0].Index) {
				t.Errorf("the answer is %v", err)
			}
		}
		for name, other := range map[string]func() error{
			"another key": func() error { _, err := do(act.Once(ctx, "b"), ledgertest.Operator, "b"); return err },
			"no key":      func() error { _, err := do(context.Background(), ledgertest.Operator, "c"); return err },
			"another caller": func() error {
				_, err := do(ctx, act.Caller{ID: "person/E2", Roles: ledgertest.Operator.Roles}, "d")
				return err
			},
		} {
			if err := other(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		l.Clock.Set(l.Clock.Now().Add(25 * time.Hour))
		if _, err := do(act.Once(ctx, "e"), ledgertest.Operator, "e"); err != nil {
			t.Fatal(err)
		}
		if _, err := do(ctx, ledgertest.Operator, "f"); err != nil {
			t.Errorf("a day later the key is not forgotten: %v", err)
		}
		if got, want := jobKeys(t, l), []string{"a", "b", "c", "d", "e", "f"}; !slices.Equal(got, want) {
			t.Errorf("done was %q, want %q", got, want)
		}
		verify(t, l)
	})
}
