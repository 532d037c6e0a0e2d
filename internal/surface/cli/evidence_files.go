package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) evidenceAdd() *cobra.Command {
	var e documents.Evidence
	var collected, effective, from, to string
	command := &cobra.Command{
		Use:   "add FILE --control ID [--test ID] --source S --query Q --from D --to D",
		Short: "Keep a file as evidence of a control",
		Long: `Keep a file as evidence of a control: where it comes from, the exact query, what it
covers. Whoever adds it prepared it; somebody else has to review it before it counts.`,
		Args: args(1, 1),
	}
	who := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		if e.Control == "" || from == "" || to == "" {
			return usagef("scaf evidence add needs --control, and --from and --to: what the file covers")
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			zone, err := s.Config.Location()
			if err != nil {
				return err
			}
			for _, one := range []struct {
				flag, text string
				into       *time.Time
			}{{"--collected", collected, &e.CollectedAt}, {"--effective", effective, &e.EffectiveAt}, {"--from", from, &e.From}, {"--to", to, &e.To}} {
				if err := instant(one.flag, one.text, zone, one.into); err != nil {
					return err
				}
			}
			by, err := who(cmd.Context(), s)
			if err != nil {
				return err
			}
			file, err := p.file(given[0])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			if e.File = filepath.Base(given[0]); given[0] == "-" {
				e.File = "standard input"
			}
			kept, err := s.AddEvidence(cmd.Context(), by, e, file)
			if err != nil {
				return err
			}
			return p.print(kept, func(w io.Writer) { printKept(w, kept, zone) })
		})
	}
	flags := command.Flags()
	flags.StringVar(&e.Control, "control", "", "the control that it is evidence of")
	flags.StringVar(&e.Test, "test", "", "the test, where the control has several over documents")
	flags.StringVar(&e.Source, "source", "", "the system that it comes from")
	flags.StringVar(&e.Query, "query", "", "exactly enough to get it again: the report, its filters, the path")
	flags.StringVar(&collected, "collected", "", "when it was taken from there (now when left away)")
	flags.StringVar(&effective, "effective", "", "the moment whose state it shows (when collected, if left away)")
	flags.StringVar(&from, "from", "", "first day that it covers, or instant")
	flags.StringVar(&to, "to", "", "the day or instant at which that ends")
	return command
}

func printKept(w io.Writer, e *documents.Evidence, zone *time.Location) {
	when := func(at time.Time) string { return at.In(zone).Format("2006-01-02 15:04 MST") }
	by := func(who, entered string) string {
		if entered != "" {
			return who + ", entered by " + entered
		}
		return who
	}
	printf(w, "%s  %s  %s %s\n", e.ID, e.State, e.Control, e.Test)
	printf(w, "  file         %s, %d bytes\n  sha256       %s\n", shorten(e.File, 50), e.Size, e.SHA256)
	printf(w, "  source       %s\n  query        %s\n", e.Source, e.Query)
	printf(w, "  covers       %s up to %s\n", when(e.From), when(e.To))
	printf(w, "  effective    %s\n  collected    %s\n", when(e.EffectiveAt), when(e.CollectedAt))
	printf(w, "  prepared by  %s\n", by(e.PreparedBy, e.EnteredBy))
	if r := e.Review; r != nil {
		printf(w, "  %-12s %s by %s\n  reason       %s\n", r.Conclusion, when(r.At), by(r.By, r.EnteredBy), r.Reason)
	}
}

func (p *program) evidenceList() *cobra.Command {
	var control string
	command := &cobra.Command{
		Use:   "list [--control ID]",
		Short: "List the evidence that was kept, and what became of it",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "evidence.read", "evidence"); err != nil {
					return err
				}
				var all []documents.Evidence
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					all, err = documents.List(r, control)
					return err
				}); err != nil {
					return err
				}
				return printAll(p, all, "No evidence is kept: scaf evidence add FILE --control ID --test ID", func(w io.Writer, e documents.Evidence) {
					printf(w, "%-8s %-9s %s up to %s  %s %s  %s\n", e.ID, e.State, e.From.Format(time.DateOnly), e.To.Format(time.DateOnly), e.Control, e.Test, shorten(e.File, 24))
				})
			})
		},
	}
	command.Flags().StringVar(&control, "control", "", "only of this control")
	return command
}

func (p *program) evidenceShow() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "show REF [-o FILE]",
		Short: "Show evidence; with -o write its file, which is recorded",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			mode := surface.Read
			if output != "" {
				mode = surface.Write
			}
			return p.open(cmd.Context(), mode, func(s *surface.System) error {
				if err := s.Allow(cmd.Context(), caller(), "evidence.read", "evidence"); err != nil {
					return err
				}
				var e *documents.Evidence
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					e, err = documents.Get(r, evidenceID(given[0]))
					return err
				}); err != nil {
					return err
				}
				zone, err := s.Config.Location()
				if err != nil {
					return err
				}
				if output != "" {
					if err := p.writeEvidence(cmd.Context(), s, e, output); err != nil {
						return err
					}
				}
				return p.print(e, func(w io.Writer) { printKept(w, e, zone) })
			})
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "write the file here")
	return command
}

// writeEvidence writes the file of evidence, after the reading is recorded.
func (p *program) writeEvidence(ctx context.Context, s *surface.System, e *documents.Evidence, path string) (err error) {
	_, in, err := s.OpenEvidence(ctx, caller(), e.ID)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	const readable = 0o600
	out, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, readable)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			_ = os.Remove(path) // half a file is none
		}
	}()
	_, err = io.Copy(out, in)
	return err
}

// evidenceID takes "evidence/EVD-1", or "EVD-1".
func evidenceID(ref string) string { return strings.TrimPrefix(ref, "evidence/") }

func (p *program) evidenceReview() *cobra.Command {
	var conclusion, reason string
	command := &cobra.Command{
		Use:   "review REF --conclude accepted|rejected --reason WHY",
		Short: "Record what somebody other than its preparer concludes of evidence",
		Args:  args(1, 1),
	}
	who := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		if conclusion != string(controltests.Accepted) && conclusion != string(controltests.NotAccepted) || strings.TrimSpace(reason) == "" {
			return usagef("scaf evidence review needs --conclude accepted or rejected, and --reason: why")
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
			zone, err := s.Config.Location()
			if err != nil {
				return err
			}
			by, err := who(cmd.Context(), s)
			if err != nil {
				return err
			}
			e, err := documents.Conclude(cmd.Context(), s.Door, by, evidenceID(given[0]), controltests.ReviewConclusion(conclusion), reason)
			if err != nil {
				return err
			}
			return p.print(e, func(w io.Writer) { printKept(w, e, zone) })
		})
	}
	command.Flags().StringVar(&conclusion, "conclude", "", "accepted or rejected")
	command.Flags().StringVar(&reason, "reason", "", "why")
	return command
}
