package cli

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) periodCommand() *cobra.Command {
	return noun("period", "Open, close and show observation periods",
		p.periodOpen(), p.periodClose(), p.periodShow(), p.periodList(), p.periodGaps())
}

func (p *program) periodOpen() *cobra.Command {
	var from, to, corrects, reason string
	command := &cobra.Command{
		Use:   "open NAME --from D --to D [--corrects CLOSED --reason TEXT]",
		Short: "Open a period; --from is in it, --to is not",
		Long: `Open a period; --from is in it, --to is not. Periods do not overlap. A period that is
closed stays closed: where it has to be examined again, --corrects opens another one
in its place, with a reason. Both stay.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if from == "" || to == "" {
				return usagef("scaf period open needs --from and --to: dates like 2026-01-31, or times")
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				period := periods.Period{Name: given[0], Timezone: zone.String(), Corrects: corrects, Reason: reason}
				if period.From, err = config.Instant(from, zone); err != nil {
					return usagef("--from: %w", err)
				}
				if period.To, err = config.Instant(to, zone); err != nil {
					return usagef("--to: %w", err)
				}
				opened, err := periods.OpenPeriod(cmd.Context(), s.Door, caller(), period)
				if err != nil {
					return err
				}
				return p.printPeriod(opened, s.Clock.Now())
			})
		},
	}
	command.Flags().StringVar(&corrects, "corrects", "", "the closed period in whose place this one is examined")
	command.Flags().StringVar(&reason, "reason", "", "why it is corrected")
	command.Flags().StringVar(&from, "from", "", "first day, or instant")
	command.Flags().StringVar(&to, "to", "", "the day or instant at which it ends, which is not in it")
	return command
}

func (p *program) printPeriod(period *periods.Period, now time.Time) error {
	shown := period.Show(now)
	return p.print(shown, func(w io.Writer) {
		printf(w, "Period %s (%s, %s)\n%s\n", period.Name, period.State, strings.ReplaceAll(string(shown.Phase), "_", " "), period.Interval())
		if period.Corrects != "" {
			wrapped(w, "", "Corrects "+period.Corrects+": "+period.Reason)
		}
		for _, line := range shown.Now {
			wrapped(w, "- ", line)
		}
	})
}

func (p *program) periodClose() *cobra.Command {
	return &cobra.Command{
		Use:   "close NAME",
		Short: "Close a period after its end, for good: tests over it are then final",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				period, err := periods.Close(cmd.Context(), s.Door, caller(), given[0])
				if errors.Is(err, periods.ErrRunning) {
					return failed{err}
				}
				if err != nil {
					return err
				}
				return p.printPeriod(period, s.Clock.Now())
			})
		},
	}
}

func (p *program) periodShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show a period: its phase, and what may be done now",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				period, err := s.ChoosePeriod(cmd.Context(), given[0])
				if err != nil {
					return err
				}
				return p.printPeriod(period, s.Clock.Now())
			})
		},
	}
}

func (p *program) periodList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the periods",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var all []periods.Period
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = periods.List(r)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "There is no period: scaf period open NAME --from D --to D", func(w io.Writer, one periods.Period) {
					printf(w, "%-16s %-7s %s\n", one.Name, one.State, one.Interval())
				})
			})
		},
	}
}

func (p *program) periodGaps() *cobra.Command {
	return &cobra.Command{
		Use:   "gaps [NAME]",
		Short: "List what is missing for the tests of a period",
		Long: `List what is missing for the tests of a period, as of now: control files that nobody
has approved, designs that nobody has assessed, with who can do it and how; holes in
imports, gaps in observations, evidence that is not collected or not reviewed, tests
that were not performed. Nothing is recorded.`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "report.read", "gaps"); err != nil {
					return err
				}
				name := ""
				if len(given) == 1 {
					name = given[0]
				}
				over, err := s.ChoosePeriod(cmd.Context(), name)
				if err != nil {
					return err
				}
				missing, err := s.Missing(cmd.Context(), over)
				if err != nil {
					return err
				}
				return p.print(map[string]any{"period": over.Name, "missing": missing}, func(w io.Writer) {
					for _, one := range missing {
						where := one.Kind
						if one.Control != "" {
							where += "  " + strings.TrimSpace(one.Control+" "+one.Test)
						}
						printf(w, "%s\n", where)
						wrapped(w, "  ", one.What)
						if one.Who != "" {
							wrapped(w, "  ", one.Who+":")
							wrapped(w, "    ", one.Command)
						}
					}
					if len(missing) == 0 {
						printf(w, "Nothing is missing for the tests of %s.\n", over.Name)
					}
				})
			})
		},
	}
}
