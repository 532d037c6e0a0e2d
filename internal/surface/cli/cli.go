// Package cli is the command line: noun, then verb. One file holds one noun.
//
// Exit status: 0 done, 1 a check failed, 2 the command line is wrong, 3 the
// command could not run. Results go to standard output, as text or, with
// --json, as JSON; everything else goes to standard error.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface"
)

// Exit statuses.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitCould  = 3
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// failed is the error of a check that ran and failed: exit 1.
type failed struct{ error }

// usage is the error of a wrong command line: exit 2.
type usage struct{ error }

func (f failed) Unwrap() error { return f.error }
func (u usage) Unwrap() error  { return u.error }

func usagef(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// program is one run of the command line.
type program struct {
	Streams
	backend surface.Backend
	dir     string
	json    bool
}

// Main runs a command line and returns the exit status.
func Main(ctx context.Context, args []string, streams Streams, backend surface.Backend) int {
	p := &program{Streams: streams, backend: backend}
	root := p.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	var check failed
	var wrong usage
	switch {
	case errors.As(err, &check):
		p.complain(err)
		return exitFailed
	case errors.As(err, &wrong):
		p.complain(err)
		return exitUsage
	}
	p.complain(err)
	return exitCould
}

// complain prints an error as one line.
func (p *program) complain(err error) {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
	if p.json {
		_ = json.NewEncoder(p.Err).Encode(map[string]string{"error": text}) // there is nobody left to tell
		return
	}
	_, _ = fmt.Fprintln(p.Err, "scaf: "+text)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "scaf",
		Short: "Operate, record and test SOC 2 controls",
		Long: `SCAF operates SOC 2 controls, records what they do in a ledger that nobody can
quietly rewrite, and tests every control over the complete population.

Begin with:
  scaf init --org "Example Corp"
  scaf import git . --branch main --since 2026-01-01 --until 2026-04-01
  scaf report readiness`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          needVerb,
		Version:       p.backend.Program(),
	}
	dir := os.Getenv("SCAF_DIR")
	if dir == "" {
		dir = "./scaf-data"
	}
	root.PersistentFlags().StringVar(&p.dir, "dir", dir, "data folder (default $SCAF_DIR or ./scaf-data)")
	root.PersistentFlags().Lookup("dir").DefValue = ""
	root.PersistentFlags().BoolVar(&p.json, "json", false, "print JSON")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { p.printHelp(c) })
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w: see %s --help", err, c.CommandPath())
	})
	root.AddCommand(p.commands()...)
	return root
}

// commands lists every noun.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.initCommand(),
		p.serveCommand(),
		p.demoCommand(),
		p.ledgerCommand(),
		p.accountCommand(),
		p.tokenCommand(),
		p.recordCommand(),
		p.importCommand(),
		p.criterionCommand(),
		p.controlCommand(),
		p.populationCommand(),
		p.deviationCommand(),
		p.periodCommand(),
		p.taskCommand(),
		p.policyCommand(),
		p.playbookCommand(),
		p.meetingCommand(),
		p.feedCommand(),
		p.personCommand(),
		p.trainingCommand(),
		p.systemCommand(),
		p.notificationCommand(),
		p.hrisCommand(),
		p.reportCommand(),
		p.evidenceCommand(),
		p.observationCommand(),
		p.resolutionCommand(),
	}
}

// noun makes a command that only holds verbs.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: cobra.ArbitraryArgs, RunE: needVerb}
	c.AddCommand(verbs...)
	return c
}

// needVerb is what a noun alone does: help, or an error that names the verbs.
func needVerb(c *cobra.Command, args []string) error {
	var verbs []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			verbs = append(verbs, sub.Name())
		}
	}
	if len(args) > 0 {
		return usagef("%s has no command %q: %s", c.CommandPath(), args[0], strings.Join(verbs, ", "))
	}
	if c.HasParent() {
		return usagef("%s needs one of: %s", c.CommandPath(), strings.Join(verbs, ", "))
	}
	return c.Help()
}

// args checks the number of arguments; a mistake is a usage error.
func args(minimum, maximum int) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if len(given) < minimum || maximum >= 0 && len(given) > maximum {
			return usagef("%s takes %s: %s", c.CommandPath(), countText(minimum, maximum), c.UseLine())
		}
		return nil
	}
}

func countText(minimum, maximum int) string {
	switch {
	case maximum == 0:
		return "no argument"
	case minimum == maximum && minimum == 1:
		return "one argument"
	case minimum == maximum:
		return fmt.Sprintf("%d arguments", minimum)
	case maximum < 0:
		return fmt.Sprintf("at least %d argument(s)", minimum)
	}
	return fmt.Sprintf("%d to %d arguments", minimum, maximum)
}

// open opens the data folder for the length of work.
func (p *program) open(ctx context.Context, mode surface.Mode, work func(*surface.System) error) (err error) {
	s, err := p.backend.Open(ctx, p.dir, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return work(s)
}

// caller is the person at the command line. Whoever can read the folder's
// keys is its administrator: the operating system has decided that.
func caller() act.Caller {
	name := "unknown"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return act.Caller{ID: "local/" + name, Roles: []string{"administrator"}}
}

// print writes a result: as JSON, or as the text that it is given.
func (p *program) print(value any, text func(w io.Writer)) error {
	if !p.json {
		text(p.Out)
		return nil
	}
	return p.line(value)
}

// line writes one JSON value on a line.
func (p *program) line(value any) error {
	out := json.NewEncoder(p.Out)
	out.SetEscapeHTML(false)
	return out.Encode(value)
}

// printAll prints values, one JSON value a line or each as text. Where there are
// none it tells a person on standard error what to do.
func printAll[T any](p *program, all []T, none string, text func(w io.Writer, one T)) error {
	for _, one := range all {
		if err := p.print(one, func(w io.Writer) { text(w, one) }); err != nil {
			return err
		}
	}
	if len(all) == 0 && !p.json && none != "" {
		printf(p.Err, "%s\n", none)
	}
	return nil
}

// isTerminal reports whether a person is looking at the stream.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// file opens a file argument; "-" is standard input.
func (p *program) file(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(p.In), nil
	}
	return os.Open(name)
}
