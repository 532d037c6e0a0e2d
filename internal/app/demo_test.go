package app

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// played is the demonstration until an instant, to the end where that is none, in a
// folder that is opened again.
func played(t *testing.T, seed uint64, until time.Time) *surface.System {
	t.Helper()
	b, dir := New("test"), filepath.Join(t.TempDir(), "demo")
	if err := b.Demo(context.Background(), dir, seed, until, func(int64, int64) {}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Open(context.Background(), dir, surface.Write)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// weeks plays the first weeks of the demo's company and reopens its folder, as
// a person does afterwards.
func weeks(t *testing.T, seed uint64) (s *surface.System, root string) {
	t.Helper()
	until := time.Date(2025, 1, 4, 12, 0, 0, 0, time.UTC)
	s = played(t, seed, until)
	// The time of the demo goes on from its last event.
	if now := s.Clock.Now(); now.After(until.Add(time.Hour)) || now.Before(until.AddDate(0, 0, -1)) {
		t.Errorf("the demo's clock stands at %s", now)
	}
	if err := s.DB.Read(context.Background(), func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		root = hex.EncodeToString(head.Root)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return s, root
}

// The same seed gives the same ledger, to the byte, and another seed another
// one; what the code made of it is whole, and marked as a demonstration.
func TestTheSameSeedPlaysTheSameDemo(t *testing.T) {
	s, root := weeks(t, 7)
	if _, again := weeks(t, 7); again != root {
		t.Errorf("the same seed gave the roots %s and %s", root, again)
	}
	if _, other := weeks(t, 8); other == root {
		t.Error("another seed gave the same ledger")
	}
	if _, err := s.Verify(context.Background(), nil, nil); err != nil {
		t.Fatal(err)
	}
	report, err := s.Readiness(context.Background(), surface.ReadinessQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Period == nil || report.Period.State != periods.Open || !strings.HasPrefix(report.Ledger.Origin, ledger.DemoOrigin) {
		t.Errorf("the report: %+v %+v", report.Period, report.Ledger)
	}
	bundle := filepath.Join(t.TempDir(), "bundle.zip")
	if _, err := s.ExportEvidence(context.Background(), act.Caller{ID: "local/test", Roles: []string{"administrator"}}, report.Period.Name, bundle, nil); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	for _, demo := range []bool{false, true} {
		v := evidence.Verification{VerifierKey: s.VerifierKey, Kinds: Kinds, Demo: demo}
		if _, err := v.Verify(context.Background(), bytes.NewReader(data), int64(len(data))); (err == nil) != demo {
			t.Errorf("verified with --demo=%t: %v", demo, err)
		}
	}
}

// The whole year, where time is given to it: every conclusion appears in its
// report, and whatever deviated has a cause that two people answer for.
func TestEveryConclusionAppearsInTheYear(t *testing.T) {
	until, wanted := time.Date(2025, 1, 22, 12, 0, 0, 0, time.UTC), []controltests.Conclusion{controltests.NotTested, controltests.Incomplete, controltests.Effective}
	if os.Getenv("SCAF_LONG") != "" {
		until = time.Time{}
		wanted = append(wanted, controltests.EffectiveWithExceptions, controltests.Ineffective, controltests.NotOccurring)
	}
	s := played(t, 1, until)
	report, err := s.Readiness(context.Background(), surface.ReadinessQuery{})
	if err != nil {
		t.Fatal(err)
	}
	count := map[controltests.Conclusion]int{}
	for _, c := range report.Controls {
		count[c.Conclusion]++
		if c.Design == controltests.NotTested && c.Conclusion != controltests.NotTested {
			t.Errorf("%s was tested, and nobody has assessed its design", c.ID)
		}
	}
	for _, conclusion := range wanted {
		if count[conclusion] == 0 {
			t.Errorf("no control is %s: %v", conclusion, count)
		}
	}
	if found, err := s.Lab().Deviations(context.Background(), report.Period.Name); err != nil || slices.ContainsFunc(found, func(f results.Found) bool { return until.IsZero() && f.Standing != results.Confirmed }) {
		t.Errorf("the deviations of the year: %+v, %v", found, err)
	}
}

// A demo takes no folder that holds anything, and leaves none half made.
func TestADemoNeedsAFolderOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "letter"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New("test").Demo(context.Background(), dir, 1, time.Time{}, func(int64, int64) {}); !errors.Is(err, surface.ErrNotEmpty) {
		t.Errorf("into a folder that is not empty: %v", err)
	}
	ended, end := context.WithCancel(context.Background())
	fresh := filepath.Join(dir, "demo")
	if err := New("test").Demo(ended, fresh, 1, time.Time{}, func(int64, int64) { end() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := os.Stat(fresh); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a demo stays: %v", err)
	}
}
