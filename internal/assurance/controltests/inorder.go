package controltests

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"
)

// batchItems and batchWeight bound what goes to a worker at once.
const (
	batchItems  = 256
	batchWeight = 256 << 10
)

// batch is a run of items, and then what was made of them.
type batch[I, M any] struct {
	items  []I
	weight int
	made   M
	done   chan struct{} // has one element when made is there
}

// errStopped tells the reader that nobody waits for it any more.
var errStopped = errors.New("stopped")

// InOrder makes something of items on several goroutines, batch by batch, and
// hands the batches on in the order of the items. A bounded number of items is
// held; weigh says how many bytes one has. Each goroutine has a work function of
// its own, which is given a made that was used before. It returns when the items
// have ended, or with the first error in the order of the items: theirs, or that
// of take. No goroutine outlives it, so it waits for items that are blocked.
func InOrder[I, M any](ctx context.Context, items iter.Seq2[I, error], weigh func(I) int, workers int, work func() func([]I, *M), take func([]I, *M) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		todo   = make(chan *batch[I, M])
		order  = make(chan *batch[I, M], 2*workers) // in the order of the items
		free   = make(chan *batch[I, M], 2*workers+1)
		group  sync.WaitGroup
		source error // of the items; read after order is closed
	)
	defer group.Wait()
	defer cancel(errStopped)
	for range workers {
		group.Go(func() {
			batchwise := work()
			for b := range todo {
				batchwise(b.items, &b.made)
				b.done <- struct{}{}
			}
		})
	}
	next := func() *batch[I, M] {
		select {
		case b := <-free:
			return b
		default:
			return &batch[I, M]{done: make(chan struct{}, 1)}
		}
	}
	group.Go(func() {
		defer close(todo)
		defer close(order)
		send := func(b *batch[I, M]) bool {
			if len(b.items) == 0 {
				return true
			}
			for _, to := range []chan *batch[I, M]{order, todo} {
				select {
				case to <- b:
				case <-ctx.Done():
					return false
				}
			}
			return true
		}
		current := next()
		for item, err := range items {
			if err != nil {
				source = err
				break
			}
			current.items = append(current.items, item)
			if current.weight += weigh(item); len(current.items) >= batchItems || current.weight >= batchWeight {
				if !send(current) {
					return
				}
				current = next()
			}
		}
		send(current)
	})
	for b := range order {
		select {
		case <-b.done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := take(b.items, &b.made); err != nil {
			return err
		}
		clear(b.items)
		b.items, b.weight = b.items[:0], 0
		select {
		case free <- b:
		default:
		}
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return source
}

// Kept copies items, so that they outlive the next one.
func kept(items iter.Seq2[Item, error]) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		var room []byte // copies share allocations
		for item, err := range items {
			if err == nil {
				if len(item.JSON) > cap(room)-len(room) {
					room = make([]byte, 0, max(batchWeight, len(item.JSON)))
				}
				begin := len(room)
				room = append(room, item.JSON...)
				item.JSON = room[begin:len(room):len(room)]
			}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
