package reports

import (
	"embed"
	"html/template"
	"io"
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
// asset from another host.
func (r *Readiness) HTML(w io.Writer) error { return page.Execute(w, r) }
