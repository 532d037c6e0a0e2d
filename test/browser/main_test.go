// Package browser drives the real program with a real browser, Debian's
// Chromium: journeys of people, every page that a role can reach, its
// accessibility by axe-core, and its pictures.
//
// A picture of any page as any role, of the first weeks of the demonstration or
// of a folder of one's own (a copy of it is served):
//
//	go test ./test/browser -run TestLook -args -look /controls,/account -role auditor -folder DIR
package browser

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	_ "time/tzdata" // as the real program has

	"scaf.dev/scaf/test/product"
)

var (
	look   = flag.String("look", "", "paths of pages, with commas between: TestLook takes their pictures")
	role   = flag.String("role", "administrator", "who looks")
	folder = flag.String("folder", "", "data folder that is looked at (a copy of it); default: the first weeks of the demonstration")
	into   = flag.String("into", "screenshots", "folder of the pictures")
)

// program is the program as it is built for users.
var program string

// scratch is a folder that goes with the test process.
var scratch string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "browser tests:", err)
		return 1
	}
	code := m.Run()
	if err := errors.Join(end(), os.RemoveAll(scratch)); err != nil {
		fmt.Fprintln(os.Stderr, "browser tests:", err)
		return 1
	}
	return code
}

func prepare() (err error) {
	if scratch, err = os.MkdirTemp("", "scaf-browser-"); err != nil {
		return err
	}
	if program, err = product.Build(scratch); err != nil {
		return err
	}
	return startBrowser()
}

// endings are what is stopped at the end, the last first.
var endings []func() error

func end() (err error) {
	for i := len(endings) - 1; i >= 0; i-- {
		err = errors.Join(err, endings[i]())
	}
	return err
}
