package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) personCommand() *cobra.Command {
	return noun("person", "Open what those who work here owe", p.personPlan())
}

func (p *program) personPlan() *cobra.Command {
	return &cobra.Command{
		Use:   "plan",
		Short: "Open the agreements and performance reviews that nobody has opened",
		Long: `Open an agreement for everybody who works here and has none, by when they joined,
and the next performance review: a year after joining, or after the one before. A
review is the manager's; where there is no manager, it is for the people lead to
find a reviewer. scaf serve does so every day. It can be run again.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				opened, err := people.Plan(cmd.Context(), s.Door, caller())
				if err != nil {
					return refused(err)
				}
				return p.print(opened, func(w io.Writer) {
					printf(w, "opened: %d agreements, %d performance reviews; reviewers changed: %d\n", opened.Agreements, opened.Reviews, opened.Reviewers)
				})
			})
		},
	}
}
