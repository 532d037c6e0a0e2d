package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (p *program) ledgerCommand() *cobra.Command {
	return noun("ledger", "Append to, read, prove and verify the ledger",
		p.ledgerAppend(), p.ledgerList(), p.ledgerShow(), p.ledgerVerify(), p.ledgerKey(),
		p.ledgerPublish(), p.ledgerProve(), p.ledgerCheckProof(), p.ledgerTimestamp())
}

func (p *program) ledgerList() *cobra.Command {
	var q ledger.Query
	var since, until string
	var limit int
	command := &cobra.Command{
		Use:   "list [--type --subject --actor --since --until --limit]",
		Short: "List events in the order of the ledger",
		Long: `List events in the order of the ledger. --type takes a whole type, or a prefix
that ends with *. --since is inclusive, --until exclusive; both compare the time at
which the event happened. --limit keeps the newest that match.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				if err := interval(s.Config, since, until, &q.Since, &q.Until); err != nil {
					return err
				}
				return p.list(cmd.Context(), s, q, limit)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&q.Type, "type", "", "only events of this type (a prefix when it ends with *)")
	flags.StringVar(&q.Subject, "subject", "", "only events about this subject")
	flags.StringVar(&q.Actor, "actor", "", "only events of this actor")
	flags.StringVar(&since, "since", "", "only events from this date or time on")
	flags.StringVar(&until, "until", "", "only events before this date or time")
	flags.IntVar(&limit, "limit", 0, "at most this many, the newest")
	return command
}

// interval reads --since and --until.
func interval(c *config.Config, since, until string, from, to *time.Time) error {
	zone, err := c.Location()
	if err != nil {
		return err
	}
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"--since", since, from}, {"--until", until, to}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = config.Instant(bound.text, zone); err != nil {
			return usagef("%s: %w", bound.name, err)
		}
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(*to) {
		return usagef("--until (%s) must lie after --since (%s)", until, since)
	}
	return nil
}

func (p *program) list(ctx context.Context, s *surface.System, q ledger.Query, limit int) error {
	if limit < 0 {
		return usagef("--limit must not be negative")
	}
	show := func(e *ledger.Event) error {
		if p.json {
			return p.line(e)
		}
		printf(p.Out, "%8d  %s  %s\n", e.Index, e.Instant().UTC().Format("2006-01-02 15:04:05Z"), shorten(e.Type, 46))
		if detail := strings.TrimSpace(strings.Join([]string{e.Subject, by(e.Actor), e.Outcome}, " ")); detail != "" {
			printf(p.Out, "          %s\n", shorten(detail, 70))
		}
		return nil
	}
	if limit == 0 {
		return ledger.Find(ctx, s.DB, q, show)
	}
	q.Newest = true
	var newest []*ledger.Event
	if err := ledger.Find(ctx, s.DB, q, func(e *ledger.Event) error {
		if newest = append(newest, e); len(newest) == limit {
			return ledger.Stop
		}
		return nil
	}); err != nil {
		return err
	}
	for i := len(newest) - 1; i >= 0; i-- {
		if err := show(newest[i]); err != nil {
			return err
		}
	}
	return nil
}

func by(actor string) string {
	if actor == "" {
		return ""
	}
	return "by " + actor
}

func (p *program) ledgerShow() *cobra.Command {
	var raw bool
	command := &cobra.Command{
		Use:   "show INDEX [--raw]",
		Short: "Show one event; with --raw exactly the bytes that are hashed",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			index, err := indexArgument(given[0])
			if err != nil {
				return err
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var event *ledger.Event
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					event, err = ledger.Get(r, index)
					return err
				}); err != nil {
					return err
				}
				if raw {
					_, err := p.Out.Write(event.Body)
					return err
				}
				result := struct {
					Index    int64           `json:"index"`
					LeafHash string          `json:"leaf_hash"`
					Event    json.RawMessage `json:"event"`
				}{event.Index, event.LeafHash, event.Body}
				return p.print(result, func(w io.Writer) {
					var indented bytes.Buffer
					if json.Indent(&indented, event.Body, "", "  ") != nil {
						indented.Write(event.Body)
					}
					printf(w, "event      %d\nleaf hash  %s\n", event.Index, event.LeafHash)
					_, _ = fmt.Fprintln(w, indented.String()) // JSON is not folded
				})
			})
		},
	}
	command.Flags().BoolVar(&raw, "raw", false, "the stored bytes, nothing else")
	return command
}

func indexArgument(text string) (int64, error) {
	index, err := strconv.ParseInt(text, 10, 64)
	if err != nil || index < 0 {
		return 0, usagef("%q is no index: events are numbered 0, 1, 2 ...", text)
	}
	return index, nil
}

func (p *program) ledgerVerify() *cobra.Command {
	var index bool
	command := &cobra.Command{
		Use:   "verify [--index]",
		Short: "Verify log, tiles, publications and state; exit 1 at the first difference",
		Long: `Verify the log, its tiles and its search index, every publication, and that every
record is what replaying the events gives. Exit 1 at the first difference, which is
named. --index also computes the search index again from the events, which takes
twice the time; the daily verification does that for what it reads.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var only []ledger.Span
				if index {
					only = []ledger.Span{{From: 0, To: math.MaxInt64}}
				}
				update, finish := p.progress("verifying")
				result, err := s.Verify(cmd.Context(), only, update)
				finish()
				if err != nil {
					return err
				}
				return p.print(result, func(w io.Writer) {
					printf(w, "The ledger %s is whole: %d events, every byte read.\n", result.Origin, result.Size)
					printf(w, "root         %s\n", result.Root)
					printf(w, "tiles        %d compared\ncheckpoints  %d earlier ones continued\n", result.Tiles, result.Checkpoints)
					if result.Files > 0 {
						printf(w, "published    %d files compared\n", result.Files)
					}
					printf(w, "state        every record is what replaying the events gives\n")
					printf(w, "time         %s\n", strings.Join(result.TimeText(), "\n             "))
				})
			})
			// A database that is too damaged to be opened has been verified, too.
			if errors.Is(err, ledger.ErrDamaged) || errors.Is(err, store.ErrCorrupt) {
				return failed{err}
			}
			return err
		},
	}
	command.Flags().BoolVar(&index, "index", false, "compute the search index again, too")
	return command
}

func (p *program) ledgerKey() *cobra.Command {
	return &cobra.Command{
		Use:   "key",
		Short: "Print the ledger's verifier key (C2SP signed note), one line",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				return p.print(map[string]string{"verifier_key": s.VerifierKey}, func(w io.Writer) { printf(w, "%s\n", s.VerifierKey) })
			})
		},
	}
}

func (p *program) ledgerPublish() *cobra.Command {
	var to, forget string
	command := &cobra.Command{
		Use:   "publish --to FOLDER",
		Short: "Write the ledger as a C2SP tlog-tiles log: checkpoint, tile/...",
		Long: `Write the ledger into a folder as a C2SP tlog-tiles log: checkpoint, tile/...
From then on scaf ledger verify compares the folder with the ledger, and fails
when it is gone. --forget ends that; the folder stays as it is.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (to == "") == (forget == "") {
				return usagef("scaf ledger publish needs --to FOLDER, or --forget FOLDER")
			}
			if forget != "" {
				return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
					if err := s.ForgetPublication(forget); err != nil {
						return err
					}
					return p.print(map[string]string{"forgotten": forget}, func(w io.Writer) {
						printf(w, "The publication %s is not verified any more.\n", forget)
					})
				})
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				update, finish := p.progress("publishing")
				var done *ledger.Published
				err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					done, err = ledger.Publish(r, to, s.VerifierKey, update)
					return err
				})
				finish()
				if errors.Is(err, ledger.ErrDamaged) {
					return failed{err}
				}
				if err != nil {
					return err
				}
				if err := s.AddPublication(to); err != nil {
					return err
				}
				return p.print(done, func(w io.Writer) {
					printf(w, "Published %d events to %s: %d files written, %d were there and right.\nroot  %s\n", done.Size, to, done.Files, done.Present, done.Root)
				})
			})
		},
	}
	command.Flags().StringVar(&to, "to", "", "folder to write to")
	command.Flags().StringVar(&forget, "forget", "", "folder that is not to be verified any more")
	return command
}

func (p *program) ledgerProve() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "prove INDEX [-o FILE]",
		Short: "Make the inclusion proof of an event, to be checked offline",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			index, err := indexArgument(given[0])
			if err != nil {
				return err
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				var proof *ledger.Proof
				if err := s.DB.Read(cmd.Context(), func(r *store.Reader) (err error) {
					proof, err = ledger.Prove(r, index)
					return err
				}); err != nil {
					if errors.Is(err, ledger.ErrDamaged) {
						return failed{err}
					}
					return err
				}
				data, err := json.MarshalIndent(proof, "", "  ")
				if err != nil {
					return err
				}
				data = append(data, '\n')
				if output == "" || output == "-" {
					_, err := p.Out.Write(data)
					return err
				}
				return durable.Replace(output, 0o644, data)
			})
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}

func (p *program) ledgerCheckProof() *cobra.Command {
	var keyFile string
	command := &cobra.Command{
		Use:   "check-proof FILE --key KEYFILE",
		Short: "Check a proof with nothing but the ledger's verifier key",
		Args:  args(1, 1),
		RunE: func(_ *cobra.Command, given []string) error {
			if keyFile == "" {
				return usagef("scaf ledger check-proof needs --key KEYFILE")
			}
			key, err := os.ReadFile(filepath.Clean(keyFile))
			if err != nil {
				return err
			}
			file, err := p.file(given[0])
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			data, err := io.ReadAll(io.LimitReader(file, 1<<20))
			if err != nil {
				return err
			}
			proof, err := ledger.ReadProof(data)
			if err != nil {
				return err
			}
			checkpoint, err := proof.Check(strings.TrimSpace(string(key)))
			if errors.Is(err, ledger.ErrUnreadable) {
				return err
			}
			if err != nil {
				return failed{err}
			}
			result := map[string]any{"index": proof.Index, "leaf_hash": proof.LeafHash, "size": checkpoint.Size, "origin": checkpoint.Origin}
			return p.print(result, func(w io.Writer) {
				printf(w, "Event %d is in the ledger %s of %d events.\n", proof.Index, checkpoint.Origin, checkpoint.Size)
			})
		},
	}
	command.Flags().StringVar(&keyFile, "key", "", "file with the ledger's verifier key")
	return command
}
