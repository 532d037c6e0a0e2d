package policies

import (
	"fmt"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Unsafe says what Markdown has that a policy's text must not: HTML, images,
// and links that lead elsewhere than to a page or an address.
func Unsafe(markdown string) (problems []string) {
	source := []byte(markdown)
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
	_ = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.RawHTML, *ast.HTMLBlock:
			say("has HTML, which policies are written without")
		case *ast.Image:
			say("has the image %q, which policies are written without", n.Destination)
		case *ast.Link:
			link(string(n.Destination))
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL {
				link(string(n.URL(source)))
			}
		}
		return ast.WalkContinue, nil
	})
	return problems
}
