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

// owned is whether a process wants a database for itself, and the session that holds it.
type owned struct {
	mu      sync.Mutex
	wanted  bool
	session *sql.Conn
}

// Own takes the database for this process, until it is closed: ErrBusy says that another
// one has it. Who owns it writes to it and keeps in memory what it holds, and files of it
// beside it; two would each miss what the other does. Of SQLite the folder says whose it is.
// A session of its own holds the lock; where the server has ended that, the next Writer
// takes it again, or fails.
func (db *DB) Own(ctx context.Context) error {
	if db.dialect == SQLite {
		return nil
	}
	db.owned.mu.Lock()
	db.owned.wanted = true
	db.owned.mu.Unlock()
	return db.own(ctx)
}

// own sees that the database is owned where that is wanted.
func (db *DB) own(ctx context.Context) error {
	o := &db.owned
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.wanted {
		return nil
	}
	if o.session != nil {
		err := o.session.PingContext(ctx)
		if err == nil {
			return nil
		}
		letGo(o.session) // it is lost
		o.session = nil
	}
	session, err := db.writers.Conn(ctx)
	if err != nil {
		return explain(err)
	}
	_, err = session.ExecContext(ctx, fmt.Sprintf(`SET lock_timeout = %d`, ownWait.Milliseconds()))
	if err == nil {
		_, err = session.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, owning)
	}
	if err = explain(err); err != nil {
		letGo(session)
		if errors.Is(err, ErrBusy) {
			return fmt.Errorf("%w: it writes to the same database on PostgreSQL, which one process at a time does", ErrBusy)
		}
		return err
	}
	o.session = session
	return nil
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
