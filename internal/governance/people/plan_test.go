package people_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// night does what the nightly watch does with what people owe, at an instant.
func (d *desk) night(at time.Time) people.Opened {
	d.Helper()
	if at.After(d.Clock.Now()) {
		d.Clock.Set(at)
	}
	watch := act.JobCaller("register.watch")
	gone := map[string]time.Time{}
	for _, p := range all[people.Person](d, people.Register) {
		if left := p.Gone(at); left != nil {
			gone[p.Ref()] = *left
		}
	}
	_, err := people.Settle(ctx, d.Door, watch, gone)
	d.ok(err)
	opened, err := people.Plan(ctx, d.Door, watch)
	d.ok(err)
	again, err := people.Plan(ctx, d.Door, watch)
	d.ok(err)
	if again != (people.Opened{}) {
		d.Errorf("%s: what was opened is opened again: %+v", at, again)
	}
	return opened
}

// owes is what somebody has, in order: "agreement 2026-03-01 awaited", "review
// 2027-03-01 planned by E1".
func (d *desk) owes(person string) string {
	d.Helper()
	var found []string
	for n := 1; n <= 40; n++ {
		if a, ok := all[people.Agreement](d, people.Agreements)[fmt.Sprintf("AGR-%d", n)]; ok && a.Person == "person/"+person {
			by := ""
			if !a.DueAt.Equal(*a.AccessFrom) {
				by = " by " + a.DueAt.Format(time.DateOnly)
			}
			found = append(found, fmt.Sprintf("%s from %s%s %s", a.Employment, a.AccessFrom.Format(time.DateOnly), by, a.State))
		}
	}
	for n := 1; n <= 40; n++ {
		if v, ok := all[people.PerformanceReview](d, people.Reviews)[fmt.Sprintf("PR-%d", n)]; ok && v.Person == "person/"+person {
			by := strings.TrimPrefix(v.Reviewer, "person/")
			if by == "" {
				by = "nobody"
			}
			found = append(found, fmt.Sprintf("review %s %s by %s", v.DueAt.Format(time.DateOnly), v.State, by))
		}
	}
	return strings.Join(found, ", ")
}

// began makes somebody who has left the first of the register of people.
func (d *desk) began(at string) {
	d.Helper()
	first, err := time.Parse(time.RFC3339, at)
	d.ok(err)
	d.ok(d.do("person/author", func(tx *act.Tx) error {
		_, err := record.Put(tx, people.Register, record.Change{Verb: "imported", ID: "first", Doc: &people.Person{ID: "first", Name: "A", State: people.Left, JoinedAt: &first, LeftAt: &first, ListedAt: &first}})
		return err
	}))
}

// Who joins after the register of people began signs before the access begins, however
// late somebody tells the register; a record of before says by when as soon as it is known.
func TestAJoinerSignsBeforeTheAccessBegins(t *testing.T) {
	each(t, func(d *desk) {
		d.began("2026-02-01T00:00:00Z")
		d.add(people.Register, `{"id":"E1","name":"A","joined_at":"2026-02-20T09:00:00Z"}`) // known ten days later
		d.add(people.Register, `{"id":"E2","name":"A","joined_at":"2026-01-20T09:00:00Z"}`) // here before
		d.add(people.Register, `{"id":"E3","name":"A","joined_at":"2026-04-20T09:00:00Z"}`)
		access := time.Date(2026, 2, 20, 9, 0, 0, 0, time.UTC)
		d.ok(d.do("person/author", func(tx *act.Tx) error { // of before there were dates to sign by
			_, err := record.Put(tx, people.Agreements, record.Change{Verb: "imported", ID: "AGR-1", Doc: &people.Agreement{ID: "AGR-1", Person: "person/E1", Employment: people.Employee, Terms: "T", State: people.Awaited, AccessFrom: &access}})
			return err
		}))
		d.night(ledgertest.Begin)
		for person, want := range map[string]string{
			"E1": "employee from 2026-02-20 awaited, ", "E2": "employee from 2026-01-20 by 2026-04-01 awaited, ", "E3": "employee from 2026-04-20 awaited, ",
		} {
			if got := d.owes(person); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", person, got, want)
			}
		}
		// Other access, other date; who leaves before it has missed nothing.
		for id, a := range all[people.Agreement](d, people.Agreements) {
			switch a.Person {
			case "person/E3":
				d.ok(d.set(people.Agreements, id, `{"access_from":"2026-05-02T09:00:00Z"}`))
			case "person/E2":
				d.refused("a date that somebody likes", d.set(people.Agreements, id, `{"due_at":"2027-01-01T00:00:00Z"}`), "due_at")
			}
		}
		if got, want := d.owes("E3"), "employee from 2026-05-02 awaited, "; !strings.HasPrefix(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
		for id, left := range map[string]string{"E1": "2026-03-09T17:00:00Z", "E2": "2026-03-31T17:00:00Z"} {
			d.ok(d.move(people.Register, id, people.Left, `{"left_at":"`+left+`"}`))
		}
		d.night(time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC))
		for person, want := range map[string]string{"E1": "employee from 2026-02-20 missed, ", "E2": "employee from 2026-01-20 by 2026-04-01 ended, "} {
			if got := d.owes(person); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s, want %s", person, got, want)
			}
		}
	})
}

// Whoever works here owes a signature and a review a year, and nobody has to think of it.
func TestEverybodyOwesASignatureAndAReview(t *testing.T) {
	each(t, func(d *desk) {
		begin := ledgertest.Begin
		told := []string{ // by the HR system, which names managers as it likes
			`{"id":"boss","name":"Bea","email":"Bea@example.com","joined_at":"2019-05-01T09:00:00Z"}`,
			`{"id":"joiner","name":"A","manager":"boss","joined_at":"2026-02-20T09:00:00Z"}`,
			`{"id":"coming","name":"A","manager":"bea@example.com","joined_at":"2026-04-01T09:00:00Z"}`,
			`{"id":"contractor","name":"A","employment":"contractor","manager":"boss","joined_at":"2026-02-20T09:00:00Z"}`,
			`{"id":"long","name":"A","manager":"boss","joined_at":"2020-02-29T09:00:00Z"}`,
			`{"id":"own","name":"A","manager":"own","joined_at":"2026-02-20T09:00:00Z"}`,
			`{"id":"unknown","name":"A","manager":"nobody"}`,
			`{"id":"onleave","name":"A","state":"on_leave","manager":"boss","joined_at":"2025-01-01T09:00:00Z"}`,
			`{"id":"leaving","name":"A","state":"left","manager":"boss","joined_at":"2025-06-01T09:00:00Z","left_at":"2026-04-30T17:00:00Z"}`,
			`{"id":"never","name":"A","state":"left","manager":"boss","joined_at":"2026-06-01T09:00:00Z","left_at":"2026-06-01T09:00:00Z"}`,
			`{"id":"gone","name":"A","state":"left","manager":"boss","joined_at":"2020-01-01T09:00:00Z","left_at":"2026-01-31T17:00:00Z"}`,
			`{"id":"given","name":"A","manager":"boss","joined_at":"2025-05-01T09:00:00Z"}`,
			`{"id":"putoff","name":"A","manager":"boss","joined_at":"2025-05-01T09:00:00Z"}`,
		}
		d.taken("m1", message(0, strings.Join(told, ",")), people.Delivered{Added: len(told)})
		d.add(people.Agreements, `{"person":"person/given","terms":"Terms 2025","access_from":"2025-05-02T09:00:00Z"}`)
		d.add(people.Reviews, `{"person":"person/given","reviewer":"person/long","due_at":"2026-06-30T00:00:00Z"}`)
		d.add(people.Reviews, `{"person":"person/putoff","reviewer":"person/boss","due_at":"2099-01-01T00:00:00Z"}`)
		if got, want := d.night(begin), (people.Opened{Agreements: 10, Reviews: 9}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		today := begin.Format(time.DateOnly)
		for person, want := range map[string]string{
			"boss":       "employee from 2019-05-01 by 2026-04-01 awaited, review 2026-05-01 planned by nobody",
			"joiner":     "employee from 2026-02-20 by 2026-04-01 awaited, review 2027-02-20 planned by boss",
			"coming":     "employee from 2026-04-01 awaited, review 2027-04-01 planned by boss",
			"contractor": "contractor from 2026-02-20 by 2026-04-01 awaited, review 2027-02-20 planned by boss",
			"long":       "employee from 2020-02-29 by 2026-04-01 awaited, review 2027-03-01 planned by boss",
			"own":        "employee from 2026-02-20 by 2026-04-01 awaited, review 2027-02-20 planned by nobody",
			"unknown":    "employee from " + today + " by 2026-04-01 awaited, review " + begin.AddDate(1, 0, 0).Format(time.DateOnly) + " planned by nobody",
			"onleave":    "employee from 2025-01-01 by 2026-04-01 awaited, review 2027-01-01 planned by boss",
			"leaving":    "employee from 2025-06-01 by 2026-04-01 awaited", // before a review is due
			"never":      "",
			"gone":       "",
			"given":      "employee from 2025-05-02 by 2026-04-01 awaited, review 2026-06-30 planned by long",
			"putoff":     "employee from 2025-05-01 by 2026-04-01 awaited, review 2099-01-01 planned by boss, review 2026-05-01 planned by boss",
		} {
			if got := d.owes(person); got != want {
				t.Errorf("%s: %s\nwant %s", person, got, want)
			}
		}
	})
}

// A review goes to the manager of then, unless people chose who holds it; the one after
// it, too.
func TestAReviewFollowsTheManager(t *testing.T) {
	each(t, func(d *desk) {
		for _, p := range []string{
			`{"id":"E1","name":"A","joined_at":"2025-04-01T09:00:00Z"}`, `{"id":"E2","name":"B","joined_at":"2025-04-01T09:00:00Z"}`,
			`{"id":"E3","name":"C","manager":"E1","joined_at":"2025-04-01T09:00:00Z","title":"Clerk"}`, `{"id":"E4","name":"D","manager":"E1","joined_at":"2025-04-01T09:00:00Z"}`,
		} {
			d.add(people.Register, p)
		}
		day := func(month, day int) time.Time { return time.Date(2026, time.Month(month), day, 1, 0, 0, 0, time.UTC) }
		wants := func(person, want string) {
			t.Helper()
			if _, got, _ := strings.Cut(d.owes(person), ", "); got != want {
				t.Errorf("%s: %s, want %s", person, got, want)
			}
		}
		d.night(day(3, 3))
		wants("E3", "review 2026-04-01 planned by E1")
		d.ok(d.set(people.Reviews, "PR-4", `{"reviewer":"person/E2"}`))          // whom people chose
		d.ok(d.set(people.Register, "E3", `{"manager":"E2","title":"Analyst"}`)) // a mover
		d.ok(d.set(people.Register, "E4", `{"manager":"E3"}`))
		if got := d.night(day(3, 4)); got.Reviewers != 1 {
			t.Errorf("%+v", got)
		}
		wants("E3", "review 2026-04-01 planned by E2")
		wants("E4", "review 2026-04-01 planned by E2")
		// Whoever was to hold it leaves: the manager, or nobody.
		d.ok(d.move(people.Register, "E2", people.Left, `{"left_at":"2026-03-05T17:00:00Z"}`))
		if got := d.night(day(3, 6)); got.Reviewers != 2 {
			t.Errorf("%+v", got)
		}
		wants("E3", "review 2026-04-01 planned by nobody")
		wants("E4", "review 2026-04-01 planned by E3")
		wants("E2", "review 2026-04-01 ended by nobody")
		held := `{"held_at":"2026-03-06T00:30:00Z","job_description":"J","security_duties":"met"}`
		d.refused("by nobody", d.move(people.Reviews, "PR-3", people.Held, held), "reviewer")
		d.ok(d.move(people.Reviews, "PR-3", people.Held, strings.Replace(held, "{", `{"reviewer":"person/E1",`, 1)))
		d.ok(d.move(people.Reviews, "PR-4", people.Held, held))
		d.ok(d.set(people.Register, "E4", `{"manager":"E1"}`))
		d.night(day(3, 7))
		wants("E3", "review 2026-04-01 held by E1, review 2027-04-01 planned by E1")
		wants("E4", "review 2026-04-01 held by E3, review 2027-04-01 planned by E1")
		// Whoever held it and left since holds none after it.
		d.refused("by who had left", d.move(people.Reviews, "PR-5", people.Held, strings.Replace(held, "{", `{"reviewer":"person/E2",`, 1)), "reviewer")
		d.ok(d.move(people.Reviews, "PR-5", people.Held, strings.Replace(strings.Replace(held, "{", `{"reviewer":"person/E2",`, 1), "03-06", "03-05", 1)))
		wants("E3", "review 2026-04-01 held by E1, review 2027-04-01 held by E2, review 2028-04-01 planned by nobody")
	})
}

// Who has left owes what was due before, and nothing else; who comes back begins again
// where that is so, and puts nothing off.
func TestWhoComesBackPutsNothingOff(t *testing.T) {
	each(t, func(d *desk) {
		d.began("2020-01-01T00:00:00Z")
		for id, joined := range map[string]string{
			"E1": "2025-04-01", "E2": "2026-03-20", "E3": "2025-04-01", "E4": "2025-04-01", "E5": "2025-09-01", "E6": "2025-06-01",
		} {
			d.add(people.Register, fmt.Sprintf(`{"id":%q,"name":"A","joined_at":"%sT09:00:00Z"}`, id, joined))
		}
		day := func(month, day int) time.Time { return time.Date(2026, time.Month(month), day, 1, 0, 0, 0, time.UTC) }
		wants := func(person, want string) {
			t.Helper()
			if got := d.owes(person); got != want {
				t.Errorf("%s: %s\nwant %s", person, got, want)
			}
		}
		d.people("E9")
		d.add(people.Reviews, `{"person":"person/E6","reviewer":"person/E9","due_at":"2026-10-10T00:00:00Z"}`)
		d.night(day(3, 3))
		for id, a := range all[people.Agreement](d, people.Agreements) {
			if a.Person == "person/E3" {
				d.ok(d.move(people.Agreements, id, people.Signed, `{"signed_at":"2025-03-30T09:00:00Z","document":"sign/3"}`))
			}
		}
		d.ok(d.move(people.Register, "E1", people.Left, `{"left_at":"2026-03-09T17:00:00Z"}`))
		d.ok(d.move(people.Register, "E2", people.Left, `{"left_at":"2026-03-20T09:00:00Z"}`)) // who never began
		d.ok(d.move(people.Register, "E3", people.Left, `{"left_at":"2026-04-10T17:00:00Z"}`))
		for _, id := range []string{"E4", "E5", "E6"} {
			d.ok(d.move(people.Register, id, people.Left, `{"left_at":"2026-03-09T17:00:00Z"}`))
		}
		d.night(day(3, 21))
		wants("E1", "employee from 2025-04-01 missed, review 2026-04-01 ended by nobody")
		wants("E2", "employee from 2026-03-20 ended, review 2027-03-20 ended by nobody")
		wants("E3", "employee from 2025-04-01 signed, review 2026-04-01 planned by nobody")
		d.night(day(4, 11))
		wants("E3", "employee from 2025-04-01 signed, review 2026-04-01 missed by nobody")
		for _, id := range []string{"E1", "E2", "E3", "E5", "E6"} {
			d.ok(d.move(people.Register, id, people.Active, `{"left_at":null}`))
		}
		d.ok(d.set(people.Register, "E1", `{"joined_at":"2026-04-20T09:00:00Z"}`)) // anew
		d.ok(d.set(people.Register, "E5", `{"joined_at":"2026-04-05T09:00:00Z"}`))
		d.night(day(4, 12))
		wants("E5", "employee from 2025-09-01 missed, employee from 2026-04-05 awaited, review 2026-09-01 ended by nobody, review 2027-04-05 planned by nobody")
		wants("E6", "employee from 2025-06-01 missed, employee from 2026-04-12 awaited, review 2026-10-10 ended by E9, review 2026-10-10 planned by nobody")
		wants("E1", "employee from 2025-04-01 missed, employee from 2026-04-20 awaited, review 2026-04-01 ended by nobody, review 2027-04-20 planned by nobody")
		wants("E2", "employee from 2026-03-20 ended, employee from 2026-04-12 awaited, review 2027-03-20 ended by nobody, review 2027-03-20 planned by nobody")
		wants("E3", "employee from 2025-04-01 signed, review 2026-04-01 missed by nobody, review 2027-04-01 planned by nobody")
		// What was signed in time and put on record late.
		for id, a := range all[people.Agreement](d, people.Agreements) {
			if a.State == people.Missed {
				d.refused("after leaving", d.move(people.Agreements, id, people.Signed, `{"signed_at":"2026-03-10T09:00:00Z","document":"x"}`), "signed_at")
				d.ok(d.move(people.Agreements, id, people.Signed, `{"signed_at":"2025-03-30T09:00:00Z","document":"sign/1"}`))
			}
		}
		d.ok(d.move(people.Register, "E4", people.Active, `{"left_at":null}`))
		d.night(day(4, 13))
		wants("E4", "employee from 2025-04-01 signed, review 2026-04-01 ended by nobody, review 2027-04-01 planned by nobody")
		wants("E1", "employee from 2025-04-01 signed, employee from 2026-04-20 awaited, review 2026-04-01 ended by nobody, review 2027-04-20 planned by nobody")
	})
}

// More people than one act may have, of whom one has what they owe, by a number that an
// import brought.
func TestManyPeopleAreGivenNumbersOfTheirOwn(t *testing.T) {
	each(t, func(d *desk) {
		d.ok(d.do("person/author", func(tx *act.Tx) error {
			at := ledgertest.Begin
			_, err := record.Put(tx, people.Agreements, record.Change{Verb: "imported", ID: "AGR-500", Doc: &people.Agreement{ID: "AGR-500", Person: "person/p7", Terms: "T", State: people.Awaited, AccessFrom: &at}})
			return err
		}))
		const all = act.MaxBatch + 20
		var some []record.Change
		for i := range all {
			p := &people.Person{ID: fmt.Sprintf("p%d", i), Name: "A", State: people.Active}
			some = append(some, record.Change{Verb: "imported", ID: p.ID, Doc: p})
		}
		for part := range slices.Chunk(some, act.MaxBatch) {
			d.ok(d.do("person/author", func(tx *act.Tx) error { _, err := record.Put(tx, people.Register, part...); return err }))
		}
		opened, err := people.Plan(ctx, d.Door, act.JobCaller("register.watch"))
		d.ok(err)
		if opened.Agreements != all-1 || opened.Reviews != all {
			t.Errorf("%+v", opened)
		}
	})
}
