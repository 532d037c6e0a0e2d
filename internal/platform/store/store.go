// Package store is the database: SQLite (pure Go) when nothing is configured,
// PostgreSQL when a URL says so. It is the only package that imports
// database/sql or a driver.
//
// One SQL text serves both. Parameters are written $1, $2 ...; text columns
// compare bytewise on both (binary collation); instants are integers, the
// microseconds since 1970 in UTC; an ORDER BY over a column that may be null
// says NULLS FIRST or NULLS LAST.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// Dialect names the kind of database behind a DB.
type Dialect string

// The databases that SCAF runs on.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

// DB is an open database: one writer at a time (see Writer) and any number of
// concurrent readers.
type DB struct {
	dialect Dialect
	readers *sql.DB
	writers *sql.DB // nil when the database can only be read
	refusal error   // then says why
	owned   owned
	memo    sync.Map
	opening sync.Mutex // of readers that are to see the same moment
}

// Open opens the database that the URL names: "postgres://..." (or
// "postgresql://..."), or the path of an SQLite file, which is made when it is
// missing. It does not migrate. An SQLite file that may not be written can be
// read all the same; Writer and Migrate then fail with ErrReadOnly.
//
// Durability: on SQLite the journal is WAL with synchronous=FULL, on
// PostgreSQL synchronous_commit is on, so a commit that returned has been
// fsynced, whatever the server's defaults say.
func Open(ctx context.Context, location string) (*DB, error) {
	if strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://") {
		return openPostgres(ctx, location)
	}
	return openSQLite(ctx, location)
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%w: the folder of the database %s does not exist", ErrUnavailable, path)
	}
	pragmas := url.Values{}
	for _, pragma := range []string{
		"busy_timeout(10000)", // on every connection, readers too: opening may have to recover
		"page_size(8192)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		"foreign_keys(ON)",
		"wal_autocheckpoint(8000)",
		"cache_size(-57344)", // KiB when negative; the allocator takes half as much again
		"temp_store(MEMORY)",
	} {
		pragmas.Add("_pragma", pragma)
	}
	name := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
	writers, err := sql.Open("sqlite", name+"?"+pragmas.Encode())
	if err != nil {
		return nil, explain(err)
	}
	writers.SetMaxOpenConns(1)
	db := &DB{dialect: SQLite, writers: writers}
	reading := url.Values{}
	for _, pragma := range []string{
		"busy_timeout(10000)", "query_only(ON)", "cache_size(-8192)",
		// No mmap_size: a mapping was measured to make scans no faster, and its
		// pages count as the process's memory, for each connection, up to the
		// size of the file.
	} {
		reading.Add("_pragma", pragma)
	}
	if err := writers.PingContext(ctx); err != nil {
		_ = writers.Close()
		err = fmt.Errorf("open the database %s: %w", path, explain(err))
		if !errors.Is(err, ErrReadOnly) {
			return nil, err
		}
		db.writers, db.refusal = nil, err
		reading.Set("mode", "ro")
		if _, wal := os.Stat(path + "-wal"); errors.Is(wal, fs.ErrNotExist) {
			reading.Set("immutable", "1") // nobody writes, and no lock file can be made
		}
	}
	db.readers = sql.OpenDB(&keepers{writers.Driver(), name + "?" + reading.Encode()})
	db.readers.SetMaxOpenConns(idleConnections())
	db.readers.SetMaxIdleConns(idleConnections())
	return db, nil
}

func openPostgres(ctx context.Context, location string) (*DB, error) {
	config, err := pgx.ParseConfig(location)
	if err != nil {
		return nil, fmt.Errorf("%w: the database URL cannot be read: it should look like postgres://user@host:5432/name", ErrUnavailable)
	}
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "scaf"
	config.RuntimeParams["timezone"] = "UTC"
	for parameter, value := range keepalives {
		if _, said := config.RuntimeParams[parameter]; !said {
			config.RuntimeParams[parameter] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	pool := stdlib.OpenDB(*config)
	pool.SetMaxOpenConns(max(8, 2*runtime.NumCPU()))
	pool.SetMaxIdleConns(idleConnections())
	if err := pool.PingContext(ctx); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("open the database %s on %s: %w", config.Database, config.Host, explain(err))
	}
	return &DB{dialect: Postgres, readers: pool, writers: pool}, nil
}

// keepalives are how soon the server notices that a process has gone without a word, with
// its machine or its network, and ends what it held: within a minute, where the URL says nothing.
var keepalives = map[string]string{"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}

// connectTimeout is how long a server may take to answer somebody who connects, where
// the URL says nothing (connect_timeout).
const connectTimeout = 10 * time.Second

// Release closes the connections that wait for readers, with the memory that
// their caches hold: after work that has read much, and before a long pause.
// The next reader opens another one.
func (db *DB) Release() {
	db.readers.SetMaxIdleConns(0)
	db.readers.SetMaxIdleConns(idleConnections())
}

// idleConnections is how many connections wait for readers.
func idleConnections() int { return max(4, runtime.NumCPU()) }

// maxTogether is how many connections readers of one moment hold at once: half of the
// fewest that there are.
func maxTogether() int { return idleConnections() / 2 }

// Dialect tells which database this is.
func (db *DB) Dialect() Dialect { return db.dialect }

// Close closes every connection.
func (db *DB) Close() error {
	db.owned.disown()
	var all error
	if db.readers != nil {
		all = db.readers.Close()
	}
	if db.writers != nil && db.writers != db.readers {
		all = errors.Join(all, db.writers.Close())
	}
	return all
}
