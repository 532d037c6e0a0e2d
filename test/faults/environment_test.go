package faults

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/surface"
)

// What is wrong with a folder is said in one line, and leaves it as it was:
// once it is put right, the folder opens, takes events and verifies.
func TestAFolderThatCannotBeUsedSaysWhy(t *testing.T) {
	t.Parallel()
	at := func(name string) func(dir string) string {
		return func(dir string) string { return filepath.Join(dir, name) }
	}
	remove := func(path string) error { return os.Remove(path) }
	write := func(text string) func(string) error {
		return func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	other := data(t, "")
	for name, test := range map[string]struct {
		file   func(dir string) string
		spoil  func(path string) error
		reads  bool // reading and verifying is possible all the same
		appear []string
	}{
		"no signing key":        {at("ledger.key"), remove, true, []string{"ledger key is missing", "ledger.key"}},
		"damaged signing key":   {at("ledger.key"), write("age-encryption.org/v1\nnonsense"), true, []string{"ledger.key"}},
		"another's signing key": {at("ledger.key"), func(path string) error { return copyFile(filepath.Join(other, "ledger.key"), path) }, true, []string{"wrong", "kek"}},
		"no verifier key":       {at("ledger.vkey"), write(""), false, []string{"ledger.vkey"}},
		"no key-encryption key": {at("kek"), remove, true, []string{"key-encryption key is missing", "SCAF_KEK"}},
		"another's kek":         {at("kek"), func(path string) error { return copyFile(filepath.Join(other, "kek"), path) }, true, []string{"key-encryption key is wrong"}},
		"kek is no key":         {at("kek"), write("no key"), true, []string{"AGE-SECRET-KEY"}},
		"kek for everybody":     {at("kek"), func(path string) error { return os.Chmod(path, 0o644) }, true, []string{"0644", "chmod 600"}},
		"damaged configuration": {at("scaf.json"), write(`{"origin": "x"`), false, []string{"scaf.json"}},
		"unknown setting":       {at("scaf.json"), write(`{"origin": "x", "colour": "red"}`), false, []string{"scaf.json", "colour"}},
		"unknown time zone":     {at("scaf.json"), write(`{"origin": "x", "timezone": "Mars/Olympus"}`), false, []string{"Mars/Olympus", "Europe/Berlin"}},
		"no configuration":      {at("scaf.json"), remove, false, []string{"scaf init"}},
		"no database":           {at("scaf.db"), remove, false, []string{"no database"}},
		"newer schema":          {at("scaf.db"), newerSchema(t), false, []string{"99999", "newer scaf"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := data(t, "")
			must(t, dir, "record", "add", "changes", "id=c1", "title=A change", `author={"name":"Alex"}`, "merged_at=2026-03-02T09:00:00Z")
			path := test.file(dir)
			saved := filepath.Join(t.TempDir(), "saved")
			if err := copyFile(path, saved); err != nil {
				t.Fatal(err)
			}
			if err := test.spoil(path); err != nil {
				t.Fatal(err)
			}
			before := names(t, dir)
			refused(t, run(t, exec.Command(program, "--dir", dir, "ledger", "append", "-"), event("a", 10)), 3, test.appear...)
			refused(t, scaf(t, dir, "record", "set", "change/c1", "note=x"), 3, test.appear...)
			refused(t, scaf(t, dir, "serve", "--listen", "127.0.0.1:0"), 3, test.appear...)
			if test.reads {
				must(t, dir, "ledger", "verify")
				must(t, dir, "record", "show", "change/c1")
			} else {
				refused(t, scaf(t, dir, "ledger", "list"), 3, test.appear...)
			}
			if after := names(t, dir); after != before {
				t.Errorf("the folder held %s, now %s", before, after)
			}
			if err := copyFile(saved, path); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o600); err != nil {
				t.Fatal(err)
			}
			r := run(t, exec.Command(program, "--dir", dir, "ledger", "append", "-"), event("a", 10))
			if r.code != 0 {
				t.Errorf("after it was put right: %s", r.err)
			}
			must(t, dir, "ledger", "verify")
		})
	}
}

// newerSchema makes a database as a later version of the program leaves it.
func newerSchema(*testing.T) func(string) error {
	return func(path string) error {
		db, err := store.Open(context.Background(), path)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		w, err := db.Writer(context.Background())
		if err != nil {
			return err
		}
		defer func() { _ = w.Close() }()
		tx, err := w.Begin()
		if err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
			return err
		}
		return w.Commit()
	}
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o600)
}

// names are the files in a folder but for those that come and go with an open
// database.
func names(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), "-wal") && !strings.HasSuffix(entry.Name(), "-shm") && entry.Name() != "lock" {
			all = append(all, entry.Name())
		}
	}
	return strings.Join(all, " ")
}

// serving is a running server.
type serving struct {
	t       *testing.T
	command *exec.Cmd
	address string
	token   string
	log     *strings.Builder
}

// serve starts a server, under another command where one is given.
func serve(t *testing.T, dir string, under ...string) *serving {
	t.Helper()
	token := strings.TrimSpace(must(t, dir, "token", "create", "--role", "administrator"))
	args := append(under, program, "--dir", dir, "serve", "--listen", "127.0.0.1:0")
	s := &serving{t: t, command: exec.Command(args[0], args[1:]...), token: token, log: &strings.Builder{}}
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.command.Stderr = s.log
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	first, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, s.log)
	}
	s.address = strings.TrimSpace(strings.TrimPrefix(first, "listening on "))
	return s
}

// stop ends the server as an operator does.
func (s *serving) stop() {
	s.t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Error(err)
	}
	if err := s.command.Wait(); err != nil {
		s.t.Errorf("the server ended with %v: %s", err, s.log)
	}
}

// ask sends a request and returns the status and the body of the answer.
func (s *serving) ask(method, path, contentType, body string) (int, string) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.address+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func (s *serving) append(id string, size int) (int, string) {
	s.t.Helper()
	return s.ask("POST", "/v1/events", "application/cloudevents+json", event(id, size))
}

// metric is the value of a metric without labels.
func (s *serving) metric(name string) float64 {
	s.t.Helper()
	_, text := s.ask("GET", "/metrics", "", "")
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return value
		}
	}
	s.t.Fatalf("there is no metric %s", name)
	return 0
}

func TestASecondProcessOnTheFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := data(t, "")
	s := serve(t, dir)
	holder := strconv.Itoa(s.command.Process.Pid)
	for _, args := range [][]string{{"ledger", "append", "-"}, {"serve", "--listen", "127.0.0.1:0"}, {"token", "create", "--role", "monitor"}, {"record", "add", "people", "id=E1", "name=Alex"}} {
		refused(t, scaf(t, dir, args...), 3, "process "+holder, "HTTP API")
	}
	must(t, dir, "ledger", "verify") // reading needs no lock
	must(t, dir, "ledger", "list")
	if code, answer := s.append("a", 10); code != 201 {
		t.Errorf("the first process was disturbed: %d %s", code, answer)
	}
	s.stop()
	must(t, dir, "record", "add", "people", "id=E1", "name=Alex")
}

// disk makes a small disk of its own, and tells how to run a command on it.
// Where the test may not mount one, the command may write small files only:
// another error of the machine, with the same consequences.
func disk(t *testing.T, megabytes int) (dir string, under []string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err == nil {
		t.Cleanup(func() {
			if err := syscall.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		})
		return dir, nil
	}
	return dir, []string{"/bin/sh", "-c", fmt.Sprintf(`ulimit -f %d; exec "$0" "$@"`, megabytes*1024*2/3)} // blocks of 512 bytes
}

// room is how much can still be written to a small disk, in bytes; 0 where there is
// none of its own.
func room(t *testing.T, dir string) int64 {
	t.Helper()
	var of syscall.Statfs_t
	if err := syscall.Statfs(dir, &of); err != nil {
		t.Fatal(err)
	}
	if free := int64(of.Bavail) * of.Bsize; free < 64<<20 {
		return free
	}
	return 0
}

func TestAFullDiskStopsAppendingAndLosesNothing(t *testing.T) {
	t.Parallel()
	top, under := disk(t, 12)
	dir := filepath.Join(top, "data")
	must(t, dir, "init")
	ballast := filepath.Join(top, "ballast")
	if err := os.WriteFile(ballast, make([]byte, max(0, room(t, top)-2<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for i := range 6000 {
		lines.WriteString(event(fmt.Sprintf("e%05d", i), 4000) + "\n")
	}
	args := append(under, program, "--dir", dir, "ledger", "append", "-")
	r := run(t, exec.Command(args[0], args[1:]...), lines.String())
	refused(t, r, 3, "disk")
	receipts := strings.Count(r.out, "\n")
	if receipts == 0 || receipts == 6000 {
		t.Fatalf("%d events were acknowledged on a disk for some of them", receipts)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	must(t, dir, "ledger", "verify")
	before := strings.Count(must(t, dir, "--json", "ledger", "list", "--type", "com.example.*"), "\n")
	if before < receipts {
		t.Errorf("%d events were acknowledged, %d are there", receipts, before)
	}
	if r := run(t, exec.Command(program, "--dir", dir, "ledger", "append", "-"), event("after", 10)); r.code != 0 {
		t.Errorf("with room again: %s", r.err)
	}
	must(t, dir, "ledger", "verify")
}

// A server on a disk that fills: events and changes are refused with 503, the
// failures are counted, and with room again everything goes on by itself.
func TestAServerOutlivesAFullDisk(t *testing.T) {
	t.Parallel()
	top, under := disk(t, 13)
	dir := filepath.Join(top, "data")
	must(t, dir, "init")
	ballast := filepath.Join(top, "ballast")
	if under == nil {
		if err := os.WriteFile(ballast, make([]byte, 5<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, dir, under...)
	acknowledged := 0
	var code int
	var answer string
	for ; acknowledged < 3000; acknowledged++ {
		if code, answer = s.append(fmt.Sprintf("e%05d", acknowledged), 20_000); code != 201 {
			break
		}
	}
	if code != 503 {
		t.Fatalf("after %d events: %d %s", acknowledged, code, answer)
	}
	kept := 0
	if strings.Contains(answer, "kept") {
		kept++
	}
	if got := s.metric("audit_log_write_failures_total"); got != 1 {
		t.Errorf("audit_log_write_failures_total is %v after one failure", got)
	}
	code, answer = s.ask("POST", "/v1/records/changes", "application/json", fmt.Sprintf(`{"id":"c1","title":%q,"author":{"name":"Alex"},"merged_at":"2026-03-02T09:00:00Z"}`, strings.Repeat("long ", 700)))
	if code != 503 {
		t.Errorf("a change got %d %s: %s", code, answer, s.log)
	}
	small, _ := s.append("small", 1) // may find room in the side file, if not in the ledger
	if small != 201 && small != 503 {
		t.Errorf("a small event got %d", small)
	}
	if got := s.metric("audit_log_write_failures_total"); got < 2 {
		t.Errorf("audit_log_write_failures_total is %v after two failures", got)
	}
	if got := s.metric("scaf_events_waiting"); int(got) < kept {
		t.Errorf("%v events wait, %d were said to be kept", got, kept)
	}
	if under == nil {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if code, answer := s.append("after", 10); code != 201 {
			t.Errorf("with room again: %d %s", code, answer)
		}
		if got := s.metric("scaf_events_waiting"); got != 0 {
			t.Errorf("%v events still wait", got)
		}
		if code, _ := s.ask("GET", "/v1/records/changes/c1", "", ""); code != 404 {
			t.Errorf("the refused change is there: %d", code)
		}
	}
	s.stop()
	must(t, dir, "ledger", "verify")
	if got := strings.Count(must(t, dir, "--json", "ledger", "list", "--type", "com.example.*"), "\n"); got < acknowledged+kept {
		t.Errorf("%d events are there, %d were acknowledged and %d kept", got, acknowledged, kept)
	}
}

// readOnly takes the right to write away from whoever the program then runs
// as, except to the files named.
func readOnly(t *testing.T, dir string, writable ...string) func(args ...string) result {
	t.Helper()
	var as *syscall.Credential
	if os.Geteuid() == 0 { // root may always write
		as = &syscall.Credential{Uid: 65534, Gid: 65534}
		for d := dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if as != nil && !entry.IsDir() {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return err
			}
		}
		mode := fs.FileMode(0o400)
		if entry.IsDir() {
			mode = 0o555
		}
		for _, name := range writable {
			if entry.Name() == name {
				mode |= 0o200
			}
		}
		return os.Chmod(path, mode)
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) }) // for its removal
	return func(args ...string) result {
		command := exec.Command(program, append([]string{"--dir", dir}, args...)...)
		command.SysProcAttr = &syscall.SysProcAttr{Credential: as}
		return run(t, command, event("a", 10))
	}
}

func TestAReadOnlyFolderIsNamed(t *testing.T) {
	t.Parallel()
	for name, writable := range map[string][]string{"nothing can be written": nil, "the lock can": {"lock"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := data(t, "")
			must(t, dir, "record", "add", "changes", "id=c1", "title=A change", `author={"name":"Alex"}`, "merged_at=2026-03-02T09:00:00Z")
			scaf := readOnly(t, dir, writable...)
			refused(t, scaf("ledger", "append", "-"), 3, dir)
			refused(t, scaf("record", "set", "change/c1", "note=x"), 3, dir)
			for _, args := range [][]string{{"ledger", "verify"}, {"ledger", "list"}, {"record", "show", "change/c1"}} {
				if r := scaf(args...); r.code != 0 {
					t.Errorf("reading a read-only folder with %v: exit %d: %s", args, r.code, r.err)
				}
			}
		})
	}
}

func TestAReadOnlyPostgresKeepsEventsAside(t *testing.T) {
	t.Parallel()
	url := storetest.Postgres(t)
	dir := data(t, url)
	setting := func(value string) {
		t.Helper()
		s := open(t, dir, surface.Read)
		defer closeSystem(t, s)
		w, err := s.DB.Writer(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = w.Close() }()
		tx, err := w.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(`SET TRANSACTION READ WRITE`); err != nil {
			t.Fatal(err)
		}
		var name string
		if err := tx.One(`SELECT current_database()`, nil, []any{&name}); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(`ALTER DATABASE ` + name + ` SET default_transaction_read_only = ` + value); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	appendOne := func(id string) result {
		return run(t, exec.Command(program, "--dir", dir, "ledger", "append", "-"), event(id, 10))
	}
	if r := appendOne("before"); r.code != 0 {
		t.Fatal(r.err)
	}
	setting("on")
	refused(t, appendOne("kept"), 3, "read-only", "kept in "+filepath.Join(dir, "unwritten.jsonl"))
	refused(t, scaf(t, dir, "record", "add", "people", "id=E1", "name=Alex"), 3, "read-only")
	must(t, dir, "ledger", "verify")
	setting("off")
	if r := appendOne("after"); r.code != 0 {
		t.Fatal(r.err)
	}
	listed := must(t, dir, "--json", "ledger", "list", "--type", "com.example.*")
	for _, id := range []string{"before", "kept", "after"} {
		if strings.Count(listed, `"id":"`+id+`"`) != 1 {
			t.Errorf("%s is not there once: %s", id, listed)
		}
	}
	if !strings.Contains(must(t, dir, "--json", "ledger", "list", "--type", "scaf.ledger.recovered.v1"), `"events":1`) {
		t.Error("the recovery is not recorded")
	}
	must(t, dir, "ledger", "verify")
}
