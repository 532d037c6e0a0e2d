package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) systemCommand() *cobra.Command {
	return noun("system", "Propose the primary systems of the catalog", p.systemInstall())
}

func (p *program) systemInstall() *cobra.Command {
	command := &cobra.Command{
		Use:   "install",
		Short: "Propose the catalog's systems; what is in the register is passed over",
		Long: `Propose the four primary systems of the catalog (security services, audit
pipelines, secrets management, monitoring stack) with boundary, data, criticality
and dependencies. Give each its owner, and change what is different in your
company; somebody other than you and the owner approves it:
scaf record move system/audit-pipelines in_use. It can be run again.`,
		Args: args(0, 0),
	}
	as := behalf(command)
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			who, err := as(cmd.Context(), s)
			if err != nil {
				return err
			}
			made, err := s.InstallSystems(cmd.Context(), who)
			if err != nil {
				return refused(err)
			}
			return p.print(map[string][]string{"systems": append([]string{}, made...)}, func(w io.Writer) {
				printf(w, "%d systems are new\n", len(made))
				if len(made) > 0 {
					printf(w, "%s\n", strings.Join(made, "\n"))
				}
			})
		})
	}
	return command
}
