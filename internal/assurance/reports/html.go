package reports

import (
	"embed"
	"html/template"
	"io"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
)

//go:embed readiness.html
var pages embed.FS

var page = template.Must(template.New("readiness.html").Funcs(template.FuncMap{
	"words": func(c controltests.Conclusion) string { return c.Words() },
	"mark":  func(c controltests.Conclusion) string { return marks[c] },
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
}).ParseFS(pages, "readiness.html"))

// HTML writes the report as one page that needs nothing else: no script, no
// asset from another host. Characters that nobody can see are left out.
func (r *Readiness) HTML(w io.Writer) error {
	var b strings.Builder
	if err := page.Execute(&b, r); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, b.String()))
	return err
}
