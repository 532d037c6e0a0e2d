package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What can go wrong, the same on both databases. The driver's own words follow
// in the message.
var (
	// ErrNotFound: the row is not there.
	ErrNotFound = errors.New("not found")
	// ErrUnique: a row with this key is there already.
	ErrUnique = errors.New("already exists")
	// ErrReadOnly: the database, or its folder, cannot be written.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrFull: the disk is full.
	ErrFull = errors.New("the disk is full")
	// ErrBusy: somebody else holds a lock for too long.
	ErrBusy = errors.New("the database is locked by another process")
	// ErrCorrupt: the database file is damaged.
	ErrCorrupt = errors.New("the database file is damaged")
	// ErrUnavailable: the database cannot be reached or opened.
	ErrUnavailable = errors.New("the database cannot be opened")
	// ErrIO: the machine could not read or write the database's files.
	ErrIO = errors.New("the database's files cannot be read or written")
	// ErrUnknown: the connection, or the disk, was lost in the middle of a
	// commit: it may have been kept or not. Read again before you act.
	ErrUnknown = errors.New("it is not known whether the change was kept")
)

// Unusable says why the database cannot be used at the moment, whatever is asked of it:
// the one of the errors above that says so, nil when it is none of them. What meets it
// goes away without the caller's doing.
func Unusable(err error) error {
	for _, kind := range []error{ErrUnavailable, ErrFull, ErrReadOnly, ErrBusy, ErrCorrupt, ErrIO} {
		if errors.Is(err, kind) {
			return kind
		}
	}
	return nil
}

// explain puts one of the errors above in front of a driver's error.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrNotFound) {
		return err
	}
	if kind := classify(err); kind != nil && !errors.Is(err, kind) {
		return fmt.Errorf("%w (%w)", kind, oneLine{err})
	}
	return err
}

// oneLine is an error on one line: pgx writes a line for each address that it
// has tried.
type oneLine struct{ error }

// Error implements error.
func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }

// Unwrap gives the driver's error.
func (e oneLine) Unwrap() error { return e.error }

func classify(err error) error {
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return ErrUnique
		}
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
			return ErrReadOnly
		case sqlite3.SQLITE_FULL:
			return ErrFull
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return ErrBusy
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return ErrCorrupt
		case sqlite3.SQLITE_ERROR: // our statements fit the schema, unless that was changed
			for _, words := range []string{"no such ", "unknown function", "malformed", "unsupported file format"} {
				if strings.Contains(err.Error(), words) {
					return ErrCorrupt
				}
			}
		case sqlite3.SQLITE_CANTOPEN:
			return ErrUnavailable
		case sqlite3.SQLITE_IOERR:
			return ErrIO
		}
		return nil
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case pg.Code == "23505":
			return ErrUnique
		case pg.Code == "25006":
			return ErrReadOnly
		case pg.Code == "53100":
			return ErrFull
		case strings.HasPrefix(pg.Code, "58"):
			return ErrIO
		case pg.Code == "55P03", pg.Code == "40P01", pg.Code == "40001":
			return ErrBusy
		case pg.Code == "XX001", pg.Code == "XX002":
			return ErrCorrupt
		case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "28"),
			strings.HasPrefix(pg.Code, "53"), pg.Code == "3D000":
			return ErrUnavailable
		}
		return nil
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connect), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone):
		return ErrUnavailable
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), pgconn.SafeToRetry(err):
		return ErrUnavailable // what pgx says of a connection that the server has cut
	case errors.As(err, &network) && !errors.Is(err, context.DeadlineExceeded):
		return ErrUnavailable
	}
	return nil
}
