package cli

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/surface"
)

// described is a backend that only describes itself.
type described struct{ surface.Backend }

func (described) Program() string { return "scaf test" }

// Every command's help fits the width, and says what its flags say.
func TestHelpFitsTheWidth(t *testing.T) {
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		var out bytes.Buffer
		path := strings.Fields(c.CommandPath())[1:]
		if code := Main(context.Background(), append(path, "--help"), Streams{strings.NewReader(""), &out, io.Discard}, described{}); code != exitDone {
			t.Errorf("%s --help: exit status %d", c.CommandPath(), code)
		}
		seen++
		for line := range strings.Lines(out.String()) {
			if width := len([]rune(strings.TrimSuffix(line, "\n"))); width > 80 {
				t.Errorf("%s --help is %d wide: %s", c.CommandPath(), width, line)
			}
		}
		text := strings.Join(strings.Fields(out.String()), " ")
		want := []string{cmp.Or(c.Long, c.Short)}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) { want = append(want, "--"+f.Name, f.Usage) })
		for _, part := range want {
			if part = strings.Join(strings.Fields(part), " "); !strings.Contains(text, part) {
				t.Errorf("%s --help lacks %q", c.CommandPath(), part)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&program{backend: described{}}).root())
	if seen < 40 {
		t.Errorf("only %d commands were looked at", seen)
	}
}

func TestFold(t *testing.T) {
	word := strings.Repeat("x", 70)
	for name, test := range map[string]struct{ line, want string }{
		"short":               {"a b\n", "a b\n"},
		"at the width":        {strings.Repeat("y", 80) + "\n", strings.Repeat("y", 80) + "\n"},
		"below the text":      {"label  " + strings.Repeat("word ", 16) + "\n", "label  " + strings.Repeat("word ", 14)[:69] + "\n       word word\n"},
		"a mark":              {"- " + strings.Repeat("word ", 17) + "\n", "- " + strings.Repeat("word ", 15)[:74] + "\n  word word\n"},
		"a word needs room":   {"  label       " + word + "\n", "  label\n    " + word + "\n"},
		"a word of no width":  {"  label  " + word + word + "\n", "  label\n" + word + word + "\n"},
		"nothing to break at": {"  " + word + word + "\n", "  " + word + word + "\n"},
		"spaces at the end":   {word + strings.Repeat(" ", 20) + "\n", word + strings.Repeat(" ", 20) + "\n"},
	} {
		var out bytes.Buffer
		printf(&out, "%s", test.line)
		if out.String() != test.want {
			t.Errorf("%s:\n%q\nwant\n%q", name, out.String(), test.want)
		}
	}
}

// Folding takes no word away, breaks none, and leaves no line wider than the
// width but one that holds a single word.
func TestFoldKeepsEveryWord(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[a-zäß…]{1,90}`)).Draw(rt, "words")
		mark := rapid.SampledFrom([]string{"", "- ", "    ", "label          "}).Draw(rt, "mark")
		var out bytes.Buffer
		wrapped(&out, mark, strings.Join(words, " "))
		if got, want := strings.Fields(out.String()), append(strings.Fields(mark), words...); strings.Join(got, " ") != strings.Join(want, " ") {
			rt.Fatalf("%q, want %q", got, want)
		}
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if len([]rune(line)) > textWidth && len(strings.Fields(strings.TrimPrefix(line, mark))) > 1 {
				rt.Fatalf("too wide: %q", line)
			}
		}
	})
}
