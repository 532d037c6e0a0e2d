package record

import (
	"errors"
	"sync"

	"scaf.dev/scaf/internal/platform/store"
)

// kept is something that was read of a kind's records, beside the open database.
type kept[T any] struct {
	mu    sync.Mutex
	upTo  int64 // ledger index: of versions that were made before it; 0: nothing was read
	value T
}

// goOn brings what is kept under a key to the reader's snapshot: read makes it of all
// records, or goes on from what it was at a ledger index. In a transaction that
// writes, and of an earlier snapshot, all is read.
func goOn[T any](r *store.Reader, kind *Kind, key any, all func() (T, error), since func(was T, index int64) (T, error)) (T, error) {
	k, ok := store.Beside(r, key, &kept[T]{})
	if !ok {
		return all()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	end, err := latest(r)
	if err != nil || end == 0 {
		var none T
		return none, err
	}
	if end < k.upTo {
		return all()
	}
	if end == k.upTo {
		return k.value, nil
	}
	changed := true
	if k.upTo > 0 {
		changed, err = ChangedSince(r, kind.Name, k.upTo)
	}
	value := k.value
	switch {
	case err != nil || !changed:
	case k.upTo == 0:
		value, err = all()
	default:
		value, err = since(k.value, k.upTo)
	}
	if err == nil {
		k.value, k.upTo = value, end
	}
	return value, err
}

// Kept is what was made of a kind's current records, and made again when one of them has
// changed. The key has a type of its own, and says all that it depends on beside them; few
// keys exist. Nobody changes the value.
func Kept[T any](r *store.Reader, kind *Kind, key any, made func() (T, error)) (T, error) {
	return goOn(r, kind, key, made, func(T, int64) (T, error) { return made() })
}

type latestKey struct{}

// latest is the ledger index after the event that made the last version, 0 where there is none.
func latest(r *store.Reader) (int64, error) {
	return store.Once(r, latestKey{}, func() (int64, error) {
		var last *int64
		if err := r.One(`SELECT max(from_idx) FROM record_version`, nil, []any{&last}); err != nil || last == nil {
			return 0, err
		}
		return *last + 1, nil
	})
}

// few is of how many events at most all kinds are read of which they made versions.
const few = 5000

type changedKey struct{ index int64 }

// ChangedSince reports whether a record of the kind has got a version by the
// event at this ledger index or a later one.
func ChangedSince(r *store.Reader, kind string, index int64) (bool, error) {
	end, err := latest(r)
	if err != nil {
		return false, err
	}
	if end-index > few {
		var one int
		err := r.One(`SELECT 1 FROM record_version WHERE `+madeOf+` LIMIT 1`, []any{index, kind}, []any{&one})
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	// Whoever asks of one kind asks of others.
	kinds, err := store.Once(r, changedKey{index}, func() (map[string]bool, error) {
		kinds, kind := map[string]bool{}, ""
		return kinds, r.Each(`SELECT DISTINCT kind || '' FROM record_version WHERE from_idx >= $1`, []any{index}, []any{&kind}, func() error {
			kinds[kind] = true
			return nil
		})
	})
	return kinds[kind], err
}

type totalKey struct{ kind string }

// Total is the number of a kind's records, which never vanish: beside an open
// database those that have come are added to the ones that were counted before.
func Total(r *store.Reader, kind *Kind) (int64, error) {
	count := func(from, where string, args ...any) (n int64, err error) {
		err = r.One(`SELECT count(*) FROM `+from+where, args, []any{&n})
		return n, err
	}
	return goOn(r, kind, totalKey{kind.Name},
		func() (int64, error) { return count(kind.current(), "") },
		func(was, index int64) (int64, error) {
			n, err := count("record_version", " WHERE "+madeOf+" AND version = 1", index, kind.Name)
			return was + n, err
		})
}
