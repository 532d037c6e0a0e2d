package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Insertion is rows for a table.
type Insertion struct {
	Table   string
	Columns []string
	Rows    [][]any // of string, int, int64 and []byte; a column has one type
}

// Together inserts rows into several tables and then runs one statement, whose
// number of changed rows it returns. On PostgreSQL all of it is one round trip.
// Errors are those of Insert.
func (tx *Tx) Together(insertions []Insertion, last string, args ...any) (int64, error) {
	if tx.dialect != Postgres {
		for _, in := range insertions {
			if err := tx.Insert(in.Table, in.Columns, in.Rows); err != nil {
				return 0, err
			}
		}
		return tx.Exec(last, args...)
	}
	batch := &pgx.Batch{}
	for _, in := range insertions {
		if len(in.Rows) == 0 {
			continue
		}
		statement, arrays, err := in.unnest()
		if err != nil {
			return 0, err
		}
		batch.Queue(statement, arrays...)
	}
	batch.Queue(last, args...)
	var changed int64
	err := tx.writer.native(func(conn *pgx.Conn) error {
		results := conn.SendBatch(tx.ctx, batch)
		for range batch.Len() {
			tag, err := results.Exec()
			if err != nil {
				_ = results.Close() // the first error is the one to tell
				return err
			}
			changed = tag.RowsAffected()
			tx.changed += changed
		}
		return results.Close()
	})
	return changed, err
}

// unnest writes an insertion as one statement with an array for each column.
func (in Insertion) unnest() (statement string, arrays []any, err error) {
	var types []string
	for column := range in.Columns {
		array, kind, err := columnOf(in.Rows, column)
		if err != nil {
			return "", nil, fmt.Errorf("%s.%s: %w", in.Table, in.Columns[column], err)
		}
		arrays = append(arrays, array)
		types = append(types, "$"+strconv.Itoa(column+1)+"::"+kind+"[]")
	}
	return "INSERT INTO " + in.Table + " (" + strings.Join(in.Columns, ", ") + ") SELECT * FROM unnest(" + strings.Join(types, ", ") + ")", arrays, nil
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
