package ledger

import (
	"sort"
	"time"

	"scaf.dev/scaf/internal/platform/store"
)

// Past is the state of the ledger at a past size.
type Past struct {
	Size int64
	Root []byte
}

// At is the ledger as it was at an instant: with every event that was recorded
// then or earlier. It goes by the times that the events themselves say they
// were recorded at.
func At(r *store.Reader, instant time.Time) (Past, error) {
	head, err := readHead(r, "")
	if err != nil {
		return Past{}, err
	}
	last, err := LastRecorded(r)
	if err != nil {
		return Past{}, err
	}
	if !last.After(instant) {
		return Past{head.Size, head.Root}, nil
	}
	var failed error
	size := sort.Search(int(head.Size), func(i int) bool {
		if failed != nil {
			return true
		}
		var recorded time.Time
		recorded, failed = recordedAt(r, int64(i))
		return recorded.After(instant)
	})
	if failed != nil {
		return Past{}, failed
	}
	root, err := RootAt(r, int64(size))
	return Past{int64(size), root[:]}, err
}

// LastRecorded is when the ledger's last event says that it was recorded; zero
// when there is none.
func LastRecorded(r *store.Reader) (time.Time, error) {
	head, err := readHead(r, "")
	if err != nil || head.Size == 0 {
		return time.Time{}, err
	}
	return recordedAt(r, head.Size-1)
}

// recordedAt is when an event says that it was recorded.
func recordedAt(r *store.Reader, index int64) (time.Time, error) {
	var at time.Time
	err := eachEvent(r, index, index+1, func(_ int64, body []byte) error {
		event, err := read(index, body)
		if err == nil {
			at, err = time.Parse(time.RFC3339Nano, event.RecordedTime)
		}
		if err != nil {
			return &DamageError{index, "the stored bytes do not say when the event was recorded: " + err.Error()}
		}
		return nil
	})
	return at, err
}
