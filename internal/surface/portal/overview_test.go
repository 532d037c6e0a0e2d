package portal_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/privacy"
	"scaf.dev/scaf/internal/governance/risks"
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
		`<a href="/controls/PPL-01#leavers">PPL-01 leavers</a>`, `Deviation</a> of <span title="person/E2">Example E2</span>`,
		`href="/duties?state=missed&amp;from=2026-01-11&amp;to=2026-07-01"`)
	// Who may not open a record reads what it is called.
	if strings.Contains(page.body, `href="/r/people`) || strings.Contains(page.body, `href="/ledger`) {
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
	c.done(apptest.Operator, taskEntry("executive-summary@2026-03-05"))
	if page := b.get("/").want(t, http.StatusOK); strings.Contains(page.around(t, `id="coming"`, 1200), "executive-summary") {
		t.Error("what was done still becomes a deviation")
	}
}

// What is late is one list: duties, what tests ask for, and deadlines of records that
// have passed, each once and with who has to do it. The number leads to that list.
func TestWhatIsLateIsOneList(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	for _, path := range []string{"/duties/access-review", "/duties/access-review/2026-02-28"} {
		b.get(path).want(t, http.StatusOK, `<dt>Criteria</dt><dd><a href="/criteria/CC`)
	}
	number := regexp.MustCompile(`<a href="/late">([0-9]+) late</a>`)
	count := func() string {
		t.Helper()
		found := number.FindStringSubmatch(b.get("/").want(t, http.StatusOK).body)
		if found == nil {
			t.Fatal("the overview does not say how much is late")
		}
		list := b.get("/late").want(t, http.StatusOK, found[1]+" item")
		if n := strings.Count(list.body, `<li class="toned late">`); strconv.Itoa(n) != found[1] {
			t.Errorf("the overview says %s, and the list has %d lines", found[1], n)
		}
		return found[1]
	}
	before := count()
	if list := b.get("/late").want(t, http.StatusOK, `<a href="/duties/access-review/2026-02-28">Review who has access</a>`); strings.Contains(list.body, "A door without a lock") {
		t.Error("what is not due yet is late")
	}
	c.at("2026-03-17T12:00:00Z")
	b = c.signed(t, "eve", "compliance")
	_, err := c.AddRecord(t.Context(), apptest.Operator, risks.Register, fields("title", "Flood", "category", "operations", "owner", "person/E3", "due_at", "2026-03-12T00:00:00Z"))
	c.must(err)
	list := b.get("/late").want(t, http.StatusOK, ">A door without a lock</a>", ">A key without rotation</a>", ">Flood</a>")
	if line := list.around(t, ">A door without a lock</a>", 700); !strings.Contains(line, `puts at risk <a href="/criteria/CC4.2"`) {
		t.Errorf("it is not said which criteria a late finding puts at risk: %s", line)
	}
	for title, owner := range map[string]string{"A door without a lock": "Example E3", "A key without rotation": "Example E1", "Flood": "Example E3"} {
		if n := strings.Count(list.body, ">"+title+"</a>"); n != 1 {
			t.Errorf("%s stands there %d times", title, n)
		}
		if line := list.around(t, ">"+title+"</a>", 200); !strings.Contains(line, owner) {
			t.Errorf("%s does not name %s: %s", title, owner, line)
		}
	}
	if after := count(); after <= before && len(after) <= len(before) {
		t.Errorf("%s were late before deadlines passed, and %s after", before, after)
	}
	// The calendar marks them as late.
	b.get("/calendar").want(t, http.StatusOK, `<li class="toned late"><span class="late"><span aria-hidden="true">▲</span><span class="unseen">late: </span></span> <a href="/r/risks/RSK-1"`)
	// A deadline that very many have missed is counted, and leads to its register.
	for i := range 105 {
		_, err := c.AddRecord(t.Context(), apptest.Operator, risks.Register, fields("title", fmt.Sprintf("Storm %d", i), "category", "operations", "owner", "person/E3", "due_at", "2026-03-11T00:00:00Z"))
		c.must(err)
	}
	b.get("/").want(t, http.StatusOK, `href="/late">All 1`)
	many := b.get("/late").want(t, http.StatusOK, "Too many to list here", `href="/r/risks?`, "6 more × ")
	total := number.FindStringSubmatch(b.get("/").body)[1]
	if n := strings.Count(many.body, `<li class="toned late"><strong>`); strconv.Itoa(n+6) != total {
		t.Errorf("%s are late, and %d are listed beside 6", total, n)
	}
}

// A deadline is the same day everywhere; where a test waits longer it is said until when.
func TestADeadlineIsOneEverywhere(t *testing.T) {
	c := openCompany(t)
	const due, grace = "due 2026-02-28 23:59", ", a deviation after 2026-03-05 23:59"
	if line := c.signed(t, "ann", "compliance").get("/late").around(t, `/duties/access-review/2026-02-28"`, 250); !strings.Contains(line, due+grace) {
		t.Errorf("what is late says %s", line)
	}
	c.employed("eva", "E1", "control-owner").get("/work").want(t, http.StatusOK, "2026-02-28 23:59<br>", "a deviation after 2026-03-05 23:59")
	soon := c.signed(t, "bob", "compliance").get("/").around(t, `id="coming"`, 1200)
	if !strings.Contains(soon, "due 2026-03-05 23:59, a deviation after 2026-03-10 23:59") || !strings.Contains(soon, "<strong>in ") {
		t.Errorf("what breaks soon says %s", soon)
	}
}

// What becomes a deviation names whoever can still prevent it.
func TestWhatBreaksSoonNamesWhoHasToDoIt(t *testing.T) {
	c := openCompany(t)
	c.at("2026-03-15T12:00:00Z")
	page := c.signed(t, "ann", "compliance").get("/").want(t, http.StatusOK)
	soon := page.around(t, `id="coming"`, 4000)
	for title, owner := range map[string]string{"A door without a lock": "Example E3", "A key without rotation": "Example E1"} {
		if !strings.Contains(soon, ">"+title+"</a>") {
			t.Fatalf("it lacks %s: %s", title, soon)
		}
		if line := page.around(t, ">"+title+"</a>", 260); !strings.Contains(line, owner) {
			t.Errorf("%s does not name %s: %s", title, owner, line)
		}
	}
}

// What is late in a register about people is named by its number: what it says stays in
// its record, whose page is for who may read it.
func TestWhatIsLateAboutPeopleIsNamedByItsNumber(t *testing.T) {
	c := openCompany(t)
	c.at("2026-03-20T12:00:00Z")
	_, err := c.AddRecord(t.Context(), apptest.Operator, privacy.Requests, fields("subject", "u-17", "kind", "access", "law", "GDPR", "handler", "person/E3", "received_at", "2026-02-15T09:00:00Z"))
	c.must(err)
	_, err = c.AddRecord(t.Context(), apptest.Operator, people.Agreements, fields("person", "person/E1", "terms", "Confidentiality 2026", "access_from", "2026-03-10T09:00:00Z"))
	c.must(err)
	b, executive := c.signed(t, "ann", "compliance"), c.signed(t, "bob", "executive")
	for _, path := range []string{"/late", "/"} {
		b.get(path).want(t, http.StatusOK)
	}
	before := c.size(t)
	list := b.get("/late").want(t, http.StatusOK)
	line := list.around(t, `<a href="/r/subject_requests/PRQ-1">Privacy request PRQ-1</a>: Answer the privacy request`, 300)
	if !strings.Contains(line, "Example E3</a>, due 2026-03-15 23:59") {
		t.Errorf("who has to do it, until when? %s", line)
	}
	others := executive.get("/late").want(t, http.StatusOK)
	line = others.around(t, "Privacy request PRQ-1: Answer the privacy request", 300)
	if !strings.Contains(line, `<span title="person/E3">Example E3</span>, due`) || strings.Contains(others.body, "/r/subject_requests") {
		t.Errorf("an executive reads or is led to what they may not read: %s", line)
	}
	others.want(t, http.StatusOK, "Agreement AGR-1: Sign the terms of confidentiality and security<br>")
	if strings.Contains(list.body+others.body, "u-17") {
		t.Error("it says whom the request is of")
	}
	if after := c.size(t); after != before {
		t.Errorf("the lists left %d events", after-before)
	}
	b.get("/r/subject_requests/PRQ-1").want(t, http.StatusOK, "u-17")
	if after := c.size(t); after == before {
		t.Error("the reading of the record is not recorded")
	}
}
