package tabular

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// plainText reads the text of an element up to its end.
func plainText(from *xml.Decoder) (string, error) {
	var text strings.Builder
	for {
		token, err := from.Token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.CharData:
			if text.Len() < maxRichBytes {
				text.Write(token)
			}
		case xml.StartElement:
			if err := from.Skip(); err != nil {
				return "", err
			}
		case xml.EndElement:
			return text.String(), nil
		}
	}
}

// maxRichBytes is where a text in pieces ends: beyond what a cell can hold, and
// so refused with it.
const maxRichBytes = 4*maxCellUnits + 1

// richText reads a text that may be in pieces (t, or r/t), up to the end of the
// element around it. What says how to pronounce it (rPh) is no part of it.
func richText(from *xml.Decoder) (string, error) {
	var text strings.Builder
	depth := 1
	for depth > 0 {
		token, err := from.Token()
		if err != nil {
			return "", err
		}
		switch token := token.(type) {
		case xml.EndElement:
			depth--
		case xml.StartElement:
			switch token.Name.Local {
			case "r":
				depth++
				if depth > 2 {
					return "", errors.New("a piece of text within a piece of text")
				}
			case "t":
				piece, err := plainText(from)
				if err != nil {
					return "", err
				}
				if text.Len() < maxRichBytes {
					text.WriteString(piece)
				}
			default:
				if err := from.Skip(); err != nil {
					return "", err
				}
			}
		}
	}
	return text.String(), nil
}

var escaped = regexp.MustCompile(`_x[0-9a-fA-F]{4}_`)

// unescape reads the characters that XML cannot hold (ECMA-376 part 1,
// 22.9.2.19): _x0001_.
func unescape(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return escaped.ReplaceAllStringFunc(text, func(code string) string {
		r, err := strconv.ParseUint(code[2:6], 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			return code
		}
		return string(rune(r))
	})
}

// sharedTexts are the texts that cells refer to by number, one after another.
type sharedTexts struct {
	read  bool
	bytes []byte
	ends  []uint32
}

// text is one of them.
func (t *sharedTexts) text(index int) (string, bool) {
	if index < 0 || index >= len(t.ends) {
		return "", false
	}
	begin := uint32(0)
	if index > 0 {
		begin = t.ends[index-1]
	}
	return string(t.bytes[begin:t.ends[index]]), true
}

// readShared reads the shared texts once.
func (b *book) readShared() error {
	if b.shared.read {
		return nil
	}
	name := b.linked("sharedStrings")
	if name != "" {
		content, err := b.open(name, maxSharedBytes)
		if err != nil {
			return err
		}
		defer func() { _ = content.Close() }() // it was only read
		if err := b.shared.fill(xml.NewDecoder(content)); err != nil {
			return damagedPart(name, err)
		}
	}
	b.shared.read = true
	return nil
}

func (t *sharedTexts) fill(from *xml.Decoder) error {
	for {
		token, err := from.Token()
		if errors.Is(err, io.EOF) { // they stay as long as the book is open
			t.bytes, t.ends = slices.Clone(t.bytes), slices.Clone(t.ends)
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok || start.Name.Local == "sst":
		case start.Name.Local == "si":
			text, err := richText(from)
			if err != nil {
				return err
			}
			t.bytes = append(t.bytes, unescape(text)...)
			t.ends = append(t.ends, uint32(len(t.bytes))) // within maxSharedBytes
		default:
			if err := from.Skip(); err != nil {
				return err
			}
		}
	}
}
