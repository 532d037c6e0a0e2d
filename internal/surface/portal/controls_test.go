package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/controltests"
	"scaf.dev/scaf/internal/assurance/documents"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/surface"
)

func TestControlsAreFiltered(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	all := b.get("/controls").want(t, http.StatusOK, "<strong>80</strong> any", `href="/controls?conclusion=ineffective"`, `href="/controls/PPL-01/deviations">1</a>`, `href="/controls/PPL-01#tests">1</a>`)
	if n := strings.Count(all.body, `<tr class="toned`); n != 80 {
		t.Errorf("%d controls", n)
	}
	for query, want := range map[string][2]string{
		"conclusion=ineffective":            {"PPL-01", "PPL-02"},
		"owner=people+lead":                 {"PPL-01", "CHG-01"},
		"criterion=CC8.1":                   {"CHG-01", "PPL-01"},
		"q=LEAVING+access":                  {"PPL-01", "CHG-01"},
		"criterion=CC6.2&owner=people+lead": {"PPL-01", "ACC-01"},
	} {
		got := b.get("/controls?"+query).want(t, http.StatusOK, `href="/controls/`+want[0]+`">`)
		if strings.Contains(got.body, `href="/controls/`+want[1]+`">`) {
			t.Errorf("%s shows %s", query, want[1])
		}
	}
	// What was chosen stays chosen, and a link to another conclusion keeps it.
	b.get("/controls?owner=people+lead&q=x").want(t, http.StatusOK, "<option selected>people lead</option>", `value="x"`, "No control is like that", "Show all")
	b.get("/controls?owner=people+lead").want(t, http.StatusOK, `href="/controls?conclusion=ineffective&amp;owner=people&#43;lead"`)
}

func TestAControlShowsWhatItsTestsSaidAndWhatTheyRead(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	page := b.get("/controls/PPL-01").want(t, http.StatusOK,
		"Nobody who no longer works here", "access to all systems", `<a href="/controls?owner=people%20lead">people lead</a>`, `<a href="/criteria/CC6.2">CC6.2</a>`,
		`<article class="test toned`, `id="leavers"`, "1 item tested: 0 passed, 1 deviation (1 missing).",
		`<a href="/r/results/RES-2">RES-2</a>`, `<a href="/r/populations/POP-2">POP-2</a>: 1 item read at the checkpoint of <a href="/ledger?before=`, "SHA-256 <code>",
		`<a href="/controls/PPL-01/deviations?result=RES-2">1</a>`, `<a href="/r/people/E2" title="person/E2">Example E2</a>`, "nobody has stated one",
		"<code>has(item.left_at)</code>", "<code>item.access_ended_at</code>", "24 hours",
		`<a href="/controls/PPL-01/versions/PPL-01.1">PPL-01.1</a>`, `<a href="/r/assessments/ASM-1">ASM-1</a>`, "it would find it", `<a href="/r/people/E3" title="person/E3">Example E3</a>`,
		`">2 results</a> in the period`, "RES-1", "<svg", `<rect class="`, `href="/r/periods/H1"`)
	if strings.Contains(page.body, "<style") || strings.Contains(page.body, " style=") {
		t.Error("the picture has a style of its own")
	}
	b.get("/controls/PPL-01/deviations").want(t, http.StatusOK, "somebody else confirms it", "1 deviation in the latest results", `<a href="/r/people/E2" title="person/E2">Example E2</a>`, "missing")
	b.get("/controls/PPL-01/deviations?test=other&from=7").want(t, http.StatusOK, "show no deviation")
	b.get("/controls/ACC-02/deviations").want(t, http.StatusOK, "show no deviation") // those of others are not its own
	// Of duties: the control's, and what a file that nobody approved means.
	b.get("/controls/ACC-02").want(t, http.StatusOK, `<a href="/duties/access-review">access-review</a>`, "Nobody has approved this file", "Somebody who may approve controls adopts it", "has not been tested in this period")
	for _, path := range []string{"/controls/XYZ-99", "/controls/XYZ-99/deviations"} {
		b.get(path).want(t, http.StatusNotFound)
	}
}

// A result leads to all of its deviations, and goes on doing so when a later one has taken its
// place.
func TestAResultLeadsToAllItsDeviations(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	if n := b.listed(t, b.get("/controls/PPL-01").linked(t, "2 results"), "PPL-01"); n != 2 {
		t.Errorf("2 results lead to %d", n)
	}
	left := c.Manual.Now().AddDate(0, 0, -5)
	var all []record.Change
	for i := range 240 {
		id := fmt.Sprintf("E9%03d", i)
		all = append(all, record.Change{Verb: "added", ID: id, Doc: people.Person{ID: id, Name: "Example " + id, State: people.Left, LeftAt: &left}})
	}
	_, err := c.Door.Do(t.Context(), apptest.Operator, "person.add", people.Register.Register, func(tx *act.Tx) error {
		_, err := record.Put(tx, people.Register, all...)
		return err
	})
	c.must(err)
	c.test("PPL-01")
	result := regexp.MustCompile(`<a href="/r/results/(RES-\d+)">`).FindStringSubmatch(b.get("/controls/PPL-01").body)[1]
	for of, want := range map[string]int{"RES-2": 1, result: 241} {
		next := "/controls/PPL-01/deviations?result=" + of
		if of == result {
			b.get("/r/results/"+of).want(t, http.StatusOK, `the first 10 of <a href="`+next+`">241</a>`, `<dt>Deviations</dt><dd><a href="`+next+`">241</a>`)
		}
		if n := b.listed(t, next, `in <a href="/r/results/`+of+`">`+of+`</a>`, fmt.Sprint(want)); n != want {
			t.Errorf("%s leads to %d deviations, and has %d", of, n, want)
		}
	}
	b.get("/controls/PPL-01/deviations?from=400&result="+result).want(t, http.StatusOK, "241")
	for _, none := range []string{"/controls/PPL-01/deviations?result=RES-99", "/controls/CHG-01/deviations?result=RES-2"} {
		b.get(none).want(t, http.StatusNotFound)
	}
}

// What was recorded for a control stands on its page, leads to its record and to the
// file, and the record leads back.
func TestAControlShowsItsEvidence(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	b.get("/controls/PPL-01").want(t, http.StatusOK, "No file was recorded as evidence of this control")
	for _, control := range []string{"PPL-01", "CHG-01"} {
		_, err := c.AddEvidence(context.Background(), person("E1"), documents.Evidence{
			Control: control, Test: c.control(control).Tests[0].ID, File: "leavers <of> March.txt", Source: "HR system", Query: "all leavers",
			From: c.Manual.Now().AddDate(0, -1, 0), To: c.Manual.Now(),
		}, strings.NewReader("Nobody of "+control))
		c.must(err)
	}
	got := b.get("/controls/PPL-01").want(t, http.StatusOK, `<a href="/r/evidence/EVD-1"`, `<a href="/evidence/EVD-1/file">leavers &lt;of&gt; March.txt</a>`,
		"2026-02-10 to 2026-03-10", `<span class="state prepared">Prepared</span>`, `<a href="/r/people/E1" title="person/E1">Example E1</a>`)
	if strings.Contains(got.body, "EVD-2") {
		t.Error("it shows evidence of another control")
	}
	b.get("/r/evidence/EVD-1").want(t, http.StatusOK, `<a href="/controls/PPL-01">PPL-01</a>`, `href="/evidence/EVD-1/file">Open the file</a>`)
	before := c.size(t)
	file := b.get("/evidence/EVD-1/file")
	if file.status != http.StatusOK || file.body != "Nobody of PPL-01" || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment;") {
		t.Errorf("the file: %d %v %.200s", file.status, file.header, file.body)
	}
	if c.size(t) != before+1 {
		t.Error("reading a file of evidence is not recorded")
	}
	b.get("/evidence/EVD-9/file").want(t, http.StatusNotFound)
	_, err := documents.Conclude(context.Background(), c.Door, person("E3"), "EVD-1", controltests.Accepted, "It names everybody.")
	c.must(err)
	b.get("/controls/PPL-01").want(t, http.StatusOK, `<span class="state accepted">Accepted</span>`, "It names everybody.")
	for range 50 {
		_, err := c.AddEvidence(context.Background(), person("E1"), documents.Evidence{
			Control: "PPL-01", Test: "leavers", File: "later.txt", Source: "HR system", Query: "all leavers", From: c.Manual.Now().AddDate(0, -1, 0), To: c.Manual.Now(),
		}, strings.NewReader("Nobody"))
		c.must(err)
	}
	if n := b.listed(t, b.get("/controls/PPL-01").want(t, http.StatusOK, "The latest 50 of <a").linked(t, "51 files")); n != 51 {
		t.Errorf("51 files lead to %d", n)
	}
}

// The latest self-assessments stand on the control's page, and lead to all of its own.
func TestAControlShowsItsSelfAssessments(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "engineer")
	reader := c.signed(t, "eve", "auditor")
	b.get("/controls/PPL-01").want(t, http.StatusOK, "Nobody has said how the control went in a quarter", `href="/new/self_assessments?f.control=PPL-01"`)
	add := func(control, quarter string) {
		c.records(t, "self_assessments", fmt.Sprintf(`{"control":%q,"quarter":%q,"assessor":"person/E1","reviewer":"person/E3"}`, control, quarter))
	}
	add("CHG-01", "2026-Q1")
	for quarter := range 9 { // not in their order
		quarter = quarter * 2 % 9
		add("PPL-01", fmt.Sprintf("%d-Q%d", 2024+quarter/4, 1+quarter%4))
	}
	page := reader.get("/controls/PPL-01").want(t, http.StatusOK, `href="/r/self_assessments/SA-PPL-01-2026-Q1"`, `<span class="state draft">Draft</span>`, `<a href="/r/people/E1" title="person/E1">Example E1</a>`,
		`<a href="/r/self_assessments?f.control=PPL-01">All 9 in their register</a>`)
	at := -1
	for _, quarter := range []string{"2026-Q1", "2025-Q4", "2025-Q3", "2024-Q2"} {
		next := strings.Index(page.body, ">"+quarter+"</a>")
		if next <= at {
			t.Errorf("%s is not where it belongs", quarter)
		}
		at = next
	}
	for _, not := range []string{"SA-PPL-01-2024-Q1", "SA-CHG-01", "/new/self_assessments"} {
		if strings.Contains(page.body, not) {
			t.Errorf("the page has %s", not)
		}
	}
	reader.get("/r/self_assessments?f.control=PPL-01").want(t, http.StatusOK, "SA-PPL-01-2024-Q1")
}

func TestAControlBeforeThereIsAPeriod(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/controls").want(t, http.StatusOK, "No period has been opened yet", "<strong>80</strong> any")
	b.get("/controls/PPL-01").want(t, http.StatusOK, "There is no result in this period", "No period has been opened yet")
	b.get("/controls/PPL-01/deviations").want(t, http.StatusOK, "show no deviation")
}

// What SCAF keeps of a test can be opened: its population, with the query that was
// recorded for it, and its result.
func TestPopulationsAndResultsCanBeOpened(t *testing.T) {
	c := openCompany(t)
	c.test("MON-02") // of a source that is computed, with its query
	b := c.signed(t, "ann", "auditor")
	queried := false
	for _, kind := range []*record.Kind{populations.Register, results.Register} {
		var ids []string
		c.must(c.DB.Read(t.Context(), func(r *store.Reader) error {
			return record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
				ids = append(ids, v.ID)
				return nil
			})
		}))
		if len(ids) == 0 {
			t.Errorf("there are no %s", kind.Register)
		}
		for _, id := range ids {
			page := b.get("/r/"+kind.Register+"/"+id).want(t, http.StatusOK, id)
			queried = queried || strings.Contains(strings.ToLower(page.body), "computed") && strings.Contains(page.body, "occurrences")
		}
	}
	if !queried {
		t.Error("no page shows the recorded query of a population")
	}
}

// A control whose owner is a title that nobody has is marked wherever it is listed, with the
// way to give the title to somebody.
func TestAControlOfNobodyIsMarked(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	ann, kim := c.signed(t, "ann", "compliance"), c.signed(t, "kim", "engineer")
	ann.get("/controls?owner=people+lead").want(t, http.StatusOK, "people lead (nobody)")
	ann.get("/controls/PPL-01").want(t, http.StatusOK, "Nobody is “people lead”", `<a href="/r/people">Give somebody the title</a>`, `href="/controls/propose?control=PPL-01"`)
	kim.get("/controls/PPL-01").want(t, http.StatusOK, "Nobody is “people lead”", "gives somebody the title")
	ann.get("/").want(t, http.StatusOK, "of nobody: no one is", `<a href="/controls?owner=people%20lead">people lead</a>`)
	_, err := c.SetRecord(t.Context(), apptest.Operator, people.Register, "E3", record.AnyVersion, fields("title", "People Lead"))
	c.must(err)
	for _, path := range []string{"/controls?owner=people+lead", "/controls/PPL-01"} {
		if page := ann.get(path).want(t, http.StatusOK); strings.Contains(page.body, "(nobody)") || strings.Contains(page.body, "Nobody is") {
			t.Errorf("%s says that it is nobody's", path)
		}
	}
	if page := ann.get("/"); strings.Contains(page.body, `">people lead</a>`) {
		t.Error("the overview says so still")
	}
}

// That nothing happened in a register which people keep is said on the control's page, with
// where somebody looked; it counts for as long as the population is empty.
func TestWhereSomebodyLookedIsRecorded(t *testing.T) {
	c := openCompany(t)
	_, _, err := c.VersionDesk().Adopt(t.Context(), person("E3"), []*controls.Control{c.control("PRV-07")}, nil)
	c.must(err)
	c.test("PRV-07")
	b := c.signed(t, "ann", "compliance")
	const path, asks = "/controls/PRV-07", `action="/controls/PRV-07/nothing"`
	b.get(path).want(t, http.StatusOK, "people keep it here, and that it is empty may mean that nobody did", asks)
	if page := c.signed(t, "aud", "auditor").get(path); strings.Contains(page.body, asks) {
		t.Error("an auditor is asked")
	}
	size := c.size(t)
	for looked, says := range map[string]string{" ": "say where you looked", strings.Repeat("x", 4001): "at most 4000", "a\x00b": "holds a null character (U&#43;0000)"} {
		b.post(path+"/nothing", "test", "reported", "looked", looked).want(t, http.StatusUnprocessableEntity, says, asks)
	}
	b.post(path+"/nothing", "test", "none", "looked", "the log").want(t, http.StatusUnprocessableEntity, "has no test")
	b.post("/controls/NIL-01/nothing", "test", "reported", "looked", "the log").want(t, http.StatusNotFound)
	if now := c.size(t); now != size {
		t.Errorf("what is refused leaves %d events", now-size)
	}
	ended := url.Values{"form": {b.form}, "test": {"reported"}, "looked": {"The mailbox, kept"}}
	b.ask(http.MethodPost, path+"/nothing", url.Values{"form": {"that of another session"}, "test": {"reported"}, "looked": {"The mailbox, kept"}}, nil).want(t, http.StatusForbidden, "you have signed in again since", "The mailbox, kept")
	c.browser(t).ask(http.MethodPost, path+"/nothing", ended, nil).want(t, http.StatusUnauthorized, "Your session has ended", `name="again" value="`+path+`/nothing"`, "The mailbox, kept")
	b.post(path+"/nothing", "test", "reported", "looked", "The mailbox of the privacy officer <since> January").goes(t, path+"#reported")
	c.at("2026-03-10T14:00:00Z") // what the page says of the controls is kept for a while
	done := b.get(path).want(t, http.StatusOK, "Nothing was found where somebody looked: The mailbox of the privacy officer &lt;since&gt; January")
	if strings.Contains(done.body, asks) || strings.Contains(done.body, "may mean that nobody did") {
		t.Error("it is asked again")
	}
	_, err = c.Refresh(t.Context(), act.JobCaller(surface.TestJob), *c.period)
	c.must(err)
	b.get(path).want(t, http.StatusOK, "Nothing was found where somebody looked")
	// What was said while the period ran says nothing of its end.
	c.at("2026-07-02T09:00:00Z")
	closed, err := periods.Close(t.Context(), c.Door, apptest.Operator, c.period.Name)
	c.must(err)
	_, err = c.Refresh(t.Context(), act.JobCaller(surface.TestJob), *closed)
	c.must(err)
	ann := c.browser(t)
	ann.post("/signin", "id", "ann", "password", password)
	if page := ann.get(path).want(t, http.StatusOK, asks, "may mean that nobody did"); strings.Contains(page.body, "Nothing was found where") {
		t.Error("the closed period has what was said before its end")
	}
	ann.post(path+"/nothing", "test", "reported", "looked", "The mailbox, after the last day").goes(t, path+"#reported")
	c.at("2026-07-02T12:00:00Z")
	ann.get(path).want(t, http.StatusOK, "Nothing was found where somebody looked: The mailbox, after the last day")
}

// A table is one way to enter records of a register that people keep: what they entered before
// it, and after it, is tested as well.
func TestATableDoesNotEndWhatIsKnownOfARegisterThatPeopleKeep(t *testing.T) {
	c := openCompany(t)
	for _, id := range []string{"RSK-02", "PRV-07"} {
		_, _, err := c.VersionDesk().Adopt(t.Context(), person("E3"), []*controls.Control{c.control(id)}, nil)
		c.must(err)
	}
	b := c.signed(t, "ann", "compliance")
	b.post("/r/risks", "f.title", "Flood", "f.category", "operations", "f.owner", "person/E1").goes(t, "/r/risks/RSK-1")
	take := func(file, text string) {
		preview := b.upload("/import/risks", file, []byte(text))
		held := regexp.MustCompile(`name="held" value="([0-9a-f]{64})"`).FindStringSubmatch(preview.body)
		if held == nil {
			t.Fatalf("the file is not kept: %s", preview.body)
		}
		b.post("/import/risks/take", "held", held[1], "name", file, "update", "1").want(t, http.StatusOK, "read to its end")
	}
	take("risks.csv", "id,title,category,owner\nRSK-2,Storm,operations,person/E1\nRSK-3,Hail,nonsense,person/E1\n")
	c.at("2026-03-10T15:00:00Z")
	b.post("/r/risks", "f.title", "Fire", "f.category", "operations", "f.owner", "person/E1").goes(t, "/r/risks/RSK-3")
	for _, test := range c.control("RSK-02").Tests {
		outcome, err := c.Lab().Perform(t.Context(), apptest.Operator, results.Task{Control: c.control("RSK-02"), Test: test, Period: *c.period})
		c.must(err)
		if !outcome.Result.To.Equal(c.Manual.Now()) {
			t.Errorf("%s looks up to %s only", test.ID, outcome.Result.To)
		}
		for _, because := range outcome.Result.Because {
			if strings.Contains(because, "is not complete") {
				t.Errorf("%s: %s", test.ID, because)
			}
		}
	}
}
