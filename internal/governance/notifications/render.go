package notifications

import (
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"slices"
	"strings"
	"text/template"

	"scaf.dev/scaf/internal/platform/notify"
)

//go:embed templates
var files embed.FS

// All words that people are sent stand in the folder templates. messages.txt has a
// template for each message, whose first line is the title and whose rest is the
// text; the others are the frames of e-mails. Nothing in them is a secret, or
// personal data of anybody but the one who is told.
var (
	messages = template.Must(template.New("").Option("missingkey=error").ParseFS(files, "templates/messages.txt"))
	letters  = template.Must(template.New("").Option("missingkey=error").ParseFS(files, "templates/letter.txt"))
	pages    = htmltemplate.Must(htmltemplate.New("").Funcs(htmltemplate.FuncMap{"paragraphs": paragraphs}).Option("missingkey=error").ParseFS(files, "templates/letter.html"))
)

// Write makes the title and the text of a message from its template.
func Write(name string, data map[string]any) (title, text string, err error) {
	var b strings.Builder
	if err := messages.ExecuteTemplate(&b, name, data); err != nil {
		return "", "", fmt.Errorf("the message %s: %w", name, err)
	}
	title, text, _ = strings.Cut(strings.TrimSpace(b.String()), "\n")
	return strings.Join(strings.Fields(title), " "), strings.TrimSpace(text), nil
}

// Messages are the names of the templates of messages, sorted.
func Messages() (names []string) {
	for _, t := range messages.Templates() {
		if t.Name() != "messages.txt" && t.Name() != "" {
			names = append(names, t.Name())
		}
	}
	slices.Sort(names)
	return names
}

// letter is what the frames of e-mails show.
type letter struct {
	Title, Text  string
	Link         string
	Items        []letterItem // of a digest
	Organization string
	Preferences  string // address of the page; empty: there is none
}

type letterItem struct{ Title, Text, Link string }

// link is the address of a page of the portal; empty where nobody said where that is.
func (r *Rules) link(path string) string {
	if r.PortalURL == "" || path == "" {
		return ""
	}
	return strings.TrimSuffix(r.PortalURL, "/") + path
}

// message makes the message of notifications of one recipient.
func (r *Rules) message(all []Told) (*notify.Message, error) {
	first := &all[0]
	m := &notify.Message{ID: messageID(all), Kind: first.Kind, About: first.About, Title: first.Title, Text: first.Text, Link: r.link(first.Path), At: first.At}
	l := letter{Organization: r.Name}
	if first.Recipient != Organization {
		l.Preferences = r.link("/preferences")
	}
	if len(all) > 1 {
		m.Kind, m.About, m.Link = "digest", "notifications", r.link("/inbox")
		m.At = all[len(all)-1].At
		m.Title = fmt.Sprintf("%d things for you", len(all))
		var lines []string
		for i := range all {
			lines = append(lines, "• "+all[i].Title)
			l.Items = append(l.Items, letterItem{all[i].Title, all[i].Text, r.link(all[i].Path)})
			m.Items = append(m.Items, notify.Item{Title: all[i].Title, Link: r.link(all[i].Path)})
		}
		m.Text = strings.Join(lines, "\n")
	}
	l.Title, l.Text, l.Link = m.Title, m.Text, m.Link
	var plain, html strings.Builder
	if err := errors.Join(letters.ExecuteTemplate(&plain, "letter.txt", l), pages.ExecuteTemplate(&html, "letter.html", l)); err != nil {
		return nil, err
	}
	m.Letter, m.HTML = plain.String(), html.String()
	return m, nil
}

// paragraphs splits a text where there is an empty line.
func paragraphs(text string) []string { return strings.Split(text, "\n\n") }
