package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) importGit() *cobra.Command {
	var g changes.GitImport
	var since, until string
	command := &cobra.Command{
		Use:   "git REPO --branch B --since T --until T",
		Short: "Take the commits of a local repository into the register of changes",
		Long: `Take the commits of a local git repository, bare or not, into the register of
changes: all that can be reached from the branch, through any parent, and whose
commit time lies in the interval. --since is inclusive, --until exclusive; a date
is midnight in the organization's time zone. Without them the interval is open.

Reviewers are read from trailers of the commit message. Whoever can commit can
write these, so they are marked as asserted.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				if err := interval(s.Config, since, until, &g.Since, &g.Until); err != nil {
					return err
				}
				update, finish := p.progress("importing commits")
				g.Door, g.Caller, g.Path = s.Door, caller(), given[0]
				g.Progress = func(done int64) { update(done, -1) }
				done, err := g.Run(cmd.Context())
				finish()
				if err != nil {
					return err
				}
				found := details[changes.GitDetails](done)
				return p.imported(done, "Import of the repository "+done.Scope, "commits", func(w io.Writer) {
					printf(w, "interval     %s\n", period(done.Since, done.Until))
					printf(w, "walked       %d commits that the branch reaches\n", found.Walked)
					if found.Undated > 0 {
						printf(w, "undated      %d commits without a readable time, taken as of 1970-01-01\n", found.Undated)
						wrapped(w, "             ", asText(found.UndatedIDs))
					}
				})
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&g.Branch, "branch", "", "branch to read (default: the one of HEAD)")
	flags.StringVar(&since, "since", "", "only commits from this date or time on")
	flags.StringVar(&until, "until", "", "only commits before this date or time")
	flags.StringVar(&g.Repository, "repository", "", "name of the repository (default: from the remote origin, or the folder)")
	flags.StringArrayVar(&g.Trailers, "trailer", nil, "trailer that names a reviewer, again for more (default: Reviewed-by, Acked-by, Approved-by)")
	return command
}
