package cli

import (
	"fmt"
	"io"
	"strings"
)

// textWidth is how wide text for people is printed, in characters.
const textWidth = 80

// printf writes text for people: a line that is wider than textWidth goes on
// in the next one, below where its text begins. JSON is written by
// program.line instead, and one-line messages by program.complain. A closed
// pipe ends the program by its signal.
func printf(w io.Writer, format string, args ...any) {
	lines := strings.SplitAfter(fmt.Sprintf(format, args...), "\n")
	for i, line := range lines {
		lines[i] = fold(line, hang(line))
	}
	_, _ = io.WriteString(w, strings.Join(lines, ""))
}

// wrapped prints a text as one paragraph behind a mark.
func wrapped(w io.Writer, mark, text string) {
	line := mark + strings.Join(strings.Fields(text), " ")
	_, _ = io.WriteString(w, fold(line, len([]rune(mark)))+"\n")
}

// hang is where the text of a line begins: behind its label, which two spaces
// or more set apart, or else two after where the line begins.
func hang(line string) int {
	text := strings.TrimLeft(line, " ")
	begin := len(line) - len(text)
	if label := strings.Index(text, "  "); label > 0 {
		after := strings.TrimLeft(text[label:], " ")
		if at := len([]rune(line)) - len([]rune(after)); at <= textWidth/2 {
			return at
		}
	}
	return begin + 2
}

// fold breaks a line at spaces so that nothing is wider than textWidth; what
// goes on is indented by hang, or by less where a word needs the room. A word
// that is wider than a line is not broken: somebody may have to copy it.
func fold(line string, hang int) string {
	var out strings.Builder
	begin := len(line) - len(strings.TrimLeft(line, " "))
	least := 0 // a line holds at least one word
	for {
		runes := []rune(strings.TrimRight(line, "\n"))
		if len(runes) <= textWidth {
			break
		}
		at := lastSpace(runes, least)
		if at < 0 {
			break
		}
		rest := strings.Trim(string(runes[at:]), " ")
		if rest == "" {
			break
		}
		out.WriteString(strings.TrimRight(string(runes[:at]), " ") + "\n")
		least = hang
		word, _, _ := strings.Cut(rest, " ")
		if width := len([]rune(word)); hang+width > textWidth {
			least = max(0, min(begin+2, textWidth-width))
		}
		line = strings.Repeat(" ", least) + rest + strings.Repeat("\n", strings.Count(line, "\n"))
	}
	return out.String() + line
}

// lastSpace is the place of the space at which a line is broken: the last one
// that leaves what is before it narrow enough, or else the first; -1 if there
// is none after the least column.
func lastSpace(runes []rune, least int) int {
	for least < len(runes) && runes[least] == ' ' {
		least++
	}
	found := -1
	for i := least; i < len(runes) && (i <= textWidth || found < 0); i++ {
		if runes[i] == ' ' {
			found = i
		}
	}
	return found
}

// shorten cuts a text to a number of characters.
func shorten(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}
