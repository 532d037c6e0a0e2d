package app

import (
	"runtime/debug"
	"testing"
)

func TestTheEnvironmentDecidesAboutMemory(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(1<<40)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	for _, c := range []struct {
		name, gogc, memlimit string
		percent              int
		limit                int64
	}{
		{"nothing said", "", "", garbagePercent, memoryLimit},
		{"both said", "100", "1TiB", 100, 1 << 40},
		{"percentage said", "100", "", 100, memoryLimit},
		{"limit said", "", "1TiB", garbagePercent, 1 << 40},
	} {
		t.Setenv("GOGC", c.gogc)
		t.Setenv("GOMEMLIMIT", c.memlimit)
		TuneMemory()
		if got := debug.SetGCPercent(100); got != c.percent {
			t.Errorf("%s: percentage %d, want %d", c.name, got, c.percent)
		}
		if got := debug.SetMemoryLimit(1 << 40); got != c.limit {
			t.Errorf("%s: limit %d, want %d", c.name, got, c.limit)
		}
	}
}
