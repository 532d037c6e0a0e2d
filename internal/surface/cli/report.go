package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/reports"
	"scaf.dev/scaf/internal/platform/durable"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) reportCommand() *cobra.Command {
	return noun("report", "Reports", p.reportReadiness())
}

func (p *program) reportReadiness() *cobra.Command {
	var period, format, output string
	command := &cobra.Command{
		Use:   "readiness [--period P] [--format text|json|html] [-o FILE]",
		Short: "How the controls stand, and why",
		Args:  args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.json && format == "text" {
				format = "json"
			}
			return p.open(cmd.Context(), surface.Read, func(s *surface.System) error {
				report, err := buildReadiness(cmd.Context(), s, period)
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
	command.Flags().StringVar(&format, "format", "text", "text, json or html")
	command.Flags().StringVarP(&output, "output", "o", "", "file to write (default: standard output)")
	return command
}

// buildReadiness builds the report of a period. Before any period was opened
// there is a report too: nothing has been tested.
func buildReadiness(ctx context.Context, s *surface.System, name string) (*reports.Readiness, error) {
	over, err := choosePeriod(ctx, s, name)
	if err != nil && (name != "" || !errors.Is(err, periods.ErrNone)) {
		return nil, err
	}
	if err != nil {
		over = nil
	}
	return s.Readiness(ctx, over)
}
