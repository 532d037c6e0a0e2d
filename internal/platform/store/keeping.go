package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

const (
	// maxKept is how many statements a connection keeps of the latest generation, and
	// as many of the one before. The program has about as many of its own; the others
	// are those of lists that are filtered by whatever people ask, and by dates.
	maxKept = 400
	// maxArguments of a statement that is kept: long IN lists are of any length.
	maxArguments = 16
)

// keepers opens connections for readers of SQLite that keep their statements.
type keepers struct {
	driver driver.Driver
	name   string
}

// Driver implements driver.Connector.
func (k *keepers) Driver() driver.Driver { return k.driver }

// Connect implements driver.Connector.
func (k *keepers) Connect(context.Context) (driver.Conn, error) {
	opened, err := k.driver.Open(k.name)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(liteConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%w: %T is no connection to SQLite", ErrBroken, opened), opened.Close())
	}
	return &keeper{liteConn: conn, kept: map[string]driver.Stmt{}, old: map[string]driver.Stmt{}}, nil
}

// liteConn is what database/sql asks of the driver's connection.
type liteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// keeper is a connection that keeps the statements of its queries prepared: to
// prepare one takes longer than to run most. One that is under way is not begun
// again: a Reader has one query at a time, and database/sql gives a connection
// back when its rows are closed.
//
// Statements are of one schema. SQLite would prepare one again by itself when the
// schema has changed, and then plan it for the arguments that it is run with: by an
// index of the rows of one kind, say, by which it would find none of another kind
// the next time.
type keeper struct {
	liteConn
	// kept is the latest generation of statements, old the one before: what is used
	// again is moved to the latest one, and what was not is given up with its own.
	kept, old map[string]driver.Stmt
	schema    driver.Value // the schema's number, of the statements that are kept
}

// BeginTx implements driver.ConnBeginTx. The schema does not change within the
// transaction.
func (k *keeper) BeginTx(ctx context.Context, options driver.TxOptions) (_ driver.Tx, err error) {
	tx, err := k.liteConn.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	number, err := k.ask(ctx, "PRAGMA schema_version")
	if err == nil && number != k.schema {
		k.schema, err = number, k.forget()
		if err == nil { // the connection learns of the new schema by a query that runs
			_, err = k.ask(ctx, "SELECT count(*) FROM sqlite_schema")
		}
		err = errors.Join(err, k.forget())
	}
	if err != nil {
		return nil, errors.Join(err, tx.Rollback())
	}
	return tx, nil
}

// ask gives the one value that a query gives.
func (k *keeper) ask(ctx context.Context, query string) (driver.Value, error) {
	rows, err := k.QueryContext(ctx, query, nil)
	if err != nil {
		return nil, err
	}
	value := []driver.Value{nil}
	err = errors.Join(rows.Next(value), rows.Close())
	return value[0], err
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) > maxArguments {
		return k.liteConn.QueryContext(ctx, query, args)
	}
	statement, known := k.kept[query]
	if !known {
		if len(k.kept) == maxKept {
			if err := k.giveUp(k.old); err != nil {
				return nil, err
			}
			k.kept, k.old = k.old, k.kept
		}
		if statement, known = k.old[query]; known {
			delete(k.old, query)
		} else {
			var err error
			if statement, err = k.PrepareContext(ctx, query); err != nil {
				return nil, err
			}
		}
		k.kept[query] = statement
	}
	run, ok := statement.(driver.StmtQueryContext)
	if !ok {
		return nil, fmt.Errorf("%w: %T runs no query", ErrBroken, statement)
	}
	return run.QueryContext(ctx, args)
}

// forget gives the kept statements up.
func (k *keeper) forget() error { return errors.Join(k.giveUp(k.kept), k.giveUp(k.old)) }

func (k *keeper) giveUp(statements map[string]driver.Stmt) error {
	var all error
	for _, statement := range statements {
		all = errors.Join(all, statement.Close())
	}
	clear(statements)
	return all
}

// Close implements driver.Conn.
func (k *keeper) Close() error { return errors.Join(k.forget(), k.liteConn.Close()) }
