package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (p *program) ledgerAppend() *cobra.Command {
	return &cobra.Command{
		Use:   "append [FILE|-]",
		Short: "Append CloudEvents (JSON lines); print a receipt for each, in order",
		Long: `Append CloudEvents 1.0, one JSON document a line, and print one receipt line for
each, in order, once it is durable.

A file is checked whole before its first event is written. From a pipe, the
lines that arrive together are taken together, all or none; what has been
acknowledged stays.`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			name := "-"
			if len(given) > 0 {
				name = given[0]
			}
			file, err := p.file(name)
			if err != nil {
				return err
			}
			defer func() { _ = file.Close() }()
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return p.appendEvents(cmd.Context(), s, name, file)
			})
		},
	}
}

func (p *program) appendEvents(ctx context.Context, s *surface.System, name string, file io.Reader) error {
	if name == "-" {
		name = "standard input"
	}
	lines := &ledger.Lines{Name: name, Reader: file, Parser: s.Parser(), Now: s.Clock.Now}
	if whole := rewindable(file); whole != nil {
		if err := lines.Check(ctx, s.DB); err != nil {
			return err
		}
		if _, err := whole.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(p.Out)
	receipts := json.NewEncoder(out)
	return lines.Each(func(batch ledger.Batch) error {
		got, err := s.Door.Append(ctx, caller(), batch.Entries)
		if err != nil {
			return err
		}
		for _, receipt := range got {
			if err := receipts.Encode(receipt); err != nil {
				return err
			}
		}
		return out.Flush()
	})
}

// rewindable returns the file when it can be read twice: a regular file.
func rewindable(file io.Reader) io.Seeker {
	f, ok := file.(*os.File)
	if !ok {
		return nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return f
}
