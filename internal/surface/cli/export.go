package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

// export is which records leave, and how.
type export struct {
	format, output, filter string
	asOf                   int64
}

func (p *program) recordExport() *cobra.Command {
	var e export
	command := &cobra.Command{
		Use:   "export REGISTER [--format csv|xlsx|jsonl] [-o FILE] [--filter CEL] [--as-of SIZE]",
		Short: "Write the records of a register as a table or as JSON lines",
		Long: `Write the records of a register, ordered by their instant, as CSV, XLSX or JSON
lines (one canonical document on each). An import of the file changes nothing.

Text never becomes a formula: in CSV an apostrophe is put in front of a text that
begins with = + - @, a tab or a carriage return, or has spaces around it.

--as-of SIZE writes the records as they were at the checkpoint of that size.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			if e.asOf < 0 || cmd.Flags().Changed("as-of") && e.asOf == 0 {
				return usagef("--as-of: %d is no size of a checkpoint", e.asOf)
			}
			switch e.format {
			case tabular.CSV, tabular.XLSX, tabular.JSONL:
			default:
				return usagef("--format %q is not known: csv, xlsx or jsonl", e.format)
			}
			if e.format == tabular.XLSX && (e.output == "" || e.output == "-") && isTerminal(p.Out) {
				return usagef("an XLSX file is nothing for a terminal: name a file with -o")
			}
			return p.reading(cmd.Context(), given[0], func(s *surface.System) error {
				kind, err := s.Kinds.Find(given[0])
				if err != nil {
					return err
				}
				return p.exportRecords(cmd.Context(), s, kind, e)
			})
		},
	}
	flags := command.Flags()
	flags.StringVar(&e.format, "format", tabular.CSV, "csv, xlsx or jsonl")
	flags.StringVarP(&e.output, "output", "o", "", "file to write (default: standard output)")
	flags.StringVar(&e.filter, "filter", "", "CEL expression over item")
	flags.Int64Var(&e.asOf, "as-of", 0, "size of a checkpoint (default: now)")
	return command
}

func (p *program) exportRecords(ctx context.Context, s *surface.System, kind *record.Kind, e export) error {
	if err := s.ViewRecords(ctx, caller(), kind, "", map[string]string{"filter": e.filter}); err != nil {
		return err
	}
	keep, err := s.Filter(kind, e.filter)
	if err != nil {
		return usagef("--filter: %w", err)
	}
	if e.output == "" || e.output == "-" {
		_, err := e.write(ctx, s, kind, keep, p.Out)
		return err
	}
	n := 0
	if err := replace(e.output, func(to io.Writer) (err error) {
		n, err = e.write(ctx, s, kind, keep, to)
		return err
	}); err != nil {
		return err
	}
	if !p.json {
		printf(p.Err, "%d records of %s written to %s\n", n, kind.Register, e.output)
	}
	return nil
}

// write writes the records, and returns how many there were.
func (e export) write(ctx context.Context, s *surface.System, kind *record.Kind, keep func([]byte) (bool, error), to io.Writer) (n int, err error) {
	zone, err := s.Config.Location()
	if err != nil {
		return 0, err
	}
	out, err := tabular.NewWriter(to, kind, e.format, zone)
	if err != nil {
		return 0, err
	}
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		if head, err := ledger.ReadHead(r); err != nil {
			return err
		} else if e.asOf > head.Size {
			return usagef("--as-of: the ledger has %d events, not %d", head.Size, e.asOf)
		}
		return record.Each(r, record.Range{Kind: kind.Name, AsOf: e.asOf}, func(v *record.Version) error {
			if ok, err := keep(v.Doc); err != nil {
				return fmt.Errorf("%s: %w", v.Ref(), err)
			} else if !ok {
				return nil
			}
			n++
			return out.Write(v)
		})
	})
	if err != nil {
		out.Abort()
		return 0, err
	}
	return n, out.Close()
}

// replace writes a file as a stream, so that nobody sees a part of it. Only
// its owner may read it: a register may hold what others must not see.
func replace(name string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the first error is the one to tell
		return err
	}
	return durable.SyncDir(filepath.Dir(name))
}
