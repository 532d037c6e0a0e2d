// Package cost says what it takes to hash a password. Only tests lower it, by
// accountstest: whoever guesses passwords from a stolen database pays it for each.
package cost

import (
	"sync/atomic"

	"github.com/alexedwards/argon2id"
)

// Full are the first parameters of those that OWASP names for argon2id: 46 MiB, one
// pass. They are part of every hash, so that they can be raised.
var Full = argon2id.Params{Memory: 46 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

var now atomic.Pointer[argon2id.Params]

func init() { Set(Full) }

// Now returns the parameters of the hashes that are made.
func Now() *argon2id.Params { return now.Load() }

// Set changes them.
func Set(p argon2id.Params) { now.Store(&p) }
