// Package faults runs the real binary and takes away what it stands on: the
// process itself (kill -9), the disk, the right to write, the database, single
// bytes of what it has written.
package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	_ "time/tzdata" // as the real program has

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/test/product"
)

// program is the program as it is built for users.
var program string

// long makes the runs of `make test-long`.
var long = os.Getenv("SCAF_LONG") == "1"

func TestMain(m *testing.M) { os.Exit(build(m)) }

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "scaf-faults-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if program, err = product.Build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// result is what became of a run of the program.
type result struct {
	code     int
	out, err string
}

// scaf runs the program to its end.
func scaf(t testing.TB, dir string, args ...string) result {
	t.Helper()
	return run(t, exec.Command(program, append([]string{"--dir", dir}, args...)...), "")
}

// run runs a command to its end. It is killed when it takes longer than the
// whole test may.
func run(t testing.TB, command *exec.Cmd, input string) result {
	t.Helper()
	var out, complaint bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &complaint
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{command.ProcessState.ExitCode(), out.String(), complaint.String()}
}

// must is scaf for what has to succeed.
func must(t testing.TB, dir string, args ...string) string {
	t.Helper()
	r := scaf(t, dir, args...)
	if r.code != 0 {
		t.Fatalf("scaf %s: exit %d: %s", strings.Join(args, " "), r.code, r.err)
	}
	return r.out
}

// refused checks that a run ended with this status and explained itself in one
// line that holds all the words.
func refused(t testing.TB, r result, code int, words ...string) {
	t.Helper()
	_, file, line, _ := runtime.Caller(1)
	if r.code != code || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "scaf: ") {
		t.Errorf("%s:%d: exit %d, want %d and one line; it said %q", filepath.Base(file), line, r.code, code, r.err)
	}
	for _, word := range words {
		if !strings.Contains(r.err, word) {
			t.Errorf("%s:%d: %q does not say %q", filepath.Base(file), line, r.err, word)
		}
	}
}

// data makes a data folder. Without a URL its database is SQLite; the password of one does not
// stand in the command.
func data(t testing.TB, location string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	args := []string{"init", "--org", "Example Corp", "--timezone", "Europe/Berlin"}
	if location != "" {
		at, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := at.User.Password()
		file := filepath.Join(t.TempDir(), "pgpass")
		if err := os.WriteFile(file, []byte("*:*:*:*:"+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		query := at.Query()
		query.Set("passfile", file)
		at.User, at.RawQuery = url.User(at.User.Username()), query.Encode()
		args = append(args, "--db", at.String())
	}
	must(t, dir, args...)
	return dir
}

// open opens a folder in this process, for looking behind the door.
func open(t testing.TB, dir string, mode surface.Mode) *surface.System {
	t.Helper()
	s, err := app.New("test").Open(context.Background(), dir, mode)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closeSystem(t testing.TB, s *surface.System) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// event is an event's JSON.
func event(id string, size int) string {
	text, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": id, "source": "//faults", "type": "com.example.happened", "subject": "thing/" + id,
		"time": "2026-03-02T09:00:00Z", "data": map[string]string{"text": strings.Repeat("x", size)},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}
