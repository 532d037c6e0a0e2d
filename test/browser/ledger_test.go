package browser

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A search finds what there is, wherever it is kept: a record by a word of its text, a
// control, a criterion, a duty, the text of a policy.
func TestASearchOverEverything(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	v := c.signs(t, "compliance")
	risk := v.adds("risks", "f-title", "A flood", "f-category", "security", "f-owner", "person/E2", "f-likelihood", "2", "f-impact", "3", "f-what", "The cellar is below the river")
	for _, one := range []struct{ words, to string }{
		{"cellar", risk}, {"RSK-1", risk}, {"CHG-01", "/controls/CHG-01"}, {"CC6.1", "/criteria/CC6.1"}, {"Lock it away", "/r/policy_versions/PV-1"}, {"penetration test", "/duties/penetration-test"},
	} {
		v.goes("/search")
		v.tabTo("In all registers")
		v.loads(v.typing(one.words, kb.Enter))
		v.follows("main", one.to)
	}
	v.goes("/search?q=Fay")
	v.holds("main", "Reading these is recorded")
	v.audited("search-people")
	v.follows("main", "Look in people")
	v.follows("main", "/r/people/E6")
	v.goes("/search?q=nowhere-at-all")
	v.holds("main", "Nothing was found")

	v.goes("/search?q=risk%2FRSK-1")
	if path := v.path(); path != risk {
		t.Errorf("a reference leads to %s, want %s", path, risk)
	}
}

// An auditor filters the ledger, follows a subject through it, sees the proof of an event,
// takes it away, and checks it with the program and the key alone.
func TestAnAuditorChecksAProofElsewhere(t *testing.T) {
	t.Parallel()
	c := atWork(t)
	lead := c.signs(t, "compliance")
	risk := lead.adds("risks", "f-title", "A flood", "f-category", "security", "f-owner", "person/E2", "f-likelihood", "2", "f-impact", "3")
	lead.goes(risk + "/edit")
	lead.fills("f-impact", "4")
	lead.presses("Save")

	v := c.signs(t, "auditor")
	v.goes("/ledger")
	v.tabTo("Type, or its beginning and *")
	v.loads(v.typing("scaf.risk.*", kb.Enter))
	v.holds("main", "scaf.risk.added.v1", "scaf.risk.set.v1", "Ada Example")
	if rows := in(v, chromedp.Evaluate[int](`document.querySelectorAll("main tbody tr").length`)); rows != 2 {
		t.Errorf("%d events of risks", rows)
	}
	v.audited("ledger-filtered")
	v.follows("main tbody", "subject=risk")
	if rows := in(v, chromedp.Evaluate[int](`document.querySelectorAll("main tbody tr").length`)); rows != 2 {
		t.Errorf("the subject is followed through %d events", rows)
	}
	v.follows("main tbody tr:last-child", "/ledger/")
	v.holds("main", "The proof holds", "scaf.risk.added.v1", "A flood", "The checkpoint")
	v.audited("ledger-proof")
	v.holds(".facts", "Ada Example")

	// What the links of the page give is checked elsewhere: here, and with a word changed.
	dir := t.TempDir()
	event := v.path()
	taken := func(says, name string) string {
		t.Helper()
		v.goes(event)
		v.follows("main", says)
		text := in(v, chromedp.Evaluate[string](`document.body.innerText`))
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return text
	}
	proof := taken("the proof as a file", "proof.json")
	taken("The key is here", "ledger.vkey")
	check := func(file string) (string, error) {
		return scaf(filepath.Join(dir, "none"), "", "ledger", "check-proof", filepath.Join(dir, file), "--key", filepath.Join(dir, "ledger.vkey"))
	}
	if out, err := check("proof.json"); err != nil {
		t.Errorf("the proof does not hold: %v %s", err, out)
	}
	forged := strings.Replace(proof, proof[len(proof)/3:len(proof)/3+1], "x", 1)
	if err := os.WriteFile(filepath.Join(dir, "forged.json"), []byte(forged), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := check("forged.json"); err == nil {
		t.Errorf("a forged proof holds: %s", out)
	}
}
