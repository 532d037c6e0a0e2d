package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/governance/exercises"
)

func (p *program) playbookCommand() *cobra.Command {
	return noun("playbook", "Read how to answer an incident", p.playbookList(), p.playbookShow())
}

func (p *program) playbookList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the playbooks of the catalog",
		Args:  args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			for _, one := range exercises.Playbooks() {
				if p.json {
					if err := p.line(one); err != nil {
						return err
					}
					continue
				}
				printf(p.Out, "%-16s %s\n", one.ID, one.Title)
			}
			return nil
		},
	}
}

func (p *program) playbookShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show PLAYBOOK",
		Short: "Show a playbook's steps, and the scenario by which it is exercised",
		Args:  args(1, 1),
		RunE: func(_ *cobra.Command, given []string) error {
			all := exercises.Playbooks()
			at := slices.IndexFunc(all, func(one exercises.Playbook) bool { return one.ID == given[0] })
			if at < 0 {
				return fmt.Errorf("there is no playbook %q: see scaf playbook list", given[0])
			}
			one := &all[at]
			return p.print(one, func(w io.Writer) {
				printf(w, "%s\n\n", one.Title)
				wrapped(w, "", one.When)
				for _, step := range one.Steps {
					printf(w, "\n%s\n", step.Phase)
					for _, do := range step.Do {
						wrapped(w, "  - ", do)
					}
				}
				printf(w, "\nExercise\n")
				wrapped(w, "", one.Scenario)
				for _, inject := range one.Injects {
					printf(w, "\n")
					wrapped(w, fmt.Sprintf("  %-5s ", inject.After), inject.What)
					wrapped(w, "        expected: ", inject.Expect)
				}
			})
		},
	}
}
