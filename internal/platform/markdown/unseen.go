package markdown

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Mark is the byte order mark that some editors put at the beginning of a text: it is no
// part of it.
const Mark = "\ufeff"

// Unseen is where the first character of a text begins that nobody sees, and that makes it
// read as something else than it is or hides in it: what turns the direction around, what has
// no width, what fills; -1: there is none. What joins letters or emoji is seen in what it joins.
func Unseen(text string) int {
	before := rune(0)
	for at, r := range text {
		joins := (r == '\u200c' || r == '\u200d') && unicode.In(before, unicode.Lo, unicode.M, unicode.So, unicode.Sk)
		if !joins && unseen(r) {
			return at
		}
		before = r
	}
	return -1
}

func unseen(r rune) bool {
	return unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// Named is what people call a character that they do not see, with its number in Unicode.
func Named(r rune) string {
	name := "an invisible character"
	switch {
	case r == 0:
		name = "a null character"
	case r == '\b':
		name = "a backspace"
	case r == '\f':
		name = "a page break"
	case r == '\x1b':
		name = "an escape character"
	case unicode.IsControl(r):
		name = "a control character"
	case r == '\u00ad':
		name = "a soft hyphen"
	case r == '\u200b':
		name = "a space without width"
	case r == '\u2060':
		name = "a word joiner"
	case r == '\u034f', r == '\u200c', r == '\u200d':
		name = "a joiner without width"
	case r == '\u200e', r == '\u200f', r == '\u061c':
		name = "a mark of the direction of reading"
	case unicode.Is(unicode.Bidi_Control, r):
		name = "a character that turns the direction of reading"
	case r == '\ufeff':
		name = "a byte order mark"
	case unicode.Is(unicode.Hangul, r):
		name = "an empty letter"
	case r >= 0xe0000 && r <= 0xe007f:
		name = "a hidden tag"
	}
	return fmt.Sprintf("%s (%U)", name, r)
}

// nearby is of how many characters a word is cut that tells where something stands.
const nearby = 20

// Place says in words where the character of a text stands that begins at a byte: in which
// line, where there are several, at which column, and between which words.
func Place(text string, at int) string {
	_, size := utf8.DecodeRuneInString(text[at:])
	begin := strings.LastIndexByte(text[:at], '\n') + 1
	before := text[begin:at]
	after, _, _ := strings.Cut(text[at+size:], "\n")
	place := fmt.Sprintf("at column %d", utf8.RuneCountInString(before)+1)
	if line := strings.Count(text, "\n"); line > 0 {
		place = fmt.Sprintf("in line %d %s", strings.Count(text[:at], "\n")+1, place)
	}
	left, right := strings.Fields(seen(before)), strings.Fields(seen(after))
	last, next := "", ""
	if len(left) > 0 {
		if word := []rune(left[len(left)-1]); len(word) > nearby {
			last = "…" + string(word[len(word)-nearby:])
		} else {
			last = string(word)
		}
	}
	if len(right) > 0 {
		if word := []rune(right[0]); len(word) > nearby {
			next = string(word[:nearby]) + "…"
		} else {
			next = string(word)
		}
	}
	switch {
	case last != "" && next != "":
		return fmt.Sprintf("%s, between “%s” and “%s”", place, last, next)
	case last != "":
		return fmt.Sprintf("%s, after “%s”", place, last)
	case next != "":
		return fmt.Sprintf("%s, before “%s”", place, next)
	}
	return place
}

// seen is a text without what nobody sees in it.
func seen(text string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) || unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}
