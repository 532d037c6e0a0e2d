package together_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"scaf.dev/scaf/internal/platform/together"
)

func TestAllAreDone(t *testing.T) {
	var done atomic.Int64
	all := make([]func(context.Context) error, 40)
	for i := range all {
		all[i] = func(context.Context) error { done.Add(int64(i)); return nil }
	}
	if err := together.Do(t.Context(), all...); err != nil || done.Load() != 40*39/2 {
		t.Errorf("%d, %v", done.Load(), err)
	}
	if err := together.Do(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnErrorEndsTheOthers(t *testing.T) {
	failed := errors.New("it failed")
	waits := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if err := together.Do(t.Context(), func(context.Context) error { return failed }, waits, waits, waits); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
}

func TestAPanicIsTheCallers(t *testing.T) {
	var after atomic.Bool
	defer func() {
		p, ok := recover().(*together.Panic)
		if !ok || p.Value != "what went wrong" || !strings.Contains(p.Error(), "TestAPanicIsTheCallers") {
			t.Errorf("%v", p)
		}
		if !after.Load() {
			t.Error("the others were left alone")
		}
	}()
	_ = together.Do(t.Context(), func(context.Context) error { panic("what went wrong") }, func(context.Context) error { after.Store(true); return nil })
	t.Error("nobody hears of it")
}
