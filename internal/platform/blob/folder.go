package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"scaf.dev/scaf/internal/platform/durable"
)

// tempFolder holds blobs that are being written. What a crash left there means
// nothing and can be removed while no process is putting.
const tempFolder = "tmp"

// Folder is a [Store] in a folder: the file of a blob is named by its hash, in a
// sub-folder named by the hash's first two digits.
type Folder struct {
	root string
}

// OpenFolder returns the store in the folder root, which is made if it is
// missing.
func OpenFolder(root string) (*Folder, error) {
	if err := os.MkdirAll(filepath.Join(root, tempFolder), 0o700); err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	for _, dir := range []string{root, filepath.Dir(filepath.Clean(root))} {
		if err := durable.SyncDir(dir); err != nil {
			return nil, fmt.Errorf("blob store: %w", err)
		}
	}
	return &Folder{root: root}, nil
}

func (f *Folder) path(hash string) string { return filepath.Join(f.root, hash[:2], hash) }

// Put implements [Store]. File and folder are synced before it returns.
func (f *Folder) Put(ctx context.Context, r io.Reader) (hash string, size int64, err error) {
	temp, err := os.CreateTemp(filepath.Join(f.root, tempFolder), "put-*")
	if err != nil {
		return "", 0, fmt.Errorf("blob store: %w", err)
	}
	defer func() {
		if err != nil {
			// Leftovers mean nothing, so the first error is the one to tell.
			_ = os.Remove(temp.Name())
		}
	}()
	digest := sha256.New()
	size, err = io.Copy(io.MultiWriter(temp, digest), contextReader{ctx, r})
	if err == nil {
		err = temp.Sync()
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		return "", 0, fmt.Errorf("blob store: %w", err)
	}
	hash = hex.EncodeToString(digest.Sum(nil))
	if err := f.publish(temp.Name(), hash); err != nil {
		return "", 0, fmt.Errorf("blob store: %w", err)
	}
	return hash, size, nil
}

// publish moves a synced file to its name and makes the name durable. A copy
// that is there already is replaced: it may be damaged, or not yet durable.
func (f *Folder) publish(temp, hash string) error {
	path := f.path(hash)
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	// The root too: this call, or one that is not finished, made the sub-folder.
	return errors.Join(durable.SyncDir(dir), durable.SyncDir(f.root))
}

// Open implements [Store].
func (f *Folder) Open(ctx context.Context, hash string) (io.ReadCloser, error) {
	if err := checkHash(hash); err != nil {
		return nil, err
	}
	file, err := os.Open(f.path(hash))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("blob store: %w", err)
	}
	return &verifying{
		Closer: file, r: contextReader{ctx, file}, path: file.Name(), want: hash, digest: sha256.New(),
	}, nil
}

// verifying compares the hash of what was read with the blob's name at the end.
type verifying struct {
	io.Closer
	r      io.Reader
	path   string
	want   string
	digest hash.Hash
}

func (v *verifying) Read(p []byte) (int, error) {
	n, err := v.r.Read(p)
	v.digest.Write(p[:n])
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(v.digest.Sum(nil)); got != v.want {
			return n, fmt.Errorf("%w: %s has SHA-256 %s", ErrCorrupt, v.path, got)
		}
	}
	return n, err
}
