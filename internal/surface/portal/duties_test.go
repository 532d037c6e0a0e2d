package portal_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
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
	b.get("/duties").want(t, http.StatusOK, "There is no duty like that yet", "when SCAF starts")
	b.get("/calendar").want(t, http.StatusOK, "There are no duties yet")
}

// A duty of a title that nobody has is said to be nobody's, wherever it stands, until
// somebody has the title or it is given to somebody.
func TestADutyOfATitleThatNobodyHas(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	const nobodys = `<a href="/duties?nobody=yes">`
	for _, path := range []string{"/", "/calendar", "/duties"} {
		b.get(path).want(t, http.StatusOK, nobodys, "belong to nobody")
	}
	// E1 is the security lead; nobody is the compliance lead.
	list := b.get("/duties?nobody=yes").want(t, http.StatusOK, `href="/duties/executive-summary"`, "compliance lead (nobody)")
	if strings.Contains(list.body, `href="/duties/access-review"`) {
		t.Error("a duty of somebody is among those of nobody")
	}
	b.get("/duties/executive-summary").want(t, http.StatusOK, "Nobody is “compliance lead”", `<a href="/duties/executive-summary/assign">`, `<a href="/duties/executive-summary/delegate">`)
	if page := b.get("/duties/executive-summary/2026-03-05").want(t, http.StatusOK, "Nobody is “compliance lead”"); strings.Contains(page.body, "Whoever does this duty") {
		t.Error("nobody is to record that it was done")
	}
	if page := b.get("/duties/access-review").want(t, http.StatusOK); strings.Contains(page.body, "Nobody is") {
		t.Error("a title that somebody has is nobody's")
	}
	_, err := c.AddRecord(t.Context(), apptest.Operator, people.Register, fields("id", "E9", "name", "Example E9", "title", "Compliance Lead", "joined_at", "2025-02-10T09:00:00Z"))
	c.must(err)
	if page := b.get("/duties/executive-summary").want(t, http.StatusOK); strings.Contains(page.body, "Nobody is") {
		t.Error("somebody has the title now")
	}
	_, err = c.MoveRecord(t.Context(), apptest.Operator, people.Register, "E9", record.AnyVersion, people.Left, fields("left_at", "2026-03-09T12:00:00Z"))
	c.must(err)
	b.get("/duties/executive-summary").want(t, http.StatusOK, "Nobody is “compliance lead”")
}

func TestADutyIsGivenToSomebodyInThePortal(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	const path = "/duties/executive-summary"
	b.get(path+"/assign").want(t, http.StatusOK, "belongs to compliance lead", `name="f.to"`, "Example E3")
	b.post(path+"/assign", "f.to", "").want(t, http.StatusUnprocessableEntity, "is missing")
	b.post(path+"/assign", "f.to", "chief of nothing").want(t, http.StatusUnprocessableEntity, "nobody is called so", `value="chief of nothing"`)
	b.post(path+"/assign", "f.to", "person/E2").want(t, http.StatusUnprocessableEntity, "Example E2 has left")
	b.post(path+"/assign", "f.to", "person/E77").want(t, http.StatusUnprocessableEntity, "there is no person/E77")
	b.post(path+"/assign", "f.to", "compliance lead").want(t, http.StatusUnprocessableEntity, "nobody is called so")
	b.post(path+"/assign", "f.to", "Security Lead").goes(t, path)
	b.get(path).want(t, http.StatusOK, "Security Lead")
	b.post(path+"/assign", "f.to", "Example E3").goes(t, path)
	b.get(path).want(t, http.StatusOK, `<a href="/r/people/E3" title="person/E3">Example E3</a>`)
	b.post(path+"/assign", "f.to", "person/E3").want(t, http.StatusUnprocessableEntity, "is the owner of")
	b.post("/duties/nothing/assign", "f.to", "person/E3").want(t, http.StatusNotFound)
	// Delegated until a day ends.
	b.post(path+"/delegate", "f.to", "person/E1", "f.until", "soon").want(t, http.StatusUnprocessableEntity, "is no day such as")
	b.post(path+"/delegate", "f.to", "person/E1", "f.until", "2026-03-09").want(t, http.StatusUnprocessableEntity, "which is over")
	b.post(path+"/delegate", "f.to", "person/E3", "f.until", "2026-03-12").want(t, http.StatusUnprocessableEntity, "is the owner of")
	b.post(path+"/delegate", "f.to", "person/E1", "f.until", "2026-03-10").goes(t, path)
	b.get(path).want(t, http.StatusOK, `delegated to <a href="/r/people/E1" title="person/E1">Example E1</a>`)
	// The grid is filtered by people as its rows call them.
	b.get("/duties?owner=person%2FE1").want(t, http.StatusOK, `<option value="person/E1" selected>Example E1</option>`, `<option value="security lead">`)
	owner := c.employed("eva", "E1", "control-owner")
	owner.get(path).want(t, http.StatusOK, path+"/delegate")
	owner.get("/work").want(t, http.StatusOK, "executive-summary")
	if page := owner.get(path); strings.Contains(page.body, path+"/assign") {
		t.Error("who may not assign is asked to")
	}
	owner.post(path+"/assign", "f.to", "person/E1").want(t, http.StatusForbidden)
	if page := c.signed(t, "aud", "auditor").get(path).want(t, http.StatusOK); strings.Contains(page.body, "/delegate") {
		t.Error("an auditor is asked to delegate it")
	}
	c.at("2026-03-11T00:30:00Z")
	if page := c.signed(t, "bob", "compliance").get(path).want(t, http.StatusOK); strings.Contains(page.body, "delegated to") {
		t.Error("it is delegated after the last day")
	}
}
