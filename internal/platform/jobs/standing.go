package jobs

import (
	"encoding/json"
	"errors"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Waiting is the state of a job that runs, or is to run.
const Waiting = "waiting"

// Standing is where a job stands.
type Standing struct {
	Key     string
	Payload json.RawMessage
	State   string
	RunAt   time.Time // when it was to run, or runs again
	Attempt int       // how often it was begun
	Failure string    // of the last attempt
	Reached Reached   // while it is being done
	Result  json.RawMessage
}

// Last is the job of a kind that was to run last; nil: there is none.
func Last(r *store.Reader, kind string) (*Standing, error) {
	return standing(r, `kind = $1 ORDER BY run_at DESC, key DESC LIMIT 1`, kind)
}

// Get is the job of a kind with a key; nil: there is none.
func Get(r *store.Reader, kind, key string) (*Standing, error) {
	return standing(r, `kind = $1 AND key = $2`, kind, key)
}

func standing(r *store.Reader, where string, args ...any) (*Standing, error) {
	s := &Standing{}
	var payload, result string
	var at int64
	err := r.One(`SELECT key, payload, state, run_at, attempt, failure, reached, done, total, result FROM job WHERE `+where, args,
		[]any{&s.Key, &payload, &s.State, &at, &s.Attempt, &s.Failure, &s.Reached.Of, &s.Reached.Done, &s.Reached.Total, &result})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	s.Payload, s.Result, s.RunAt = json.RawMessage(payload), json.RawMessage(result), time.UnixMicro(at).UTC()
	return s, err
}
