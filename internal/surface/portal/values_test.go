package portal_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/judgments"
	"scaf.dev/scaf/internal/platform/config"
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
	list := b.get("/r/deviations").want(t, 200, `<td data-label="Control"><a href="/controls/PPL-01">PPL-01</a></td>`, `<td data-label="Item">E2</td>`, `<td data-label="Cause">human_error</td>`)
	link := regexp.MustCompile(`href="(/r/deviations/[^"]+)"`).FindStringSubmatch(list.body)
	if link == nil {
		t.Fatal("the list names no deviation")
	}
	b.get(link[1]).want(t, 200, `<dt>Control</dt><dd><a href="/controls/PPL-01">PPL-01</a></dd>`, "<dt>Note</dt><dd>It was forgotten.</dd>").read(t)
	for _, kind := range c.Kinds {
		if err := kind.Wrong(); err != nil {
			t.Error(err)
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
