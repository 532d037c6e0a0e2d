package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"scaf.dev/scaf/internal/platform/durable"
)

func onlyEntry(t *testing.T, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != want {
		t.Errorf("the folder holds %v, want only %s", entries, want)
	}
}

func TestCreateWritesContentAndModeAndLeavesNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := durable.Create(path, 0o640, []byte("content")); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	onlyEntry(t, filepath.Dir(path), "f")
}

func TestCreateNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			err := durable.Create(path, 0o600, []byte{byte('0' + i)})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers made the file, want exactly one", won.Load())
	}
	onlyEntry(t, filepath.Dir(path), "f")
}

func TestCreateInAMissingFolderFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "f")
	if err := durable.Create(path, 0o600, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestSyncDirReportsAMissingFolder(t *testing.T) {
	if err := durable.SyncDir(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
}

func TestReplaceWritesNewFilesAndReplacesOldOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, want := range []string{"first, and longer", "second", ""} {
		if err := durable.Replace(path, 0o640, []byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
	onlyEntry(t, filepath.Dir(path), "f")
}

func TestReplaceThatFailsLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, 0o600, []byte("x")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	onlyEntry(t, dir, "taken")
}
