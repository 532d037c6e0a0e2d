package cli

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/catalog"
	"scaf.dev/scaf/internal/governance/policies"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) policyCommand() *cobra.Command {
	return noun("policy", "Install policies, see what changed in them, ask for acknowledgments",
		p.policyInstall(), p.policyChanges(), p.policyAsk(), p.policyDocument())
}

func (p *program) policyInstall() *cobra.Command {
	var procedure string
	command := &cobra.Command{
		Use:   "install [FILE...]",
		Short: "Offer the catalog's policies, or your files, as drafts; nothing is overwritten",
		Long: `Offer the catalog's policies, or policies in files of yours, as drafts. A file
has YAML front matter (id, title, summary, owner, audience, criteria, controls,
review) between two lines ---, then Markdown. A text that is a version of its policy
already is passed over; a text of the catalog that has changed becomes a new
draft beside what is in force. You are the author of the drafts: somebody else
approves them.`,
		Args: args(0, -1),
	}
	command.Flags().StringVar(&procedure, "procedure", "", "where it stands how they are carried out (default: their controls)")
	as := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		texts, err := policyTexts(given)
		if err != nil {
			return err
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			who, err := as(cmd.Context(), s)
			if err != nil {
				return err
			}
			done, err := s.InstallPolicies(cmd.Context(), who, texts, procedure)
			if err != nil {
				return refused(err)
			}
			return p.print(done, func(w io.Writer) {
				printf(w, "%d policies are new, %d texts are new drafts\n", len(done.Policies), len(done.Versions))
			})
		})
	}
	return command
}

// policyTexts reads the named files; without one it gives the catalog's texts.
func policyTexts(files []string) ([]catalog.Policy, error) {
	if len(files) == 0 {
		return catalog.Policies(), nil
	}
	var all []catalog.Policy
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		one, err := catalog.ParsePolicy(name, data)
		if err != nil {
			return nil, errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
		}
		all = append(all, one)
	}
	return all, nil
}

func (p *program) policyChanges() *cobra.Command {
	var round int
	var all bool
	command := &cobra.Command{
		Use:   "changes VERSION [--round N] [--all]",
		Short: "Show what changed in a policy's text in the review round, or in all",
		Long: `Show what changed in the text of a version, such as PV-7, in its latest review
round (or the one that --round names), or with --all since the text that was in
force before. Lines that came have + before them, lines that went have -.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			id := strings.TrimPrefix(given[0], policies.Versions.Name+"/")
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				from, lines, err := s.PolicyChanges(cmd.Context(), caller(), id, round, all)
				if err != nil {
					return err
				}
				return p.print(map[string]any{"version": id, "from": from, "lines": lines}, func(w io.Writer) {
					printf(w, "%s beside %s\n", id, from)
					for _, line := range lines {
						printf(w, "%s\n", strings.TrimRight(line.Mark+" "+line.Text, " "))
					}
				})
			})
		},
	}
	command.Flags().IntVar(&round, "round", 0, "the review round (default: the latest)")
	command.Flags().BoolVar(&all, "all", false, "everything since the text that was in force before")
	return command
}

func (p *program) policyAsk() *cobra.Command {
	command := &cobra.Command{
		Use:   "ask [VERSION]",
		Short: "Ask the audience to acknowledge a version, or all that are in force, now",
		Long: `Ask the audience of a version in force, such as PV-7, or of all of them, to
acknowledge it: everybody who is there and was not asked yet. scaf serve does so
every day, so that whoever joins is asked within a day. It can be run again.`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) (err error) {
				asked := 0
				if len(given) == 1 {
					asked, err = s.AskToAcknowledge(cmd.Context(), caller(), given[0])
				} else {
					asked, err = s.AskEverybody(cmd.Context(), caller())
				}
				if err != nil {
					return err
				}
				return p.print(map[string]int{"asked": asked}, func(w io.Writer) { printf(w, "%d acknowledgments are asked for\n", asked) })
			})
		},
	}
	return command
}

func (p *program) policyDocument() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "document [-o FILE]",
		Short: "Write the policies in force as one Markdown document",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if output == "" || output == "-" {
					_, err := s.PolicyDocument(cmd.Context(), caller(), p.Out)
					return err
				}
				n := 0
				if err := replace(output, func(to io.Writer) (err error) {
					n, err = s.PolicyDocument(cmd.Context(), caller(), to)
					return err
				}); err != nil {
					return err
				}
				return p.print(map[string]any{"policies": n, "file": output}, func(w io.Writer) { printf(w, "%d policies written to %s\n", n, output) })
			})
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}
