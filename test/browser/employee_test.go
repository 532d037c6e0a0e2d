package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// employer is a folder in which Ann was asked to acknowledge two policies and to
// finish a training, and has an account.
func employer(t *testing.T) *site {
	t.Helper()
	scratch := t.TempDir()
	dir := filepath.Join(scratch, "data")
	does := func(args ...string) {
		t.Helper()
		if _, err := scaf(dir, "", args...); err != nil {
			t.Fatal(err)
		}
	}
	does("init", "--org", "Example Corp", "--timezone", "Europe/Berlin")
	does("record", "add", "people", "id=E1", "name=Ann Example", "title=Clerk", "joined_at=2020-01-01")
	does("record", "add", "people", "id=E2", "name=Ben Example", "title=Compliance lead", "joined_at=2020-01-01")
	does("record", "add", "people", "id=E3", "name=Cleo Example", "title=Chief executive officer", "joined_at=2020-01-01")
	for i, id := range []string{"desks", "doors"} {
		file := filepath.Join(scratch, id+".md")
		if err := os.WriteFile(file, fmt.Appendf(nil, "---\nid: %[1]s\ntitle: Clear %[1]s\nsummary: Nothing lies about.\nowner: people lead\naudience: everybody\ncriteria: [CC6.4]\ncontrols: [PHY-01]\nreview: annual\n---\n## Rules\n\n1. Lock the %[1]s.\n", id), 0o600); err != nil {
			t.Fatal(err)
		}
		version := fmt.Sprintf("policy_version/PV-%d", i+1)
		does("policy", "install", file, "--as", "person/E2")
		does("record", "move", version, "in_review", "--as", "person/E2")
		does("record", "move", version, "approved", "--as", "person/E3")
		does("record", "move", version, "in_force", `channels=["portal"]`, "--as", "person/E2")
	}
	does("policy", "ask")
	does("person", "plan")
	does("record", "move", "agreement/AGR-1", "signed", "signed_at=2019-12-20", "document=terms/E1", "--as", "person/E2")
	does("record", "add", "courses", "id=basics", "title=Security basics", "owner=security lead", "audience=everybody", "text=Look twice.")
	does("record", "move", "course/basics", "offered")
	does("training", "assign")
	if _, err := scaf(dir, password+"\n", "account", "create", "ann", "--name", "Ann Example", "--role", "employee", "--person", "person/E1"); err != nil {
		t.Fatal(err)
	}
	return fresh(t, dir)
}

// Somebody who works here signs in, acknowledges the policies and finishes the training
// that they are asked for, and owes nothing any more: by keyboard alone.
func TestAnEmployeeDoesWhatTheyAreAsked(t *testing.T) {
	t.Parallel()
	v := employer(t).open(t)
	v.goes("/work")
	v.at("/signin?to=%2Fwork", "Sign in")
	v.enters("ann", kb.Tab, password, kb.Enter)
	v.at("/work", "My work")
	v.holds("main", "Clear desks", "Clear doors", "Security basics")
	v.audited("employee-work")

	for _, policy := range []string{"desks", "doors"} {
		v.chooses("Acknowledge the policy")
		v.holds("main", "Lock the "+policy, "You were asked on")
		v.audited("employee-policy")
		v.chooses("I acknowledge it")
		v.rests("p[role=status]")
		v.holds("p[role=status]", "It is recorded, as event")
		v.chooses("My work")
		v.at("/work", "My work")
	}
	v.chooses("Finish the training")
	v.at("/training/basics.E1.1", "Security basics")
	v.holds("main", "Look twice.", "Your training")
	v.audited("employee-training")
	v.chooses("I have finished it")
	v.at("/training", "Training")
	v.holds("main", "You have finished everything that you were assigned")

	v.chooses("My work")
	v.at("/work", "My work")
	v.holds("main", "You owe nothing")
	v.audited("employee-work-done")
	for path, says := range map[string]string{"/policies/PV-1": "You acknowledged this text on", "/training/basics.E1.1": "You finished it on"} {
		v.goes(path)
		v.holds("main", says)
	}
	v.goes("/agreements/AGR-1")
	v.holds("main", "You have signed")
	v.audited("employee-agreement")
}

// chooses presses Tab until something has the focus, and Enter, which brings a page.
func (v *tab) chooses(label string) {
	v.t.Helper()
	v.tabTo(label)
	if status := v.loads(v.typing(kb.Enter)); status != 200 {
		v.t.Fatalf("%s is answered with %d", label, status)
	}
}
