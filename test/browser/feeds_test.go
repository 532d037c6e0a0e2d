package browser

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// news is what an authority publishes.
const news = `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Authority</title>
<entry><id>1</id><title>A new law</title><link href="https://authority.example/1"/><updated>2026-02-01T09:00:00Z</updated><summary>&lt;p&gt;Answer &lt;b&gt;within a month&lt;/b&gt;.&lt;script&gt;alert(1)&lt;/script&gt;&lt;/p&gt;</summary></entry>
<entry><id>2</id><title>A speech</title><link href="https://authority.example/2"/><updated>2026-02-02T09:00:00Z</updated><summary>It was long.</summary></entry>
<entry><id>3</id><title>A study</title><link href="https://authority.example/3"/><updated>2026-02-03T09:00:00Z</updated><summary>Of letters.</summary></entry>
</feed>`

// A feed brings what an authority publishes, once. Its owner finds it among their work: one
// entry becomes a regulation, another is dismissed with a reason, and a third is still to be
// looked at.
func TestWhatAFeedBringsIsSorted(t *testing.T) {
	t.Parallel()
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/atom+xml")
		fmt.Fprint(w, news)
	}))
	t.Cleanup(authority.Close)
	dir := office(t)
	configure(t, dir, "feeds", map[string]any{"allow_private": []string{"127.0.0.0/8"}, "roots": "roots.pem"})
	if err := os.WriteFile(filepath.Join(dir, "roots.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &company{site: fresh(t, dir), dir: dir}
	lead := c.signs(t, "compliance")
	lead.goes("/new/regulatory_feeds")
	lead.fills("f-title", "The authority's news", "f-url", strings.Replace(authority.URL, "https:", "http:", 1), "f-jurisdiction", "EU", "f-owner", "person/E2")
	if status := lead.sends("Add it"); status != 422 {
		t.Errorf("a feed that anybody on the way can change is answered with %d", status)
	}
	lead.holds("[role=alert]", "it must be a URL like https://")
	lead.audited("feed-refused")
	lead.fills("f-url", authority.URL)
	lead.presses("Add it")
	feed := lead.path()
	c.meanwhile(t, [][]string{{"feed", "fetch"}, {"feed", "fetch"}}, lead)
	lead.goes(feed)
	lead.says("Notices", "3") // the second time brought nothing
	lead.audited("feed")

	v := c.signs(t, "ciso")
	v.goes("/work")
	v.holds("main", "Say what the notice means", "A new law", "A speech", "A study")
	v.goes("/r/regulatory_notices")
	v.audited("regulatory-notices")
	v.follows("main table", "A new law")
	v.stands("New")
	v.says("Summary", "Answer within a month")
	v.says("Feed", "The authority's news")
	notice := v.path()
	v.follows("main", "Take it up as a regulation")
	if title := in(v, chromedp.Value(chromedp.ID("f-title"))); title != "A new law" {
		t.Errorf("the form of the regulation names %q", title)
	}
	v.fills("f-kind", "law")
	v.presses("Add it")
	v.says("Jurisdiction", "EU")
	v.says("Address", "https://authority.example/1")
	v.fills("reviewed-f-applies", "yes", "reviewed-f-reason", "We have customers there.")
	if status := v.sends("Record the review"); status != 422 {
		t.Errorf("a law that applies and asks for nothing is answered with %d", status)
	}
	v.holds("[role=alert]", "of one that applies, what has to change")
	v.fills("reviewed-f-impact", "A new notice", "reviewed-f-obligations", "Answer within a month")
	v.presses("Record the review")
	v.stands("Reviewed")
	v.goes(notice)
	v.stands("Taken")
	v.says("Regulation", "A new law")
	v.says("Settled by", "Ben Example")
	v.audited("regulatory-notice")

	v.goes("/r/regulatory_notices")
	v.follows("main table", "A speech")
	v.unfolds("Dismiss")
	if status := v.sends("Dismiss"); status != 422 {
		t.Errorf("a notice that is dismissed without a reason is answered with %d", status)
	}
	v.holds("[role=alert]", "Why not: is needed")
	v.fills("dismissed-f-reason", "Nothing follows from a speech.")
	v.presses("Dismiss")
	v.stands("Dismissed")
	v.goes("/work")
	v.holds("main", "A study")
	if text := in(v, chromedp.Text(chromedp.CSS("main"))); strings.Contains(text, "A speech") {
		t.Error("the speech was dismissed, and still is to be looked at")
	}

	reader := c.signs(t, "auditor")
	reader.goes("/r/regulatory_notices?f.state=dismissed")
	reader.follows("main table", "A speech")
	reader.says("Why not", "Nothing follows from a speech.")
	if reader.offers("Back to new") {
		t.Error("an auditor is offered to change a notice")
	}
	c.tests(t, "COM-03", "sorted", 3, 2)
}

// configure sets a part of the configuration of a folder that nobody serves yet.
func configure(t *testing.T, dir, part string, value any) {
	t.Helper()
	file := filepath.Join(dir, "scaf.json")
	var config map[string]any
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &config)
	}
	if err == nil {
		config[part] = value
		raw, err = json.Marshal(config)
	}
	if err == nil {
		err = os.WriteFile(file, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
