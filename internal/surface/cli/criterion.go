package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) criterionCommand() *cobra.Command {
	return noun("criterion", "List the criteria and the controls that carry them", p.criterionList(), p.criterionNarrative())
}

// carried is a criterion with the controls that carry it.
type carried struct {
	criteria.Criterion
	Controls []carrier `json:"controls"`
}

// carrier is a control with what its tests came to in the period.
type carrier struct {
	ID         string                  `json:"id"`
	Title      string                  `json:"title"`
	Conclusion controltests.Conclusion `json:"conclusion"`
}

func (p *program) criterionList() *cobra.Command {
	var period string
	command := &cobra.Command{
		Use:   "list [--period P]",
		Short: "List the 61 criteria, the controls of each, and what their tests last said",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				report, err := s.Readiness(cmd.Context(), surface.ReadinessQuery{Period: period})
				if err != nil {
					return err
				}
				group := ""
				for _, criterion := range criteria.List() {
					one := carried{criterion, []carrier{}}
					for _, control := range report.Controls {
						if slices.Contains(control.Criteria, criterion.ID) {
							one.Controls = append(one.Controls, carrier{control.ID, control.Title, control.Conclusion})
						}
					}
					if p.json {
						if err := p.line(one); err != nil {
							return err
						}
						continue
					}
					if one.Group != group {
						group = one.Group
						printf(p.Out, "\n%s\n", group)
					}
					printf(p.Out, "%-6s %s\n", one.ID, one.Title)
					if len(one.Controls) == 0 {
						printf(p.Out, "         no control\n")
					}
					for _, control := range one.Controls {
						printf(p.Out, "         %-8s %-26s %s\n", control.ID, control.Conclusion.Words(), shorten(control.Title, 36))
					}
				}
				return nil
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	return command
}

func (p *program) criterionNarrative() *cobra.Command {
	return &cobra.Command{
		Use:   "narrative",
		Short: "Show the narrative's own mapping beside the catalog's, and where they differ",
		Args:  args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			for _, row := range criteria.Narrative() {
				if p.json {
					if err := p.line(row); err != nil {
						return err
					}
					continue
				}
				printf(p.Out, "%-6s %s: %s\n", row.Criterion, row.Reference, row.Says)
				printf(p.Out, "       here %s under %s\n", strings.Join(row.Controls, " "), strings.Join(row.Ours, " "))
				if row.Differs != "" {
					wrapped(p.Out, "       ", row.Differs)
				}
			}
			return nil
		},
	}
}
