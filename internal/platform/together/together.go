// Package together does several things at once for whoever waits for all of them.
package together

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// Panic is what a function panicked with, and where.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// Do calls all of the functions, as many at a time as there are processors and in their order,
// and returns when they have returned. The first error ends the context of the others, and is
// returned. A function that panics does so where Do was called, with a *Panic: whoever answers a request
// answers for it there, and in a goroutine of its own it would end the process.
func Do(ctx context.Context, all ...func(ctx context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, runtime.GOMAXPROCS(0)))
	panics := make(chan *Panic, len(all))
	for _, one := range all {
		group.Go(func() error {
			defer func() {
				if value := recover(); value != nil {
					panics <- &Panic{value, debug.Stack()}
				}
			}()
			return one(ctx)
		})
	}
	err := group.Wait()
	select {
	case p := <-panics:
		panic(p)
	default:
		return err
	}
}
