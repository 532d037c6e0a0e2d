package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlRound() *cobra.Command {
	var reviewer, assessor string
	var who acting
	command := &cobra.Command{
		Use:   "self-assess QUARTER --reviewer REF",
		Short: "Open the self-assessments of a quarter, one for each control in force",
		Long: `Open the self-assessments of a quarter, such as 2026-Q1: one for each control in
force that has none. Its owner is the assessor, where that is one person; --assessor
says who assesses the controls whose owner is nobody, several people or the
reviewer, and without it those are left and listed. Run again it opens what is
missing.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				done, err := s.OpenAssessments(cmd.Context(), by, given[0], reviewer, assessor)
				if err != nil {
					return refused(err)
				}
				return p.print(done, func(w io.Writer) {
					printf(w, "%s: %d opened, %d were there, %d left\n", done.Quarter, done.Opened, done.There, len(done.Left))
					for _, one := range done.Left {
						wrapped(w, "  "+one.Control+"  ", one.Why)
					}
				})
			})
		},
	}
	command.Flags().StringVar(&reviewer, "reviewer", "", "who is to read them, like person/E1001")
	command.Flags().StringVar(&assessor, "assessor", "", "who assesses the controls whose owner is not one other person")
	who = behalf(command)
	return command
}
