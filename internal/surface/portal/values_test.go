package portal_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// raw is what shows that a page holds a document as programs write it.
var raw = []string{"{&#34;", "[{", "&#34;:", "{\n"}

func (p page) read(t *testing.T) {
	t.Helper()
	_, content, _ := strings.Cut(p.body, "<main")
	for _, sign := range raw {
		if at := strings.Index(content, sign); at >= 0 {
			t.Errorf("the page shows a document: %.200s", content[at:])
		}
	}
}

// Lists of structs are tables with the names that people know, a struct says what its
// fields are; what is empty in all of them has no column.
func TestWhatRecordsHoldIsRead(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "people", `{"id":"E1","name":"Zoe Example","joined_at":"2025-01-01T00:00:00Z"}`)
	s.records(t, "privacy_checks", `{"title":"Spring","owner":"person/E1","due_at":"2026-04-01T00:00:00Z","findings":[{"text":"A \"quoted\" text","owner":"person/E1"},{"text":"Another","owner":"person/E1"}]}`)
	got := b.get("/r/privacy_checks/PCH-1").want(t, 200, `<th scope="col">What was found</th>`, `<td data-label="Owner"><a href="/r/people/E1" title="person/E1">Zoe Example</a></td>`, "A &#34;quoted&#34; text")
	got.read(t)
	if strings.Contains(got.body, `<th scope="col">Finding</th>`) {
		t.Error("there is a column in which nothing stands")
	}
	s.records(t, "changes", `{"id":"c1","title":"One","author":{"name":"Ann","email":"ann@example.org"},"merged_at":"2026-01-02T10:00:00Z","reviewers":[{"name":"Bob"}]}`)
	b.get("/r/changes/c1").want(t, 200, "<dt>Email</dt><dd>ann@example.org</dd>", `<td data-label="Name">Bob</td>`).read(t)
	b.get("/r/changes/c1/history").want(t, 200, "<dt>Email</dt><dd>ann@example.org</dd>").read(t)
}

// What SCAF keeps for itself is told apart in its lists, and read on its pages.
func TestWhatSCAFKeepsIsRead(t *testing.T) {
	c, ctx := openCompany(t), context.Background()
	b := c.signed(t, "ann", "compliance")
	_, err := c.Door.Do(ctx, apptest.Operator, "deviation.state", "deviation/E2", func(tx *act.Tx) error {
		_, err := judgments.State(tx, judgments.Deviation{
			Subject: judgments.Subject{Control: "PPL-01", Test: "leavers", Period: "H1", Item: "E2"}, Result: "RES-2", Owner: "Security lead",
			Cause: &judgments.Cause{ID: "human_error", Note: "It was forgotten."},
		})
		return err
	})
	c.must(err)
	b.get("/r/results").want(t, 200, `<td data-label="Control"><a href="/controls/PPL-01">PPL-01</a></td>`, `<td data-label="Test">leavers</td>`, `<td data-label="Period">H1</td>`, `<td data-label="Conclusion">`)
	list := b.get("/r/deviations").want(t, 200, `>PPL-01 leavers</a>`, `<a href="/r/people/E2" title="person/E2">Example E2</a>`, `<td data-label="Cause">human error</td>`)
	link := regexp.MustCompile(`href="(/r/deviations/[^"]+)"`).FindStringSubmatch(list.body)
	if link == nil {
		t.Fatal("the list names no deviation")
	}
	b.get(link[1]).want(t, 200, `<dt>Control</dt><dd><a href="/controls/PPL-01">PPL-01</a></dd>`, "<dt>Note</dt><dd>It was forgotten.</dd>").read(t)
	for _, kind := range c.Kinds {
		if err := kind.Wrong(); err != nil {
			t.Error(err)
		}
		for _, f := range kind.Described { // a table's columns say of what they are the time and the person
			if shape := record.ShapeOf(kind.Type(f.Name)); !kind.Internal && (shape == record.ShapeRows || shape == record.ShapeParts) {
				for _, part := range record.Parts(kind.Type(f.Name)) {
					if part.Label == "At" || part.Label == "By" {
						t.Errorf("%s, %s: what is meant by %q?", kind.Register, f.Name, part.Label)
					}
				}
			}
		}
		if kind.Personal {
			continue
		}
		list := b.get("/r/"+kind.Register).want(t, 200)
		list.read(t)
		for _, link := range regexp.MustCompile(`<th scope="row"><a href="(/r/[^"]+)"`).FindAllStringSubmatch(list.body, 3) {
			b.get(link[1]).want(t, 200).read(t)
		}
	}
}

// A length of time reads as people say it, in its form, too.
func TestALengthOfTimeReadsAsPeopleSayIt(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.People(t, "E1")
	n := 0
	for text, want := range map[string]string{
		"384h0m0s": "16 days", "8760h": "1 year", "24h": "1 day", "5h0m0s": "5 hours", "1h30m": "1 hour 30 minutes", "334 days": "334 days", "1 year": "1 year",
	} {
		n++
		s.records(t, "data_sets", fmt.Sprintf(`{"title":"Set","owner":"person/E1","class":"internal","retention":%q}`, text))
		b.get(fmt.Sprintf("/r/data_sets/DS-%d", n)).want(t, http.StatusOK, "<dt>Retention</dt><dd>"+want+"</dd>")
		b.get(fmt.Sprintf("/r/data_sets/DS-%d/edit", n)).want(t, http.StatusOK, `value="`+want+`"`)
	}
	b.get("/r/data_sets/DS-1").want(t, http.StatusOK)
	b.post("/r/data_sets/DS-1", "version", "1", "f.title", "Set", "f.owner", "person/E1", "f.class", "internal", "f.retention", "2 years").goes(t, "/r/data_sets/DS-1")
	b.get("/r/data_sets/DS-1").want(t, http.StatusOK, "<dt>Retention</dt><dd>2 years</dd>")
	b.post("/r/data_sets/DS-1", "version", "2", "f.title", "Set", "f.owner", "person/E1", "f.class", "internal", "f.retention", "soon").
		want(t, http.StatusUnprocessableEntity, "&#34;soon&#34; is no length of time such as 4 hours, 30 days or 1 year", `value="soon"`)
}

// The rows of a list that have many fields stand on lines of their own, with the names of
// people; a record that names this one says as what, unless that is what this one is.
func TestRowsOfManyFields(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "people", `{"id":"E1","name":"Ada Example"}`)
	s.records(t, "vendors", `{"name":"Example","service":"s","category":"cloud","owner":"person/E1"}`)
	s.records(t, "vendor_contracts", `{"vendor":"vendor/VEN-1","title":"Terms","owner":"person/E1","begins_at":"2026-01-01T00:00:00Z"}`)
	b.get("/r/vendors/VEN-1").want(t, http.StatusOK, "<h2>Vendor contracts</h2>")
	b.get("/r/people/E1").want(t, http.StatusOK, "<h2>Vendors: Owner</h2>")
	s.records(t, "processing_activities", `{"title":"Screening","owner":"person/E1","purposes":["x"],"data":["names","dates"],"lawful_ground":"contract"}`)
	b.post("/r/processing_activities/PA-1/move", "version", "1", "state", "reviewed", "f.purposes", "x", "f.data", "names\ndates", "f.lawful_ground", "contract", "f.quality_check", "A sample").
		goes(t, "/r/processing_activities/PA-1")
	page := b.get("/r/processing_activities/PA-1").want(t, http.StatusOK, `<ol class="rounds"><li><dl class="parts">`, "<dt>Quality check</dt><dd>")
	if n := strings.Count(page.body, `<dt>Owner</dt><dd><a href="/r/people/E1"`); n != 2 {
		t.Error("whose round it was is no link with a name")
	}
}
