package portal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// Management concludes from a result where it is read, and the auditor does: each what
// they may, and nobody for both sides.
func TestPeopleConcludeFromAResult(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, kim, eve := c.hired(t, "ann", "compliance"), c.hired(t, "kim", "engineer"), c.signed(t, "eve", "auditor")
	const path, management, audit = "/r/results/RES-2", "/results/RES-2/conclude", "/results/RES-2/audit"
	ann.get("/controls/PPL-01").want(t, http.StatusOK, `<a href="/r/results/RES-2#concluded">Conclude from RES-2</a>`)
	if page := kim.get("/controls/PPL-01").want(t, http.StatusOK); strings.Contains(page.body, "Conclude from") {
		t.Error("an engineer is led to conclude")
	}
	if page := ann.get(path).want(t, http.StatusOK, "Nobody has concluded from it.", `action="`+management+`"`, "Computed was: ineffective.", `<option value="effective_with_exceptions">`); strings.Contains(page.body, audit) || strings.Contains(page.body, `value="effective">`) {
		t.Error("compliance is offered what is the auditor's, or what no person can conclude")
	}
	if page := eve.get(path).want(t, http.StatusOK, `action="`+audit+`"`, `value="confirmation"`); strings.Contains(page.body, management) {
		t.Error("an auditor is offered what is management's")
	}
	if page := kim.get(path).want(t, http.StatusOK, "Nobody has concluded from it. Somebody with the role administrator, ciso or compliance does"); strings.Contains(page.body, management) || strings.Contains(page.body, audit) {
		t.Error("an engineer is offered a form")
	}
	kim.post(management, "f.conclusion", "ineffective").want(t, http.StatusForbidden)
	ann.post(audit, "f.conclusion", "ineffective").want(t, http.StatusForbidden)
	ann.post("/results/RES-99/conclude", "f.conclusion", "ineffective").want(t, http.StatusNotFound)

	before := c.size(t)
	ann.post(management, "f.reason", "A <reason>").want(t, http.StatusUnprocessableEntity, `id="f-conclude-conclusion-wrong">is missing`, "A &lt;reason&gt;</textarea>", `<details class="move" open>`)
	ann.post(management, "f.conclusion", "effective_with_exceptions").want(t, http.StatusUnprocessableEntity, `id="f-conclude-reason-wrong">is missing: it is softer than ineffective`, `value="effective_with_exceptions" selected`)
	ann.post(management, "f.conclusion", "effective", "f.reason", "It was one.").want(t, http.StatusUnprocessableEntity, `id="f-conclude-conclusion-wrong"`, "deviations stay deviations")
	eve.post(audit, "f.conclusion", "ineffective", "f.role", "management").want(t, http.StatusUnprocessableEntity, `id="f-audit-role-wrong">is missing`)
	if c.size(t) != before {
		t.Error("something was written")
	}
	ann.get(path)
	ann.post(management, "f.conclusion", "effective_with_exceptions", "f.reason", "One <account>, and nobody used it.").goes(t, path+"#concluded")
	eve.post(audit, "f.conclusion", "ineffective", "f.role", "auditor").goes(t, path+"#concluded")
	for _, where := range []string{path, "/controls/PPL-01"} {
		ann.get(where).want(t, http.StatusOK, "One &lt;account&gt;, and nobody used it.", "for management", "as the auditor", `<a href="/r/conclusions/CON-1">CON-1</a>`)
	}

	// Who owns the control concludes nothing, and whoever has concluded for one side
	// nothing for the other.
	_, err := c.SetRecord(t.Context(), apptest.Operator, people.Register, "E3", record.AnyVersion, fields("title", "People lead"))
	c.must(err)
	owner := c.employed("lea", "E3", "compliance")
	if page := owner.get(path).want(t, http.StatusOK, "Conclude for management: Example E3 is the owner of PPL-01, and cannot conclude on it."); strings.Contains(page.body, management) {
		t.Error("the owner is offered a form")
	}
	owner.post(management, "f.conclusion", "ineffective").want(t, http.StatusUnprocessableEntity, "is the owner of PPL-01")
	root := c.hired(t, "root", "administrator")
	// Whoever administers SCAF is no auditor by that.
	if page := root.get(path).want(t, http.StatusOK, `action="`+management+`"`); strings.Contains(page.body, audit) {
		t.Error("an administrator is offered to conclude as the auditor")
	}
	root.post(audit, "f.conclusion", "ineffective", "f.role", "auditor").want(t, http.StatusForbidden)

	// What stands is said of a result whose place another one has taken.
	ann.get("/r/results/RES-1").want(t, http.StatusOK, `<a href="/r/results/RES-2">RES-2</a> has taken its place`)
}

const reconciled = `
id: OWN-01
title: Findings are told twice
owner: people lead
frequency: ad_hoc
criteria: [CC8.1]
tests:
  - id: told
    kind: census
    title: Every finding has an owner
    population: {from: findings}
    pass: item.owner != ""
    reconcile:
      with: {from: findings, where: item.owner == "person/E1"}
      key: item.title
      with_key: item.title
`

// shown is an address as it stands in a page.
func shown(address string) string { return strings.ReplaceAll(address, "+", "&#43;") }

// One person says why items of two populations do not agree, and another one confirms
// it, who does not own the control.
func TestAMismatchIsResolvedByTwo(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	dir := filepath.Join(c.Dir, surface.ControlsDir)
	c.must(os.MkdirAll(dir, 0o700))
	c.must(os.WriteFile(filepath.Join(dir, "OWN-01.yaml"), []byte(reconciled), 0o600))
	c.test("OWN-01")
	ann, ben, kim, eve := c.hired(t, "ann", "compliance"), c.hired(t, "ben", "compliance"), c.hired(t, "kim", "engineer"), c.signed(t, "eve", "auditor")
	query := "?mismatch=" + url.QueryEscape("only here: A door without a lock")
	path, resolve, confirm := "/results/RES-3/mismatch"+query, "/results/RES-3/mismatch/resolve"+query, "/results/RES-3/mismatch/confirm"+query
	for _, list := range []string{"/controls/OWN-01", "/r/results/RES-3"} {
		ann.get(list).want(t, http.StatusOK, "only here: A door without a lock", "nobody has said why", `<a href="`+shown(path)+`">Say why</a>`)
		eve.get(list).want(t, http.StatusOK, `<a href="`+shown(path)+`">Look at it</a>`)
	}
	if page := eve.get(path).want(t, http.StatusOK, "Nobody has said why: somebody with the role", "the test stays incomplete"); strings.Contains(page.body, "/mismatch/resolve") {
		t.Error("an auditor is offered a form")
	}
	ann.get(path).want(t, http.StatusOK, `action="`+shown(resolve)+`"`, ">A door without a lock</a>", "<dt>Reconciled with</dt><dd>findings</dd>")
	for _, none := range []string{"/results/RES-3/mismatch", "/results/RES-3/mismatch?mismatch=x", "/results/RES-99/mismatch" + query, "/results/RES-2/mismatch" + query} {
		ann.get(none).want(t, http.StatusNotFound)
	}

	before := c.size(t)
	ann.post(resolve).want(t, http.StatusUnprocessableEntity, `id="f-reason-wrong">is missing`)
	ann.post(resolve, "f.reason", strings.Repeat("x", 2001)).want(t, http.StatusUnprocessableEntity, `id="f-reason-wrong">The reason has 2001 bytes`)
	kim.post(resolve, "f.reason", "It is one.").want(t, http.StatusForbidden)
	ann.post(confirm, "resolution", "RSL-1").want(t, http.StatusConflict, "Nobody has proposed this resolution of it.")
	if c.size(t) != before+1 { // the refusal
		t.Error("something was written")
	}
	ann.post(resolve, "f.reason", "The door <is> another one's.").goes(t, path)
	if page := ann.get(path).want(t, http.StatusOK, "The door &lt;is&gt; another one&#39;s.", "not confirmed yet", "You proposed it: somebody else confirms it."); strings.Contains(page.body, "/mismatch/confirm") {
		t.Error("who proposed it is offered to confirm it")
	}
	ann.post(confirm, "resolution", "RSL-1").want(t, http.StatusUnprocessableEntity, "cannot confirm it")
	kim.post(confirm, "resolution", "RSL-1").want(t, http.StatusForbidden)
	ben.get("/controls/OWN-01").want(t, http.StatusOK, `">Confirm it</a>`)

	_, err := c.SetRecord(t.Context(), apptest.Operator, people.Register, "E3", record.AnyVersion, fields("title", "People lead"))
	c.must(err)
	owner := c.employed("lea", "E3", "compliance")
	owner.get(path).want(t, http.StatusOK, "You own the control: somebody else confirms it.")
	owner.post(confirm, "resolution", "RSL-1").want(t, http.StatusUnprocessableEntity, "is the owner of OWN-01, and cannot confirm it")
	ben.get(path).want(t, http.StatusOK, `action="`+shown(confirm)+`"`, `name="resolution" value="RSL-1"`)
	ben.post(confirm, "resolution", "RSL-1").goes(t, path)
	if page := ben.get(path).want(t, http.StatusOK, "confirmed by", "It is resolved from the next test of"); strings.Contains(page.body, "/mismatch/confirm") || strings.Contains(page.body, "/mismatch/resolve") {
		t.Error("what is resolved is offered again")
	}
	ben.post(confirm, "resolution", "RSL-1").want(t, http.StatusConflict, "RSL-1 was confirmed by Example ben")
	ann.post(resolve, "f.reason", "Again.").want(t, http.StatusConflict, "It is resolved already: RSL-1 was confirmed.")
	ann.get("/r/resolutions/RSL-1").want(t, http.StatusOK, `href="`+shown(path)+`">What does not agree</a>`)
	c.test("OWN-01")
	ann.get("/controls/OWN-01").want(t, http.StatusOK, "1 of them resolved", "confirmed by")
	eve.reconciled(t, "1 matched", "1 mismatch", "1 of them resolved")
	// There are more than a result lists.
	found := c.Manual.Now().AddDate(0, 0, -5)
	var all []record.Change
	for i := range 204 {
		id := fmt.Sprintf("FND-9%03d", i)
		all = append(all, record.Change{Verb: "added", ID: id, Doc: findings.Finding{
			ID: id, Title: "Gap " + id, Source: "audit", Severity: "low", Owner: "person/E3", State: findings.Open, ReportedBy: "person/E2", FoundAt: &found,
		}})
	}
	_, err = c.Door.Do(t.Context(), apptest.Operator, "finding.add", findings.Register.Register, func(tx *act.Tx) error {
		_, err := record.Put(tx, findings.Register, all...)
		return err
	})
	c.must(err)
	c.test("OWN-01")
	result := eve.reconciled(t, "1 matched", "205 mismatches", "1 of them resolved")
	eve.get("/r/results/"+result).want(t, http.StatusOK, `<a href="/results/`+result+`/reconciled?of=mismatches">All 205 that do not agree with findings</a>`)
	query = "?mismatch=" + url.QueryEscape("only here: Gap FND-9203")
	path = "/results/" + result + "/mismatch" + query
	if page := ann.get("/r/results/" + result); strings.Contains(page.body, shown(path)) {
		t.Error("the result lists it")
	}
	ann.get("/results/"+result+"/reconciled?of=mismatches&from=200").want(t, http.StatusOK, `<a href="`+shown(path)+`">Say why</a>`)
	ann.post("/results/"+result+"/mismatch/resolve"+query, "f.reason", "It is no door.").goes(t, path)
	ben.get(path).want(t, http.StatusOK, "It is no door.", "not confirmed yet")
	for _, none := range []string{path + "+x", "/results/" + result + "/reconciled", "/results/" + result + "/reconciled?of=x", "/results/RES-99/reconciled?of=matched", "/results/RES-2/reconciled?of=matched"} {
		eve.get(none).want(t, http.StatusNotFound)
	}
}

// reconciled are the numbers of a control's reconciliation, each of which leads to as many.
func (b *browser) reconciled(t *testing.T, want ...string) (result string) {
	t.Helper()
	var got []string
	for _, number := range regexp.MustCompile(`<a href="/results/([^"/]+)(/reconciled\?of=[a-z]+)">((\d+) [^<]+)</a>`).FindAllStringSubmatch(b.get("/controls/OWN-01").body, -1) {
		result, got = number[1], append(got, number[3])
		listed := b.listed(t, "/results/"+number[1]+number[2], "<strong>"+number[4]+"</strong>")
		if strconv.Itoa(listed) != number[4] {
			t.Errorf("%s leads to %d", number[3], listed)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the numbers are %q", got)
	}
	return result
}
