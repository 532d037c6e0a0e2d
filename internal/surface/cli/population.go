package cli

import (
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/sampling"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) populationCommand() *cobra.Command {
	return noun("population", "Bank complete populations; draw derived samples",
		p.populationBank(), p.populationList(), p.populationShow(), p.populationSample())
}

func (p *program) populationBank() *cobra.Command {
	var period string
	command := &cobra.Command{
		Use:   "bank [CONTROL...] --period P",
		Short: "Read and bank the populations of controls, without testing them",
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.perform(cmd.Context(), performing{ids: given, period: period, bankOnly: true})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	return command
}

func (p *program) populationList() *cobra.Command {
	var period string
	command := &cobra.Command{
		Use:   "list [--period P]",
		Short: "List banked populations",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var all []populations.Banked
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = populations.List(r, period)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "No population has been banked. Test controls with: scaf control test --period P", func(w io.Writer, b populations.Banked) {
					printf(w, "%-8s %-8s %-14s %-10s %9d items  %s…\n", b.ID, b.Control, b.Test, b.Period, b.Count, b.SHA256[:12])
				})
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "only of this period")
	return command
}

func (p *program) populationShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show a banked population: query, checkpoint, count and hash",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var b *populations.Banked
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					b, err = populations.Get(r, given[0])
					return err
				}); err != nil {
					return err
				}
				return p.print(b, func(w io.Writer) { printBanked(w, b) })
			})
		},
	}
}

func (p *program) populationSample() *cobra.Command {
	var options sampling.Options
	var frequency string
	command := &cobra.Command{
		Use:   "sample FILE.jsonl --engagement E --control C --frequency F",
		Short: "Draw the derived sample of a file; needs no data folder",
		Long: `Draw the derived sample of a file of items, one JSON object a line. The size follows
from the frequency; which items are drawn follows from the engagement, the control and
the file's hash, so that nobody chooses. The result is JSON when it is not read on a
terminal.`,
		Args: args(1, 1),
		RunE: func(_ *cobra.Command, given []string) error {
			if options.Engagement == "" || options.Control == "" || frequency == "" {
				return usagef("scaf population sample needs --engagement, --control and --frequency")
			}
			options.Frequency = controls.Frequency(frequency)
			if _, ok := sampling.Size(options.Frequency, 1); !ok {
				return usagef("--frequency %q is not known: annual, quarterly, monthly, weekly, daily, multi_daily or ad_hoc", frequency)
			}
			file, err := p.file(given[0])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			sample, err := sampling.FromFile(given[0], file, options)
			if err != nil {
				return err
			}
			if p.json || !isTerminal(p.Out) {
				return p.line(sample)
			}
			printf(p.Out, "%d of %d items, seed %s…\n", sample.Size, sample.Population.Count, sample.Seed[:16])
			for _, run := range sample.Runs {
				printf(p.Out, "  %3d  %s\n", run.Run, run.Picked)
			}
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.Engagement, "engagement", "", "name of the engagement")
	flags.StringVar(&options.Control, "control", "", "id of the control")
	flags.StringVar(&frequency, "frequency", "", "how often the control is performed")
	flags.StringVar(&options.ID, "id", "", "CEL expression for an item's id (default item.id)")
	flags.StringVar(&options.At, "at", "", "CEL expression for its instant (default item.occurred_at)")
	return command
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
