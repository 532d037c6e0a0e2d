package trail

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SignatureNote is what a report about digest files has to say.
const SignatureNote = "the RSA signatures of the digest files are kept in the metadata of the S3 objects, not in the files, and were not checked"

// Link is what a digest file says of another file, and why it does not hold.
type Link struct {
	Digest string // path of the digest file
	Object string // the S3 key that it names
	Reason string
}

// Digests says how the digest files and the files that they name fit together: hashes are
// SHA-256 over the decompressed content, files are found by the base name of their S3 key,
// with or without .gz (CloudTrail digest file structure, user guide). All zero where there is
// no digest file. It proves nothing about who wrote the digest files: see SignatureNote.
type Digests struct {
	Files       int    // digest files read
	Verified    int    // log files that are here and have the hash that a digest file names
	Missing     []Link // log files that a digest file names and that are not here
	Mismatching []Link // log files that are here with another content
	// Unlisted are log files here that no digest file names, although digest files of their
	// account and region cover the time of their delivery.
	Unlisted []string

	ChainVerified    int      // digest files whose previous one is here and has the hash that they name
	ChainMissing     []Link   // previous digest files that are not here, although still earlier ones are
	ChainMismatching []Link   // previous digest files that are here with another content
	ChainRestarts    []string // digest files that name no previous one, although earlier ones are here: validation or the trail was switched off
}

// digest is the content of a digest file.
type digest struct {
	AWSAccountID                string  `json:"awsAccountId"`
	DigestStartTime             string  `json:"digestStartTime"`
	DigestEndTime               string  `json:"digestEndTime"`
	DigestS3Object              string  `json:"digestS3Object"`
	PreviousDigestS3Object      *string `json:"previousDigestS3Object"`
	PreviousDigestHashValue     *string `json:"previousDigestHashValue"`
	PreviousDigestHashAlgorithm *string `json:"previousDigestHashAlgorithm"`
	LogFiles                    []struct {
		S3Object      string `json:"s3Object"`
		HashValue     string `json:"hashValue"`
		HashAlgorithm string `json:"hashAlgorithm"`
	} `json:"logFiles"`
}

// digestName is the name of a digest file without its end:
// 111122223333_CloudTrail-Digest_us-east-2_trail-name_us-east-2_20260131T150131Z.
var digestName = regexp.MustCompile(`^((\d{12})_CloudTrail-Digest_([a-z0-9-]+)_.*)_\d{8}T\d{6}Z(_backfill)?\.json`)

type digestFile struct {
	path    string
	content digest
	window  window
	pair    pair
	chain   string // what all digest files of one trail and region have in common
	sound   bool   // all that it names is here and as it says
}

type sums map[[sha256.Size]byte]bool

// digestSet collects what check compares.
type digestSet struct {
	files   []*digestFile
	digests map[string]sums     // by base name
	logs    map[string]sums     // by base name
	paths   map[string][]string // of log files, by base name
}

func newDigestSet() digestSet {
	return digestSet{digests: map[string]sums{}, logs: map[string]sums{}, paths: map[string][]string{}}
}

func isDigestPath(p string) bool { return strings.Contains(filepath.Base(p), "CloudTrail-Digest") }

// baseName is the name by which a file is found again: the last part of its path or S3 key
// without .gz, because tools that copy from S3 may decompress.
func baseName(p string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(p)), ".gz")
}

func (s *digestSet) addLog(p string, sum [sha256.Size]byte) {
	key := baseName(p)
	if s.logs[key] == nil {
		s.logs[key] = sums{}
	}
	s.logs[key][sum] = true
	s.paths[key] = append(s.paths[key], p)
}

// addDigest takes a digest file, or says what is wrong with it.
func (s *digestSet) addDigest(p string, sum [sha256.Size]byte, content digest) error {
	start, err := time.Parse(time.RFC3339, content.DigestStartTime)
	if err != nil {
		return fmt.Errorf("malformed digest file: digestStartTime %.64q is not a time", content.DigestStartTime)
	}
	end, err := time.Parse(time.RFC3339, content.DigestEndTime)
	if err != nil || end.Before(start) {
		return fmt.Errorf("malformed digest file: digestEndTime %.64q is not a time after its start", content.DigestEndTime)
	}
	if content.DigestS3Object == "" {
		return errors.New("malformed digest file: no digestS3Object")
	}
	if (content.PreviousDigestS3Object == nil) != (content.PreviousDigestHashValue == nil) {
		return errors.New("malformed digest file: of previousDigestS3Object and previousDigestHashValue one is missing")
	}
	if a := content.PreviousDigestHashAlgorithm; a != nil && *a != "SHA-256" {
		return fmt.Errorf("digest file with the hash algorithm %.64q, only SHA-256 is known", *a)
	}
	for i, l := range content.LogFiles {
		if l.S3Object == "" || l.HashValue == "" {
			return fmt.Errorf("malformed digest file: log file %d has no s3Object or no hashValue", i+1)
		}
		if l.HashAlgorithm != "" && l.HashAlgorithm != "SHA-256" {
			return fmt.Errorf("digest file with the hash algorithm %.64q, only SHA-256 is known", l.HashAlgorithm)
		}
	}
	key := baseName(content.DigestS3Object)
	if s.digests[key] == nil {
		s.digests[key] = sums{}
	} else if s.digests[key][sum] {
		return nil // the same digest file once more
	}
	s.digests[key][sum] = true
	d := &digestFile{path: p, content: content, window: window{start.UTC(), end.UTC()}, sound: true, chain: content.AWSAccountID, pair: pair{account: content.AWSAccountID}}
	if m := digestName.FindStringSubmatch(key); m != nil {
		d.chain = m[1] + m[4]
		d.pair = pair{account: m[2], region: m[3]}
	}
	s.files = append(s.files, d)
	return nil
}

// check compares every digest file with what it names.
func (s *digestSet) check() Digests {
	report := Digests{Files: len(s.files)}
	if len(s.files) == 0 {
		return report
	}
	slices.SortStableFunc(s.files, func(a, b *digestFile) int {
		return cmp.Or(cmp.Compare(a.chain, b.chain), a.window.from.Compare(b.window.from), cmp.Compare(a.path, b.path))
	})
	listed, verified := map[string]bool{}, map[string]bool{}
	for i, d := range s.files {
		s.checkPrevious(d, i > 0 && s.files[i-1].chain == d.chain, &report)
		for _, l := range d.content.LogFiles {
			key := baseName(l.S3Object)
			listed[key] = true
			here, matches := s.logs[key].has(l.HashValue)
			switch {
			case !here:
				report.Missing = append(report.Missing, Link{Digest: d.path, Object: l.S3Object, Reason: "the log file is not among the files given"})
			case !matches:
				report.Mismatching = append(report.Mismatching, Link{Digest: d.path, Object: l.S3Object, Reason: "the log file's SHA-256 is not the one in the digest file"})
			default:
				verified[key] = true
			}
			d.sound = d.sound && matches
		}
	}
	report.Verified = len(verified)
	for key, paths := range s.paths {
		if !listed[key] && s.covers(parseName(key)) {
			report.Unlisted = append(report.Unlisted, paths...)
		}
	}
	slices.Sort(report.Unlisted)
	return report
}

// checkPrevious compares a digest file with the one before it. The first of a chain names one
// that was not given, as a rule, and that is no fault.
func (s *digestSet) checkPrevious(d *digestFile, earlier bool, report *Digests) {
	previous := d.content.PreviousDigestS3Object
	if previous == nil {
		if earlier {
			report.ChainRestarts = append(report.ChainRestarts, d.path)
		}
		return
	}
	key := baseName(*previous)
	here, matches := s.digests[key].has(*d.content.PreviousDigestHashValue)
	switch {
	case matches:
		report.ChainVerified++
	case here:
		report.ChainMismatching = append(report.ChainMismatching, Link{Digest: d.path, Object: *previous, Reason: "the previous digest file's SHA-256 is not the one in this digest file"})
		for _, f := range s.files {
			f.sound = f.sound && baseName(f.content.DigestS3Object) != key
		}
	case earlier:
		report.ChainMissing = append(report.ChainMissing, Link{Digest: d.path, Object: *previous, Reason: "the previous digest file is not among the files given"})
	}
}

// covers reports whether digest files should name a log file of this name. A name that does
// not say account, region and time is covered by any.
func (s *digestSet) covers(n name) bool {
	for _, d := range s.files {
		if n.account == "" || d.pair == (pair{n.account, n.region}) && !n.delivered.Before(d.window.from) && n.delivered.Before(d.window.to) {
			return true
		}
	}
	return false
}

// windows are the times that sound digest files cover, by account and region.
func (s *digestSet) windows() map[pair][]window {
	all := map[pair][]window{}
	for _, d := range s.files {
		if d.sound {
			all[d.pair] = append(all[d.pair], d.window)
		}
	}
	return all
}

// has reports whether any file of the name is here, and whether one has the hash.
func (s sums) has(hash string) (here, matches bool) {
	want, err := hex.DecodeString(hash)
	if err != nil || len(want) != sha256.Size {
		return len(s) > 0, false
	}
	return len(s) > 0, s[[sha256.Size]byte(want)]
}
