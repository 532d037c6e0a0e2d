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

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/observations"
	"scaf.dev/scaf/internal/assurance/results"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
)

// leavers are people who have left, and whose access ended in time but for the last ones.
func (c *company) leavers(inTime, not int) {
	c.t.Helper()
	left := c.Manual.Now().AddDate(0, 0, -5)
	var all []record.Change
	for i := range inTime + not {
		id := fmt.Sprintf("E9%03d", i)
		one := people.Person{ID: id, Name: "Example " + id, State: people.Left, LeftAt: &left}
		if i < inTime {
			one.AccessEndedAt = &left
		}
		all = append(all, record.Change{Verb: "added", ID: id, Doc: one})
	}
	_, err := c.Door.Do(c.t.Context(), apptest.Operator, "person.add", people.Register.Register, func(tx *act.Tx) error {
		_, err := record.Put(tx, people.Register, all...)
		return err
	})
	c.must(err)
}

// looked are readings of endpoints: good, bad, one that could not be read, one that is not there.
func (c *company) looked() {
	c.t.Helper()
	at := c.Manual.Now()
	good := fmt.Sprintf(`{"protocol":"TLS 1.3","trusted":true,"plaintext_refused":true,"certificate_ends_at":%q}`, at.AddDate(1, 0, 0).Format("2006-01-02T15:04:05Z"))
	for i, value := range []string{good, good, `{"protocol":"SSL 3"}`, "", "-"} {
		o := observations.Observation{Resource: fmt.Sprintf("host-%d", i/2), Check: "tls", Source: "probe", Query: "q", ObservedAt: at.AddDate(0, 0, i-9), Outcome: observations.Read}
		switch value {
		case "":
			o.Outcome, o.Reason = observations.Failed, "timeout"
		case "-":
			o.Outcome = observations.Absent
		default:
			o.Value = json.RawMessage(value)
		}
		_, err := observations.Record(c.t.Context(), c.Door, apptest.Operator, o)
		c.must(err)
	}
}

// Each number of a control's page and of a result's record leads to as many rows.
func TestEveryNumberOfAResultLeadsToWhatItCounts(t *testing.T) {
	c := openCompany(t)
	c.at("2026-04-02T09:00:00Z") // the review of March may still be done
	c.leavers(230, 205)
	c.looked()
	for _, control := range []string{"PPL-01", "ACC-02", "ENC-01"} {
		c.test(control)
	}
	b := c.signed(t, "ann", "auditor")
	before := c.size(t)
	figure := regexp.MustCompile(`<dt>([a-z ]+)</dt><dd>(?:<a href="([^"]+)">)?(\d+)`)
	field := regexp.MustCompile(`<dt>([A-Z][a-z]+)</dt><dd>(?:<a href="([^"]+)">)?(\d+)(?:</a>)?</dd>`)
	seen := map[string]bool{}
	follow := func(on, page, name, href, number string) {
		switch {
		case href == "" && number != "0":
			t.Errorf("%s: %s %s leads nowhere", page, number, name)
		case strings.HasPrefix(href, "/r/results/"): // hours: there are no items of them
		case href != "":
			seen[on+" "+name] = true
			if n := b.listed(t, html.UnescapeString(href)); strconv.Itoa(n) != number {
				t.Errorf("%s: %s %s lead to %d", page, number, name, n)
			}
		}
	}
	var performed []string
	for _, control := range []string{"PPL-01", "ACC-02", "ENC-01"} {
		page := b.get("/controls/"+control).want(t, http.StatusOK)
		for _, one := range figure.FindAllStringSubmatch(page.body, -1) {
			follow("control", "/controls/"+control, one[1], one[2], one[3])
		}
		for _, one := range regexp.MustCompile(`(RES-\d+)</a>, performed`).FindAllStringSubmatch(page.body, -1) {
			performed = append(performed, one[1])
		}
		past := regexp.MustCompile(`class="number">(?:<a href="([^"]+)">)?(\d+)`)
		for _, one := range past.FindAllStringSubmatch(page.body, -1) {
			follow("control", "/controls/"+control, "past", one[1], one[2])
		}
	}
	for _, result := range performed {
		for _, one := range field.FindAllStringSubmatch(b.get("/r/results/"+result).want(t, http.StatusOK).body, -1) {
			if one[1] != "Asserted" {
				follow("record", "/r/results/"+result, one[1], one[2], one[3])
			}
		}
		b.get("/r/results/"+result+"/history").want(t, http.StatusOK)
		// Those that the list itself offers, too.
		for _, one := range regexp.MustCompile(`<li><a href="(/results/[^"]+)"[^>]*><strong>(\d+)</strong>`).FindAllStringSubmatch(b.get("/results/"+result+"/items?of=all").want(t, http.StatusOK).body, -1) {
			follow("items", "/results/"+result, "list", one[1], one[2])
		}
	}
	for _, name := range []string{"control items", "control passed", "control deviations", "control open", "control resources", "control past", "record Count", "record Passed", "record Deviations", "record Open", "record Resources", "record Readings", "record Unread", "record Absent", "items list"} {
		if !seen[name] {
			t.Errorf("nothing was followed from %s: %v", name, seen)
		}
	}
	if len(performed) < 3 {
		t.Errorf("results %v", performed)
	}

	path := "/results/" + performed[0] + "/items"
	b.get(path+"?of=all").want(t, http.StatusOK, "<p>1 to 200 of 436</p>", `<a href="/controls/PPL-01#leavers">PPL-01 leavers</a>`, `<a href="/r/populations/POP-`,
		`<a href="/r/people/E2" title="person/E2">Example E2</a>`, "Deviation</a>: ", "<strong>436</strong> items", `aria-current="true"><strong>436`)
	b.get(path+"?of=passed&from=200").want(t, http.StatusOK, "<p>201 to 230 of 230</p>", `rel="prev" href="`+path+`?of=passed"`)
	b.get(path+"?of=passed&from=900").want(t, http.StatusOK, "<p>1 to 200 of 230</p>")
	b.get(path+"?of=passed&from=-3").want(t, http.StatusOK, "<p>1 to 200 of 230</p>")
	b.get(path+"?of=open").want(t, http.StatusOK, "There is nothing of this kind in "+performed[0])
	judge := b.get(path+"?of=deviations&from=200").linked(t, "Deviation")
	b.get(judge).want(t, http.StatusOK, "Why it failed")
	for _, none := range []string{path, path + "?of=x", path + "?of=resources", "/results/RES-99/items?of=all"} {
		b.get(none).want(t, http.StatusNotFound)
	}

	// What is changed later does not change what was tested.
	_, err := c.SetRecord(t.Context(), apptest.Operator, people.Register, "E2", record.AnyVersion, fields("access_ended_at", "2026-02-27T13:00:00Z"))
	c.must(err)
	after := c.size(t)
	if n := b.listed(t, path+"?of=deviations"); n != 206 {
		t.Errorf("%d deviations are left", n)
	}
	if c.size(t) != after || after != before+1 { // what E2 is changed to
		t.Errorf("reading items is recorded: %d, %d, %d", before, after, c.size(t))
	}
}

// Whoever may read controls, and no people, sees of items what deviations show them.
func TestItemsOfPeopleAreNamedToWhoMayReadThem(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "kim", "engineer")
	row := func(path string) string {
		return regexp.MustCompile(`<th scope="row">.*</th>`).FindString(b.get(path).want(t, http.StatusOK).body)
	}
	items, deviations := row("/results/RES-2/items?of=all"), row("/controls/PPL-01/deviations?result=RES-2")
	if items != deviations || strings.Contains(items, "/r/people/") {
		t.Errorf("an item is shown as %q, and among the deviations as %q", items, deviations)
	}
}

// Where reading again comes to another number than the result's, its page says so.
func TestItemsOfAResultThatDiffers(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "auditor")
	const says = "The result says 2, and reading it again finds 1"
	if page := b.get("/results/RES-2/items?of=all").want(t, http.StatusOK); strings.Contains(page.body, "notice") {
		t.Error("a result that agrees has a notice")
	}
	forged, err := c.Lab().Result(t.Context(), "RES-2")
	c.must(err)
	forged.Count = 2
	_, err = c.Door.Do(t.Context(), apptest.Operator, "control.test", "control/PPL-01", func(tx *act.Tx) error {
		_, err := record.Put(tx, results.Register, record.Change{Verb: "changed", ID: "RES-2", Doc: *forged, Expect: 1})
		return err
	})
	c.must(err)
	b.get("/results/RES-2/items?of=all").want(t, http.StatusOK, says)
	b.get("/results/RES-2/items?of=all&from=1").want(t, http.StatusOK, says)
}
