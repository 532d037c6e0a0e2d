package cli

import (
	"io"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/record/tabular"
)

func (p *program) recordTemplate() *cobra.Command {
	var output string
	command := &cobra.Command{
		Use:   "template REGISTER -o FILE",
		Short: "Make an empty table of a register, to fill in and import",
		Long: `Make an empty table of a register as XLSX: its columns with the choices that SCAF
takes, and a sheet "help" that says what belongs in each. Fill it in, then:
  scaf import xlsx REGISTER FILE --sheet REGISTER --preview
It needs no folder.`,
		Args: args(1, 1),
		RunE: func(_ *cobra.Command, given []string) error {
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
			if err := replace(output, func(to io.Writer) error { return tabular.Template(to, kind) }); err != nil {
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
