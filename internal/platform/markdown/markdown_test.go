package markdown_test

import (
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/markdown"
)

func TestWhatIsNotShownIsAProblem(t *testing.T) {
	for source, wrong := range map[string]string{
		"# A\n\nplain *text*, [a page](https://example.com/x), [here](access-control), <https://example.com>, <a@example.com>": "",
		"| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```sh\nls <b>\n```":                                                            "",
		"a <b>bold</b> claim": "has HTML", "<script>alert(1)</script>": "has HTML", "<!-- hidden -->": "has HTML", "![x](https://example.com/pixel.png)": "has the image",
		"Before\n<div>Everybody pays 100 EUR.</div>\nAfter": "has HTML",
		"| a |\n| --- |\n| <b>c</b> |":                      "has HTML",
		"[x](javascript:alert(1))":                          `has a link to "javascript:alert(1)"`, "[x](JAVASCRIPT:alert(1))": "has a link", "[x](data:text/html;base64,eA)": "has a link", "[x](vbscript:x)": "has a link",
		"[x]: javascript:alert(1)\n\n[x]":                           "has a link",
		"a\n\n[x]: https://example.com \"Everybody pays 100 EUR\"":  "defines the link [x]",
		"[a](https://example.com \"Everybody pays\")":               `has the title "Everybody pays"`,
		"```sh Everybody pays\nls\n```":                             `has "sh Everybody pays" where a block begins`,
		"> a\n>\n> [x]: https://example.com 'Everybody pays'":       "defines the link [x]",
		"- a\n\n  [x]: https://example.com (Everybody pays)":        "defines the link [x]",
		"[x]: https://a.test\n[x]: https://b.test \"Pay\"\n\n[x]":   "defines the link [x]",
		"[a][x]\n\n[x]: <https://example.com>\n\"Everybody\npays\"": "defines the link [x]",
		"`<b>` is a tag": "", "1 < 2 and a:b": "",
	} {
		if got := strings.Join(markdown.Problems(source), "; "); (got == "") != (wrong == "") || !strings.Contains(got, wrong) {
			t.Errorf("%q: %q, want %q", source, got, wrong)
		}
	}
}

// A message says what the page says.
func TestPlainIsWhatThePageShows(t *testing.T) {
	for source, want := range map[string]string{
		"# Title\nOne *two* **three**\nfour `a < b` &amp; \\*five\\*\n\nSecond.": "Title\n\nOne two three four a < b & *five*\n\nSecond.",
		"See [the rules](https://example.com/a?b=1&c=2), now.":                   "See the rules (https://example.com/a?b=1&c=2), now.",
		"See [here](javascript:alert(1)).":                                       "See here.",
		"<https://example.com> or <a@example.com>":                               "https://example.com or a@example.com",
		"Before\n\n<div>Everybody pays 100 EUR.</div>\n\nAfter":                  "Before\n\nAfter",
		"- one\n- two\n  - three\n\nEnd":                                         "- one\n- two\n  - three\n\nEnd",
		"3. three\n4. four":                                                      "3. three\n4. four",
		"- one\n\n  more\n\n- two":                                               "- one\n\n  more\n\n- two",
		"> quoted\n> twice\n\nAfter":                                             "> quoted twice\n\nAfter",
		"```\na  b\n\n  c\n```\nAfter":                                           "a  b\n\n  c\n\nAfter",
		"| a | b |\n| --- | --- |\n| 1 | [x](https://e.test) |":                  "a | b\n1 | x (https://e.test)",
		"a  \nb\n\n---\n\nc":                                                     "a\nb\n\n---\n\nc",
		"":                                                                       "",
	} {
		got, err := markdown.Plain(source)
		if err != nil || got != want {
			t.Errorf("%q: %q %v, want %q", source, got, err, want)
		}
	}
}

func TestBody(t *testing.T) {
	for source, want := range map[string]string{
		"---\nid: a\n---\nText\n---\n": "Text\n---\n", "---\r\nid: a\r\n---\r\nText": "Text", "Text": "Text", "---\nid: a": "---\nid: a", "": "", "---\n---\n": "",
	} {
		if body := markdown.Body(source); body != want {
			t.Errorf("%q: %q, want %q", source, body, want)
		}
	}
}
