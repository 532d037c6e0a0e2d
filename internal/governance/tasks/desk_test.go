package tasks_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/calendar"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/governance/tasks"
	"scaf.dev/scaf/internal/platform/config"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
)

var ctx = context.Background()

// office is a folder with one monthly duty, due at the end of each month in
// Berlin with five days of grace, and a daily one that SCAF does itself.
type office struct {
	*apptest.Folder
	t    *testing.T
	desk *tasks.Desk
}

func duties(t *testing.T, change func(text string) string) []tasks.Duty {
	t.Helper()
	review := "id: review\ntitle: Review\nowner: person/E1\nfrequency: monthly\nday: 31\ngrace: 5d\nescalate: {to: boss, after: 48h}\n"
	check := "id: check\ntitle: Check\nowner: security lead\nfrequency: daily\nperformed_by: scaf.ledger.verified.v1\nescalate: {to: boss, after: 24h}\n"
	var all []tasks.Duty
	for _, text := range []string{change(review), check} {
		duty, _, err := tasks.Parse("duty.yaml", []byte(text), "Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *duty)
	}
	return all
}

func same(text string) string { return text }

// each opens an office on 2026-01-10, on both databases.
func each(t *testing.T, test func(t *testing.T, o *office)) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) { test(t, open(t, f)) })
}

// once is each on one database: the rules of duties know none.
func once(t *testing.T, test func(t *testing.T, o *office)) {
	test(t, open(t, apptest.New(t, config.Config{})))
}

func open(t *testing.T, f *apptest.Folder) *office {
	o := &office{f, t, f.Desk()}
	o.at("2026-01-10T09:00:00Z")
	for _, id := range []string{"E1", "E2"} {
		o.person(id, "name", "Example "+id)
	}
	if changed, err := o.desk.Establish(ctx, apptest.Operator, duties(t, same)); err != nil || fmt.Sprint(changed) != "[check review]" {
		t.Fatal(changed, err)
	}
	return o
}

func (o *office) at(text string) {
	o.t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Manual.Set(at)
}

func (o *office) person(id string, fields ...string) {
	o.t.Helper()
	values := map[string]json.RawMessage{"id": json.RawMessage(`"` + id + `"`)}
	for i := 0; i < len(fields); i += 2 {
		values[fields[i]] = json.RawMessage(`"` + fields[i+1] + `"`)
	}
	if _, err := o.AddRecord(ctx, apptest.Operator, people.Register, values); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) leaves(id string) {
	o.t.Helper()
	left := map[string]json.RawMessage{"left_at": json.RawMessage(`"2026-02-01T00:00:00Z"`)}
	if _, err := o.MoveRecord(ctx, apptest.Operator, people.Register, id, 0, people.Left, left); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) done(ref string) (*tasks.Occurrence, error) {
	return o.desk.Done(ctx, apptest.Operator, tasks.Entry{Ref: ref, Note: "looked at"})
}

// state is that of an occurrence now.
func (o *office) state(ref string) tasks.Occurrence {
	o.t.Helper()
	var found *tasks.Occurrence
	if err := o.DB.Read(ctx, func(r *store.Reader) (err error) {
		_, found, err = o.desk.Show(r, ref, o.Manual.Now())
		return err
	}); err != nil || found == nil {
		o.t.Fatalf("%s: %v", ref, err)
	}
	return *found
}

func (o *office) wantState(ref string, want calendar.State) {
	o.t.Helper()
	if got := o.state(ref); got.State != want {
		o.t.Errorf("%s at %s is %s, want %s", ref, o.Manual.Now(), got.State, want)
	}
}

func (o *office) refused(err error, want string) {
	o.t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		o.t.Errorf("%v, want: ...%s...", err, want)
	}
}

// whole: replaying the events gives the records.
func (o *office) whole() {
	o.t.Helper()
	if _, err := o.Verify(ctx, nil, nil); err != nil {
		o.t.Error(err)
	}
}

// items reads the population of occurrences. What is read of each without its
// document says the same.
func (o *office) items(from, to string, asOf int64) []string {
	o.t.Helper()
	begin, _ := time.Parse(time.RFC3339, from)
	end, _ := time.Parse(time.RFC3339, to)
	var items []string
	if err := o.DB.Read(ctx, func(r *store.Reader) error {
		source := &tasks.Register.Derived[0]
		var read []record.Occurrence
		if err := source.Items(populations.Past(populations.Stored(r), asOf), begin, end, func(item any) error {
			occurring, ok := item.(record.Occurring)
			if !ok {
				return fmt.Errorf("a %T is no occurrence", item)
			}
			read = append(read, occurring.Occurrence())
			return nil
		}); err != nil {
			return err
		}
		return populations.Items(populations.Stored(r), source, asOf, begin, end, func(doc []byte) error {
			var said struct { // a field of it for each of record.Occurrence
				ID          string     `json:"id"`
				Title       string     `json:"title"`
				Responsible string     `json:"responsible"`
				OpensAt     time.Time  `json:"opens_at"`
				DueAt       time.Time  `json:"due_at"`
				Deadline    time.Time  `json:"deadline"`
				State       string     `json:"state"`
				DoneAt      *time.Time `json:"done_at"`
			}
			if err := json.Unmarshal(doc, &said); err != nil {
				return err
			}
			if diff := cmp.Diff(record.Occurrence(said), read[len(items)]); diff != "" {
				o.t.Errorf("without its document (+) %s says otherwise: %s", said.ID, diff)
			}
			items = append(items, string(doc))
			return nil
		})
	}); err != nil {
		o.t.Fatal(err)
	}
	return items
}

func (o *office) size() int64 {
	o.t.Helper()
	var head ledger.Head
	if err := o.DB.Read(ctx, func(r *store.Reader) (err error) {
		head, err = ledger.ReadHead(r)
		return err
	}); err != nil {
		o.t.Fatal(err)
	}
	return head.Size
}

func TestAnOccurrenceGoesItsWay(t *testing.T) {
	once(t, func(t *testing.T, o *office) {
		o.wantState("review", calendar.NotYetDue)
		if _, err := o.done("review"); err != nil {
			t.Fatal(err)
		}
		o.wantState("review@2026-01-31", calendar.Done)
		_, err := o.done("review@2026-01-31")
		o.refused(err, "review@2026-01-31 was done at 2026-01-10T09:00:00Z by local/test")
		_, err = o.done("review@2026-02-28")
		o.refused(err, "can be recorded from 2026-01-31T22:59:59Z on")
		_, err = o.done("review@2026-02-27")
		o.refused(err, "review has no occurrence on 2026-02-27: it is monthly, on the last day")
		_, err = o.done("nothing")
		o.refused(err, "there is no such task")
		_, err = o.done("check")
		o.refused(err, "is done by SCAF itself")

		o.at("2026-03-03T00:00:00Z")
		o.wantState("review@2026-02-28", calendar.Due)
		o.at("2026-03-06T00:00:00Z")
		o.wantState("review@2026-02-28", calendar.Late)
		if late, err := o.done("review"); err != nil || late.ID != "review@2026-02-28" || late.State != calendar.Late || !late.OK {
			t.Fatalf("%+v %v", late, err)
		}
		o.at("2027-01-01T00:00:00Z")
		o.wantState("review@2026-02-28", calendar.Late)
		o.wantState("review@2026-03-31", calendar.Missed)
		if _, err := o.done("review@2026-03-31"); err != nil {
			t.Fatal(err)
		}
		if got := o.state("review@2026-03-31"); got.State != calendar.Missed || got.DoneAt == nil || !got.DoneAt.Equal(o.Manual.Now()) {
			t.Errorf("%+v", got)
		}
		o.wantState("review@2026-01-31", calendar.Done)
		o.whole()
	})
}

func TestNotOccurringIsSaidBySomebodyElseInTimeAndWithAReason(t *testing.T) {
	once(t, func(t *testing.T, o *office) {
		say := func(by, ref, reason string) error {
			_, err := o.desk.NotOccurring(ctx, act.Caller{ID: by, Roles: []string{"compliance"}}, tasks.Entry{Ref: ref, Note: reason})
			return err
		}
		o.refused(say("token/T2", "review", " "), "say why")
		o.refused(say("token/T2", "review@2026-02-28", "nothing will change"), "can be recorded from 2026-01-31T22:59:59Z on")
		o.refused(say("person/E1", "review", "nothing changed"), "somebody else has to say")
		if _, err := o.desk.Delegate(ctx, apptest.Operator, "review", "person/E2", o.Manual.Now().Add(60*24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		o.refused(say("person/E2", "review", "nothing changed"), "somebody else has to say")
		if err := say("token/T2", "review", "nothing changed"); err != nil {
			t.Fatal(err)
		}
		o.wantState("review@2026-01-31", calendar.NotOccurring)
		_, err := o.done("review@2026-01-31")
		o.refused(err, "is not occurring, as token/T2 recorded: nothing changed")
		o.at("2026-03-06T00:00:00Z")
		o.refused(say("token/T2", "review@2026-02-28", "nothing changed"), "review@2026-02-28 is late since 2026-03-05T22:59:59Z, and stays so")
		if err := say("token/T2", "review@2026-03-31", "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.desk.NotOccurring(ctx, act.Caller{ID: "token/T3", Roles: []string{"engineer"}}, tasks.Entry{Ref: "review", Note: "x"}); !errors.Is(err, act.ErrDenied) {
			t.Errorf("%v, want a denial", err)
		}
		o.whole()
	})
}

func TestDelegationAndOwnersWhoLeave(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		until := time.Date(2026, 2, 10, 0, 0, 0, 0, time.UTC)
		delegate := func(to string, until time.Time) error {
			_, err := o.desk.Delegate(ctx, apptest.Operator, "review", to, until)
			return err
		}
		o.refused(delegate("person/E9", until), "there is no person/E9")
		o.refused(delegate("person/E1", until), "person/E1 is the owner")
		o.refused(delegate("person/E2", o.Manual.Now()), "is over")
		o.refused(delegate("person/E2", until.AddDate(2, 0, 0)), "at most 366 days")
		if err := delegate("person/E2", until); err != nil {
			t.Fatal(err)
		}
		if got := o.state("review@2026-01-31"); got.Responsible != "person/E2" || got.Owner != "person/E1" {
			t.Errorf("%+v", got)
		}
		if got := o.state("review@2026-02-28"); got.Responsible != "person/E1" {
			t.Errorf("after the delegation's end: %+v", got)
		}
		list := func(q tasks.Query) (ids []string) {
			q.From, q.To = o.Manual.Now(), o.Manual.Now().AddDate(0, 0, 60)
			if err := o.DB.Read(ctx, func(r *store.Reader) error {
				listed, err := o.desk.List(r, q, o.Manual.Now())
				for _, l := range listed {
					ids = append(ids, l.ID+" "+l.Orphaned)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return ids
		}
		if got := fmt.Sprint(list(tasks.Query{Owner: "person/E2"})); got != "[review@2026-01-31 ]" {
			t.Errorf("E2 has %s", got)
		}
		o.leaves("E2")
		if got := fmt.Sprint(list(tasks.Query{Orphaned: true})); got != "[review@2026-01-31 person/E2]" {
			t.Errorf("orphaned: %s", got)
		}
		o.leaves("E1")
		if got := fmt.Sprint(list(tasks.Query{Orphaned: true, Duty: "review"})); got != "[review@2026-01-31 person/E1 review@2026-02-28 person/E1]" {
			t.Errorf("orphaned: %s", got)
		}
		watch := func(want ...string) {
			t.Helper()
			found, err := o.desk.Watch(ctx, act.JobCaller("tasks.calendar"))
			if err != nil || !slices.Equal(found.Orphaned, want) {
				t.Errorf("%v %v, want %v", found, err, want)
			}
		}
		watch("review")
		size := o.size()
		watch()
		if o.size() != size {
			t.Error("a second watch made events")
		}
		if _, err := o.desk.Assign(ctx, apptest.Operator, "review", "person/E2"); err == nil || !strings.Contains(err.Error(), "person/E2 has left") {
			t.Error(err)
		}
		o.person("E3", "name", "Example E3")
		if task, err := o.desk.Assign(ctx, apptest.Operator, "review", "person/E3"); err != nil || task.Orphaned != nil {
			t.Fatal(task, err)
		}
		watch()
		if got := list(tasks.Query{Orphaned: true}); fmt.Sprint(got) != "[review@2026-01-31 person/E2]" { // still delegated to E2
			t.Errorf("orphaned: %v", got)
		}
		o.whole()
	})
}

func TestWhatIsOverdueIsEscalatedOnce(t *testing.T) {
	once(t, func(t *testing.T, o *office) {
		watch := func() []string {
			t.Helper()
			found, err := o.desk.Watch(ctx, act.JobCaller("tasks.calendar"))
			if err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(found.Escalated, func(id string) bool { return strings.HasPrefix(id, "check@") })
		}
		o.at("2026-02-02T22:00:00Z") // 47 hours after the end of January in Berlin
		if got := watch(); len(got) != 0 {
			t.Errorf("escalated %v", got)
		}
		o.at("2026-02-02T23:30:00Z")
		if got := fmt.Sprint(watch()); got != "[review@2026-01-31]" {
			t.Errorf("escalated %v", got)
		}
		if got := watch(); len(got) != 0 {
			t.Errorf("escalated again %v", got)
		}
		if got := o.state("review@2026-01-31"); got.EscalatedTo != "boss" || !got.EscalatedAt.Equal(o.Manual.Now()) || got.State != calendar.Due {
			t.Errorf("%+v", got)
		}
		var types []string
		if err := ledger.Find(ctx, o.DB, ledger.Query{Type: "scaf.performance.escalated.v1", Subject: "performance/review@2026-01-31"}, func(e *ledger.Event) error {
			types = append(types, e.Actor)
			return nil
		}); err != nil || fmt.Sprint(types) != "[job/tasks.calendar]" {
			t.Errorf("%v %v", types, err)
		}
		if _, err := o.done("review"); err != nil { // after an escalation it can still be done
			t.Fatal(err)
		}
		o.wantState("review@2026-01-31", calendar.Done)
		o.whole()
	})
}

func TestAChangedFileTakesEffectAfterWhatIsUnderWay(t *testing.T) {
	once(t, func(t *testing.T, o *office) {
		size := o.size()
		if changed, err := o.desk.Establish(ctx, apptest.Operator, duties(t, same)); err != nil || len(changed) != 0 || o.size() != size {
			t.Fatal(changed, err)
		}
		o.at("2026-01-30T09:00:00Z")
		later := duties(t, func(text string) string {
			return strings.Replace(strings.Replace(text, "day: 31", "day: 15", 1), "person/E1", "person/E2", 1)
		})
		if changed, err := o.desk.Establish(ctx, apptest.Operator, later); err != nil || fmt.Sprint(changed) != "[review]" {
			t.Fatal(changed, err)
		}
		o.at("2026-02-20T09:00:00Z")
		o.wantState("review@2026-01-31", calendar.Missed) // the 15th has come
		o.at("2026-02-15T09:00:00Z")
		if got := o.state("review@2026-02-15"); got.State != calendar.NotYetDue || got.Owner != "person/E1" { // people name owners, files do not
			t.Errorf("%+v", got)
		}
		o.whole()
	})
}

// The check that SCAF does itself is done by its event: on its day, in the
// organisation's time zone.
func TestSCAFsOwnDutyIsDoneByItsEvent(t *testing.T) {
	once(t, func(t *testing.T, o *office) {
		verified := func(at, outcome string) {
			t.Helper()
			o.at(at)
			if _, err := o.Door.Do(ctx, apptest.Operator, "ledger.verify", "ledger", func(tx *act.Tx) error {
				_, err := tx.Event(act.Event{Type: ledger.VerifiedType, Subject: "ledger", Outcome: outcome, Data: map[string]any{}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		verified("2026-01-10T22:59:00Z", act.Success) // 23:59 in Berlin
		verified("2026-01-10T23:30:00Z", act.Failure) // the next day there
		verified("2026-01-11T12:00:00Z", act.Success) // a second one does not count
		verified("2026-01-14T09:00:00Z", act.Success) // does not make up for the 13th
		for date, want := range map[string]string{
			"2026-01-10": "done true", "2026-01-11": "done false", "2026-01-12": "missed false", "2026-01-13": "late false", "2026-01-14": "done true",
		} {
			got := o.state("check@" + date)
			if text := fmt.Sprint(got.State, " ", got.OK); text != want || (got.Event != nil) != (got.State == calendar.Done) {
				t.Errorf("%s: %s, want %s", date, text, want)
			}
		}
	})
}

// What a population says does not depend on when it is read, only on the
// checkpoint.
func TestThePopulationIsTheSameWheneverItIsRead(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at("2026-02-03T09:00:00Z")
		if _, err := o.done("review@2026-01-31"); err != nil {
			t.Fatal(err)
		}
		o.at("2026-03-20T09:00:00Z")
		checkpoint := o.size()
		from, to := "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"
		first := o.items(from, to, checkpoint)
		if len(first) != 81+3 || !slices.ContainsFunc(first, func(doc string) bool {
			return strings.Contains(doc, `"id":"review@2026-01-31"`) && strings.Contains(doc, `"state":"done"`)
		}) || !slices.ContainsFunc(first, func(doc string) bool {
			return strings.Contains(doc, `"id":"review@2026-02-28"`) && strings.Contains(doc, `"state":"missed"`)
		}) {
			t.Errorf("%d items, the last ones %v", len(first), first[max(0, len(first)-3):])
		}
		january := o.items(from, "2026-02-01T00:00:00Z", checkpoint)
		if last := january[len(january)-1]; !strings.Contains(last, `"id":"review@2026-01-31"`) || !strings.Contains(last, `"state":"done"`) {
			t.Errorf("done in its grace, after the window's end: %s", last)
		}
		if _, err := o.done("review@2026-02-28"); err != nil {
			t.Fatal(err)
		}
		if _, err := o.desk.Assign(ctx, apptest.Operator, "review", "person/E2"); err != nil {
			t.Fatal(err)
		}
		o.at("2027-03-20T09:00:00Z")
		if again := o.items(from, to, checkpoint); !slices.Equal(first, again) {
			t.Errorf("then %v\nnow %v", first[len(first)-3:], again[max(0, len(again)-3):])
		}
		if now := o.items(from, to, o.size()); slices.Equal(first, now) {
			t.Error("what was recorded since does not show at a later checkpoint")
		}
	})
}

// A year of the duties passes in no time, over both changes of the clocks.
func TestAYearOfTheCalendar(t *testing.T) {
	o := open(t, apptest.New(t, config.Config{Timezone: "Europe/Berlin"}))
	if _, err := o.Establish(ctx, apptest.Operator); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	var listed []tasks.Listed
	now := time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)
	if err := o.DB.Read(ctx, func(r *store.Reader) (err error) {
		listed, err = o.desk.List(r, tasks.Query{From: o.Manual.Now(), To: now}, now)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	seen := map[string]bool{}
	missed := 0
	for _, l := range listed {
		if key := l.Duty + l.DueAt.String(); seen[l.ID] || seen[key] {
			t.Errorf("%s comes twice", l.ID)
		} else {
			seen[l.ID], seen[key] = true, true
		}
		if l.State == calendar.Missed {
			missed++
		}
	}
	if len(listed) < 3*500 || missed < 3*490 {
		t.Errorf("%d occurrences, %d missed", len(listed), missed)
	}
}

// Who records that a duty was done is who had to do it, and says what came of it or
// names what is there: anybody else's word, or a click, is none.
func TestOnlyWhoAnswersForADutyRecordsThatItWasDone(t *testing.T) {
	each(t, func(t *testing.T, o *office) {
		o.at("2026-01-30T09:00:00Z")
		caller := func(id string) act.Caller { return act.Caller{ID: "person/" + id, Roles: []string{"compliance"}} }
		refused := func(by act.Caller, e tasks.Entry, why string) {
			t.Helper()
			if _, err := o.desk.Done(ctx, by, e); !errors.Is(err, tasks.ErrRefused) || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want %q", by.ID, err, why)
			}
		}
		refused(caller("E2"), tasks.Entry{Ref: "review", Note: "Looked at"}, "is done by person/E1")
		refused(caller("E1"), tasks.Entry{Ref: "review", Note: " "}, "say what came of it")
		for _, ref := range []string{"vendor/VEN-9", "file/minutes", "nothing", ""} {
			refused(caller("E1"), tasks.Entry{Ref: "review", Note: "Looked at", Evidence: []string{"person/E1", ref}}, "names no record here")
		}
		if _, err := o.desk.NotOccurring(ctx, caller("E2"), tasks.Entry{Ref: "review", Note: "Nothing", Evidence: []string{"vendor/VEN-9"}}); !errors.Is(err, tasks.ErrRefused) {
			t.Error(err)
		}
		if made, err := o.desk.Done(ctx, caller("E1"), tasks.Entry{Ref: "review", Evidence: []string{"person/E2"}}); err != nil || made.DoneBy != "person/E1" {
			t.Errorf("%+v %v", made, err)
		}
		refused(caller("E1"), tasks.Entry{Ref: "review@2026-02-28", Note: "Ahead"}, "")
		o.at("2026-02-20T09:00:00Z")
		if _, err := o.desk.Delegate(ctx, apptest.Operator, "review", "person/E2", o.Manual.Now().Add(48*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if made, err := o.desk.Done(ctx, caller("E2"), tasks.Entry{Ref: "review", Note: "For E1"}); err != nil || made.DoneBy != "person/E2" {
			t.Errorf("%+v %v", made, err)
		}
		// Words are whoever has that title, or that role.
		o.at("2026-03-20T09:00:00Z")
		if _, err := o.desk.Assign(ctx, apptest.Operator, "review", "Security lead"); err != nil {
			t.Fatal(err)
		}
		o.person("E3", "name", "Example E3", "title", "security lead")
		refused(caller("E2"), tasks.Entry{Ref: "review", Note: "Looked at"}, "Security lead")
		if _, err := o.desk.Done(ctx, caller("E3"), tasks.Entry{Ref: "review", Note: "Looked at"}); err != nil {
			t.Error(err)
		}
	})
}
