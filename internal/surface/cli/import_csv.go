package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

// tableQuery is the exact query of an import of a table.
type tableQuery struct {
	File      string            `json:"file"`
	Sheet     string            `json:"sheet,omitempty"` // of an XLSX file
	SHA256    string            `json:"sha256"`
	Rows      int64             `json:"rows"`
	Delimiter string            `json:"delimiter,omitempty"` // of a CSV file
	Map       map[string]string `json:"map"`                 // field to column, where it was given
	Ignored   []string          `json:"ignored"`
	Update    bool              `json:"update"`
	Timezone  string            `json:"timezone"` // of dates without a time
}

// tableImport is an import of a table: which file into which register, and how.
type tableImport struct {
	form            string // tabular.CSV or tabular.XLSX
	register, name  string
	sheet           string
	options         tabular.Options
	update, preview bool
}

func (p *program) importCSV() *cobra.Command {
	return p.importTable(tabular.CSV, &cobra.Command{
		Use:   "csv REGISTER FILE [--map FIELD=COLUMN] [--preview] [--update]",
		Short: "Take the rows of a CSV file into a register",
		Long: `Take the rows of a CSV file in UTF-8 into a register. The first line names the
columns. ` + tableHelp + `

A cell that begins with = + - @ is text. An apostrophe in front of such a text, or
of one with spaces around it, is not part of it: scaf record export writes them.`,
	})
}

func (p *program) importXLSX() *cobra.Command {
	return p.importTable(tabular.XLSX, &cobra.Command{
		Use:   "xlsx REGISTER FILE [--sheet NAME] [--map FIELD=COLUMN] [--preview] [--update]",
		Short: "Take the rows of a sheet of an XLSX file into a register",
		Long: `Take the rows of a sheet of an XLSX file into a register. The first row that is not
empty names the columns. ` + tableHelp + `

A date may be one of the spreadsheet or a text. A row with a formula is refused:
its stored value was computed by whoever saved the file. Merged cells and encrypted
files are refused whole.`,
	})
}

const tableHelp = `A column feeds the field of the same name, ignoring case, spaces, dots,
hyphens and underscores; --map FIELD=COLUMN says otherwise, and --map -=COLUMN
leaves a column out. A column that feeds nothing is an error.

Text and times are written as they are (a date is midnight in the organization's
time zone), other values as JSON. An empty cell says nothing.

A record that is there already is skipped; with --update the fields that a row
speaks of are changed where they differ. --preview prints what is new, what would
change and what would be refused, and writes nothing.`

// importTable completes the command of a form of tables.
func (p *program) importTable(form string, command *cobra.Command) *cobra.Command {
	var mapping []string
	delimiter := ","
	one := tableImport{form: form}
	command.Args = args(2, 2)
	command.RunE = func(cmd *cobra.Command, given []string) (err error) {
		if one.options, err = tabularOptions(mapping, delimiter); err != nil {
			return err
		}
		one.register, one.name = given[0], given[1]
		if one.preview {
			return p.reading(cmd.Context(), one.register, func(s *surface.System) error { return p.previewTable(cmd.Context(), s, one) })
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error { return p.takeTable(cmd.Context(), s, one) })
	}
	flags := command.Flags()
	flags.StringArrayVar(&mapping, "map", nil, "FIELD=COLUMN, again for more; -=COLUMN leaves the column out")
	if form == tabular.CSV {
		flags.StringVar(&delimiter, "delimiter", ",", "what separates cells: one character, or the word tab")
	} else {
		flags.StringVar(&one.sheet, "sheet", "", "the sheet (default: the only one)")
	}
	flags.BoolVar(&one.update, "update", false, "change records that are there and differ")
	flags.BoolVar(&one.preview, "preview", false, "print what would become of each row, and write nothing")
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

// openTable checks that the caller may feed the register, and opens the file
// for as long as work takes.
func (p *program) openTable(ctx context.Context, s *surface.System, one tableImport, work func(record.Intake, *tabular.Table, string) error) error {
	kind, err := s.Kinds.Find(one.register)
	if err != nil {
		return err
	}
	if kind.Internal {
		return fmt.Errorf("%w: %s are written by their own commands only", act.ErrDenied, kind.Register)
	}
	action := "import." + one.form
	if err := s.Allow(ctx, caller(), action, kind.Register); err != nil {
		return err
	}
	if one.options.Zone, err = s.Config.Location(); err != nil {
		return err
	}
	file, name, release, err := p.staged(one.name)
	if err != nil {
		return err
	}
	defer release()
	table, err := readTable(one, name, file, kind)
	if err != nil {
		return err
	}
	show, finish := p.progress("reading rows")
	defer finish()
	return work(record.Intake{
		Door: s.Door, Caller: caller(), Kind: kind, Action: action, Update: one.update,
		Progress: func(done int64) { show(done, table.Rows) },
	}, table, name)
}

func readTable(one tableImport, name string, file *os.File, kind *record.Kind) (*tabular.Table, error) {
	if one.form == tabular.CSV {
		return tabular.Open(name, file, kind, one.options)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	return tabular.OpenXLSX(name, file, size, one.sheet, kind, one.options)
}

func (p *program) takeTable(ctx context.Context, s *surface.System, one tableImport) error {
	var done *record.Completed
	var title string
	if err := p.openTable(ctx, s, one, func(intake record.Intake, table *tabular.Table, name string) error {
		summary, err := intake.Run(ctx, table.Items())
		if err != nil {
			return err
		}
		query := tableQuery{
			File: name, Sheet: table.Sheet, SHA256: table.SHA256, Rows: table.Rows, Map: one.options.Columns,
			Ignored: one.options.Ignored, Update: one.update, Timezone: table.Zone().String(),
		}
		if one.form == tabular.CSV {
			query.Delimiter = string(one.options.Delimiter)
		}
		done = &record.Completed{Source: one.form, Register: intake.Kind.Register, Summary: summary, Complete: true, Gaps: []string{}, Query: query}
		if summary.Refused > 0 {
			done.Miss("%d rows were refused", summary.Refused)
		}
		title = "Import of " + name + " into the register " + intake.Kind.Register
		return record.Complete(ctx, s.Door, caller(), intake.Action, one.form, *done)
	}); err != nil {
		return err
	}
	return p.imported(done, title, "rows", nil)
}

// previewTable prints what an import would do: each row that is new, would
// change or be refused, and how many there are. A row that would be refused
// fails the check.
func (p *program) previewTable(ctx context.Context, s *surface.System, one tableImport) error {
	return p.openTable(ctx, s, one, func(intake record.Intake, table *tabular.Table, name string) error {
		if err := s.ViewRecords(ctx, caller(), intake.Kind, "", nil); err != nil {
			return err
		}
		if !p.json {
			printf(p.Out, "Preview of %s for the register %s; nothing is written\n", name, intake.Kind.Register)
		}
		var first record.Preview
		done, err := intake.Preview(ctx, s.DB, table.Items(), func(row record.Preview) error {
			if row.Outcome == record.Refused && first.Where == "" {
				first = row
			}
			return p.previewed(row)
		})
		if err != nil {
			return err
		}
		if err := p.print(done, func(w io.Writer) {
			printf(w, "read         %d rows\nnew          %d\n", done.Read, done.New)
			printf(w, "changed      %d\n", done.Changed)
			if done.Changed > 0 && !one.update {
				printf(w, "             only --update takes them\n")
			}
			printf(w, "unchanged    %d\nrefused      %d\n", done.Unchanged, done.Refused)
		}); err != nil {
			return err
		}
		if done.Refused > 0 {
			return failed{fmt.Errorf("%d of %d rows would be refused; the first: %s: %s", done.Refused, done.Read, first.Where, first.Wrong)}
		}
		return nil
	})
}

// previewed prints one row of a preview, unless nothing would become of it.
func (p *program) previewed(row record.Preview) error {
	switch {
	case row.Outcome == record.Unchanged:
		return nil
	case p.json:
		return p.line(row)
	case row.Outcome == record.Refused:
		printf(p.Out, "refused      %s: %s\n", row.Where, row.Wrong)
		return nil
	}
	printf(p.Out, "%-12s %s  (%s)\n", row.Outcome, row.Ref, row.Where)
	for _, field := range row.Fields {
		printf(p.Out, "             %s: %s -> %s\n", field.Field, side(field.Old), side(field.New))
	}
	return nil
}

// side is one side of a difference as text.
func side(value []byte) string {
	if len(value) == 0 {
		return "(none)"
	}
	return string(value)
}
