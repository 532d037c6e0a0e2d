package cli

import (
	"context"
	"encoding/json"
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
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlCommand() *cobra.Command {
	return noun("control", "List, check and test controls",
		p.controlList(), p.controlShow(), p.controlCheck(), p.controlTest(), p.controlTry())
}

func (p *program) controlList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the controls",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				all, err := s.Controls()
				if err != nil {
					return err
				}
				for _, control := range all {
					if p.json {
						if err := p.line(control); err != nil {
							return err
						}
						continue
					}
					printf(p.Out, "%-8s %s\n         %s · %s · %s\n", control.ID, shorten(control.Title, 70),
						strings.Join(control.Criteria, " "), control.Owner, control.Frequency)
				}
				return nil
			})
		},
	}
}

func (p *program) controlShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a control: objective, tests, and their expressions",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				control, err := s.Control(given[0])
				if err != nil {
					return err
				}
				return p.print(control, func(w io.Writer) { printControl(w, control) })
			})
		},
	}
}

func printControl(w io.Writer, c *controls.Control) {
	printf(w, "%s  %s\n\n", c.ID, c.Title)
	wrapped(w, "", c.Objective)
	printf(w, "\n")
	printf(w, "criteria   %s\nowner      %s\nfrequency  %s\nfile       %s\nsha256     %s\n", strings.Join(c.Criteria, " "), c.Owner, c.Frequency, c.File, c.SHA256)
	for _, t := range c.Tests {
		printf(w, "\ntest %s (%s): %s\n", t.ID, t.Kind, t.Title)
		printf(w, "  population  %s, by %s\n", t.Population.From, t.Population.At)
		if t.Population.Awaited {
			printf(w, "              %v: not tested\n", &results.AwaitedError{Register: t.Population.From})
		}
		for _, part := range termsOf(t) {
			if part.text != "" {
				printf(w, "  %-11s %s\n", part.name, strings.ReplaceAll(strings.TrimSpace(part.text), "\n", "\n              "))
			}
		}
		if t.Grace > 0 {
			printf(w, "  grace       %s\n", t.Grace)
		}
	}
}

// named is something that a test says beside its population.
type named struct{ name, text string }

// termsOf are the terms of a test in the order in which people read them.
func termsOf(t *controls.Test) []named {
	terms := []named{{"where", t.Population.Where}, {"due", t.Due}, {"done", t.Done}, {"pass", t.Pass}, {"every", string(t.Every)}}
	if s := t.StateTerms; s != nil {
		terms = append(terms, named{"interval", s.Interval.String()}, named{"resource", s.Resource}, named{"since", s.Since})
		if s.Changes != nil {
			terms = append(terms, named{"changes", s.Changes.From + " " + s.Changes.Where})
		}
	}
	if r := t.Reconcile; r != nil {
		terms = append(terms, named{"reconcile", r.With.From + " " + r.With.Where}, named{"key", r.Key}, named{"with key", r.WithKey})
	}
	if c := t.Cutoff; c != nil {
		terms = append(terms, named{"cut-off", c.Other + ", at most " + c.Tolerance.String() + " apart"})
	}
	return terms
}

func (p *program) controlCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILES]",
		Short: "Check control files; name file and line of every error",
		Long: `Check control files; every error is printed with its file and line, and the exit
status is 1. Without files, the catalog and the data folder's own controls are checked.`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
					all, err := s.Controls()
					return p.checked(len(all), all, err)
				})
			}
			var wrong controls.Errors
			var right []*controls.Control
			first := map[string]string{}
			for _, name := range given {
				control, err := readControl(name, p.backend.Kinds())
				var errs controls.Errors
				switch {
				case errors.As(err, &errs):
					wrong = append(wrong, errs...)
				case err != nil:
					return err
				case first[control.ID] != "":
					wrong = append(wrong, controls.Error{File: name, Line: 1, Text: fmt.Sprintf("the id %q is already that of %s", control.ID, first[control.ID])})
				default:
					first[control.ID] = name
					right = append(right, control)
				}
			}
			if len(wrong) > 0 {
				return p.checked(len(given), right, wrong)
			}
			return p.checked(len(given), right, nil)
		},
	}
}

// readControl reads one control file.
func readControl(name string, kinds record.Kinds) (*controls.Control, error) {
	data, err := os.ReadFile(filepath.Clean(name))
	if err != nil {
		return nil, err
	}
	return controls.Parse(name, data, controls.Builtin(kinds))
}

// awaiting is a test whose register is still to come.
type awaiting struct {
	Control  string `json:"control"`
	Test     string `json:"test"`
	Register string `json:"register"`
}

// checked prints what checking controls came to: the number of files, those
// that are right, and what is wrong with the others.
func (p *program) checked(count int, right []*controls.Control, err error) error {
	var wrong controls.Errors
	if err != nil && !errors.As(err, &wrong) {
		return err
	}
	waits := []awaiting{}
	for _, control := range right {
		for _, test := range control.Tests {
			if test.Population.Awaited {
				waits = append(waits, awaiting{control.ID, test.ID, test.Population.From})
			}
		}
	}
	if p.json {
		type problem struct {
			File string `json:"file"`
			Line int    `json:"line"`
			Text string `json:"text"`
		}
		list := []problem{}
		for _, one := range wrong {
			list = append(list, problem{one.File, one.Line, one.Text})
		}
		if err := p.line(map[string]any{"files": count, "errors": list, "awaiting": waits}); err != nil {
			return err
		}
	} else {
		for _, one := range wrong {
			_, _ = fmt.Fprintln(p.Out, one) // one line each, for programs too
		}
	}
	if len(wrong) > 0 {
		return failed{fmt.Errorf("%d error(s) in the control files", len(wrong))}
	}
	if p.json {
		return nil
	}
	printf(p.Out, "%d control(s) are right.\n", count)
	if len(waits) > 0 {
		printf(p.Out, "%d test(s) are not_tested until their register is there:\n", len(waits))
		for _, one := range waits {
			printf(p.Out, "  %s %s waits for %s\n", one.Control, one.Test, one.Register)
		}
	}
	return nil
}

func (p *program) controlTest() *cobra.Command {
	var period, notesFile string
	var changed bool
	command := &cobra.Command{
		Use:   "test [ID...] --period P [--changed]",
		Short: "Test controls over the complete population of a period",
		Long: `Test controls over the complete population of a period: bank the population, test
every item, and record both. Without ids, all controls are tested. While the period
is open the results are interim. --notes gives causes and compensations (see
scaf control try) and needs exactly one control.

With --changed only those tests are performed of which something new can be said
since their latest result: the control file or the program has changed, records or
events have come to their source, or an instant has passed that matters to them.
scaf serve does so every day.`,
		RunE: func(cmd *cobra.Command, given []string) error {
			if changed {
				if notesFile != "" {
					return usagef("--changed keeps the notes of the latest results: leave --notes away")
				}
				return p.refresh(cmd.Context(), given, period)
			}
			return p.perform(cmd.Context(), given, period, notesFile, false)
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	command.Flags().StringVar(&notesFile, "notes", "", "file with notes on the deviations")
	command.Flags().BoolVar(&changed, "changed", false, "only what something new can be said of")
	return command
}

// refresh performs the tests of which something new can be said.
func (p *program) refresh(ctx context.Context, ids []string, period string) error {
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		chosen, err := chooseControls(s, ids)
		if err != nil {
			return err
		}
		over, err := choosePeriod(ctx, s, period)
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

// perform tests controls, or only banks their populations.
func (p *program) perform(ctx context.Context, ids []string, period, notesFile string, bankOnly bool) error {
	if notesFile != "" && len(ids) != 1 {
		return usagef("--notes is about the deviations of one control: name exactly one")
	}
	notes, err := readNotes(notesFile)
	if err != nil {
		return err
	}
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		chosen, err := chooseControls(s, ids)
		if err != nil {
			return err
		}
		over, err := choosePeriod(ctx, s, period)
		if err != nil {
			return err
		}
		lab := s.Lab()
		var performed, waiting int
		var passed []string // over: why each of them could not be tested
		for _, control := range chosen {
			for _, test := range control.Tests {
				outcome, err := lab.Perform(ctx, caller(), results.Task{Control: control, Test: test, Period: *over, Notes: notes, BankOnly: bankOnly})
				var awaited *results.AwaitedError
				if errors.As(err, &awaited) {
					if len(ids) == 0 {
						waiting++
						continue
					}
					passed = append(passed, fmt.Sprintf("%s %s: not tested: %v", control.ID, test.ID, awaited))
					continue
				}
				if errors.Is(err, populations.ErrSource) {
					passed = append(passed, fmt.Sprintf("%s %s: not tested: %v", control.ID, test.ID, err))
					continue
				}
				if err != nil {
					return err
				}
				performed++
				if err := p.printOutcome(outcome); err != nil {
					return err
				}
			}
		}
		if performed == 0 {
			return fmt.Errorf("no test was performed: %s", strings.Join(passed, "; "))
		}
		for _, why := range passed {
			printf(p.Err, "%s\n", why)
		}
		if waiting > 0 {
			printf(p.Err, "%d tests wait for registers that are not there yet: not tested (scaf control check lists them)\n", waiting)
		}
		return nil
	})
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

// choosePeriod reads the named period, or the one that began last.
func choosePeriod(ctx context.Context, s *surface.System, name string) (*periods.Period, error) {
	var over *periods.Period
	err := s.DB.Read(ctx, func(r *store.Reader) (err error) {
		over, err = periods.Choose(r, name)
		return err
	})
	return over, err
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
		if r.Conclusion != controltests.Effective {
			for _, reason := range r.Because {
				wrapped(w, "         - ", reason)
			}
		}
	})
}

func (p *program) controlTry() *cobra.Command {
	var controlFile, itemsFile, notesFile, testID, from, to, timezone string
	command := &cobra.Command{
		Use:   "try --control FILE --items FILE.jsonl [--notes FILE.json]",
		Short: "Try a control file over a file of items; needs no data folder",
		Long: `Try a control file over a file of items, one JSON object a line. Nothing is
recorded and no data folder is needed. Each test of the control gives a result;
--test runs one. When they are not read on a terminal, results are JSON, one a
line. With --from and --to, items whose instant lies outside are left out, and
duties that are not due by the end are open.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if controlFile == "" || itemsFile == "" {
				return usagef("scaf control try needs --control FILE and --items FILE.jsonl")
			}
			zone, err := config.Timezone(timezone)
			if err != nil {
				return usagef("--timezone: %w", err)
			}
			options := controltests.Options{Zone: zone}
			if (from == "") != (to == "") {
				return usagef("--from and --to belong together")
			}
			if from != "" {
				if options.Period, err = controltests.ParsePeriod(from, to, zone); err != nil {
					return usage{err}
				}
			}
			if options.Notes, err = readNotes(notesFile); err != nil {
				return err
			}
			control, err := readControl(controlFile, p.backend.Kinds())
			if err != nil {
				return err
			}
			return p.try(cmd.Context(), control, testID, itemsFile, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&controlFile, "control", "", "control file")
	flags.StringVar(&itemsFile, "items", "", "items, one JSON object a line (- for standard input)")
	flags.StringVar(&notesFile, "notes", "", "notes on the deviations (JSON)")
	flags.StringVar(&testID, "test", "", "run only this test of the control")
	flags.StringVar(&from, "from", "", "beginning of the period, a date or a time")
	flags.StringVar(&to, "to", "", "end of the period, exclusive")
	flags.StringVar(&timezone, "timezone", "UTC", "time zone of dates and months (IANA name)")
	return command
}

// try runs the test, or every test of the control, and prints a result for
// each; nothing when one of them cannot be run.
func (p *program) try(ctx context.Context, control *controls.Control, testID, itemsFile string, options controltests.Options) error {
	tests, err := chooseTests(control, testID)
	if err != nil {
		return err
	}
	file, name, release, err := p.staged(itemsFile)
	if err != nil {
		return err
	}
	defer release()
	all := make([]*controltests.Result, len(tests))
	for i, test := range tests {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if all[i], err = controltests.Run(ctx, control, test, controltests.NewFile(name, file), options); err != nil {
			return err
		}
	}
	conclusions := make([]controltests.Conclusion, len(all))
	for i, result := range all {
		conclusions[i] = result.Conclusion
		if !p.json && isTerminal(p.Out) {
			printTried(p.Out, result)
		} else if err := p.line(result); err != nil {
			return err
		}
	}
	if !p.json && isTerminal(p.Out) && len(all) > 1 {
		printf(p.Out, "%s: %s\n", control.ID, controltests.Combine(conclusions...).Words())
	}
	return nil
}

// printTried writes a result for people.
func printTried(w io.Writer, result *controltests.Result) {
	printf(w, "%s %s: %s\n", result.Control, result.Test, result.Conclusion.Words())
	printf(w, "%d items: %d passed, %d deviations, %d open\n", result.Population.Count, result.Passed, len(result.Deviations), len(result.Open))
	for _, d := range result.Deviations {
		cause := "no cause noted"
		if d.Cause != nil {
			cause = *d.Cause
		}
		printf(w, "  %-10s %s (%s)\n", d.Reason, shorten(d.Item, 35), shorten(cause, 28))
	}
	for _, reason := range result.Because {
		wrapped(w, "- ", reason)
	}
}

// chooseTests finds the tests of a control that try runs: the named one, or
// all.
func chooseTests(control *controls.Control, id string) ([]*controls.Test, error) {
	if id == "" {
		return control.Tests, nil
	}
	var names []string
	for _, test := range control.Tests {
		if test.ID == id {
			return []*controls.Test{test}, nil
		}
		names = append(names, test.ID)
	}
	return nil, usagef("the control %s has no test %q: %s", control.ID, id, strings.Join(names, ", "))
}

// printBanked writes a banked population for people.
func printBanked(w io.Writer, b *populations.Banked) {
	body, err := json.Marshal(b)
	if err != nil {
		return
	}
	printf(w, "%s  %s %s\n", b.ID, b.Control, b.Test)
	printFields(w, body)
}
