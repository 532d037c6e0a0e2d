package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/evidence"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (p *program) evidenceCommand() *cobra.Command {
	return noun("evidence", "Keep and review evidence; export and verify evidence bundles",
		p.evidenceAdd(), p.evidenceList(), p.evidenceShow(), p.evidenceReview(), p.evidenceExport(), p.evidenceVerify())
}

func (p *program) evidenceExport() *cobra.Command {
	var period, output string
	command := &cobra.Command{
		Use:   "export --period P -o FILE",
		Short: "Write the evidence of a period as one file that recomputes itself",
		Long: `Write the evidence of a period as one file: every event of the ledger, the signed
checkpoint, time stamps, control files, populations, results for every item, and a
page to read it by. Whoever gets it can compute all of it again, offline:

    scaf evidence verify FILE --key KEYFILE

The file holds every event as it was recorded, personal data included. The export
itself is recorded.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output == "" {
				return usagef("scaf evidence export needs -o FILE")
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				over, err := s.ChoosePeriod(cmd.Context(), period)
				if err != nil {
					return err
				}
				update, finish := p.progress("exporting")
				done, err := s.ExportEvidence(cmd.Context(), caller(), over.Name, output, update)
				finish()
				if errors.Is(err, ledger.ErrDamaged) {
					return failed{err}
				}
				if err != nil {
					return err
				}
				for _, difference := range done.Differences {
					printf(p.Err, "scaf: verifying will say: %s\n", difference)
				}
				return p.print(done, func(w io.Writer) { printExported(w, done, output) })
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	command.Flags().StringVarP(&output, "output", "o", "", "file to write")
	return command
}

func printExported(w io.Writer, done *evidence.Written, output string) {
	printf(w, "Wrote the evidence of %s to %s.\n", done.Period, output)
	printf(w, "events     0 to %d of %s\nroot       %s\nfiles      %d, %d bytes\n", done.Checkpoint.Size-1, done.Origin, done.Checkpoint.Root, done.Files, done.Bytes)
	printf(w, "manifest   %s\nrecorded   event %d\n", done.Manifest, done.Event)
	printLeftOut(w, done.LeftOut)
	if len(done.Clear) > 0 {
		printf(w, "personal   %s: unencrypted\n", strings.Join(done.Clear, ", "))
	}
}

func (p *program) evidenceVerify() *cobra.Command {
	var keyFile, rootsFile string
	var demo bool
	command := &cobra.Command{
		Use:   "verify FILE --key KEYFILE [--tsa-roots FILE] [--demo]",
		Short: "Compute everything in a bundle again; exit 1 when something differs",
		Long: `Compute everything in an evidence bundle again, with nothing but the file and the
ledger's verifier key: every hash up to the signed checkpoint, every record from its
events, every population by its query, every item's outcome, every conclusion. Whatever
differs or is left out is named, and the exit status is 1. No data folder and no network
is needed.

Take the key from somebody else than whoever gave you the bundle. --tsa-roots names the
certificates of the time stamp authorities that you trust; without it those of the
bundle are used, and the output says so. --demo takes the ledger of a demonstration.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if keyFile == "" {
				return usagef("scaf evidence verify needs --key KEYFILE: the ledger's verifier key, as scaf ledger key prints it")
			}
			key, err := os.ReadFile(filepath.Clean(keyFile))
			if err != nil {
				return err
			}
			check := evidence.Verification{VerifierKey: strings.TrimSpace(string(key)), Kinds: p.backend.Kinds(), Demo: demo}
			if rootsFile != "" {
				if check.Roots, err = os.ReadFile(filepath.Clean(rootsFile)); err != nil {
					return err
				}
			}
			return p.verifyEvidence(cmd.Context(), check, given[0])
		},
	}
	command.Flags().StringVar(&keyFile, "key", "", "file with the ledger's verifier key")
	command.Flags().StringVar(&rootsFile, "tsa-roots", "", "PEM file with the certificates of time stamp authorities that you trust")
	command.Flags().BoolVar(&demo, "demo", false, "take the ledger of a demonstration")
	return command
}

func (p *program) verifyEvidence(ctx context.Context, check evidence.Verification, name string) error {
	file, err := os.Open(filepath.Clean(name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	finish := func() {}
	var current string
	var update func(done, total int64)
	check.Progress = func(step string, done, total int64) {
		if step != current {
			finish()
			current = step
			update, finish = p.progress(step)
		}
		update(done, total)
	}
	result, err := check.Verify(ctx, file, info.Size())
	finish()
	if errors.Is(err, evidence.ErrBundle) || errors.Is(err, evidence.ErrDemo) || errors.Is(err, ledger.ErrDamaged) {
		return failed{err}
	}
	if err != nil {
		return err
	}
	if err := p.print(result, func(w io.Writer) { printEvidence(w, result) }); err != nil {
		return err
	}
	if n := len(result.Differences); n > 0 {
		return failed{fmt.Errorf("the bundle is not what it says: %d difference(s)", n)}
	}
	return nil
}

func printEvidence(w io.Writer, r *evidence.Verified) {
	for _, difference := range r.Differences {
		printf(w, "differs    %s\n", difference)
	}
	if len(r.Differences) == 0 {
		printf(w, "The bundle is whole, and all in it was computed again with the same result.\n")
	}
	printf(w, "ledger     %s\nevents     0 to %d, root %s\n", r.Origin, r.Checkpoint.Size-1, r.Checkpoint.Root)
	printf(w, "records    %d versions replayed\nfiles      %d, %d bytes; exported as event %d\n", r.Records, r.Files, r.Bytes, r.Exported)
	printf(w, "period     %s\n", r.Period)
	for _, one := range r.Results {
		state := one.Conclusion.Words()
		if one.Result == "" {
			state = "banked, not tested"
		}
		if one.Interim {
			state += " (interim)"
		}
		same := "the same"
		if !one.Same {
			same = "DIFFERS"
		}
		printf(w, "  %-8s %-14s %-28s %9d items  %s\n", one.Control, shorten(one.Test, 14), shorten(state, 28), one.Count, same)
	}
	printLeftOut(w, r.LeftOut)
	printTimes(w, r)
}

// printLeftOut says that a bundle does not hold every attached file.
func printLeftOut(w io.Writer, n int) {
	if n > 0 {
		printf(w, "left out   %d files attached to records of the period: together they are too large\n", n)
	}
}

// printTimes says for every range of events since when it is known to exist.
func printTimes(w io.Writer, r *evidence.Verified) {
	next := int64(0)
	selfAsserted := func(to int64) {
		if next < to {
			printf(w, "events %d to %d: time self-asserted\n", next, to-1)
		}
	}
	for _, one := range r.Existed {
		selfAsserted(one.From)
		printf(w, "events %d to %d: existed at %s (%s)\n", one.From, one.To-1, one.Time.UTC().Format("2006-01-02T15:04:05Z"), one.Authority)
		next = one.To
	}
	selfAsserted(r.Checkpoint.Size)
	switch {
	case r.Unchecked > 0:
		printf(w, "time stamps not checked: %d, since no certificates of their authorities are given (--tsa-roots)\n", r.Unchecked)
	case r.BundledRoots:
		printf(w, "time stamps checked against the certificates in the bundle; give those that you trust with --tsa-roots\n")
	}
}
