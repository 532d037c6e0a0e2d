package surface

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/stamps"
	"scaf.dev/scaf/internal/trust/timestamp"
)

// ErrNoAuthority says: no time stamp authority is configured.
var ErrNoAuthority = errors.New("no time stamp authority is configured")

// Stamp has the latest checkpoint stamped by the configured authority and
// records the token. The ledger goes on while the authority is asked. Then,
// when it is given, also is called in the transaction that records it.
func (s *System) Stamp(ctx context.Context, caller act.Caller, also func(*act.Tx) error) (*stamps.Stamped, act.Receipt, error) {
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
	stamped := &stamps.Stamped{
		Checkpoint: stamps.Checkpoint{Size: head.Size, Root: hex.EncodeToString(head.Root)}, Note: head.Checkpoint, Token: token,
		Time: stamp.Time, Authority: stamp.Authority, Serial: stamp.Serial,
	}
	receipts, err := s.Door.Do(ctx, caller, "ledger.timestamp", "ledger", func(tx *act.Tx) error {
		if _, err := tx.Event(act.Event{Type: stamps.Type, Subject: "ledger", Data: stamped}); err != nil || also == nil {
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
	path := s.stampRootsFile()
	if path == "" {
		return nil, nil //nolint:nilnil // no roots is what timestamp.Verify takes nil for
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

// stampRootsFile is the path of the configured root certificates; empty when
// there are none.
func (s *System) stampRootsFile() string {
	path := s.Config.TimestampRoots
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Dir, path)
}
