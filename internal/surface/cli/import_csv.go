package cli

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

// csvQuery is the exact query of a CSV import.
type csvQuery struct {
	File      string            `json:"file"`
	SHA256    string            `json:"sha256"`
	Rows      int64             `json:"rows"`
	Delimiter string            `json:"delimiter"`
	Map       map[string]string `json:"map"` // field to column, where it was given
	Ignored   []string          `json:"ignored"`
	Update    bool              `json:"update"`
	Timezone  string            `json:"timezone"` // of dates without a time
}

func (p *program) importCSV() *cobra.Command {
	var mapping []string
	var delimiter string
	var update bool
	command := &cobra.Command{
		Use:   "csv REGISTER FILE [--map FIELD=COLUMN] [--update]",
		Short: "Take the rows of a CSV file into a register",
		Long: `Take the rows of a CSV file in UTF-8 into a register. The first line names the
columns. A column feeds the field of the same name, ignoring case, spaces, dots,
hyphens and underscores; --map FIELD=COLUMN says otherwise, and --map -=COLUMN
leaves a column out. A column that feeds nothing is an error.

Text and times are written as they are (a date is midnight in the organization's
time zone), other values as JSON. An empty cell says nothing.

A record that is there already is skipped; with --update the fields that a row
speaks of are changed where they differ.`,
		Args: args(2, 2),
		RunE: func(cmd *cobra.Command, given []string) error {
			options, err := tabularOptions(mapping, delimiter)
			if err != nil {
				return err
			}
			return p.open(cmd.Context(), surface.Write, func(s *surface.System) error {
				return p.takeCSV(cmd.Context(), s, given[0], given[1], options, update)
			})
		},
	}
	flags := command.Flags()
	flags.StringArrayVar(&mapping, "map", nil, "FIELD=COLUMN, again for more; -=COLUMN leaves the column out")
	flags.StringVar(&delimiter, "delimiter", ",", "what separates cells: one character, or the word tab")
	flags.BoolVar(&update, "update", false, "change records that are there and differ")
	return command
}

// tabularOptions reads --map and --delimiter.
func tabularOptions(mapping []string, delimiter string) (o tabular.Options, err error) {
	o.Columns, o.Ignored = map[string]string{}, []string{}
	for _, one := range mapping {
		field, column, ok := strings.Cut(one, "=")
		_, twice := o.Columns[field]
		switch {
		case !ok || field == "":
			return o, usagef("--map: %q is not FIELD=COLUMN", one)
		case field == "-":
			o.Ignored = append(o.Ignored, column)
		case twice:
			return o, usagef("--map: the field %s is given twice", field)
		default:
			o.Columns[field] = column
		}
	}
	if delimiter == "tab" || delimiter == `\t` {
		delimiter = "\t"
	}
	character, size := utf8.DecodeRuneInString(delimiter)
	if size == 0 || size != len(delimiter) || character == utf8.RuneError || strings.ContainsRune("\"\r\n", character) {
		return o, usagef("--delimiter: %q is not one character, like , or ; or the word tab", delimiter)
	}
	o.Delimiter = character
	return o, nil
}

const importCSV = "import.csv"

func (p *program) takeCSV(ctx context.Context, s *surface.System, register, name string, o tabular.Options, update bool) error {
	kind, err := s.Kinds.Find(register)
	if err != nil {
		return err
	}
	if kind.Internal {
		return fmt.Errorf("%w: %s are written by their own commands only", act.ErrDenied, kind.Register)
	}
	if err := s.Allow(ctx, caller(), importCSV, kind.Register); err != nil {
		return err
	}
	if o.Zone, err = s.Config.Location(); err != nil {
		return err
	}
	file, name, release, err := p.staged(name)
	if err != nil {
		return err
	}
	defer release()
	table, err := tabular.Open(name, file, kind, o)
	if err != nil {
		return err
	}
	show, finish := p.progress("importing rows")
	summary, err := record.Intake{
		Door: s.Door, Caller: caller(), Kind: kind, Action: importCSV, Update: update,
		Progress: func(done int64) { show(done, table.Rows) },
	}.Run(ctx, table.Items())
	finish()
	if err != nil {
		return err
	}
	done := &record.Completed{
		Source: "csv", Register: kind.Register, Summary: summary, Complete: true, Gaps: []string{},
		Query: csvQuery{name, table.SHA256, table.Rows, string(o.Delimiter), o.Columns, o.Ignored, update, o.Zone.String()},
	}
	if summary.Refused > 0 {
		done.Miss("%d rows were refused", summary.Refused)
	}
	if err := record.Complete(ctx, s.Door, caller(), importCSV, "csv", *done); err != nil {
		return err
	}
	return p.imported(done, "Import of "+name+" into the register "+kind.Register, "rows", nil)
}
