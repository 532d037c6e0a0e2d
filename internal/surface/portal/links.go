package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// links makes what a page leads to. What its reader may not open is shown as text:
// a link never refuses the one whom it invites.
type links struct {
	portal *Portal
	reader *request
}

// Ref names a record, a control, a duty or an occurrence by its reference, or by
// other words.
func (l links) Ref(ref string, words ...string) shownLine {
	return shownLine{Text: cmp.Or(append(words, ref)...), Href: l.portal.leads(l.reader, ref)}
}

// To is a link to a page of the portal.
func (l links) To(path, words string) shownLine {
	one := shownLine{Text: words}
	if l.portal.opens(l.reader, path) {
		one.Href = path
	}
	return one
}

// Event is an event of the ledger.
func (l links) Event(index int64) shownLine {
	number := strconv.FormatInt(index, 10)
	return l.To("/ledger/"+number, number)
}

// With gives a part of a page the links beside what it shows.
func (l links) With(of any) part { return part{l, of} }

// part is what a part of a page is made of.
type part struct {
	links

	Of any
}

// opens reports whether a reader may open a page of the portal, by the table of
// routes and their role.
func (p *Portal) opens(r *request, path string) bool {
	path, _, _ = strings.Cut(path, "#")
	path, _, _ = strings.Cut(path, "?")
	_, pattern := p.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
	line, ok := p.lines[pattern]
	if !ok || line.action == open {
		return ok
	}
	register := ""
	if parts := strings.Split(path, "/"); len(parts) > 2 {
		register = parts[2]
	}
	_, action := p.action(line, register)
	return r.may(action)
}
