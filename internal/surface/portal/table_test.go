package portal_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/surface"
	"scaf.dev/scaf/internal/trust/accounts"
)

// upload sends a file with a form.
func (b *browser) upload(path, name string, content []byte, fields ...string) page {
	b.t.Helper()
	return b.uploadAs("file", path, name, content, fields...)
}

// uploadAs sends a form with a file in a field; without a name there is no file.
func (b *browser) uploadAs(field, path, name string, content []byte, fields ...string) page {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("form", b.form)
	for i := 0; i < len(fields); i += 2 {
		_ = form.WriteField(fields[i], fields[i+1])
	}
	if name != "" {
		part, err := form.CreateFormFile(field, name)
		if err != nil {
			b.t.Fatal(err)
		}
		_, _ = part.Write(content)
	}
	_ = form.Close()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, b.site.url+path, &body)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	return b.send(r)
}

// A table is seen through before anything of it is written.
func TestATableIsBroughtIn(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example","department":"Security"}`, `{"id":"E2","name":"Bob Example"}`)
	b := s.signed(t, "ann", "compliance")
	b.get("/import/people").want(t, 200, `href="/import/people/template"`)
	table := []byte("id,name,department\nE1,Zoe Example,Engineering\nE2,Bob Example,\nE3,'=cmd|x,People\nE 4,Eve Example,People\n")
	before := s.size(t)
	preview := b.upload("/import/people", "people.csv", table).want(t, 200, "<dd>4</dd>", `class="state changed"`, "Engineering", "Security", "people.csv:5", "must have 1 to 200 characters")
	if got := s.size(t); got != before+1 { // that people were read
		t.Errorf("a preview leaves %d events", got-before)
	}
	held := regexp.MustCompile(`name="held" value="([0-9a-f]{64})"`).FindStringSubmatch(preview.body)
	if held == nil {
		t.Fatal("the file is not kept")
	}
	b.post("/import/people/take", "held", held[1], "name", "people.csv", "update", "1").want(t, 200, "read to its end", "<dt>refused</dt><dd>1</dd>", "people.csv:5")
	b.get("/r/people/E1").want(t, 200, "Engineering", "version 2")
	b.get("/r/people/E3").want(t, 200, "<h1>=cmd|x</h1>")
	b.get("/r/people/E2").want(t, 200, "version 1")
	b.post("/import/people/take", "held", strings.Repeat("0", 64), "name", "people.csv").want(t, 400, "send it again")
	b.post("/import/people/take", "held", held[1], "name", "people.pdf").want(t, 400)
	for name, bad := range map[string]struct{ content, says string }{
		"people.csv":  {"id,colour\nE9,red\n", "colour"},
		"empty.csv":   {"", "is empty"},
		"people.pdf":  {"x", "neither a .csv nor an .xlsx"},
		"people.xlsx": {"PK\x03\x04 nothing", "cut off or damaged"},
	} {
		b.upload("/import/people", name, []byte(bad.content)).want(t, 422, "Nothing was taken", bad.says)
	}
	b.upload("/import/people", "newer.csv", []byte("id,name,joined_at\nE8,Yan Example,2026-02-03\n")).want(t, 200, `<span class="soft">Name:</span> Yan Example`, `<span class="soft">Joined:</span> <time`)
	b.upload("/import/people", "new.csv", []byte("id,name\nE1,Zoe Example\n")).want(t, 200, "<dt>as they are</dt><dd>1</dd>")
	part := b.upload("/import/people", "part.csv", []byte("id,department\nE1,Sales\nE9,Sales\n")).want(t, 200, `<dt>would change</dt><dd>1</dd>`, `<a href="/r/people/E1">person/E1</a>`, "person/E9", "name: is missing")
	if strings.Contains(part.body, "/r/people/E9") {
		t.Error("it leads to a record that is not there")
	}
	if got := b.get("/import/people/template").want(t, 200); !strings.HasPrefix(got.body, "PK") {
		t.Error("the template is no XLSX")
	}
	b.get("/import/periods").want(t, 404)
	// Who may add records and not import them is not offered it.
	if !strings.Contains(b.get("/r/vendors").body, `href="/import/vendors"`) {
		t.Error("who may import is not offered it")
	}
	adds := s.signed(t, "owner", "control-owner")
	if page := adds.get("/r/vendors").want(t, 200, `href="/new/vendors"`); strings.Contains(page.body, "/import/") {
		t.Error("who may only add is offered an import")
	}
	adds.get("/import/vendors").want(t, 403)
}

// The table that the portal gives is one that it takes: with its two sheets, filled in
// with a spreadsheet. Of other workbooks whoever sends them names the sheet.
func TestTheTemplateIsBroughtInAgain(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "ann", "compliance")
	book, err := excelize.OpenReader(strings.NewReader(b.get("/import/risks/template").want(t, 200).body))
	if err != nil {
		t.Fatal(err)
	}
	filled := map[string]string{"Number": "RSK-7", "Title": "Ransomware", "Category": "security", "Owner": "person/E1", "Controls": "CHG-01; END-01"}
	header, err := book.GetRows("risks")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range header[0] {
		cell, err := excelize.CoordinatesToCellName(i+1, 2)
		if err == nil && filled[name] != "" {
			err = book.SetCellStr("risks", cell, filled[name])
			delete(filled, name)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(filled) > 0 {
		t.Fatalf("the template has no columns for %v", filled)
	}
	var file bytes.Buffer
	if err := book.Write(&file); err != nil {
		t.Fatal(err)
	}
	held := regexp.MustCompile(`name="held" value="([0-9a-f]{64})"`).FindStringSubmatch(b.upload("/import/risks", "risks.xlsx", file.Bytes()).want(t, 200, "<dt>new</dt><dd>1</dd>").body)
	b.post("/import/risks/take", "held", held[1], "name", "risks.xlsx", "sheet", "").want(t, 200, "<dt>new</dt><dd>1</dd>")
	b.get("/r/risks/RSK-7").want(t, 200, "Ransomware", "<li>", "END-01")

	if err := book.SetSheetName("risks", "Mine"); err != nil {
		t.Fatal(err)
	}
	file.Reset()
	if err := book.Write(&file); err != nil {
		t.Fatal(err)
	}
	refused := b.upload("/import/risks", "mine.xlsx", file.Bytes()).want(t, 422, "say which sheet is meant", "&#34;Mine&#34;, &#34;help&#34;", `<label for="sheet">`)
	columns := b.upload("/import/risks", "risks.csv", []byte("id;colour\nRSK-8;red\n")).want(t, 422, "no field of risks is like the column &#34;colour&#34;")
	missing := b.upload("/import/risks", "risks.csv", []byte("title\nRansomware\n")).want(t, 422, "no column says which record a row is of: call the one that does &#34;Number&#34;")
	for _, got := range []page{refused, columns, missing} {
		if strings.Contains(got.body, "--sheet") || strings.Contains(got.body, "--map") {
			t.Errorf("a flag of the command line in the portal: %.400s", got.body)
		}
	}
	b.upload("/import/risks", "mine.xlsx", file.Bytes(), "sheet", "Mine").want(t, 200, "<dt>as they are</dt><dd>1</dd>")
	b.upload("/import/risks", "risks.csv", []byte("id;title;category;owner\nRSK-8;Fire;operations;person/E1\n")).want(t, 200, "<dt>new</dt><dd>1</dd>")
}

// A large table is read by a job, for whoever sent it, and the page says how that stands.
func TestALargeTableIsReadByAJob(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/import/people").want(t, 200)
	send := func(name, table string) string {
		t.Helper()
		sent := b.upload("/import/people", name, []byte(table))
		if sent.status != http.StatusSeeOther || !strings.HasPrefix(sent.to, "/import/people/") {
			t.Fatalf("%s: status %d to %q", name, sent.status, sent.to)
		}
		return sent.to
	}
	const many = 600
	var table strings.Builder
	table.WriteString("id,name,department,title\n")
	for i := range many {
		fmt.Fprintf(&table, "E%d,Example person %d,Engineering,%0240d\n", i, i, i)
	}
	table.WriteString("E 4,Eve Example,People,Lead\n")
	if table.Len() <= surface.TableAtOnce {
		t.Fatal("the table is small")
	}
	preview := send("people.csv", table.String())
	b.get(preview).want(t, 200, "people.csv is gone through, and nothing is written yet", "Waits", "data-again", "Look again")
	other := s.signed(t, "bob", "compliance")
	other.get(preview).want(t, 404)
	b.get(strings.Replace(preview, "/people/", "/risks/", 1)).want(t, 404)
	b.get("/import/people/NONE").want(t, 404)
	s.works(t)
	seen := b.get(preview).want(t, 200, fmt.Sprintf("<dt>rows</dt><dd>%d</dd>", many+1), fmt.Sprintf("<dt>new</dt><dd>%d</dd>", many), "<dt>would be refused</dt><dd>1</dd>", "201 rows of which something would become are shown", "would be refused before the others")
	if strings.Contains(seen.body, "data-again") {
		t.Error("the page of what is done loads itself again")
	}
	held := regexp.MustCompile(`name="held" value="([0-9a-f]{64})"`).FindStringSubmatch(seen.body)
	if held == nil {
		t.Fatal("the file is not kept")
	}
	b.get("/r/people/E1").want(t, 404)
	taken := b.post("/import/people/take", "held", held[1], "name", "people.csv")
	b.get(taken.to).want(t, 200, "people.csv is taken into the register")
	s.works(t)
	b.get(taken.to).want(t, 200, "read to its end", fmt.Sprintf("<dt>new</dt><dd>%d</dd>", many), "<dt>refused</dt><dd>1</dd>", fmt.Sprintf("people.csv:%d", many+2))
	b.get("/r/people/E599").want(t, 200, "Example person 599")
	b.get("/r/people/E599/history").want(t, 200, "account/ann")
	// What is wrong with one is said on the page, and nothing is tried again.
	wrong := send("people.csv", strings.Replace(table.String(), "department", "colour", 1))
	s.works(t)
	b.get(wrong).want(t, 422, "Nothing was taken", "no field of people is like the column")
	again := send("people.csv", table.String())
	s.works(t)
	b.get(again).want(t, 200, fmt.Sprintf("<dt>as they are</dt><dd>%d</dd>", many))
	s.signed(t, "owner", "control-owner").get(again).want(t, 403)
	// The work is done with the roles that whoever asked has by then.
	s.signed(t, "root", "administrator")
	late := send("people.csv", strings.ReplaceAll(table.String(), "Engineering", "Sales"))
	if _, err := accounts.SetRoles(t.Context(), s.Door, apptest.Operator, "ann", []string{"engineer"}); err != nil {
		t.Fatal(err)
	}
	s.works(t)
	if _, err := accounts.SetRoles(t.Context(), s.Door, apptest.Operator, "ann", []string{"compliance"}); err != nil {
		t.Fatal(err)
	}
	b = s.browser(t)
	b.post("/signin", "id", "ann", "password", password).goes(t, "/")
	b.get(late).want(t, 422, "Nothing was taken", "import.csv")
}

// What was uploaded stays nowhere but where it belongs.
func TestNothingOfAnUploadIsLeft(t *testing.T) {
	s := serve(t, config.Config{})
	s.people(t, `{"id":"E1","name":"Zoe Example"}`)
	b := s.signed(t, "ann", "compliance")
	b.get("/new/risks").want(t, 200)
	b.post("/r/risks", "f.title", "A flood", "f.category", "operations", "f.owner", "person/E1").goes(t, "/r/risks/RSK-1")
	b.get("/r/risks/RSK-1").want(t, 200)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	large := bytes.Repeat([]byte("One line.\n"), 3<<20/10)
	b.upload("/r/risks/RSK-1/file", "large.txt", large).goes(t, "/r/risks/RSK-1#attached")
	b.get("/r/risks/RSK-1").want(t, 200)
	b.upload("/r/risks/RSK-1/file", "huge.txt", bytes.Repeat(large, 10)).want(t, 413)
	b.get("/import/people").want(t, 200)
	b.upload("/import/people", "people.csv", append([]byte("id,name\n"), bytes.Repeat([]byte("E1,Zoe "+strings.Repeat("Example", 300)+"\n"), 1<<10)...))
	s.works(t)
	left, err := os.ReadDir(temporary)
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}
