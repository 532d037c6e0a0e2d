package app

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"scaf.dev/scaf/internal/app/demo"
	"scaf.dev/scaf/internal/platform/clock"
	"scaf.dev/scaf/internal/platform/ids"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// Demo implements surface.Backend.
func (b Backend) Demo(ctx context.Context, dir string, seed uint64, until time.Time, progress func(done, total int64)) (err error) {
	defer roomy()()
	begin, err := demo.Begin()
	if err != nil {
		return err
	}
	c, err := demo.Config()
	if err != nil {
		return err
	}
	var chacha [32]byte
	binary.BigEndian.PutUint64(chacha[:], seed)
	manual := clock.NewManual(begin)
	simulated := Backend{Clock: manual, Version: b.Version, ids: ids.NewSeeded(rand.NewChaCha8(chacha))}
	_, stat := os.Stat(dir)
	if stat == nil { // what is there is not ours to remove after a failure
		if present, err := names(dir); err != nil || len(present) > 0 {
			return errors.Join(surface.ErrNotEmpty, err)
		}
	}
	if _, err := simulated.Init(ctx, dir, c); err != nil {
		return err
	}
	defer func() {
		if err != nil { // half a company is none
			undo(dir, nil, stat != nil)
		}
	}()
	s, err := simulated.Open(ctx, dir, surface.Write)
	if err != nil {
		return err
	}
	err = demo.Run(ctx, s, manual, seed, until, progress)
	return errors.Join(err, s.Close())
}

// demoClock lets the time of a demonstration go on from its last event: its
// year is over, and nobody has missed anything since.
func demoClock(ctx context.Context, s *surface.System) error {
	if _, machine := s.Clock.(clock.System); !machine || !strings.HasPrefix(s.Config.Origin, ledger.DemoOrigin) {
		return nil
	}
	return s.DB.Read(ctx, func(r *store.Reader) error {
		last, err := ledger.LastRecorded(r)
		if err == nil && !last.IsZero() {
			s.Clock = clock.From(s.Clock, last)
		}
		return err
	})
}
