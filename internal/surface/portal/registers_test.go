package portal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/governance/communication"
	"scaf.dev/scaf/internal/governance/exercises"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// people adds people from JSON documents.
func (s *site) people(t *testing.T, docs ...string) {
	t.Helper()
	s.records(t, "people", docs...)
}

// records adds records from JSON documents.
func (s *site) records(t *testing.T, register string, docs ...string) {
	t.Helper()
	kind, err := s.Kinds.Find(register)
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range docs {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(doc), &fields); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddRecord(context.Background(), apptest.Operator, kind, fields); err != nil {
			t.Fatal(err)
		}
	}
}

var linkToPerson = regexp.MustCompile(`href="/r/people/([^"/?]+)">`)

// shows holds which people a page lists, in its order.
func (p page) shows(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, found := range linkToPerson.FindAllStringSubmatch(p.body, -1) {
		got = append(got, found[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown are %v, want %v", got, want)
	}
}

func TestARegisterIsListed(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b := s.signed(t, "ann", "compliance")
	b.get("/r/people").want(t, 200, "There is no record yet", `href="/new/people"`)
	s.people(t,
		`{"id":"E1","name":"Zoe Example","department":"Security","employment":"employee","joined_at":"2025-12-31T23:00:00Z"}`,
		`{"id":"E2","name":"Ann <b>Example</b>","department":"Engineering","employment":"contractor","joined_at":"2026-01-01T22:59:59Z"}`,
		`{"id":"E3","name":"Bob Sample","department":"Engineering","employment":"employee","joined_at":"2026-01-01T23:00:00Z"}`,
	)
	whole := b.get("/r/people").want(t, 200, "Ann &lt;b&gt;Example", "2026-01-01 00:00")
	whole.shows(t, "E1", "E2", "E3")
	for query, want := range map[string][]string{
		"sort=name":                      {"E2", "E3", "E1"},
		"sort=-name":                     {"E1", "E3", "E2"},
		"q=EXAMPLE":                      {"E1", "E2"},
		"q=e3":                           {"E3"},
		"f.department=Engineering&q=bob": {"E3"},
		"f.state=left":                   nil,
		"f.joined_at.from=2026-01-02":    {"E3"},
		"f.joined_at.to=2026-01-01":      {"E1", "E2"}, // the day in the organisation's zone
		"filter=" + url.QueryEscape(`item.employment != "employee"`): {"E2"},
	} {
		b.get("/r/people?"+query).want(t, 200).shows(t, want...)
	}
	b.get("/r/people?f.state=left").want(t, 200, "No record is like this", "Show all 3")
	b.get("/r/people?view=board").want(t, 200, `id="s-on_leave"`).shows(t, "E1", "E2", "E3")
	for query, part := range map[string]string{
		"filter=item.colour": "colour", "sort=colour": "sorted by", "after=xx": "not one of ours", "f.joined_at.from=soon": "no day", "q=%00": "cannot be looked for", "tag=Not+One": "no tag",
	} {
		b.get("/r/people?"+query).want(t, 400, part).shows(t)
	}
	b.get("/r/nothing").want(t, 404)
	b.get("/r/person").want(t, 404) // one address for one page
	b.get("/r/comments").want(t, 403)
	all := b.get("/registers").want(t, 200, `href="/r/people"`, `<span class="number">3</span>`, `<h2 id="privacy">Privacy</h2>`, "Who works here: ", `href="/new/risks"`, "They come from the repositories")
	// What programs report is not offered to be added by hand, here and in its list.
	for _, shown := range []page{all, b.get("/r/changes").want(t, 200, "/import/changes")} {
		if strings.Contains(shown.body, "/new/changes") {
			t.Error("a change is offered to be added by hand")
		}
	}
	s.signed(t, "carl", "engineer").get("/registers").want(t, 200, "Changes")
}

// Of what SCAF found, and of what happened, the latest comes first; what is due comes in
// the order in which it is.
func TestTheLatestComesFirst(t *testing.T) {
	c := openCompany(t)
	b := c.signed(t, "ann", "compliance")
	order := func(path, link string) (ids []string) {
		for _, found := range regexp.MustCompile(`<th scope="row"><a href="`+link+`([^"/]+)"`).FindAllStringSubmatch(b.get(path).want(t, 200).body, -1) {
			ids = append(ids, found[1])
		}
		return ids
	}
	latest := order("/r/results", "/r/results/")
	first := order("/r/results?sort=performed_at", "/r/results/")
	slices.Reverse(first)
	if len(latest) < 2 || !slices.Equal(latest, first) {
		t.Errorf("results come as %v, and from the first on as %v", latest, first)
	}
	for n := range 12 {
		c.records(t, "risks", fmt.Sprintf(`{"title":"Risk %d","category":"operations","owner":"person/E1"}`, n))
	}
	if got := order("/r/risks", "/r/risks/"); got[1] != "RSK-2" || got[9] != "RSK-10" {
		t.Errorf("risks come as %v", got)
	}
}

// A card says how much its record matters, who sees to it and until when.
func TestCardsOfABoard(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	s.records(t, "findings", `{"title":"A door","source":"audit","severity":"high","found_at":"2026-01-01T00:00:00Z","owner":"person/E1"}`)
	s.records(t, "risks", `{"title":"A flood","category":"operations","owner":"person/E1","likelihood":4,"impact":4}`)
	b := s.signed(t, "ann", "engineer")
	card := b.get("/r/findings?view=board").want(t, 200).around(t, ">A door</a>", 700)
	for _, part := range []string{`Severity:</span> <span class="state high">High</span>`, `Owner:</span> <span title="person/E1">Zoe Example</span>`, "Due:</span> <time"} {
		if !strings.Contains(card, part) {
			t.Errorf("the card lacks %q: %s", part, card)
		}
	}
	b.get("/r/risks?view=board").want(t, 200, `Level:</span> critical`, `Owner:</span> <span title="person/E1">Zoe Example</span>`)
}

func TestPagesOfARegister(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	var docs, all []string
	for i := range 120 {
		docs = append(docs, fmt.Sprintf(`{"id":"E%03d","name":"Example %03d","joined_at":"2026-01-01T00:00:00Z"}`, i, i))
	}
	s.people(t, docs...)
	next := "/r/people?sort=name"
	for pages := 0; next != ""; pages++ {
		if pages > 3 {
			t.Fatal("the list does not end")
		}
		got := b.get(next).want(t, 200, "of 120 in the register")
		for _, found := range linkToPerson.FindAllStringSubmatch(got.body, -1) {
			all = append(all, found[1])
		}
		found := regexp.MustCompile(`href="([^"]+)" rel="next"`).FindStringSubmatch(got.body)
		next = ""
		if found != nil {
			next = html.UnescapeString(found[1])
		}
	}
	if len(all) != 120 || !slices.IsSorted(all) {
		t.Errorf("%d people: %v", len(all), all)
	}
}

// What is typed is kept, field by field, until it is right; and then only what
// was changed is.
func TestARecordIsAddedAndChanged(t *testing.T) {
	s := serve(t, config.Config{Timezone: "Europe/Berlin"})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/people?f.name=Zoe").want(t, 200, `name="f.name" type="text" value="Zoe"`)
	b.post("/r/people", "f.id", "E 1", "f.name", "Ann <Example>", "f.email", "nobody", "f.joined_at", "2026-02-03T09:30").
		want(t, 422, "Nothing was changed", `value="Ann &lt;Example&gt;"`, `value="nobody"`, `id="f-email-wrong"`, `aria-invalid="true"`, `href="#f-id"`, `value="2026-02-03T09:30"`)
	b.post("/r/people", "f.id", "E1", "f.name", "Ann Example", "f.email", "ann@example.com", "f.joined_at", "2026-02-03T09:30").goes(t, "/r/people/E1")
	b.get("/r/people/E1").want(t, 200, "<h1>Ann Example</h1>", `datetime="2026-02-03T08:30:00Z"`, "2026-02-03 09:30", "version 1")
	b.post("/r/people", "f.id", "E1", "f.name", "Another").want(t, 422, "exists")
	form := b.get("/r/people/E1/edit").want(t, 200, `value="2026-02-03T09:30"`, `name="version" value="1"`)
	if strings.Contains(form.body, `name="f.id"`) || strings.Contains(form.body, `name="f.state"`) {
		t.Error("the form lets the id or the state be changed")
	}
	b.post("/r/people/E1", "version", "1", "f.name", "Ann Example", "f.email", "ann@example.com", "f.joined_at", "2026-02-03T09:30", "f.department", "").goes(t, "/r/people/E1")
	b.get("/r/people/E1").want(t, 200, "version 1") // nothing was changed, and so there is no event
	b.post("/r/people/E1", "version", "1", "f.name", "Ann Other", "f.email", "ann@example.com", "f.joined_at", "2026-02-03T09:30").goes(t, "/r/people/E1")
	history := b.get("/r/people/E1/history").want(t, 200, "Version 2", "Version 1", "Ann Other", `href="/ledger/`)
	if second, _, _ := strings.Cut(history.body, "Version 1"); strings.Contains(second, "ann@example.com") {
		t.Error("the second version is said to have changed what it did not")
	}
	stale := b.post("/r/people/E1", "version", "1", "f.name", "Ann Third", "f.email", "ann@example.com", "f.joined_at", "2026-02-03T09:30").
		want(t, 409, "Somebody else has changed", "Ann Other", "Ann Third", `name="version" value="2"`)
	if !strings.Contains(stale.body, `value="Ann Third"`) {
		t.Error("what was typed is lost")
	}
	b.get("/r/people/E1").want(t, 200, "Ann Other")
	b.post("/r/people/E1", "version", "2", "f.name", "Ann Third", "f.email", "ann@example.com", "f.joined_at", "2026-02-03T09:30").goes(t, "/r/people/E1")
	b.post("/r/people/E1", "version", "x").want(t, 400)
	b.post("/r/people/E1", "version", "9", "f.name", "x").want(t, 404)
	b.get("/r/people/none").want(t, 404, "There is no such record")
	b.post("/r/people", "f.id", "E2", "f.name", strings.Repeat("x", 1<<20)).want(t, 413, "more than")
}

// Of two who change a record at once, neither takes back what the other did: only what
// a form changed goes over what is there now.
func TestTwoChangeARecordAtOnce(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/account").want(t, 200)
	s.people(t, `{"id":"E1","name":"Zoe Example","joined_at":"2025-01-01T00:00:00Z"}`)
	s.records(t, "risks", `{"title":"A flood","category":"operations","owner":"person/E1","what":"At first.","treatment":"None."}`)
	begun := []string{"version", "1", "f.title", "A flood", "f.category", "operations", "f.owner", "person/E1"}
	b.post("/r/risks/RSK-1", append(begun, "f.what", "The cellar floods.", "f.treatment", "Theirs.")...).goes(t, "/r/risks/RSK-1")
	again := b.post("/r/risks/RSK-1", append(begun, "f.what", "At first.", "f.treatment", "Pumps.")...)
	again.want(t, http.StatusConflict, "Somebody else has changed", `name="version" value="2"`, ">The cellar floods.</textarea>", ">Pumps.</textarea>", "decide which it is to be",
		`<tr><th scope="row">Description</th><td><pre class="text">At first.</pre></td><td><pre class="text">The cellar floods.</pre></td><td><span class="soft">as it is now</span></td></tr>`,
		`<tr><th scope="row">Treatment</th><td><pre class="text">None.</pre></td><td><pre class="text">Theirs.</pre></td><td><pre class="text">Pumps.</pre></td></tr>`)
	if one := b.post("/r/risks/RSK-1", append(begun, "f.what", "At first.", "f.treatment", "Theirs.")...).want(t, http.StatusConflict); strings.Contains(one.body, "decide which it is to be") {
		t.Error("both made the same of it, and nothing is to be decided")
	}
	// A move's form is no other.
	b.post("/r/risks/RSK-1", append([]string{"version", "2"}, append(begun[2:], "f.what", "The cellar floods.", "f.treatment", "Theirs.", "f.controls", "END-01")...)...).goes(t, "/r/risks/RSK-1")
	b.post("/r/risks/RSK-1/move", "version", "2", "state", "assessed", "f.likelihood", "3", "f.controls", "").
		want(t, http.StatusUnprocessableEntity, "has been changed meanwhile", `name="version" value="3"`, ">END-01</textarea>", `id="assessed-f-likelihood" name="f.likelihood"`, `<option value="3" selected>3 possible: once in 3 years</option>`)
}

func TestARecordMoves(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example","joined_at":"2026-01-01T00:00:00Z"}`)
	b := s.signed(t, "ann", "compliance")
	b.get("/r/people/E1").want(t, 200, `value="on_leave"`, `value="left"`, `name="f.left_at"`)
	b.post("/r/people/E1/move", "version", "1", "state", "left", "f.left_at", "").want(t, 422, "is missing", `<details class="move" open`, `href="#left-f-left_at"`, `id="left-f-left_at-wrong"`)
	b.post("/r/people/E1/move", "version", "1", "state", "nowhere").want(t, 422, "can move to")
	b.post("/r/people/E1/move", "version", "1", "state", "left", "f.left_at", "2026-03-01T00:00").goes(t, "/r/people/E1")
	b.get("/r/people/E1").want(t, 200, `class="state left"`, "2026-03-01")
	b.post("/r/people/E1/move", "version", "1", "state", "active").want(t, 422, "version 2")
	reader := s.signed(t, "rita", "auditor")
	for _, path := range []string{"/r/people/E1", "/r/people", "/registers"} {
		got := reader.get(path).want(t, 200)
		for _, form := range strings.Split(got.body, "<form")[1:] {
			if strings.Contains(form[:strings.Index(form, ">")], "post") && !strings.Contains(form, "/signout") {
				t.Errorf("%s offers an auditor a form: %.200s", path, form)
			}
		}
	}
}

func TestWhatIsAttachedToARecord(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`, `{"id":"E2","name":"Bob Example"}`)
	b := s.signed(t, "ann", "compliance")
	b.get("/r/people/E1")
	b.post("/r/people/E1/comment", "text", "Agreed on <script>alert(1)</script>\r\nmonday").goes(t, "/r/people/E1#attached")
	b.post("/r/people/E1/comment", "text", " ").want(t, 422)
	b.post("/r/people/E1/tag", "add", "remote, part-time").goes(t, "/r/people/E1#attached")
	b.post("/r/people/E1/tag", "add", "Not?").want(t, 422, `value="Not?"`)
	b.post("/r/people/E1/link", "relation", "relates_to", "to", "person/E2").goes(t, "/r/people/E1#attached")
	b.post("/r/people/E1/link", "relation", "relates_to", "to", "person/none").want(t, 422, `value="person/none"`)
	got := b.get("/r/people/E1").want(t, 200, "&lt;script&gt;", `href="/r/people?tag=remote"`, `href="/r/people/E2"`)
	if strings.Contains(got.body, "<script>") {
		t.Error("a comment is a script")
	}
	b.get("/r/people?tag=remote").want(t, 200).shows(t, "E1")
	b.post("/r/people/E1/link", "relation", "relates_to", "to", "person/E2", "remove", "1").goes(t, "/r/people/E1#attached")
	b.post("/r/people/E1/tag", "remove", "remote").goes(t, "/r/people/E1#attached")

	token := b.form
	b.form = "x"
	b.upload("/r/people/E1/file", "check.html", []byte("<script>alert(1)</script>")).want(t, 403)
	b.form = token
	b.upload("/r/people/E1/file", "check.html", []byte("<script>alert(1)</script>")).goes(t, "/r/people/E1#attached")
	b.upload("/r/people/E1/file", "large.bin", make([]byte, 70<<20)).want(t, 413)
	found := regexp.MustCompile(`href="(/r/people/E1/file/[^"]+)">check.html`).FindStringSubmatch(b.get("/r/people/E1").body)
	if found == nil {
		t.Fatal("the file is not there")
	}
	file := b.get(found[1]).want(t, 200, "<script>alert(1)</script>")
	if file.header.Get("Content-Type") != "application/octet-stream" || !strings.HasPrefix(file.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("the file is shown and not saved: %v", file.header)
	}
	b.get("/r/people/E2/file/"+found[1][strings.LastIndex(found[1], "/")+1:]).want(t, 404)
}

func TestARegisterIsExported(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"=1+1","department":"Security"}`, `{"id":"E2","name":"Bob Example","department":"Engineering"}`)
	b := s.signed(t, "ann", "compliance")
	link := regexp.MustCompile(`href="(/export/people[^"]+format=csv[^"]*)"`).FindStringSubmatch(b.get("/r/people?f.department=Security").body)
	if link == nil {
		t.Fatal("there is no link")
	}
	got := b.get(html.UnescapeString(link[1])).want(t, 200, "'=1+1")
	if strings.Contains(got.body, "E2") || !strings.Contains(got.header.Get("Content-Disposition"), "people.csv") {
		t.Errorf("%v %s", got.header, got.body)
	}
	if got := b.get("/export/people?format=xlsx").want(t, 200); !strings.HasPrefix(got.body, "PK") {
		t.Errorf("%.20q is no XLSX", got.body)
	}
	b.get("/export/people?format=pdf").want(t, 404)
	b.get("/export/people?format=csv&filter=item.colour").want(t, 400)
	s.signed(t, "eve", "engineer").get("/export/people?format=csv").want(t, 403)
}

// Whoever reads a personal register leaves an event, here as everywhere.
func TestReadingPeopleIsRecorded(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "ann", "compliance")
	for _, path := range []string{"/r/people", "/r/people?q=zoe", "/r/people?view=board", "/r/people/E1", "/r/people/E1/history", "/r/people/E1/edit", "/export/people?format=csv"} {
		before := s.size(t)
		b.get(path).want(t, 200)
		if got := s.size(t) - before; got != 1 {
			t.Errorf("%s leaves %d events, want 1", path, got)
		}
	}
	before := s.size(t)
	b.get("/r/changes").want(t, 200)
	if s.size(t) != before {
		t.Error("reading changes is recorded")
	}
}

// Descriptions of fields make the forms: this is what they look like.
func TestFormsAreMadeOfDescriptions(t *testing.T) {
	type thing struct {
		ID    string   `json:"id"`
		Title string   `json:"title"`
		Class string   `json:"class,omitempty"`
		Kinds []string `json:"kinds,omitempty"`
		Notes []string `json:"notes,omitempty"`
		Text  string   `json:"text,omitempty"`
		Sure  *bool    `json:"sure,omitempty"`
		Tier  int      `json:"tier"`
		Owner string   `json:"owner,omitempty"`
	}
	kind := record.Define[thing](record.Definition{
		Kind: "thing", Register: "things", Title: "Things", Singular: "Thing", Prefix: "T",
		Columns: []record.Column{{Field: "title", Filter: true, Sort: true}, {Field: "owner", Filter: true}, {Field: "class", Filter: true}},
		Fields: []record.Field{
			{Name: "title", Label: "Title", Help: "What it is.", Section: "About", Required: true},
			{Name: "class", Label: "Class", Choices: []string{"top_secret", "public"}},
			{Name: "kinds", Label: "Kinds", Choices: []string{"a", "b", "c"}},
			{Name: "text", Label: "Text", Markdown: true, Section: "Words"},
			{Name: "owner", Label: "Owner", Refers: "person"},
		},
	})
	s := serve(t, config.Config{}, kind)
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "ann", "administrator")
	b.get("/new/things").want(t, 200, "New: Thing", "<h2>About</h2>", "<h2>Words</h2>", `<option value="top_secret">Top secret</option>`,
		`type="checkbox" name="f.kinds" value="b"`, "What it is.", `<textarea id="f-notes"`, `<option value="true">Yes</option>`)
	b.postAll("/r/things", url.Values{"f.title": {""}, "f.kinds": {"a", "c"}, "f.class": {"none"}, "f.owner": {"Zoe"}, "f.notes": {"one\r\n\r\n two "}}).
		want(t, 422, `id="f-title-wrong"`, `id="f-owner-wrong"`, `value="c" checked`, "top_secret, public", ">one\ntwo</textarea>")
	b.postAll("/r/things", url.Values{"f.title": {"A thing"}, "f.kinds": {"a", "c"}, "f.class": {"public"}, "f.owner": {"person/E1"}, "f.notes": {"one\r\n\r\n two "}, "f.sure": {"false"},
		"f.tier": {"3"}, "f.text": {"# Head\n\n**bold**\n\n| a | b |\n|---|---|\n| 1 | 2 |"}}).goes(t, "/r/things/T-1")
	b.get("/r/things/T-1").want(t, 200, "<h1>A thing</h1>", "<strong>bold</strong>", "<td>1</td>", `href="/r/people/E1"`, "Public", "No", "<li>two</li>")
	b.postAll("/r/things", url.Values{"f.title": {"Another"}, "f.kinds": {"a"}, "f.class": {"public"}, "f.text": {"# Head\n\nHidden <b>words</b>\n"}}).
		want(t, 422, `id="f-text-wrong"`, "has HTML, which pages leave out: write it in Markdown alone")
	b.get("/r/things/T-1/edit").want(t, 200, `value="a" checked`, `<option value="false" selected>No</option>`, `value="3"`, "one\ntwo")
	b.postAll("/r/things/T-1", url.Values{"version": {"1"}, "f.title": {"A thing"}, "f.kinds": {""}, "f.class": {"public"}, "f.owner": {"person/E1"}, "f.notes": {"one\ntwo"}, "f.sure": {""}, "f.tier": {"3"}}).goes(t, "/r/things/T-1")
	history := b.get("/r/things/T-1/history").want(t, 200, "Version 2")
	if newest, _, _ := strings.Cut(history.body, "Version 1"); !strings.Contains(newest, "Kinds") || strings.Contains(newest, "Owner") {
		t.Errorf("the second version: %s", newest)
	}
	b.get("/r/people/E1").want(t, 200, "Things: Owner", `href="/r/things/T-1"`)
}

func TestTheRiskMap(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/risks").want(t, 200, "No risk is rated on this scale yet")
	s.People(t, "E1")
	risk := func(title, more string) string {
		return `{"title":"` + title + `","category":"fraud","owner":"person/E1"` + more + `}`
	}
	s.records(t, "risks", risk("One", ""), risk("Two", `,"likelihood":2,"impact":5`), risk("Three", `,"likelihood":2,"impact":5,"residual_likelihood":1,"residual_impact":1`), risk("Four", `,"likelihood":5,"impact":5`))
	got := b.get("/risks").want(t, 200, "3 rated", "1 rated", `aria-label="2 unlikely, severe: high"`, `aria-label="1 almost certain, severe: critical"`, `aria-label="0 rare, negligible: low"`, `aria-label="1 rare, negligible: low"`)
	link := regexp.MustCompile(`href="([^"]+)" aria-label="2 unlikely, severe`).FindStringSubmatch(got.body)
	list := b.get(html.UnescapeString(link[1])).want(t, 200, ">Two</a>", ">Three</a>")
	if strings.Contains(list.body, ">Four</a>") || strings.Contains(list.body, ">One</a>") {
		t.Error("the number leads to other risks than it counts")
	}
	b.get("/r/risks").want(t, 200, `href="/risks"`)
}

func TestSearching(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.people(t, `{"id":"E1","name":"Ransom Example"}`)
	s.records(t, "risks", `{"title":"Ransomware","category":"security","owner":"person/E1"}`)
	b.get("/search").want(t, 200, "In all registers")
	before := s.size(t)
	got := b.get("/search?q=RSK").want(t, 200, `href="/r/risks/RSK-1"`, `href="/r/people?q=RSK"`)
	if strings.Contains(got.body, "Ransom Example") || s.size(t) != before {
		t.Error("a search reads what is personal")
	}
	b.get("/search?q=RANSOM").want(t, 200, `href="/r/risks/RSK-1"`)
	if _, err := periods.OpenPeriod(context.Background(), s.Door, apptest.Operator, periods.Period{Name: "Q", From: s.Manual.Now(), To: s.Manual.Now().AddDate(0, 1, 0), Timezone: "UTC"}); err != nil {
		t.Fatal(err)
	}
	b.get("/search?q=Q").want(t, 200, `href="/r/periods/Q"`) // which has no words: by its whole id
	b.get("/search?q=risk/RSK-1").goes(t, "/r/risks/RSK-1")
	b.get("/search?q=CC6.1").want(t, 200, `href="/criteria/CC6.1"`, `href="/controls/ENC-01"`)
	b.get("/search?q=visitors").want(t, 200, `href="/controls/PHY-01"`)
	b.get("/search?q=0").want(t, 200, `href="/ledger/0"`)
	if got := b.get("/search?q=99999999").want(t, 200); strings.Contains(got.body, `href="/ledger/9`) {
		t.Error("an event is found that there is not")
	}
	// What stands in no list: of a record's text, and what is no record.
	s.records(t, "risks", `{"title":"Theft","category":"security","owner":"person/E1","treatment":"Laptops are wiped from afar."}`)
	b.get("/search?q=Wiped+from+afar").want(t, 200, `href="/r/risks/RSK-2"`, "Theft")
	if got := b.get("/search?q=treatment").want(t, 200); strings.Contains(got.body, "/r/risks/RSK") {
		t.Error("the name of a field is found as if it were a text")
	}
	b.get("/search?q=CHG-01").want(t, 200, `<a href="/controls/CHG-01">`)
	b.get("/search?q=reviewed+than+its+AUTHOR").want(t, 200, `<a href="/controls/CHG-01">`)
	b.get("/search?q=cc6.1").want(t, 200, `<a href="/criteria/CC6.1">`)
	if got := s.signed(t, "emp", "employee").get("/search?q=CHG-01"); strings.Contains(got.body, "/controls/") {
		t.Error("whoever may not read controls finds them")
	}
	b.get("/search?q=nothing_like-it").want(t, 200, "Nothing was found")
	b.get("/search?q=%00").want(t, 400, "cannot be looked for")
	b.get("/search?q="+strings.Repeat("x", 8001)).want(t, 400, "at most 8000 bytes")
	if got := s.signed(t, "eve", "engineer").get("/search?q=zz").want(t, 200); strings.Contains(got.body, "/r/people") {
		t.Error("whoever may not read people is led there")
	}
}

// A form that asks for a record's id says what it is made of, and that it must be there,
// where it is not made of the other fields.
func TestFormsSayWhatAnIdIsMadeOf(t *testing.T) {
	for _, kind := range app.Kinds {
		if kind.Name == "change" {
			continue // they come from repositories, and their ids with them
		}
		if id := kind.Field(kind.IDField); !kind.Internal && kind.Prefix == "" && (id.Help == "" || !id.Required && !kind.Composes()) {
			t.Errorf("%s: the id %q is required is %t, and its help is %q", kind.Register, id.Name, id.Required, id.Help)
		}
	}
}

// Whoever approves something reads before the click what is missing in it, and who fills
// it in; what a move asks for besides has its field in the move's form.
func TestAMoveSaysBeforeWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`, `{"id":"E2","name":"Bob Example","joined_at":"2026-01-01T00:00:00Z"}`)
	s.records(t, "commitments", `{"title":"Hours of support","owner":"person/E1","document":"https://example.com/terms"}`)
	s.records(t, "regulations", `{"title":"A law","kind":"law","jurisdiction":"EU","source":"https://example.com","owner":"person/E1"}`)
	s.records(t, "exercises", `{"title":"A fire","facilitator":"person/E1"}`)
	approver := s.hired(t, "eva", "executive")
	page := approver.get("/r/commitments/COM-1").want(t, 200, "Approve: not yet. Before:", "Customers&#39; part is missing", "System description is missing", "Ann Example", "cannot approve it")
	if strings.Contains(page.body, `value="approved"`) || strings.Contains(page.body, "Document is missing") {
		t.Error("the move is offered, or what is there said to be missing")
	}
	set := fields("customer_duties", "None", "system_description", "Part 3", "effective_at", "2026-05-01T00:00:00Z")
	if _, err := s.SetRecord(t.Context(), apptest.Operator, communication.Commitments, "COM-1", record.AnyVersion, set); err != nil {
		t.Fatal(err)
	}
	if page := approver.get("/r/commitments/COM-1").want(t, 200, `value="approved"`); strings.Contains(page.body, "not yet") {
		t.Error("what is there is said to be missing")
	}
	keeper := s.hired(t, "com", "compliance")
	keeper.get("/r/regulations/REG-1").want(t, 200, `name="f.impact"`, `name="f.obligations"`)
	held := fields("held_at", "2026-01-01T00:00:00Z")
	held["participants"] = json.RawMessage(`["person/E1","person/E2"]`)
	held["scenario"], held["injects"] = json.RawMessage(`"Smoke"`), json.RawMessage(`[{"after":"1m","what":"It burns"}]`)
	if _, err := s.MoveRecord(t.Context(), apptest.Operator, exercises.Register, "EXE-1", record.AnyVersion, exercises.Held, held); err != nil {
		t.Fatal(err)
	}
	s.hired(t, "adm", "administrator").get("/r/exercises/EXE-1").want(t, 200, `name="f.no_actions"`)
}

// A notice becomes a regulation by a button, with what it says filled in, and is settled
// in the same act.
func TestANoticeIsTakenUp(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`)
	s.records(t, "regulatory_feeds", `{"title":"Authority","url":"https://authority.example/feed.xml","jurisdiction":"EU","owner":"person/E1"}`)
	notice := `"title":"Guidance & more","link":"https://authority.example/text","feed":"regulatory_feed/FEED-1","jurisdiction":"EU","owner":"person/E1","found_at":"2026-01-01T00:00:00Z"}`
	s.records(t, "regulatory_notices", `{"id":"N-1",`+notice, `{"id":"N-2",`+notice)
	keeper := s.signed(t, "com", "compliance")
	page := keeper.get("/r/regulatory_notices/N-1")
	link := regexp.MustCompile(`href="(/new/regulations[^"]+)">Take it up as a regulation`).FindStringSubmatch(page.body)
	if link == nil {
		t.Fatal("nothing leads to a new regulation")
	}
	keeper.get(html.UnescapeString(link[1])).want(t, 200, `value="Guidance &amp; more"`, `value="regulatory_notice/N-1"`, `value="EU"`, `value="https://authority.example/text"`, `value="person/E1"`)
	keeper.post("/r/regulations", "f.title", "Guidance", "f.kind", "guidance", "f.jurisdiction", "EU", "f.source", "regulatory_notice/N-1", "f.link", "https://authority.example/text", "f.owner", "person/E1").goes(t, "/r/regulations/REG-1")
	taken := keeper.get("/r/regulatory_notices/N-1").want(t, 200, ">Taken<", `href="/r/regulations/REG-1"`)
	if strings.Contains(taken.body, "Take it up") {
		t.Error("what is settled is offered to be taken up")
	}
	keeper.get("/r/regulatory_notices/N-2").want(t, 200, ">New<")
	keeper.get("/account")
	keeper.post("/r/regulations", "f.title", "Guidance", "f.kind", "guidance", "f.jurisdiction", "EU", "f.source", "regulatory_notice/N-9", "f.owner", "person/E1").want(t, 422, "is not in the register of notices")
	if page := s.signed(t, "eve", "auditor").get("/r/regulatory_notices/N-2"); strings.Contains(page.body, "Take it up") {
		t.Error("an auditor is offered to take up a notice")
	}
}

func TestFormsAndListsReadWell(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Ann Example","joined_at":"2026-01-01T00:00:00Z"}`)
	b := s.signed(t, "ann", "compliance")
	if page := b.get("/new/risks"); strings.Contains(page.body, "closed_reason") {
		t.Error("a new risk is asked why it is closed")
	}
	s.records(t, "findings", `{"title":"A gap","source":"audit","severity":"low","found_at":"2026-01-01T00:00:00Z","owner":"person/E1"}`)
	list := b.get("/r/findings?f.due_at.to=2027-01-01").want(t, 200, "Due: from</label>", "Due: to 2027-01-01")
	if heads := regexp.MustCompile(`<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]+)`).FindAllStringSubmatch(list.body, -1); len(heads) < 2 || heads[1][1] != "State" {
		t.Errorf("the second column is %v", heads)
	}
	s.records(t, "announcements", `{"title":"News","text":"Some","audience":"everybody","channels":["portal"]}`)
	if _, err := s.MoveRecord(t.Context(), act.Caller{ID: "person/E1", Roles: []string{"administrator"}}, communication.Announcements, "ANN-1", record.AnyVersion, communication.Approved, nil); err != nil {
		t.Fatal(err)
	}
	s.signed(t, "cia", "ciso").get("/r/announcements/ANN-1").want(t, 200, ">Back to draft<")
}

// A company that begins proposes the primary systems by a button, which is gone then.
func TestThePrimarySystemsAreProposed(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.hired(t, "ann", "compliance")
	b.get("/r/systems").want(t, http.StatusOK, `action="/systems/install"`)
	b.post("/systems/install").goes(t, "/r/systems")
	if page := b.get("/r/systems").want(t, http.StatusOK, "/r/systems/audit-pipelines"); strings.Contains(page.body, "/systems/install") {
		t.Error("they are there, and still offered")
	}
}

// Whoever can do nothing about what happens next is told who can.
func TestAPageSaysWhoMakesTheNextMove(t *testing.T) {
	s := serve(t, config.Config{})
	s.People(t, "E1")
	s.records(t, "penetration_tests", `{"title":"The API","owner":"person/E1","planned_for":"2026-06-01T09:00:00Z"}`)
	const says = "Authorize the test, Cancel: somebody with the role "
	for _, role := range []string{"control-owner", "auditor"} {
		s.signed(t, "a-"+role, role).get("/r/penetration_tests/PEN-1").want(t, 200, "What happens next", says+"administrator, ciso, compliance or executive does that.")
	}
	if got := s.hired(t, "exe", "executive").get("/r/penetration_tests/PEN-1").want(t, 200, "What happens next", "Authorize the test"); strings.Contains(got.body, says) {
		t.Error("whoever makes the move is told who makes it")
	}
}

// Words are found in any order, and in what was said beside a record: a comment, a tag, the name
// of a file; of records that somebody may not read, and of people, nothing is said.
func TestASearchFindsWordsAnywhere(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b.post("/r/risks", "f.title", "Hotfixes go out without a ticket", "f.category", "operations", "f.owner", "person/E1").goes(t, "/r/risks/RSK-1")
	for _, path := range []string{"/search?q=ticket+hotfixes", "/r/risks?q=ticket+HOTFIXES"} {
		b.get(path).want(t, 200, "Hotfixes go out without a ticket")
		if page := b.get(path + "+umbrella"); strings.Contains(page.body, "Hotfixes go out") {
			t.Errorf("%s finds what lacks a word", path)
		}
	}
	b.post("/r/risks/RSK-1/comment", "text", "The umbrella was <b>opened</b>.").goes(t, "/r/risks/RSK-1#attached")
	b.post("/r/risks/RSK-1/tag", "add", "weatherproof").goes(t, "/r/risks/RSK-1#attached")
	b.upload("/r/risks/RSK-1/file", "barometer.txt", []byte("low")).goes(t, "/r/risks/RSK-1#attached")
	b.post("/r/people/E1/comment", "text", "A parasol.").goes(t, "/r/people/E1#attached")
	for words, says := range map[string]string{"opened+umbrella": "The umbrella was &lt;b&gt;opened&lt;/b&gt;.", "weatherproof": "weatherproof", "barometer": "barometer.txt"} {
		b.get("/search?q="+words).want(t, 200, "Comments, tags and files", `<a href="/r/risks/RSK-1">`+says+`</a>`, "risk/RSK-1")
	}
	b.get("/search?q=parasol").want(t, 200, "Nothing was found")
	if page := s.signed(t, "eve", "employee").get("/search?q=umbrella"); strings.Contains(page.body, "RSK-1") {
		t.Error("an employee finds what was said of a risk")
	}
}
