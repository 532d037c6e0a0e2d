package controltests

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
)

// MaxItemSize bounds one item, in bytes.
const MaxItemSize = 1 << 20

// Item is one item of a population as it was given.
type Item struct {
	// Line is its line in a file, or its number in another source, from 1.
	Line int
	// JSON is an object. Whoever is given an Item may use it only until asking
	// for the next one.
	JSON []byte
}

// InputError is why a population could not be used: an item that is not a JSON
// object, has no id or no instant, or has an id that another one has.
type InputError struct {
	Name string // of the file, or empty
	Line int
	Err  error
}

// Error is one line: file:line: what is wrong, or record N: what is wrong.
func (e *InputError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("record %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
}

// Unwrap returns what is wrong.
func (e *InputError) Unwrap() error { return e.Err }

// File reads items from a file with one JSON object a line. It holds one line
// at a time.
type File struct {
	name   string
	reader io.Reader
	sum    hash.Hash
}

// NewFile reads from r; name is the file's, for error messages.
func NewFile(name string, r io.Reader) *File {
	f := &File{name: name, sum: sha256.New()}
	f.reader = io.TeeReader(r, f.sum)
	return f
}

// Name is the file's name.
func (f *File) Name() string { return f.name }

// SHA256 is the lowercase hex hash of all bytes that were read: of the whole
// file, once Items has come to its end without an error.
func (f *File) SHA256() string { return hex.EncodeToString(f.sum.Sum(nil)) }

// Items gives the lines in order, once. Blank lines are left out, but counted.
// A byte order mark at the beginning is not part of the first item. The error
// is an InputError for a line that is too long, or that of reading.
func (f *File) Items() iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		reader := bufio.NewReaderSize(f.reader, 256<<10)
		var long []byte
		for line := 1; ; line++ {
			text, err := reader.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) {
				long = append(long[:0], text...)
				for errors.Is(err, bufio.ErrBufferFull) && len(long) <= MaxItemSize {
					text, err = reader.ReadSlice('\n')
					long = append(long, text...)
				}
				text = long
			}
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
				yield(Item{}, fmt.Errorf("read %s: %w", f.name, err))
				return
			}
			tooLong := errors.Is(err, bufio.ErrBufferFull)
			last := err != nil
			if line == 1 {
				text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
			}
			text = bytes.TrimRight(text, " \t\r\n")
			if tooLong || len(text) > MaxItemSize {
				yield(Item{}, &InputError{f.name, line, fmt.Errorf("an item of more than %d bytes", MaxItemSize)})
				return
			}
			if len(text) > 0 && !yield(Item{line, text}, nil) {
				return
			}
			if last {
				return
			}
		}
	}
}
