package portal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/assurance/documents"
)

// Evidence is added on the page of its control, and another person concludes on it.
func TestEvidenceIsAddedAndReviewed(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, ben := c.hired(t, "ann", "engineer"), c.hired(t, "ben", "compliance")
	if !strings.Contains(ann.get("/controls/GOV-01").body, `href="/controls/GOV-01/evidence"`) {
		t.Error("the control's page has no way to add evidence")
	}
	ann.get("/controls/GOV-01/evidence").want(t, http.StatusOK, `enctype="multipart/form-data"`, `<option value="meetings" selected>`, "At most 67.1 MB")
	fields := []string{"f.test", "meetings", "f.source", "wiki <a>", "f.query", "page 7", "f.from", "2026-01-01", "f.to", "2026-03-09"}
	ann.uploadAs("f.file", "/controls/GOV-01/evidence", "minutes <1>.txt", []byte("We decided."), fields...).goes(t, "/r/evidence/EVD-1")
	own := ann.get("/r/evidence/EVD-1").want(t, http.StatusOK, "Prepared", "person/ANN")
	if strings.Contains(own.body, "/review") {
		t.Error("who may not review is offered to")
	}
	c.reacts(t)
	ben.get("/inbox").want(t, http.StatusOK, `href="/r/evidence/EVD-1"`)
	ben.get("/controls/GOV-01").want(t, http.StatusOK, "2026-01-01 to 2026-03-09")
	ben.get("/r/evidence/EVD-1").want(t, http.StatusOK, `action="/evidence/EVD-1/review"`, "What you conclude")
	ben.post("/evidence/EVD-1/review", "f.conclusion", "accepted", "f.reason", " ").want(t, http.StatusUnprocessableEntity, `<a href="#f-review-reason">Reason</a>: is missing`, `<option value="accepted" selected>`)
	ben.post("/evidence/EVD-1/review", "f.conclusion", "perhaps", "f.reason", "Why <not>").want(t, http.StatusUnprocessableEntity, "accepted or rejected", "Why &lt;not&gt;")
	ben.post("/evidence/EVD-9/review", "f.conclusion", "accepted", "f.reason", "It names all.").want(t, http.StatusNotFound)
	ben.post("/evidence/EVD-1/review", "f.conclusion", "rejected", "f.reason", "The date is missing.").goes(t, "/r/evidence/EVD-1")
	if done := ben.get("/r/evidence/EVD-1").want(t, http.StatusOK, "rejected", "The date is missing."); strings.Contains(done.body, "/review") {
		t.Error("what is concluded is asked again")
	}
	ben.post("/evidence/EVD-1/review", "f.conclusion", "accepted", "f.reason", "After all.").want(t, http.StatusConflict, "add evidence anew")

	// Nobody concludes on what they prepared.
	ben.uploadAs("f.file", "/controls/GOV-01/evidence", "minutes.txt", []byte("We decided."), fields...).goes(t, "/r/evidence/EVD-2")
	ben.get("/r/evidence/EVD-2").want(t, http.StatusOK, "You prepared or entered it: somebody else reads it and concludes.")
	ben.post("/evidence/EVD-2/review", "f.conclusion", "accepted", "f.reason", "It is mine.").want(t, http.StatusUnprocessableEntity, "cannot review it")
}

// What cannot be evidence is said at its field, what was typed stays, and nothing is kept.
func TestFilesThatAreNoEvidence(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann := c.signed(t, "ann", "compliance")
	ann.get("/controls/NONE-1/evidence").want(t, http.StatusNotFound)
	before := c.size(t)
	send := func(name, content string, more ...string) page {
		fields := append([]string{"f.test", "meetings", "f.source", "wiki <a>", "f.query", "page 7", "f.from", "2026-01-01", "f.to", "2026-03-09"}, more...)
		return ann.uploadAs("f.file", "/controls/GOV-01/evidence", name, []byte(content), fields...)
	}
	ann.uploadAs("f.file", "/controls/GOV-01/evidence", "", nil, "f.from", "soon", "f.to", "2026-03-09").
		want(t, http.StatusUnprocessableEntity, `id="f-file-wrong">is missing`, `id="f-test-wrong">is missing`, `id="f-source-wrong">is missing`, `id="f-query-wrong">is missing`, `id="f-from-wrong">is no date`, `value="2026-03-09"`)
	for name, content := range map[string]string{
		"minutes.pdf": "MZ\x90\x00", "tool": "\x7fELF\x02", "scan.pdf": "<html>", "picture.png": "%PDF-1.7", "table.xlsx": "a,b", "log.txt": "\x00\x01\x02",
	} {
		send(name, content).want(t, http.StatusUnprocessableEntity, `id="f-file-wrong"`, `value="wiki &lt;a&gt;"`, ">page 7</textarea>")
	}
	send("empty.txt", "").want(t, http.StatusUnprocessableEntity, `id="f-file-wrong">The file &#34;empty.txt&#34; is empty`)
	send("m.txt", "x", "f.collected", "2027-01-01T09:00").want(t, http.StatusUnprocessableEntity, `id="f-collected-wrong">has not come`, `value="2027-01-01T09:00"`)
	ann.uploadAs("f.file", "/controls/GOV-01/evidence", "m.txt", []byte("x"), "f.test", "meetings", "f.source", "s", "f.query", "q", "f.from", "2026-02-01", "f.to", "2026-01-01").want(t, http.StatusUnprocessableEntity, `id="f-to-wrong">lies before`)
	ann.uploadAs("f.file", "/controls/GOV-01/evidence", "m.txt", []byte("x"), "f.test", "none", "f.source", "s", "f.query", "q", "f.from", "2026-01-01", "f.to", "2026-01-01").want(t, http.StatusUnprocessableEntity, "has no test")
	if c.size(t) != before {
		t.Error("something was written")
	}
	for name, content := range map[string]string{"scan.pdf": "%PDF-1.7", "picture.png": "\x89PNG\x0d\x0a\x1a\x0a", "book.xlsx": "PK\x03\x04", "note.md": "# Note", "unknown.bin": "\x00\x01"} {
		_, err := documents.Add(context.Background(), c.Door, c.Blobs, person("E1"), documents.Evidence{
			Control: "GOV-01", Test: "meetings", File: name, Source: "s", Query: "q", From: c.Manual.Now().AddDate(0, -1, 0), To: c.Manual.Now(),
		}, strings.NewReader(content))
		c.must(err)
	}
}
