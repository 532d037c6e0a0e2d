package cli

import (
	"crypto/x509"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"

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
			if err := errors.Join(checkTimestamps(&c), checkDatabase(c.Database)); err != nil {
				return err
			}
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

// checkDatabase refuses a password: every process of the machine can read the words of a
// command, and they stay in the history of the shell.
func checkDatabase(location string) error {
	at, err := url.Parse(location)
	if err != nil {
		return nil //nolint:nilerr // what is wrong with it is said where it is read
	}
	_, said := at.User.Password()
	if said || at.Query().Has("password") {
		return usagef("--db: leave the password out of the address, since everybody on the machine can read it in a command: " +
			"put it into a file for passwords of PostgreSQL, and name that in the address, as in postgres://scaf@db.example.com/scaf?passfile=/etc/scaf/pgpass, or set PGPASSWORD for each command")
	}
	return nil
}

// checkTimestamps makes the path of the root certificates independent of the
// working folder and tries whether they can be read.
func checkTimestamps(c *config.Config) error {
	if (c.TimestampURL == "") != (c.TimestampRoots == "") {
		return usagef("--tsa and --tsa-roots go together: an authority's answers are checked against its root certificates")
	}
	if c.TimestampURL == "" {
		return nil
	}
	if at, err := url.Parse(c.TimestampURL); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return usagef("--tsa %q is no URL like https://tsa.example.com", c.TimestampURL)
	}
	var err error
	if c.TimestampRoots, err = filepath.Abs(c.TimestampRoots); err != nil {
		return err
	}
	data, err := os.ReadFile(c.TimestampRoots)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(data) {
		return usagef("--tsa-roots: %s holds no certificate in PEM", c.TimestampRoots)
	}
	return nil
}
