package portal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
)

// An agenda leads from a new deviation to its page, by the name of what deviates, and
// counts those that a result's record does not list; of these each is known, too.
func TestAnAgendaLeadsToDeviationsAndAllOfThemAreKnown(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	const more = 60
	if _, err := c.Door.Do(t.Context(), apptest.Operator, "person.add", "people", func(tx *act.Tx) error {
		left, joined := time.Date(2026, 2, 20, 9, 0, 0, 0, time.UTC), time.Date(2025, 2, 10, 9, 0, 0, 0, time.UTC)
		for i := range more {
			if _, err := record.Put(tx, people.Register, record.Change{Verb: "added", ID: fmt.Sprintf("L%02d", i), Doc: &people.Person{
				ID: fmt.Sprintf("L%02d", i), Name: fmt.Sprintf("Leaver %02d", i), Employment: people.Employee, State: people.Left, JoinedAt: &joined, LeftAt: &left,
			}}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c.test("PPL-01")
	report, err := c.Standing(t.Context())
	c.must(err)
	var refs []string
	for i := range more {
		refs = append(refs, fmt.Sprintf("person/L%02d", i))
	}
	for range 2 { // read, and kept
		known, err := c.Deviated(t.Context(), report, append(refs, "person/E1")...)
		c.must(err)
		if len(known) != more || len(known["person/L59"]) != 1 || known["person/L59"][0].Control != "PPL-01" || known["person/L59"][0].ID != "L59" {
			t.Errorf("of %d deviations %d are known: %+v", more, len(known), known["person/L59"])
		}
	}

	b := c.signed(t, "ann", "compliance")
	c.records(t, "meetings", `{"title":"Posture","series":"posture review","planned_for":"2026-03-12T09:00:00Z","chair":"account/ann","keeper":"account/ann"}`)
	b.post("/meetings/MTG-1/prepare").goes(t, "/r/meetings/MTG-1")
	page := b.get("/r/meetings/MTG-1").want(t, http.StatusOK, "New deviations", `/deviation?item=L00"`, ">Leaver 00</a>")
	if n := strings.Count(page.body, "/deviation?item="); n != 20 || !strings.Contains(page.body, "and 41 more") { // 61 with E2
		t.Errorf("%d deviations are named, and not that there are 41 more", n)
	}
}

// What asks for any record of a register leads to none.
func TestAnyRecordOfARegisterIsNone(t *testing.T) {
	t.Parallel()
	c := openCompany(t)
	page := c.signed(t, "ann", "compliance").get("/r/tasks/access-review").want(t, http.StatusOK, "evidence/*")
	if strings.Contains(page.body, "/%2A") || strings.Contains(page.body, `/*"`) {
		t.Error("it leads to any evidence")
	}
}
