package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"scaf.dev/scaf/internal/platform/blob"
	"scaf.dev/scaf/internal/platform/blob/blobtest"
)

func openFolder(t testing.TB, root string) *blob.Folder {
	t.Helper()
	store, err := blob.OpenFolder(root)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestFolderConforms(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) (blob.Store, func() blob.Store) {
		root := filepath.Join(t.TempDir(), "new", "blobs")
		return openFolder(t, root), func() blob.Store { return openFolder(t, root) }
	})
}

// files returns the paths of all files under root, relative to it.
func files(t *testing.T, root string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		out = append(out, rel)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFolderHoldsOneFileForEachContent(t *testing.T) {
	root := t.TempDir()
	store := openFolder(t, root)
	for range 2 {
		if _, _, err := store.Put(t.Context(), strings.NewReader("abc")); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := store.Put(t.Context(), iotest.ErrReader(errors.New("broken"))); err == nil {
		t.Fatal("no error")
	}
	want := "ba/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got := files(t, root); len(got) != 1 || got[0] != want {
		t.Errorf("the folder holds %q, want only %q", got, want)
	}
}

func TestEveryChangedByteIsNoticedAndRepairedByPuttingAgain(t *testing.T) {
	root := t.TempDir()
	store := openFolder(t, root)
	content := []byte("evidence")
	hash, _, err := store.Put(t.Context(), bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, hash[:2], hash)
	damaged := [][]byte{nil, content[:7], append(bytes.Clone(content), 0)}
	for i := range content {
		changed := bytes.Clone(content)
		changed[i] ^= 1
		damaged = append(damaged, changed)
	}
	for _, bad := range damaged {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := store.Open(t.Context(), hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrCorrupt) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want ErrCorrupt that names the file", bad, err)
		}
		r.Close()
	}
	if _, _, err := store.Put(t.Context(), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	r, err := store.Open(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
		t.Errorf("after putting again: %q, %v", got, err)
	}
}

func TestPutThatCannotBePublishedLeavesNothing(t *testing.T) {
	root := t.TempDir()
	store := openFolder(t, root)
	// A file in the place of the sub-folder: the rename fails after the write.
	if err := os.WriteFile(filepath.Join(root, "ba"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Put(context.Background(), strings.NewReader("abc")); err == nil {
		t.Error("no error")
	}
	if got := files(t, root); len(got) != 1 || got[0] != "ba" {
		t.Errorf("the folder holds %q", got)
	}
}

func TestOpenFolderReportsAPathThatIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenFolder(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}
