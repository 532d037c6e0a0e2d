package surface

import (
	"context"
	"fmt"
	"os"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/evidence"
)

// ExportEvidence writes the evidence bundle of a period to a file and records
// that it did. Time stamps are accompanied by the certificates that are
// configured, if any.
func (s *System) ExportEvidence(ctx context.Context, caller act.Caller, period, path string, progress func(done, total int64)) (*evidence.Written, error) {
	x := &evidence.Exporter{
		DB: s.DB, Door: s.Door, Kinds: s.Kinds, Blobs: s.Blobs, Engine: "scaf " + s.Version,
		Controls: map[string][]byte{}, Progress: progress,
	}
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	for _, control := range all {
		x.Controls[control.SHA256] = control.Source
	}
	if path := s.stampRootsFile(); path != "" {
		if x.Roots, err = os.ReadFile(path); err != nil {
			return nil, fmt.Errorf("the root certificates of the time stamp authority: %w", err)
		}
	}
	return x.Export(ctx, caller, period, path)
}
