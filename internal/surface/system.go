// Package surface is how people and programs reach SCAF: cli, api. This file
// says what they all work on.
package surface

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/notifications"
	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

// System is an open data folder.
type System struct {
	Dir         string
	Config      *config.Config
	DB          *store.DB
	Door        *act.Door // nil when the folder was opened for reading
	Auth        act.Authorizer
	Kinds       record.Kinds
	Areas       []record.Area // what the kinds are about
	Blobs       blob.Store
	Clock       clock.Clock
	VerifierKey string
	Version     string // of the program

	// Close gives everything back.
	Close func() error

	present  sync.Mutex // reports of the present are made one after the other
	standing standing
	deviates deviates
	notify   sync.Mutex // guards desk
	desk     *notifications.Desk
}

// Mode says what a folder is opened for.
type Mode int

// The modes.
const (
	// Read needs neither the lock nor the key; any number of processes may.
	Read Mode = iota
	// Write takes the folder's lock and opens the signing key.
	Write
)

// Backend makes and opens data folders. Package app is the one.
type Backend interface {
	Init(ctx context.Context, dir string, c config.Config) (verifierKey string, err error)
	Open(ctx context.Context, dir string, mode Mode) (*System, error)
	// Demo makes the folder of an invented company and plays its year, which
	// depends on the seed, up to an instant; zero: to the end. After an error there
	// is no folder.
	Demo(ctx context.Context, dir string, seed uint64, until time.Time, progress func(done, total int64)) error
	// Program is the version of the program.
	Program() string
	// Kinds are the kinds of records that the program knows.
	Kinds() record.Kinds
	// Personal reports whether reading the register is recorded, so that the
	// folder must be opened for writing.
	Personal(register string) bool
}

// ErrNotEmpty says: a demonstration needs a folder of its own.
var ErrNotEmpty = errors.New("the folder is not empty: name another one with --dir, or remove it")

// ErrInUse says: another process writes to the folder.
var ErrInUse = errors.New("the folder is in use by another process")

// Parser reads events that are submitted to this system.
func (s *System) Parser() ledger.Parser {
	return ledger.Parser{Source: ledger.OwnSource(s.Config.Origin)}
}

// Allow asks whether the caller may read what the action names. In a folder
// that is open for writing a refusal is recorded.
func (s *System) Allow(ctx context.Context, caller act.Caller, action, ref string) error {
	if s.Door != nil {
		return s.Door.Check(ctx, caller, action, ref)
	}
	if reason := s.Auth.Authorize(caller, action, ref); reason != nil {
		return fmt.Errorf("%w: %w", act.ErrDenied, reason)
	}
	return nil
}

// asDamage gives a difference of the state the form of every other damage.
func asDamage(err error) error {
	var difference *record.Difference
	if errors.As(err, &difference) {
		return &ledger.DamageError{Index: difference.Index, What: "state: " + difference.What}
	}
	return err
}
