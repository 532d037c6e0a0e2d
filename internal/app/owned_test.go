package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/surface"
)

// One process writes to a folder, and to its database: a copy of the folder leads to the same
// one on PostgreSQL. Both can be read meanwhile.
func TestOneProcessOwnsAFolderAndItsDatabase(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		again := app.Backend{Clock: f.Manual, Version: "test"}
		folders := []string{f.Dir}
		if f.Config.Database != "" {
			copied := filepath.Join(t.TempDir(), "copied")
			if err := os.CopyFS(copied, os.DirFS(f.Dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(filepath.Join(copied, "kek"), 0o600); err != nil { // CopyFS opens it to others
				t.Fatal(err)
			}
			folders = append(folders, copied)
		}
		for _, dir := range folders {
			if s, err := again.Open(t.Context(), dir, surface.Write); !errors.Is(err, surface.ErrInUse) {
				t.Errorf("%s: a second process gets %v, %v, want ErrInUse", dir, s, err)
			}
			s, err := again.Open(t.Context(), dir, surface.Read)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
