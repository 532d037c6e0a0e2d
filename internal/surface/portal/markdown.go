package portal

import (
	"bytes"
	"html/template"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
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

// markdown makes HTML of a text that somebody wrote. What could do anything but
// be read is taken out.
func markdown(text string) (template.HTML, error) {
	var out bytes.Buffer
	if err := renderer().Convert([]byte(text), &out); err != nil {
		return "", err
	}
	return template.HTML(harmless().SanitizeBytes(out.Bytes())), nil //nolint:gosec // G203: it has just been made harmless
}
