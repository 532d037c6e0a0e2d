package cli

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/operations/cloudtrail"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/ledger"
)

func (p *program) importCloudTrail() *cobra.Command {
	return &cobra.Command{
		Use:   "cloudtrail PATH...",
		Short: "Take AWS CloudTrail log files into the ledger",
		Long: `Take the records of AWS CloudTrail log files (.json and .json.gz, as delivered)
into the ledger. A PATH is a file, or a folder that is searched with all below it.
Digest files are compared with what they name; hours without a log file are listed
for each account and region.

Each record becomes an event of the type com.amazonaws.cloudtrail.SERVICE.NAME. A
record that is too large for an event is kept beside the ledger, and the event
holds its SHA-256.`,
		Args: args(1, -1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				size, err := ledgerSize(cmd.Context(), s)
				if err != nil {
					return err
				}
				update, finish := p.progress("importing CloudTrail")
				done, err := cloudtrail.Import{
					Door: s.Door, Caller: caller(), Blobs: s.Blobs, Parse: s.Parser().Parse, Size: size, Paths: given, Progress: update,
				}.Run(cmd.Context())
				finish()
				if err != nil {
					return err
				}
				found := details[cloudtrail.Details](done)
				err = p.imported(done, "Import of CloudTrail log files", "records", func(w io.Writer) { printTrail(w, found) })
				if err == nil && !found.Digests.Sound() {
					err = failed{errors.New("digest files do not fit: " + found.Digests.Problems[0])}
				}
				return err
			})
		},
	}
}

func printTrail(w io.Writer, found cloudtrail.Details) {
	printf(w, "files        %d log files, %d digest files, %d skipped, %d refused\n", found.LogFiles, found.DigestFiles, found.SkippedFiles, found.RefusedFiles)
	if found.Blobs > 0 {
		printf(w, "large        %d records are kept beside the ledger, their hash is in it\n", found.Blobs)
	}
	wrapped(w, "accounts     ", orNone(found.Accounts))
	wrapped(w, "regions      ", orNone(found.Regions))
	printf(w, "hours        %d without a log file, %d more known to be quiet\n", found.MissingHours, found.QuietHours)
	for _, gap := range found.HourGaps {
		kind := ""
		if gap.Quiet {
			kind = " quiet"
		}
		printf(w, "  - %s %s %s to %s (%d h)%s\n", gap.Account, gap.Region, gap.From.Format("2006-01-02 15h"), gap.To.Format("2006-01-02 15h"), gap.Hours, kind)
	}
	if rest := found.HourGapCount - len(found.HourGaps); rest > 0 {
		printf(w, "  and %d more\n", rest)
	}
	if found.DigestFiles == 0 {
		printf(w, "digests      none\n")
	} else {
		d := found.Digests
		printf(w, "digests      %d log files have the hash that a digest file names\n", d.Verified)
		printf(w, "             %d altered, %d missing, %d that no digest file names\n", d.Mismatching, d.Missing, d.Unlisted)
		printf(w, "             chain: %d hold, %d altered, %d missing, %d restarts\n", d.ChainVerified, d.ChainMismatching, d.ChainMissing, d.ChainRestarts)
		for _, problem := range d.Problems {
			wrapped(w, "  - ", problem)
		}
	}
	wrapped(w, "note         ", found.Note)
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// ledgerSize is the number of events before an import.
func ledgerSize(ctx context.Context, s *surface.System) (size int64, err error) {
	err = s.DB.Read(ctx, func(r *store.Reader) error {
		head, err := ledger.ReadHead(r)
		size = head.Size
		return err
	})
	return size, err
}
