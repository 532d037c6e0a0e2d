// Package durable writes files that are on the disk when the call returns: the
// file's content and its folder's entry are both synced. A power failure
// afterwards does not lose them; one before leaves no part of them under the
// final name.
package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes data to a new file with exactly the given permissions. It never
// overwrites: where path exists already the error is [fs.ErrExist] and the file
// is untouched. A crash can leave a file named ".new-*" beside it, which means
// nothing.
func Create(path string, perm fs.FileMode, data []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if removeErr := os.Remove(f.Name()); err == nil && removeErr != nil {
			err = removeErr
		}
	}()
	if err := fill(f, perm, data); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	// A link, unlike a rename, fails where the name is taken.
	if err := os.Link(f.Name(), path); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
		}
		return err
	}
	return SyncDir(dir)
}

// Replace writes data to a file, new or in the place of an old one, so that a
// reader sees the old content or the new one and never a part.
func Replace(path string, perm fs.FileMode, data []byte) error {
	if err := Place(path, perm, data); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// Place is Replace without making the folder's entry durable: for many files
// in a folder, followed by one [SyncDir].
func Place(path string, perm fs.FileMode, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	err = fill(f, perm, data)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func fill(f *os.File, perm fs.FileMode, data []byte) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// SyncDir makes the entries of a folder durable: files created, linked, renamed
// or removed in it before the call.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
