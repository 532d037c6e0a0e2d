package markdown_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"scaf.dev/scaf/internal/platform/markdown"
)

// What nobody sees in a text is found; marks by which letters join, and what emoji are made
// of, are seen in what they make.
func TestWhatNobodySeesIsFound(t *testing.T) {
	for text, want := range map[string]rune{
		"We pay \u202eRUE 001\u202c.": 0x202e, "a\u2066b": 0x2066, "zero\u200bwidth": 0x200b, "no\u2060break": 0x2060, "\ufeffText": 0xfeff, "soft\u00adhyphen": 0xad,
		"left\u200eright": 0x200e, "join\u200der": 0x200d, "tag\U000e0041": 0xe0041, "filler\u3164": 0x3164, "\u200d": 0x200d,
		"می\u200cخواهم": 0, "क्\u200dष": 0, "👩\u200d💻 👩🏽\u200d💻 ❤\ufe0f\u200d🔥": 0, "Änderung – 100\u00a0€, \u0600١": 0, "": 0,
	} {
		got := rune(0)
		if at := markdown.Unseen(text); at >= 0 {
			got, _ = utf8.DecodeRuneInString(text[at:])
		}
		if got != want {
			t.Errorf("%q: %U, want %U", text, got, want)
		}
	}
}

// Whoever is told of a character that they do not see is told what it is, and between which
// words it stands, in a text without it.
func TestWhatNobodySeesIsNamedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"informa\u00adtion":             "a soft hyphen (U+00AD) at column 8, between “informa” and “tion”",
		"One.\n\nThe infor\u00admation": "a soft hyphen (U+00AD) in line 3 at column 10, between “infor” and “mation”",
		"One.\r\nWe pay \u202eRUE 001":  "a character that turns the direction of reading (U+202E) in line 2 at column 8, between “pay” and “RUE”",
		"a \u2066b":                     "a character that turns the direction of reading (U+2066) at column 3, between “a” and “b”",
		"pass\u200b\u200bword":          "a space without width (U+200B) at column 5, between “pass” and “word”",
		"no\u2060break":                 "a word joiner (U+2060) at column 3, between “no” and “break”",
		"join\u200der":                  "a joiner without width (U+200D) at column 5, between “join” and “er”",
		"left\u200eright":               "a mark of the direction of reading (U+200E) at column 5, between “left” and “right”",
		"Text\ufeff":                    "a byte order mark (U+FEFF) at column 5, after “Text”",
		"filler\u3164":                  "an empty letter (U+3164) at column 7, after “filler”",
		"tag\U000e0041":                 "a hidden tag (U+E0041) at column 4, after “tag”",
		"\ufff9Text":                    "an invisible character (U+FFF9) at column 1, before “Text”",
		"One.\n\u00ad\nTwo.":            "a soft hyphen (U+00AD) in line 2 at column 1",
		"Ünï🦊\u00ad.":                   "a soft hyphen (U+00AD) at column 5, between “Ünï🦊” and “.”",
		strings.Repeat("a", 30) + "\u00ad" + strings.Repeat("b", 21): "a soft hyphen (U+00AD) at column 31, between “…" + strings.Repeat("a", 20) + "” and “" + strings.Repeat("b", 20) + "…”",
	} {
		at := markdown.Unseen(text)
		if at < 0 {
			t.Errorf("%q holds nothing", text)
			continue
		}
		r, _ := utf8.DecodeRuneInString(text[at:])
		if got := markdown.Named(r) + " " + markdown.Place(text, at); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	for r, want := range map[rune]string{0: "a null character (U+0000)", 7: "a control character (U+0007)", 8: "a backspace (U+0008)", 12: "a page break (U+000C)", 27: "an escape character (U+001B)", 0x85: "a control character (U+0085)"} {
		if got := markdown.Named(r); got != want {
			t.Errorf("%U is %s, want %s", r, got, want)
		}
	}
}
