package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

func (p *program) recordCommand() *cobra.Command {
	return noun("record", "Read and change records of the registers",
		p.recordList(), p.recordShow(), p.recordHistory(), p.recordAdd(), p.recordOpen(), p.recordSet(), p.recordMove(), p.recordLink(false), p.recordLink(true),
		p.recordComment(), p.recordAttach(), p.recordAttachments(), p.recordTag(false), p.recordTag(true), p.recordExpired(), p.recordDispose(), p.recordExport(), p.recordTemplate())
}

func (p *program) recordList() *cobra.Command {
	var query record.Query
	var limit int
	var columns string
	var tags []string
	command := &cobra.Command{
		Use:   "list REGISTER [--filter CEL] [--tag TAG] [--sort COLUMN]",
		Short: "List the current records of a register",
		Long: `List the current records of a register, ordered by their instant, or by the
column that --sort names, with - before it the last one first. --filter takes a CEL
expression over the register's columns, like: item.employment == "contractor"
--tag keeps the records that have the tag; given again, those that have all of them.
--columns names fields to print instead of the usual summary.`,
		Args: args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.reading(cmd.Context(), given[0], func(s *surface.System) error {
				kind, err := s.Kinds.Find(given[0])
				if err != nil {
					return err
				}
				return p.listRecords(cmd.Context(), s, kind, query, tags, limit, columns)
			})
		},
	}
	command.Flags().StringVar(&query.Filter, "filter", "", "CEL expression over the register's columns")
	command.Flags().StringArrayVar(&tags, "tag", nil, "only records with this tag; repeatable")
	command.Flags().StringVar(&query.Sort, "sort", "", "column to sort by, with - before it the last one first")
	command.Flags().StringVar(&columns, "columns", "", "fields to print, with commas between")
	command.Flags().IntVar(&limit, "limit", 0, "at most this many")
	return command
}

func (p *program) listRecords(ctx context.Context, s *surface.System, kind *record.Kind, query record.Query, tags []string, limit int, columns string) error {
	var names []string
	if columns != "" {
		names = strings.Split(columns, ",")
	}
	for _, name := range names {
		if kind.Type(name) == nil {
			return usagef("--columns: %q is no field of %s: %s", name, kind.Register, strings.Join(kind.Fields(), ", "))
		}
	}
	shown := 0
	query.Limit = limit
	_, err := s.ListRecords(ctx, caller(), kind, query, tags, func(v *record.Version) error {
		shown++
		if p.json {
			return p.line(v.Doc)
		}
		printf(p.Out, "%s\n    %s\n", v.Ref(), shorten(summary(v.Doc, names), 74))
		return nil
	})
	if errors.Is(err, record.ErrFilter) {
		return usagef("--filter, --sort, --tag: %w", err)
	}
	if err == nil && shown == 0 && !p.json {
		printf(p.Err, "No record of %s matches. Add one with: scaf record add %s FIELD=VALUE...\n", kind.Register, kind.Register)
	}
	return err
}

// summary is a record's most telling fields on one line.
// Of the columns, where some are named.
func summary(doc json.RawMessage, columns []string) string {
	var fields map[string]any
	if json.Unmarshal(doc, &fields) != nil {
		return string(doc)
	}
	var parts []string
	for _, name := range columns {
		if text, ok := fields[name].(string); ok {
			parts = append(parts, text)
		} else if value, err := json.Marshal(fields[name]); err == nil {
			parts = append(parts, string(value))
		}
	}
	if len(columns) > 0 {
		return strings.Join(parts, " · ")
	}
	for _, name := range []string{"title", "name", "email", "employment", "state", "merged_at", "joined_at", "from", "to", "conclusion"} {
		if text, ok := fields[name].(string); ok && text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " · ")
}

// reading opens the folder to read a register: for writing when the reading
// itself is to be recorded.
func (p *program) reading(ctx context.Context, register string, work func(*surface.System) error) error {
	mode := surface.Read
	if name, _, _ := strings.Cut(register, "/"); p.backend.Personal(name) {
		mode = surface.Write
	}
	return p.open(ctx, mode, work)
}

func (p *program) recordShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show REF",
		Short: "Show a record's current version",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.reading(cmd.Context(), given[0], func(s *surface.System) error {
				v, err := p.readRecord(cmd.Context(), s, given[0])
				if err != nil {
					return err
				}
				return p.print(v, func(w io.Writer) { printRecord(w, v) })
			})
		},
	}
}

func (p *program) readRecord(ctx context.Context, s *surface.System, ref string) (*record.Version, error) {
	kind, id, err := s.Kinds.Parse(ref)
	if err != nil {
		return nil, err
	}
	if err := s.ViewRecords(ctx, caller(), kind, id, nil); err != nil {
		return nil, err
	}
	var v *record.Version
	return v, s.DB.Read(ctx, func(r *store.Reader) (err error) {
		v, err = record.Get(r, kind.Name, id)
		return err
	})
}

func printRecord(w io.Writer, v *record.Version) {
	printf(w, "%s  version %d, made by event %d\n", v.Ref(), v.Version, v.From)
	printFields(w, v.Doc)
}

// printFields writes a document's fields in their order, a line each; those of
// an object within it below it.
func printFields(w io.Writer, doc json.RawMessage) { printNested(w, "  ", doc) }

func printNested(w io.Writer, indent string, doc json.RawMessage) {
	decoder := json.NewDecoder(bytes.NewReader(doc))
	if _, err := decoder.Token(); err != nil {
		return
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return
		}
		var value json.RawMessage
		if decoder.Decode(&value) != nil {
			return
		}
		if len(value) > 2 && value[0] == '{' && len(value) > textWidth/2 {
			printf(w, "%s%v\n", indent, name)
			printNested(w, indent+"  ", value)
			continue
		}
		label := fmt.Sprintf("%s%-*v ", indent, 28-len(indent), name)
		for i, text := range fieldTexts(value) {
			if i > 0 {
				label = strings.Repeat(" ", len(label))
			}
			wrapped(w, label, text)
		}
	}
}

// fieldTexts is a value as text: a string as it is, of a list one each.
func fieldTexts(value json.RawMessage) []string {
	var list []json.RawMessage
	if value[0] == '[' && len(value) > textWidth/2 && json.Unmarshal(value, &list) == nil {
		var all []string
		for _, one := range list {
			all = append(all, fieldTexts(one)...)
		}
		return all
	}
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return []string{text}
}

func (p *program) recordHistory() *cobra.Command {
	var proof bool
	command := &cobra.Command{
		Use:   "history REF [--proof]",
		Short: "Show every version of a record, and the event that made it",
		Args:  args(1, 1),
		RunE: func(cmd *cobra.Command, given []string) error {
			return p.reading(cmd.Context(), given[0], func(s *surface.System) error {
				kind, id, err := s.Kinds.Parse(given[0])
				if err != nil {
					return err
				}
				if err := s.ViewRecords(cmd.Context(), caller(), kind, id, nil); err != nil {
					return err
				}
				history, err := s.History(cmd.Context(), kind, id, proof)
				if err != nil {
					return err
				}
				return p.printHistory(history)
			})
		},
	}
	command.Flags().BoolVar(&proof, "proof", false, "give the inclusion proof of every event, for scaf ledger check-proof")
	return command
}

func (p *program) printHistory(history []surface.Step) error {
	for _, step := range history {
		if p.json {
			if err := p.line(step); err != nil {
				return err
			}
			continue
		}
		printf(p.Out, "version %d  event %d  %s  %s  by %s\n", step.Version, step.Index, step.Time.UTC().Format(time.RFC3339), step.Type, step.Actor)
		if step.Patch != nil {
			printFields(p.Out, step.Patch)
		}
		if step.Proof != nil {
			printf(p.Out, "  proof: event %d, leaf hash\n    %s\n", step.Proof.Index, step.LeafHash)
		}
	}
	return nil
}

func (p *program) recordAdd() *cobra.Command {
	command := &cobra.Command{
		Use:   "add REGISTER FIELD=VALUE...",
		Short: "Add a record",
		Long: `Add a record. Text and times are written as they are, other values as JSON:
  scaf record add people id=E1001 name="Alex Example" joined_at=2026-01-05T09:00:00Z
  scaf record add changes id=c1 title=Fix 'author={"name":"Alex"}' merged_at=...`,
		Args: args(2, -1),
	}
	as := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.change(cmd.Context(), given[0], "add", func(s *surface.System, kind *record.Kind, _ string) (*record.Version, error) {
			fields, err := assignments(s, kind, given[1:])
			if wrong := (*record.Invalid)(nil); errors.As(err, &wrong) {
				err = kind.Others(wrong, fields)
			}
			if err != nil {
				return nil, err
			}
			who, err := as(cmd.Context(), s)
			if err != nil {
				return nil, err
			}
			return s.AddRecord(cmd.Context(), who, kind, fields)
		})
	}
	return command
}

func (p *program) recordSet() *cobra.Command {
	var version int
	command := versionFlag(&cobra.Command{
		Use:   "set REF FIELD=VALUE...",
		Short: "Change fields of a record; an empty value clears the field",
		Args:  args(2, -1),
	}, &version)
	as := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.change(cmd.Context(), given[0], "set", func(s *surface.System, kind *record.Kind, id string) (*record.Version, error) {
			fields, err := assignments(s, kind, given[1:])
			if err != nil {
				return nil, err
			}
			who, err := as(cmd.Context(), s)
			if err != nil {
				return nil, err
			}
			return s.SetRecord(cmd.Context(), who, kind, id, version, fields)
		})
	}
	return command
}

func (p *program) recordMove() *cobra.Command {
	var version int
	command := versionFlag(&cobra.Command{
		Use:   "move REF STATE [FIELD=VALUE...]",
		Short: "Move a record to another state of its lifecycle",
		Args:  args(2, -1),
	}, &version)
	as := behalf(command)
	command.RunE = func(cmd *cobra.Command, given []string) error {
		return p.change(cmd.Context(), given[0], "move", func(s *surface.System, kind *record.Kind, id string) (*record.Version, error) {
			fields, err := assignments(s, kind, given[2:])
			if err != nil {
				return nil, err
			}
			who, err := as(cmd.Context(), s)
			if err != nil {
				return nil, err
			}
			return s.MoveRecord(cmd.Context(), who, kind, id, version, given[1], fields)
		})
	}
	return command
}

// change opens the folder for writing, does the work on a register or record
// and prints the version that came of it.
func (p *program) change(ctx context.Context, target, verb string, work func(*surface.System, *record.Kind, string) (*record.Version, error)) error {
	return p.open(ctx, surface.Write, func(s *surface.System) error {
		name, id, isRef := strings.Cut(target, "/")
		kind, err := s.Kinds.Find(name)
		if err != nil {
			return err
		}
		if isRef == (verb == "add") || isRef && id == "" {
			return usagef("scaf record %s: %q must be a %s", verb, target, map[bool]string{true: "register, like people", false: "reference, like person/E1001"}[verb == "add"])
		}
		if kind.Internal {
			return fmt.Errorf("%w: %s are written by their own commands only", act.ErrDenied, kind.Register)
		}
		v, err := work(s, kind, id)
		if err != nil {
			return refused(err)
		}
		return p.print(v, func(w io.Writer) { printRecord(w, v) })
	})
}

// assignments reads FIELD=VALUE arguments. A date is the beginning of the day in
// the organisation's time zone, as in an import.
func assignments(s *surface.System, kind *record.Kind, given []string) (map[string]json.RawMessage, error) {
	zone, err := s.Config.Location()
	if err != nil {
		return nil, err
	}
	fields, wrong := map[string]json.RawMessage{}, &record.Invalid{}
	for _, one := range given {
		field, text, ok := strings.Cut(one, "=")
		if !ok {
			return nil, usagef("%q is not FIELD=VALUE", one)
		}
		if _, twice := fields[field]; twice {
			return nil, usagef("the field %s is given twice", field)
		}
		value, err := kind.Value(field, text, zone)
		var invalid *record.Invalid
		if errors.As(err, &invalid) {
			wrong.Fields = append(wrong.Fields, invalid.Fields...)
		} else if err != nil {
			return nil, err
		}
		fields[field] = value
	}
	if len(wrong.Fields) > 0 {
		return fields, wrong
	}
	return fields, nil
}

// refused gives a stale change the exit status of a check that failed: nothing
// was overwritten, and both versions are shown.
func refused(err error) error {
	if !errors.Is(err, record.ErrStale) {
		return err
	}
	var stale *record.StaleError
	if !errors.As(err, &stale) {
		return failed{err}
	}
	value := func(raw []byte) string {
		if len(raw) == 0 {
			return "missing"
		}
		return shorten(string(raw), 60)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%v", stale)
	for _, field := range stale.Differing {
		fmt.Fprintf(&text, "\n%s: yours %s, current %s", field.Field, value(field.New), value(field.Old))
	}
	return failed{errors.New(text.String())}
}

// versionFlag gives a command the version that its change was made from.
func versionFlag(command *cobra.Command, version *int) *cobra.Command {
	command.Flags().IntVar(version, "version", record.AnyVersion, "the version that the change was made from; another one refuses it (default: any)")
	return command
}
