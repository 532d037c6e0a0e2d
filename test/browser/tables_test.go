package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A large table is gone through, and taken, while somebody watches: the page says how far it
// is, and what came of it, without being asked again.
func TestALargeTableIsBroughtIn(t *testing.T) {
	t.Parallel()
	const many = 20_000
	s := house(t, "compliance")
	v := s.signs(t, "compliance")
	var rows strings.Builder
	rows.WriteString("id,name,department\n")
	for i := range many {
		fmt.Fprintf(&rows, "P%d,Example person %d,Engineering\n", i, i)
	}
	table := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(table, []byte(rows.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	v.goes("/import/people")
	v.do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{table}))
	v.presses("Show what it would do")
	if !strings.HasPrefix(v.path(), "/import/people/") {
		t.Fatalf("it leads to %s", v.path())
	}
	// It does not load itself again while somebody is at something on it.
	v.do(chromedp.Focus(chromedp.CSS("#content")))
	v.audited("table-work")
	v.picture("table-work")
	v.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	v.becomes("Take them")
	v.holds("main", "Nothing has been written yet", fmt.Sprint(many))
	v.presses("Take them")
	v.becomes("was read to its end")
	v.holds("main", fmt.Sprint(many))
	v.goes("/r/people/P19999")
	v.says("Name", "Example person 19999")
}

// becomes waits until a page that loads itself again says something.
func (v *tab) becomes(says string) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, patience)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](fmt.Sprintf(`document.readyState === "complete" && document.querySelector("main").innerText.includes(%q)`, says)))
		if err == nil {
			return
		}
		if ctx.Err() != nil { // the page that is asked goes while it is asked, and the next one comes
			v.t.Fatalf("it does not come to say %q: %v", says, err)
		}
	}
}
