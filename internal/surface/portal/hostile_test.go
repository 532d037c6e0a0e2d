package portal_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/record"
)

// spreadsheet is a workbook with rows, of which one part of the file is replaced.
func spreadsheet(t *testing.T, part, content string, rows ...[]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	for i, row := range rows {
		cell, err := excelize.CoordinatesToCellName(1, i+1)
		if err == nil {
			err = book.SetSheetRow("Sheet1", cell, &row)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	whole, err := book.WriteToBuffer()
	if err != nil {
		t.Fatal(err)
	}
	in, err := zip.NewReader(bytes.NewReader(whole.Bytes()), int64(whole.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	out := zip.NewWriter(&file)
	for _, f := range in.File {
		w, err := out.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		from, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var text io.Reader = from
		if f.Name == part {
			text = strings.NewReader(content)
		}
		if _, err := io.Copy(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// A table that is made to do harm is refused in a line that says what is wrong, and
// nothing of it is taken.
func TestTablesThatAreMadeToDoHarm(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/import/vendors").want(t, http.StatusOK)
	header := []any{"id", "name", "service", "category", "owner"}
	const laughs = `<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/hostname">]><sst><si><t>id</t></si><si><t>name</t></si><si><t>service</t></si><si><t>category</t></si><si><t>owner</t></si><si><t>`
	good := [][]any{header, {"VEN-1", "Example", "Sends letters.", "software", "account/ann"}}
	for name, c := range map[string]struct {
		file string
		data []byte
		says string
	}{
		"a bomb":            {"bomb.xlsx", spreadsheet(t, "xl/styles.xml", "<styleSheet>"+strings.Repeat("<x>"+strings.Repeat(" ", 1017)+"</x>", 17<<10)+"</styleSheet>", good...), "when it is unzipped"},
		"entities":          {"entities.xlsx", spreadsheet(t, "xl/sharedStrings.xml", laughs+"&b;</t></si></sst>", good...), "entities.xlsx: the XLSX file is damaged: xl/sharedStrings.xml: XML syntax error on line 1: invalid character entity"},
		"a file of entity":  {"entities.xlsx", spreadsheet(t, "xl/sharedStrings.xml", laughs+"&c;</t></si></sst>", good...), "entities.xlsx: the XLSX file is damaged: xl/sharedStrings.xml: XML syntax error on line 1: invalid character entity"},
		"no spreadsheet":    {"page.xlsx", []byte("<html><script>alert(1)</script>"), "page.xlsx"},
		"a picture of rows": {"rows.csv", []byte("\x89PNG\r\n\x1a\n\x00\x00"), "rows.csv"},
	} {
		got := b.upload("/import/vendors", c.file, c.data).want(t, http.StatusUnprocessableEntity, "Nothing was taken", c.says)
		if strings.Contains(got.body, "<script>") || strings.Contains(got.body, "hahaha") {
			t.Errorf("%s: %.600s", name, got.body)
		}
	}
	// One field of a megabyte is refused with its row, and the others are taken.
	long := b.upload("/import/vendors", "long.csv", []byte("id,name,service,category,owner\nVEN-1,"+strings.Repeat("x", 1<<20)+",Sends letters.,software,account/ann\n"))
	s.works(t)
	long = b.get(long.to)
	if long.status >= 500 || !strings.Contains(long.body, "long.csv:2") {
		t.Errorf("a megabyte in a cell: %d %.600s", long.status, long.body)
	}
	b.get("/r/vendors").want(t, http.StatusOK, "There is no record yet")
}

// A form of a megabyte is not read to its end; a long text within it is a message
// beside its field.
func TestFormsThatAreTooLong(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/vendors").want(t, http.StatusOK)
	sent := "form=" + b.form + "&f.name=Example&f.service=" + strings.Repeat("%C3%BC", 1<<18) // the token stands first in forms
	kept := b.ask(http.MethodPost, "/r/vendors", nil, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sent)), int64(len(sent))
	}).want(t, http.StatusRequestEntityTooLarge, "it has more than 1048576 bytes", `value="Example"`, "üüü")
	if strings.Contains(kept.body, "\ufffd") || strings.Count(kept.body, "ü") < 170_000 {
		t.Errorf("%d letters are kept", strings.Count(kept.body, "ü"))
	}
	b.post("/account/password", "present", strings.Repeat("x", 1<<20)).want(t, http.StatusRequestEntityTooLarge, "The form was not taken")
	b.post("/r/vendors", "f.name", "Example", "f.service", strings.Repeat("x", 300_000), "f.category", "software", "f.owner", "account/ann").
		want(t, http.StatusUnprocessableEntity, "Not taken", `<a href="#f-service">`, "has 300002 bytes", "at most 60000 are taken", `value="Example"`)
	b.get("/r/vendors").want(t, http.StatusOK, "There is no record yet")
}

// Names of all scripts survive: as they were typed, on every page and in tables.
func TestNamesOfAllScripts(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	b.get("/new/vendors").want(t, http.StatusOK)
	for i, name := range []string{"שירותי ענן בע״מ", "مزود الخدمات", "🦊 Fuchs & Söhne 👩‍💻", "株式会社サンプル", "a\u202eb", "=1+1", "e\u0301clair"} {
		values := url.Values{"f.name": {name}, "f.service": {name}, "f.category": {"software"}, "f.owner": {"account/ann"}}
		made := b.postAll("/r/vendors", values)
		if made.status != http.StatusSeeOther {
			t.Errorf("%q: %d %.900s", name, made.status, made.body)
			continue
		}
		shown := strings.ReplaceAll(strings.ReplaceAll(name, "&", "&amp;"), "+", "&#43;")
		page := b.get(made.to)
		if page.status != http.StatusOK || !strings.Contains(page.body, "<h1>"+name+"</h1>") && !strings.Contains(page.body, "<h1>"+shown+"</h1>") && !strings.Contains(page.body, "<h1>"+strings.ReplaceAll(name, "&", "&amp;")+"</h1>") {
			t.Errorf("%d %q is shown as %.100q", i, name, regexp.MustCompile("<h1>.*</h1>").FindString(page.body))
		}
		csv := b.get("/export/vendors?format=csv").want(t, http.StatusOK)
		if !strings.Contains(csv.body, name) {
			t.Errorf("the table lacks %q", name)
		}
		if found := b.get("/search?q=" + url.QueryEscape(name)); name != "a\u202eb" && (found.status != http.StatusOK || !strings.Contains(found.body, made.to)) {
			t.Errorf("%q is not found: %d", name, found.status)
		}
	}
	if csv := b.get("/export/vendors?format=csv"); regexp.MustCompile(`(?m)(^|,)=`).MatchString(csv.body) || !strings.Contains(csv.body, "'=1+1") {
		t.Errorf("a cell begins a formula: %s", csv.body)
	}
}

// What people write in Markdown can only be read.
func TestMarkdownCanOnlyBeRead(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	text := "# Title\n\n<script>alert(1)</script><iframe src=//example.invalid></iframe><img src=x onerror=alert(1)>\n\n" +
		"![remote](https://example.invalid/pixel.png) [run](javascript:alert(1)) [data](data:text/html,x) [fine](https://example.com/)\n\n" +
		"<a href=\"https://example.com\" onclick=\"alert(1)\" style=\"position:fixed\">x</a> <form action=/signout><button>Go</button></form>\n\n| a |\n| - |\n| <svg onload=alert(1)> |\n"
	// No such text is taken; one of before stays.
	if _, err := s.Door.Do(context.Background(), apptest.Operator, "course.add", "course/hostile", func(tx *act.Tx) error {
		_, err := record.Put(tx, training.Courses, record.Change{Verb: "added", ID: "hostile", Doc: &training.Course{ID: "hostile", Title: "Hostile", Owner: "x", Audience: "everybody", WithinDays: 30, Text: text, State: training.Draft}})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	page := b.get("/r/courses/hostile").want(t, http.StatusOK, "Title", `<a href="https://example.com/" rel="nofollow noreferrer">fine</a>`)
	prose := page.around(t, `class="prose"`, 2000)
	prose = prose[:strings.Index(prose, "</dd>")]
	for _, bad := range []string{"<script>", "<iframe", "<img", "<svg", "<form", "<button", "javascript:", "data:", "onclick", "onerror", "onload", "style=", "example.invalid"} {
		if strings.Contains(prose, bad) {
			t.Errorf("the text has %q: %s", bad, prose)
		}
	}
}

// An upload is what its bytes are, whatever it is called and said to be: programs, and
// what is no picture though it is called one, are refused.
func TestUploadsAreSniffed(t *testing.T) {
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "vendors", `{"name":"Example","service":"x","category":"software","owner":"account/ann"}`)
	b.get("/r/vendors/VEN-1").want(t, http.StatusOK)
	b.upload("/r/vendors/VEN-1/file", "picture.png", []byte("<!doctype html><script>alert(1)</script>")).want(t, http.StatusUnprocessableEntity, "is called .png and holds text/html")
	program := "MZ" + strings.Repeat("\x00", 58) + "\x40\x00\x00\x00PE\x00\x00"
	b.upload("/r/vendors/VEN-1/file", "report.pdf", []byte(program)).want(t, http.StatusUnprocessableEntity, "File: is a program")
	b.upload("/r/vendors/VEN-1/file", "page.html", []byte("<!doctype html><script>alert(1)</script>")).goes(t, "/r/vendors/VEN-1#attached")
	b.upload("/r/vendors/VEN-1/file", "../../etc/passwd\u202egnp.exe", []byte("x")).goes(t, "/r/vendors/VEN-1#attached")
	b.upload("/r/vendors/VEN-1/file", "empty.txt", nil).want(t, http.StatusUnprocessableEntity)
	files := regexp.MustCompile(`href="(/r/vendors/VEN-1/file/[^"]+)"`).FindAllStringSubmatch(b.get("/r/vendors/VEN-1").body, -1)
	if len(files) != 2 {
		t.Fatalf("%d files were taken", len(files))
	}
	for _, found := range files {
		got := b.get(found[1]).want(t, http.StatusOK)
		if disposition := got.header.Get("Content-Disposition"); got.header.Get("Content-Type") != "application/octet-stream" || got.header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.HasPrefix(disposition, "attachment") || strings.Contains(disposition, "..") || strings.Contains(disposition, "/etc") {
			t.Errorf("%v", got.header)
		}
	}
}

// A file that is too large leaves the page on which it was chosen, with what was typed
// beside it; a name does not turn its letters around.
func TestAFileThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := serve(t, config.Config{})
	b := s.signed(t, "ann", "compliance")
	s.records(t, "vendors", `{"name":"Example","service":"Sends letters","category":"software","owner":"account/ann"}`)
	b.get("/r/vendors/VEN-1")
	b.upload("/r/vendors/VEN-1/file", "large.bin", bytes.Repeat([]byte("x"), 27<<20), "text", "What I typed").
		want(t, http.StatusRequestEntityTooLarge, "at most 25 MiB", "Attach a file", "What I typed")
	b.get("/r/vendors/VEN-1")
	b.upload("/r/vendors/VEN-1/file", "photo\u202egpj.txt", []byte("words")).goes(t, "/r/vendors/VEN-1#attached")
	if page := b.get("/r/vendors/VEN-1").want(t, http.StatusOK, ">photogpj.txt</a>"); strings.Contains(page.body, "large.bin") {
		t.Error("a file that is too large is kept")
	}
}

// counted counts what is read of a body.
type counted struct {
	io.Reader
	read int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)
	return n, err
}

// Of a file that somebody sends who is not signed in, no more is read than the form before it
// takes, and nothing is written.
func TestFilesOfNobody(t *testing.T) {
	s := serve(t, config.Config{})
	s.signed(t, "ann", "compliance")
	t.Setenv("TMPDIR", t.TempDir())
	const size = 60 << 20
	head := "--x\r\nContent-Disposition: form-data; name=\"f.note\"\r\n\r\nKept words\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\n"
	body := &counted{Reader: io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader("\r\n--x--\r\n"))}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/controls/CHG-01/evidence", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	r.ContentLength = -1
	if answer, err := s.browser(t).http.Do(r); err == nil { // or the connection has ended before all was sent
		text, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(string(text), "Kept words") {
			t.Errorf("%d %.300s", answer.StatusCode, text)
		}
	}
	if body.read > size/2 {
		t.Errorf("%d bytes were taken", body.read)
	}
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
