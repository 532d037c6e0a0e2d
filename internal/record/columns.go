package record

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record/expr"
)

// A register with columns has a table of its own (record_current_<kind>) with a row
// for each record: the number and instant of its current version, and the values of
// the columns as one small JSON object, what lists are filtered and sorted by. Times
// are microseconds since 1970 in it, so that they compare as the instants that they
// are; a missing value is missing. Each declared (filter, sort) pair has an
// expression index over it (ADR 21, 29). It is derived from the document, and Check
// holds it against it.

// maxColumn is the most bytes of a text in a column that can be filtered: its
// index has to hold it. Of one that can be sorted only, the beginning counts.
const maxColumn = 512

// valueKind is what the values of a column are.
type valueKind int

const (
	valueText valueKind = iota
	valueInt
	valueDouble
	valueBool
	valueTime
)

// column is a declared column with what its values are.
type column struct {
	Column
	kind valueKind
}

// selective reports whether what is asked of the column finds few records, which are
// then sorted by anything: times are compared, and an order within one instant serves
// nobody.
func (c *column) selective() bool { return c.Selective || c.kind == valueTime }

// plan is what is worked out once of a kind's definition: its columns, and the
// language of its expressions.
type plan struct {
	once    sync.Once
	columns []column

	language    sync.Once
	env         *expr.Environment
	envRejected error
}

// environment is what guards and filters of the kind are compiled in.
func (k *Kind) environment() (*expr.Environment, error) {
	k.plan.language.Do(func() { k.plan.env, k.plan.envRejected = expr.NewEnvironment(k.Schema()) })
	return k.plan.env, k.plan.envRejected
}

// columns are the kind's declared columns.
func (k *Kind) columns() []column {
	k.plan.once.Do(func() {
		if len(k.Columns) == 0 {
			return
		}
		fields := k.Schema()
		for _, declared := range k.Columns {
			t, _ := expr.Of(fields, declared.Field) // Wrong tells of one that is missing
			kind := valueText
			switch {
			case t.Is(expr.Int):
				kind = valueInt
			case t.Is(expr.Double):
				kind = valueDouble
			case t.Is(expr.Bool):
				kind = valueBool
			case t.Is(expr.Timestamp):
				kind = valueTime
			}
			k.plan.columns = append(k.plan.columns, column{declared, kind})
		}
	})
	return k.plan.columns
}

// column finds a declared column, nil when there is none.
func (k *Kind) column(field string) *column {
	columns := k.columns()
	for i := range columns {
		if columns[i].Field == field {
			return &columns[i]
		}
	}
	return nil
}

// Worded says whether a column of the kind holds words of people: a text that is no
// reference and no choice. A record of another kind is found by its id alone.
func (k *Kind) Worded() bool {
	return slices.ContainsFunc(k.columns(), func(c column) bool {
		field := k.Field(c.Field)
		return c.kind == valueText && c.Field != "state" && field.Refers == "" && len(field.Choices) == 0
	})
}

// values are the column values of a canonical document; nil when the kind has
// no columns that are kept beside it. A value that its index cannot hold is
// *Invalid.
func (k *Kind) values(doc []byte) (any, error) {
	columns := k.columns()
	if len(columns) == 0 {
		return nil, nil
	}
	in := jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, err
	}
	found := make([]string, len(columns))
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return nil, err
		}
		at := -1
		text := name.String()
		for i := range columns {
			if columns[i].Field == text && text != k.At {
				at = i
			}
		}
		if at < 0 {
			if err := in.SkipValue(); err != nil {
				return nil, err
			}
			continue
		}
		raw, err := in.ReadValue()
		if err != nil {
			return nil, err
		}
		if found[at], err = columns[at].value(raw); err != nil {
			return nil, err
		}
	}
	out := []byte{'{'}
	for i, value := range found {
		if value == "" {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, columns[i].Field...)
		out = append(out, '"', ':')
		out = append(out, value...)
	}
	return string(append(out, '}')), nil
}

// value is a column's value as JSON; empty for none.
func (c *column) value(raw jsontext.Value) (string, error) {
	wrong := func(format string, args ...any) (string, error) {
		return "", &Invalid{[]FieldError{{c.Field, fmt.Sprintf(format, args...)}}}
	}
	kind := raw.Kind()
	switch {
	case kind == 'n':
		return "", nil
	case kind == '0' && (c.kind == valueInt || c.kind == valueDouble), (kind == 't' || kind == 'f') && c.kind == valueBool:
		return string(raw), nil
	case kind != '"' || c.kind != valueText && c.kind != valueTime:
		return wrong("is a %s, which a column of this type cannot hold", raw.Kind())
	}
	unquoted, err := jsontext.AppendUnquote(nil, []byte(raw))
	if err != nil {
		return "", err
	}
	if c.kind == valueTime {
		if len(unquoted) == 0 {
			return "", nil
		}
		at, err := time.Parse(time.RFC3339Nano, string(unquoted))
		if err != nil {
			return wrong("is not an RFC 3339 time like 2026-01-31T09:30:00Z")
		}
		return strconv.FormatInt(at.UnixMicro(), 10), nil
	}
	// PostgreSQL's JSON does not know the character U+0000: in a column it counts
	// as U+FFFD.
	plain := bytes.ReplaceAll(unquoted, []byte{0}, []byte("\uFFFD"))
	if len(plain) <= maxColumn && len(plain) == len(unquoted) {
		return string(raw), nil
	}
	if c.Filter && len(plain) > maxColumn {
		return wrong("has %d bytes, at most %d are taken in a field that lists are filtered by", len(unquoted), maxColumn)
	}
	short := strings.ToValidUTF8(string(plain[:min(len(plain), maxColumn)]), "")
	quoted, err := jsontext.AppendQuote(nil, short)
	return string(quoted), err
}

// sql is the expression of a column's value, the same text in indexes and in
// queries.
func (k *Kind) sql(dialect store.Dialect, c *column) string {
	if c.Field == k.At {
		return "at"
	}
	if dialect == store.SQLite {
		return `json_extract(cols, '$."` + c.Field + `"')`
	}
	value := "(cols->>'" + c.Field + "')"
	switch c.kind {
	case valueInt, valueTime:
		return "(" + value + "::bigint)"
	case valueDouble:
		return "(" + value + "::double precision)"
	case valueBool:
		return "(" + value + "::boolean)"
	}
	return "(" + value + ` COLLATE "C")`
}

// table is where the columns' values are. Each register has its own: an index of a
// table, also one that concerns a few of its rows only, costs something on every
// write to it, and on SQLite the more the more there are.
func (k *Kind) table() string { return "record_current_" + k.Name }

// listed reports whether the kind has that table.
func (k *Kind) listed() bool { return len(k.Columns) > 0 }

// current is what lists select from: id, version, at and cols of the current versions.
func (k *Kind) current() string {
	if !k.listed() {
		return "(SELECT id, version, at FROM record_version WHERE " + of(k.Name) + " AND to_idx IS NULL) AS listed"
	}
	return k.table()
}

// keep writes the values of new current versions: rows of id, version, at and cols.
func (k *Kind) keep(tx *act.Tx, rows [][]any) error {
	if !k.listed() {
		return nil
	}
	var fresh [][]any
	for _, row := range rows {
		if row[1] == 1 {
			fresh = append(fresh, row)
			continue
		}
		n, err := tx.Exec("UPDATE "+k.table()+" SET version = $2, at = $3, cols = $4 WHERE id = $1", row...)
		if err == nil && n != 1 {
			err = fmt.Errorf("%w: the list of %s lacks %s", store.ErrCorrupt, k.Register, row[0])
		}
		if err != nil {
			return err
		}
	}
	return tx.Insert(k.table(), currentColumns, fresh)
}

var currentColumns = []string{"id", "version", "at", "cols"}

// sorts are the columns that lists can be sorted by; nil stands for the id.
func (k *Kind) sorts() []*column {
	var sorts []*column
	columns := k.columns()
	for i := range columns {
		if columns[i].Sort {
			sorts = append(sorts, &columns[i])
		}
	}
	if k.At != "" && (k.column(k.At) == nil || !k.column(k.At).Sort) {
		sorts = append(sorts, k.byInstant())
	}
	if k.At == "" {
		sorts = append(sorts, nil)
	}
	return sorts
}

// ByNumber is the order of ids that SCAF numbers: RSK-9 comes before RSK-10.
func ByNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// order is by what records are ordered of which nothing else says which comes first: by
// their ids, and where SCAF numbers them by the number, RSK-2 before RSK-10.
func (k *Kind) order() []string {
	if k.Prefix != "" {
		return []string{"length(id)", "id"}
	}
	return []string{"id"}
}

// byInstant is the column of the record's instant, declared or not.
func (k *Kind) byInstant() *column {
	return &column{Column{Field: k.At, Sort: true}, valueTime}
}

// indexes are the statements that make the indexes of the kind's table: one for
// each sort, one for each (filter, sort) pair that is not scanned, and one alone for a
// filter that finds few records. Every write pays for each of them.
func (k *Kind) indexes(dialect store.Dialect) (made []string) {
	add := func(parts ...string) {
		body := " ON " + k.table() + " (" + strings.Join(parts, ", ") + ")"
		sum := sha256.Sum256([]byte(body))
		name := "record_col_" + k.Name + "_" + hex.EncodeToString(sum[:6])
		if statement := "CREATE INDEX " + name + body; !slices.Contains(made, statement) {
			made = append(made, statement)
		}
	}
	for _, sort := range k.sorts() {
		order := k.order()
		if sort != nil {
			order = append([]string{k.sql(dialect, sort)}, order...)
		}
		if len(order) > 1 { // by the id alone goes the table itself
			add(order...)
		}
		columns := k.columns()
		for i := range columns {
			switch c := &columns[i]; {
			case !c.Filter || sort != nil && c.Field == sort.Field || c.Scanned && (sort == nil || c.Order != sort.Field):
			case c.selective():
				add(append([]string{k.sql(dialect, c)}, k.order()...)...)
			default:
				add(append([]string{k.sql(dialect, c)}, order...)...)
			}
		}
	}
	return made
}
