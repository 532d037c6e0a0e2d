//go:build bench

package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/test/product"
)

// shared is what sections have in common.
type shared struct {
	t      *testing.T
	binary string
}

// build builds the product once, as it is delivered.
func (b *bench) build() string {
	b.Helper()
	if b.shared.binary == "" {
		path, err := product.Build(b.shared.t.TempDir())
		if err != nil {
			b.Fatal(err)
		}
		b.shared.binary = path
	}
	return b.shared.binary
}

// folder is a data folder of the real binary.
type folder struct {
	b   *bench
	dir string
}

// folder makes a data folder on a fresh database.
func (b *bench) folder(database database) folder {
	b.Helper()
	url := database.fresh(b)
	c := config.Config{Organization: "Bench", Timezone: "UTC"}
	if database.name == "PostgreSQL" {
		c.Database = url
	}
	f := folder{b, filepath.Join(b.TempDir(), "data")}
	if _, err := app.New("bench").Init(context.Background(), f.dir, c); err != nil {
		b.Fatal(err)
	}
	return f
}

// open opens the folder in this process for the length of work, which writes.
func (f folder) open(work func(s *surface.System)) {
	f.b.Helper()
	f.opened(surface.Write, work)
}

// opened is open in a mode.
func (f folder) opened(mode surface.Mode, work func(s *surface.System)) {
	f.b.Helper()
	s, err := app.New("bench").Open(context.Background(), f.dir, mode)
	if err != nil {
		f.b.Fatal(err)
	}
	work(s)
	if err := s.Close(); err != nil {
		f.b.Fatal(err)
	}
}

// fill appends events.
func (f folder) fill(made *events, n int) {
	f.b.Helper()
	f.open(func(s *surface.System) { made.fill(f.b, s.Door, s.Parser(), n) })
}

// settle lets the database and the kernel finish what they have put off, so
// that the next measurement does not pay for the last one's writes.
func (f folder) settle() {
	f.b.Helper()
	defer syscall.Sync()
	f.opened(surface.Read, func(s *surface.System) { // whoever writes has the one Writer already
		if s.DB.Dialect() != store.Postgres {
			return
		}
		w, err := s.DB.Writer(context.Background())
		if err != nil {
			f.b.Fatal(err)
		}
		defer w.Close()
		// What autovacuum does within a minute, and the checkpointer within five.
		for _, statement := range []string{"VACUUM (ANALYZE)", "CHECKPOINT"} {
			if _, err := w.ExecContext(context.Background(), statement); err != nil {
				f.b.Fatal(err)
			}
		}
	})
}

// ran is one run of the binary.
type ran struct {
	wall time.Duration
	cpu  time.Duration // user and system; not that of a database server
	rss  int64         // peak, in KiB
	out  []byte
}

// run runs the binary on the folder; it must succeed. It is started by a fresh
// copy of this program: the kernel counts the memory of whoever starts a
// process into that process's peak, and this one holds a lot.
func (f folder) run(arguments ...string) ran {
	f.b.Helper()
	self, err := os.Executable()
	if err != nil {
		f.b.Fatal(err)
	}
	measured := filepath.Join(f.b.TempDir(), "measured")
	command := exec.Command(self, append([]string{f.b.build()}, arguments...)...)
	command.Env = append(os.Environ(), "SCAF_DIR="+f.dir, launchVariable+"="+measured)
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		f.b.Fatalf("scaf %v: %v: %s", arguments, err, problems.String())
	}
	text, err := os.ReadFile(measured)
	if err != nil {
		f.b.Fatal(err)
	}
	r := ran{out: out.Bytes()}
	if _, err := fmt.Sscan(string(text), &r.wall, &r.cpu, &r.rss); err != nil {
		f.b.Fatal(err)
	}
	return r
}

// launchVariable names the file into which a launcher writes what it measured.
const launchVariable = "BENCH_LAUNCH"

func TestMain(m *testing.M) {
	if measured := os.Getenv(launchVariable); measured != "" {
		if err := launch(measured, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	app.TuneMemory() // as the program does
	os.Exit(m.Run())
}

// launch runs a program and writes how long it took, its CPU time and its peak memory.
func launch(measured string, arguments []string) error {
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	begin := time.Now()
	err := command.Run()
	wall := time.Since(begin)
	if err != nil {
		return err
	}
	cpu := command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	rss := command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	return os.WriteFile(measured, fmt.Appendf(nil, "%d %d %d\n", wall, cpu, rss), 0o600)
}
