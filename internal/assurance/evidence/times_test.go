package evidence_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
	"scaf.dev/scaf/internal/trust/timestamp/timestamptest"
)

func TestTimesAreThoseOfAuthoritiesAndNotTheLedgersOwn(t *testing.T) {
	ctx := context.Background()
	authority := timestamptest.Authority(t)
	roots := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, authority.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config.Config{TimestampURL: authority.URL, TimestampRoots: roots})
	authority.SetClock(w.Manual)
	w.add(5)
	first := w.Manual.Now()
	if _, _, err := w.Stamp(ctx, apptest.Operator, nil); err != nil {
		t.Fatal(err)
	}
	w.Manual.Advance(time.Hour)
	w.Append(t, ledgertest.Event("later", nil))
	if _, _, err := w.Stamp(ctx, apptest.Operator, nil); err != nil {
		t.Fatal(err)
	}
	w.test()
	bundle, _ := w.export()
	verified, err := verify(bundle, check(w.VerifierKey))
	if err != nil || len(verified.Differences) > 0 {
		t.Fatalf("%v %+v", err, verified)
	}
	existed := verified.Existed
	if len(existed) != 2 || verified.Stamps != 2 || !verified.BundledRoots || existed[0].From != 0 || existed[1].From != existed[0].To || existed[1].To >= verified.Checkpoint.Size ||
		!existed[0].Time.Equal(first.Truncate(time.Second)) || !existed[1].Time.Equal(first.Add(time.Hour).Truncate(time.Second)) {
		t.Errorf("%+v", verified)
	}
	own := check(w.VerifierKey)
	own.Roots = authority.RootPEM()
	if verified, err := verify(bundle, own); err != nil || verified.BundledRoots || len(verified.Existed) != 2 {
		t.Errorf("certificates of one's own: %v %+v", err, verified)
	}
	own.Roots = timestamptest.Authority(t).RootPEM()
	if _, err := verify(bundle, own); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "time stamp") {
		t.Errorf("certificates of another authority: %v", err)
	}
	// Without certificates nobody vouches.
	w.Config.TimestampRoots = ""
	bundle, _ = w.export()
	if verified, err := verify(bundle, check(w.VerifierKey)); err != nil || len(verified.Existed) != 0 || verified.Unchecked != 2 {
		t.Errorf("no certificates: %v %+v", err, verified)
	}
}
