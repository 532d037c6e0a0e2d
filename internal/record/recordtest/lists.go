package recordtest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/tabular"
)

// lists holds every order, page by page, against the whole.
func (x *exercise) lists() {
	for range 7 {
		x.add(nil)
	}
	if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
		for _, sort := range x.Kind.Sortable() {
			for _, order := range []string{sort, "-" + sort} {
				whole, err := ids(r, x.Kind, record.Query{Sort: order})
				if err != nil {
					return err
				}
				paged, err := ids(r, x.Kind, record.Query{Sort: order, Limit: 2})
				if err != nil || len(whole) != 7 || !slices.Equal(whole, paged) {
					x.Errorf("by %s: %v, page by page %v (%v)", order, whole, paged, err)
				}
			}
		}
		for _, field := range x.Kind.Filterable() {
			for filter, want := range map[string]int{"has(item." + field + ") || !has(item." + field + ")": 7, "has(item." + field + ") && !has(item." + field + ")": 0} {
				got, err := ids(r, x.Kind, record.Query{Filter: filter})
				if err != nil || len(got) != want {
					x.Errorf("%s gives %d records, want %d (%v)", filter, len(got), want, err)
				}
			}
		}
		for _, bad := range []record.Query{{Sort: "no_such_field"}, {Filter: "item.no_such_field == 1"}, {Filter: "item."}} {
			if _, err := ids(r, x.Kind, bad); !errors.Is(err, record.ErrFilter) {
				x.Errorf("%+v: %v, want it refused", bad, err)
			}
		}
		_, err := ids(r, x.Kind, record.Query{After: "xx"})
		if !errors.Is(err, record.ErrCursor) {
			x.Errorf("a cursor that is none: %v", err)
		}
		return nil
	}); err != nil {
		x.Fatal(err)
	}
}

// ids lists a query to its end.
func ids(r *store.Reader, kind *record.Kind, q record.Query) (all []string, err error) {
	for {
		next, err := record.List(r, kind, q, func(v *record.Version) error {
			all = append(all, v.ID)
			return nil
		})
		if err != nil || next == "" {
			return all, err
		}
		q.After = next
	}
}

// tables exports the register in each form; an import of the file changes
// nothing.
func (x *exercise) tables() {
	for range 3 {
		x.add(nil)
	}
	if x.Kind.Internal {
		return
	}
	for _, form := range []string{tabular.CSV, tabular.XLSX} {
		var file bytes.Buffer
		out, err := tabular.NewWriter(&file, x.Kind, form, time.UTC)
		if err != nil {
			x.Fatal(err)
		}
		if err := x.l.DB.Read(context.Background(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: x.Kind.Name}, out.Write)
		}); err != nil {
			x.Fatal(err)
		}
		if err := out.Close(); err != nil {
			x.Fatal(err)
		}
		x.again(form, file.Bytes())
	}
}

// again previews the import of an exported file.
func (x *exercise) again(form string, file []byte) {
	x.Helper()
	content := bytes.NewReader(file)
	table, err := tabular.Open("export.csv", content, x.Kind, tabular.Options{})
	if form == tabular.XLSX {
		table, err = tabular.OpenXLSX("export.xlsx", content, int64(len(file)), "", x.Kind, tabular.Options{})
	}
	if err != nil {
		x.Fatalf("%s: %v", form, err)
	}
	done, err := record.Intake{Kind: x.Kind, Update: true}.Preview(context.Background(), x.l.DB, x.l.Clock.Now(), table.Items(), func(p record.Preview) error {
		if p.Outcome != record.Unchanged {
			x.Errorf("%s: after the way out and in again: %+v", form, p)
		}
		return nil
	})
	if err != nil || done.Unchanged != 3 {
		x.Errorf("%s: %+v %v", form, done, err)
	}
}
