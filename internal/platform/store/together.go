package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Insertion is rows for a table.
type Insertion struct {
	Table   string
	Columns []string
	Rows    [][]any // of string, int, int64 and []byte; a column has one type
}

// Together runs one statement and then inserts rows into several tables. It
// returns the number of rows that the statement changed, also when inserting
// fails; errors are those of Insert. On PostgreSQL all of it is one round trip,
// with the transaction's BEGIN where nothing was done before.
func (tx *Tx) Together(insertions []Insertion, first string, args ...any) (int64, error) {
	if tx.dialect != Postgres {
		changed, err := tx.Exec(first, args...)
		for _, in := range insertions {
			if err == nil {
				err = tx.Insert(in.Table, in.Columns, in.Rows)
			}
		}
		return changed, err
	}
	var changed int64
	err := tx.writer.native(func(conn *pgx.Conn) error {
		p := &pipeline{ctx: tx.ctx, conn: conn}
		if err := p.add(first, args); err != nil {
			return err
		}
		for _, in := range insertions {
			if err := p.insert(in); err != nil {
				return err
			}
		}
		begin := tx.writer.owed
		tx.writer.owed = false
		counts, err := p.send(begin)
		for _, n := range counts {
			tx.changed += n
		}
		if len(counts) > 0 {
			changed = counts[0]
		}
		return err
	})
	return changed, err
}

// pipeline is statements for PostgreSQL that go out in one round trip.
type pipeline struct {
	ctx        context.Context
	conn       *pgx.Conn
	statements []bound
}

// bound is a prepared statement with its arguments in binary.
type bound struct {
	statement *pgconn.StatementDescription
	arguments [][]byte
}

// insert adds the rows of an insertion: many small ones in one statement with
// an array for each column, large ones each for itself, since driver and
// server would copy an array of them several times.
func (p *pipeline) insert(in Insertion) error {
	if len(in.Rows) == 0 {
		return nil
	}
	begin := "INSERT INTO " + in.Table + " (" + strings.Join(in.Columns, ", ") + ") "
	if in.large() {
		for _, row := range in.Rows {
			if err := p.add(begin+"VALUES ("+Parameters(1, len(in.Columns))+")", row); err != nil {
				return err
			}
		}
		return nil
	}
	var arrays []any
	var types []string
	for column := range in.Columns {
		array, kind, err := columnOf(in.Rows, column)
		if err != nil {
			return fmt.Errorf("%s.%s: %w", in.Table, in.Columns[column], err)
		}
		arrays = append(arrays, array)
		types = append(types, "$"+strconv.Itoa(column+1)+"::"+kind+"[]")
	}
	return p.add(begin+"SELECT * FROM unnest("+strings.Join(types, ", ")+")", arrays)
}

// largeRow is the size in bytes from which rows are large.
const largeRow = 2048

// large reports whether the rows are large on average.
func (in Insertion) large() bool {
	size := 0
	for _, row := range in.Rows {
		for _, value := range row {
			if b, ok := value.([]byte); ok {
				size += len(b)
			}
		}
	}
	return size >= largeRow*len(in.Rows)
}

// add prepares a statement, once for each connection, and encodes its
// arguments.
func (p *pipeline) add(text string, arguments []any) error {
	statement, err := p.conn.Prepare(p.ctx, text, text)
	if err != nil {
		return err
	}
	if len(statement.ParamOIDs) != len(arguments) {
		return fmt.Errorf("store: %d arguments for %d parameters of %s", len(arguments), len(statement.ParamOIDs), text)
	}
	b := bound{statement, make([][]byte, len(arguments))}
	for i, argument := range arguments {
		if raw, ok := argument.([]byte); ok {
			b.arguments[i] = raw
			continue
		}
		// Not into nil: an empty text would come out as null.
		b.arguments[i], err = p.conn.TypeMap().Encode(statement.ParamOIDs[i], pgx.BinaryFormatCode, argument, make([]byte, 0, 16))
		if err != nil {
			return fmt.Errorf("parameter %d of %s: %w", i+1, text, err)
		}
	}
	p.statements = append(p.statements, b)
	return nil
}

// flushBytes is how much is handed to the kernel at a time: the driver's
// buffer grows anew after each.
const flushBytes = 64 << 10

// send runs the statements, after a BEGIN where that is owed, and returns how
// many rows each of them changed, up to the first that failed.
func (p *pipeline) send(begin bool) (changed []int64, err error) {
	binary := []int16{pgx.BinaryFormatCode}
	out := p.conn.PgConn().StartPipeline(p.ctx)
	defer func() {
		if closed := out.Close(); err == nil {
			err = closed
		}
	}()
	if begin {
		out.SendQueryParams("BEGIN", nil, nil, nil, nil)
	}
	waiting := 0
	for _, b := range p.statements {
		out.SendQueryStatement(b.statement, b.arguments, binary, nil)
		for _, argument := range b.arguments {
			waiting += len(argument)
		}
		if waiting < flushBytes {
			continue
		}
		waiting = 0
		if err := out.Flush(); err != nil {
			return nil, err
		}
	}
	if err := out.Sync(); err != nil {
		return nil, err
	}
	for {
		results, err := out.GetResults()
		if err != nil {
			return changed, err
		}
		reader, ok := results.(*pgconn.ResultReader)
		if !ok { // the end
			return changed, nil
		}
		tag, err := reader.Close()
		if err != nil {
			return changed, err
		}
		if begin {
			begin = false
			continue
		}
		changed = append(changed, tag.RowsAffected())
	}
}

// columnOf collects a column's values in an array of their type.
func columnOf(rows [][]any, column int) (array any, kind string, err error) {
	switch rows[0][column].(type) {
	case string:
		array, err = collect(rows, column, func(value any) (string, bool) { s, ok := value.(string); return s, ok })
		return array, "text", err
	case []byte:
		array, err = collect(rows, column, func(value any) ([]byte, bool) { b, ok := value.([]byte); return b, ok })
		return array, "bytea", err
	case int, int64:
		array, err = collect(rows, column, func(value any) (int64, bool) {
			if n, ok := value.(int); ok {
				return int64(n), true
			}
			n, ok := value.(int64)
			return n, ok
		})
		return array, "bigint", err
	}
	return nil, "", fmt.Errorf("store: a %T cannot be inserted together", rows[0][column])
}

func collect[T any](rows [][]any, column int, as func(any) (T, bool)) ([]T, error) {
	values := make([]T, len(rows))
	for i, row := range rows {
		var ok bool
		if values[i], ok = as(row[column]); !ok {
			return nil, fmt.Errorf("store: a %T stands in a column of %T", row[column], values[i])
		}
	}
	return values, nil
}
