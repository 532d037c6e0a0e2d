package portal_test

import (
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/risks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// The reviews that a risk has behind it are a table, the latest first, without the scale
// of each of them.
func TestEarlierReviewsAreATable(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	score := func(n int) *int { return &n }
	day := func(month time.Month) *time.Time {
		at := time.Date(2025, month, 30, 22, 30, 0, 0, time.UTC)
		return &at
	}
	review := func(due, done time.Month, likelihood int) risks.Review {
		return risks.Review{
			ID: "RSK-9@" + due.String(), Risk: "RSK-9", Title: "Flood", Owner: "person/E1", Likelihood: score(likelihood), Impact: score(4), RatedOn: risks.Default().Terms(),
			Response: "reduce", Controls: []string{"PPL-01"}, DueAt: day(due), ReviewedAt: day(done), ReviewedBy: "person/E1",
		}
	}
	_, err := s.Door.Do(t.Context(), apptest.Operator, "risk.add", "risks", func(tx *act.Tx) error {
		_, err := record.Put(tx, risks.Register, record.Change{Verb: "added", ID: "RSK-9", Doc: risks.Risk{
			ID: "RSK-9", Title: "Flood", Category: "operations", Owner: "person/E1", State: "assessed", Reviews: []risks.Review{review(time.March, time.April, 5), review(time.June, time.May, 3)},
		}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b := s.signed(t, "ann", "compliance")
	page := b.get("/r/risks/RSK-9").want(t, 200, `<th scope="col">Review due</th><th scope="col">Reviewed</th><th scope="col">Reviewed by</th><th scope="col">Score</th><th scope="col">Response</th></tr>`)
	table := page.around(t, "Reviews that were due", 2500)
	first, second := strings.Index(table, "12 high (3×4)"), strings.Index(table, "20 critical (5×4)")
	if first < 0 || second < first || !strings.Contains(table, ">Zoe Example</a>") || !strings.Contains(table, "Reduce") {
		t.Errorf("the table is %s", table)
	}
	if due := day(time.June); !strings.Contains(table, `<time datetime="`+due.Format(time.RFC3339)+`">2025-07-01</time>`) {
		t.Errorf("the table does not say the day: %s", table)
	}
	for _, part := range []string{"RSK-9@", "Level from", "PPL-01", "Accepted by"} {
		if strings.Contains(page.body, part) {
			t.Errorf("the page has %q", part)
		}
	}
}

// The map has the steps of the scale in force, and never a rating of another one in
// its cells.
func TestTheRiskMapOfAnotherScale(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.People(t, "E1")
	risk := func(title, more string) string {
		return `{"title":"` + title + `","category":"fraud","owner":"person/E1"` + more + `}`
	}
	s.records(t, "risks", risk("Earlier", `,"likelihood":3,"impact":3`), risk("Nobody rated", ""))
	b.get("/risks").want(t, 200, "SCL-0, the default", `critical, 16 to 25`, "names a control from 12 on")
	// What a risk can be rated as is offered, each with what it means.
	b.get("/new/risks").want(t, 200, `<select id="f-likelihood" name="f.likelihood"`, `<option value="3">3 possible: once in 3 years</option>`, `<option value="5">5 severe: the company&#39;s existence is in question</option>`,
		`<select id="f-scale" name="f.scale"`, `<option value="" selected>SCL-0 Five by five</option></select>`)
	b.get("/r/risks/RSK-2").want(t, 200, `<select id="assessed-f-residual_impact" name="f.residual_impact"`, `<option value="2">2 minor: a day of work or of outage</option>`)
	b.get("/new/risk_scales").want(t, 200, "almost certain", "1\n5\n10\n16</textarea>")
	by := apptest.Begin.AddDate(0, 2, 0)
	s.records(t, "risk_scales", `{"title":"Four by three","rate_by":"`+by.Format("2006-01-02T15:04:05Z")+`",
		"likelihoods":["seldom","now and then","yearly","often"],"likelihood_meanings":["a","b","expected within a year","d"],
		"impacts":["small","large","ruin"],"impact_meanings":["a","b","the end"],"levels":["green","amber","red"],"level_from":[1,4,9],"control_from":9}`)
	if _, err := s.MoveRecord(t.Context(), act.Caller{ID: "person/other", Roles: []string{"administrator"}}, risks.Scales, "SCL-1", record.AnyVersion, risks.InForce, nil); err != nil {
		t.Fatal(err)
	}
	s.records(t, "risks", risk("Now", `,"likelihood":3,"impact":3`))

	got := b.get("/risks").want(t, 200, `href="/r/risk_scales/SCL-1"`, "Four by three", `aria-label="1 yearly, ruin: red"`, "Rated on an earlier scale", ">Earlier</a>",
		"moderate", "red, 9 to 12", "green, 1 to 3", "names a control from 9 on", by.Format("2006-01-02"))
	if strings.Contains(got.body, "almost certain") || strings.Contains(got.body, ">Nobody rated</a>") || strings.Contains(got.body, ">Now</a>") {
		t.Error("the map shows steps of another scale, or lists what is rated on the one in force")
	}
	for _, level := range []string{`class="level low"><span class="nothing" aria-label="0 seldom, small: green"`, `class="level high"><span class="nothing" aria-label="0 yearly, large: amber"`, `class="level critical"><a`} {
		if !strings.Contains(got.body, level) {
			t.Errorf("the map lacks %s", level)
		}
	}
	link := regexp.MustCompile(`href="([^"]+)" aria-label="1 yearly, ruin`).FindStringSubmatch(got.body)
	if list := b.get(html.UnescapeString(link[1])).want(t, 200, ">Now</a>"); strings.Contains(list.body, ">Earlier</a>") {
		t.Error("the number leads to a rating of another scale")
	}
	// So do the sums: as many are behind each as it says.
	sums := func(want ...string) {
		t.Helper()
		body := b.get("/risks").want(t, 200).body
		all := regexp.MustCompile(`(?:<a href="([^"]+)">)?(\d+) (rated|not rated)`).FindAllStringSubmatch(body, -1)
		var got []string
		for _, sum := range all {
			if got = append(got, sum[2]+" "+sum[3]); sum[1] != "" {
				b.get(html.UnescapeString(sum[1])).want(t, 200, sum[2]+" shown")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the sums are %q", got)
		}
	}
	sums("1 rated", "1 not rated", "0 rated", "3 not rated")
	b.get("/r/risks/RSK-1").want(t, 200, "Rated before", `href="/r/risk_scales/SCL-1"`, "To be rated on it by")
	b.get("/r/risks/RSK-1/edit").want(t, 200, "3 yearly (expected within a year)", "3 ruin (the end)",
		`<option value="" selected>was 3 possible on SCL-0</option>`, `<option value="" selected>was 3 moderate on SCL-0</option>`, `<option value="3">3 yearly: expected within a year</option>`,
		`<option value="risk_scale/SCL-1">SCL-1 Four by three</option>`)
	b.get("/r/risks/RSK-1").want(t, 200, `<option value="" selected>was 3 possible on SCL-0</option>`)
	// The rating stays until it is rated on this scale, which is said; what was chosen stays.
	unrated := []string{"f.title", "Earlier than that", "f.scale", "", "f.impact", "", "f.likelihood"}
	b.post("/r/risks/RSK-1", append([]string{"version", "2"}, append(unrated, "3")...)...).want(t, 422, "say risk_scale/SCL-1", `<option value="3" selected>3 yearly: expected within a year</option>`)
	b.post("/r/risks/RSK-1", "version", "2", "f.scale", "risk_scale/SCL-1", "f.likelihood", "", "f.impact", "2").want(t, 422, "was 3 possible on SCL-0: choose what it is on SCL-1")
	b.post("/r/risks/RSK-1", append([]string{"version", "2"}, append(unrated, "")...)...).goes(t, "/r/risks/RSK-1")
	s.holds(t, "risk", "RSK-1", "title", `"Earlier than that"`)
	s.holds(t, "risk", "RSK-1", "score", "9")
	s.records(t, "risks", risk("Of then", ""))
	if got := b.post("/r/risks/RSK-4", "version", "1", "f.likelihood", "5", "f.scale", "risk_scale/SCL-9").want(t, 422,
		`<option value="5" selected>5, which is not of the scale in force</option>`, `<option value="risk_scale/SCL-9" selected>SCL-9, which is not of the scale in force</option>`); strings.Contains(got.body, "almost certain") {
		t.Error("steps of another scale are offered")
	}
	b.post("/r/risks/RSK-1", "version", "3", "f.likelihood", "4", "f.impact", "3").want(t, 422, "say risk_scale/SCL-1")
	b.post("/r/risks/RSK-1", "version", "3", "f.scale", "risk_scale/SCL-1", "f.likelihood", "4", "f.impact", "4").want(t, 422, "is 4: on the scale SCL-1 it goes from 1 (small) to 3 (ruin)")
	b.post("/r/risks/RSK-1", "version", "3", "f.scale", "risk_scale/SCL-1", "f.likelihood", "4", "f.impact", "3").goes(t, "/r/risks/RSK-1")
	// A review says the scale, too.
	b.get("/r/risks/RSK-2").want(t, 200, `name="f.scale"`, `name="f.residual_impact"`, `name="f.controls"`)
	due := apptest.Begin.AddDate(0, 1, 0).Format("2006-01-02")
	b.post("/r/risks/RSK-1/move", "version", "4", "state", "assessed", "f.likelihood", "2", "f.impact", "3", "f.response", "reduce", "f.due_at", due, "f.scale", "").want(t, 422, "say risk_scale/SCL-1")
	b.post("/r/risks/RSK-1/move", "version", "4", "state", "assessed", "f.likelihood", "4", "f.impact", "3", "f.response", "reduce", "f.due_at", due, "f.scale", "risk_scale/SCL-1",
		"f.residual_likelihood", "1", "f.residual_impact", "3", "f.controls", "END-01").goes(t, "/r/risks/RSK-1")
	b.get("/r/risks/RSK-1").want(t, 200, "END-01", "green")
	sums("2 rated", "2 not rated", "1 rated", "3 not rated")
	if got := b.get("/risks").want(t, 200, `aria-label="1 often, ruin: red"`); strings.Contains(got.body, "Rated on an earlier scale") {
		t.Error("what was rated on the scale in force is still asked for")
	}
}

// A vendor's page lists the risks that name it, among other vendors and alone.
func TestAVendorIsNamedByRisks(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.People(t, "E1")
	vendor := `{"name":"Example","service":"x","category":"software","owner":"person/E1"}`
	s.records(t, "vendors", vendor, strings.Replace(vendor, "Example", "Another", 1))
	risk := func(title, vendors string) string {
		return `{"title":"` + title + `","category":"fraud","owner":"person/E1","vendors":[` + vendors + `]}`
	}
	if got := b.get("/r/vendors/VEN-1").want(t, 200); strings.Contains(got.body, "<h2>Risks") {
		t.Error("nothing names it, and there are risks")
	}
	s.records(t, "risks", risk("It fails", `"vendor/VEN-1"`), risk("Both fail", `"vendor/VEN-1","vendor/VEN-2"`), risk("The other fails", `"vendor/VEN-2"`))
	got := b.get("/r/vendors/VEN-1").want(t, 200, "<h2>Risks</h2>", `href="/r/risks/RSK-1">It fails</a>`, `href="/r/risks/RSK-2">Both fail</a>`)
	if strings.Contains(got.body, "The other fails") {
		t.Error("a risk is listed that names another vendor")
	}
	var many []string
	for i := range 60 {
		many = append(many, risk(fmt.Sprintf("It fails %d", i), `"vendor/VEN-1"`))
	}
	s.records(t, "risks", many...)
	page := b.get("/r/vendors/VEN-1").want(t, 200, "These are the first 50 of 62.").body
	if ninth, tenth := strings.Index(page, "/RSK-9\""), strings.Index(page, "/RSK-10\""); ninth < 0 || tenth < ninth || strings.Contains(page, "/RSK-52\"") || !strings.Contains(page, "/RSK-51\"") {
		t.Error("they are not the first ones, by their numbers") // RSK-3 is another vendor's
	}
}

// Who accepts a risk whose response is another one is told which of the two is wrong, and
// where it is changed.
func TestAnAcceptanceSaysWhatIsMissing(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.hired(t, "ann", "ciso", "compliance")
	s.People(t, "E1")
	due := apptest.Begin.AddDate(0, 1, 0).Format(time.RFC3339)
	s.records(t, "risks", `{"title":"A flood","category":"fraud","owner":"person/E1","likelihood":2,"impact":2,"response":"reduce","due_at":"`+due+`"}`)
	b.post("/r/risks/RSK-1/move", "version", "1", "state", "assessed", "f.likelihood", "2", "f.impact", "2", "f.response", "reduce", "f.due_at", apptest.Begin.AddDate(0, 1, 0).Format(time.DateOnly)).goes(t, "/r/risks/RSK-1")
	// The list says when it was reviewed, and by when it is next.
	row := b.get("/r/risks").want(t, 200, "<td", ">A flood</a>").around(t, ">A flood</a>", 1500)
	if !strings.Contains(row, apptest.Begin.Format(time.DateOnly)) || !strings.Contains(row, apptest.Begin.AddDate(1, 0, 0).Format(time.DateOnly)) {
		t.Errorf("the list has %s", row)
	}
	accept := func(until string) page {
		return b.post("/r/risks/RSK-1/move", "version", "2", "state", "accepted", "f.accepted_until", until, "f.accepted_reason", "It is far away")
	}
	accept(apptest.Begin.AddDate(0, 3, 0).Format("2006-01-02")).want(t, 422, "<li>Response: is not accept: the owner proposes an acceptance by that response", "It is far away")
	accept("2020-01-01").want(t, 422, "<li>Response: is not accept", `<a href="#accepted-f-accepted_until">Accepted until</a>: has to be a day ahead`)
}

// The page of a round says which risks are still to be reviewed, and leads to them.
func TestARoundSaysWhatIsStillToBeReviewed(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.hired(t, "ann", "compliance")
	for _, title := range []string{"A flood", "A fire", "A theft"} {
		s.records(t, "risks", `{"title":"`+title+`","category":"operations","owner":"person/E1"}`)
	}
	s.records(t, "risk_assessments", `{"title":"Risks of the year","trigger":"yearly"}`)
	if planned := b.get("/r/risk_assessments/RA-1").want(t, 200); strings.Contains(planned.body, "Still to be reviewed") {
		t.Error("a round that is planned has risks to review")
	}
	b.post("/r/risk_assessments/RA-1/move", "version", "1", "state", "open").goes(t, "/r/risk_assessments/RA-1")
	b.get("/r/risk_assessments/RA-1").want(t, 200, "Still to be reviewed: 3 of 3 risks", `<a href="/r/risks/RSK-1">`)
	b.post("/r/risks/RSK-2/move", "version", "1", "state", "closed", "f.closed_reason", "We moved uphill.").goes(t, "/r/risks/RSK-2")
	b.post("/r/risks/RSK-1/move", "version", "1", "state", "assessed", "f.likelihood", "2", "f.impact", "2", "f.residual_likelihood", "1", "f.residual_impact", "1", "f.response", "reduce", "f.treatment", "A pump.").goes(t, "/r/risks/RSK-1")
	page := b.get("/r/risk_assessments/RA-1").want(t, 200, "Still to be reviewed: 1 of 2 risks", `<a href="/r/risks/RSK-3">`)
	if strings.Contains(page.body, `<a href="/r/risks/RSK-1">`) || strings.Contains(page.body, `<a href="/r/risks/RSK-2">`) {
		t.Error("what was reviewed, or is closed, is still to be reviewed")
	}
	list := regexp.MustCompile(`<a href="(/r/risks\?filter=[^"]+)">`).FindStringSubmatch(page.body)
	if list == nil {
		t.Fatal("nothing leads to them")
	}
	if got := b.get(html.UnescapeString(list[1])).want(t, 200, "A theft"); strings.Contains(got.body, "A flood") || strings.Contains(got.body, "A fire") {
		t.Error("the list has others")
	}
}
