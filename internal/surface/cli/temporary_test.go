package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// What a server that was killed has left goes when the next one begins, and what that one
// writes down for a while stays with the data.
func TestTheServersTemporaryFilesAreItsOwn(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, before := t.TempDir(), os.TempDir()
	for range 2 { // the second time there is something
		leave, err := ownTemporary(dir)
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.CreateTemp("", "multipart-*")
		if err != nil {
			t.Fatal(err)
		}
		file.Close()
		left, err := os.ReadDir(filepath.Join(dir, "tmp"))
		info, stat := os.Stat(filepath.Dir(file.Name()))
		if err != nil || stat != nil || len(left) != 1 || left[0].Name() != filepath.Base(file.Name()) || info.Mode().Perm() != 0o700 {
			t.Errorf("%s; in the folder are %v, %v (%v, %v)", file.Name(), left, info, err, stat)
		}
		if leave(); os.TempDir() != before {
			t.Errorf("it writes into %s afterwards", os.TempDir())
		}
	}
}
