package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Somebody types a form while their session ends: they changed their password elsewhere.
// They sign in again, find the form as they had filled it in, and send it.
func TestAFormOutlivesItsSession(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "compliance")
	v.goes("/new/regulations")
	v.fills("f-title", "A law \"of\" <2027>", "f-kind", "law", "f-jurisdiction", "EU", "f-source", "https://law.example", "f-owner", "person/E2", "f-impact", "One\nTwo")

	const changed = "another horse battery"
	other := c.signs(t, "compliance")
	other.goes("/account")
	other.tabTo("Present password")
	other.enters(password, kb.Tab, changed, kb.Enter)
	other.at("/account?changed=yes", "My account")

	if status := v.sends("Add it"); status != 401 {
		t.Fatalf("a form of a session that has ended is answered with %d", status)
	}
	v.holds("[role=alert]", "Your session has ended. What you typed is kept")
	v.audited("session-ended")
	if status := v.enters("compliance", kb.Tab, password, kb.Enter); status != 401 {
		t.Errorf("the old password is answered with %d", status)
	}
	v.enters(changed, kb.Enter)
	if got := in(v, chromedp.Text(chromedp.CSS("[role=alert]"))); !strings.HasPrefix(got, "You are signed in again, and nothing was sent yet") {
		t.Errorf("the form says %q", got)
	}
	for id, want := range map[string]string{"f-title": "A law \"of\" <2027>", "f-kind": "law", "f-owner": "person/E2", "f-impact": "One\nTwo"} {
		if got := in(v, chromedp.Value(chromedp.ID(id))); got != want {
			t.Errorf("%s holds %q, want %q", id, got, want)
		}
	}
	v.audited("session-resumed")
	other.goes("/r/regulations")
	other.holds("main", "There is no record yet")

	v.tabTo("Add it")
	if status := v.loads(v.typing(kb.Enter)); status != 200 {
		t.Fatalf("the form is answered with %d", status)
	}
	v.at("/r/regulations/REG-1", "A law \"of\" <2027>")
	v.says("Owner", "Ben Example")
	v.goes("/r/regulations/REG-1/history")
	v.holds("main", "Ada Example")
}
