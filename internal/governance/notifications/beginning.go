package notifications

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostShown is how much of a text Beginning shows, in bytes: the template says
// beneath it that it goes on, within maxText.
const mostShown = maxText - 500

// link is one in a text in Markdown: cut in its middle it would lead elsewhere, or
// show its address as text.
var link = regexp.MustCompile(`!?\[[^\]]*\]\([^)]*\)|<[a-z]+:[^>\s]*>`)

// Beginning is what a message shows of a text in Markdown, and whether that is not the
// whole. It ends with a paragraph, where there is one in the second half; otherwise with
// a word; and with neither a part of a link nor of a character.
func Beginning(text string) (shown string, cut bool) {
	if len(text) <= mostShown {
		return text, false
	}
	end := mostShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	if at := strings.LastIndex(text[:end], "\n\n"); at >= mostShown/2 {
		end = at
	} else if at := strings.LastIndexFunc(text[:end], unicode.IsSpace); at >= mostShown/2 {
		end = at
	}
	for _, at := range link.FindAllStringIndex(text, -1) {
		if at[0] < end && end < at[1] {
			end = at[0]
		}
	}
	return strings.TrimRightFunc(text[:end], unicode.IsSpace), true
}
