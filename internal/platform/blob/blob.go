// Package blob keeps byte strings by the SHA-256 of their content: what is too
// large for an event, whose entry then holds the hash.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// What a store can answer; test with errors.Is.
var (
	// ErrNotFound: the store holds nothing under the hash.
	ErrNotFound = errors.New("no such blob")
	// ErrCorrupt: what the store holds does not have the hash it is kept under.
	ErrCorrupt = errors.New("the blob does not match its hash")
	// ErrHash: not a hash: 64 lowercase hexadecimal digits.
	ErrHash = errors.New("not a SHA-256 hash of 64 lowercase hexadecimal digits")
)

// Store keeps blobs. Implementations are safe for concurrent use, by several
// processes too, and pass the suite in blobtest.
type Store interface {
	// Put stores everything that r gives and returns its SHA-256 in lowercase
	// hex and its size in bytes. When it returns without an error the blob is
	// fully persisted: it survives a crash of the process, and of the machine as
	// far as the storage keeps its own promises. When it returns an error the
	// caller must assume neither that the blob is there nor that it is not, and
	// may put it again: storing the same content twice is storing it once, and
	// repairs a copy that was damaged. Content is never visible in part.
	Put(ctx context.Context, r io.Reader) (hash string, size int64, err error)

	// Open returns the blob with the given hash. Its bytes are good only once
	// Read has returned io.EOF: where they do not match the hash, Read returns
	// ErrCorrupt in the place of io.EOF, and a caller that stops earlier knows
	// nothing. Errors: ErrHash, ErrNotFound.
	Open(ctx context.Context, hash string) (io.ReadCloser, error)
}

// checkHash returns ErrHash unless hash is a SHA-256 in lowercase hex, so that
// nothing else ever becomes part of a path.
func checkHash(hash string) error {
	raw, err := hex.DecodeString(hash)
	if err != nil || len(raw) != sha256.Size || hex.EncodeToString(raw) != hash {
		return fmt.Errorf("%w: %.80q", ErrHash, hash)
	}
	return nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
