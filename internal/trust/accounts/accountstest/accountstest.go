// Package accountstest makes passwords cheap in the tests of what stands on accounts:
// they sign hundreds of people in, and each hash at its full cost fills 46 MiB.
package accountstest

import (
	"testing"

	"scaf.dev/scaf/internal/trust/accounts/internal/cost"
)

// Cheap lowers the cost of the hashes that the process makes from now on. There is no
// way to call it from a program: it wants a test.
func Cheap(testing.TB) {
	cheap := cost.Full
	cheap.Memory = 64
	cost.Set(cheap)
}

// Full is their cost in the product until the test ends. The test must not be parallel.
func Full(t testing.TB) {
	before := *cost.Now()
	cost.Set(cost.Full)
	t.Cleanup(func() { cost.Set(before) })
}
