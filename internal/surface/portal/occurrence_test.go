package portal_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestAnOccurrenceShowsWhatWasDone(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	page := b.get("/duties/access-review/2026-01-31").want(t, http.StatusOK, "done", "2026-01-30 15:00", `<a href="/r/people/E1" title="person/E1">Example E1</a>`, "Two accounts were removed.",
		"<dt>Evidence</dt>", "scaf.performance.done.v1", `<a href="/controls/ACC-02">ACC-02</a>`, `<a rel="next" href="/duties/access-review/2026-02-28">`)
	index := page.around(t, `<th scope="row"><a href="/ledger/`, 60)
	index, _, _ = strings.Cut(strings.TrimPrefix(index, `<th scope="row"><a href="/ledger/`), `"`)
	b.get("/ledger/"+index).want(t, http.StatusOK, "scaf.performance.done.v1", "Two accounts were removed.", "The proof holds")
	if strings.Contains(page.body, "<textarea") {
		t.Error("what is done can be done again")
	}
	late := b.get("/duties/access-review/2026-02-28").want(t, http.StatusOK, "late", "Nothing yet")
	if strings.Contains(late.body, "<textarea") {
		t.Error("an auditor is asked to do it")
	}
	for _, path := range []string{"/duties/access-review/2026-02-27", "/duties/access-review/soon", "/duties/nothing/2026-02-28"} {
		b.get(path).want(t, http.StatusNotFound)
	}
}

func TestAnOccurrenceIsDoneFromItsPage(t *testing.T) {
	c := openCompany(t)
	b := c.employed("eva", "E1", "control-owner")
	const path = "/duties/access-review/2026-02-28"
	form := b.get(path).want(t, http.StatusOK, `action="`+path+`/done"`, "Nobody can say that it was earlier")
	if strings.Contains(form.body, "not-occurring") {
		t.Error("who may not say so is asked for a reason why there is nothing to do")
	}
	long := strings.Repeat("x", 4001)
	page := form.around(t, `id="evidence"`, 900)
	for _, part := range []string{"the export of the accounts and roles", "attachment/…, evidence/… or population/…", `type="file"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the form does not ask for %q: %s", part, page)
		}
	}
	b.post(path+"/done", "note", long, "evidence", "evidence/EVD-2").want(t, http.StatusUnprocessableEntity, "at most 4000", long, "evidence/EVD-2")
	// What its test would miss is asked for at its field; what was typed is kept.
	wrong := b.post(path+"/done", "note", "It was <done>.", "evidence", "person/E2").want(t, http.StatusUnprocessableEntity,
		`aria-invalid="true">person/E2</textarea>`, `id="evidence-wrong"`, "name what shows it: the export", "It was &lt;done&gt;.")
	if strings.Contains(wrong.body, `<p class="wrong"`) {
		t.Error("it says so twice")
	}
	b.upload(path+"/done", "export.pdf", []byte("MZ\x90\x00\x03\x00\x00\x00\x04"), "note", "It was done.").want(t, http.StatusUnprocessableEntity, `id="file-wrong"`, "is a program")
	b.post(path+"/done", "note", "It was <done>.", "evidence", "evidence/EVD-2").want(t, http.StatusUnprocessableEntity, "names no record here", "It was &lt;done&gt;.", "evidence/EVD-2")
	b.post(path+"/done", "note", " ").want(t, http.StatusUnprocessableEntity, "Say what came of it")
	other := c.employed("kim", "E3", "engineer")
	if page := other.get(path).want(t, http.StatusOK, "Whoever does this duty records that it was done"); strings.Contains(page.body, "<textarea") {
		t.Error("who does not answer for it is asked to do it")
	}
	other.post(path+"/done", "note", "For them").want(t, http.StatusUnprocessableEntity, "is done by security lead")
	b.upload(path+"/done", "export.csv", []byte("account,decision\n"), "note", "It was <done>.", "evidence", "task/access-review\r\n\r\n person/E2 ").goes(t, path)
	b.get(path).want(t, http.StatusOK, "it stays late", "It was &lt;done&gt;.", "task/access-review", "person/E2", "person/E1", "attachment/")
	b.post(path+"/done", "note", "again").want(t, http.StatusConflict, "was done at", "You typed: again")
	b.post("/duties/access-review/2026-05-31/done", "note", "early").want(t, http.StatusUnprocessableEntity, "can be recorded from")
	b.post("/duties/nothing/2026-05-31/done", "note", "x").want(t, http.StatusNotFound)
	b.post(path+"/not-occurring", "reason", "x").want(t, http.StatusForbidden)
	// SCAF's own duties are done by nobody else.
	b.post("/duties/log-integrity-check/2026-03-10/done", "note", "x").want(t, http.StatusUnprocessableEntity, "done by SCAF itself")
	b.get("/duties/log-integrity-check/2026-03-10").want(t, http.StatusOK, "SCAF does it itself")
}

func TestAnOccurrenceIsExcusedBySomebodyElse(t *testing.T) {
	c := openCompany(t)
	const path = "/duties/access-review/2026-03-31"
	own := c.employed("eva", "E1", "compliance")
	own.get(path).want(t, http.StatusOK, `action="`+path+`/not-occurring"`)
	own.post(path+"/not-occurring", "reason", " ").want(t, http.StatusUnprocessableEntity, "Say why")
	b := c.employed("cee", "E3", "compliance")
	b.get(path)
	b.post(path+"/not-occurring", "reason", "No system had accounts.").goes(t, path)
	b.get(path).want(t, http.StatusOK, "not occurring", "No system had accounts.", "scaf.performance.not-occurring.v1")
	b.get("/duties?from=2026-01-01").want(t, http.StatusOK, `<a class="not_occurring" href="`+path+`">`)
}

// What was recorded as done without what its duty asks for is shown until the grace ends.
func TestEvidenceIsNamedLaterOnThePageOfAnOccurrence(t *testing.T) {
	c := openCompany(t)
	const path = "/duties/access-review/2026-03-31"
	b := c.employed("eva", "E1", "control-owner")
	b.get(path)
	b.upload(path+"/done", "export.csv", []byte("account,decision\n"), "note", "Looked at.").goes(t, path)
	page := b.get(path).want(t, http.StatusOK, "Name more evidence", `enctype="multipart/form-data"`, "attachment/")
	if strings.Contains(page.body, `id="note"`) || strings.Contains(page.body, "is not named") {
		t.Error("it is done again, or lacks something")
	}
	if other := c.employed("kim", "E3", "engineer").get(path); strings.Contains(other.body, "<textarea") {
		t.Error("who does not answer for it names evidence")
	}
	b.post(path+"/done", "evidence", "vendor/VEN-9").want(t, http.StatusUnprocessableEntity, `id="evidence-wrong"`, "names no record here")
	b.post(path+"/done", "evidence", "person/E2").goes(t, path)
	b.get(path).want(t, http.StatusOK, "scaf.performance.evidence-added.v1", "Looked at.")
	c.at("2026-04-06T09:00:00Z") // after the grace
	b.post("/signin", "id", "eva", "password", password)
	if page := b.get(path).want(t, http.StatusOK); strings.Contains(page.body, "<textarea") {
		t.Error("evidence is named after the grace")
	}
	b.post(path+"/done", "evidence", "person/E3").want(t, http.StatusConflict, "was done at")
}
