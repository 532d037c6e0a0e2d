package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/surface"
)

// demoDir is where a demonstration goes when no folder is named.
const demoDir = "./scaf-demo"

// demoPage is the name of the readiness report in the demo's folder.
const demoPage = "readiness.html"

func (p *program) demoCommand() *cobra.Command {
	var seed uint64
	var serve, until string
	command := &cobra.Command{
		Use:   "demo [--dir D] [--seed N] [--until DAY] [--serve ADDR]",
		Short: "Play a year of an invented company, and report on it",
		Long: `Make a folder (default ` + demoDir + `) and play twelve months of an invented company in
it, on a clock that is moved: people join and leave, changes are merged, duties are
done, late or missed, and controls are tested, all by the program's own code. The
same seed gives the same report. Its ledger is marked as a demonstration's:
verification of its evidence asks for --demo. --until ends the play at the beginning
of a day (UTC): the first weeks, until 2025-01-22 for instance, are made in seconds.

With --serve the folder is served afterwards, and its readiness report can be read
at /readiness without a token.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if serve != "" {
				if err := checkListen(serve, false); err != nil {
					return err
				}
			}
			if !cmd.Flags().Changed("dir") && os.Getenv("SCAF_DIR") == "" {
				p.dir = demoDir
			}
			var end time.Time
			if until != "" {
				var err error
				if end, err = time.Parse(time.DateOnly, until); err != nil {
					return usagef("--until %q is no day like 2025-01-22", until)
				}
			}
			update, finish := p.progress("a year of the company")
			err := p.backend.Demo(cmd.Context(), p.dir, seed, end, update)
			finish()
			if err != nil {
				return err
			}
			page := filepath.Join(p.dir, demoPage)
			if err := p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				report, err := s.Readiness(cmd.Context(), surface.ReadinessQuery{})
				if err != nil {
					return err
				}
				var html bytes.Buffer
				if err := report.HTML(&html); err != nil {
					return err
				}
				if err := durable.Replace(page, 0o644, html.Bytes()); err != nil {
					return err
				}
				if p.json {
					return p.line(report)
				}
				return report.Text(p.Out)
			}); err != nil {
				return err
			}
			if !p.json {
				p.demoNext(p.Out, page)
			}
			if serve == "" {
				return nil
			}
			if !p.json {
				printf(p.Out, "\nServed at http://%s/readiness until you stop it:\n", serve)
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error { return p.serve(cmd.Context(), s, serve) })
		},
	}
	command.Flags().Uint64Var(&seed, "seed", 1, "what is drawn is drawn from this number")
	command.Flags().StringVar(&until, "until", "", "day at whose beginning the play ends, like 2025-01-22")
	command.Flags().StringVar(&serve, "serve", "", "address to serve the folder on afterwards, like "+defaultListen)
	return command
}

// demoNext says what to try.
func (p *program) demoNext(w io.Writer, page string) {
	printf(w, "\nThe report as a page: %s\nTry next:\n  export SCAF_DIR=%s\n", page, p.dir)
	for _, line := range []string{
		"report readiness --date 2025-09-01", "task list --state missed --from 2025-01-01", "control show CHG-04",
		"ledger verify", "evidence export --period 2025 -o evidence.zip", "ledger key > key", "evidence verify evidence.zip --key key --demo", "serve",
	} {
		printf(w, "  scaf %s\n", line)
	}
}
