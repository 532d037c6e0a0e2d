package controltests

import (
	"context"
	"iter"
	"runtime"
	"sync"
)

// batchItems and batchBytes bound what goes to a worker at once.
const (
	batchItems = 256
	batchBytes = 256 << 10
)

// batch is a run of items, copied, and then what was made of them.
type batch struct {
	bytes []byte
	ends  []int // of each item in bytes
	lines []int

	verdicts []verdict
	done     chan struct{} // has one element when verdicts are there
}

// newBatch takes a used batch from free, or makes one.
func newBatch(free <-chan *batch) *batch {
	select {
	case b := <-free:
		return b
	default:
		return &batch{done: make(chan struct{}, 1)}
	}
}

func (b *batch) add(item Item) {
	b.bytes = append(b.bytes, item.JSON...)
	b.ends = append(b.ends, len(b.bytes))
	b.lines = append(b.lines, item.Line)
}

func (b *batch) full() bool { return len(b.ends) >= batchItems || len(b.bytes) >= batchBytes }

func (b *batch) reset() {
	b.bytes, b.ends, b.lines, b.verdicts = b.bytes[:0], b.ends[:0], b.lines[:0], b.verdicts[:0]
}

// pipeline judges items on several goroutines and hands the verdicts on in the
// order of the items. A bounded number of items is held. It returns when the
// items have ended, or with the first error in the order of the items: the
// source's, or that of add. No goroutine outlives it, so it waits for a source
// that is blocked.
func pipeline(ctx context.Context, items iter.Seq2[Item, error], workers int, judge func() func(Item) verdict, add func(verdict) error) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		work   = make(chan *batch)
		order  = make(chan *batch, 2*workers) // in the order of the items
		free   = make(chan *batch, 2*workers+1)
		group  sync.WaitGroup
		source error // of the items; read after order is closed
	)
	defer group.Wait()
	defer cancel(errStopped)
	for range workers {
		group.Go(func() {
			judgeItem := judge()
			for b := range work {
				begin := 0
				for i, end := range b.ends {
					b.verdicts = append(b.verdicts, judgeItem(Item{b.lines[i], b.bytes[begin:end]}))
					begin = end
				}
				b.done <- struct{}{}
			}
		})
	}
	group.Go(func() {
		defer close(work)
		defer close(order)
		send := func(b *batch) bool {
			if len(b.ends) == 0 {
				return true
			}
			for _, to := range []chan *batch{order, work} {
				select {
				case to <- b:
				case <-ctx.Done():
					return false
				}
			}
			return true
		}
		current := newBatch(free)
		for item, err := range items {
			if err != nil {
				source = err
				break
			}
			current.add(item)
			if current.full() {
				if !send(current) {
					return
				}
				current = newBatch(free)
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
		for _, v := range b.verdicts {
			if err := add(v); err != nil {
				return err
			}
		}
		b.reset()
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
