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
		`<a href="/duties/access-review/2026-02-28">Review who has access</a>`, "late</strong>", // late
		`</strong> <span aria-hidden="true">●</span> due</a>`, `<a href="/criteria/CC6.2" title=`, "puts at risk",
		// new since yesterday: the deviation
		`<a href="/controls/PPL-01#leavers">PPL-01 leavers</a>`, "deviation person/E",
		`href="/duties?state=missed&amp;from=2026-01-11&amp;to=2026-07-01"`)
	// Who may not open a record reads what it is called.
	if !strings.Contains(page.body, "person/E2") || strings.Contains(page.body, `href="/r/people`) || strings.Contains(page.body, `href="/ledger`) {
		t.Error("an executive is led to people or to the ledger")
	}
	c.signed(t, "eve", "ciso").get("/").want(t, http.StatusOK, `<a href="/r/people/E2" title="person/E2">Example E2</a>`, `<a href="/ledger">`)
	if n := strings.Count(page.body, `<li><a class="tile`); n != 61 {
		t.Errorf("the map has %d criteria", n)
	}
	// Each colour has its reason.
	if why := page.around(t, "<h3>Why</h3>", 1500); !strings.Contains(why, `<a href="/controls/PPL-01">`) || !strings.Contains(why, "1 deviation") || !strings.Contains(why, `class="tile ineffective" href="/criteria/CC6.2"`) {
		t.Errorf("why? %s", why)
	}
	// What can be prevented, and by whom.
	soon := page.around(t, `id="coming"`, 1200)
	for _, part := range []string{"Breaks soon", "executive-summary", "puts at risk"} {
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
