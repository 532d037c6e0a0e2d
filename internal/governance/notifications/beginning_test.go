package notifications

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestWhatAMessageShowsOfALongText(t *testing.T) {
	fill := func(n int) string { return strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		text string
		want int // bytes that are shown; -1: all
	}{
		"short":                   {fill(mostShown), -1},
		"one word":                {fill(mostShown + 1), mostShown},
		"words":                   {fill(mostShown-9) + " " + fill(20), mostShown - 9},
		"words at its beginning":  {"x " + fill(mostShown), mostShown},
		"paragraphs":              {fill(mostShown-99) + "\n\n" + fill(9) + " " + fill(200), mostShown - 99},
		"a short paragraph first": {fill(9) + "\n\n" + fill(mostShown-20) + " " + fill(200), mostShown - 9},
		"characters of three":     {strings.Repeat("期", mostShown), mostShown / 3 * 3},
		"a link after a word":     {fill(mostShown-20) + " (https://example.com/long) " + fill(20), mostShown - 20},
	} {
		got, cut := Beginning(test.text)
		if test.want == -1 {
			test.want = len(test.text)
		}
		if len(got) != test.want || cut != (test.want < len(test.text)) || !strings.HasPrefix(test.text, got) {
			t.Errorf("%s: %d bytes, want %d (%t): %q", name, len(got), test.want, cut, got[max(0, len(got)-40):])
		}
	}
}

func TestABeginningIsWhole(t *testing.T) {
	part := rapid.OneOf(
		rapid.SampledFrom([]string{"the rules (https://example.com/a)", "\n\n", " ", "é", "😀", "[", "](", ")"}),
		rapid.StringMatching(`[a-zé ]{0,400}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 1, 400).Draw(t, "parts"), "")
		shown, cut := Beginning(text)
		rest, ok := strings.CutPrefix(text, shown)
		if !ok || !utf8.ValidString(shown) || len(shown) > mostShown || cut != (len(text) > mostShown) || !cut && rest != "" {
			t.Fatalf("%d bytes of %d, %t", len(shown), len(text), cut)
		}
	})
}
