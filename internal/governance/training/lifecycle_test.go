package training_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/training"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
)

var ctx = context.Background()

func as(person string, roles ...string) act.Caller {
	return act.Caller{ID: "person/" + person, Roles: append(roles, "account")}
}

var (
	ann   = as("ann", "compliance")
	staff = as("dan", "employee")
)

const day = 24 * time.Hour

// house is a folder with one course, and what people do in it.
type house struct {
	*testing.T
	f *apptest.Folder
}

func each(t *testing.T, test func(h house)) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		h := house{t, f}
		h.must(h.add(ann, training.Courses, basics))
		test(h)
	})
}

func (h house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h house) add(caller act.Caller, kind *record.Kind, doc string) error {
	_, err := h.f.AddRecord(ctx, caller, kind, fields(doc))
	return err
}

func (h house) move(caller act.Caller, kind *record.Kind, id, state string) error {
	_, err := h.f.MoveRecord(ctx, caller, kind, id, record.AnyVersion, state, nil)
	return err
}

func (h house) offer() {
	h.Helper()
	h.must(h.move(ann, training.Courses, "basics", training.Offered))
}

// person adds somebody who joined some days from now.
func (h house) person(id string, joins time.Duration) {
	h.Helper()
	h.must(h.add(ann, people.Register, fmt.Sprintf(`{"id":%q,"name":"Example","joined_at":%q}`, id, h.f.Manual.Now().Add(joins).Format(time.RFC3339))))
}

func (h house) assign(want int) {
	h.Helper()
	if n, err := h.f.AssignTrainings(ctx, act.JobCaller("register.watch")); err != nil || n != want {
		h.Errorf("%d are assigned (%v), want %d", n, err, want)
	}
}

func (h house) training(id string) (t *training.Training) {
	h.Helper()
	h.must(h.f.DB.Read(ctx, func(r *store.Reader) (err error) {
		t, _, err = training.Get(r, id)
		return err
	}))
	return t
}

func (h house) missing(want int) {
	h.Helper()
	if n, err := h.f.MissingTraining(ctx); err != nil || n != want {
		h.Errorf("%d people are missing training (%v), want %d", n, err, want)
	}
}

// completion brings that somebody finished the course elsewhere, some time ago,
// and gives the training that it completed.
func (h house) completion(id, person string, ago time.Duration) string {
	h.Helper()
	at := h.f.Manual.Now().Add(-ago).Format(time.RFC3339)
	h.must(h.add(ann, training.Completions, fmt.Sprintf(`{"id":%q,"person":"person/%s","course":"course/basics","completed_at":%q,"evidence":"certificate 7"}`, id, person, at)))
	var done training.Completion
	h.must(h.f.DB.Read(ctx, func(r *store.Reader) error {
		v, err := record.Get(r, training.Completions.Name, id)
		if err != nil {
			return err
		}
		doc, err := training.Completions.Decode(v.Doc)
		done = *record.As[training.Completion](doc)
		return err
	}))
	return done.Training
}

func TestACourseIsAssignedOnceAndAgainWhenItsRenewalFallsDue(t *testing.T) {
	each(t, func(h house) {
		h.person("eve", 0) // a joiner: 30 days from joining
		h.f.Manual.Advance(10 * day)
		h.person("dan", -400*day)
		h.person("hal", -10*day) // is known from now: 30 days
		h.person("fay", 5*day)   // joins next week
		h.assign(0)              // nothing is offered
		if _, err := h.f.AssignTraining(ctx, ann, "basics"); err == nil {
			t.Error("a draft is assigned")
		}
		if _, err := h.f.AssignTraining(ctx, ann, "none"); !errors.Is(err, record.ErrNone) {
			t.Error(err)
		}
		for _, other := range []act.Caller{staff, as("x", "auditor"), as("x", "engineer"), as("x", "executive")} {
			if err := h.move(other, training.Courses, "basics", training.Offered); !errors.Is(err, act.ErrDenied) {
				t.Errorf("%v offers: %v", other.Roles, err)
			}
			if _, err := h.f.AssignTraining(ctx, other, "basics"); !errors.Is(err, act.ErrDenied) {
				t.Errorf("%v assigns: %v", other.Roles, err)
			}
		}
		h.offer()
		h.assign(4)
		h.assign(0)
		now := h.f.Manual.Now()
		for id, days := range map[string]int{"dan": 30, "eve": 20, "fay": 35, "hal": 30} {
			if got := h.training("basics." + id + ".1"); !got.DueAt.Equal(now.AddDate(0, 0, days)) || got.Round != 1 || got.Title != "Security for everybody" || !got.AssignedAt.Equal(now) || got.State != training.Assigned {
				t.Errorf("%s: %+v, want it due in %d days", id, got, days)
			}
		}
		// Nobody finishes it for somebody else, or with a time that they like.
		for _, other := range []act.Caller{as("eve", "employee"), ann, as("eve", "ciso"), apptest.Operator} {
			if err := h.move(other, training.Register, "basics.dan.1", training.Completed); !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s finishes dan's: %v", other.ID, err)
			}
		}
		if _, err := h.f.MoveRecord(ctx, staff, training.Register, "basics.dan.1", record.AnyVersion, training.Completed, fields(`{"completed_at":"2020-01-01T00:00:00Z"}`)); err == nil {
			t.Error("finished at a time that somebody likes")
		}
		if err := h.add(staff, training.Register, `{"id":"extra","person":"person/dan","course":"course/basics"}`); !errors.Is(err, act.ErrDenied) {
			t.Errorf("an employee assigns: %v", err)
		}
		h.f.Manual.Advance(day)
		h.must(h.move(staff, training.Register, "basics.dan.1", training.Completed))
		done, at := h.training("basics.dan.1"), h.f.Manual.Now()
		if done.CompletedBy != "person/dan" || !done.CompletedAt.Equal(at) || done.SHA256 == "" || !done.RenewsAt.Equal(at.AddDate(1, 0, 0)) || done.Evidence != "" {
			t.Errorf("%+v", done)
		}
		h.f.Manual.Advance(time.Hour)
		h.must(h.move(as("hal", "employee"), training.Register, "basics.hal.1", training.Completed))
		// Due: first the joiner's, then with everybody's who is there.
		h.missing(0)
		h.f.Manual.Set(now.AddDate(0, 0, 20))
		h.missing(0) // at that instant it is not past
		h.f.Manual.Advance(time.Second)
		h.missing(1)
		h.f.Manual.Set(now.AddDate(0, 0, 40))
		h.missing(2)
		// Two overdue of one person count once; a leaver does not count.
		h.must(h.add(ann, training.Register, `{"id":"extra","person":"person/eve","course":"course/basics","note":"again"}`))
		h.f.Manual.Advance(60 * day)
		h.missing(2)
		if _, err := h.f.MoveRecord(ctx, ann, people.Register, "fay", record.AnyVersion, people.Left, fields(fmt.Sprintf(`{"left_at":%q}`, h.f.Manual.Now().Format(time.RFC3339)))); err != nil {
			t.Fatal(err)
		}
		h.missing(1)
		// The renewal is assigned when it falls due, and not before.
		h.f.Manual.Set(done.RenewsAt.Add(-time.Second))
		h.assign(0)
		h.f.Manual.Advance(time.Second)
		h.assign(1)
		if again := h.training("basics.dan.2"); again.Round != 2 || !again.DueAt.Equal(h.f.Manual.Now().AddDate(0, 0, 30)) || again.CompletedAt != nil {
			t.Errorf("%+v", again)
		}
		// Retired: nobody is assigned it; what was assigned can still be finished.
		h.must(h.move(ann, training.Courses, "basics", training.Retired))
		h.person("gil", 0)
		h.assign(0)
		h.must(h.move(staff, training.Register, "basics.dan.2", training.Completed))
		if _, err := h.f.Verify(ctx, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestWhatWasFinishedElsewhere(t *testing.T) {
	each(t, func(h house) {
		for _, id := range []string{"dan", "eve", "old"} {
			h.person(id, -400*day)
		}
		if err := h.add(ann, training.Completions, `{"id":"c0","person":"person/dan","course":"course/basics","completed_at":"2026-01-01T00:00:00Z","evidence":"x"}`); err == nil {
			t.Error("a draft was finished")
		}
		h.offer()
		for _, other := range []act.Caller{staff, as("x", "auditor"), as("x", "engineer")} {
			if err := h.add(other, training.Completions, `{"id":"c0","person":"person/dan","course":"course/basics","completed_at":"2026-01-01T00:00:00Z","evidence":"x"}`); !errors.Is(err, act.ErrDenied) {
				t.Errorf("%v brings a completion: %v", other.Roles, err)
			}
		}
		// Before it was asked for: a round that is complete, and nothing to assign.
		if got := h.completion("c1", "dan", 300*day); got != "training/basics.dan.1" {
			t.Errorf("it completed %q", got)
		}
		h.assign(2)
		first := h.training("basics.dan.1")
		if first.State != training.Completed || first.DueAt != nil || first.AssignedAt != nil || first.CompletedBy != "person/ann" || first.Evidence != "certificate 7" || !first.RenewsAt.Equal(first.CompletedAt.AddDate(1, 0, 0)) {
			t.Errorf("%+v", first)
		}
		// One that was asked for.
		if got := h.completion("c2", "eve", time.Hour); got != "training/basics.eve.1" {
			t.Errorf("it completed %q", got)
		}
		if got := h.training("basics.eve.1"); got.State != training.Completed || got.DueAt == nil || got.Evidence != "certificate 7" {
			t.Errorf("%+v", got)
		}
		// What counts for nothing: outdated, or not later than what is known.
		for id, one := range map[string]struct {
			person string
			ago    time.Duration
		}{"c3": {"old", 370 * day}, "c4": {"eve", time.Hour}, "c5": {"eve", 2 * day}, "c6": {"dan", 301 * day}} {
			if got := h.completion(id, one.person, one.ago); got != "" {
				t.Errorf("%s completed %q", id, got)
			}
		}
		if got := h.training("basics.old.1"); got.State != training.Assigned {
			t.Errorf("%+v", got)
		}
		// Once more before the renewal: the next one counts from then.
		if got := h.completion("c7", "dan", day); got != "training/basics.dan.2" {
			t.Errorf("it completed %q", got)
		}
		h.f.Manual.Set(*first.RenewsAt)
		h.assign(0)
		// A renewal that is open is not finished by what finished the round before.
		h.f.Manual.Set(*h.training("basics.dan.2").RenewsAt)
		h.assign(1)
		h.f.Manual.Advance(time.Hour)
		if _, err := h.f.SetRecord(ctx, ann, training.Courses, "basics", record.AnyVersion, fields(`{"renewal_months":24}`)); err != nil {
			t.Fatal(err)
		}
		if got := h.completion("c8", "dan", 370*day); got != "" {
			t.Errorf("it completed %q", got)
		}
		if got := h.completion("c9", "dan", time.Minute); got != "training/basics.dan.3" {
			t.Errorf("it completed %q", got)
		}
		if _, err := h.f.Verify(ctx, nil, nil); err != nil {
			t.Error(err)
		}
	})
}

// It goes on where it was interrupted: more people than one act may have, some of
// whom were assigned the course.
func TestAssigningIsResumed(t *testing.T) {
	each(t, func(h house) {
		h.offer()
		var all []training.Member
		for i := range 2500 {
			all = append(all, training.Member{Person: fmt.Sprintf("person/e%04d", i)})
		}
		if n, err := training.Assign(ctx, h.f.Door, ann, "basics", all[400:1400]); err != nil || n != 1000 {
			t.Fatal(n, err)
		}
		if n, err := training.Assign(ctx, h.f.Door, ann, "course/basics", all); err != nil || n != 1500 {
			t.Error(n, err)
		}
	})
}

// leave moves somebody to those who have left, since an instant.
func (h house) leave(id string, at time.Time) {
	h.Helper()
	_, err := h.f.MoveRecord(ctx, ann, people.Register, id, record.AnyVersion, people.Left, fields(fmt.Sprintf(`{"left_at":%q}`, at.Format(time.RFC3339))))
	h.must(err)
}

func (h house) settle(want int) {
	h.Helper()
	if n, err := h.f.SettleLeavers(ctx, act.JobCaller("register.watch")); err != nil || n != want {
		h.Errorf("%d are closed (%v), want %d", n, err, want)
	}
}

// A duty ends with the leaving of whose it was; what was due before stays missed. Who
// comes back begins again.
func TestALeaverOwesNoTrainingThatWasNotDue(t *testing.T) {
	each(t, func(h house) {
		for _, id := range []string{"dan", "eve", "fay", "gil"} {
			h.person(id, -400*day)
		}
		h.offer()
		h.assign(4)
		h.must(h.move(as("gil"), training.Register, "basics.gil.1", training.Completed))
		h.settle(0)
		begin := h.f.Manual.Now()
		h.leave("dan", begin.Add(10*day)) // ahead
		h.settle(0)
		h.f.Manual.Advance(40 * day)
		h.leave("eve", begin.Add(35*day))
		h.leave("gil", begin.Add(35*day))
		h.settle(2)
		h.settle(0)
		for id, want := range map[string]string{"dan": training.Ended, "eve": training.Missed, "fay": training.Assigned, "gil": training.Completed} {
			if got := h.training("basics." + id + ".1"); got.State != want || (got.LeftAt != nil) != (want == training.Ended || want == training.Missed) {
				t.Errorf("%s: %+v, want %s", id, got, want)
			}
		}
		if err := h.move(as("dan"), training.Register, "basics.dan.1", training.Completed); err == nil {
			t.Error("what has ended was finished")
		}
		h.assign(0)
		// The day of leaving was another one.
		_, err := h.f.SetRecord(ctx, ann, people.Register, "dan", record.AnyVersion, fields(fmt.Sprintf(`{"left_at":%q}`, begin.Add(31*day).Format(time.RFC3339))))
		h.must(err)
		h.settle(1)
		if got := h.training("basics.dan.1"); got.State != training.Missed || !got.LeftAt.Equal(begin.Add(31*day)) {
			t.Errorf("%+v", got)
		}
		h.must(h.move(ann, people.Register, "dan", people.Active))
		h.assign(1)
		if got := h.training("basics.dan.2"); got.State != training.Assigned || got.Round != 2 || !got.AssignedAt.Equal(h.f.Manual.Now()) {
			t.Errorf("%+v", got)
		}
		// A certificate counts for the new round, and for that of one who is back and not assigned yet.
		if got := h.completion("L1", "dan", day); got != "training/basics.dan.2" {
			t.Errorf("completed %q", got)
		}
		h.must(h.move(ann, people.Register, "eve", people.Active))
		if got := h.completion("L2", "eve", day); got != "training/basics.eve.2" {
			t.Errorf("completed %q", got)
		}
		h.assign(0)
	})
}

// Each reminder is made once, before and after the due date; not of what was finished,
// and one of several that have passed meanwhile.
func TestPeopleAreRemindedOfWhatTheyWereAssigned(t *testing.T) {
	each(t, func(h house) {
		h.person("dan", -400*day)
		h.person("eve", -400*day)
		h.offer()
		h.assign(2)
		h.must(h.move(as("eve"), training.Register, "basics.eve.1", training.Completed))
		due, after := *h.training("basics.dan.1").DueAt, 0
		for _, step := range []struct {
			at   time.Duration
			want int
		}{{-8 * day, 0}, {-7*day - time.Second, 0}, {-7 * day, 1}, {-6 * day, 0}, {-day, 1}, {0, 0}, {8 * day, 1}, {13 * day, 0}, {14 * day, 1}, {28 * day, 1}, {90 * day, 0}} {
			h.f.Manual.Set(due.Add(step.at))
			for _, want := range []int{step.want, 0} {
				if n, err := h.f.RemindPeople(ctx, act.JobCaller("register.watch")); err != nil || n != want {
					t.Errorf("%s from the due date: %d reminders, want %d: %v", step.at, n, want, err)
				}
			}
			after += step.want
		}
		if got := h.training("basics.dan.1"); got.Reminders != after || got.State != training.Assigned || h.training("basics.eve.1").Reminders != 0 {
			t.Errorf("%+v", got)
		}
	})
}
