package surface

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/platform/store"
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

// OpenEvidence opens the file of evidence. The reading is recorded.
func (s *System) OpenEvidence(ctx context.Context, caller act.Caller, id string) (*documents.Evidence, io.ReadCloser, error) {
	var e *documents.Evidence
	if err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		e, err = documents.Get(r, id)
		return err
	}); err != nil {
		return nil, nil, err
	}
	if err := s.Door.View(ctx, caller, "evidence.read", "evidence/"+e.ID, map[string]string{"sha256": e.SHA256}); err != nil {
		return nil, nil, err
	}
	content, err := s.Blobs.Open(ctx, e.SHA256)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", e.ID, err)
	}
	return e, content, nil
}

// AddEvidence keeps a file as evidence of a test that there is. Where none is
// named it is the control's only one over documents.
func (s *System) AddEvidence(ctx context.Context, caller act.Caller, e documents.Evidence, file io.Reader) (*documents.Evidence, error) {
	control, err := s.Control(e.Control)
	if err != nil {
		return nil, err
	}
	var names, over []string
	for _, test := range control.Tests {
		names = append(names, test.ID)
		if test.Kind == controls.Document {
			over = append(over, test.ID)
		}
	}
	switch {
	case e.Test == "" && len(over) == 1:
		e.Test = over[0]
	case e.Test == "":
		return nil, fmt.Errorf("%w: %s has %d tests over documents: name the test: %s", documents.ErrInvalid, e.Control, len(over), strings.Join(names, ", "))
	case !slices.Contains(names, e.Test):
		return nil, fmt.Errorf("%w: %s has no test %q: %s", documents.ErrInvalid, e.Control, e.Test, strings.Join(names, ", "))
	}
	return documents.Add(ctx, s.Door, s.Blobs, caller, e, file)
}
