package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

const (
	// maxKept is how many statements a connection keeps; when it has as many it
	// gives all of them up. The program has fewer of its own: the others are those
	// of lists that people filter.
	maxKept = 200
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
	return &keeper{conn, map[string]driver.Stmt{}}, nil
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
type keeper struct {
	liteConn
	kept map[string]driver.Stmt
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if len(args) > maxArguments {
		return k.liteConn.QueryContext(ctx, query, args)
	}
	statement, known := k.kept[query]
	if !known {
		var err error
		if statement, err = k.PrepareContext(ctx, query); err != nil {
			return nil, err
		}
		if len(k.kept) == maxKept {
			if err := k.forget(); err != nil {
				return nil, errors.Join(err, statement.Close())
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
func (k *keeper) forget() error {
	var all error
	for _, statement := range k.kept {
		all = errors.Join(all, statement.Close())
	}
	clear(k.kept)
	return all
}

// Close implements driver.Conn.
func (k *keeper) Close() error { return errors.Join(k.forget(), k.liteConn.Close()) }
