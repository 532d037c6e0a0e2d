package surface

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/timestamp"
)

// StampedType is the type of the event that holds a time stamp.
const StampedType = "scaf.ledger.timestamped.v1"

// ErrNoAuthority says: no time stamp authority is configured.
var ErrNoAuthority = errors.New("no time stamp authority is configured")

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

// Stamp has the latest checkpoint stamped by the configured authority and
// records the token. The ledger goes on while the authority is asked. Then,
// when it is given, also is called in the transaction that records it.
func (s *System) Stamp(ctx context.Context, caller act.Caller, also func(*act.Tx) error) (*Stamped, act.Receipt, error) {
	var receipt act.Receipt
	if err := s.Allow(ctx, caller, "ledger.timestamp", "ledger"); err != nil {
		return nil, receipt, err
	}
	if s.Config.TimestampURL == "" {
		return nil, receipt, fmt.Errorf(`%w: set "timestamp_url" and "timestamp_roots" in %s, or make the folder with scaf init --tsa URL --tsa-roots FILE`, ErrNoAuthority, filepath.Join(s.Dir, "scaf.json"))
	}
	roots, err := s.stampRoots()
	if err != nil {
		return nil, receipt, err
	}
	if roots == nil {
		return nil, receipt, fmt.Errorf(`%w: set "timestamp_roots" in %s to a PEM file with the root certificates of %s`, ErrNoAuthority, filepath.Join(s.Dir, "scaf.json"), s.Config.TimestampURL)
	}
	var head ledger.Head
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil {
		return nil, receipt, err
	}
	digest := sha256.Sum256([]byte(head.Checkpoint))
	client := &timestamp.Client{URL: s.Config.TimestampURL, Roots: roots}
	token, _, err := client.Stamp(ctx, digest)
	if err != nil {
		return nil, receipt, err
	}
	stamp, err := timestamp.Verify(token, digest, roots)
	if err != nil {
		return nil, receipt, err
	}
	stamped := &Stamped{
		Checkpoint: Checkpoint{head.Size, hex.EncodeToString(head.Root)}, Note: head.Checkpoint, Token: token,
		Time: stamp.Time, Authority: stamp.Authority, Serial: stamp.Serial,
	}
	receipts, err := s.Door.Do(ctx, caller, "ledger.timestamp", "ledger", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: StampedType, Subject: "ledger", Data: stamped}); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
	if err != nil {
		return nil, receipt, err
	}
	return stamped, receipts[0], nil
}

// stampRoots reads the root certificates that authorities must lead to; nil
// when none are configured.
func (s *System) stampRoots() (*x509.CertPool, error) {
	path := s.Config.TimestampRoots
	if path == "" {
		return nil, nil //nolint:nilnil // no roots is what timestamp.Verify takes nil for
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the root certificates of the time stamp authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("the root certificates of the time stamp authority: %s holds no certificate in PEM", path)
	}
	return pool, nil
}

// Existed says that the events of a range existed at a time that an
// independent authority vouches for.
type Existed struct {
	ledger.Span
	Time      time.Time `json:"time"`
	Authority string    `json:"authority"`
}

// stamps checks the time stamps that a verification comes across.
type stamps struct {
	system *System

	mu        sync.Mutex
	ready     bool
	roots     *x509.CertPool
	unchecked int
	found     []Existed // From is not set yet
}

// check holds a time stamp's event against itself; that its checkpoint is one
// of this log is the ledger's own check.
func (t *stamps) check(event *ledger.Event) error {
	if event.Type != StampedType {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ready {
		var err error
		if t.roots, err = t.system.stampRoots(); err != nil {
			return err
		}
		t.ready = true
	}
	wrong := func(format string, args ...any) error {
		return &ledger.DamageError{Index: event.Index, What: "its time stamp: " + fmt.Sprintf(format, args...)}
	}
	var data Stamped
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return wrong("cannot be read: %v", err)
	}
	checkpoint, err := ledger.OpenCheckpoint(data.Note, t.system.VerifierKey)
	if err != nil {
		return wrong("%v", err)
	}
	if int64(checkpoint.Size) != data.Checkpoint.Size || hex.EncodeToString(checkpoint.Hash) != data.Checkpoint.Root {
		return wrong("is of the checkpoint of size %d and root %x, the event cites %d and %s", checkpoint.Size, checkpoint.Hash, data.Checkpoint.Size, data.Checkpoint.Root)
	}
	if t.roots == nil {
		t.unchecked++
		return nil
	}
	stamp, err := timestamp.Verify(data.Token, sha256.Sum256([]byte(data.Note)), t.roots)
	if err != nil {
		return wrong("%v", err)
	}
	if !stamp.Time.Equal(data.Time) || stamp.Authority != data.Authority || stamp.Serial != data.Serial {
		return wrong("says %s by %s, the event says %s by %s", stamp.Time.Format(time.RFC3339), stamp.Authority, data.Time.Format(time.RFC3339), data.Authority)
	}
	t.found = append(t.found, Existed{Span: ledger.Span{To: data.Checkpoint.Size}, Time: stamp.Time, Authority: stamp.Authority})
	return nil
}

// existed gives each range of events the earliest time of all the stamps that
// cover it.
func (t *stamps) existed() []Existed {
	all := slices.Clone(t.found)
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
