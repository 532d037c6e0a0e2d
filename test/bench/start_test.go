//go:build bench

package bench

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/surface"
)

const (
	startTime  = 300 * time.Millisecond
	idleMemory = 100 << 10 // KiB
)

func start(b *bench) {
	size := pick(b, 20_000, 1_000_000)
	rounds := pick(b, 2, 5)
	idle := pick(b, time.Second, 5*time.Second)
	b.say("The real program on a folder with %s events. **Help**: `scaf --help`, which is the program's start alone. Serving: `scaf serve` until `/healthz` answers. Idle memory: its resident set after %s without a request. %d rounds in turns.", count(size), idle, rounds)
	rows := [][]string{{"database", "", "help", "SCAF", "target"}}
	for _, database := range databases {
		f := b.folder(database)
		f.fill(newEvents(), size)
		f.settle()
		var helps, serves, lists []time.Duration
		var rss int64
		for range rounds {
			helps = append(helps, f.run("--help").wall)
			took, memory := f.serve(idle)
			serves, rss = append(serves, took), max(rss, memory)
			lists = append(lists, f.run("ledger", "list", "--limit", "1").wall)
		}
		help := ms(median(helps))
		rows = append(rows,
			[]string{database.name, "serving", help, ms(median(serves)), met("under 300 ms", median(serves) < startTime)},
			[]string{database.name, "`scaf ledger list --limit 1`", help, ms(median(lists)), "none"},
			[]string{database.name, "idle memory", "", megabytes(rss), met("under 100 MB", rss < idleMemory)},
		)
	}
	b.table(rows...)
}

var listening = regexp.MustCompile(`http://\S+`)

// serve starts the service, waits until it answers, lets it idle, reads its
// resident set (KiB) and stops it.
func (f folder) serve(idle time.Duration) (took time.Duration, rss int64) {
	f.b.Helper()
	command := exec.Command(f.b.build(), "serve", "--listen", "127.0.0.1:0")
	command.Env = append(os.Environ(), "SCAF_DIR="+f.dir)
	out, err := command.StdoutPipe()
	if err != nil {
		f.b.Fatal(err)
	}
	begin := time.Now()
	if err := command.Start(); err != nil {
		f.b.Fatal(err)
	}
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil {
			f.b.Errorf("scaf serve: %v", err)
		}
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	at := listening.FindString(line)
	if err != nil || at == "" {
		f.b.Fatalf("scaf serve says %q, %v", line, err)
	}
	answer, err := http.Get(at + "/healthz")
	if err != nil || answer.StatusCode != http.StatusOK {
		f.b.Fatalf("healthz: %v, %v", answer, err)
	}
	answer.Body.Close()
	took = time.Since(begin)
	<-time.After(idle)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", command.Process.Pid))
	if err != nil {
		f.b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
			if rss, err = strconv.ParseInt(fields[1], 10, 64); err != nil {
				f.b.Fatal(err)
			}
		}
	}
	return took, rss
}

// periodOf reads a period.
func periodOf(s *surface.System, name string) (p *periods.Period, err error) {
	err = s.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		p, err = periods.Get(r, name)
		return err
	})
	return p, err
}
