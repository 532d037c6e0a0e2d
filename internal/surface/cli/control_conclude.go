package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlConclude() *cobra.Command {
	var period, result, conclusion, reason, role string
	var who acting
	command := &cobra.Command{
		Use:   "conclude [ID] --result RES-1 --conclusion C [--reason TEXT] [--role auditor|confirmation]",
		Short: "Record what a person concludes from a result, beside what was computed",
		Long: `Record what a person concludes from a result: management where the rule leaves it to
a person; the auditor, with --role confirmation, what the test gave when it was
performed again, and with --role auditor, the auditor's own conclusion. It stands
beside the computed conclusion and never replaces it. Harsher is always possible;
softer needs a reason, makes nothing of what is missing, and erases no deviation. The
owner of the control cannot conclude.`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if result == "" || conclusion == "" {
				return usagef("scaf control conclude needs --result and --conclusion")
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				from, err := s.Lab().Result(cmd.Context(), result)
				if err != nil {
					return err
				}
				if len(given) > 0 && given[0] != from.Control || period != "" && period != from.Period {
					return usagef("%s is of %s in the period %s", result, from.Control, from.Period)
				}
				made, err := s.Lab().Conclude(cmd.Context(), by, result, judgments.Conclusion{
					Role: judgments.Role(role), Conclusion: controltests.Conclusion(conclusion), Reason: reason,
				})
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { printConclusion(w, made) })
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&period, "period", "", "the result's period, to be sure")
	flags.StringVar(&result, "result", "", "the result: RES-1")
	flags.StringVar(&conclusion, "conclusion", "", "effective, effective_with_exceptions, ineffective, incomplete or not_occurring")
	flags.StringVar(&reason, "reason", "", "why; needed where it is softer than what was computed")
	flags.StringVar(&role, "role", string(judgments.Management), "management, confirmation or auditor")
	who = behalf(command)
	return command
}

func printConclusion(w io.Writer, c *judgments.Conclusion) {
	printf(w, "%-7s %-8s %-14s %-13s %s\n", c.ID, c.Control, shorten(c.Test, 14), c.Role, c.Conclusion.Words())
	wrapped(w, "        ", fmt.Sprintf("from %s (computed: %s), %s by %s", c.Result, c.Computed.Words(), c.ConcludedAt.Format(time.RFC3339), c.ConcludedBy))
	if c.Reason != "" {
		wrapped(w, "        ", c.Reason)
	}
}

func (p *program) controlConclusions() *cobra.Command {
	var period string
	command := &cobra.Command{
		Use:   "conclusions --period P",
		Short: "List what people concluded in a period",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				over, err := s.ChoosePeriod(cmd.Context(), period)
				if err != nil {
					return err
				}
				var all []judgments.Conclusion
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = judgments.List(r, over.Name, 0)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "Nobody has concluded in this period: scaf control conclude ID --result RES-1", func(w io.Writer, c judgments.Conclusion) { printConclusion(w, &c) })
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	return command
}

func (p *program) controlReperform() *cobra.Command {
	return &cobra.Command{
		Use:   "reperform RES-1...",
		Short: "Perform recorded tests again at their checkpoints; exit 1 when a byte differs",
		Long: `Perform recorded tests again: read the population, the control file and all that
people had decided as of the checkpoint that the result was computed at, test every
item, and compare population, result and details byte for byte. Nothing is recorded.`,
		Args: args(1, -1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				differ := 0
				for _, id := range given {
					again, err := s.Lab().Reperform(cmd.Context(), id)
					if err != nil {
						return err
					}
					if !again.Same {
						differ++
					}
					if err := p.print(again, func(w io.Writer) { printReperformed(w, again) }); err != nil {
						return err
					}
				}
				if differ > 0 {
					return failed{fmt.Errorf("%d result(s) differ when they are computed again", differ)}
				}
				return nil
			})
		},
	}
}

func printReperformed(w io.Writer, r *results.Reperformed) {
	same := "the same, to the byte"
	if !r.Same {
		same = "DIFFERS"
	}
	printf(w, "%s  %s %s, %s: %s\n", r.Result, r.Control, r.Test, r.Period, same)
	printf(w, "  checkpoint  %d events, root %s…\n  population  %s  %s\n  details     %s\n", r.Checkpoint.Size, r.Checkpoint.Root[:16], r.Population, r.SHA256[:56]+"…", r.Details[:64])
	for _, difference := range r.Differences {
		wrapped(w, "  differs     ", difference)
	}
}
