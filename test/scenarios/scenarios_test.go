// Package scenarios runs the command line as a person does: each file of
// testdata is a script, with the files that it needs below it.
//
// Besides the commands of testscript there are:
//
//	exits CODE PROGRAM [ARG...]  run the program, which must end with this exit
//	                             status, and unless it is 0 must have explained
//	                             why on one line of standard error
//	gzip FILE                    replace FILE by FILE.gz
//	truncate FILE BYTES          cut the end of FILE off
//	events FILE N                write N events into FILE, one a line
//	$YESTERDAY, $TOMORROW        days beside today, in UTC: what is recorded now is near to them
//	narrow                       what the last command printed fits into 80
//	                             columns, but for single words (hashes, keys)
//	servers                      start a mail server, a Slack workspace and a program that is told
//	notifications FILE           put it into data/scaf.json, with their addresses
//	letters N [PART...]          as many letters came, the last one with the parts
//	posted N [PART...]           the same of messages of Slack
//	registers [EMPTY...]         every register has a record, but those that are named
package scenarios

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"scaf.dev/scaf/internal/platform/notify/notifytest"
	"scaf.dev/scaf/test/product"
)

func TestScenarios(t *testing.T) {
	program, err := product.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	around := &around{t: t, posts: map[*testscript.TestScript]*notifytest.Post{}, slack: map[*testscript.TestScript]*notifytest.Slack{}}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SCAF_DIR", e.WorkDir+"/data")
			today := time.Now().UTC()
			e.Setenv("YESTERDAY", today.AddDate(0, 0, -1).Format(time.DateOnly))
			e.Setenv("TOMORROW", today.AddDate(0, 0, 1).Format(time.DateOnly))
			e.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			e.Setenv("PATH", filepath.Dir(program)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"gzip":     zip,
			"truncate": truncate,
			"events":   events,
			"narrow":   narrow,

			"registers": registers,

			"servers":       around.servers,
			"notifications": around.notifications,
			"letters":       around.letters,
			"posted":        around.posted,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
	// testscript keeps standard error under this name.
	said := ts.ReadFile("stderr")
	if want != 0 && (strings.Count(said, "\n") != 1 || !strings.HasPrefix(said, "scaf: ") && !strings.HasPrefix(said, `{"error":`)) {
		ts.Fatalf("standard error is not one line of an explanation: %q", said)
	}
}

func zip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gzip FILE")
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(errors.Join(err, z.Close()))
	ts.Check(os.WriteFile(ts.MkAbs(args[0])+".gz", b.Bytes(), 0o600))
	ts.Check(os.Remove(ts.MkAbs(args[0])))
}

func truncate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: truncate FILE BYTES")
	}
	cut, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), info.Size()-cut))
}

func events(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: events FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, `{"specversion":"1.0","id":"event-%d","source":"//scenario","type":"com.example.happened","subject":"thing/%d","time":"2026-01-01T00:00:00Z"}`+"\n", i, i%10)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b.Bytes(), 0o600))
}

func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: narrow")
	}
	for _, stream := range []string{"stdout", "stderr"} {
		for line := range strings.Lines(ts.ReadFile(stream)) {
			line = strings.TrimSuffix(line, "\n")
			if width := len([]rune(line)); width > 80 && len(strings.Fields(line)) > 1 {
				ts.Fatalf("%s is %d columns wide: %s", stream, width, line)
			}
		}
	}
}
