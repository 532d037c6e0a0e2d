package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) trainingCommand() *cobra.Command {
	return noun("training", "Assign courses to those who have to finish them", p.trainingAssign())
}

func (p *program) trainingAssign() *cobra.Command {
	return &cobra.Command{
		Use:   "assign [COURSE]",
		Short: "Assign a course, or all that are offered, to those who need it now",
		Long: `Assign a course that is offered, such as secure-basics, or all of them, to the
people of its audience who are there: to those who were never assigned it, and to
those whose renewal has fallen due. scaf serve does so every day, so that whoever
joins is assigned it within a day. It can be run again.`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) (err error) {
				assigned := 0
				if len(given) == 1 {
					assigned, err = s.AssignTraining(cmd.Context(), caller(), given[0])
				} else {
					assigned, err = s.AssignTrainings(cmd.Context(), caller())
				}
				if err != nil {
					return refused(err)
				}
				return p.print(map[string]int{"assigned": assigned}, func(w io.Writer) { printf(w, "%d trainings are assigned\n", assigned) })
			})
		},
	}
}
