package cli

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) ledgerTimestamp() *cobra.Command {
	return &cobra.Command{
		Use:   "timestamp",
		Short: "Have the ledger's checkpoint time-stamped by the configured authority now",
		Long: `Ask the configured RFC 3161 authority for a time stamp of the ledger's latest
checkpoint and record it: every event up to there then provably existed at that
time. scaf serve does this every day at 01:00.

An authority is configured by scaf init --tsa URL --tsa-roots FILE, or by
"timestamp_url" and "timestamp_roots" in scaf.json.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				stamped, receipt, err := s.Stamp(cmd.Context(), caller(), nil)
				if err != nil {
					return err
				}
				result := struct {
					Size      int64       `json:"size"`
					Root      string      `json:"root"`
					Time      time.Time   `json:"time"`
					Authority string      `json:"authority"`
					Serial    string      `json:"serial"`
					Receipt   act.Receipt `json:"receipt"`
				}{stamped.Checkpoint.Size, stamped.Checkpoint.Root, stamped.Time, stamped.Authority, stamped.Serial, receipt}
				return p.print(result, func(w io.Writer) {
					printf(w, "The first %d events existed at %s,\nsays %s (serial %s).\n", result.Size, result.Time.Format(time.RFC3339), result.Authority, result.Serial)
					printf(w, "Recorded as event %d.\n", receipt.Index)
				})
			})
		},
	}
}
