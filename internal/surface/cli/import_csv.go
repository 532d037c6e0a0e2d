package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
	"scaf.dev/scaf/internal/surface"
)

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
time zone), a list of texts a line each or with semicolons between them, other
values as JSON. An empty cell says nothing.

A record that is there already is skipped; with --update the fields that a row
speaks of are changed where they differ. --preview prints what is new, what would
change and what would be refused, and writes nothing.`

// importTable completes the command of a form of tables.
func (p *program) importTable(form string, command *cobra.Command) *cobra.Command {
	var mapping []string
	delimiter := ","
	one, preview := surface.Table{Form: form}, false
	command.Args = args(2, 2)
	command.RunE = func(cmd *cobra.Command, given []string) (err error) {
		if one.Options, err = tabularOptions(mapping, delimiter); err != nil {
			return err
		}
		one.Register, one.Name = given[0], given[1]
		if preview {
			return p.reading(cmd.Context(), one.Register, func(s *surface.System) error { return p.previewTable(cmd.Context(), s, one) })
		}
		return p.open(cmd.Context(), surface.Write, func(s *surface.System) error { return p.takeTable(cmd.Context(), s, one) })
	}
	flags := command.Flags()
	flags.StringArrayVar(&mapping, "map", nil, "FIELD=COLUMN, again for more; -=COLUMN leaves the column out")
	if form == tabular.CSV {
		flags.StringVar(&delimiter, "delimiter", ",", "what separates cells: one character, or the word tab")
	} else {
		flags.StringVar(&one.Sheet, "sheet", "", "the sheet (default: the only one, or the one named after the register)")
	}
	flags.BoolVar(&one.Update, "update", false, "change records that are there and differ")
	flags.BoolVar(&preview, "preview", false, "print what would become of each row, and write nothing")
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

// table opens the file of a table for as long as work takes.
func (p *program) table(one surface.Table, work func(surface.Table, surface.TableFile) error) error {
	file, name, release, err := p.staged(one.Name)
	if err != nil {
		return err
	}
	defer release()
	show, finish := p.progress("reading rows")
	defer finish()
	one.Name, one.Progress = name, func(done, rows int64) { show(done, rows) }
	err = work(one, file)
	switch {
	case errors.Is(err, tabular.ErrSheet):
		return fmt.Errorf("%w: name one with --sheet", err)
	case errors.Is(err, tabular.ErrColumn):
		return fmt.Errorf("%w; or map it with --map FIELD=COLUMN, or leave it out with --map -=COLUMN", err)
	}
	return err
}

func (p *program) takeTable(ctx context.Context, s *surface.System, one surface.Table) error {
	var done *record.Completed
	if err := p.table(one, func(t surface.Table, file surface.TableFile) (err error) {
		one.Name = t.Name
		done, err = s.TakeTable(ctx, caller(), t, file)
		return err
	}); err != nil {
		return err
	}
	return p.imported(done, "Import of "+one.Name+" into the register "+done.Register, "rows", nil)
}

// previewTable prints what an import would do: each row that is new, would
// change or be refused, and how many there are. A row that would be refused
// fails the check.
func (p *program) previewTable(ctx context.Context, s *surface.System, one surface.Table) error {
	return p.table(one, func(t surface.Table, file surface.TableFile) error {
		var first record.Preview
		heading := sync.OnceFunc(func() {
			if !p.json {
				printf(p.Out, "Preview of %s for the register %s; nothing is written\n", t.Name, t.Register)
			}
		})
		done, err := s.PreviewTable(ctx, caller(), t, file, func(row record.Preview) error {
			heading()
			if row.Outcome == record.Refused && first.Where == "" {
				first = row
			}
			return p.previewed(row)
		})
		if err != nil {
			return err
		}
		heading()
		if err := p.print(done, func(w io.Writer) {
			printf(w, "read         %d rows\nnew          %d\n", done.Read, done.New)
			printf(w, "changed      %d\n", done.Changed)
			if done.Changed > 0 && !one.Update {
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
	if row.Outcome == record.New {
		return nil // what it says stands in the file
	}
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
