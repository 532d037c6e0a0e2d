package evidence

import (
	"bytes"
	_ "embed"
	"html/template"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/results"
)

//go:embed index.html
var pageText string

var page = template.Must(template.New("index.html").Funcs(template.FuncMap{
	"words": func(c controltests.Conclusion) string { return c.Words() },
	"time":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
}).Parse(pageText))

// index writes the page to read a bundle by. It follows from what the ledger
// says, so that verifying writes it again and compares.
func index(origin string, at Checkpoint, engine string, a *account) ([]byte, error) {
	data := struct {
		Format, Origin, Engine string
		At                     Checkpoint
		Account                *account
		Results                map[string]*kept[results.Result] // by population
	}{Format, origin, engine, at, a, map[string]*kept[results.Result]{}}
	for i := range a.Banked {
		id := a.Banked[i].Value.ID
		if r := a.resultOf(id); r != nil {
			data.Results[id] = r
		}
	}
	var b bytes.Buffer
	err := page.Execute(&b, data)
	return b.Bytes(), err
}
