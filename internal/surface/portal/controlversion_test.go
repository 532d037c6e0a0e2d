package portal_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

// file is the control's file with a line changed.
func (c *company) file(id, old, with string) string {
	c.t.Helper()
	source := string(c.control(id).Source)
	if !strings.Contains(source, old) {
		c.t.Fatalf("%s has no %q", id, old)
	}
	return strings.Replace(source, old, with, 1)
}

// Whoever approves reads what changes, and is never who proposed it.
func TestAControlVersionIsReadAndApproved(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, ben := c.hired(t, "ann", "compliance"), c.hired(t, "ben", "executive")
	form := ann.get("/controls/propose?control=PPL-01").want(t, http.StatusOK, "id: PPL-01", `value="2026-03-10"`, "Propose a version of PPL-01", `enctype="multipart/form-data"`)
	if !strings.Contains(ann.get("/controls/PPL-01").body, `href="/controls/propose?control=PPL-01"`) || strings.Contains(form.body, "Not taken") {
		t.Error("no way leads to the form, or it begins with a mistake")
	}
	text := c.file("PPL-01", "owner: people lead", "owner: head of people")
	ann.uploadAs("f.file", "/controls/propose?control=PPL-01", "", nil, "f.effective", "2026-01-01", "f.text", strings.ReplaceAll(text, "\n", "\r\n")).goes(t, "/controls/PPL-01/versions/PPL-01.2")
	ann.get("/controls/PPL-01").want(t, http.StatusOK, `<a href="/controls/PPL-01/versions/PPL-01.2">waits for approval</a>`)

	own := ann.get("/controls/PPL-01/versions/PPL-01.2").want(t, http.StatusOK, "You proposed it: another person decides", "Owner: head of people, and was people lead",
		`Compared with <a href="/controls/PPL-01/versions/PPL-01.1">PPL-01.1</a>`, `<del><span class="unseen">went: </span>owner: people lead</del>`, `<ins><span class="unseen">came: </span>owner: head of people</ins>`, "its approval")
	if strings.Contains(own.body, "/approve") || strings.Contains(own.body, "/reject") || !strings.Contains(own.body, "/withdraw") {
		t.Error("who proposed it is offered to decide, or not to take it back")
	}
	ann.post("/controls/PPL-01/versions/PPL-01.2/approve").want(t, http.StatusUnprocessableEntity, "PPL-01.2 was proposed by Example ann, who cannot approve it.")
	if other := ben.get("/controls/PPL-01/versions/PPL-01.2").want(t, http.StatusOK, `action="/controls/PPL-01/versions/PPL-01.2/approve"`, `action="/controls/PPL-01/versions/PPL-01.2/reject"`, "person/ANN"); strings.Contains(other.body, "/withdraw") {
		t.Error("somebody else is offered to take it back")
	}
	reader := c.signed(t, "eve", "auditor").get("/controls/PPL-01/versions/PPL-01.2").want(t, http.StatusOK, "Somebody who may approve controls decides on it")
	if strings.Contains(reader.body, "<form method") {
		t.Error("an auditor is offered a form")
	}
	ben.post("/controls/PPL-01/versions/PPL-01.2/approve").goes(t, "/controls/PPL-01/versions/PPL-01.2")
	ben.get("/controls/PPL-01/versions/PPL-01.2").want(t, http.StatusOK, `<span class="state approved">Approved</span>`, "person/BEN", "2026-03-10 12:00")
	ben.post("/controls/PPL-01/versions/PPL-01.2/approve").want(t, http.StatusConflict, "is approved since")
	for _, path := range []string{"/controls/PPL-01/versions/PPL-01.9", "/controls/CHG-01/versions/PPL-01.2", "/controls/NONE-1/versions/NONE-1.1"} {
		ben.get(path).want(t, http.StatusNotFound)
		ben.post(path+"/approve").want(t, http.StatusNotFound)
	}
}

func TestAControlVersionIsRejectedWithAReason(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, ben := c.hired(t, "ann", "engineer"), c.hired(t, "ben", "compliance")
	ann.uploadAs("f.file", "/controls/propose", "own <1>.yaml", []byte(strings.Replace(c.file("CHG-01", "id: CHG-01", "id: OWN-01"), "title: ", "title: Own ", 1)), "f.effective", "2026-04-01").goes(t, "/controls/OWN-01/versions/OWN-01.1")
	path := "/controls/OWN-01/versions/OWN-01.1"
	ben.get(path).want(t, http.StatusOK, "this is the whole file", "No control in use is called OWN-01")
	ben.post(path+"/reject", "f.reason", " ").want(t, http.StatusUnprocessableEntity, "Why it does not come into force</a>: is missing", `id="f-reject-reason-wrong"`, `<details class="move" open>`)
	ben.post(path+"/reject", "f.reason", strings.Repeat("x", 4001)).want(t, http.StatusUnprocessableEntity, "say in 1 to 4000 bytes", strings.Repeat("x", 4001))
	ben.post(path+"/reject", "f.reason", "It <tests> nothing.").goes(t, path)
	ann.get(path).want(t, http.StatusOK, `<span class="state rejected">Rejected</span>`, "It &lt;tests&gt; nothing.", "it does not come into force")
	ben.post(path+"/approve").want(t, http.StatusConflict, "is rejected since")
}

func TestAControlVersionIsWithdrawnByWhoProposedIt(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, ben := c.hired(t, "ann", "engineer"), c.hired(t, "ben", "compliance")
	ann.uploadAs("f.file", "/controls/propose?control=CHG-01", "", nil, "f.effective", "2026-04-01", "f.text", string(c.control("CHG-01").Source)).goes(t, "/controls/CHG-01/versions/CHG-01.1")
	path := "/controls/CHG-01/versions/CHG-01.1"
	ann.get(path).want(t, http.StatusOK, "You proposed it: another person decides", `action="`+path+`/withdraw"`)
	ann.post(path+"/withdraw").want(t, http.StatusUnprocessableEntity, "Why it does not come into force</a>: is missing", `id="f-withdraw-reason-wrong"`, `<details class="move" open>`)
	ben.post(path+"/withdraw", "f.reason", "Mine.").want(t, http.StatusUnprocessableEntity, "who alone can withdraw it")
	c.signed(t, "eve", "auditor").post(path+"/withdraw", "f.reason", "Mine.").want(t, http.StatusForbidden)
	ann.post(path+"/withdraw", "f.reason", "The <wrong> file.").goes(t, path)
	if page := ann.get(path).want(t, http.StatusOK, `<span class="state withdrawn">Withdrawn</span>`, "The &lt;wrong&gt; file.", "it does not come into force"); strings.Contains(page.body, "<form method") {
		t.Error("what was withdrawn has a form")
	}
	// The catalog's file can be adopted all the same.
	ben.get("/controls/CHG-01").want(t, http.StatusOK, `<span class="state withdrawn">Withdrawn</span>`, "withdrawn by", "The &lt;wrong&gt; file.", "Nobody has approved this file", `action="/controls/CHG-01/adopt"`)
	ben.post("/controls/CHG-01/adopt").goes(t, "/controls/CHG-01#versions")
	if page := ben.get("/controls/CHG-01").want(t, http.StatusOK, ">CHG-01.2</a>", "the beginning"); strings.Contains(page.body, "Nobody has approved this file") {
		t.Error("what is adopted is offered again")
	}
}

// What cannot be proposed is said at the field, and the text stays.
func TestAControlFileThatIsNone(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann := c.signed(t, "ann", "compliance")
	before := c.size(t)
	send := func(name string, content []byte, fields ...string) page {
		return ann.uploadAs("f.file", "/controls/propose?control=CHG-01", name, content, fields...)
	}
	send("", nil, "f.effective", "soon", "f.text", "").want(t, http.StatusUnprocessableEntity, `id="f-effective-wrong">is no date`, `id="f-text-wrong">is missing`, `value="soon"`)
	send("", nil, "f.effective", "2026-04-01", "f.text", "id: [<b>").want(t, http.StatusUnprocessableEntity, `id="f-text-wrong"`, "id: [&lt;b&gt;</textarea>", `value="2026-04-01"`)
	send("own.yaml", []byte("id: OWN-01\nowners: x\n"), "f.effective", "2026-04-01").want(t, http.StatusUnprocessableEntity, `id="f-file-wrong"`, "own.yaml:", "owners: x")
	send("big.yaml", []byte(strings.Repeat("# ", 1<<19)+"#"), "f.effective", "2026-04-01").want(t, http.StatusUnprocessableEntity, "it has more than 1048576 bytes")
	send("huge.yaml", []byte(strings.Repeat("# ", 1<<20+10)), "f.effective", "2026-04-01").want(t, http.StatusRequestEntityTooLarge)
	if c.size(t) != before {
		t.Error("something was written")
	}
	send("", nil, "f.effective", "2026-04-01", "f.text", string(c.control("CHG-01").Source)).goes(t, "/controls/CHG-01/versions/CHG-01.1")
	send("", nil, "f.effective", "2026-04-01", "f.text", string(c.control("CHG-01").Source)).want(t, http.StatusConflict, "CHG-01.1 is proposed already, and waits for another person&#39;s approval.")
}

func TestAControlIsAdoptedAndItsDesignAssessed(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann := c.hired(t, "ann", "compliance")
	ann.get("/controls/CHG-01").want(t, http.StatusOK, `action="/controls/CHG-01/adopt"`)
	ann.post("/controls/CHG-01/adopt").goes(t, "/controls/CHG-01#versions")
	ann.post("/controls/CHG-01/adopt").goes(t, "/controls/CHG-01#versions") // pressed twice
	ann.post("/controls/OWN-01/adopt").want(t, http.StatusNotFound)
	if page := ann.get("/controls/CHG-01").want(t, http.StatusOK, `<a href="/controls/CHG-01/versions/CHG-01.1#design">not assessed</a>`); strings.Contains(page.body, "/adopt") {
		t.Error("what is adopted is offered again")
	}
	path := "/controls/CHG-01/versions/CHG-01.1"
	ann.post(path+"/assess", "f.risk", "Somebody <alone>", "f.walkthrough", "change/none").want(t, http.StatusUnprocessableEntity, "Somebody &lt;alone&gt;", "Precision</a>: is missing", "Conclusion</a>: is missing", "Reason</a>: is missing")
	ann.post(path+"/assess", "f.risk", "One", "f.precision", "any", "f.walkthrough", "change/none", "f.conclusion", "effective", "f.reason", "It holds.").
		want(t, http.StatusUnprocessableEntity, `id="f-assess-walkthrough-wrong"`, "There is no such record: change/none", `value="effective" selected`)
	ann.post(path+"/assess", "f.risk", "One", "f.precision", "any", "f.walkthrough", "event/1", "f.conclusion", "effective", "f.reason", "It holds.").goes(t, path)
	ann.get(path).want(t, http.StatusOK, "It holds.", "ASM-2")
	// The owner does neither.
	security := c.employed("sec", "E1", "administrator")
	owned := ""
	all, err := c.Controls()
	c.must(err)
	for _, control := range all {
		if strings.EqualFold(control.Owner, "security lead") {
			owned = control.ID
		}
	}
	security.post("/controls/"+owned+"/adopt").want(t, http.StatusUnprocessableEntity, "You own the control: another person adopts its file.")
	ann.post("/controls/"+owned+"/adopt").goes(t, "/controls/"+owned+"#versions")
	security.get("/controls/"+owned+"/versions/"+owned+".1").want(t, http.StatusOK, "You own the control: somebody else assesses its design.")
}

// The notice to those who may approve leads to the page with the buttons, and so does the
// one to who proposed it, of why it was rejected.
func TestTheNoticesOfAControlVersionLeadToItsPage(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	ann, ben := s.hired(t, "ann", "control-owner"), s.hired(t, "ben", "compliance")
	control, err := s.Control("CHG-01")
	if err != nil {
		t.Fatal(err)
	}
	ann.uploadAs("f.file", "/controls/propose", "", nil, "f.effective", "2026-04-01", "f.text", string(control.Source)).goes(t, "/controls/CHG-01/versions/CHG-01.1")
	s.reacts(t)
	ben.get("/inbox").want(t, http.StatusOK, `href="/controls/CHG-01/versions/CHG-01.1"`)
	ben.post("/controls/CHG-01/versions/CHG-01.1/reject", "f.reason", "It tests nothing.").goes(t, "/controls/CHG-01/versions/CHG-01.1")
	s.reacts(t)
	ann.get("/inbox").want(t, http.StatusOK, `href="/controls/CHG-01/versions/CHG-01.1"`, "(CHG-01.1) was rejected", "It tests nothing.")
	if told := ben.get("/inbox").want(t, http.StatusOK); strings.Contains(told.body, "was rejected") {
		t.Error("who rejected it is told that it was")
	}
}

// reacts tells people of what has come into the ledger.
func (s *site) reacts(t *testing.T) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	runner := act.NewRunner(s.Door, log)
	if err := surface.ScheduleNotifications(s.System, runner, runner.Beside(), log); err != nil {
		t.Fatal(err)
	}
	if err := runner.RunDue(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// All files of the catalog are adopted at once by whoever may; the ones that they own
// are left for another person.
func TestTheCatalogIsAdoptedAtOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.hired(t, "ann", "ciso")
	all, err := s.FromCatalog()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetRecord(t.Context(), apptest.Operator, people.Register, "ANN", record.AnyVersion, fields("title", all[0].Owner)); err != nil {
		t.Fatal(err)
	}
	if page := s.signed(t, "eve", "engineer").get("/controls").want(t, http.StatusOK); strings.Contains(page.body, "/controls/adopt") {
		t.Error("somebody is offered to adopt them who may not")
	}
	b.get("/controls").want(t, http.StatusOK, fmt.Sprintf("%d controls of the catalog are not yours yet", len(all)), `action="/controls/adopt"`)
	b.post("/controls/adopt").goes(t, "/controls")
	left, err := s.Unadopted(t.Context())
	if err != nil || len(left) == 0 || len(left) == len(all) || !slices.Contains(left, all[0].ID) {
		t.Fatalf("left are %v (%v)", left, err)
	}
	b.get("/controls").want(t, http.StatusOK, all[0].ID, "Those that you own are for another person")
	s.hired(t, "bob", "compliance").post("/controls/adopt").goes(t, "/controls")
	if page := b.get("/controls").want(t, http.StatusOK); strings.Contains(page.body, "not yours yet") {
		t.Error("all are adopted, and the page says that some are not")
	}
}
