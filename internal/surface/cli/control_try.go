package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/platform/config"
)

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
		ran, err := controltests.Run(ctx, controltests.NewFile(name, file), controltests.Subject{Control: control, Test: test, Options: options})
		if err != nil {
			return err
		}
		all[i] = ran[0]
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
