// Package keys makes and opens the ledger's signing key: Ed25519, named by the
// log's origin, as a C2SP signed-note key. The private key is stored encrypted
// (age, X25519) under a key-encryption key that is kept apart from it; the
// verifier key is stored in clear, so that reading and verifying need no secret.
package keys

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"filippo.io/age"
	"golang.org/x/mod/sumdb/note"

	"scaf.dev/scaf/internal/platform/durable"
)

// What can be wrong with the keys of a data folder; test with errors.Is.
var (
	// ErrMissing: the folder has no ledger key.
	ErrMissing = errors.New("the ledger key is missing")
	// ErrExists: the folder has a ledger key already; it is never overwritten.
	ErrExists = errors.New("the folder has a ledger key already")
	// ErrDamaged: a key file is not what was written, or two of them disagree.
	ErrDamaged = errors.New("the ledger key is damaged")
	// ErrOrigin: the origin cannot name a C2SP note key.
	ErrOrigin = errors.New("the origin cannot name a key")
	// ErrKEKMissing: no key-encryption key, in the environment or as a file.
	ErrKEKMissing = errors.New("the key-encryption key is missing")
	// ErrKEKWrong: what is there is no key, or not the one the ledger key was
	// encrypted under.
	ErrKEKWrong = errors.New("the key-encryption key is wrong")
	// ErrKEKPermissions: others than the owner may read the file.
	ErrKEKPermissions = errors.New("the key-encryption key can be read by others")
)

const (
	privateFile  = "ledger.key"
	verifierFile = "ledger.vkey"
	// fileLimit bounds what is read of a key file.
	fileLimit = 16 << 10
)

// Signer signs checkpoints. It implements [note.Signer] and is safe for
// concurrent use.
type Signer struct {
	note.Signer
	vkey string
}

// VerifierKey returns the C2SP signed-note verifier key, one line without its
// end: origin, key id and public key.
func (s *Signer) VerifierKey() string { return s.vkey }

// Create makes a ledger key for the log with the given origin in an existing
// folder, and the key-encryption key's file where the source gives no key. All
// files are durable on return. It never overwrites: with a ledger key in the
// folder, whole or not, the error is ErrExists. A crash in between leaves a
// folder that Create or Open can go on with.
func Create(dir, origin string, kek KEKSource) (*Signer, error) {
	if err := checkOrigin(origin); err != nil {
		return nil, err
	}
	for _, name := range []string{privateFile, verifierFile} {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); err == nil {
			return nil, fmt.Errorf("%w: %s", ErrExists, path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("ledger key: %w", err)
		}
	}
	identity, err := kek.loadOrCreate()
	if err != nil {
		return nil, err
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, origin)
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", ErrOrigin, origin)
	}
	sealed, err := seal(skey+"\n"+vkey+"\n", identity.Recipient())
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	// The private key first: Open can restore the verifier key, not the reverse.
	if err := create(dir, privateFile, 0o600, sealed); err != nil {
		return nil, err
	}
	if err := create(dir, verifierFile, 0o644, []byte(vkey+"\n")); err != nil {
		return nil, err
	}
	return &Signer{Signer: signer, vkey: vkey}, nil
}

// Open decrypts the folder's ledger key. It checks that the verifier key beside
// it is its own, and writes that file where a crash in Create left it out. No
// error contains any part of a secret.
func Open(dir string, kek KEKSource) (*Signer, error) {
	sealed, err := read(dir, privateFile)
	if err != nil {
		return nil, err
	}
	identity, err := kek.load()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, privateFile)
	text, err := unseal(sealed, identity)
	if err != nil {
		var noMatch *age.NoIdentityMatchError
		if errors.As(err, &noMatch) {
			return nil, fmt.Errorf("%w: %s was encrypted under another key than that of %s", ErrKEKWrong, path, kek)
		}
		return nil, fmt.Errorf("%w: %s cannot be decrypted", ErrDamaged, path)
	}
	signer, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %s does not hold a note key and its verifier key", ErrDamaged, path)
	}
	stored, err := VerifierKey(dir)
	switch {
	case errors.Is(err, ErrMissing):
		if err := create(dir, verifierFile, 0o644, []byte(signer.vkey+"\n")); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case stored != signer.vkey:
		return nil, fmt.Errorf("%w: %s is not the verifier key of %s",
			ErrDamaged, filepath.Join(dir, verifierFile), privateFile)
	}
	return signer, nil
}

// VerifierKey reads the folder's verifier key. It needs no secret. Whoever can
// write to the folder can replace it: an auditor gets the key from elsewhere.
func VerifierKey(dir string) (string, error) {
	data, err := read(dir, verifierFile)
	if err != nil {
		return "", err
	}
	vkey := strings.TrimSuffix(string(data), "\n")
	if _, err := note.NewVerifier(vkey); err != nil {
		return "", fmt.Errorf("%w: %s does not hold a C2SP note verifier key", ErrDamaged, filepath.Join(dir, verifierFile))
	}
	return vkey, nil
}

// checkOrigin holds note's rule for names (C2SP signed-note: no space, no plus)
// and leaves out what would not fit on the one line of a checkpoint.
func checkOrigin(origin string) error {
	if origin == "" || !utf8.ValidString(origin) ||
		strings.ContainsFunc(origin, func(r rune) bool { return r == '+' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return fmt.Errorf("%w: %q; a name such as ledger.example.com/main, without spaces and plus signs, would", ErrOrigin, origin)
	}
	return nil
}

// parse reads the decrypted text: the note's private key and its verifier key, a
// line each. A signature must verify, or the two do not belong together.
func parse(text string) (*Signer, error) {
	skey, rest, _ := strings.Cut(text, "\n")
	vkey, _, _ := strings.Cut(rest, "\n")
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, err
	}
	probe := []byte("scaf key check\n")
	signature, err := signer.Sign(probe)
	if err != nil {
		return nil, err
	}
	if verifier.Name() != signer.Name() || verifier.KeyHash() != signer.KeyHash() || !verifier.Verify(probe, signature) {
		return nil, ErrDamaged
	}
	return &Signer{Signer: signer, vkey: vkey}, nil
}

func create(dir, name string, perm fs.FileMode, data []byte) error {
	err := durable.Create(filepath.Join(dir, name), perm, data)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, filepath.Join(dir, name))
	}
	if err != nil {
		return fmt.Errorf("ledger key: %w", err)
	}
	return nil
}

func read(dir, name string) ([]byte, error) {
	path := filepath.Join(dir, name)
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no file %s", ErrMissing, path)
	}
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("ledger key: %w", err)
	}
	if len(data) > fileLimit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrDamaged, path, fileLimit)
	}
	return data, nil
}

func seal(text string, to age.Recipient) ([]byte, error) {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unseal(sealed []byte, with age.Identity) (string, error) {
	r, err := age.Decrypt(bytes.NewReader(sealed), with)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), err
}
