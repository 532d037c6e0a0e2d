package storetest

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

const (
	superuser = "postgres"
	// startLimit bounds the start on a machine that does other work too.
	startLimit = 2 * time.Minute
	// startAttempts bounds the retries when somebody takes the free port first.
	startAttempts = 5
	pollInterval  = 20 * time.Millisecond
	// answerLimit bounds one try to connect: whoever took the port may be mute.
	answerLimit = 2 * time.Second
)

// watchdog starts the server, and stops and removes it when its standard input
// closes. The other end of that pipe belongs to the test process alone, so the
// operating system closes it at the end of the process, crash and kill -9
// included.
//
//go:embed watchdog.sh
var watchdog string

// server is one running PostgreSQL server.
type server struct {
	dir      string
	port     int
	password string
	lifeline *os.File // closing it stops the server
	cmd      *exec.Cmd
}

var errPortTaken = errors.New("the server ended before it answered")

// start makes a cluster in a temporary folder and starts a server on it.
func start() (*server, error) {
	bin, err := findBinaries()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		s, err := startOn(bin)
		if err == nil || attempt == startAttempts || !errors.Is(err, errPortTaken) {
			return s, err
		}
	}
}

func startOn(bin string) (*server, error) {
	as, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "scaf-postgres-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir, password: rand.Text()}
	if err := s.bringUp(bin, as); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

func (s *server) bringUp(bin string, as *syscall.Credential) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	if err := s.initdb(ctx, bin, as); err != nil {
		return err
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	if err := s.launch(bin, as); err != nil {
		return err
	}
	return s.awaitReady(ctx)
}

// initdb makes the cluster. The password keeps a test from talking to another
// process's server when both were given the same port.
func (s *server) initdb(ctx context.Context, bin string, as *syscall.Credential) error {
	passwordFile := filepath.Join(s.dir, "password")
	if err := os.WriteFile(passwordFile, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	if as != nil {
		for _, path := range []string{s.dir, passwordFile} {
			if err := os.Chown(path, int(as.Uid), int(as.Gid)); err != nil {
				return err
			}
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"),
		"--pgdata="+filepath.Join(s.dir, "data"), "--username="+superuser,
		"--encoding=UTF8", "--locale=C", "--auth=password", "--pwfile="+passwordFile,
		"--no-sync") // only the empty cluster; the server itself runs with fsync
	cmd.Dir, cmd.Env = s.dir, s.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w\n%s", s.dir, err, out)
	}
	return nil
}

// launch starts the server under its watchdog, in a session of their own so
// that an interrupt from the terminal reaches the test process only.
func (s *server) launch(bin string, as *syscall.Credential) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	s.lifeline = write
	s.cmd = exec.Command("/bin/sh", "-c", watchdog, "watchdog", s.dir,
		filepath.Join(bin, "postgres"), "-D", filepath.Join(s.dir, "data"),
		"-c", "listen_addresses=127.0.0.1", "-c", "port="+strconv.Itoa(s.port),
		"-c", "unix_socket_directories=", "-c", "max_connections=200",
		"-c", "shared_buffers=64MB", "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "full_page_writes=on", "-c", "timezone=UTC")
	// No standard output or error: `go test` would wait for whoever holds them.
	s.cmd.Dir, s.cmd.Env, s.cmd.Stdin = s.dir, s.environment(), read
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	return s.cmd.Start()
}

func (s *server) awaitReady(ctx context.Context) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if _, err := os.Stat(filepath.Join(s.dir, "exited")); err == nil {
			return fmt.Errorf("%w on port %d%s", errPortTaken, s.port, s.logTail())
		}
		err := s.exec(ctx, answerLimit, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no answer on port %d within %s: %w%s", s.port, startLimit, err, s.logTail())
		}
	}
}

// stop ends the server and removes its folder. Only a failed start needs it: a
// running server ends with the process.
func (s *server) stop() error {
	if s.lifeline != nil {
		_ = s.lifeline.Close()
	}
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Wait()
	}
	return os.RemoveAll(s.dir)
}

// environment leaves out every PG* and locale setting of the machine.
func (s *server) environment() []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=" + s.dir, "LC_ALL=C", "TZ=UTC"}
}

// logTail returns the end of the server's log for an error message.
func (s *server) logTail() string {
	const limit = 4096
	f, err := os.Open(filepath.Join(s.dir, "log"))
	if err != nil {
		return ""
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err != nil {
		return ""
	} else if _, err := f.Seek(max(0, size-limit), io.SeekStart); err != nil {
		return ""
	}
	text, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return ""
	}
	return "\nserver log:\n" + string(text)
}

// findBinaries returns the folder that holds initdb and postgres: from PATH, or
// where Debian keeps them, the newest version first.
func findBinaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil && hasServer(filepath.Dir(path)) {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	best, bestVersion := "", -1
	for _, dir := range found {
		version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		if err == nil && version > bestVersion && hasServer(dir) {
			best, bestVersion = dir, version
		}
	}
	if best == "" {
		return "", errors.New("no PostgreSQL server in PATH or /usr/lib/postgresql: run `make test`, which installs it")
	}
	return best, nil
}

func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.IsDir() {
			return false
		}
	}
	return true
}

// unprivileged returns whom to run the server as when the test runs as root,
// which PostgreSQL refuses; nil otherwise.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // a nil credential means "as I am" to package syscall
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("running as root, and neither user postgres nor nobody exists to run the server as")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("listener has no TCP address: %v", l.Addr())
	}
	return addr.Port, l.Close()
}
