package storetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Server is a PostgreSQL server of one test's own, which the test may stop and
// start again.
type Server struct {
	t       testing.TB
	server  *server
	running bool
}

// NewServer starts a server; it is removed when the test ends.
func NewServer(t testing.TB) *Server {
	t.Helper()
	started, err := start()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	s := &Server{t: t, server: started, running: true}
	t.Cleanup(func() {
		if s.running {
			s.Stop()
		}
		if err := os.RemoveAll(started.dir); err != nil {
			t.Errorf("PostgreSQL for tests: %v", err)
		}
	})
	return s
}

// URL is that of the server's database "postgres".
func (s *Server) URL() string { return s.server.url("postgres") }

// Stop ends the server at once, as a crash does, and keeps its data.
func (s *Server) Stop() {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.server.dir, "keep"), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
	_ = s.server.lifeline.Close()
	_ = s.server.cmd.Wait() // its status is that of the file test at the watchdog's end
	s.running = false
}

// Start starts the stopped server on the same port and data.
func (s *Server) Start() {
	s.t.Helper()
	for _, name := range []string{"keep", "exited"} {
		if err := os.Remove(filepath.Join(s.server.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Fatal(err)
		}
	}
	bin, err := findBinaries()
	if err != nil {
		s.t.Fatal(err)
	}
	as, err := unprivileged()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.server.launch(bin, as); err != nil {
		s.t.Fatalf("PostgreSQL for tests: %v", err)
	}
	s.running = true
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := s.server.awaitReady(ctx); err != nil {
		s.t.Fatalf("PostgreSQL for tests: %v", err)
	}
}

// Exec runs a statement as the superuser.
func (s *Server) Exec(statement string) error {
	return s.server.exec(context.Background(), statementLimit, statement)
}
