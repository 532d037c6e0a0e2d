package portal_test

import (
	"net/http"
	"regexp"
	"testing"

	"scaf.dev/scaf/internal/assurance/criteria"
	"scaf.dev/scaf/internal/platform/config"
)

// around is the part of a page from a text on, as long as is said.
func (p page) around(t *testing.T, from string, length int) string {
	t.Helper()
	at := regexp.MustCompile(regexp.QuoteMeta(from)).FindStringIndex(p.body)
	if at == nil {
		t.Errorf("the page lacks %q", from)
		return ""
	}
	return p.body[at[0]:min(at[0]+length, len(p.body))]
}

func TestCriteriaSayWhyTheyStandAsTheyDo(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	all := b.get("/criteria").want(t, http.StatusOK, "Period <a href=\"/r/periods/H1\">H1</a>", "CC1 <span class=\"soft\">How the company is led</span>")
	for _, id := range criteria.All() {
		all.want(t, http.StatusOK, `href="/criteria/`+id+`"`)
	}
	// PPL-01 failed for one leaver of one, and answers for CC6.2 and CC6.3; the
	// others of CC6.2 were not tested, which is not as bad.
	all.want(t, http.StatusOK, `<strong>2</strong> <span aria-hidden="true">✗</span> ineffective`)
	row := all.around(t, `<th scope="row"><a href="/criteria/CC6.2">`, 600)
	if !regexp.MustCompile(`ineffective</span></td>\s*<td><a href="/controls/PPL-01">PPL-01</a>: 1 item tested: 0 passed, 1 deviation`).MatchString(row) {
		t.Errorf("why is CC6.2 as it is? %s", row)
	}
	only := b.get("/criteria?conclusion=ineffective").want(t, http.StatusOK, `href="/criteria/CC6.2"`)
	if regexp.MustCompile(`href="/criteria/CC1.1"`).MatchString(only.body) {
		t.Error("others are shown, too")
	}
	b.get("/criteria/CC6.2").want(t, http.StatusOK, "CC6.2", "ineffective", `<a href="/controls/PPL-01#leavers">leavers</a>`, "1 item, 0 passed, 1 deviation", "RES-2",
		`<a href="/controls/ACC-01">ACC-01</a>`, "The register access_grants is not there yet.", `href="/criteria/CC6.1"`, `href="/criteria/CC6.3"`)
	b.get("/criteria/CC99.1").want(t, http.StatusNotFound)
}

func TestCriteriaBeforeThereIsAPeriod(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/criteria").want(t, http.StatusOK, "No period has been opened yet", `<a href="/periods/open">Open one</a>`, "<strong>61</strong>")
	b.get("/criteria/CC1.1").want(t, http.StatusOK, "not tested")
}
