package portal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/access"
	"scaf.dev/scaf/internal/trust/accounts"
)

// links makes what a page leads to. What its reader may not open is shown as text:
// a link never refuses the one whom it invites.
type links struct {
	portal *Portal
	reader *request
}

// Ref names a record, a control, a duty or an occurrence: as people call it, or by
// other words.
func (l links) Ref(ref string, words ...string) shownLine {
	one := l.portal.reference(l.reader, ref)
	if len(words) > 0 {
		one.Text, one.named = words[0], nil
	}
	return one
}

// reference is a text that may name something: a link to it, where the reader may
// open it.
func (p *Portal) reference(r *request, text string) shownLine {
	one := shownLine{Text: text, Href: p.leads(r, text)}
	if result, item, ok := surface.DeviationNamed(text); ok {
		return p.deviationOf(r, result, item, one)
	}
	if kind, id, which := p.System.Computed(text); kind != nil {
		if _, one.Text, _ = strings.Cut(text, "/"); one.Href != "" {
			p.asks(r, kind, id)
			one.named = func(string) string { return p.calledItem(r, kind.Name+"/"+id, which) }
		}
		return one
	}
	kind, id, err := p.System.Kinds.Parse(text)
	if err != nil || kind.Name+"/"+id != text || one.Href == "" && (kind != people.Register || !r.knows(text)) {
		return one
	}
	if kind == tasks.Performances || kind == tasks.Register {
		duty, date := tasks.Split(id)
		p.asks(r, tasks.Register, duty)
		one.absent = func() bool { return p.called(r, tasks.Register.Name+"/"+duty) == "" }
		one.named = func(string) string { return p.calledItem(r, tasks.Register.Name+"/"+duty, date) }
		return one
	}
	if !kind.Internal || kind == access.Tokens { // a program is called as who made its token says
		p.asks(r, kind, id)
		one.absent = func() bool { return p.called(r, text) == "" }
		one.named = func(ref string) string { return p.called(r, ref) }
	}
	return one
}

// calledItem is what one item of a record is called: "Access review, 2026-01-31".
func (p *Portal) calledItem(r *request, ref, which string) string {
	name := p.called(r, ref)
	if name != "" && which != "" {
		name += ", " + which
	}
	return name
}

// deviationOf is the link to the page of a deviation: it says which item deviates.
func (p *Portal) deviationOf(r *request, result, item string, link shownLine) shownLine {
	link.named = func(string) string {
		found, err := p.System.Lab().Result(r.Context(), result)
		if err != nil {
			return "" // the text stays: it names none
		}
		return p.reference(r, p.System.Items()(found.Control, found.Test, item)).Words()
	}
	return link
}

// knowsPeople reports whether a reader is told what people are called: whoever may read
// the records in which people are named. It is no reading of their register, of which
// nothing else is told.
func (r *request) knowsPeople() bool {
	return r.may("record.read") || r.may(readAction(people.Register))
}

// knows reports whether a reader is told what one of them is called.
func (r *request) knows(person string) bool {
	return person == r.person() || person == r.told || r.knowsPeople()
}

// asks remembers a record whose name a page needs.
func (p *Portal) asks(r *request, kind *record.Kind, id string) {
	if r.names == nil {
		r.names, r.left, r.unnamed = map[string]string{}, map[string]string{}, map[*record.Kind][]string{}
	}
	if _, known := r.names[kind.Name+"/"+id]; !known && !slices.Contains(r.unnamed[kind], id) {
		r.unnamed[kind] = append(r.unnamed[kind], id)
	}
}

// mostReadings is how often names are read while a page is written: a page that comes to more
// of them, one after the other, is written again with all of them (write).
const mostReadings = 3

// called is what people call the record of a register that they keep: a vendor's or
// a person's name; empty when there is none. It is asked when a page is written, outside of every other
// reading, and then reads the names of all records that the page has come to so far.
func (p *Portal) called(r *request, ref string) string {
	if len(r.unnamed) > 0 && r.readings != 0 {
		r.readings--
		unnamed := r.unnamed
		r.unnamed = map[*record.Kind][]string{}
		if err := p.System.DB.Read(r.Context(), func(reader *store.Reader) error {
			for kind, all := range unnamed {
				for ids := range slices.Chunk(all, act.MaxBatch) {
					for _, id := range ids {
						r.names[kind.Name+"/"+id] = "" // where there is none, nobody asks again
					}
					known, err := record.Current(reader, kind.Name, ids)
					if err != nil {
						return err
					}
					for id, doc := range known {
						r.names[kind.Name+"/"+id] = cmp.Or(kind.Caption(doc), id)
						if kind == people.Register {
							if err := r.leaves(kind.Name+"/"+id, doc, p.System.Clock.Now(), p.zone); err != nil {
								return err
							}
						}
					}
				}
			}
			return nil
		}); err != nil {
			p.Log.Error("names cannot be read", "error", err)
			for kind, all := range unnamed { // references say which records they are
				for _, id := range all {
					r.names[kind.Name+"/"+id] = kind.Name + "/" + id
				}
			}
		}
	}
	return r.names[ref]
}

// named is the reference of a person, or of an account, in a sentence, or at its beginning,
// with the sign before it.
var named = regexp.MustCompile(`["(“]?\b(?:[Pp]erson|[Aa]ccount)/[\w@+-]+(?:\.[\w@+-]+)*`)

// Says is a sentence as its reader is told it (request.says).
func (l links) Says(text string) string { return l.reader.says(text) }

// says is a sentence with the names of people in the place of their references, and
// without those whose names the reader is not told. Every refusal on a page is said so.
// A reference in quotes or brackets is one that is typed, or tells two of the same name
// apart, and stays.
func (r *request) says(text string) string {
	return named.ReplaceAllStringFunc(text, func(begins string) string {
		if first, _ := utf8.DecodeRuneInString(begins); !unicode.IsLetter(first) {
			return begins
		}
		ref := strings.ToLower(begins[:1]) + begins[1:]
		kind, id, err := r.portal.System.Kinds.Parse(ref)
		switch {
		case err != nil:
			return begins
		case r.session != nil && ref == accounts.Register.Name+"/"+r.session.Account.ID:
			return r.session.Account.Name
		case !r.knows(ref):
			if ref != begins {
				return "Somebody else"
			}
			return "somebody else"
		}
		r.portal.asks(r, kind, id)
		return cmp.Or(r.portal.called(r, ref), begins)
	})
}

// leaves remembers when somebody left, where they did so by an instant.
func (r *request) leaves(ref string, doc json.RawMessage, at time.Time, zone *time.Location) error {
	var person people.Person
	if err := json.Unmarshal(doc, &person); err != nil {
		return fmt.Errorf("%s: %w", ref, err)
	}
	if left := person.Gone(at); left != nil {
		r.left[ref] = "left " + left.In(zone).Format(time.DateOnly)
	}
	return nil
}

// leftOn says when somebody left; empty: they work here, or nobody knows.
func (p *Portal) leftOn(r *request, ref string) string {
	p.called(r, ref)
	return r.left[ref]
}

// Left says when the person left whom a reference names for what lies ahead; empty: they
// work here.
func (l shownLine) Left() string {
	if l.left == nil {
		return ""
	}
	return l.left(l.Text)
}

// Words are what people read: the name of a record instead of its reference.
func (l shownLine) Words() string {
	if l.named == nil {
		return l.Text
	}
	return cmp.Or(l.named(l.Text), l.Text)
}

// None says that a reference names nothing, and why; empty when it does.
func (l shownLine) None() string {
	if l.Missing == "" && l.absent != nil && l.absent() {
		return "not in the register"
	}
	return l.Missing
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
	return r.may(action) && (line.also == "" || r.may(line.also))
}
