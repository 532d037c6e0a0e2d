package people_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

func TestTheRegister(t *testing.T) {
	left := `{"left_at":"2026-03-01T00:00:00Z"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.Register, With: record.Kinds{people.JobChanges},
		New: `{"name":"Alex Example","joined_at":"2026-01-05T00:00:00Z"}`,
		Set: `{"department":"Support"}`,
		Fields: map[string]string{
			"active left": left, "on_leave left": left,
		},
		Refused: map[string]string{
			"name": `{"name":" "}`, "email": `{"email":"nobody"}`, "employment": `{"employment":"guest"}`, "state": `{"state":"lost"}`,
			"left_at": `{"left_at":"2025-01-05T00:00:00Z"}`, "id": `{"id":"a b"}`, "engaged_until": `{"engaged_until":"2025-01-05T00:00:00Z"}`,
			"background_check": `{"background_check":"` + strings.Repeat("x", 401) + `"}`,
		},
	})
}

func TestJobChanges(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.JobChanges, ID: func(n int) string { return fmt.Sprintf("E1.%d", n) },
		New: `{"person":"person/E1","effective_at":"2026-01-05T00:00:00Z","to_manager":"person/E2"}`, Set: `{"rights":"None"}`,
		Fields:  map[string]string{"recorded reviewed": `{"rights":"The old ones ended"}`},
		Refused: map[string]string{"id": `{"id":"E2.1"}`, "to_title": `{"to_title":"` + strings.Repeat("x", 401) + `"}`, "rights": `{"rights":"` + strings.Repeat("x", 4001) + `"}`},
	})
}

func TestAgreements(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.Agreements, With: record.Kinds{people.Register}, Seed: func(tx *act.Tx) error {
			_, err := record.Add(tx, people.Register, fields(`{"id":"E1","name":"A","joined_at":"2026-01-05T00:00:00Z"}`))
			return err
		}, Own: []string{people.Ended, people.Missed}, New: `{"person":"person/E1","terms":"Terms 2026","access_from":"2026-01-05T00:00:00Z"}`, Set: `{"employment":"contractor"}`,
		Fields: map[string]string{
			"awaited signed":  `{"signed_at":"2026-01-04T00:00:00Z","document":"sign/7"}`,
			"awaited awaited": `{"access_from":"2026-01-06T00:00:00Z","corrected_why":"The badge was made on the sixth"}`,
		},
		Refused: map[string]string{"signed_at": `{"signed_at":"2026-01-04T00:00:00Z"}`, "state": `{"state":"missed"}`, "terms": `{"terms":"` + strings.Repeat("x", 401) + `"}`},
	})
}

func TestReviews(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.Reviews, Own: []string{people.Ended, people.Missed},
		New: `{"person":"person/E1","reviewer":"person/E2","due_at":"2026-01-31T00:00:00Z"}`, Set: `{"learning":["Go"]}`,
		Fields:     map[string]string{"planned held": `{"held_at":"2026-01-30T00:00:00Z","job_description":"JOB-2","security_duties":"met"}`},
		GuardFalse: map[string]string{"planned held reviewer": `{"held_at":"2026-01-30T00:00:00Z","job_description":"JOB-2","security_duties":"met","reviewer":"person/E1"}`},
		Refused: map[string]string{
			"held_at": `{"held_at":"2099-01-01T00:00:00Z"}`, "state": `{"state":"ended"}`,
			"learning": `{"learning":["` + strings.Repeat("x", 401) + `"]}`, "job_description": `{"job_description":"` + strings.Repeat("x", 401) + `"}`,
		},
	})
}

func TestConductCases(t *testing.T) {
	self := `{"about":"person/E3","investigated_by":"person/E3","outcome":"confirmed","action":"talk"}`
	recordtest.Exercise(t, recordtest.Register{
		Kind: people.ConductCases, New: `{"reported_at":"2026-01-05T00:00:00Z","channel":"manager","rule":"code-of-conduct 6","about":"person/E1"}`, Set: `{"rule":"code-of-conduct 8"}`,
		Fields: map[string]string{
			"reported investigating": `{"investigated_by":"person/E2"}`, "investigating investigating": `{"investigated_by":"person/E4"}`, "investigating closed": `{"outcome":"confirmed","action":"talk"}`,
		},
		GuardFalse: map[string]string{
			"reported investigating investigated_by": self, "investigating investigating investigated_by": self, "investigating closed investigated_by": self,
			"investigating closed about": `{"about":null,"outcome":"not confirmed","action":"nothing"}`,
		},
		Refused: map[string]string{
			"rule": `{"rule":"On Monday somebody said"}`, "reported_at": `{"reported_at":"2099-01-01T00:00:00Z"}`, "heard_at": `{"heard_at":"2099-01-01T00:00:00Z"}`,
			"channel": `{"channel":"Ann told me"}`,
		},
	})
}

var ctx = context.Background()

// desk are the registers of people.
type desk struct {
	*testing.T
	*ledgertest.Ledger
}

func each(t *testing.T, body func(d *desk)) {
	kinds := record.Kinds{people.Register, people.JobChanges, people.Agreements, people.Reviews, people.ConductCases, people.Messages}
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		if err := l.Door.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := kinds.Adopt(ctx, l.DB); err != nil {
			t.Fatal(err)
		}
		l.OpenDoor(t)
		body(&desk{t, l})
		l.Verify(t, kinds)
	})
}

func (d *desk) do(who string, body func(*act.Tx) error) error {
	_, err := d.Do(ctx, act.Caller{ID: who, Roles: []string{"administrator"}}, "test", "people", body)
	return err
}

func fields(text string) (all map[string]json.RawMessage) {
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		panic(err)
	}
	return all
}

func (d *desk) add(kind *record.Kind, text string) (id string) {
	d.Helper()
	if err := d.do("person/author", func(tx *act.Tx) error {
		v, err := record.Add(tx, kind, fields(text))
		if err == nil {
			id = v.ID
		}
		return err
	}); err != nil {
		d.Fatal(err)
	}
	return id
}

// people adds people who are named.
func (d *desk) people(ids ...string) {
	d.Helper()
	for _, id := range ids {
		d.add(people.Register, `{"id":"`+id+`","name":"Example"}`)
	}
}

func (d *desk) set(kind *record.Kind, id, text string) error {
	return d.do("person/author", func(tx *act.Tx) error {
		_, err := record.Set(tx, kind, id, record.AnyVersion, fields(text))
		return err
	})
}

func (d *desk) move(kind *record.Kind, id, state, text string) error {
	return d.do("person/author", func(tx *act.Tx) error {
		permission, err := record.Permission(&tx.Reader, kind, id, state)
		if err == nil {
			_, err = record.Move(tx, kind, id, record.AnyVersion, state, permission, fields(text))
		}
		return err
	})
}

// all are the current records of a kind, by id.
func all[T any](d *desk, kind *record.Kind) map[string]T {
	d.Helper()
	found := map[string]T{}
	if err := d.DB.Read(ctx, func(r *store.Reader) error {
		return record.Each(r, record.Range{Kind: kind.Name}, func(v *record.Version) error {
			var doc T
			err := json.Unmarshal(v.Doc, &doc)
			found[v.ID] = doc
			return err
		})
	}); err != nil {
		d.Fatal(err)
	}
	return found
}

// refused holds that an error names this field.
func (d *desk) refused(what string, err error, field string) {
	d.Helper()
	var wrong *record.Invalid
	if !errors.As(err, &wrong) || wrong.Fields[0].Field != field {
		d.Errorf("%s: %v, want %q to be named", what, err, field)
	}
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// What somebody's job was and what it is now stays on record; filling in what was
// not known, or moving below another manager, is no change of jobs.
func TestAMoverLeavesARecord(t *testing.T) {
	each(t, func(d *desk) {
		d.people("E2", "E3", "E4")
		id := d.add(people.Register, `{"id":"E1","name":"Ada","manager":"E2"}`)
		if got := all[people.Person](d, people.Register)[id].Manager; got != "person/E2" {
			d.Errorf("the manager is %q", got)
		}
		head := d.add(people.Register, `{"id":"E9","name":"Zed","manager":"E9"}`) // as HR systems say it of the head of a company
		if got := all[people.Person](d, people.Register)[head].Manager; got != "" {
			d.Errorf("the manager of the head is %q", got)
		}
		for _, none := range []string{`{"title":"Analyst"}`, `{"department":"Finance"}`, `{"manager":"person/E3"}`, `{"email":"ada@example.com"}`} {
			d.ok(d.set(people.Register, id, none))
			if got := all[people.JobChange](d, people.JobChanges); len(got) != 0 {
				d.Fatalf("%s: %v", none, got)
			}
		}
		d.ok(d.set(people.Register, id, `{"title":"Engineer","manager":"E4","job_since":"2026-02-01T00:00:00Z"}`))
		d.ok(d.set(people.Register, id, `{"employment":"contractor"}`))
		got := all[people.JobChange](d, people.JobChanges)
		first, second := got["E1.1"], got["E1.2"]
		if len(got) != 2 || first.FromTitle != "Analyst" || first.ToTitle != "Engineer" || first.FromManager != "person/E3" || first.ToManager != "person/E4" ||
			first.EffectiveAt.Format(time.DateOnly) != "2026-02-01" || first.DueAt.Format(time.DateOnly) != "2026-02-08" || first.State != people.Recorded {
			d.Errorf("%+v", got)
		}
		if second.FromEmployment != "employee" || second.ToEmployment != "contractor" || !second.EffectiveAt.Equal(ledgertest.Begin) {
			d.Errorf("%+v", second)
		}
		// Whoever leaves moves to no other job; whoever comes back as something else does.
		d.ok(d.move(people.Register, id, people.Left, `{"left_at":"2026-02-20T00:00:00Z","title":"Former"}`))
		d.ok(d.move(people.Register, id, people.Active, `{"title":"Lead","left_at":null}`))
		if got := all[people.JobChange](d, people.JobChanges); len(got) != 3 || got["E1.3"].FromTitle != "Former" {
			d.Errorf("%+v", got)
		}
	})
}

// A review that is held, however late, is followed by one a year after it was due.
func TestReviewsFollowTheCalendar(t *testing.T) {
	each(t, func(d *desk) {
		d.people("E1", "E2")
		id := d.add(people.Reviews, `{"person":"person/E1","reviewer":"person/E2","due_at":"2025-01-31T00:00:00Z"}`)
		held := `{"held_at":"2025-12-30T00:00:00Z","job_description":"JOB-2","security_duties":"met"}`
		d.ok(d.move(people.Reviews, id, people.Held, held))
		got := all[people.PerformanceReview](d, people.Reviews)
		next := got["PR-2"]
		if len(got) != 2 || got[id].Next != "performance_review/PR-2" || next.DueAt.Format(time.DateOnly) != "2026-01-31" || next.State != people.Planned ||
			next.Reviewer != "person/E2" || next.JobDescription != "JOB-2" || next.HeldAt != nil || next.SecurityDuties != "" {
			d.Errorf("%+v", got)
		}
		d.refused("ahead", d.move(people.Reviews, "PR-2", people.Held, `{"held_at":"2099-01-01T00:00:00Z","security_duties":"met"}`), "held_at")
	})
}

// What was signed, and how a case ended, stays as it is.
func TestWhatIsSettledStays(t *testing.T) {
	each(t, func(d *desk) {
		d.people("E1", "E2")
		id := d.add(people.Agreements, `{"person":"person/E1","terms":"Terms 2026","access_from":"2026-01-05T00:00:00Z"}`)
		d.refused("ahead", d.move(people.Agreements, id, people.Signed, `{"signed_at":"2099-01-01T00:00:00Z","document":"x"}`), "signed_at")
		// When the access began has come: it is put off by no plain change, and corrected by somebody else.
		later := `{"access_from":"2026-01-06T00:00:00Z"}`
		d.refused("put off", d.set(people.Agreements, id, later), "access_from")
		d.refused("without a reason", d.move(people.Agreements, id, people.Awaited, later), "corrected_why")
		d.ok(d.move(people.Agreements, id, people.Awaited, `{"access_from":"2026-01-06T00:00:00Z","corrected_why":"The badge was made on the sixth"}`))
		if got := all[people.Agreement](d, people.Agreements)[id]; got.AccessFrom.Format(time.DateOnly) != "2026-01-06" || got.CorrectedBy != "person/author" {
			d.Errorf("%+v", got)
		}
		d.refused("put off after a correction", d.set(people.Agreements, id, `{"access_from":"2026-02-06T00:00:00Z"}`), "access_from")
		d.ok(d.move(people.Agreements, id, people.Signed, `{"signed_at":"2026-01-04T00:00:00Z","document":"sign/7"}`))
		for _, change := range []string{`{"signed_at":"2026-01-03T00:00:00Z"}`, `{"access_from":"2026-01-07T00:00:00Z"}`, `{"terms":"Others"}`} {
			d.refused(change, d.set(people.Agreements, id, change), "state")
		}
		d.refused("another document", d.set(people.Agreements, id, `{"document":"sign/8"}`), "document")
		d.ok(d.move(people.Agreements, id, people.Signed, `{"document":"sign/8"}`))

		id = d.add(people.ConductCases, `{"reported_at":"2026-01-05T00:00:00Z","channel":"outside","rule":"code-of-conduct 6"}`)
		d.ok(d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/E2"}`))
		d.refused("about nobody", d.move(people.ConductCases, id, people.Closed, `{"outcome":"confirmed","action":"talk"}`), "about")
		d.refused("by whom it is about", d.move(people.ConductCases, id, people.Closed, `{"about":"person/E2","outcome":"confirmed","action":"talk"}`), "investigated_by")
		d.ok(d.move(people.ConductCases, id, people.Closed, `{"about":"person/E1","outcome":"not confirmed","action":"nothing"}`))
		d.refused("closed", d.set(people.ConductCases, id, `{"outcome":"confirmed"}`), "state")
		if got := all[people.ConductCase](d, people.ConductCases)[id]; got.DueAt.Format(time.DateOnly) != "2026-02-04" || got.ClosedBy != "person/author" {
			d.Errorf("%+v", got)
		}
	})
}

// Whoever a case is about says neither that it is about somebody else nor that it is about
// nobody, and nobody looks into it who reports to them.
func TestACaseIsNotInTheHandsOfWhomItIsAbout(t *testing.T) {
	each(t, func(d *desk) {
		d.people("E1", "E2", "E3")
		d.add(people.Register, `{"id":"E4","name":"Example","manager":"E1"}`)
		d.ok(d.set(people.Register, "E1", `{"email":"Head@example.com"}`))
		d.ok(d.do("person/author", func(tx *act.Tx) error { // as some HR systems name a manager
			_, err := record.Put(tx, people.Register, record.Change{Verb: "imported", ID: "E5", Doc: &people.Person{ID: "E5", Name: "A", State: people.Active, Manager: "person/Head@example.com"}})
			return err
		}))
		as := func(who, id, change string) error {
			return d.do(who, func(tx *act.Tx) error {
				_, err := record.Set(tx, people.ConductCases, id, record.AnyVersion, fields(change))
				return err
			})
		}
		mine := func(what string, err error) {
			d.Helper()
			if !errors.Is(err, act.ErrSamePerson) {
				d.Errorf("%s: %v", what, err)
			}
		}
		id := d.add(people.ConductCases, `{"reported_at":"2026-01-05T00:00:00Z","channel":"outside","rule":"code-of-conduct 6","about":"person/E1"}`)
		for _, change := range []string{`{"about":"person/E3"}`, `{"about":null}`} {
			mine(change, as("person/E1", id, change))
		}
		d.ok(as("person/E2", id, `{"about":"person/E3"}`))
		mine("of whom it was about before", as("person/E1", id, `{"about":null}`))
		d.ok(as("person/E2", id, `{"about":"person/E1"}`))
		for _, below := range []string{"E4", "E5"} {
			d.refused("by "+below, d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/`+below+`"}`), "investigated_by")
		}
		d.ok(d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/E2"}`))
		d.ok(d.set(people.Register, "E2", `{"manager":"E1"}`)) // who was named goes on
		d.ok(as("person/E2", id, `{"heard_at":"2026-01-07T00:00:00Z"}`))
		d.refused("while it is looked into", as("person/E2", id, `{"about":"person/E3"}`), "about")
		mine("by the move", d.do("person/E1", func(tx *act.Tx) error {
			_, err := record.Move(tx, people.ConductCases, id, record.AnyVersion, people.Investigating, "", fields(`{"investigated_by":"person/E3","about":"person/E2"}`))
			return err
		}))
		d.ok(d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/E3"}`))

		id = d.add(people.ConductCases, `{"reported_at":"2026-01-05T00:00:00Z","channel":"outside","rule":"code-of-conduct 6"}`)
		d.ok(d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/E4"}`))
		d.refused("as it turns out", d.move(people.ConductCases, id, people.Investigating, `{"investigated_by":"person/E4","about":"person/E1"}`), "investigated_by")
		d.ok(d.move(people.ConductCases, id, people.Closed, `{"outcome":"cannot be established","action":"nothing"}`))
	})
}

// A review ends with the leaving of whose it is; one that was due before stays missed.
func TestALeaverHasNoReviewThatWasNotDue(t *testing.T) {
	each(t, func(d *desk) {
		d.people("E1", "E2", "E3")
		for _, due := range []string{"2026-01-31", "2026-12-31"} {
			d.add(people.Reviews, `{"person":"person/E1","reviewer":"person/E2","due_at":"`+due+`T00:00:00Z"}`)
		}
		d.add(people.Reviews, `{"person":"person/E3","reviewer":"person/E2","due_at":"2026-12-31T00:00:00Z"}`)
		gone := map[string]time.Time{"person/E1": time.Date(2026, 2, 10, 17, 0, 0, 0, time.UTC)}
		for _, want := range []int{2, 0} {
			if n, err := people.Settle(ctx, d.Door, act.Caller{ID: "job/x", Roles: []string{"administrator"}}, gone); err != nil || n != want {
				d.Errorf("%d are closed, want %d: %v", n, want, err)
			}
		}
		got := all[people.PerformanceReview](d, people.Reviews)
		if got["PR-1"].State != people.Missed || got["PR-2"].State != people.Ended || got["PR-3"].State != people.Planned || got["PR-2"].LeftAt == nil {
			d.Errorf("%+v", got)
		}
		if err := d.move(people.Reviews, "PR-1", people.Held, `{"held_at":"2026-01-30T00:00:00Z","job_description":"J","security_duties":"met"}`); err == nil {
			d.Error("what was missed was held after all")
		}
	})
}
