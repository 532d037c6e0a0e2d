package portal_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/platform/config"
)

func TestTheGridShowsEveryOccurrence(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	grid := b.get("/duties?from=2026-01-01").want(t, http.StatusOK, `<th scope="col">Jan<span class="about">2026</span>`, `class="now" aria-current="date">Mar`,
		`<a class="done" href="/duties/access-review/2026-01-31"><span aria-hidden="true">✓</span><span class="unseen">done, due 2026-01-31</span></a>`,
		`<a class="late" href="/duties/access-review/2026-02-28"><span aria-hidden="true">▲</span><span class="unseen">late, due 2026-02-28</span></a>`,
		`<a class="not_yet_due" href="/duties/access-review/2026-03-31">`,
		// Fridays of January from the 16th on: nobody did them.
		`<a class="missed" href="/duties/posture-review?from=2026-01-01&amp;to=2026-02-01&amp;state=missed">3<span aria-hidden="true">✗</span><span class="unseen"> missed</span></a>`,
		// A day belongs to one month.
		`<a class="missed" href="/duties/log-integrity-check?from=2026-02-01&amp;to=2026-03-01&amp;state=missed">28<`,
		`role="region"`, `tabindex="0"`)
	b.get("/duties/posture-review?from=2026-01-01&to=2026-02-01&state=missed").want(t, http.StatusOK, "posture-review@2026-01-16", "posture-review@2026-01-30", "<strong>3</strong>")
	// Numbers lead to what they count.
	number := regexp.MustCompile(`href="(/duties\?[^"]*state=late[^"]*)"><strong>(\d+)</strong>`).FindStringSubmatch(grid.body)
	if number == nil {
		t.Fatal("the page does not say how many are late")
	}
	late := b.get(strings.ReplaceAll(number[1], "&amp;", "&")).want(t, http.StatusOK, `href="/duties/access-review/2026-02-28"`, number[2]+" occurrence")
	if got := strings.Count(late.body, `<tr class="toned late">`); got == 0 || number[2] != strconv.Itoa(got) {
		t.Errorf("%s are late, %d are listed", number[2], got)
	}
	// By control and by owner.
	of := b.get("/duties?from=2026-01-01&control=ACC-02").want(t, http.StatusOK, "access-review/2026-01-31")
	if strings.Contains(of.body, "posture-review") {
		t.Error("duties of other controls are shown")
	}
	if by := b.get("/duties?from=2026-01-01&owner=security+lead"); strings.Contains(by.body, `href="/duties/policy-review"`) || !strings.Contains(by.body, `href="/duties/access-review"`) {
		t.Error("the owner does not choose")
	}
	b.get("/duties?by=week&from=2026-01-28").want(t, http.StatusOK, `<th scope="col">W05<span class="about">26 Jan 2026</span>`, `href="/duties/access-review/2026-01-31"`)
	b.get("/duties?by=quarter&from=2026-02-28").want(t, http.StatusOK, `>Q1<span class="about">2026</span>`, "Q4")
	b.get("/duties?by=year&from=yesterday&state=missed&to=never").want(t, http.StatusOK, "✗</span> missed")
	b.get("/duties/access-review").want(t, http.StatusOK, "Review who has access", "monthly, on the last day, grace 5d", `<a href="/controls/ACC-02">ACC-02</a>`, "access-review@2026-02-28")
	b.get("/search?q=who+has+access").want(t, http.StatusOK, `<a href="/duties/access-review">Review who has access</a>`)
	b.get("/duties/nothing").want(t, http.StatusNotFound)
}

func TestDutiesBeforeThereAreAny(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/duties").want(t, http.StatusOK, "There is no duty like that yet", "scaf serve")
	b.get("/calendar").want(t, http.StatusOK, "There are no duties yet")
}
