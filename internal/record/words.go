package record

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"scaf.dev/scaf/internal/platform/store"
)

// longestWords is the most bytes of what is looked for: quoted in JSON they stay below the
// 50,000 of a pattern that SQLite takes.
const longestWords = 8000

// CheckWords reports what cannot be looked for; its errors wrap ErrFilter.
func CheckWords(words string) error {
	switch {
	case strings.ContainsRune(words, 0) || !utf8.ValidString(words):
		return fmt.Errorf("%w: the character U+0000, and what is no UTF-8, cannot be looked for", ErrFilter)
	case len(words) > longestWords:
		return fmt.Errorf("%w: words to look for have at most %d bytes, and these have %d", ErrFilter, longestWords, len(words))
	}
	return nil
}

// has is the condition that a value has in it what the parameter of this number asks for,
// where letters A to Z count as small ones; sought makes the parameter's value of words.
//
// SQLite compares a pattern in about half the time of making small letters of the value first.
// One that is put together here does not make it plan the query anew for each value.
func has(dialect store.Dialect, value string, parameter int) string {
	if dialect == store.Postgres {
		return "strpos(lower(" + value + ` COLLATE "C"), $` + strconv.Itoa(parameter) + ") > 0"
	}
	return value + " LIKE '%' || $" + strconv.Itoa(parameter) + " || '%' ESCAPE '~'"
}

func sought(dialect store.Dialect, words string) string {
	if dialect == store.Postgres {
		return lower(words)
	}
	return strings.NewReplacer("~", "~~", "%", "~%", "_", "~_").Replace(words)
}

// inJSON is how words stand within a text of a JSON document.
func inJSON(words string) (string, error) {
	quoted, err := jsontext.AppendQuote(nil, words)
	if err != nil {
		return "", err
	}
	return string(quoted[1 : len(quoted)-1]), nil
}

// lower makes small letters of A to Z: what both databases do.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
