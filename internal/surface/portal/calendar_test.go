package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTheCalendarShowsWhatFallsDue(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	month := b.get("/calendar").want(t, http.StatusOK, "March 2026", `aria-current="date"><time datetime="2026-03-10"`,
		`<a class="not_yet_due" href="/duties/access-review/2026-03-31">`, `href="/calendar?month=2026-02"`, `href="/calendar?month=2026-04"`, `href="/calendar?week=2026-03-10"`)
	month.want(t, http.StatusOK, `<li><span>2 deadlines of records</span></li>`, "A door without a lock</a>")
	if strings.Contains(month.body, "/duties/log-integrity-check/2026-03-20") {
		t.Error("what is to be done every day fills the month")
	}
	month.want(t, http.StatusOK, `href="/duties?state=not_yet_due&amp;from=2026-03-20&amp;to=2026-03-21"`, "2 daily")
	b.get("/duties?state=not_yet_due&from=2026-03-20&to=2026-03-21").want(t, http.StatusOK, "log-integrity-check@2026-03-20", "posture-review@2026-03-20")
	b.get("/calendar?month=2026-02").want(t, http.StatusOK, "February 2026", `<a class="late" href="/duties/access-review/2026-02-28">`, "late</span>")
	b.get("/calendar?week=2026-03-12").want(t, http.StatusOK, "Week 11 of 2026", "/duties/log-integrity-check/2026-03-15", `href="/calendar?week=2026-03-16"`, `href="/calendar?month=2026-03"`)
	b.get("/calendar?month=x&week=y").want(t, http.StatusOK, "March 2026")
}
