package browser

import (
	"bytes"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// What is clicked and stands on a page all the same; the board and the forms that are the
// whole of a page stay, without their buttons.
const clicked = `[...document.querySelectorAll("header, button, main form:not(.board, .record), main details.move, main input:not(form.record *)")].filter(e => e.checkVisibility({visibilityProperty: true})).map(e => e.outerHTML.slice(0, 120))`

// A page on paper says whose it is, of when, from where and for whom, and holds nothing
// that can be clicked. On the screen it says nothing of it.
func TestPagesOnPaper(t *testing.T) {
	t.Parallel()
	s := demonstration(t)
	v := s.signs(t, "compliance")
	for _, path := range []string{"/r/risks/RSK-1", "/r/vendors?sort=-tier", "/r/findings?view=board", "/duties?by=quarter", "/r/policy_versions/PV-1", "/", "/controls/CHG-01", "/new/risks", "/preferences"} {
		v.goes(path)
		if at := in(v, chromedp.Evaluate[string](`document.querySelector("main").innerText`)); strings.Contains(at, "As of ") {
			t.Errorf("%s says on the screen when it was made", path)
		}
		v.see(paper)
		says := in(v, chromedp.Evaluate[string](`document.body.innerText`))
		for _, want := range []string{"Example Corp Security (demonstration)", "As of 2025-01-2", "(Europe/Berlin), printed by Example Compliance", s.url + path} {
			if !strings.Contains(says, want) {
				t.Errorf("%s on paper lacks %q: %.300s", path, want, says)
			}
		}
		if left := in(v, chromedp.Evaluate[[]string](clicked)); len(left) > 0 {
			t.Errorf("%s on paper has what is clicked: %q", path, left)
		}
		if !bytes.HasPrefix(v.prints(""), []byte("%PDF")) {
			t.Errorf("%s is not printed", path)
		}
		v.see(looks[0])
	}
}
