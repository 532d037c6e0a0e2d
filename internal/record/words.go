package record

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/unicode/norm"

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

// mostApart is of how many words each is looked for by itself: more are a sentence, which is
// looked for as it is.
const mostApart = 10

// apart are the words of which each has to be found, in any order, those first that are
// likely to be rare: with digits, then longer ones. What has none of them is done with sooner.
func apart(words string) []string {
	all := strings.Fields(words)
	if len(all) == 0 || len(all) > mostApart {
		return []string{words}
	}
	digits := func(word string) int {
		if strings.ContainsAny(word, "0123456789") {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b string) int { return cmp.Or(digits(a)-digits(b), len(b)-len(a)) })
	return slices.Compact(all)
}

// cased is how many letters beyond A to Z are looked for in both cases, each by itself: of
// more the whole word is.
const cased = 3

// ways are those in which words may stand in a text: databases take only A to Z for small
// letters, and an accent may be a character of its own.
func ways(words string) []string {
	all := []string{words}
	if strings.IndexFunc(words, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return all
	}
	whole := norm.NFC.String(words)
	small := strings.ToLower(whole)
	first, size := utf8.DecodeRuneInString(small)
	all = append(all, norm.NFD.String(words), whole, small, strings.ToUpper(whole), string(unicode.ToUpper(first))+small[size:])
	both := []string{""}
	letters := 0
	for _, r := range whole {
		cases := []rune{r}
		if lower, upper := unicode.ToLower(r), unicode.ToUpper(r); r >= utf8.RuneSelf && lower != upper {
			cases, letters = []rune{lower, upper}, letters+1
		}
		if letters > cased {
			both = nil
			break
		}
		var longer []string
		for _, begun := range both {
			for _, one := range cases {
				longer = append(longer, begun+string(one))
			}
		}
		both = longer
	}
	all = append(all, both...)
	slices.Sort(all)
	return slices.Compact(all)
}

// has is the condition that a value has in it what one of so many parameters asks for, of
// which this is the first, where letters A to Z count as small ones; sought makes the
// parameters' values.
//
// SQLite compares a pattern in about half the time of making small letters of the value first.
// One that is put together here does not make it plan the query anew for each value.
func has(dialect store.Dialect, value string, first, many int) string {
	var all []string
	for i := range many {
		parameter := "$" + strconv.Itoa(first+i)
		if dialect == store.Postgres {
			all = append(all, "strpos(lower("+value+` COLLATE "C"), `+parameter+") > 0")
		} else {
			all = append(all, value+" LIKE '%' || "+parameter+" || '%' ESCAPE '~'")
		}
	}
	return "(" + strings.Join(all, " OR ") + ")"
}

func sought(dialect store.Dialect, ways []string) (all []any) {
	escaped := strings.NewReplacer("~", "~~", "%", "~%", "_", "~_")
	for _, way := range ways {
		if dialect == store.Postgres {
			all = append(all, lower(way))
		} else {
			all = append(all, escaped.Replace(way))
		}
	}
	return all
}

// inJSON is how words stand within a text of a JSON document.
func inJSON(ways []string) (all []string, err error) {
	for _, way := range ways {
		quoted, err := jsontext.AppendQuote(nil, way)
		if err != nil {
			return nil, err
		}
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	return all, nil
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
