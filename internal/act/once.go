package act

import (
	"context"
	"errors"
	"fmt"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// onceKey is where a context has the key of what is done once.
type onceKey struct{}

// onceKept is for how long a key is known.
const onceKept = 24 * time.Hour

// Once returns a context by which the caller does one action once: a second Do with the
// same key, by the same caller within a day and whichever process takes it, is a
// *RepeatedError and changes nothing. A key is used up by what succeeds only. An empty
// one is none.
func Once(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, onceKey{}, key)
}

// RepeatedError says that an action was done already with its key, and what came of it.
type RepeatedError struct {
	Subject string // of the first event
	Index   int64
}

// Error implements error.
func (e *RepeatedError) Error() string {
	return fmt.Sprintf("it was done already: event %d, of %s, came of it", e.Index, e.Subject)
}

// CameOf gives what came of a key that a caller has used up, nil when nothing did.
func CameOf(r *store.Reader, caller Caller, key string) (*RepeatedError, error) {
	done := &RepeatedError{}
	err := r.One(`SELECT subject, idx FROM act_once WHERE actor = $1 AND key = $2`, []any{caller.ID, key}, []any{&done.Subject, &done.Index})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // nothing came of it
	}
	return done, err
}

// once lets a body run that the context does not say was run before.
func once(ctx context.Context, body func(*Tx) error) func(*Tx) error {
	key, _ := ctx.Value(onceKey{}).(string)
	if key == "" {
		return body
	}
	return func(tx *Tx) error {
		if done, err := CameOf(&tx.Reader, tx.caller, key); err != nil {
			return err
		} else if done != nil {
			return done
		}
		if err := body(tx); err != nil || len(tx.entries) == 0 {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM act_once WHERE at < $1`, tx.now.Add(-onceKept).UnixMicro()); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO act_once (actor, key, subject, idx, at) VALUES ($1, $2, $3, $4, $5)`,
			tx.caller.ID, key, tx.entries[0].Subject, tx.next, tx.now.UnixMicro())
		return err
	}
}
