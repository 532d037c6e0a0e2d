package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// staff are the people of the company, each with an account of the role, whose id is
// the role's name.
var staff = []struct{ role, id, name, title string }{
	{"compliance", "E1", "Ada Example", "Compliance lead"},
	{"ciso", "E2", "Ben Example", "Security lead"},
	{"executive", "E3", "Cleo Example", "Chief executive officer"},
	{"engineer", "E4", "Dora Example", "Infrastructure lead"},
	{"control-owner", "E5", "Emil Example", "Data governance lead"},
	{"employee", "E6", "Fay Example", "Clerk"},
	{"auditor", "", "", ""}, // from outside
}

// aPolicy is what everybody in the company acknowledges.
const aPolicy = "---\nid: desks\ntitle: Clear desks\nsummary: Nothing lies about.\nowner: people lead\naudience: everybody\ncriteria: [CC6.4]\ncontrols: [PHY-01]\nreview: annual\n---\n## Rules\n\n1. Lock it away.\n"

// model is the folder of the company before anything happens in it, made once: people,
// a policy in force, a course, and the catalog's controls.
var model = sync.OnceValues(func() (string, error) {
	dir, roster, policy := filepath.Join(scratch, "company"), filepath.Join(scratch, "roster.csv"), filepath.Join(scratch, "desks.md")
	rows := "id,name,email,title,manager,joined_at\n"
	for _, one := range staff {
		if one.id != "" {
			rows += fmt.Sprintf("%s,%s,%s@example.com,%s,E3,2024-01-01\n", one.id, one.name, one.role, one.title)
		}
	}
	if err := os.WriteFile(roster, []byte(rows), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(policy, []byte(aPolicy), 0o600); err != nil {
		return "", err
	}
	for _, command := range [][]string{
		{"init", "--org", "Example Corp", "--timezone", "Europe/Berlin"},
		{"import", "csv", "people", roster},
		{"policy", "install", policy, "--as", "person/E1"},
		{"record", "move", "policy_version/PV-1", "in_review", "--as", "person/E1"},
		{"record", "move", "policy_version/PV-1", "approved", "--as", "person/E3"},
		{"record", "move", "policy_version/PV-1", "in_force", `channels=["portal"]`, "--as", "person/E1"},
		{"record", "add", "courses", "id=basics", "title=Security basics", "owner=security lead", "audience=everybody", "text=Look twice."},
		{"record", "move", "course/basics", "offered"},
		{"control", "adopt", "--all"},
	} {
		if _, err := scaf(dir, "", command...); err != nil {
			return "", err
		}
	}
	for _, one := range staff {
		var person []string
		if one.id != "" {
			person = []string{"--person", "person/" + one.id}
		}
		if err := account(dir, one.role, one.role, person...); err != nil {
			return "", err
		}
	}
	return dir, nil
})

// company is the site of an organisation at work, a copy of the model.
type company struct {
	*site
	dir      string
	examined bool // there is a period, of which controls are tested
}

// office is the folder of a company that nobody serves yet.
func office(t *testing.T) string {
	t.Helper()
	from, err := model()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	// With the modes of its files: a key that others can read is refused.
	if out, err := exec.Command("cp", "-a", from, dir).CombinedOutput(); err != nil {
		t.Fatalf("copy %s: %v: %s", from, err, out)
	}
	return dir
}

// atWork opens the company.
func atWork(t *testing.T) *company {
	t.Helper()
	dir := office(t)
	return &company{site: fresh(t, dir), dir: dir}
}

// meanwhile closes the company, runs commands in its folder as the night does, and opens
// it again. Whoever was signed in goes on.
func (c *company) meanwhile(t *testing.T, commands [][]string, tabs ...*tab) {
	t.Helper()
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	for _, command := range commands {
		if _, err := scaf(c.dir, "", command...); err != nil {
			t.Fatal(err)
		}
	}
	c.site = fresh(t, c.dir)
	for _, v := range tabs {
		v.mu.Lock()
		v.site, v.wrongs = c.site, nil // a page may have asked while nobody answered
		v.mu.Unlock()
	}
}

// performed is what a test of a control came to.
type performed struct {
	Test                            string
	Count, Passed, Deviations, Open int
	Exceptions                      []struct{ Item, Reason string }
	Because                         []string
}

// tests closes the company for good and performs the tests of a control: what the pages
// wrote is what they read. It compares how many items there were, and how many passed.
func (c *company) tests(t *testing.T, control, test string, count, passed int) {
	t.Helper()
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	if !c.examined {
		if _, err := scaf(c.dir, "", "period", "open", "all", "--from", "2024-01-01", "--to", "2090-01-01"); err != nil {
			t.Fatal(err)
		}
		c.examined = true
	}
	out, err := exec.Command(program, "--dir", c.dir, "control", "test", control, "--period", "all", "--json").Output()
	if err != nil && len(out) == 0 { // 1: something deviates
		t.Fatalf("scaf control test %s: %v", control, err)
	}
	for line := range bytes.Lines(out) {
		var got performed
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		if got.Test != test {
			continue
		}
		if got.Count != count || got.Passed != passed {
			t.Errorf("%s %s has %d items of which %d pass, want %d and %d: %v %v", control, test, got.Count, got.Passed, count, passed, got.Exceptions, got.Because)
		}
		return
	}
	t.Errorf("%s has no test %s: %s", control, test, out)
}

// says checks what a page says of a field of its record.
func (v *tab) says(label, want string) {
	v.t.Helper()
	got := in(v, chromedp.Evaluate[[]string](fmt.Sprintf(
		`[...document.querySelectorAll("main dt")].filter(e => e.innerText.trim() === %q).map(e => e.nextElementSibling.innerText.trim())`, label)))
	for _, one := range got {
		if strings.Contains(one, want) {
			return
		}
	}
	v.t.Errorf("%s says of %q: %q, want %q", v.path(), label, got, want)
}

// stands checks the state of the record.
func (v *tab) stands(state string) {
	v.t.Helper()
	if got := in(v, chromedp.Text(chromedp.CSS(".crumbs"))); !strings.HasSuffix(strings.TrimSpace(got), " "+state) {
		v.t.Errorf("%s is %q, want %q", v.path(), got, state)
	}
}

// adds fills the form of a new record, sends it, and returns the record's path.
func (v *tab) adds(register string, values ...string) string {
	v.t.Helper()
	v.goes("/new/" + register)
	v.fills(values...)
	v.presses("Add it")
	path := v.path()
	if !strings.HasPrefix(path, "/r/"+register+"/") {
		v.t.Fatalf("what is added to %s is at %s", register, path)
	}
	return path
}

// ticks chooses among the boxes or buttons of a field.
func (v *tab) ticks(name string, values ...string) {
	v.t.Helper()
	for _, value := range values {
		if there := in(v, chromedp.Evaluate[bool](fmt.Sprintf(
			`(e => { if (!e) return false; e.closest("details")?.setAttribute("open", ""); e.focus(); e.checked || e.click(); return e.checked })(document.querySelector('main input[name="%s"][value="%s"]'))`, name, value))); !there {
			v.t.Fatalf("%s: %s does not take %q", v.path(), name, value)
		}
	}
}

// ref is the reference of the record at a path of a register of this kind.
func ref(kind, path string) string { return kind + path[strings.LastIndex(path, "/"):] }

// offers reports whether a page has a button that says this.
func (v *tab) offers(button string) bool {
	v.t.Helper()
	return in(v, chromedp.Evaluate[bool](fmt.Sprintf(`[...document.querySelectorAll("main button")].some(b => b.innerText.trim() === %q)`, button)))
}

// unfolds opens the form of a move, by the key.
func (v *tab) unfolds(move string) {
	v.t.Helper()
	if there := in(v, chromedp.Evaluate[bool](fmt.Sprintf(
		`(e => { if (!e) return false; e.focus(); return true })([...document.querySelectorAll("main details.move:not([open]) > summary")].find(e => e.innerText.trim() === %q))`, move))); !there {
		v.t.Fatalf("%s offers no move %q", v.path(), move)
	}
	v.do(v.typing(kb.Enter), chromedp.Poll[chromedp.Void](`document.activeElement.closest("details")?.open === true`))
}
