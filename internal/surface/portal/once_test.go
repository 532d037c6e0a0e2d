package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
)

// A form that is sent twice from one page is taken once: the second time leads to what
// came of the first. What says something else is another form.
func TestAFormIsTakenOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.people(t, `{"id":"E1","name":"Zoe Example","joined_at":"2025-01-01T00:00:00Z"}`)
	twice := func(to string, send func() page) {
		t.Helper()
		b.get("/account").want(t, 200)
		token := b.form
		send().goes(t, to)
		size := s.size(t)
		b.form = token
		send().goes(t, strings.TrimSuffix(to, "#attached"))
		if s.size(t) != size {
			t.Errorf("what went to %s was done twice", to)
		}
	}
	add := func(title string) page {
		return b.post("/r/risks", "f.title", title, "f.category", "operations", "f.owner", "person/E1")
	}
	twice("/r/risks/RSK-1", func() page { return add("A flood") })
	add("A fire").goes(t, "/r/risks/RSK-2")
	b.get("/new/risks").want(t, 200)
	add("A flood").goes(t, "/r/risks/RSK-3") // somebody wants it so
	token := b.form
	add("").want(t, http.StatusUnprocessableEntity)
	b.form = token
	add("A theft").goes(t, "/r/risks/RSK-4") // what was refused is no use
	twice("/r/risks/RSK-1", func() page { return b.post("/r/risks/RSK-1", "version", "1", "f.title", "A large flood") })
	twice("/r/risks/RSK-1", func() page {
		return b.post("/r/risks/RSK-1/move", "version", "2", "state", "closed", "f.closed_reason", "We moved uphill.")
	})
	twice("/r/risks/RSK-1#attached", func() page { return b.post("/r/risks/RSK-1/comment", "text", "Seen.") })
	twice("/r/risks/RSK-1#attached", func() page { return b.upload("/r/risks/RSK-1/file", "a.txt", []byte("One.")) })
	token = b.form
	b.upload("/r/risks/RSK-1/file", "a.txt", []byte("Two.")).goes(t, "/r/risks/RSK-1#attached") // of the same length
	other := s.signed(t, "bob", "compliance")
	other.get("/account").want(t, 200)
	other.form = other.form[:strings.Index(other.form, ".")] + token[strings.Index(token, "."):]
	other.post("/r/risks/RSK-1/comment", "text", "Seen.").goes(t, "/r/risks/RSK-1#attached")
	if page := b.get("/r/risks/RSK-1").want(t, 200); strings.Count(page.body, "<p class=\"said\">Seen.</p>") != 2 || strings.Count(page.body, ">a.txt</a>") != 2 {
		t.Error("two comments by two and two files are not there, each once")
	}
}

// The page after a form says what came of it, once, and to nobody else.
func TestThePageAfterAFormSaysWhatIsRecorded(t *testing.T) {
	const said = "It is recorded, as event"
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.people(t, `{"id":"E1","name":"Zoe Example","joined_at":"2025-01-01T00:00:00Z"}`)
	b.get("/new/risks").want(t, 200)
	add := func() page {
		return b.post("/r/risks", "f.title", "A flood", "f.category", "operations", "f.owner", "person/E1")
	}
	next := func(path string, says bool) {
		t.Helper()
		event := fmt.Sprintf(`%s <a href="/ledger/%d">`, said, s.size(t)-1)
		if got := b.get(path).want(t, 200); strings.Contains(got.body, event) != says || strings.Contains(got.body, said) != says {
			t.Errorf("%s says what is recorded: %t, want %t", path, !says, says)
		}
	}
	next("/r/risks", false)
	token := b.form
	add().goes(t, "/r/risks/RSK-1")
	next("/r/risks/RSK-1", true)
	next("/r/risks/RSK-1", false)
	b.form = token
	add().goes(t, "/r/risks/RSK-1") // it came of the first
	next("/r/risks/RSK-1", true)
	b.get("/new/risks").want(t, 200)
	b.post("/r/risks", "f.title", "").want(t, http.StatusUnprocessableEntity, `role="alert" tabindex="-1" autofocus>`)
	next("/r/risks", false)
	b.get("/account").want(t, 200)
	b.post("/r/risks/RSK-1/comment", "text", "Seen.").goes(t, "/r/risks/RSK-1#attached")
	next("/r/risks/RSK-1", true)
	// Whoever may not read the ledger is told without a way to it.
	employee := s.signed(t, "eve", "employee")
	employee.ask(http.MethodGet, "/work", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "scaf_recorded", Value: "7"}) }).want(t, 200, said+" 7 of the ledger")
	for _, odd := range []string{"-1", "<b>", "9999999999999999999999"} {
		if got := employee.ask(http.MethodGet, "/work", nil, func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "scaf_recorded", Value: odd}) }).want(t, 200); strings.Contains(got.body, said) {
			t.Errorf("%q is said to be recorded", odd)
		}
	}
}
