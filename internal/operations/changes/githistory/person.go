package githistory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Person is somebody as a commit names them. Either field may be empty.
type Person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// Same reports whether p and q are the same person: they have the same e-mail address ignoring
// case, or the same name after NFKC with only letters and digits kept, ignoring case. What is
// empty matches nothing.
func (p Person) Same(q Person) bool { return p.identity().same(q.identity()) }

// identity is what persons are compared by.
type identity struct{ name, email string }

func (p Person) identity() identity {
	return identity{name: nameKey(p.Name), email: fold(strings.TrimSpace(p.Email))}
}

func (i identity) same(j identity) bool {
	return i.email != "" && i.email == j.email || i.name != "" && i.name == j.name
}

// nameKey normalises again after folding, which can decompose what NFKC composed.
func nameKey(name string) string {
	name = norm.NFKC.String(fold(norm.NFKC.String(name)))
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, name)
}

// fold removes differences of case (Unicode, 3.13 Default Case Folding).
func fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return cases.Fold().String(s)
		}
	}
	return strings.ToLower(s)
}

// parsePerson reads the value of a reviewer's trailer: "Name <email>" with anything after it
// ignored, or a bare e-mail address, or a bare name.
func parsePerson(value string) Person {
	value = strings.TrimSpace(value)
	name, rest, bracket := strings.Cut(value, "<")
	if !bracket {
		if i := strings.IndexByte(value, '@'); i > 0 && !strings.ContainsAny(value, gitSpace) {
			return Person{Email: shorten(value)}
		}
		return Person{Name: shorten(unquote(value))}
	}
	email, _, _ := strings.Cut(rest, ">")
	return Person{Name: shorten(unquote(strings.TrimSpace(name))), Email: shorten(strings.TrimSpace(email))}
}

func unquote(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return strings.TrimSpace(name[1 : len(name)-1])
	}
	return name
}

// reviewers gives the persons whom the trailers of the given keys name, in order, each once and
// never the author.
func reviewers(message string, keys []string, author Person) []Person {
	found := []Person{}
	var seen []identity
	for _, t := range Trailers(message) {
		if !isKey(keys, t.Token) {
			continue
		}
		p := parsePerson(t.Value)
		id := p.identity()
		if id == (identity{}) {
			continue
		}
		if seen == nil {
			seen = append(seen, author.identity())
		}
		known := false
		for _, s := range seen {
			known = known || id.same(s)
		}
		if !known {
			seen = append(seen, id)
			found = append(found, p)
		}
	}
	return found
}

func isKey(keys []string, token string) bool {
	for _, k := range keys {
		if strings.EqualFold(strings.TrimRight(k, ": "), token) {
			return true
		}
	}
	return false
}
