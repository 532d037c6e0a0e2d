package notifications

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostShown is how much of a text Beginning shows, in bytes: the template says
// beneath it that it goes on, within maxText.
const mostShown = maxText - 500

// Beginning is what a message shows of a text, and whether that is not the whole. It ends
// with a paragraph, where there is one in the second half; otherwise with a word, which an
// address is, too; and with no part of a character.
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
	return strings.TrimRightFunc(text[:end], unicode.IsSpace), true
}
