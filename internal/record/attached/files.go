package attached

import (
	"fmt"
	"mime"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

// File is a file that is attached to a record. Its bytes are in the blob store;
// the event holds their hash.
type File struct {
	ID     string    `json:"id"`
	Ref    string    `json:"ref"`
	Name   string    `json:"name"`
	Type   string    `json:"type"` // media type
	Size   int64     `json:"size"` // bytes
	SHA256 string    `json:"sha256"`
	State  string    `json:"state"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

// Limits of files.
const (
	MaxFile  = 25 << 20 // bytes
	maxName  = 200      // bytes of a name
	maxFiles = 1000     // of a record
)

// Files is the register of attached files.
var Files = record.Define[File](record.Definition{
	Kind: "attachment", Register: "attachments", Title: "Attachments", At: "at", Internal: true, Personal: true,
	Purpose:     "Files that belong to records.",
	States:      []string{Kept, Removed},
	Transitions: []record.Transition{{From: Kept, To: Removed}},
	Columns:     []record.Column{{Field: "ref", Label: "Record", Filter: true}},
})

// Validate says what is wrong with a file.
func (f *File) Validate() []record.FieldError {
	var wrong []record.FieldError
	add := func(field, problem string, args ...any) {
		wrong = append(wrong, record.FieldError{Field: field, Problem: fmt.Sprintf(problem, args...)})
	}
	if f.Name == "" || len(f.Name) > maxName || !utf8.ValidString(f.Name) || path.Base(f.Name) != f.Name || f.Name == "." || f.Name == ".." ||
		strings.ContainsFunc(f.Name, func(r rune) bool { return r == '\\' || r == '/' || unicode.IsControl(r) }) {
		add("name", "must be a file's name of at most %d bytes, without a folder", maxName)
	}
	if media, _, err := mime.ParseMediaType(f.Type); err != nil || !strings.Contains(media, "/") {
		add("type", "%q is no media type like application/pdf", f.Type)
	}
	if f.Size < 1 || f.Size > MaxFile {
		add("size", "is %d bytes: a file has 1 to %d", f.Size, MaxFile)
	}
	return wrong
}

// AttachFile attaches a file, whose bytes are in the blob store already, to a
// record, which has to exist. Its name loses what would turn its letters around: "photo",
// an override and "gpj.exe" do not read as a picture.
func AttachFile(tx *act.Tx, kinds record.Kinds, file File) (*File, error) {
	file.Name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, file.Name)
	if err := exists(&tx.Reader, kinds, file.Ref); err != nil {
		return nil, err
	}
	present, err := FilesOf(&tx.Reader, file.Ref)
	if err != nil {
		return nil, err
	}
	if len(present) >= maxFiles {
		return nil, fmt.Errorf("%w: %s has %d files already", ErrRefused, file.Ref, maxFiles)
	}
	if at := slices.IndexFunc(present, func(f File) bool { return f.SHA256 == file.SHA256 && f.Name == file.Name }); at >= 0 {
		return nil, fmt.Errorf("%w: the file %s is attached to %s already", record.ErrSame, file.Name, file.Ref)
	}
	file.ID, file.State, file.At, file.By = tx.NewID(), Kept, tx.Now(), tx.Caller().ID
	return &file, put(tx, Files, "added", file.ID, 0, file)
}

// RemoveFile takes a file off its record. Its bytes and its history stay.
func RemoveFile(tx *act.Tx, ref, id string) (*File, error) {
	file, version, err := current[File](&tx.Reader, Files, id)
	if err != nil {
		return nil, err
	}
	if file == nil || file.Ref != ref || file.State != Kept {
		return nil, fmt.Errorf("%w: %s has no file %s", record.ErrNone, ref, id)
	}
	file.State, file.At, file.By = Removed, tx.Now(), tx.Caller().ID
	return file, put(tx, Files, "removed", file.ID, version, file)
}

// FilesOf are the files of a record, the oldest first.
func FilesOf(r *store.Reader, ref string) ([]File, error) {
	all, err := of[File](r, Files, "ref", ref)
	return slices.DeleteFunc(all, func(f File) bool { return f.State != Kept }), err
}

// FileOf is one file of a record.
func FileOf(r *store.Reader, ref, id string) (*File, error) {
	file, _, err := current[File](r, Files, id)
	if err == nil && (file == nil || file.Ref != ref || file.State != Kept) {
		return nil, fmt.Errorf("%w: %s has no file %s", record.ErrNone, ref, id)
	}
	return file, err
}
