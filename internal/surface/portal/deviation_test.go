package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
)

// One person states a cause, and another one confirms it, who does not own the control.
func TestADeviationIsJudgedByTwo(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, ben, kim, eve := c.hired(t, "ann", "compliance"), c.hired(t, "ben", "compliance"), c.hired(t, "kim", "engineer"), c.signed(t, "eve", "auditor")
	const path, state, confirm = "/results/RES-2/deviation?item=E2", "/results/RES-2/deviation/state?item=E2", "/results/RES-2/deviation/confirm?item=E2"
	for _, list := range []string{"/controls/PPL-01", "/controls/PPL-01/deviations"} {
		ann.get(list).want(t, http.StatusOK, `<a href="`+path+`">State its cause</a>`)
		eve.get(list).want(t, http.StatusOK, `<a href="`+path+`">Look at it</a>`)
	}
	if page := eve.get(path).want(t, http.StatusOK, "Nobody has stated its cause: somebody with the role administrator, ciso, compliance, control-owner or engineer does."); strings.Contains(page.body, "/deviation/state") {
		t.Error("an auditor is offered a form")
	}
	ann.get(path).want(t, http.StatusOK, `action="`+state+`"`, "A duty fell between two people", `<a href="/r/results/RES-2">RES-2</a>`, `title="person/E2">Example E2</a>`)
	for _, mention := range []string{"/", "/r/results/RES-2"} {
		ann.get(mention).want(t, http.StatusOK, `<a href="`+path+`">`)
	}
	for _, none := range []string{"/results/RES-2/deviation", "/results/RES-2/deviation?item=E1", "/results/RES-99/deviation?item=E2"} {
		ann.get(none).want(t, http.StatusNotFound)
	}
	ann.post("/results/RES-2/deviation/confirm?item=E1").want(t, http.StatusNotFound)

	before := c.size(t)
	kim.post(state).want(t, http.StatusUnprocessableEntity, `id="f-cause-wrong">is missing: choose one`)
	kim.post(state, "f.note", "Nobody <told> IT.", "f.by", "control/CHG-01").want(t, http.StatusUnprocessableEntity, `id="f-cause-wrong">is missing`, `id="f-reason-wrong">is missing`, "Nobody &lt;told&gt; IT.</textarea>")
	kim.post(state, "f.cause", "handover", "f.person", "person/E9").want(t, http.StatusUnprocessableEntity, `id="f-person-wrong">there is nobody`, `value="handover" selected`)
	kim.post(state, "f.cause", "gremlins").want(t, http.StatusUnprocessableEntity, "is no cause of the list")
	ann.post(confirm).want(t, http.StatusConflict, "Nobody has stated a cause of E2.")
	if c.size(t) != before {
		t.Error("something was written")
	}
	kim.post(state, "f.cause", "handover", "f.person", "Example E1", "f.note", "Nobody <told> IT.").goes(t, path)
	kim.post(state, "f.cause", "handover", "f.person", "person/E1", "f.note", "Nobody <told> IT.").want(t, http.StatusConflict, "It is stated already.")
	if page := kim.get(path).want(t, http.StatusOK, "A duty fell between two people", "Nobody &lt;told&gt; IT.", "not confirmed yet", `value="person/E1"`, "Somebody with the role administrator, ciso or compliance confirms it"); strings.Contains(page.body, "/deviation/confirm") {
		t.Error("an engineer is offered to confirm it")
	}
	kim.post(confirm).want(t, http.StatusForbidden)
	ann.get("/controls/PPL-01").want(t, http.StatusOK, `<a href="`+path+`">Confirm it</a>`)

	// Stated anew, by another person: now that one does not confirm it.
	ann.post(state, "f.cause", "missing_training", "f.reason", "The account was locked.", "f.by", "control/ACC-01").goes(t, path)
	if page := ann.get(path).want(t, http.StatusOK, "Somebody had not been shown what to do", "The account was locked.", "You stated it: somebody else confirms it."); strings.Contains(page.body, "/deviation/confirm") {
		t.Error("who stated it is offered to confirm it")
	}
	ann.post(confirm).want(t, http.StatusUnprocessableEntity, "Example ann stated it, and cannot confirm it")
	// Nor does the owner of the control, whom its file calls people lead.
	_, err := c.SetRecord(t.Context(), apptest.Operator, people.Register, "E3", record.AnyVersion, fields("title", "People lead"))
	c.must(err)
	owner := c.employed("lea", "E3", "compliance")
	owner.get(path).want(t, http.StatusOK, "You own the control: somebody else confirms it.")
	owner.post(confirm).want(t, http.StatusUnprocessableEntity, "Example E3 is the control&#39;s owner, and cannot confirm it")
	ben.get(path).want(t, http.StatusOK, `action="`+confirm+`"`)
	ben.post(confirm).goes(t, path)
	if page := ben.get(path).want(t, http.StatusOK, "confirmed by", "counts from the next test"); strings.Contains(page.body, "/deviation/confirm") {
		t.Error("what is confirmed is offered again")
	}
	ben.post(confirm).want(t, http.StatusConflict, "What is stated about E2 is confirmed.")
	ann.get("/controls/PPL-01/deviations").want(t, http.StatusOK, "confirmed by", `<a href="`+path+`">Look at it</a>`)

	// Whoever signs in with what they had typed comes back to this deviation.
	c.browser(t).ask(http.MethodPost, state, url.Values{"f.note": {"Typed before."}}, nil).want(t, http.StatusUnauthorized, `name="again" value="`+state+`"`)
	c.browser(t).post("/signin", "id", "kim", "password", password, "again", state, "kept.f.note", "Typed before.").want(t, http.StatusOK, "Typed before.</textarea>", `action="`+state+`"`)
}
