package controls

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error is one thing wrong with a control file.
type Error struct {
	File string
	Line int // from 1
	Text string
}

// Error is one line: file:line: what is wrong and what would be right.
func (e Error) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Text) }

// Errors is everything wrong with one or more control files, by file in order
// of loading, then by line.
type Errors []Error

// Error is one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// sorted returns the errors of one file by line, each once.
func (e Errors) sorted() Errors {
	slices.SortStableFunc(e, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(e)
}
