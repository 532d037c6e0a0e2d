package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/resolutions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) resolutionCommand() *cobra.Command {
	return noun("resolution", "Say why items of two populations do not agree; somebody else confirms it",
		p.resolutionPropose(), p.resolutionConfirm(), p.resolutionList())
}

func (p *program) resolutionPropose() *cobra.Command {
	var r resolutions.Resolution
	command := &cobra.Command{
		Use:   "propose --control ID --test ID --mismatch M --reason WHY [--period P]",
		Short: "Propose why a mismatch is none, or what it comes from",
		Long: `Propose why a mismatch that a test named is none, or what it comes from. --mismatch
is its name in the result, like "only here: 4f2a" or "cut-off: 4f2a". It stops the
conclusion until somebody else confirms it, who is not the control's owner.`,
		Args: args(0, 0),
	}
	who := behalf(command)
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		if r.Control == "" || r.Test == "" || r.Mismatch == "" || r.Reason == "" {
			return usagef("scaf resolution propose needs --control, --test, --mismatch and --reason")
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			by, err := who(cmd.Context(), s)
			if err != nil {
				return err
			}
			made, err := s.ProposeResolution(cmd.Context(), by, r)
			if err != nil {
				return err
			}
			return p.print(made, func(w io.Writer) { printResolution(w, made) })
		})
	}
	flags := command.Flags()
	flags.StringVar(&r.Control, "control", "", "the control")
	flags.StringVar(&r.Test, "test", "", "the test")
	flags.StringVar(&r.Period, "period", "", "the period (default: the one that began last)")
	flags.StringVar(&r.Mismatch, "mismatch", "", "the mismatch, as the result names it")
	flags.StringVar(&r.Reason, "reason", "", "why")
	return command
}

func (p *program) resolutionConfirm() *cobra.Command {
	command := &cobra.Command{
		Use:   "confirm ID",
		Short: "Confirm what somebody else proposed",
		Args:  args(1, 1),
	}
	who := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			by, err := who(cmd.Context(), s)
			if err != nil {
				return err
			}
			made, err := resolutions.Confirm(cmd.Context(), s.Door, by, given[0])
			if err != nil {
				return err
			}
			return p.print(made, func(w io.Writer) { printResolution(w, made) })
		})
	}
	return command
}

func (p *program) resolutionList() *cobra.Command {
	var period string
	command := &cobra.Command{
		Use:   "list [--period P]",
		Short: "List resolutions and their state",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "record.read", "resolutions"); err != nil {
					return err
				}
				var all []resolutions.Resolution
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = resolutions.List(r, period)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "No mismatch has a resolution: scaf resolution propose", func(w io.Writer, r resolutions.Resolution) { printResolution(w, &r) })
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "only of this period")
	return command
}

func printResolution(w io.Writer, r *resolutions.Resolution) {
	printf(w, "%s  %s  %s %s (%s)\n", r.ID, r.State, r.Control, r.Test, r.Period)
	wrapped(w, "  ", r.Mismatch)
	wrapped(w, "  ", r.Reason)
	printf(w, "  proposed  %s by %s\n", r.ProposedAt.Format(time.RFC3339), r.ProposedBy)
	if r.ConfirmedAt != nil {
		printf(w, "  confirmed %s by %s\n", r.ConfirmedAt.Format(time.RFC3339), r.ConfirmedBy)
	}
}
