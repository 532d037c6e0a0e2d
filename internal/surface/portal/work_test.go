package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"scaf.dev/scaf/internal/governance/tasks"
)

func taskEntry(ref string) tasks.Entry { return tasks.Entry{Ref: ref} }

func TestMyWorkIsWhatIOwe(t *testing.T) {
	c := openCompany(t)
	// By the title in the register of people.
	b := c.employed("eva", "E1", "control-owner")
	mine := b.get("/work").want(t, http.StatusOK, `<h2 id="late">`, `href="/duties/access-review/2026-02-28"`, `href="/duties/access-review/2026-03-31"`, "security lead",
		`<h2 id="coming">`, `href="/r/findings/FND-`, "A key without rotation", "2026-03-17")
	for _, other := range []string{"executive-summary", "A door without a lock", "access-review/2026-01-31"} {
		if strings.Contains(mine.body, other) {
			t.Errorf("it has %s", other)
		}
	}
	if _, err := c.Desk().Done(t.Context(), person("E1"), taskEntry("access-review@2026-02-28")); err != nil {
		t.Fatal(err)
	}
	if mine := b.get("/work"); strings.Contains(mine.body, "access-review/2026-02-28") {
		t.Error("what was done is still to be done")
	}
	// By the reference of the person, of whom a duty was made theirs.
	none := c.employed("kim", "E2", "employee")
	none.get("/work").want(t, http.StatusOK, "You owe nothing", "register of people")
	if _, err := c.Desk().Delegate(t.Context(), person("E1"), "access-review", "person/E3", c.Manual.Now().AddDate(0, 1, 0)); err != nil {
		t.Fatal(err)
	}
	theirs := c.employed("cee", "E3", "employee").get("/work").want(t, http.StatusOK, "access-review@2026-03-31")
	if strings.Contains(theirs.body, `href="/duties/`) {
		t.Error("a link leads where they may not go")
	}
	// An account without a person owes what is given to its name or its role.
	c.signed(t, "ann", "compliance").get("/work").want(t, http.StatusOK, "as compliance", "You owe nothing")
	if _, err := c.Desk().Assign(t.Context(), person("E1"), "posture-review", "account/ann"); err != nil {
		t.Fatal(err)
	}
	c.signed(t, "bob", "compliance").get("/work").want(t, http.StatusOK, "You owe nothing")
}
