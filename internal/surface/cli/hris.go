package cli

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) hrisCommand() *cobra.Command {
	return noun("hris", "Compare with the HR system", p.hrisReconcile())
}

func (p *program) hrisReconcile() *cobra.Command {
	return &cobra.Command{
		Use:   "reconcile",
		Short: "Compare the acknowledgments here with those that the HR system holds",
		Long: `Read from the HR system which acknowledgments it holds, compare them with those
here, and record what differs: scaf record list hris_reconciliations. scaf serve
does so every day at 02:00. Exit status 1 says that something differs.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				found, err := s.ReconcileHRIS(cmd.Context(), caller())
				if err != nil {
					return refused(err)
				}
				if err := p.print(found, func(w io.Writer) {
					printf(w, "%s: %d acknowledgments here, %d at %s, %d the same, %d differences\n", found.ID, found.Here, found.There, found.Source, found.Matched, found.Differences)
					for _, d := range found.Listed {
						printf(w, "  %-12s %-8s %s\n", d.Person, d.Version, d.What)
					}
				}); err != nil || found.Differences == 0 {
					return err
				}
				return failed{errors.New("the HR system does not hold what was acknowledged here")}
			})
		},
	}
}
