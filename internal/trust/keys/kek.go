package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"scaf.dev/scaf/internal/platform/durable"
)

// EnvKEK is the environment variable that holds the key-encryption key.
const EnvKEK = "SCAF_KEK"

const kekFile = "kek"

// kekFileLimit bounds what is read of a key-encryption key's file: an age
// identity is 74 bytes, and age-keygen writes two lines of comment above it.
const kekFileLimit = 4096

// KEKSource says where the key-encryption key is: an age X25519 identity
// (AGE-SECRET-KEY-1...).
type KEKSource struct {
	// Identity is the key itself. Where it is not empty, File is not looked at.
	Identity string
	// File is the path of a file that holds the key, and perhaps comments that
	// begin with '#', as age-keygen writes it. Its mode must be 0600 or less.
	File string
}

// DefaultKEK is the key in the environment variable SCAF_KEK if that is set and
// not empty, else the file "kek" in the data folder.
func DefaultKEK(dir string) KEKSource {
	return KEKSource{Identity: os.Getenv(EnvKEK), File: filepath.Join(dir, kekFile)}
}

// String names the source and never shows the key.
func (s KEKSource) String() string {
	if s.Identity != "" {
		return "environment variable " + EnvKEK
	}
	return s.File
}

// GoString is [KEKSource.String], so that no format verb prints the key.
func (s KEKSource) GoString() string { return s.String() }

// load reads the key. No error contains any part of it.
func (s KEKSource) load() (*age.X25519Identity, error) {
	text := []byte(s.Identity)
	if s.Identity == "" {
		var err error
		if text, err = s.readFile(); err != nil {
			return nil, err
		}
	}
	// age's own errors quote what they could not read, so they are not passed on.
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil || len(identities) != 1 {
		return nil, fmt.Errorf("%w: %s does not hold exactly one AGE-SECRET-KEY-1... key", ErrKEKWrong, s)
	}
	identity, ok := identities[0].(*age.X25519Identity)
	if !ok {
		return nil, fmt.Errorf("%w: %s holds another kind of age key than X25519 (AGE-SECRET-KEY-1...)", ErrKEKWrong, s)
	}
	return identity, nil
}

func (s KEKSource) readFile() ([]byte, error) {
	f, err := os.Open(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: set %s, or restore the file %s", ErrKEKMissing, EnvKEK, s.File)
	}
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s is not a regular file", ErrKEKWrong, s.File)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrKEKPermissions, s.File, perm, s.File)
	}
	if info.Size() > kekFileLimit {
		return nil, fmt.Errorf("%w: %s has %d bytes; a key has less than %d", ErrKEKWrong, s.File, info.Size(), kekFileLimit)
	}
	text := make([]byte, info.Size())
	n, err := f.ReadAt(text, 0)
	if n < len(text) {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	return text, nil
}

// loadOrCreate is load, and makes the file with a new key where neither the
// environment nor a file gives one.
func (s KEKSource) loadOrCreate() (*age.X25519Identity, error) {
	identity, err := s.load()
	if !errors.Is(err, ErrKEKMissing) {
		return identity, err
	}
	identity, err = age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	if err := durable.Create(s.File, 0o600, []byte(identity.String()+"\n")); err != nil {
		return nil, fmt.Errorf("key-encryption key: %w", err)
	}
	return identity, nil
}
