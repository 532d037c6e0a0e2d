package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/sync/semaphore"

	"scaf.dev/scaf/internal/trust/accounts/internal/cost"
)

// Length of a password, in characters: NIST SP 800-63B asks for no classes of
// characters, but for length.
const (
	minPassword = 12
	maxPassword = 200
)

// at bounds how many passwords are hashed at a time, and with that the memory.
var at = semaphore.NewWeighted(2)

// waiting is how many passwords wait to be compared, maxWaiting how many may: a second or two.
var waiting atomic.Int32

const maxWaiting = 40

// checkPassword says what is wrong with a new password.
func checkPassword(password, id, name string) error {
	n, lower := utf8.RuneCountInString(password), strings.ToLower(password)
	local, _, _ := strings.Cut(id, "@")
	switch {
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: the password is no text", ErrInvalid)
	case n < minPassword:
		return fmt.Errorf("%w: the password has %d characters: at least %d are needed, several words for instance", ErrInvalid, n, minPassword)
	case n > maxPassword:
		return fmt.Errorf("%w: the password has %d characters, at most %d are taken", ErrInvalid, n, maxPassword)
	case len(local) > 3 && strings.Contains(lower, local), len(name) > 3 && strings.Contains(lower, strings.ToLower(name)):
		return fmt.Errorf("%w: the password contains the name", ErrInvalid)
	case strings.Count(lower, lower[:1]) == len(lower):
		return fmt.Errorf("%w: the password is one character again and again", ErrInvalid)
	}
	return nil
}

// oneTime makes a password of 100 random bits, in groups that people can type.
func oneTime() string {
	text := strings.ToLower(rand.Text())
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
}

func hashPassword(ctx context.Context, password string) (string, error) {
	if err := at.Acquire(ctx, 1); err != nil {
		return "", err
	}
	defer at.Release(1)
	return argon2id.CreateHash(password, cost.Now())
}

// samePassword compares in a time that tells nothing. An empty hash, of an
// account that is not there, takes as long as any and is nobody's.
func samePassword(ctx context.Context, password, hash string) (bool, error) {
	if utf8.RuneCountInString(password) > maxPassword {
		return false, nil
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > maxWaiting {
		return false, ErrBusy // soon, and whoever it is
	}
	if hash == "" {
		_, err := hashPassword(ctx, password)
		return false, err
	}
	if err := at.Acquire(ctx, 1); err != nil {
		return false, err
	}
	defer at.Release(1)
	same, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, errors.Join(errHash, err)
	}
	return same, nil
}

var errHash = errors.New("the stored hash of the password cannot be read")
