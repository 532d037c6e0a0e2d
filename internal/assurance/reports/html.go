package reports

import (
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/judgments"
)

//go:embed readiness.html
var pageText string

//go:embed readiness.css
var style string

var page = template.Must(template.New("readiness.html").Funcs(template.FuncMap{
	"words":      func(c controltests.Conclusion) string { return c.Words() },
	"concluded":  func(c judgments.Conclusion) string { return ConcludedWords(&c) },
	"mark":       func(c controltests.Conclusion) string { return marks[c] },
	"plainly":    func(r *Readiness, reason string) string { return controltests.Plainly(reason, r.zone()) },
	"failed":     func(reason controltests.Reason) string { return reason.Words() },
	"code":       func(code any) string { return strings.ReplaceAll(fmt.Sprint(code), "_", " ") },
	"control":    func(test string) string { id, _, _ := strings.Cut(test, " "); return id },
	"style":      func() template.CSS { return template.CSS(style) }, //nolint:gosec // our own file
	"deviations": func(list []controltests.Deviation) string { return plural(len(list), "deviation") },
}).Parse(pageText))

// StyleHash is the page's style as a Content-Security-Policy names it.
func StyleHash() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

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

// Group is the controls of one conclusion.
type Group struct {
	Conclusion controltests.Conclusion
	Controls   []Control
}

// Groups are the controls by conclusion, the worst one first.
func (r *Readiness) Groups() []Group {
	var groups []Group
	ranked := r.Ranked()
	for _, conclusion := range order {
		group := Group{conclusion, slices.DeleteFunc(slices.Clone(ranked), func(c Control) bool { return c.Conclusion != conclusion })}
		if len(group.Controls) > 0 || conclusion == controltests.NotTested && len(r.Waiting()) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// Line is something pending as the page shows it.
type Line struct {
	Pending
	When, By string
}

// Line says when the pending thing's deadline is, or was.
func (r *Readiness) Line(p Pending, late bool) Line {
	when := "in " + Span(p.Deadline.Sub(r.At))
	if late {
		when = Span(r.At.Sub(p.Deadline)) + " late"
	}
	return Line{p, when, r.Moment(p.Deadline)}
}

// Moment is an instant as people of the organisation read it.
func (r *Readiness) Moment(at time.Time) string { return moment(at, r.zone()) }
