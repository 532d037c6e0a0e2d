package browser

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The program starts for the first time: the link that it prints makes the first
// account, once.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := scaf(dir, "", "init", "--org", "Example Corp", "--timezone", "Europe/Berlin"); err != nil {
		t.Fatal(err)
	}
	s := fresh(t, dir)
	if s.setUp == "" {
		t.Fatal("scaf serve prints no link for the first account")
	}

	v := s.open(t)
	v.goes("/")
	v.at("/signin", "Sign in")
	for _, wrong := range []string{"/setup", "/setup?token=", s.setUp[:len(s.setUp)-1]} {
		if status := v.goes(wrong); status != 404 {
			t.Errorf("%s: status %d", wrong, status)
		}
	}
	if status := v.goes(s.setUp); status != 200 {
		t.Fatalf("the link is answered with %d", status)
	}
	v.audited("setup")
	v.types("Example Person", kb.Tab, "first@example.com", kb.Tab, password[:5], kb.Enter)
	if invalid := in(v, chromedp.Evaluate[bool](`document.querySelector("#password").matches(":invalid")`)); !invalid {
		t.Error("the form takes a password of five characters")
	}
	v.enters(password[5:], kb.Enter)
	v.at("/", "Overview")
	v.audited("overview-empty")
	v.holds("main", "No period has been opened yet")

	// The link works once: not here, not for somebody else, not after another start.
	other := s.open(t)
	for _, again := range []*tab{v, other} {
		if status := again.goes(s.setUp); status != 404 || again.heading() != "There is nothing here" {
			t.Errorf("the link works again: %d, %s", status, again.heading())
		}
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = fresh(t, dir)
	if s.setUp != "" {
		t.Errorf("there is an account, and still a link is printed: %s", s.setUp)
	}
	v = s.open(t)
	v.goes("/signin")
	v.enters("first@example.com", kb.Tab, password, kb.Enter)
	v.at("/", "Overview")
	v.goes("/account")
	v.holds(".facts", "Example Person", "administrator")
}

// Everything that an account needs is done with the keyboard alone.
func TestSignInAndPasswordByKeyboard(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	v := s.open(t)
	v.goes("/account")
	v.at("/signin?to=%2Faccount", "Sign in")

	// What was typed is kept, the password is not, and the next key goes where it
	// is missing.
	status := v.enters(typist, kb.Tab, "not the password", kb.Enter)
	if status != 401 {
		t.Errorf("a wrong password is answered with %d", status)
	}
	v.holds("[role=alert]", "password")
	if id, typed := in(v, chromedp.Value(chromedp.ID("id"))), in(v, chromedp.Value(chromedp.ID("password"))); id != typist || typed != "" {
		t.Errorf("the form keeps %q and %q", id, typed)
	}
	v.audited("signin-wrong")
	v.goes("/signin?to=%2Faccount")
	v.enters(typist, kb.Tab, password, kb.Enter)
	v.at("/account", "My account")

	// The first stop of the Tab key leads past the menu.
	v.types(kb.Tab)
	if !strings.HasPrefix(v.focus(), "Skip to the content") {
		t.Errorf("the first stop is %q", v.focus())
	}
	v.types(kb.Enter)
	v.tabTo("Present password")
	v.enters("not the password", kb.Tab, "another horse battery", kb.Enter)
	v.rests("[role=alert]") // whoever types goes on from what is wrong
	v.holds("[role=alert]", "password")
	v.tabTo("Present password")
	v.enters(password, kb.Tab, "another horse battery", kb.Enter)
	v.at("/account?changed=yes", "My account") // the session goes on
	v.rests("[role=status]")
	v.audited("password-changed")
	v.tabTo("Sign out")
	v.loads(v.typing(kb.Enter))
	v.at("/signin", "Sign in")

	if status := v.enters(typist, kb.Tab, password, kb.Enter); status != 401 {
		t.Errorf("the old password is answered with %d", status)
	}
	v.enters("another horse battery", kb.Enter)
	v.at("/work", "My work")
	v.goes("/account")
	v.tabTo("Present password")
	v.enters("another horse battery", kb.Tab, password, kb.Enter)
	v.at("/account?changed=yes", "My account")

	v.tabTo("Sign out")
	v.loads(v.typing(kb.Enter))
	v.at("/signin", "Sign in")
	v.goes("/account")
	v.at("/signin?to=%2Faccount", "Sign in")
}

// Somebody goes from their inbox to what they want to be told, and keeps it, by
// keyboard.
func TestSomebodyChoosesWhatTheyAreTold(t *testing.T) {
	t.Parallel()
	v := demonstration(t).signs(t, "employee")
	v.goes("/inbox")
	v.tabTo("What I am told, and how")
	v.loads(v.typing(kb.Enter))
	v.at("/preferences", "What I am told")
	v.audited("preferences")
	v.tabTo("Save")
	v.loads(v.typing(kb.Enter))
	v.at("/preferences?saved", "What I am told")
	v.holds("main", "It is as you chose")
}

// typing is what somebody types, key by key, wherever the focus is.
func (v *tab) typing(keys ...string) chromedp.Action[chromedp.Void] {
	return chromedp.KeyEvent(strings.Join(keys, ""))
}

// rests waits until what a selector finds has the focus.
func (v *tab) rests(css string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](fmt.Sprintf(`document.activeElement.matches(%q)`, css))); err != nil {
		v.t.Fatalf("%s has not the focus, but %q: %v", css, v.focus(), err)
	}
}

// enters types into a form until it is sent, and returns the status of the answer.
// A page gives its first field the focus only when it is drawn: a key that is
// pressed before would be lost. The page before may only now be going, and what is
// asked of it goes with it.
func (v *tab) enters(keys ...string) int64 {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](`document.activeElement.tagName === "INPUT"`))
		if err == nil {
			return v.loads(v.typing(keys...))
		}
		if !strings.Contains(err.Error(), "Cannot find context with specified id") {
			v.t.Fatal(err)
		}
	}
}

func (v *tab) types(keys ...string) {
	v.t.Helper()
	v.do(v.typing(keys...))
}

// focus says what has the focus: its label or text.
func (v *tab) focus() string {
	v.t.Helper()
	return in(v, chromedp.Evaluate[string](`(e => (e.labels?.[0]?.innerText ?? e.innerText ?? "").trim())(document.activeElement)`))
}

// tabTo presses Tab until something has the focus.
func (v *tab) tabTo(label string) {
	v.t.Helper()
	var passed []string
	for range 200 {
		if v.focus() == label {
			return
		}
		v.types(kb.Tab)
		passed = append(passed, v.focus())
	}
	v.t.Fatalf("the Tab key does not lead to %q, but to %q", label, passed)
}

// holds checks that an element says all of the texts.
func (v *tab) holds(element string, texts ...string) {
	v.t.Helper()
	all := in(v, chromedp.Text(chromedp.CSS(element)))
	for _, text := range texts {
		if !strings.Contains(all, text) {
			v.t.Errorf("%s at %s lacks %q: %.500s", element, v.path(), text, all)
		}
	}
}
