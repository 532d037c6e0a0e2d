package cli

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/surface"
)

// acting returns who acts by a command.
type acting = func(context.Context, *surface.System) (act.Caller, error)

func (p *program) deviationCommand() *cobra.Command {
	return noun("deviation", "Deviations: their causes, and what compensated for them",
		p.deviationList(), p.deviationCause(), p.deviationCompensate(), p.deviationConfirm(), p.deviationCauses())
}

func (p *program) deviationList() *cobra.Command {
	var period string
	var open bool
	command := &cobra.Command{
		Use:   "list --period P [--open]",
		Short: "List the deviations of a period's latest results, and how far each is judged",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				over, err := s.ChoosePeriod(cmd.Context(), period)
				if err != nil {
					return err
				}
				all, err := s.Lab().Deviations(cmd.Context(), over.Name)
				if err != nil {
					return err
				}
				if open {
					all = slices.DeleteFunc(all, func(f results.Found) bool { return f.Standing == results.Confirmed })
				}
				return printAll(p, all, "No deviation is to be judged in "+over.Name+".", func(w io.Writer, f results.Found) { printFound(w, &f) })
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	command.Flags().BoolVar(&open, "open", false, "only those without a confirmed cause")
	return command
}

func printFound(w io.Writer, f *results.Found) {
	cause := "no cause"
	if f.Judged != nil && f.Judged.Cause != nil {
		cause = f.Judged.Cause.ID + " (" + string(f.Standing) + ")"
	}
	printf(w, "%-8s %-14s %-9s %s\n         %s\n", f.Control, shorten(f.Test, 14), f.Reason, cause, shorten(f.Ref(), 70))
	if f.Judged == nil {
		return
	}
	if c := f.Judged.Compensation; c != nil {
		state := "stated"
		if c.Confirmed() {
			state = "confirmed"
		}
		wrapped(w, "         ", strings.TrimSpace("compensated ("+state+") "+c.By)+": "+c.Reason)
	}
	if f.Judged.Incident != "" {
		wrapped(w, "         ", "linked with "+f.Judged.Incident+": a person judges")
	}
}

func (p *program) deviationCause() *cobra.Command {
	var cause judgments.Cause
	var who acting
	var incident string
	command := &cobra.Command{
		Use:   "cause RES-1/ITEM --cause C [--person P] [--subsystem S] [--note TEXT] [--incident REF]",
		Short: "State the root cause of a deviation; somebody else confirms it",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if cause.ID == "" && incident == "" {
				return usagef("scaf deviation cause needs --cause (scaf deviation causes lists them), or --incident")
			}
			stated := judgments.Deviation{Incident: incident}
			if cause.ID != "" {
				stated.Cause = &cause
			}
			return p.state(cmd, who, given[0], stated)
		},
	}
	who = behalf(command)
	flags := command.Flags()
	flags.StringVar(&cause.ID, "cause", "", "the cause, from the list")
	flags.StringVar(&cause.Person, "person", "", "who it is with, such as person/E1001")
	flags.StringVar(&cause.Subsystem, "subsystem", "", "the part of the system that it is with")
	flags.StringVar(&cause.Note, "note", "", "what happened")
	flags.StringVar(&incident, "incident", "", "reference of an incident that it belongs to")
	return command
}

func (p *program) deviationCompensate() *cobra.Command {
	var c judgments.Compensation
	var who acting
	command := &cobra.Command{
		Use:   "compensate RES-1/ITEM --reason TEXT [--by REF]",
		Short: "State what stood in for an item that deviated; somebody else confirms it",
		Long: `State what stood in for an item that deviated: a compensating control, or another
occurrence. The item stays a deviation. Somebody else confirms it.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if strings.TrimSpace(c.Reason) == "" {
				return usagef("scaf deviation compensate needs --reason")
			}
			return p.state(cmd, who, given[0], judgments.Deviation{Compensation: &c})
		},
	}
	command.Flags().StringVar(&c.Reason, "reason", "", "why it stood in")
	who = behalf(command)
	command.Flags().StringVar(&c.By, "by", "", "reference of a control, an occurrence or a record")
	return command
}

func (p *program) state(cmd *cobra.Command, who acting, ref string, stated judgments.Deviation) error {
	return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
		by, err := who(cmd.Context(), s)
		if err != nil {
			return err
		}
		made, err := s.Lab().State(cmd.Context(), by, ref, stated)
		if err != nil {
			return err
		}
		return p.print(made, func(w io.Writer) {
			printf(w, "Recorded. It counts once somebody else has confirmed it:\nscaf deviation confirm %s\n", ref)
		})
	})
}

func (p *program) deviationConfirm() *cobra.Command {
	var who acting
	command := &cobra.Command{
		Use:   "confirm RES-1/ITEM",
		Short: "Confirm what somebody else stated about a deviation; never the control's owner",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				made, err := s.Lab().Confirm(cmd.Context(), by, given[0])
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) {
					printf(w, "Confirmed. It counts from the next test on: scaf control test %s --period %s\n", made.Control, made.Period)
				})
			})
		},
	}
	who = behalf(command)
	return command
}

func (p *program) deviationCauses() *cobra.Command {
	return &cobra.Command{
		Use:   "causes",
		Short: "List the causes that a deviation can have",
		Args:  args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			return printAll(p, judgments.Causes(), "", func(w io.Writer, cause judgments.Listed) {
				design := ""
				if cause.Design {
					design = " (design)"
				}
				printf(w, "%-26s %s%s\n", cause.ID, cause.Title, design)
			})
		},
	}
}
