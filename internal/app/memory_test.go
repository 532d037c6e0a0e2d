package app

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestTheEnvironmentDecidesAboutMemory(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() {
		floor = nil
		debug.SetMemoryLimit(before)
	})
	for _, c := range []struct {
		gogc, memlimit string
		want           int
		limit          int64
	}{
		{"", "", heapFloor, heapLimit},
		{"100", "", 0, math.MaxInt64},
		{"", "1GiB", 0, math.MaxInt64},
	} {
		floor = nil
		debug.SetMemoryLimit(math.MaxInt64)
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.memlimit)
		TuneMemory()
		if len(floor) != c.want {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: the floor is %d bytes, want %d", c.gogc, c.memlimit, len(floor), c.want)
		}
		if limit := debug.SetMemoryLimit(-1); limit != c.limit {
			t.Errorf("GOGC=%q GOMEMLIMIT=%q: the limit is %d bytes, want %d", c.gogc, c.memlimit, limit, c.limit)
		}
	}
}
