package githistory

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// gitIn runs the real git program in a folder, away from the configuration of the machine.
func gitIn(t testing.TB, dir string, stdin []byte, args ...string) string {
	t.Helper()
	out, err := tryGit(dir, stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryGit(dir string, stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_AUTHOR_DATE=1700000000 +0000",
		"GIT_COMMITTER_NAME=Ben", "GIT_COMMITTER_EMAIL=ben@example.org", "GIT_COMMITTER_DATE=1700000000 +0000")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// newBare makes an empty bare repository whose HEAD is the branch main.
func newBare(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "product.git")
	gitIn(t, "", nil, "init", "-q", "--bare", "--initial-branch=main", dir)
	return dir
}

const (
	anAuthor    = "Ada Author <ada@example.org> 1700000000 +0000"
	aCommitter  = "Ben Committer <ben@example.org> 1700000100 +0000"
	anEmptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
)

// rawCommit gives the bytes of a commit exactly as asked for, however odd.
func rawCommit(parents []string, author, committer, more, message string) []byte {
	var b strings.Builder
	b.WriteString("tree " + anEmptyTree + "\n")
	for _, p := range parents {
		b.WriteString("parent " + p + "\n")
	}
	b.WriteString("author " + author + "\ncommitter " + committer + "\n" + more + "\n" + message)
	return []byte(b.String())
}

// store writes raw commits into a repository as loose objects and points main at the last.
func store(t testing.TB, dir string, commits ...[]byte) (ids []string) {
	t.Helper()
	ids, err := tryStore(dir, commits...)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func tryStore(dir string, commits ...[]byte) (ids []string, err error) {
	s := filesystem.NewStorage(osfs.New(dir), cache.NewObjectLRU(cache.MiByte))
	empty := &plumbing.MemoryObject{}
	empty.SetType(plumbing.TreeObject)
	if _, err := s.SetEncodedObject(empty); err != nil {
		return nil, err
	}
	var last plumbing.Hash
	for _, c := range commits {
		o := &plumbing.MemoryObject{}
		o.SetType(plumbing.CommitObject)
		if _, err := o.Write(c); err != nil {
			return nil, err
		}
		if last, err = s.SetEncodedObject(o); err != nil {
			return nil, err
		}
		ids = append(ids, last.String())
	}
	return ids, s.SetReference(plumbing.NewHashReference("refs/heads/main", last))
}

// readAll reads a branch of a repository.
func readAll(t testing.TB, dir, branch string, q Query) ([]Change, Stats) {
	t.Helper()
	changes, stats, err := tryRead(dir, branch, q)
	if err != nil {
		t.Fatal(err)
	}
	return changes, stats
}

func tryRead(dir, branch string, q Query) (changes []Change, stats Stats, err error) {
	r, err := Open(dir)
	if err != nil {
		return nil, stats, err
	}
	defer func() {
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
	}()
	b, err := r.Branch(branch)
	if err != nil {
		return nil, stats, err
	}
	w := r.Walk(b, q)
	for c, err := range w.Changes(context.Background()) {
		if err != nil {
			return changes, w.Stats(), err
		}
		changes = append(changes, c)
	}
	return changes, w.Stats(), nil
}
