package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"time"
)

// owning is the key of the advisory lock by which a process owns a PostgreSQL database.
const owning int64 = 0x73636166 // "scaf"

// ownWait is how long the one before may take to let go: the server ends a session whose
// process has died when it has finished what it was at.
const ownWait = 3 * time.Second

// owned is whether a process wants a database for itself, and the session that holds the
// lock while no Writer writes in it.
type owned struct {
	mu      sync.Mutex
	wanted  bool
	session *sql.Conn
}

// Own takes the database for this process, until it is closed: ErrBusy says that another
// one has it. Who owns it writes to it and keeps in memory what it holds, and files of it
// beside it; two would each miss what the other does. Of SQLite the folder says whose it is.
//
// The lock is held by the session in which the Writer writes, so that nobody writes without
// it: where the server ends that session, the next Writer takes the lock again, or fails. A process
// that owns a database has one Writer at a time.
func (db *DB) Own(ctx context.Context) error {
	if db.dialect == SQLite {
		return nil
	}
	o := &db.owned
	o.mu.Lock()
	o.wanted = true
	o.mu.Unlock()
	session, err := db.owner(ctx)
	if err == nil {
		o.giveBack(session)
	}
	return err
}

// owner is the session to write in, with the lock where the database is owned.
func (db *DB) owner(ctx context.Context) (*sql.Conn, error) {
	session, wanted := db.owned.take()
	if session != nil {
		if session.PingContext(ctx) == nil {
			return session, nil
		}
		letGo(session) // it is lost
	}
	session, err := db.writers.Conn(ctx)
	if err != nil || !wanted {
		return session, explain(err)
	}
	for _, statement := range []string{
		fmt.Sprintf(`SET lock_timeout = %d`, ownWait.Milliseconds()), fmt.Sprintf(`SELECT pg_advisory_lock(%d)`, owning), `RESET lock_timeout`,
	} {
		if _, err := session.ExecContext(ctx, statement); err != nil {
			letGo(session)
			if err = explain(err); errors.Is(err, ErrBusy) {
				return nil, fmt.Errorf("%w: it writes to the same database on PostgreSQL, which one process at a time does", ErrBusy)
			}
			return nil, err
		}
	}
	return session, nil
}

// take takes the session that holds the lock, if there is one.
func (o *owned) take() (session *sql.Conn, wanted bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	session, o.session = o.session, nil
	return session, o.wanted
}

// is reports whether the process wants the database for itself.
func (o *owned) is() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wanted
}

// giveBack keeps the session of a Writer that has ended, with its lock, for the next one.
func (o *owned) giveBack(session *sql.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.wanted || o.session != nil {
		letGo(session)
		return
	}
	o.session = session
}

// disown lets the database go.
func (o *owned) disown() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.session != nil {
		letGo(o.session)
	}
	o.wanted, o.session = false, nil
}

// letGo ends a session, and its lock: the pool does not get it back.
func letGo(session *sql.Conn) {
	_ = session.Raw(func(any) error { return driver.ErrBadConn })
}
