// Package storetest gives tests the databases that the product runs on: a
// SQLite file, and databases on a real PostgreSQL server.
//
// The PostgreSQL server comes from Debian's package. It is started once for
// each test process, on loopback, in a temporary folder, with fsync on, and is
// stopped and removed when the process ends, however it ends.
package storetest

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// SQLite returns the path of a database file that does not exist yet, in a
// folder that is removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "scaf.db")
}

// Postgres returns the URL of a fresh, empty database on this process's
// PostgreSQL server: UTF-8, C locale. It is dropped, with whatever is still
// connected to it, when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	return create(t, "template0")
}

// PostgresWithICU is [Postgres] with the database's default collation set to
// an ICU locale such as "en-US", whose order is not the order of the bytes. A
// query that forgets to name its collation sorts differently there.
func PostgresWithICU(t testing.TB, locale string) string {
	t.Helper()
	return create(t, "template0 LOCALE_PROVIDER icu ICU_LOCALE "+quote(locale))
}

// Template is a database that is prepared once for a test process, and copied
// where tests need one that is prepared alike.
type Template struct {
	// Prepare is given the URL of an empty database.
	Prepare func(url string) error

	once sync.Once
	name string
	err  error
}

// Postgres is the function [Postgres] with a copy of the template.
func (m *Template) Postgres(t testing.TB) string {
	t.Helper()
	m.once.Do(func() {
		if m.name, m.err = add("template0"); m.err == nil {
			m.err = m.Prepare(running.url(m.name))
		}
	})
	if m.err != nil {
		t.Fatalf("PostgreSQL for tests: prepare a template: %v", m.err)
	}
	return create(t, m.name)
}

// statementLimit bounds one statement of this package against a busy machine.
const statementLimit = time.Minute

var (
	startOnce sync.Once
	running   *server
	errStart  error

	// createMu keeps CREATE DATABASE statements of parallel tests apart: they
	// copy the same template, which must have no other user meanwhile.
	createMu sync.Mutex
	created  int
)

// create makes a database of a template for a test.
func create(t testing.TB, template string) string {
	t.Helper()
	name, err := add(template)
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	t.Cleanup(func() {
		if err := running.exec(context.Background(), statementLimit, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("PostgreSQL for tests: drop database %s: %v", name, err)
		}
	})
	return running.url(name)
}

// add makes a database on the server, which is started if it does not run yet.
func add(template string) (name string, err error) {
	startOnce.Do(func() { running, errStart = start() })
	if errStart != nil {
		return "", errStart
	}
	createMu.Lock()
	defer createMu.Unlock()
	created++
	name = fmt.Sprintf("test_%d", created)
	if err := running.exec(context.Background(), statementLimit, "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		return "", fmt.Errorf("create database: %w%s", err, running.logTail())
	}
	return name, nil
}

func (s *server) url(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     fmt.Sprintf("127.0.0.1:%d", s.port),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

func (s *server) exec(ctx context.Context, limit time.Duration, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}

// quote writes a PostgreSQL string literal: CREATE DATABASE takes no parameters.
func quote(s string) string {
	out := []byte{'\''}
	for _, b := range []byte(s) {
		if b == '\'' {
			out = append(out, '\'')
		}
		out = append(out, b)
	}
	return string(append(out, '\''))
}
