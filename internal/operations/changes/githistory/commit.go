package githistory

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// maxText is the number of characters that a title, a name or an e-mail address may have; a
// longer one is cut, and its last character is an ellipsis.
const maxText = 1000

// maxSecond is 9999-12-31T23:59:59Z, the last second that RFC 3339 can write.
const maxSecond = 253402300799

// header is a commit's header, its values as stored.
//
// go-git's own decoder is not used: it splits identities at the last "<" where Git splits at
// the first, keeps nothing of a date that it cannot read, and takes parents from anywhere in
// the header. An auditor who compares with `git log` must see the same.
type header struct {
	parents   []plumbing.Hash
	author    []byte
	committer []byte
	encoding  []byte
}

// splitCommit takes a commit apart as Git does (commit.c, parse_commit_buffer): the tree, the
// parents directly after it, further header lines until the first empty one, then the message.
// Of several author or committer lines the last counts, of several encodings the first, as in
// what `git log` prints. A message ends at a NUL.
func splitCommit(b []byte) (header, []byte, error) {
	var h header
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !bytes.HasPrefix(line, []byte("tree ")) {
		return h, nil, errors.New("it does not begin with a tree")
	}
	for {
		value, found := bytes.CutPrefix(rest, []byte("parent "))
		if !found {
			break
		}
		if line, rest, ok = bytes.Cut(value, []byte("\n")); !ok || !plumbing.IsHash(string(line)) {
			return h, nil, errors.New("a parent line is not a commit id")
		}
		h.parents = append(h.parents, plumbing.NewHash(string(line)))
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, []byte("\n"))
		if len(line) == 0 {
			break
		}
		key, value, _ := bytes.Cut(line, []byte(" "))
		switch {
		case string(key) == "author":
			h.author = value
		case string(key) == "committer":
			h.committer = value
		case h.encoding == nil && string(key) == "encoding":
			h.encoding = value
		}
	}
	message, _, _ := bytes.Cut(rest, []byte{0})
	return h, message, nil
}

// splitIdent takes apart "Name <email> seconds zone" as Git does (ident.c, split_ident_line):
// the name ends at the first "<", the address at the first ">" after it, the date follows the
// last ">". The zone only says how to display the instant and is not read. dated is false
// where the seconds are missing, negative or after the year 9999.
func splitIdent(line []byte) (name, email []byte, at time.Time, dated bool) {
	at = time.Unix(0, 0).UTC()
	open := bytes.IndexByte(line, '<')
	if open < 0 {
		return nil, nil, at, false
	}
	length := bytes.IndexByte(line[open+1:], '>')
	if length < 0 {
		return nil, nil, at, false
	}
	name = bytes.TrimRight(line[:open], gitSpace)
	email = line[open+1 : open+1+length]
	date := bytes.TrimLeft(line[bytes.LastIndexByte(line, '>')+1:], gitSpace)
	digits := 0
	for digits < len(date) && date[digits] >= '0' && date[digits] <= '9' {
		digits++
	}
	seconds, err := strconv.ParseInt(string(date[:digits]), 10, 64)
	if err != nil || seconds > maxSecond {
		return name, email, at, false
	}
	return name, email, time.Unix(seconds, 0).UTC(), true
}

// decoders turns text of a declared encoding into UTF-8, remembering the encodings met.
type decoders map[string]encoding.Encoding

// text gives b, written in the encoding that a commit declares (none is UTF-8), as valid UTF-8.
// What cannot be decoded becomes U+FFFD, also all that is not ASCII where the encoding is
// unknown.
func (d decoders) text(b, declared []byte) string {
	if len(declared) == 0 || isASCII(b) && !bytes.ContainsRune(b, 0x1b) {
		return cleanText(string(b))
	}
	label := strings.ToLower(strings.TrimSpace(string(declared)))
	enc, known := d[label]
	if !known {
		enc = lookUp(label)
		d[label] = enc
	}
	if enc != nil {
		if decoded, err := enc.NewDecoder().Bytes(b); err == nil {
			b = decoded
		}
	}
	return cleanText(string(b))
}

// lookUp finds an encoding by a name as Git's users write it, or nil for UTF-8 and unknown
// ones. The IANA index comes first: the WHATWG one reads iso-8859-1 as windows-1252.
func lookUp(label string) encoding.Encoding {
	switch label {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return nil
	case "latin-1": // utf8.c, fallback_encoding
		return charmap.ISO8859_1
	}
	if enc, err := ianaindex.IANA.Encoding(label); err == nil && enc != nil {
		return enc
	}
	if enc, err := htmlindex.Get(label); err == nil {
		return enc
	}
	return nil
}

// cleanText makes s fit for JSON and for a database: bytes that are not UTF-8, and NUL, become
// U+FFFD.
func cleanText(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// shorten cuts s to maxText characters.
func shorten(s string) string {
	if len(s) <= maxText || utf8.RuneCountInString(s) <= maxText {
		return s
	}
	n := 0
	for i := range s {
		if n == maxText-1 {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
