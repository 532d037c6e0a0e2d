package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface/api"
	"scaf.dev/scaf/internal/surface/portal"
	"scaf.dev/scaf/internal/trust/accounts"
)

// A form that somebody sends as it came is taken and changes nothing, whatever the record
// is and in which state: what the form does not show is not taken as cleared. Where there
// is a form, some change of it is taken: what stands as it was decided is not in it.
func TestAFormSentAsItCameChangesNothing(t *testing.T) {
	until := time.Date(2025, 1, 22, 12, 0, 0, 0, time.UTC)
	if os.Getenv("SCAF_LONG") != "" {
		until = time.Time{} // the whole year
	}
	s := played(t, 1, until)
	const password = "correct horse battery"
	ctx, operator := context.Background(), act.Caller{ID: "local/test", Roles: []string{"administrator"}}
	if _, err := accounts.Create(ctx, s.Door, operator, accounts.Account{ID: "all", Name: "Ann Example", Roles: []string{"administrator"}}, password); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	whole, err := api.New(s, log, api.DefaultTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Pages, err = portal.New(s, log); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(whole)
	defer server.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(path string, form url.Values) (status int, page *html.Node) {
		t.Helper()
		answer, err := client.Get(server.URL + path)
		if form != nil {
			answer, err = client.PostForm(server.URL+path, form)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if page, err = html.Parse(answer.Body); err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, page
	}
	if status, _ := ask("/signin", url.Values{"id": {"all"}, "password": {password}}); status != http.StatusSeeOther {
		t.Fatalf("signing in: %d", status)
	}

	tried := 0
	for _, kind := range s.Kinds {
		if kind.Internal {
			continue
		}
		seen := map[string]int{}
		var all []*record.Version
		if err := s.DB.Read(ctx, func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
				var of struct {
					State string `json:"state"`
				}
				if err := json.Unmarshal(v.Doc, &of); err != nil {
					return err
				}
				if seen[of.State]++; seen[of.State] <= 3 {
					one := *v
					one.Doc = nil // the next one takes its place
					all = append(all, &one)
				}
				return nil
			})
		}); err != nil {
			t.Fatal(err)
		}
		for _, v := range all {
			path := "/r/" + kind.Register + "/" + url.PathEscape(v.ID)
			status, page := ask(path+"/edit", nil)
			if status != http.StatusOK {
				t.Errorf("%s/edit: %d", path, status)
				continue
			}
			form := formOf(page, path)
			if form == nil { // nothing of it can be changed
				continue
			}
			tried++
			if status, answer := ask(path, form); status != http.StatusSeeOther {
				t.Errorf("%s sent as it came: %d: %s", path, status, mistakes(answer))
				continue
			}
			var said []string
			for _, change := range changed(page, path, form) {
				status, page := ask(path, change)
				if status == http.StatusSeeOther {
					said = nil
					break
				}
				said = append(said, mistakes(page))
			}
			if len(said) > 0 {
				t.Errorf("%s can be changed, and no change is taken: %s", path, strings.Join(said, " | "))
			}
		}
	}
	if tried < 60 {
		t.Errorf("only %d forms were sent", tried)
	}
}

// changed are forms with other things in one of its fields each: words in a text,
// another choice, a box that is ticked or not.
func changed(page *html.Node, action string, form url.Values) (all []url.Values) {
	change := func(name string, values ...string) {
		one := maps.Clone(form)
		one[name] = values
		all = append(all, one)
	}
	for n := range page.Descendants() {
		name := attribute(n, "name")
		if n.Data == "form" || !strings.HasPrefix(name, "f.") || attribute(closest(n), "action") != action {
			continue
		}
		switch kind := attribute(n, "type"); {
		case n.Data == "textarea":
			change(name, strings.TrimSpace(form.Get(name)+"\nMore"))
		case n.Data == "input" && kind == "text":
			if strings.HasPrefix(form.Get(name), "person/") {
				change(name, "person/E1001")
				change(name, "person/E1002")
			}
			change(name, strings.TrimSpace(form.Get(name)+" more"))
		case n.Data == "input" && kind == "number":
			change(name, "1")
			change(name, "2")
		case n.Data == "input" && (kind == "date" || kind == "datetime-local"):
			change(name, map[string]string{"date": "2025-03-01", "datetime-local": "2025-03-01T10:00"}[kind])
		case n.Data == "input" && kind == "checkbox":
			change(name, "", attribute(n, "value"))
		case n.Data == "select":
			for o := range n.Descendants() {
				if value := attribute(o, "value"); o.Data == "option" && value != form.Get(name) {
					change(name, value)
				}
			}
		}
	}
	return all
}

// closest is the form in which something stands.
func closest(n *html.Node) *html.Node {
	for n.Parent != nil && n.Data != "form" {
		n = n.Parent
	}
	return n
}

// formOf is what a browser sends of the form with an action; nil: the page has none.
func formOf(page *html.Node, action string) url.Values {
	for form := range page.Descendants() {
		if form.Data != "form" || attribute(form, "action") != action {
			continue
		}
		values := url.Values{}
		for n := range form.Descendants() {
			name := attribute(n, "name")
			switch {
			case name == "":
			case n.Data == "input" && !slices.Contains([]string{"checkbox", "radio"}, attribute(n, "type")) || n.Data == "input" && has(n, "checked"):
				values.Add(name, attribute(n, "value"))
			case n.Data == "textarea":
				values.Add(name, strings.TrimPrefix(text(n), "\n"))
			case n.Data == "select":
				var options []*html.Node
				for o := range n.Descendants() {
					if o.Data == "option" {
						options = append(options, o)
					}
				}
				chosen := max(0, slices.IndexFunc(options, func(o *html.Node) bool { return has(o, "selected") }))
				values.Add(name, attribute(options[chosen], "value"))
			}
		}
		return values
	}
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func text(n *html.Node) string {
	var b strings.Builder
	for one := range n.Descendants() {
		if one.Type == html.TextNode {
			b.WriteString(one.Data)
		}
	}
	return b.String()
}

// mistakes is what a page says is wrong.
func mistakes(page *html.Node) string {
	for n := range page.Descendants() {
		if attribute(n, "class") == "wrong" {
			return strings.Join(strings.Fields(text(n)), " ")
		}
	}
	return ""
}
