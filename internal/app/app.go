// Package app wires everything: it makes and opens data folders and hands
// them to the surfaces.
package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/keys"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Files of a data folder.
const (
	lockFile = "lock"
	sideFile = "unwritten.jsonl"
	blobDir  = "blobs"
)

// Backend implements surface.Backend on this machine.
type Backend struct {
	Clock   clock.Clock
	Version string // of the program: results name it
	// Registers are kept beside those of the program: a test's own.
	Registers record.Kinds

	ids *ids.Source // nil: one of the system's randomness
}

// New returns the backend on the machine's clock.
func New(version string) Backend { return Backend{Clock: clock.System{}, Version: version} }

// Program implements surface.Backend.
func (b Backend) Program() string { return b.Version }

// Init makes a data folder: configuration, keys, database and an empty ledger.
// It returns the ledger's verifier key. A folder that was initialised before
// is refused; after a failure what it made is removed again.
func (b Backend) Init(ctx context.Context, dir string, c config.Config) (_ string, err error) {
	if _, err := config.Load(dir); !errors.Is(err, config.ErrMissing) {
		if err == nil {
			err = fmt.Errorf("%w: %s", config.ErrExists, dir)
		}
		return "", err
	}
	if c.Origin == "" {
		if c.Origin, err = newOrigin(c.Organization); err != nil {
			return "", err
		}
	}
	_, stat := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	before, err := names(dir)
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			undo(dir, before, stat != nil)
		}
	}()
	unlock, err := lock(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	db, err := store.Open(ctx, c.DatabaseLocation(dir))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Migrate(ctx); err != nil {
		return "", err
	}
	if _, err := b.Kinds().Adopt(ctx, db); err != nil {
		return "", err
	}
	exists, err := ledger.Exists(ctx, db)
	if err != nil {
		return "", err
	}
	if exists {
		return "", fmt.Errorf("%w: the database holds a ledger already, whose key is elsewhere", config.ErrExists)
	}
	signer, err := keys.Create(dir, c.Origin, keys.DefaultKEK(dir))
	if err != nil {
		return "", err
	}
	if err := createLedger(ctx, db, ledger.NewLog(c.Origin, signer, signer.VerifierKey())); err != nil {
		return "", err
	}
	// Last: a folder with a configuration is a whole one.
	return signer.VerifierKey(), c.Create(dir)
}

func createLedger(ctx context.Context, db *store.DB, log *ledger.Log) error {
	writer, err := db.Writer(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = writer.Close() }() // after the commit there is nothing to lose
	tx, err := writer.Begin()
	if err != nil {
		return err
	}
	if err := log.Create(tx); err != nil {
		return err
	}
	return writer.Commit()
}

// newOrigin names a ledger after the organisation, with a random part so that
// no two have the same name.
func newOrigin(organization string) (string, error) {
	slug := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, organization), "-")
	for strings.Contains(slug, "--") {
		slug = strings.ReplaceAll(slug, "--", "-")
	}
	if slug == "" {
		slug = "organization"
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	return "scaf/" + slug[:min(len(slug), 60)] + "/" + hex.EncodeToString(random), nil
}

func names(dir string) (map[string]bool, error) {
	entries, err := os.ReadDir(dir)
	present := map[string]bool{}
	for _, entry := range entries {
		present[entry.Name()] = true
	}
	return present, err
}

// undo removes what a failed Init made and leaves what was there.
func undo(dir string, before map[string]bool, made bool) {
	now, err := names(dir)
	if err != nil {
		return
	}
	for name := range now {
		if !before[name] {
			_ = os.RemoveAll(filepath.Join(dir, name))
		}
	}
	if made {
		_ = os.Remove(dir)
	}
}

// Open opens a data folder.
func (b Backend) Open(ctx context.Context, dir string, mode surface.Mode) (_ *surface.System, err error) {
	c, err := config.Load(dir)
	if err != nil {
		return nil, err
	}
	s := &surface.System{Dir: dir, Config: c, Auth: access.Roles, Kinds: b.Kinds(), Areas: Areas, Clock: b.Clock, Version: b.Version}
	var closers []func() error
	s.Close = func() error {
		var all error
		for i := len(closers) - 1; i >= 0; i-- {
			all = errors.Join(all, closers[i]())
		}
		return all
	}
	defer func() {
		if err != nil {
			_ = s.Close() // the first error is the one to tell
		}
	}()
	if s.VerifierKey, err = keys.VerifierKey(dir); err != nil {
		return nil, err
	}
	var signer *keys.Signer
	if mode == surface.Write {
		unlock, err := lock(dir)
		if err != nil {
			return nil, err
		}
		closers = append(closers, func() error { unlock(); return nil })
		if signer, err = keys.Open(dir, keys.DefaultKEK(dir)); err != nil {
			return nil, err
		}
		if signer.Name() != c.Origin {
			return nil, fmt.Errorf("%w: the signing key in %s is that of the ledger %s, this folder holds %s", ledger.ErrForeign, dir, signer.Name(), c.Origin)
		}
	}
	location := c.DatabaseLocation(dir)
	if _, stat := os.Stat(location); c.Database == "" && stat != nil {
		return nil, fmt.Errorf("%w: the folder has a configuration but no database: %w", store.ErrUnavailable, stat)
	}
	if s.DB, err = store.Open(ctx, location); err != nil {
		return nil, err
	}
	closers = append(closers, s.DB.Close)
	if s.Blobs, err = blob.OpenFolder(filepath.Join(dir, blobDir)); err != nil {
		return nil, err
	}
	if mode == surface.Read {
		if err := errors.Join(s.DB.CheckSchema(ctx), demoClock(ctx, s)); err != nil {
			return nil, err
		}
		return s, s.Kinds.Defined(ctx, s.DB)
	}
	err = s.DB.Own(ctx)
	if errors.Is(err, store.ErrBusy) {
		err = fmt.Errorf("%w: stop it, or use its HTTP API (%w)", surface.ErrInUse, err)
	}
	if err == nil {
		err = s.DB.Migrate(ctx)
	}
	if err == nil {
		err = demoClock(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	adoption, err := s.Kinds.Adopt(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	if b.ids == nil {
		b.ids = ids.NewSource()
	}
	zone, err := c.Location()
	if err != nil {
		return nil, err
	}
	s.Door, err = act.Open(act.Config{
		DB: s.DB, Log: ledger.NewLog(c.Origin, signer, signer.VerifierKey()), Auth: s.Auth, Clock: s.Clock,
		IDs: b.ids, Zone: zone, Side: filepath.Join(dir, sideFile), Reactions: s.Reactions(),
	})
	if err != nil {
		return nil, err
	}
	closers = append(closers, s.Door.Close)
	return s, adoption.Migrate(ctx, s.Door)
}

// Kinds implements surface.Backend.
func (b Backend) Kinds() record.Kinds { return slices.Concat(Kinds, b.Registers) }

// Personal implements surface.Backend.
func (b Backend) Personal(register string) bool {
	kind, err := b.Kinds().Find(register)
	return err == nil && kind.Personal
}

// lock takes the folder for this process. The file holds the process id of
// the latest holder, for the message only: the lock is the kernel's and ends
// with the process.
func lock(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockFile)
	held := flock.New(path)
	ok, err := held.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock the folder %s: %w", dir, err)
	}
	if !ok {
		holder := "a process"
		if pid, err := os.ReadFile(path); err == nil && len(pid) > 0 {
			holder = "process " + strings.TrimSpace(string(pid))
		}
		return nil, fmt.Errorf("%w: %s writes to %s: stop it, or use its HTTP API", surface.ErrInUse, holder, dir)
	}
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600) // for the message only
	return func() { _ = held.Unlock() }, nil
}
