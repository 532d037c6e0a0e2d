package app

import (
	"os"
	"runtime/debug"
)

// heapFloor is how much a process may allocate before the garbage collector
// runs at all, in bytes. SCAF keeps little alive and makes a lot that is soon
// forgotten (a document, a row, an event): at Go's default the collector ran
// many times a second over 10 MB, which was measured to cost a fifth of a
// census and of ingestion. A higher GOGC would cost memory in proportion to
// what is alive; a floor does not.
const heapFloor = 32 << 20

// heapLimit is from where on memory goes before time, in bytes: the collector
// runs more often rather than let garbage double what is alive. Only tests with
// hundreds of thousands of deviations come near it. It limits nothing that is
// alive, and the collector never takes more than half of the time.
const heapLimit = 384 << 20

// floor is never read or written: the collector counts it as alive, and the
// system gives no memory for it.
var floor []byte

// TuneMemory sets the garbage collector up for a process that runs SCAF,
// unless the environment does so (GOGC, GOMEMLIMIT).
func TuneMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		floor = make([]byte, heapFloor)
		debug.SetMemoryLimit(heapLimit)
	}
}

// roomy raises the floor while a demonstration is played, which allocates for a
// year what a process that serves allocates in days, and gives a function that
// lowers it again.
func roomy() func() {
	if floor == nil {
		return func() {}
	}
	floor = make([]byte, 4*heapFloor)
	return func() { floor = make([]byte, heapFloor) }
}
