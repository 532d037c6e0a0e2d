package surface

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// ControlsDir is the folder, in the data folder, of an organisation's own
// control files. They are added to the catalog's, or take the place of the one
// with the same id.
const ControlsDir = "controls"

// builtin are the catalog's controls by the registers that they are compiled
// against, each compiled once: the catalog is embedded, and a program has one
// list of registers.
var builtin sync.Map

// catalogue compiles the catalog's controls.
func (s *System) catalogue() ([]*controls.Control, error) {
	var key strings.Builder
	for _, kind := range s.Kinds {
		key.WriteString(kind.Register + " ")
	}
	once, _ := builtin.LoadOrStore(key.String(), sync.OnceValues(func() ([]*controls.Control, error) {
		return controls.LoadFS(catalog.Controls(), controls.Builtin(s.Kinds))
	}))
	load, ok := once.(func() ([]*controls.Control, error))
	if !ok {
		return nil, fmt.Errorf("the catalog is kept as a %T", once)
	}
	return load()
}

// Controls loads the catalog's controls and the organisation's own. The caller
// does not change them.
func (s *System) Controls() ([]*controls.Control, error) {
	base, err := s.catalogue()
	if err != nil {
		return nil, fmt.Errorf("the built-in catalog: %w", err)
	}
	dir := filepath.Join(s.Dir, ControlsDir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return base, nil
	}
	own, err := controls.LoadFS(os.DirFS(dir), controls.Builtin(s.Kinds))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return controls.Override(base, own), nil
}

// Control finds one control by its id.
func (s *System) Control(id string) (*controls.Control, error) {
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	for _, control := range all {
		if control.ID == id {
			return control, nil
		}
	}
	return nil, fmt.Errorf("%w: %q: see scaf control list", ErrNoControl, id)
}

// maxLooked bounds what somebody says of where they looked, in bytes.
const maxLooked = 4000

// FoundNothing performs a test of a control anew in a period, with what somebody says of where they
// looked and found that nothing of its kind happened (the recorded query of an empty
// population). It stands in the results from then on, for as long as the population is empty and the
// period runs: of one that is closed it has to be said again.
func (s *System) FoundNothing(ctx context.Context, caller act.Caller, period periods.Period, control, test, looked string) error {
	if err := s.Allow(ctx, caller, "control.test", "control/"+control); err != nil {
		return err
	}
	given, err := s.Control(control)
	if err != nil {
		return err
	}
	if _, ok := given.Test(test); !ok {
		return record.Refuse("test", "%s has no test %q", control, test)
	}
	switch looked = strings.TrimSpace(looked); {
	case looked == "":
		return record.Refuse("looked", "say where you looked: a query, a log, whom you asked")
	case len(looked) > maxLooked:
		return record.Refuse("looked", "has %d bytes, at most %d are taken", len(looked), maxLooked)
	}
	if wrong := record.UnfitLine(looked); wrong != "" {
		return record.Refuse("looked", "%s", wrong)
	}
	parts, err := s.Lab().Plan(ctx, given, &period)
	if err != nil {
		return err
	}
	for i := range parts {
		of, ok := parts[i].Control.Test(test)
		if !ok {
			continue
		}
		_, err := s.Lab().Perform(ctx, caller, results.Task{Control: parts[i].Control, Test: of, Period: period, Part: &parts[i].Part, RecordedQuery: looked})
		if err != nil && !errors.Is(err, results.ErrNotBegun) {
			return err
		}
	}
	return nil
}

// ErrNoControl says: there is no control with this id.
var ErrNoControl = errors.New("there is no such control")

// Lab performs tests of controls in this system.
func (s *System) Lab() *results.Lab {
	return &results.Lab{DB: s.DB, Door: s.Door, Kinds: s.Kinds, Blobs: s.Blobs, Clock: s.Clock, Engine: "scaf " + s.Version}
}

// Filter compiles a CEL expression over a register's items, for those who read
// all of them. An empty one keeps every item.
func (s *System) Filter(kind *record.Kind, expression string) (func(doc []byte) (bool, error), error) {
	if expression == "" {
		return func([]byte) (bool, error) { return true, nil }, nil
	}
	filter, err := controls.NewFilter(controls.Schema{Fields: kind.Schema()}, expression)
	if err != nil {
		return nil, err
	}
	evaluator := filter.Evaluator()
	return func(doc []byte) (bool, error) {
		if err := evaluator.Read(doc); err != nil {
			return false, err
		}
		return evaluator.In()
	}, nil
}

// Missing lists what is missing for the tests of a period.
func (s *System) Missing(ctx context.Context, period *periods.Period) ([]results.Missing, error) {
	all, err := s.Controls()
	if err != nil {
		return nil, err
	}
	catalog, err := s.catalogue()
	if err != nil {
		return nil, err
	}
	q := results.Wanting{
		Files: &results.Files{Blobs: s.Blobs, Kinds: s.Kinds}, Kinds: s.Kinds, Period: period, Controls: all, Now: s.Clock.Now(),
		Adoptable: func(c *controls.Control) bool { return slices.Contains(catalog, c) },
	}
	var missing []results.Missing
	err = s.DB.Read(ctx, func(r *store.Reader) (err error) {
		missing, err = results.FindMissing(ctx, r, q)
		return err
	})
	return missing, err
}
