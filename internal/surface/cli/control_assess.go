package cli

import (
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/versions"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) controlAssess() *cobra.Command {
	var a versions.Assessment
	var conclusion string
	var who acting
	command := &cobra.Command{
		Use:   "assess ID --risk TEXT --precision TEXT --walkthrough REF --conclusion effective|ineffective --reason TEXT",
		Short: "Record how the design of a control's version was assessed; never by its owner",
		Long: `Record how the design of a version of a control was assessed: the risk that it
addresses, its precision (what deviation it would catch), the reference of the one
item that was walked through, the conclusion and its reason. Without --version the
latest version is meant. Until there is an assessment of the version that is tested,
its results are incomplete; the owner of the control cannot make it.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			var missing []string
			for _, flag := range []struct{ name, value string }{
				{"--risk", a.Risk}, {"--precision", a.Precision}, {"--walkthrough", a.Walkthrough}, {"--conclusion", conclusion}, {"--reason", a.Reason},
			} {
				if strings.TrimSpace(flag.value) == "" {
					missing = append(missing, flag.name)
				}
			}
			if len(missing) > 0 {
				return usagef("scaf control assess needs %s", strings.Join(missing, ", "))
			}
			a.Control, a.Conclusion = given[0], controltests.Conclusion(conclusion)
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				by, err := who(cmd.Context(), s)
				if err != nil {
					return err
				}
				made, err := s.VersionDesk().Assess(cmd.Context(), by, a)
				if err != nil {
					return err
				}
				return p.print(made, func(w io.Writer) { printAssessment(w, made) })
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&a.Version, "version", "", "the version, or the beginning of its file's SHA-256 (default: the latest)")
	flags.StringVar(&a.Risk, "risk", "", "the risk that the control addresses")
	flags.StringVar(&a.Precision, "precision", "", "what deviation it would catch")
	flags.StringVar(&a.Walkthrough, "walkthrough", "", "reference of the item that was walked through, like change/4f2a")
	flags.StringVar(&conclusion, "conclusion", "", "effective or ineffective")
	flags.StringVar(&a.Reason, "reason", "", "why")
	who = behalf(command)
	return command
}

func printAssessment(w io.Writer, a *versions.Assessment) {
	printf(w, "%s  %s: design %s\n", a.ID, a.Version, a.Conclusion.Words())
	for _, part := range []struct{ name, text string }{
		{"risk        ", a.Risk}, {"precision   ", a.Precision}, {"walkthrough ", a.Walkthrough}, {"reason      ", a.Reason},
		{"assessed    ", a.AssessedAt.Format(time.RFC3339) + " by " + a.Assessor},
	} {
		wrapped(w, "  "+part.name, part.text)
	}
}

func (p *program) controlAssessments() *cobra.Command {
	return &cobra.Command{
		Use:   "assessments [ID]",
		Short: "List how the designs of controls were assessed",
		Args:  args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			control := strings.Join(given, "")
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var all []*versions.Assessment
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = versions.ListAssessments(r, control)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "No design has been assessed: scaf control assess ID", printAssessment)
			})
		},
	}
}
