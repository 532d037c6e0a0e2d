package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// Read runs body on one snapshot of the database: every query of it sees the
// same moment, and none of them can write.
func (db *DB) Read(ctx context.Context, body func(*Reader) error) error {
	if db.dialect == SQLite {
		tx, err := db.readers.BeginTx(ctx, nil)
		if err != nil {
			return explain(err)
		}
		defer func() { _ = tx.Rollback() }()
		return body(&Reader{ctx: ctx, dialect: SQLite, from: tx, memo: &db.memo})
	}
	conn, err := db.snapshot(ctx)
	if err != nil {
		return explain(err)
	}
	defer func() {
		// Without the caller's context: it may have ended. A connection on which
		// this fails is not used again.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		_ = conn.Close()
	}()
	return body(&Reader{ctx: ctx, dialect: Postgres, native: func(use func(*pgx.Conn) error) error { return native(conn, use) }, memo: &db.memo})
}

// snapshot takes a connection to PostgreSQL and opens a transaction for
// reading. Connections that waited may have been cut meanwhile: each of them is
// given up for another one.
func (db *DB) snapshot(ctx context.Context) (*sql.Conn, error) {
	for waiting := idleConnections(); ; waiting-- {
		conn, err := db.readers.Conn(ctx)
		if err != nil {
			return nil, err
		}
		_, err = conn.ExecContext(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		if err == nil {
			return conn, nil
		}
		_ = conn.Close()
		if waiting == 0 || ctx.Err() != nil || !errors.Is(explain(err), ErrUnavailable) {
			return nil, err
		}
	}
}

// native uses the connection of the driver to PostgreSQL.
func native(conn *sql.Conn, use func(*pgx.Conn) error) error {
	return conn.Raw(func(driven any) error {
		conn, ok := driven.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("%w: %T is no connection to PostgreSQL", ErrBroken, driven)
		}
		if conn.Conn().IsClosed() {
			return driver.ErrBadConn
		}
		return use(conn.Conn())
	})
}

// querier is what a transaction and the writer have in common.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Reader reads one snapshot. It is not safe for concurrent use.
type Reader struct {
	ctx     context.Context
	dialect Dialect
	// from is the transaction on SQLite. PostgreSQL's connection is used
	// natively, which was measured to halve the cost of a row: database/sql
	// copies every text and every blob.
	from   querier
	native func(use func(*pgx.Conn) error) error
	// reading: a visit is under way.
	reading bool
	memo    *sync.Map
	seen    map[any]any // what was read once of the snapshot
}

// Memo holds what may be kept beside the database while it is open, and is true
// of every snapshot: it can be lost without harm. Nil in a transaction that
// writes, since what that reads may never have been.
func (r *Reader) Memo() *sync.Map { return r.memo }

// Beside is what lies beside the open database under a key that has a type of its
// own (see Memo), at first what is given; false in a transaction that writes.
func Beside[T any](r *Reader, key any, first T) (T, bool) {
	if r.memo == nil {
		return first, false
	}
	found, _ := r.memo.LoadOrStore(key, first)
	one, ok := found.(T)
	return one, ok
}

// Once reads something once of a snapshot, under a key that has a type of its own: it is what
// it was for as long as that is read. In a transaction that writes it is read each time.
func Once[T any](r *Reader, key any, read func() (T, error)) (T, error) {
	if was, ok := r.seen[key].(T); ok {
		return was, nil
	}
	value, err := read()
	if err == nil && r.memo != nil {
		if r.seen == nil {
			r.seen = map[any]any{}
		}
		r.seen[key] = value
	}
	return value, err
}

// Raw is a column's bytes without a copy: valid during the visit only.
type Raw = sql.RawBytes

// errFirst ends a query after its first row.
var errFirst = errors.New("the first row")

// One runs a query that gives one row and scans it. ErrNotFound when there is
// none. It takes no *Raw, which would not outlive it.
func (r *Reader) One(query string, args, into []any) error {
	err := r.Each(query, args, into, func() error { return errFirst })
	switch {
	case err == nil:
		return ErrNotFound
	case errors.Is(err, errFirst):
		return nil
	}
	return err
}

// Each runs a query and calls visit once a row, after into has been filled.
// It stops at the first error. Visit must not use the reader. A value of a
// type that the schema does not allow there is ErrCorrupt: SQLite stores what a
// damaged file says.
func (r *Reader) Each(query string, args, into []any, visit func() error) error {
	if r.reading {
		return errors.New("store: a query during the visit of another one")
	}
	r.reading = true
	defer func() { r.reading = false }()
	if r.dialect == SQLite {
		return r.eachLite(query, args, into, visit)
	}
	return r.eachNative(query, args, into, visit)
}

func (r *Reader) eachLite(query string, args, into []any, visit func() error) error {
	rows, err := r.from.QueryContext(r.ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return misfit(err, rows.Err())
		}
		if err := visit(); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

func (r *Reader) eachNative(query string, args, into []any, visit func() error) error {
	targets := make([]any, len(into))
	for i, target := range into {
		if raw, ok := target.(*Raw); ok {
			target = (*pgtype.DriverBytes)(raw)
		}
		targets[i] = target
	}
	var visited error // the visit's own, which says nothing of the database
	err := r.native(func(conn *pgx.Conn) error {
		rows, err := conn.Query(r.ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				return misfit(err, nil)
			}
			if visited = visit(); visited != nil {
				return nil
			}
		}
		return rows.Err()
	})
	if err != nil {
		return explain(err)
	}
	return visited
}

// misfit explains why a row could not be scanned; ended is what ended the rows.
func misfit(err, ended error) error {
	if ended != nil {
		return explain(ended)
	}
	if classify(err) == nil {
		return fmt.Errorf("%w (%w)", ErrCorrupt, err)
	}
	return explain(err)
}

// Sound checks that a table and its indexes say the same; ErrCorrupt when they
// do not. A query that goes by a damaged index would leave rows out. It reads
// the table and looks up every row in every index. On PostgreSQL nothing is
// checked.
func (r *Reader) Sound(table string) error {
	if r.dialect != SQLite {
		return nil
	}
	var found string
	if err := r.One(`PRAGMA integrity_check(`+table+`)`, nil, []any{&found}); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w: the table %s: %s", ErrCorrupt, table, found)
	}
	return nil
}

// Dialect tells which database this is.
func (r *Reader) Dialect() Dialect { return r.dialect }

// ReadTogether runs body with up to as many readers, for as many goroutines: mark is
// the same of all of them, and so is whatever never changes without it. Where
// writers leave no moment for that, body has one reader. At least half of the
// connections are left to others, who would wait for as long as body takes.
func (db *DB) ReadTogether(ctx context.Context, most int, mark func(*Reader) (string, error), body func([]*Reader) error) error {
	most = min(most, maxTogether())
	for range 3 {
		if alike, err := db.readAlike(ctx, most, mark, body); alike {
			return err
		}
	}
	return db.Read(ctx, func(r *Reader) error { return body([]*Reader{r}) })
}

// readAlike is ReadTogether, tried once; alike is false where the marks were not.
func (db *DB) readAlike(ctx context.Context, most int, mark func(*Reader) (string, error), body func([]*Reader) error) (alike bool, err error) {
	// Two that hold some connections and wait for those of the other would wait for
	// ever; once there are enough of them nothing is waited for any more.
	db.opening.Lock()
	opened := sync.OnceFunc(db.opening.Unlock)
	defer opened()
	alike = true
	var readers []*Reader
	first := ""
	var open func(r *Reader) error
	open = func(r *Reader) error {
		at, err := mark(r)
		if err != nil {
			return err
		}
		if len(readers) == 0 {
			first = at
		}
		if alike = at == first; !alike {
			return nil
		}
		if readers = append(readers, r); len(readers) < most {
			return db.Read(ctx, open)
		}
		opened()
		return body(readers)
	}
	err = db.Read(ctx, open)
	return alike, err
}
