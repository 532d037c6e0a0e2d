package app

import "os"

// heapFloor is how much a process may allocate before the garbage collector
// runs at all, in bytes. SCAF keeps little alive and makes a lot that is soon
// forgotten (a document, a row, an event): at Go's default the collector ran
// many times a second over 10 MB, which was measured to cost a fifth of a
// census and of ingestion. A higher GOGC would cost memory in proportion to
// what is alive; a floor does not.
const heapFloor = 32 << 20

// floor is never read or written: the collector counts it as alive, and the
// system gives no memory for it.
var floor []byte

// TuneMemory sets the garbage collector up for a process that runs SCAF,
// unless the environment does so (GOGC, GOMEMLIMIT).
func TuneMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		floor = make([]byte, heapFloor)
	}
}
