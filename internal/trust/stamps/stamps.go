// Package stamps reads the time stamps that a ledger holds of its own
// checkpoints, and says since when ranges of events are known to exist by
// somebody else's word than the ledger keeper's.
package stamps

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/timestamp"
)

// Type is the type of the event that holds a time stamp.
const Type = "scaf.ledger.timestamped.v1"

// Checkpoint names a state of the ledger in an event's data. Verification
// holds every one against the log.
type Checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // lowercase hex
}

// Stamped is the data of the event that holds a time stamp.
type Stamped struct {
	Checkpoint Checkpoint `json:"checkpoint"`
	Note       string     `json:"note"`  // the signed checkpoint, whose bytes are stamped
	Token      []byte     `json:"token"` // RFC 3161, over SHA-256; base64 in JSON
	Time       time.Time  `json:"time"`  // the authority's
	Authority  string     `json:"authority"`
	Serial     string     `json:"serial"` // of the token, decimal
}

// Existed says that the events of a range existed at a time that an
// independent authority vouches for.
type Existed struct {
	ledger.Span
	Time      time.Time `json:"time"`
	Authority string    `json:"authority"`
}

// Found collects the time stamps that a verification comes across. It is safe
// for concurrent use.
type Found struct {
	VerifierKey string
	// Roots gives the certificates that authorities must lead to, nil for none;
	// it is asked when the first stamp is met.
	Roots func() (*x509.CertPool, error)

	mu        sync.Mutex
	ready     bool
	roots     *x509.CertPool
	unchecked int
	found     []Existed // From is not set yet
}

// Checked is the number of stamps that were checked, Unchecked of those that
// were not since there are no root certificates.
func (f *Found) Checked() int { return len(f.found) }

// Unchecked is the number of stamps for which there were no root certificates.
func (f *Found) Unchecked() int { return f.unchecked }

// Check holds an own event that is a time stamp against itself; that its
// checkpoint is one of this log is the ledger's own check. Other events are
// passed over. The error is a *ledger.DamageError, or that of Roots.
func (f *Found) Check(event *ledger.Event) error {
	if event.Type != Type {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.ready {
		var err error
		if f.roots, err = f.Roots(); err != nil {
			return err
		}
		f.ready = true
	}
	wrong := func(format string, args ...any) error {
		return &ledger.DamageError{Index: event.Index, What: "its time stamp: " + fmt.Sprintf(format, args...)}
	}
	var data Stamped
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return wrong("cannot be read: %v", err)
	}
	checkpoint, err := ledger.OpenCheckpoint(data.Note, f.VerifierKey)
	if err != nil {
		return wrong("%v", err)
	}
	if int64(checkpoint.Size) != data.Checkpoint.Size || hex.EncodeToString(checkpoint.Hash) != data.Checkpoint.Root {
		return wrong("is of the checkpoint of size %d and root %x, the event cites %d and %s", checkpoint.Size, checkpoint.Hash, data.Checkpoint.Size, data.Checkpoint.Root)
	}
	if f.roots == nil {
		f.unchecked++
		return nil
	}
	stamp, err := timestamp.Verify(data.Token, sha256.Sum256([]byte(data.Note)), f.roots)
	if err != nil {
		return wrong("%v", err)
	}
	if !stamp.Time.Equal(data.Time) || stamp.Authority != data.Authority || stamp.Serial != data.Serial {
		return wrong("says %s by %s, the event says %s by %s", stamp.Time.Format(time.RFC3339), stamp.Authority, data.Time.Format(time.RFC3339), data.Authority)
	}
	f.found = append(f.found, Existed{Span: ledger.Span{To: data.Checkpoint.Size}, Time: stamp.Time, Authority: stamp.Authority})
	return nil
}

// Existed gives each range of events the earliest time of all the stamps that
// cover it. Events in no range have only the ledger's own word.
func (f *Found) Existed() []Existed { return Earliest(f.found) }

// Earliest gives each range of events the earliest time of all the stamps that
// cover it; a stamp covers the events before its To.
func Earliest(found []Existed) []Existed {
	all := slices.Clone(found)
	slices.SortFunc(all, func(a, b Existed) int { return int(min(max(a.To-b.To, -1), 1)) })
	for i := len(all) - 2; i >= 0; i-- {
		if later := all[i+1]; !all[i].Time.Before(later.Time) {
			all[i].Time, all[i].Authority = later.Time, later.Authority
		}
	}
	ranges := []Existed{}
	for _, one := range all {
		if n := len(ranges); n > 0 {
			one.From = ranges[n-1].To
			if before := ranges[n-1]; before.Time.Equal(one.Time) && before.Authority == one.Authority {
				ranges[n-1].To = one.To
				continue
			}
		}
		if one.From < one.To {
			ranges = append(ranges, one)
		}
	}
	return ranges
}
