// Package media says what a file holds by its first bytes, and refuses what no record
// has need of.
package media

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// head is how many bytes are looked at: what mimetype looks at by itself.
const head = 3072

// programs run where they are opened.
var programs = []string{
	"application/x-elf", "application/vnd.microsoft.portable-executable", "application/x-mach-binary", "application/x-java-applet",
	"application/wasm", "application/x-ms-installer", "application/x-ms-shortcut", "application/jar", "application/vnd.android.package-archive",
}

// called are the types that files with these endings have; what is written on a page
// of an office program is a ZIP archive.
var called = map[string]string{
	".pdf": "application/pdf", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
	".zip": "application/zip", ".xlsx": "application/zip", ".docx": "application/zip", ".pptx": "application/zip", ".ods": "application/zip", ".odt": "application/zip",
	".gz": "application/gzip", ".tgz": "application/gzip",
	".txt": text, ".log": text, ".csv": text, ".md": text, ".json": text, ".jsonl": text, ".yaml": text, ".yml": text, ".xml": text, ".html": text, ".htm": text, ".svg": text, ".eml": text,
}

const text = "text/plain"

// Look gives the media type of a file and all of what it holds. A file that is empty or
// a program, or holds something else than its name says, is refused. It looks at the
// beginning only, and finds nothing that hides behind it. The
// error goes on from the file's name.
func Look(name string, content io.Reader) (media string, all io.Reader, err error) {
	in := bufio.NewReaderSize(content, head)
	begin, err := in.Peek(head)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", nil, err
	}
	if len(begin) == 0 {
		return "", nil, errors.New("is empty")
	}
	found := mimetype.Detect(begin)
	for _, program := range programs {
		if is(found, program) {
			return "", nil, fmt.Errorf("is a program (%s): take what it shows, or a ZIP archive with the program where that is itself what is shown", found)
		}
	}
	ending := strings.ToLower(path.Ext(name))
	if want := called[ending]; want != "" && !is(found, want) {
		return "", nil, fmt.Errorf("is called %s and holds %s: give the file itself, or name it after what it holds", ending, found)
	}
	return found.String(), in, nil
}

// is reports whether a type is another one, or a kind of it.
func is(found *mimetype.MIME, want string) bool {
	for ; found != nil; found = found.Parent() {
		if found.Is(want) {
			return true
		}
	}
	return false
}
