package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/config"
)

func (p *program) initCommand() *cobra.Command {
	var c config.Config
	command := &cobra.Command{
		Use:   "init [--org NAME] [--timezone TZ] [--db postgres://...]",
		Short: "Make a data folder: keys, database and an empty ledger",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := p.backend.Init(cmd.Context(), p.dir, c)
			if err != nil {
				return err
			}
			result := struct {
				Dir          string `json:"dir"`
				Organization string `json:"organization"`
				Timezone     string `json:"timezone"`
				VerifierKey  string `json:"verifier_key"`
			}{p.dir, c.Organization, c.Timezone, key}
			return p.print(result, func(w io.Writer) {
				printf(w, "The ledger of %s is ready in %s.\n\n", c.Organization, p.dir)
				printf(w, "Verifier key (give it to your auditor; it is no secret):\n  %s\n\n", key)
				printf(w, "The signing key is encrypted under %s/kek. Keep a copy of that file\nelsewhere, or move it into the environment variable SCAF_KEK.\n", p.dir)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&c.Organization, "org", "My organization", "name of the organization")
	flags.StringVar(&c.Timezone, "timezone", "UTC", "time zone of the organization (IANA name)")
	flags.StringVar(&c.Database, "db", "", "PostgreSQL database, postgres://... (default: SQLite in the folder)")
	flags.StringVar(&c.Origin, "origin", "", "name of the ledger in its checkpoints (default: from the organization)")
	flags.StringVar(&c.TimestampURL, "tsa", "", "RFC 3161 time stamp authority to ask every day")
	flags.StringVar(&c.TimestampRoots, "tsa-roots", "", "PEM file with the authority's root certificates")
	return command
}
