package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Writer is the one connection through which a process writes. It is not safe
// for concurrent use: act's lane owns it.
type Writer struct {
	db       *DB
	conn     *sql.Conn
	owns     bool // the connection holds the lock of the database (DB.Own)
	prepared map[string]*sql.Stmt
	tx       *Tx
	// owed: the transaction is open, and PostgreSQL has not been told yet.
	owed bool
}

// Writer takes a connection for writing.
func (db *DB) Writer(ctx context.Context) (*Writer, error) {
	if db.refusal != nil {
		return nil, db.refusal
	}
	conn, err := db.owner(ctx)
	if err != nil {
		return nil, err
	}
	return &Writer{db: db, conn: conn, owns: db.owned.is(), prepared: map[string]*sql.Stmt{}}, nil
}

// Close gives the connection back; an open transaction is rolled back.
func (w *Writer) Close() error {
	if w.tx != nil {
		w.Rollback()
	}
	for _, statement := range w.prepared {
		_ = statement.Close()
	}
	if w.owns {
		w.db.owned.giveBack(w.conn)
		return nil
	}
	return explain(w.conn.Close())
}

// Begin opens a transaction that holds the database's write lock (SQLite) or
// takes row locks as it goes (PostgreSQL). PostgreSQL hears of it with the
// first statement, so that a lost connection is noticed there.
func (w *Writer) Begin() (*Tx, error) {
	if w.tx != nil {
		return nil, errors.New("store: a transaction is open already")
	}
	if w.db.dialect == SQLite {
		if err := w.plain("BEGIN IMMEDIATE"); err != nil {
			return nil, err
		}
	} else {
		w.owed = true
	}
	w.tx = &Tx{Reader: Reader{ctx: context.Background(), dialect: w.db.dialect, from: w, native: w.inTransaction}, writer: w}
	return w.tx, nil
}

// Commit makes the transaction durable: when it returns nil, the bytes have
// been fsynced. After ErrUnknown the transaction may have been kept or not;
// after any other error nothing of it was.
func (w *Writer) Commit() error {
	w.tx = nil
	if w.owed { // nothing has been done
		w.owed = false
		return nil
	}
	err := w.commit()
	if err == nil {
		return nil
	}
	_ = w.plain("ROLLBACK")
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrIO) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

func (w *Writer) commit() error {
	if w.db.dialect == SQLite {
		return w.plain("COMMIT")
	}
	// PostgreSQL answers the COMMIT of a transaction in which a statement has
	// failed with ROLLBACK, which is no error to the driver.
	return w.native(func(conn *pgx.Conn) error {
		tag, err := conn.Exec(context.Background(), "COMMIT")
		if err == nil && tag.String() != "COMMIT" {
			err = fmt.Errorf("%w: the commit was answered with %s", ErrBroken, tag)
		}
		return err
	})
}

// settle sends the BEGIN that is owed.
func (w *Writer) settle(ctx context.Context) error {
	if !w.owed {
		return nil
	}
	w.owed = false
	_, err := w.conn.ExecContext(ctx, "BEGIN")
	return err
}

// native uses PostgreSQL's connection for what database/sql has no word for.
// It sends no BEGIN.
func (w *Writer) native(use func(*pgx.Conn) error) error { return explain(native(w.conn, use)) }

// Rollback drops the transaction.
func (w *Writer) Rollback() {
	w.tx = nil
	if w.owed {
		w.owed = false
		return
	}
	_ = w.plain("ROLLBACK") // nothing to roll back is no error worth telling
}

// plain runs a statement without arguments. SQLite prepares it once: a
// savepoint per change is then a few microseconds.
func (w *Writer) plain(statement string) error {
	_, err := w.ExecContext(context.Background(), statement)
	return explain(err)
}

// inTransaction is native after the BEGIN.
func (w *Writer) inTransaction(use func(*pgx.Conn) error) error {
	if err := w.settle(context.Background()); err != nil {
		return explain(err)
	}
	return w.native(use)
}

// ExecContext runs a statement; on SQLite it is prepared once.
func (w *Writer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if w.db.dialect == Postgres { // pgx keeps a statement cache of its own
		if err := w.settle(ctx); err != nil {
			return nil, err
		}
		return w.conn.ExecContext(ctx, query, args...)
	}
	statement, err := w.statement(ctx, query) //nolint:sqlclosecheck // kept until the writer is closed
	if err != nil {
		return nil, err
	}
	return statement.ExecContext(ctx, args...)
}

// QueryContext implements querier, for SQLite.
func (w *Writer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if len(args) > maxArguments {
		return w.conn.QueryContext(ctx, query, args...)
	}
	statement, err := w.statement(ctx, query) //nolint:sqlclosecheck // kept until the writer is closed
	if err != nil {
		return nil, err
	}
	return statement.QueryContext(ctx, args...)
}

func (w *Writer) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, ok := w.prepared[query]; ok {
		return statement, nil
	}
	statement, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	w.prepared[query] = statement
	return statement, nil
}

// Tx is an open write transaction. Reads in it see its own writes.
type Tx struct {
	Reader
	writer  *Writer
	changed int64
}

// Exec runs a statement and returns how many rows it changed. Check it: an
// update of no row is how a lost update looks.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	result, err := tx.writer.ExecContext(tx.ctx, query, args...)
	if err != nil {
		return 0, explain(err)
	}
	rows, err := result.RowsAffected()
	if err != nil {
		return 0, explain(err)
	}
	tx.changed += rows
	return rows, nil
}

// Changed is the number of rows that this transaction has written so far.
func (tx *Tx) Changed() int64 { return tx.changed }

// ForUpdate is what a SELECT ends with to lock the rows that it reads. On
// SQLite the transaction holds the whole database already.
func (tx *Tx) ForUpdate() string {
	if tx.dialect == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// copyFrom is the number of rows from which PostgreSQL's COPY is quicker than
// an INSERT with many rows.
const copyFrom = 4

// Insert writes rows into the table's columns: by COPY on PostgreSQL, by one
// prepared statement on SQLite. A key that exists is ErrUnique, and the
// transaction must then be rolled back (to a savepoint at least).
func (tx *Tx) Insert(table string, columns []string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	if tx.dialect == Postgres && len(rows) >= copyFrom {
		err := tx.writer.inTransaction(func(conn *pgx.Conn) error {
			_, err := conn.CopyFrom(tx.ctx, pgx.Identifier{table}, columns, pgx.CopyFromRows(rows))
			return err
		})
		if err != nil {
			return err
		}
		tx.changed += int64(len(rows))
		return nil
	}
	statement := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES (" + Parameters(1, len(columns)) + ")"
	for _, row := range rows {
		if _, err := tx.Exec(statement, row...); err != nil {
			return err
		}
	}
	return nil
}

// Savepoint runs body so that its failure leaves the transaction as it was
// before. The body's error is returned.
func (tx *Tx) Savepoint(body func() error) (err error) {
	if err := tx.writer.plain("SAVEPOINT member"); err != nil {
		return err
	}
	before, done := tx.changed, false
	defer func() {
		if !done { // the body failed or panicked
			tx.changed = before
			if undo := tx.writer.plain("ROLLBACK TO member"); undo != nil {
				err = fmt.Errorf("%w: %w", ErrBroken, undo)
			} else if undo := tx.writer.plain("RELEASE member"); undo != nil {
				err = fmt.Errorf("%w: %w", ErrBroken, undo)
			}
		}
	}()
	if err := body(); err != nil {
		return err
	}
	if err := tx.writer.plain("RELEASE member"); err != nil {
		return err
	}
	done = true
	return nil
}

// ErrBroken says: the transaction cannot go on and must be rolled back whole.
var ErrBroken = errors.New("the transaction is broken")

// Parameters is the text "$first, $first+1 ..." of n parameters.
func Parameters(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}
