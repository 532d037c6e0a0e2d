// Package trail reads AWS CloudTrail log files as they are delivered to S3 and copied from
// there: folders of .json and .json.gz files, digest files among them or not.
//
// It reads files only; it opens no connection to AWS. A file is taken whole or not at all: one
// that is truncated, malformed or too large gives no record, is listed as refused with the
// place of the fault, and the others go on.
//
// What it can say about completeness is limited, and Summary says it: a quiet hour looks the
// same as a lost one unless digest files cover it, and the signatures of digest files are kept
// in the metadata of the S3 object, not in the file, so they are not checked here.
package trail

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// DefaultMaxFile is how large a file may be, decompressed, in bytes. CloudTrail's own are
	// some tens of MiB at most.
	DefaultMaxFile = 256 << 20
	// MaxRecord is how large one record may be, in bytes. CloudTrail limits its own to 256 KiB.
	MaxRecord = 1 << 20
)

// Options bound and observe the reading.
type Options struct {
	MaxFile int64 // decompressed bytes of one file; zero is DefaultMaxFile
	// Progress, if set, is called after each file.
	Progress func(Progress)
}

// Progress is how far the reading is.
type Progress struct {
	Files, AllFiles int
	Bytes, AllBytes int64 // as stored, compressed where they are
	Records         int
}

// Record is one event of a log file.
type Record struct {
	EventID      string
	EventTime    time.Time // UTC
	EventSource  string    // s3.amazonaws.com
	EventName    string    // GetObject
	Region       string    // the record's awsRegion, or the region in the file's name
	AccountID    string    // the account that received the event (recipientAccountId), else the caller's, else the one in the file's name
	Actor        string    // the caller's ARN, else the service that called, user name, principal id or kind of identity
	ErrorCode    string    // empty where the call succeeded
	ErrorMessage string
	Outcome      Outcome
	Raw          json.RawMessage // the record as delivered, without insignificant white space
	File         string          // path of the file, as found
	Number       int             // position in the file, from 1
}

// Outcome is what became of the call.
type Outcome string

// Outcomes, in the words of the ledger's extension of the same name.
const (
	Success Outcome = "success"
	Failure Outcome = "failure"
	Denied  Outcome = "denied"
)

// Note is a file and what is to be said about it.
type Note struct {
	File   string
	Reason string
}

// Summary says what was read. It is final once Records has ended.
type Summary struct {
	LogFiles    int // log files taken, empty ones too
	DigestFiles int // digest files taken
	Records     int // records given, those that were delivered twice counted twice
	Skipped     []Note
	Refused     []Note   // files of which nothing was taken
	Accounts    []string // that records or names of log files name, sorted
	Regions     []string
	First, Last time.Time // earliest and latest EventTime; zero without records
	Gaps        []Gap
	Digests     Digests
}

// Reader reads a set of files once. It is not safe for concurrent use.
type Reader struct {
	files    []file
	options  Options
	summary  Summary
	coverage coverage
	digests  digestSet
}

type file struct {
	path  string
	size  int64
	named bool // given by name, not found in a folder
}

// Open lists the files to read. Each path is a file or a folder, which is searched with all
// below it in sorted order for names that end in .json or .json.gz; other names in folders are
// skipped and counted in the summary. Symbolic links to files are followed, links to folders
// below a given one are not. A file that is found twice is read once. A path that does not
// exist is an error.
func Open(paths []string, o Options) (*Reader, error) {
	if o.MaxFile == 0 {
		o.MaxFile = DefaultMaxFile
	}
	r := &Reader{options: o, coverage: newCoverage(), digests: newDigestSet()}
	seen := map[string]bool{}
	for _, p := range paths {
		if err := r.add(p, seen); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Reader) add(path string, seen map[string]bool) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return r.addFile(path, info, true, seen)
	}
	root, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	return filepath.WalkDir(root, func(at string, entry fs.DirEntry, err error) error {
		shown := at
		if rel, relErr := filepath.Rel(root, at); relErr == nil {
			shown = filepath.Join(path, rel)
		}
		if err != nil {
			r.refuse(shown, err)
			if entry != nil && entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if entry.IsDir() {
			return nil
		}
		if !isLogName(at) {
			r.skip(shown, "its name does not end in .json or .json.gz")
			return nil
		}
		info, err := os.Stat(at)
		switch {
		case err != nil:
			r.refuse(shown, err)
			return nil
		case info.IsDir():
			r.skip(shown, "a link to a folder")
			return nil
		}
		return r.addFile(shown, info, false, seen)
	})
}

func (r *Reader) addFile(path string, info fs.FileInfo, named bool, seen map[string]bool) error {
	if !info.Mode().IsRegular() {
		r.refuse(path, errors.New("not a regular file"))
		return nil
	}
	key, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(key); err == nil {
		key = target
	}
	if !seen[key] {
		seen[key] = true
		r.files = append(r.files, file{path: path, size: info.Size(), named: named})
	}
	return nil
}

func isLogName(path string) bool {
	name := strings.ToLower(filepath.Base(path))
	return strings.HasSuffix(name, ".json") || strings.HasSuffix(name, ".json.gz")
}

// Records streams the records of all log files: files in the order of Open, records in the
// order of the file. A file's records are given only after the whole file was read and found
// good; one file at a time is held in memory. Events that AWS delivered twice are given twice;
// EventID tells.
//
// The only error is the context's, and it ends the stream. Files that could not be read are in
// the summary. Records is called once.
func (r *Reader) Records(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		progress := Progress{AllFiles: len(r.files)}
		for _, f := range r.files {
			progress.AllBytes += f.size
		}
		for _, f := range r.files {
			if err := ctx.Err(); err != nil {
				yield(Record{}, err)
				return
			}
			for _, record := range r.read(f) {
				r.coverage.addRecord(record)
				r.summary.Records++
				if !yield(record, nil) {
					return
				}
			}
			progress.Files++
			progress.Bytes += f.size
			progress.Records = r.summary.Records
			if r.options.Progress != nil {
				r.options.Progress(progress)
			}
		}
		r.finish()
	}
}

// Summary says what was read.
func (r *Reader) Summary() Summary { return r.summary }

func (r *Reader) finish() {
	s := &r.summary
	s.Digests = r.digests.check()
	s.Accounts, s.Regions = r.coverage.names()
	s.First, s.Last = r.coverage.first, r.coverage.last
	s.Gaps = r.coverage.gaps(r.digests.windows())
}

// read takes one file apart, and notes what it was.
func (r *Reader) read(f file) []Record {
	content, err := load(f.path, r.options.MaxFile)
	if err != nil {
		r.refuse(f.path, err)
		return nil
	}
	sum := sha256.Sum256(content)
	parsed, err := parse(content)
	if err != nil {
		// A digest can still say that this is not the file that was delivered.
		if !isDigestPath(f.path) {
			r.digests.addLog(f.path, sum)
		}
		r.refuse(f.path, err)
		return nil
	}
	switch parsed.kind {
	case kindDigest:
		if err := r.digests.addDigest(f.path, sum, parsed.digest); err != nil {
			r.refuse(f.path, err)
			return nil
		}
		r.summary.DigestFiles++
		return nil
	case kindOther:
		r.skip(f.path, "JSON, but neither a CloudTrail log file (Records) nor a digest file (digestStartTime)")
		return nil
	}
	name := parseName(f.path)
	for i := range parsed.records {
		record := &parsed.records[i]
		record.File = f.path
		if record.AccountID == "" {
			record.AccountID = name.account
		}
		if record.Region == "" {
			record.Region = name.region
		}
	}
	r.summary.LogFiles++
	r.digests.addLog(f.path, sum)
	r.coverage.addFile(name)
	return parsed.records
}

func (r *Reader) skip(path, reason string) {
	r.summary.Skipped = append(r.summary.Skipped, Note{File: path, Reason: reason})
}

func (r *Reader) refuse(path string, err error) {
	var located *fs.PathError
	if errors.As(err, &located) {
		err = located.Err // the path is said already
	}
	r.summary.Refused = append(r.summary.Refused, Note{File: path, Reason: err.Error()})
}

// String is the note as one line.
func (n Note) String() string { return fmt.Sprintf("%s: %s", n.File, n.Reason) }

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
