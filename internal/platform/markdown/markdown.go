// Package markdown shows texts that people write in Markdown: on pages, and as plain
// text in messages, which says the same.
package markdown

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// renderer is what Markdown becomes: CommonMark with tables. HTML in it is left
// out.
var renderer = sync.OnceValue(func() goldmark.Markdown { return goldmark.New(goldmark.WithExtensions(extension.Table)) })

// harmless lets through what text is made of: no script, no style, no picture,
// no form, and links that tell nobody where they were followed from.
var harmless = sync.OnceValue(func() *bluemonday.Policy {
	policy := bluemonday.NewPolicy()
	policy.AllowElements("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong",
		"table", "thead", "tbody", "tr", "th", "td")
	policy.AllowAttrs("href").OnElements("a")
	policy.AllowAttrs("start").OnElements("ol")
	policy.AllowURLSchemes("https", "http", "mailto")
	policy.AllowRelativeURLs(true)
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	return policy
})

// HTML makes HTML of a text that somebody wrote. What could do anything but be read is
// taken out.
func HTML(source string) (template.HTML, error) {
	var out bytes.Buffer
	if err := renderer().Convert([]byte(source), &out); err != nil {
		return "", err
	}
	return template.HTML(harmless().SanitizeBytes(out.Bytes())), nil //nolint:gosec // G203: it has just been made harmless
}

// Body is a text without the front matter that it may begin with, between two lines ---,
// as the files of policies do.
func Body(source string) string {
	lines := strings.SplitAfter(source, "\n")
	mark := func(line string) bool { return strings.TrimRight(line, "\r\n") == "---" }
	if !mark(lines[0]) {
		return source
	}
	if end := slices.IndexFunc(lines[1:], mark); end >= 0 {
		return strings.Join(lines[end+2:], "")
	}
	return source
}

// Problems says what a text has that is not shown, or shown as something else than it
// is: HTML, images, definitions and titles of links, and links that lead elsewhere than to
// a page or an address. Who approves or acknowledges a text has read all of it.
func Problems(source string) (problems []string) {
	say := func(format string, args ...any) {
		if problem := fmt.Sprintf(format, args...); !slices.Contains(problems, problem) {
			problems = append(problems, problem)
		}
	}
	link := func(to string) {
		if scheme, _, ok := strings.Cut(to, ":"); ok && !strings.ContainsAny(scheme, "/#?") {
			switch strings.ToLower(scheme) {
			case "http", "https", "mailto":
			default:
				say("has a link to %q: it can lead to http, https and mailto", to)
			}
		}
	}
	read := []byte(source)
	// Walk ends with the error of the visit, which has none.
	_ = ast.Walk(renderer().Parser().Parse(text.NewReader(read)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML, *ast.HTMLBlock:
			say("has HTML, which pages leave out: write it in Markdown alone")
		case *ast.Image:
			say("has the image %q, which pages leave out: attach it to the record", n.Destination)
		case *ast.LinkReferenceDefinition:
			say("defines the link [%s], which pages leave out: write the address beside its words, as [words](https://...)", n.Label)
		case *ast.FencedCodeBlock:
			if n.Info != nil && len(strings.Fields(string(n.Info.Value(read)))) > 1 {
				say("has %q where a block begins, which pages leave out: it names a language", n.Info.Value(read))
			}
		case *ast.Link:
			if link(string(n.Destination)); len(n.Title) > 0 {
				say("has the title %q of a link, which pages leave out: write it into the text", n.Title)
			}
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL {
				link(string(n.URL(read)))
			}
		}
		return ast.WalkContinue, nil
	})
	return problems
}
