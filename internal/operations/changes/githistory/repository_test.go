package githistory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/dirhash"
)

func commits(n int) [][]byte {
	var all [][]byte
	for i := range n {
		all = append(all, rawCommit(nil, anAuthor, aCommitter, "", fmt.Sprintf("commit %d\n", i)))
	}
	return all
}

func TestWhatIsNoRepositoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	sha256 := filepath.Join(t.TempDir(), "new")
	gitIn(t, "", nil, "init", "-q", "--bare", "--object-format=sha256", sha256)
	reftable := newBare(t)
	gitIn(t, reftable, nil, "config", "core.repositoryformatversion", "1")
	gitIn(t, reftable, nil, "config", "extensions.refstorage", "reftable")
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.MkdirAll(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(broken, ".git"), []byte("gitdir: ../nowhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path, want string
		is         error
	}{
		"empty folder":     {path: dir, want: "not a git repository", is: ErrNotRepository},
		"file":             {path: file, want: "it is a file", is: ErrNotRepository},
		"missing":          {path: filepath.Join(dir, "absent"), want: "no such file", is: fs.ErrNotExist},
		"sha256":           {path: sha256, want: "object names in sha256 are not supported"},
		"reftable":         {path: reftable, want: "references kept as reftable are not supported"},
		"dangling gitfile": {path: broken, want: "not a git repository", is: ErrNotRepository},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Open(tc.path)
			if err == nil {
				t.Fatalf("opened %v", r)
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), tc.path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q, want one line with %q and the path", err, tc.want)
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("error %q is not %v", err, tc.is)
			}
		})
	}
}

func TestEmptyRepositoryHasNoCommits(t *testing.T) {
	if _, _, err := tryRead(newBare(t), "main", Query{}); !errors.Is(err, ErrNoCommits) {
		t.Fatalf("error %v", err)
	}
}

func TestBranchesAreFoundByShortAndFullName(t *testing.T) {
	dir := newBare(t)
	tip := store(t, dir, commits(2)...)[1]
	gitIn(t, dir, nil, "update-ref", "refs/heads/feature/x", "main")
	gitIn(t, dir, nil, "update-ref", "refs/remotes/origin/release", "main")
	gitIn(t, dir, nil, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/release")
	gitIn(t, dir, nil, "tag", "-a", "-m", "a tag", "v1", "main")
	gitIn(t, dir, nil, "tag", "-a", "-m", "a tag of a tag", "v2", "v1")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for pass := range 2 {
		for name, ref := range map[string]string{
			"main": "refs/heads/main", "refs/heads/main": "refs/heads/main", "feature/x": "refs/heads/feature/x",
			"origin/release": "refs/remotes/origin/release", "refs/remotes/origin/release": "refs/remotes/origin/release",
			"origin/HEAD": "refs/remotes/origin/release", "refs/tags/v2": "refs/tags/v2",
		} {
			got, err := r.Branch(name)
			if err != nil || got != (Branch{Ref: ref, Tip: tip}) {
				t.Errorf("pass %d: branch %q is %+v, %v", pass, name, got, err)
			}
		}
		gitIn(t, dir, nil, "pack-refs", "--all")
	}
	for _, name := range []string{"absent", "", "refs/heads/absent", "../../HEAD", "main/../main", "v1", "-x", "a b", "main\n"} {
		_, err := r.Branch(name)
		var unknown *UnknownBranchError
		if !errors.As(err, &unknown) {
			t.Errorf("branch %q: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]string{"feature/x", "main", "origin/release"}, unknown.Branches); diff != "" {
			t.Errorf("branch %q lists:\n%s", name, diff)
		}
	}
	if _, err := r.Branch("absent"); err.Error() != `unknown branch "absent": the repository has feature/x, main, origin/release` {
		t.Errorf("error %q", err)
	}
	many := &UnknownBranchError{Branch: "b", Branches: strings.Split(strings.Repeat("x ", 24)+"x", " ")}
	if !strings.HasSuffix(many.Error(), "x, x and 5 more") {
		t.Errorf("error %q", many)
	}
}

// Every layout in which Git keeps the same history gives the same changes.
func TestEveryLayoutReadsTheSame(t *testing.T) {
	dir := newBare(t)
	var ids []string
	for i := range 60 {
		var parents []string
		if i > 0 {
			parents = append(parents, ids[i-1])
		}
		if i > 5 && i%7 == 0 {
			parents = append(parents, ids[i-5])
		}
		ids = append(ids, store(t, dir, rawCommit(parents, anAuthor, aCommitter, "",
			fmt.Sprintf("commit %d\n\n%s\n\nReviewed-by: Cy <cy@example.org>\n", i, strings.Repeat("the same text ", 30))))...)
	}
	want, _ := readAll(t, dir, "main", Query{Repository: "-"})
	if len(want) != len(ids) {
		t.Fatalf("%d changes", len(want))
	}
	half := filepath.Join(t.TempDir(), "half.git")
	gitIn(t, "", nil, "clone", "-q", "--bare", "--shared", dir, half)
	borrowed := filepath.Join(t.TempDir(), "borrowed.git")
	gitIn(t, "", nil, "clone", "-q", "--bare", "--shared", half, borrowed)
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, "", nil, "clone", "-q", dir, clone)
	worktree := filepath.Join(t.TempDir(), "tree")
	gitIn(t, clone, nil, "worktree", "add", "-q", "-b", "side", worktree, "main")
	packed := filepath.Join(t.TempDir(), "packed.git")
	gitIn(t, "", nil, "clone", "-q", "--bare", dir, packed)
	gitIn(t, packed, nil, "repack", "-adfq", "--depth=50", "--window=50")
	gitIn(t, packed, nil, "commit-graph", "write")
	chains := gitIn(t, packed, nil, "verify-pack", "-v", onlyPack(t, packed))
	if !strings.Contains(chains, "chain length = 2") {
		t.Fatal("the packed repository has no delta of a delta")
	}
	for name, at := range map[string]string{
		"loose": dir, "packed with deltas": packed, "alternates": half, "alternates of alternates": borrowed, "working tree": clone, "linked worktree": worktree,
		"git folder": filepath.Join(clone, ".git"),
	} {
		t.Run(name, func(t *testing.T) {
			before := hashFolder(t, at)
			got, _ := readAll(t, at, "main", Query{Repository: "-"})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if hashFolder(t, at) != before {
				t.Error("reading changed the repository")
			}
		})
	}
}

func onlyPack(t *testing.T, dir string) string {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(dir, "objects/pack/*.pack"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("packs %v, %v", packs, err)
	}
	return packs[0]
}

func hashFolder(t *testing.T, dir string) string {
	t.Helper()
	h, err := dirhash.HashDir(dir, "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestShallowCloneIsReported(t *testing.T) {
	dir := newBare(t)
	var parents []string
	for i := range 5 {
		parents = store(t, dir, rawCommit(parents, anAuthor, aCommitter, "", fmt.Sprintf("commit %d\n", i)))
	}
	clone := filepath.Join(t.TempDir(), "clone")
	gitIn(t, "", nil, "clone", "-q", "--depth=2", "file://"+dir, clone)
	worktree := filepath.Join(t.TempDir(), "tree")
	gitIn(t, clone, nil, "worktree", "add", "-q", "-b", "side", worktree, "main")
	for path, want := range map[string]bool{dir: false, clone: true, worktree: true} {
		r, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if r.Shallow() != want {
			t.Errorf("%s: shallow is %v", path, r.Shallow())
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		changes, stats := readAll(t, path, "main", Query{})
		if want && (len(changes) != 2 || stats.CutOff != 1) || !want && (len(changes) != 5 || stats.CutOff != 0) {
			t.Errorf("%s: %d changes, %+v", path, len(changes), stats)
		}
	}
}

func TestRepositoryIsNamedByItsOriginOrFolder(t *testing.T) {
	for remote, want := range map[string]string{
		"":                                     "product",
		"https://example.org/team/p.git":       "example.org/team/p",
		"https://user:secret@Example.org/t/p/": "example.org/t/p",
		"https://token@example.org:8443/p":     "example.org/p",
		"https://example.org/p.git?t=secret#f": "example.org/p",
		"git@example.org:team/p.git":           "example.org/team/p",
		"ssh://git@example.org:2222/p.git":     "example.org/p",
		"ssh://git@[2001:db8::1]/p.git":        "[2001:db8::1]/p",
		"/srv/mirror/p.git":                    "product",
		"file:///srv/mirror/p.git":             "product",
		"../p":                                 "product",
	} {
		dir := newBare(t)
		if remote != "" {
			gitIn(t, dir, nil, "config", "remote.origin.url", remote)
		}
		r, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if r.Name() != want {
			t.Errorf("origin %q: name %q, want %q", remote, r.Name(), want)
		}
		r.Close()
	}
	tree := filepath.Join(t.TempDir(), "product")
	gitIn(t, "", nil, "init", "-q", "--initial-branch=main", tree)
	gitIn(t, tree, nil, "commit", "-q", "--allow-empty", "-m", "x")
	linked := filepath.Join(t.TempDir(), "linked")
	gitIn(t, tree, nil, "worktree", "add", "-q", "-b", "side", linked)
	for _, path := range []string{tree, filepath.Join(tree, ".git"), linked} {
		changes, _ := readAll(t, path, "side", Query{})
		if changes[0].Repository != "product" {
			t.Errorf("%s is named %q", path, changes[0].Repository)
		}
	}
	changes, _ := readAll(t, tree, "main", Query{Repository: "given"})
	if changes[0].Repository != "given" {
		t.Errorf("named %q", changes[0].Repository)
	}
}

func TestMissingParentIsNamed(t *testing.T) {
	dir := newBare(t)
	ids := store(t, dir, rawCommit(nil, anAuthor, aCommitter, "", "root\n"))
	ids = append(ids, store(t, dir, rawCommit(ids, anAuthor, aCommitter, "", "tip\n"))...)
	if err := os.Remove(filepath.Join(dir, "objects", ids[0][:2], ids[0][2:])); err != nil {
		t.Fatal(err)
	}
	_, _, err := tryRead(dir, "main", Query{})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("commit %s, a parent of %s, is missing", ids[0], ids[1])) {
		t.Fatalf("error %v", err)
	}
}

// A commit that was put in the place of another is not read under the other's id.
func TestSwappedCommitIsFound(t *testing.T) {
	dir := newBare(t)
	ids := store(t, dir, commits(2)...)
	path := func(id string) string { return filepath.Join(dir, "objects", id[:2], id[2:]) }
	b, err := os.ReadFile(path(ids[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path(ids[1])); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path(ids[1]), b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err = tryRead(dir, "main", Query{})
	if err == nil || !strings.Contains(err.Error(), "commit "+ids[1]+" is damaged") {
		t.Fatalf("error %v", err)
	}
}

// Whatever byte of a pack is changed, reading gives the right changes or an error, never other
// changes and never a panic.
func TestDamagedPackGivesNoOtherChanges(t *testing.T) {
	dir := newBare(t)
	var parents []string
	for i := range 12 {
		parents = store(t, dir, rawCommit(parents, anAuthor, aCommitter, "",
			fmt.Sprintf("commit %d\n\n%s\n", i, strings.Repeat("the same text ", 20))))
	}
	gitIn(t, dir, nil, "repack", "-adfq", "--depth=50", "--window=50")
	gitIn(t, dir, nil, "prune-packed")
	pack := onlyPack(t, dir)
	if err := os.Chmod(pack, 0o600); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(pack)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := readAll(t, dir, "main", Query{})
	failed := 0
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= byte(1 << (i % 8))
		if err := os.WriteFile(pack, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		got, _, err := tryRead(dir, "main", Query{})
		if err != nil {
			failed++
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("byte %d: error of more than one line %q", i, err)
			}
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("byte %d changed what is read:\n%s", i, diff)
		}
	}
	if failed < len(whole)/2 {
		t.Errorf("only %d of %d changed bytes were found", failed, len(whole))
	}
}

func TestWalkStopsWithItsContext(t *testing.T) {
	dir := newBare(t)
	store(t, dir, commits(1)...)
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := r.Branch("main")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range r.Walk(b, Query{}).Changes(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	}
}
