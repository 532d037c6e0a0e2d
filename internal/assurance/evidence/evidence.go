// Package evidence writes and verifies evidence bundles: one file with every
// event of the ledger, what the tests of a period came to, and what they were
// computed from, so that anybody can compute all of it again with nothing but
// the file and the ledger's verifier key. The format is docs/bundle-format.md.
//
// A bundle proves that its conclusions follow from what the ledger recorded,
// and that nothing which was recorded is left out. It does not prove that
// everything was recorded, nor, without an independent time stamp, when.
package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"scaf.dev/scaf/internal/record"
)

// Format is the version of the format that this package writes and reads.
const Format = "scaf-evidence/1"

// ExportedType is the type of the event by which the ledger vouches for a
// bundle's manifest.
const ExportedType = "scaf.evidence.exported.v1"

// The files of a bundle that are there once. The last two are not in the
// manifest: it cannot hold its own hash, nor that of what vouches for it.
const (
	indexFile    = "index.html"
	logFolder    = "log/"
	periodFile   = "period.json"
	rootsFile    = "timestamps/roots.pem"
	manifestFile = "manifest.json"
	anchorFile   = "anchor.json"
)

// Limits of what is read. Everything is stored without compression, so that a
// bundle never holds more than its own size.
const (
	maxFiles    = 4_000_000   // entries of the archive
	maxManifest = 1 << 30     // bytes
	maxSmall    = 64 << 20    // bytes of a file that is read whole
	maxLine     = 1 << 20     // bytes of a line
	maxShown    = 200         // differences that are told one by one
	sortMemory  = 32 << 20    // bytes that replaying sorts in memory
	maxName     = 200         // bytes of a path
	maxRoots    = 1 << 20     // bytes of certificates
	zipDate     = 1<<5 | 1<<0 // 1980-01-01, the first day of a ZIP archive
)

// Manifest lists what is in a bundle: every file, in order, but itself and the
// anchor. It is canonical JSON (RFC 8785).
type Manifest struct {
	Format     string     `json:"format"`
	Origin     string     `json:"origin"` // of the ledger
	Period     string     `json:"period"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Engine     string     `json:"engine"` // that wrote it
	// Clear names the registers with personal data whose events are in the
	// bundle as they were recorded, unencrypted.
	Clear []string `json:"clear"`
	Files []File   `json:"files"`
}

// Checkpoint is the state of the ledger that a bundle holds.
type Checkpoint struct {
	Size int64  `json:"size"`
	Root string `json:"root"` // lowercase hex
}

// File is a file of a bundle.
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // lowercase hex
	What   string `json:"what"`   // it is
}

// Exported is the data of the event that vouches for a bundle.
type Exported struct {
	Period     string     `json:"period"`
	Format     string     `json:"format"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Manifest   string     `json:"manifest_sha256"`
	Files      int        `json:"files"`
	Bytes      int64      `json:"bytes"` // of all files in the manifest
	Clear      []string   `json:"clear"`
}

// ErrBundle says: the file is not a bundle that can be trusted. What follows
// says why.
var ErrBundle = errors.New("the bundle is refused")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBundle, fmt.Sprintf(format, args...))
}

// pathShape is what the path of a file in a bundle looks like: folders and
// names of letters, digits, dots, dashes and underscores, none beginning with
// a dot, so that no path leads out of the folder it is unpacked in.
var pathShape = regexp.MustCompile(`^([A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

func checkPath(path string) error {
	if len(path) > maxName || !pathShape.MatchString(path) {
		return refused("%.80q is no path of a bundle: it may have letters, digits, dots, dashes and underscores, separated by slashes", path)
	}
	return nil
}

// sum is the SHA-256 of bytes in lowercase hex.
func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// canonical reads JSON strictly: no unknown names, nothing after it, and the
// bytes must be the one form (RFC 8785) of what they say.
func canonical(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the JSON document")
	}
	again, err := record.Canonical(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return errors.New("it is not in the canonical form of RFC 8785")
	}
	return nil
}
