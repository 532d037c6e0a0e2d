package cli

import (
	"bytes"
	"encoding/json"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) reportCommand() *cobra.Command {
	return noun("report", "Reports", p.reportReadiness())
}

func (p *program) reportReadiness() *cobra.Command {
	var period, format, output, date string
	var days int
	command := &cobra.Command{
		Use:   "readiness [--period P] [--date D] [--format text|json|html] [-o FILE]",
		Short: "How the controls stand, what is new, what is late, and what comes",
		Long: `How the controls stand and why, what is new since the day before, what is late, and
what becomes a deviation for ever in the next days (--days) unless somebody does it.

With --date the report is that of the end of a day: from what the ledger held then,
with the control files of now.`,
		Args: args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 1 || days > surface.MaxDays {
				return usagef("--days %d: from 1 to %d", days, surface.MaxDays)
			}
			if p.json && format == "text" {
				format = "json"
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				query := surface.ReadinessQuery{Period: period, Days: days}
				if date != "" {
					var err error
					if query.At, err = s.Day(date); err != nil {
						return usagef("--date: %w", err)
					}
				}
				report, err := s.Readiness(cmd.Context(), query)
				if err != nil {
					return err
				}
				var b bytes.Buffer
				switch format {
				case "text":
					err = report.Text(&b)
				case "json":
					out := json.NewEncoder(&b)
					out.SetEscapeHTML(false)
					out.SetIndent("", "  ")
					err = out.Encode(report)
				case "html":
					err = report.HTML(&b)
				default:
					return usagef("--format %q is not known: text, json or html", format)
				}
				if err != nil {
					return err
				}
				if output == "" || output == "-" {
					_, err = p.Out.Write(b.Bytes())
					return err
				}
				return durable.Replace(output, 0o644, b.Bytes())
			})
		},
	}
	command.Flags().StringVar(&period, "period", "", "the period (default: the one that began last)")
	command.Flags().StringVar(&date, "date", "", "the day that the report is for (default: now)")
	command.Flags().IntVar(&days, "days", surface.DefaultDays, "how many days ahead to look")
	command.Flags().StringVar(&format, "format", "text", "text, json or html")
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}
