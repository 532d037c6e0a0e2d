package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheOverviewShowsWhatNeedsSomebody(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "executive")
	page := b.get("/").want(t, http.StatusOK,
		`<a href="/controls?conclusion=ineffective"><strong>1</strong>`, `href="/r/periods/H1"`,
		`<a class="tile ineffective" href="/criteria/CC6.2"`, `<a class="tile not_tested" href="/criteria/CC1.1"`,
		`<a href="/duties/access-review/2026-02-28">task/access-review@2026-02-28</a>`, // late
		// new since yesterday: the deviation
		`<a href="/controls/PPL-01#leavers">PPL-01 leavers</a>`, "deviation person/E",
		`href="/duties?state=missed&amp;from=2026-01-11&amp;to=2026-07-01"`)
	// Who may not open a record reads what it is called.
	if !strings.Contains(page.body, "person/E2") || strings.Contains(page.body, `href="/r/people`) || strings.Contains(page.body, `href="/ledger`) {
		t.Error("an executive is led to people or to the ledger")
	}
	c.signed(t, "eve", "ciso").get("/").want(t, http.StatusOK, `<a href="/r/people/E2">person/E2</a>`, `<a href="/ledger">`)
	if n := strings.Count(page.body, `class="tile`); n != 61 {
		t.Errorf("the map has %d criteria", n)
	}
	// What can be prevented, and by whom.
	soon := page.around(t, `id="coming"`, 1200)
	for _, part := range []string{"can prevent it", "executive-summary"} {
		if !strings.Contains(soon, part) {
			t.Errorf("what becomes a deviation lacks %q: %s", part, soon)
		}
	}
	c.at("2026-03-10T22:00:00Z")
	if _, err := c.Desk().Done(t.Context(), person("E3"), taskEntry("executive-summary@2026-03-05")); err != nil {
		t.Fatal(err)
	}
	if page := b.get("/").want(t, http.StatusOK); strings.Contains(page.around(t, `id="coming"`, 1200), "executive-summary") {
		t.Error("what was done still becomes a deviation")
	}
}
