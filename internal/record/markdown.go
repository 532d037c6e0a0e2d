package record

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	source "github.com/yuin/goldmark/text"
)

// unshown says what a text in Markdown has that pages leave out, so that people would not
// read what it holds: HTML, images, and links that lead elsewhere than to a page or an
// address.
func unshown(markdown string) (problems []string) {
	read := []byte(markdown)
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	link := func(to string) {
		if scheme, _, ok := strings.Cut(to, ":"); ok && !strings.ContainsAny(scheme, "/#?") {
			switch strings.ToLower(scheme) {
			case "http", "https", "mailto":
			default:
				say("has a link to %q: it can lead to http, https and mailto", to)
			}
		}
	}
	// Walk ends with the error of the visit, which has none.
	_ = ast.Walk(goldmark.DefaultParser().Parse(source.NewReader(read)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML, *ast.HTMLBlock:
			say("has HTML, which pages leave out: write it in Markdown alone")
		case *ast.Image:
			say("has the image %q, which pages leave out: attach it to the record", n.Destination)
		case *ast.Link:
			link(string(n.Destination))
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL {
				link(string(n.URL(read)))
			}
		}
		return ast.WalkContinue, nil
	})
	return problems
}
