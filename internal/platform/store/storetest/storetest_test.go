package storetest

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// childEnv makes this test binary start a server, print where, and wait: the
// process that the life-cycle tests kill.
const childEnv = "STORETEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	s, err := start()
	if err != nil {
		panic(err)
	}
	os.Stdout.WriteString(s.dir + " " + strconv.Itoa(s.port) + "\n")
	select {}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func queryStrings(t *testing.T, conn *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), sql)
	if err != nil {
		t.Fatal(err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryCallGivesAnEmptyDatabaseOfItsOwn(t *testing.T) {
	for i := range 4 {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			conn := connect(t, Postgres(t))
			if _, err := conn.Exec(t.Context(), "CREATE TABLE only_here (n int)"); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestServerIsDurableAndUsesTheCLocale(t *testing.T) {
	conn := connect(t, Postgres(t))
	for setting, want := range map[string]string{
		"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"listen_addresses": "127.0.0.1", "server_encoding": "UTF8", "lc_collate": "C",
	} {
		if got := queryStrings(t, conn, "SHOW "+setting)[0]; got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
}

func TestICUDatabaseSortsUnlikeBytes(t *testing.T) {
	const order = "SELECT x FROM (VALUES ('a'), ('B'), ('c')) v(x) ORDER BY x"
	if got := queryStrings(t, connect(t, Postgres(t)), order); !slices.Equal(got, []string{"B", "a", "c"}) {
		t.Errorf("C: %q", got)
	}
	if got := queryStrings(t, connect(t, PostgresWithICU(t, "en-US")), order); !slices.Equal(got, []string{"a", "B", "c"}) {
		t.Errorf("ICU: %q", got)
	}
}

func TestDatabaseIsDroppedAtCleanupThoughStillInUse(t *testing.T) {
	var url string
	t.Run("user", func(t *testing.T) {
		url = Postgres(t)
		conn, err := pgx.Connect(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	_, err := pgx.Connect(t.Context(), url)
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) || pgErr.Code != "3D000" {
		t.Fatalf("connecting to a dropped database: %v, want 3D000 invalid_catalog_name", err)
	}
}

func TestServerAndFolderGoWhenTheProcessIsKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4096)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	dir, port, _ := strings.Cut(strings.TrimSpace(string(line[:n])), " ")
	pidFile, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(pidFile), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		info, err := os.Stat("/proc/" + first)
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == 0 {
			t.Error("the server runs as root")
		}
	}

	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		_, statErr := os.Stat(dir)
		if errors.Is(statErr, os.ErrNotExist) && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("after kill -9 the folder %s (%v) or the server %d is still there", dir, statErr, pid)
		}
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
		conn.Close()
		t.Error("somebody still answers on the server's port")
	}
}

func TestStartReportsAServerThatEndsAtOnce(t *testing.T) {
	bin, err := findBinaries()
	if err != nil {
		t.Fatal(err)
	}
	as, err := unprivileged()
	if err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr, ok := taken.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(taken.Addr())
	}
	dir := t.TempDir()
	s := &server{dir: filepath.Join(dir, "cluster"), port: addr.Port, password: "x"}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if as != nil {
		// The unprivileged user must be able to reach the folder.
		for d := s.dir; d != os.TempDir() && d != "/"; d = filepath.Dir(d) {
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.initdb(t.Context(), bin, as); err != nil {
		t.Fatal(err)
	}
	if err := s.launch(bin, as); err != nil {
		t.Fatal(err)
	}
	err = s.awaitReady(t.Context())
	if !errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "could not bind") {
		t.Errorf("got %v, want the server's own words about the port", err)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
}

func TestSQLiteGivesADifferentFileEachTime(t *testing.T) {
	a, b := SQLite(t), SQLite(t)
	if a == b {
		t.Errorf("twice %s", a)
	}
	if _, err := os.Stat(a); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file exists already: %v", err)
	}
}
