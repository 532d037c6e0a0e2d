package demo

import (
	"context"
	_ "embed" // the control file
	"os"
	"path/filepath"
	"time"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/surface"
)

// controlTests is the duty of testing the controls every quarter.
const controlTests = "control-tests"

//go:embed controls/CHG-02.yaml
var ownControl []byte

// examine plans the tests of every quarter, the change of a control, and the
// final tests.
func (w *world) examine() {
	for month := time.January; month <= time.October; month += 3 {
		day := date{w.From.year, int(month), 14}
		w.plan(day.at(w.zone, 15), func(ctx context.Context) error {
			if err := w.test(ctx); err != nil {
				return err
			}
			_, err := w.Desk().Done(ctx, w.officers["compliance lead"].caller(), tasks.Entry{
				Ref: controlTests + "@" + date{day.year, day.month, 15}.at(w.zone, 0).Format(time.DateOnly), Note: "All controls that can be tested were tested.",
			})
			return err
		})
	}
	w.plan(w.ControlChanged.at(w.zone, 8), func(context.Context) error {
		dir := filepath.Join(w.Dir, surface.ControlsDir)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "CHG-02.yaml"), ownControl, 0o600)
	})
	w.plan(w.to.AddDate(0, 0, 4).Add(10*time.Hour), func(ctx context.Context) (err error) {
		if w.period, err = periods.Close(ctx, w.Door, w.officers["compliance lead"].caller(), Period); err != nil {
			return err
		}
		return w.test(ctx)
	})
}

// test performs every test that can be, with what is known of its deviations.
func (w *world) test(ctx context.Context) error {
	all, err := w.Controls()
	if err != nil {
		return err
	}
	for _, control := range all {
		for _, test := range control.Tests {
			if test.Population.Awaited {
				continue
			}
			task := results.Task{Control: control, Test: test, Period: *w.period}
			if _, err := w.Lab().Perform(ctx, w.officers["compliance lead"].caller(), task); err != nil {
				return err
			}
		}
	}
	return nil
}
