package browser

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"scaf.dev/scaf/internal/trust/access"
)

const password = "correct horse battery"

// keeper is the account of the demonstration's security lead.
const keeper = "keeper"

// typist is an account beside those of the roles, whose password is changed.
const typist = "typist"

// scaf runs the program to its end, with a line of input.
func scaf(dir, input string, args ...string) (string, error) {
	command := exec.Command(program, append([]string{"--dir", dir}, args...)...)
	var out, complaint bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(input), &out, &complaint
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("scaf %s: %w: %s", strings.Join(args, " "), err, complaint.String())
	}
	return out.String(), nil
}

// site is a folder that scaf serve serves.
type site struct {
	url   string
	setUp string // the link of the first account, where the program printed one
	stop  func() error
}

// serve starts scaf serve on a free port of this machine and waits until it says
// where it listens.
func serve(dir string) (*site, error) {
	command := exec.Command(program, "--dir", dir, "serve", "--listen", "127.0.0.1:0")
	var log bytes.Buffer
	command.Stderr = &log
	reader, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &site{stop: sync.OnceValue(func() error {
		if err := errors.Join(command.Process.Signal(syscall.SIGTERM), command.Wait()); err != nil {
			return fmt.Errorf("scaf serve: %w: %s", err, log.String())
		}
		return nil
	})}
	// What it prints is one write, before it answers: the second line, if there is
	// one, has arrived with the first.
	lines := bufio.NewReader(reader)
	first, err := lines.ReadString('\n')
	if err != nil || !strings.HasPrefix(first, "listening on ") {
		return nil, errors.Join(fmt.Errorf("scaf serve said %q", first), err, s.stop())
	}
	s.url = strings.TrimSpace(strings.TrimPrefix(first, "listening on "))
	rest, err := lines.Peek(lines.Buffered())
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	for line := range strings.Lines(string(rest)) {
		if strings.HasPrefix(line, s.url) {
			s.setUp = strings.TrimSpace(line)
		}
	}
	return s, nil
}

// officers are those of the demonstration's people who decide.
var officers = map[string]string{"executive": "person/E1001", "ciso": "person/E1002", "compliance": "person/E1003"}

// demo is the demonstration's site with an account for each role, whose id is
// its name; it is served once for all tests.
var demo = sync.OnceValues(func() (*site, error) {
	dir := filepath.Join(scratch, "demo")
	if *folder != "" {
		// With the modes of its files: a key that others can read is refused.
		if out, err := exec.Command("cp", "-a", *folder, dir).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("copy %s: %w: %s", *folder, err, out)
		}
	} else if _, err := scaf(dir, "", "demo", "--until", "2025-01-22"); err != nil {
		return nil, err
	}
	for _, role := range people() {
		var of []string
		if person := officers[role]; person != "" {
			of = []string{"--person", person}
		}
		if err := account(dir, role, role, of...); err != nil {
			return nil, err
		}
	}
	if err := account(dir, typist, "employee"); err != nil {
		return nil, err
	}
	if *folder == "" {
		if err := account(dir, keeper, "control-owner", "--person", "person/E1004"); err != nil {
			return nil, err
		}
	}
	s, err := serve(dir)
	if err == nil {
		endings = append(endings, s.stop)
	}
	return s, err
})

// people are the roles of people: programs have tokens.
func people() (roles []string) {
	for _, role := range access.Roles.Names() {
		if role != "ingester" && role != "monitor" && role != "processing" {
			roles = append(roles, role)
		}
	}
	return roles
}

// account makes an account in a folder that nobody serves.
func account(dir, id, role string, more ...string) error {
	_, err := scaf(dir, password+"\n", append([]string{"account", "create", id, "--name", "Example " + strings.ToUpper(id[:1]) + id[1:], "--role", role}, more...)...)
	return err
}

// hires makes an account for each role, whose id is the role's name, as is that of the
// person whose it is. An auditor is from outside, and in no register of people.
func hires(t *testing.T, dir string, roles ...string) {
	t.Helper()
	for _, role := range roles {
		var of []string
		if role != "auditor" {
			of = []string{"--person", "person/" + role}
			if _, err := scaf(dir, "", "record", "add", "people", "id="+role, "name=Example "+strings.ToUpper(role[:1])+role[1:], "joined_at=2024-01-01T09:00:00Z"); err != nil {
				t.Fatal(err)
			}
		}
		if err := account(dir, role, role, of...); err != nil {
			t.Fatal(err)
		}
	}
}

// demonstration is demo for a test.
func demonstration(t *testing.T) *site {
	t.Helper()
	s, err := demo()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh is the site of an organisation that begins.
func fresh(t *testing.T, dir string) *site {
	t.Helper()
	s, err := serve(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
