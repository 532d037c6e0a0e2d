package tabular

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// An apostrophe in front of a text says: what follows is text, exactly so. It
// keeps a spreadsheet from taking the text for a formula (OWASP, "CSV
// Injection"), and this package from taking away the spaces around it. A text
// that has such apostrophes of its own gets one more, so that every text is
// read as it was.

// guard puts an apostrophe in front of a text that needs one.
func guard(text string, special func(rune) bool) string {
	if needsGuard(text, special) {
		return "'" + text
	}
	return text
}

// unguard takes away what guard put there; without that, spaces around a text
// say nothing.
func unguard(text string, special func(rune) bool) string {
	if rest, ok := strings.CutPrefix(text, "'"); ok && needsGuard(rest, special) {
		return rest
	}
	return strings.TrimSpace(text)
}

func needsGuard(text string, special func(rune) bool) bool {
	text = strings.TrimLeft(text, "'")
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	return text != "" && (special(first) || unicode.IsSpace(first) || unicode.IsSpace(last))
}

// startsFormula: a spreadsheet takes a cell of a CSV file that begins so for a
// formula, some also where the character is a wide one of East Asian texts.
func startsFormula(r rune) bool { return strings.ContainsRune("=+-@\t\r＝＋－＠", r) }

// nothing: a cell of an XLSX file says itself whether it is a formula.
func nothing(rune) bool { return false }
