package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) recordTemplate() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "template REGISTER -o FILE",
		Short: "Make an empty table of a register, to fill in and import",
		Long: `Make an empty table of a register as XLSX: its columns with the choices that SCAF
takes, and a sheet "help" that says what belongs in each. Fill it in, then:
  scaf import xlsx REGISTER FILE --preview
It needs no folder. In one, it says what holds there: the scale of the risks.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			kind, err := p.backend.Kinds().Find(given[0])
			if err != nil {
				return usagef("%w", err)
			}
			if kind.Internal {
				return usagef("%s are written by their own commands only", kind.Register)
			}
			if output == "" {
				return usagef("name the file with -o")
			}
			helps, err := p.explained(cmd.Context(), kind)
			if err != nil {
				return err
			}
			if err := replace(output, func(to io.Writer) error { return tabular.Template(to, kind, helps) }); err != nil {
				return err
			}
			return p.print(map[string]string{"register": kind.Register, "file": output}, func(w io.Writer) {
				printf(w, "Template of %s written to %s\n", kind.Register, output)
			})
		},
	}
	command.Flags().StringVarP(&output, "output", "o", "", "file to write")
	return command
}

// explained is the help of a register's fields that depends on the records in the
// folder; none without a folder.
func (p *program) explained(ctx context.Context, kind *record.Kind) (helps map[string]string, err error) {
	if kind.Explain == nil {
		return nil, nil
	}
	err = p.open(ctx, surface.Read, func(s *surface.System) error {
		return s.DB.Read(ctx, func(r *store.Reader) error {
			helps, err = kind.Explained(r)
			return err
		})
	})
	if errors.Is(err, config.ErrMissing) {
		return nil, nil
	}
	return helps, err
}
