package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
)

func (p *program) feedCommand() *cobra.Command {
	return noun("feed", "Read the feeds that tell of changes of laws and regulations", p.feedFetch())
}

func (p *program) feedFetch() *cobra.Command {
	return &cobra.Command{
		Use:   "fetch",
		Short: "Read the regulatory feeds that are followed, now",
		Long: `Read the regulatory feeds that are followed (RSS or Atom) and put what is new
into the triage list, the register regulatory_notices. scaf serve does so every
day. Feeds are read over TLS, from public addresses and those of the networks that
scaf.json names (feeds.allow_private), without following redirects. A feed that
cannot be read says why in its record; then the exit status is 1.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				done, err := s.FetchFeeds(cmd.Context(), caller())
				if err != nil {
					return refused(err)
				}
				if err := p.print(done, func(w io.Writer) {
					printf(w, "%d feeds read, %d could not be; %d new notices\n", done.Feeds-done.Failed, done.Failed, done.Notices)
				}); err != nil || done.Failed == 0 {
					return err
				}
				return failed{fmt.Errorf("%d feed(s) could not be read: scaf record list regulatory_feeds --columns url,failure", done.Failed)}
			})
		},
	}
}
