package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlTest() *cobra.Command {
	var chosen performing
	var changed bool
	command := &cobra.Command{
		Use:   "test [ID...] --period P [--final] [--changed]",
		Short: "Test controls over the complete population of a period",
		Long: `Test controls over the complete population of a period: bank the population, test
every item, and record both. Without ids, all controls are tested. What is tested is
the version that is approved, each over the dates at which it was in force. While
the period is open the results are interim; --final refuses that. --notes states
causes and compensations (see scaf control try) of one control's deviations, which
somebody else then confirms (scaf deviation).

With --changed only those tests are performed of which something new can be said
since their latest result: the control file or the program has changed, somebody has
decided something, records or events have come to their source, or an instant has
passed that matters to them. scaf serve does so every day.`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if changed {
				if chosen.notesFile != "" || chosen.final {
					return usagef("--changed takes neither --notes nor --final")
				}
				return p.refresh(cmd.Context(), given, chosen.period)
			}
			chosen.ids = given
			return p.perform(cmd.Context(), chosen)
		},
	}
	command.Flags().StringVar(&chosen.period, "period", "", "the period (default: the one that began last)")
	command.Flags().StringVar(&chosen.notesFile, "notes", "", "file with notes on the deviations")
	command.Flags().BoolVar(&changed, "changed", false, "only what something new can be said of")
	command.Flags().BoolVar(&chosen.final, "final", false, "refuse to test while the period is open")
	return command
}

// refresh performs the tests of which something new can be said.
func (p *program) refresh(ctx context.Context, ids []string, period string) error {
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		chosen, err := chooseControls(s, ids)
		if err != nil {
			return err
		}
		over, err := s.ChoosePeriod(ctx, period)
		if err != nil {
			return err
		}
		done, err := s.Lab().Refresh(ctx, caller(), chosen, *over, results.Mark{})
		if err != nil {
			return err
		}
		for _, outcome := range done.Performed {
			if err := p.printOutcome(outcome); err != nil {
				return err
			}
		}
		for _, why := range done.Passed {
			printf(p.Err, "%v\n", why)
		}
		printf(p.Err, "%d tests say something new, %d say what they said, %d wait for registers that are not there yet\n", len(done.Performed), done.Unchanged, done.Awaited)
		return nil
	})
}

// performing is what is to be tested, or only banked.
type performing struct {
	ids               []string
	period, notesFile string
	final, bankOnly   bool
}

// perform tests controls, or only banks their populations.
func (p *program) perform(ctx context.Context, chosen performing) error {
	ids := chosen.ids
	if chosen.notesFile != "" && len(ids) != 1 {
		return usagef("--notes is about the deviations of one control: name exactly one")
	}
	notes, err := readNotes(chosen.notesFile)
	if err != nil {
		return err
	}
	if err := results.CheckNotes(notes); err != nil {
		return fmt.Errorf("%s: %w", chosen.notesFile, err)
	}
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		controls, err := chooseControls(s, ids)
		if err != nil {
			return err
		}
		over, err := s.ChoosePeriod(ctx, chosen.period)
		if err != nil {
			return err
		}
		run := &performance{program: p, lab: s.Lab(), period: *over, notes: notes, performing: chosen}
		for _, control := range controls {
			if err := run.plan(ctx, control); err != nil {
				return err
			}
		}
		if err := run.lab.Run(ctx, caller(), run.tasks, run.told); err != nil {
			return err
		}
		return run.end(ctx)
	})
}

// performance is a run of tests.
type performance struct {
	*program
	performing
	lab    *results.Lab
	period periods.Period
	notes  controltests.Notes
	tasks  []results.Task

	performed, waiting int
	noted              []*results.Result // that the notes are about
	passed             []string          // over: why each of them could not be tested
	broken             []error
}

// plan adds the tests of a control over every part of the period.
func (r *performance) plan(ctx context.Context, given *controls.Control) error {
	parts, err := r.lab.Plan(ctx, given, &r.period)
	if err != nil {
		return err
	}
	if results.Differs(given, parts) {
		printf(r.Err, "%s: the file in use differs from %s, which is approved and is what is tested: scaf control propose %s --effective-from DATE\n", given.ID, parts[len(parts)-1].Version.ID, given.ID)
	}
	for i := range parts {
		for _, test := range parts[i].Control.Tests {
			r.tasks = append(r.tasks, results.Task{Control: parts[i].Control, Test: test, Period: r.period, Part: &parts[i].Part, Final: r.final, RecordedQuery: r.notes.RecordedQuery, BankOnly: r.bankOnly})
		}
	}
	return nil
}

// told takes what a test came to.
func (r *performance) told(number int, outcome *results.Outcome, err error) error {
	task := &r.tasks[number]
	var awaited *results.AwaitedError
	switch {
	case errors.As(err, &awaited) && len(r.ids) == 0:
		r.waiting++
		return nil
	case errors.As(err, &awaited):
		r.passed = append(r.passed, fmt.Sprintf("%s %s: not tested: %v", task.Control.ID, task.Test.ID, awaited))
		return nil
	case errors.Is(err, populations.ErrSource):
		r.passed = append(r.passed, fmt.Sprintf("%s %s: not tested: %v", task.Control.ID, task.Test.ID, err))
		return nil
	case errors.Is(err, periods.ErrOpen):
		return failed{err}
	case errors.Is(err, results.ErrNotBegun) && task.Part.From.After(r.period.From):
		return nil // a version that is still to take effect
	case err != nil:
		r.broken = append(r.broken, err)
		return nil
	}
	if r.performed++; outcome.Result != nil && !r.notes.Empty() {
		r.noted = append(r.noted, outcome.Result)
	}
	return r.printOutcome(outcome)
}

// end states the notes, and says what was not tested.
func (r *performance) end(ctx context.Context) error {
	stated := 0
	for _, result := range r.noted {
		count, err := r.lab.StateNotes(ctx, caller(), result, r.notes)
		if stated += count; err != nil {
			return err
		}
	}
	if r.performed+len(r.broken) == 0 {
		return fmt.Errorf("no test was performed: %s", strings.Join(r.passed, "; "))
	}
	if len(r.broken) > 0 {
		return r.failure()
	}
	for _, why := range r.passed {
		printf(r.Err, "%s\n", why)
	}
	if r.waiting > 0 {
		printf(r.Err, "%d tests wait for registers that are not there yet: not tested (scaf control check lists them)\n", r.waiting)
	}
	if stated > 0 {
		printf(r.Err, "%d statement(s) about deviations are recorded; they count once somebody else has confirmed them (scaf deviation list) and the control is tested again\n", stated)
	}
	return nil
}

// failure is one line that names the tests that could not be performed.
func (r *performance) failure() error {
	if len(r.broken) == 1 {
		return r.broken[0]
	}
	const most = 5 // on one line
	var named []string
	for _, err := range r.broken[:min(most, len(r.broken))] {
		named = append(named, err.Error())
	}
	if more := len(r.broken) - most; more > 0 {
		named = append(named, fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("%d tests could not be performed (what the others came to is recorded): %s", len(r.broken), strings.Join(named, "; "))
}

func readNotes(name string) (controltests.Notes, error) {
	if name == "" {
		return controltests.Notes{}, nil
	}
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return controltests.Notes{}, err
	}
	return controltests.ParseNotes(name, data)
}

func chooseControls(s *surface.System, ids []string) ([]*controls.Control, error) {
	if len(ids) == 0 {
		return s.Controls()
	}
	var chosen []*controls.Control
	for _, id := range ids {
		control, err := s.Control(id)
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, control)
	}
	return chosen, nil
}

func (p *program) printOutcome(o *results.Outcome) error {
	if o.Result == nil {
		return p.print(o.Population, func(w io.Writer) { printBanked(w, o.Population) })
	}
	r := o.Result
	return p.print(r, func(w io.Writer) {
		state := r.Conclusion.Words()
		if r.Interim {
			state += " (interim)"
		}
		printf(w, "%-8s %-14s %s\n", r.Control, r.Test, state)
		printf(w, "         %d items: %d passed, %d deviations, %d open  %s %s\n", r.Count, r.Passed, r.Deviations, r.Open, r.ID, r.Population)
		if q := o.Population.Query; q.Until != nil {
			printf(w, "         %s, from %s to %s\n", cmp.Or(r.Version, "no version"), q.From.Format("2006-01-02 15:04"), q.To.Format("2006-01-02 15:04 UTC"))
		}
		if r.Conclusion != controltests.Effective {
			for _, reason := range r.Because {
				wrapped(w, "         - ", reason)
			}
		}
	})
}
