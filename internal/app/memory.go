package app

import (
	"os"
	"runtime/debug"
)

// What the garbage collector may use. SCAF keeps little alive and makes a lot
// that is soon forgotten (a document, a row, an event): at Go's default the
// collector runs several times a second over 10 MB, which was measured to cost
// a fifth of a census and of ingestion (docs/benchmarks.md). Beyond the limit
// it works harder instead of taking more.
const (
	garbagePercent = 400
	memoryLimit    = 512 << 20
)

// TuneMemory sets the garbage collector for a process that runs SCAF. What the
// environment says (GOGC, GOMEMLIMIT) comes first.
func TuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
