package portal_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/findings"
)

func TestTheCalendarShowsWhatFallsDue(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	month := b.get("/calendar").want(t, http.StatusOK, "March 2026", `aria-current="date"><time datetime="2026-03-10"`,
		`<a class="not_yet_due" href="/duties/access-review/2026-03-31">`, `href="/calendar?month=2026-02"`, `href="/calendar?month=2026-04"`, `href="/calendar?week=2026-03-10"`)
	month.want(t, http.StatusOK, `<li><a href="/calendar/records?from=2026-03-01&amp;to=2026-04-01"><strong>2</strong> deadlines of records</a></li>`, "A door without a lock</a>")
	if strings.Contains(month.body, "/duties/log-integrity-check/2026-03-20") {
		t.Error("what is to be done every day fills the month")
	}
	month.want(t, http.StatusOK, `href="/duties?state=not_yet_due&amp;from=2026-03-20&amp;to=2026-03-21"`, "2 daily")
	b.get("/duties?state=not_yet_due&from=2026-03-20&to=2026-03-21").want(t, http.StatusOK, "log-integrity-check@2026-03-20", "posture-review@2026-03-20")
	b.get("/calendar?month=2026-02").want(t, http.StatusOK, "February 2026", `<a class="late" href="/duties/access-review/2026-02-28">`, "late</span>")
	b.get("/calendar?week=2026-03-12").want(t, http.StatusOK, "Week 11 of 2026", "/duties/log-integrity-check/2026-03-15", `href="/calendar?week=2026-03-16"`, `href="/calendar?month=2026-03"`)
	b.get("/calendar?month=x&week=y").want(t, http.StatusOK, "March 2026")
}

// A record that has no title is called by its number, as elsewhere, and not by a reference.
func TestTheCalendarNamesRecords(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	c.records(t, "vendors", `{"name":"Example Host","service":"Hosting","category":"cloud","owner":"person/E1"}`)
	c.records(t, "assurance_reports", `{"vendor":"vendor/VEN-1","owner":"person/E1","type":"SOC 2 type 2","due_at":"2026-03-25T12:00:00Z"}`)
	for _, span := range []string{"month=2026-03", "week=2026-03-25"} {
		b.get("/calendar?"+span).want(t, http.StatusOK, ` href="/r/assurance_reports/REP-1"`, ": REP-1</a>")
	}
}

// A day with many deadlines says how many, and leads to the list of exactly those.
func TestTheCalendarCountsWhatIsTooMuchToList(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	find := func(n int, found string) { // a week before it is due
		t.Helper()
		var all []map[string]json.RawMessage
		for i := range n {
			all = append(all, fields("title", fmt.Sprintf("Gap %d of %s", i, found), "source", "audit", "severity", "critical", "found_at", found, "owner", "person/E1"))
		}
		for _, one := range all {
			_, err := c.AddRecord(t.Context(), apptest.Operator, findings.Register, one)
			c.must(err)
		}
	}
	find(3, "2026-03-07T23:59:00Z")
	find(4, "2026-03-08T00:00:00Z")
	find(1, "2026-02-21T23:59:00Z")
	const day = `<a href="/r/findings?f.due_at.from=2026-03-15`
	const counted = day + `&amp;f.due_at.to=2026-03-15&amp;filter=`
	month := b.get("/calendar").want(t, http.StatusOK, "<strong>9</strong> deadlines of records", "Gap 2 of 2026-03-07", counted, "<strong>4</strong> × ", "A door without a lock")
	if strings.Contains(month.body, "of 2026-03-08") || strings.Contains(month.body, "of 2026-02") {
		t.Error("what is counted is listed, too, or what falls due in another month")
	}
	_, rest, _ := strings.Cut(month.body, day)
	query, _, _ := strings.Cut(rest, `"`)
	list := b.get("/r/findings?f.due_at.from=2026-03-15"+html.UnescapeString(query)).want(t, http.StatusOK, "Gap 0 of 2026-03-08", "Gap 3 of 2026-03-08")
	if strings.Contains(list.body, "of 2026-03-07") || strings.Contains(list.body, "without a lock") {
		t.Error("the list has what falls due on another day")
	}
	// The number leads to as many, in their registers, too.
	falling := func(listed bool) {
		t.Helper()
		number := regexp.MustCompile(`<a href="(/calendar/records[^"]+)"><strong>(\d+)</strong>`).FindStringSubmatch(b.get("/calendar").body)
		of := b.get(html.UnescapeString(number[1])).want(t, http.StatusOK, number[2]+" deadlines of records that are open", "2026-03-01 to 2026-03-31", `<a href="/calendar?month=2026-03">`)
		sum := 0
		for _, line := range regexp.MustCompile(`<h2>[^<]*: <a href="([^"]+)">(\d+)</a>`).FindAllStringSubmatch(of.body, -1) {
			sum += strings.Count(b.get(html.UnescapeString(line[1])).want(t, http.StatusOK, line[2]+" shown").body, `<th scope="row">`)
		}
		if lines := strings.Count(of.body, `<li class="toned`); strconv.Itoa(sum) != number[2] || listed && lines != sum {
			t.Errorf("%s are counted, %d are in their registers, %d on the page", number[2], sum, lines)
		}
	}
	falling(true)
	// A week has room for more.
	if week := b.get("/calendar?week=2026-03-15").want(t, http.StatusOK, "Gap 3 of 2026-03-08"); strings.Contains(week.body, counted) {
		t.Error("a week counts four of them")
	}
	find(12, "2026-03-08T12:00:00Z")
	b.get("/calendar?week=2026-03-15").want(t, http.StatusOK, counted, "<strong>16</strong> × ", "Gap 0 of 2026-03-07", `<a href="/calendar/records?from=2026-03-09&amp;to=2026-03-16">`)
	b.get("/calendar/records?from=2026-03-09&to=2026-03-16").want(t, http.StatusOK, `<a href="/calendar?week=2026-03-09">`)
	falling(false)
	for _, wrong := range []string{"", "?from=2026-03-01", "?from=2026-03-02&to=2026-03-01", "?from=0001-01-01&to=2026-03-01"} {
		b.get("/calendar/records"+wrong).goes(t, "/calendar")
	}
	b.get("/calendar/records?from=2020-03-01&to=2020-04-01").want(t, http.StatusOK, "No deadline of a record")
	for _, wrong := range []string{"1969-12", "0001-01", "-1-01"} {
		b.get("/calendar?month="+wrong).want(t, http.StatusOK, "March 2026")
	}
	b.get("/calendar?week=1969-12-31").want(t, http.StatusOK, "March 2026")
}

// Of what is personal the calendar says the number, and who handles it: nothing else.
func TestTheCalendarHasWhatIsPersonalByNumber(t *testing.T) {
	c := openCompany(t)
	c.records(t, "subject_requests", `{"kind":"access","subject":"customer-Jane","law":"GDPR","handler":"person/E1","received_at":"2026-02-20T09:00:00Z"}`)
	who, reads := c.signed(t, "kim", "engineer"), c.signed(t, "ann", "compliance")
	page := who.get("/calendar").want(t, http.StatusOK, "Privacy request PRQ-1", "Example E1")
	if strings.Contains(page.body, "Jane") || strings.Contains(page.body, `href="/r/subject_requests/`) {
		t.Error("it says more, or leads to what its reader may not open")
	}
	if page := who.get("/calendar/records?from=2026-03-01&to=2026-04-01").want(t, http.StatusOK, "Privacy request PRQ-1", "Example E1"); strings.Contains(page.body, "Jane") || strings.Contains(page.body, "/r/subject_requests") {
		t.Error("the list of deadlines says more")
	}
	reads.get("/calendar").want(t, http.StatusOK, `<a href="/r/subject_requests/PRQ-1">Privacy request PRQ-1</a>`)
}
