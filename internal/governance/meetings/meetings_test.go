package meetings_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/app/apptest"
	"scaf.dev/scaf/internal/governance/actions"
	"scaf.dev/scaf/internal/governance/findings"
	"scaf.dev/scaf/internal/governance/meetings"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/record/recordtest"
)

const (
	meeting = `{"title":"Week 9","series":"posture review","chair":"person/owner","keeper":"person/keeper"}`
	held    = `{"held_at":"2026-01-01T09:00:00Z","attendees":["person/owner","person/other","person/third"],"topics":["Alerts"],"notes":"All was read","decisions":["Rotate the key"]}`
)

func TestTheRegister(t *testing.T) {
	recordtest.Exercise(t, recordtest.Register{
		Kind: meetings.Register, New: strings.Replace(meeting, "person/keeper", "person/other", 1), Set: `{"topics":["Alerts","Money"]}`,
		Fields: map[string]string{"planned held": held, "held held": `{"notes":"All was read aloud"}`, "planned cancelled": `{"cancelled_reason":"A holiday"}`},
		Refused: map[string]string{
			"chair": `{"chair":"Ada"}`, "keeper": `{"keeper":""}`, "series": `{"series":"lunch"}`, "attendees": `{"attendees":["Ada"]}`,
			"independent": `{"attendees":["person/a"],"independent":["person/b"]}`,
		},
		GuardFalse: map[string]string{
			"planned held decisions": strings.Replace(held, `,"decisions":["Rotate the key"]`, ``, 1),
			"planned held topics":    strings.Replace(held, `"topics":["Alerts"],`, ``, 1),
			"planned held attendees": strings.Replace(held, `,"person/other","person/third"`, ``, 1),
			"held held decisions":    `{"decisions":null}`,
			"held held topics":       `{"topics":null}`,
			"held held attendees":    `{"attendees":["person/owner"]}`,
		},
	})
}

// Minutes stand from when they were recorded: their keeper corrects what they say, and not
// when it was; somebody else confirms them whom they name.
func TestMinutesStandUntilTheyAreConfirmed(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		f.People(t, "owner", "keeper", "other", "third", "dev")
		move := func(who, state string, documents ...string) (*meetings.Meeting, error) {
			caller := act.Caller{ID: "person/" + who, Roles: []string{"compliance"}}
			v, err := f.MoveRecord(t.Context(), caller, meetings.Register, "MTG-1", record.AnyVersion, state, apptest.Fields(t, documents...))
			m := &meetings.Meeting{}
			if err == nil {
				err = json.Unmarshal(v.Doc, m)
			}
			return m, err
		}
		keeper := act.Caller{ID: "person/keeper", Roles: []string{"compliance"}}
		set := func(change string) error {
			_, err := f.SetRecord(t.Context(), keeper, meetings.Register, "MTG-1", record.AnyVersion, apptest.Fields(t, change))
			return err
		}
		stands := func(field string, err error) {
			t.Helper()
			var invalid *record.Invalid
			if !errors.As(err, &invalid) || invalid.Fields[0].Field != field || !strings.Contains(err.Error(), "stands as it was") {
				t.Errorf("%s of what was held is changed: %v", field, err)
			}
		}
		another := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, act.ErrSamePerson) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := f.AddRecord(t.Context(), keeper, meetings.Register, apptest.Fields(t, meeting)); err != nil {
			t.Fatal(err)
		}
		first, err := move("keeper", meetings.Held, held, `{"held_at":"`+f.Manual.Now().Add(-time.Hour).Format(time.RFC3339)+`"}`)
		if err != nil {
			t.Fatal(err)
		}
		f.Manual.Advance(20 * 24 * time.Hour)
		late := `{"held_at":"` + f.Manual.Now().Add(-time.Hour).Format(time.RFC3339) + `"}`
		for field, change := range map[string]string{
			"held_at": late, "planned_for": strings.Replace(late, "held_at", "planned_for", 1), "series": `{"series":"other"}`, "attendees": `{"attendees":["person/owner","person/dev"]}`,
			"notes": `{"notes":"Other"}`, "topics": `{"topics":["Other"]}`, "decisions": `{"decisions":["Other"]}`, "no_decisions": `{"no_decisions":"Other"}`, "independent": `{"independent":["person/other"]}`,
		} {
			stands(field, set(change))
		}
		_, err = move("keeper", meetings.Held, `{"notes":"Corrected"}`, late)
		stands("held_at", err)
		_, err = move("third", meetings.Confirmed, late)
		stands("held_at", err)
		_, err = move("other", meetings.Held, `{"notes":"Corrected"}`)
		another("somebody else corrects the minutes", err)
		_, err = move("dev", meetings.Confirmed, `{"attendees":["person/owner","person/dev"]}`)
		another("whom the minutes do not name confirms them", err)
		m, err := move("keeper", meetings.Held, `{"attendees":["person/owner","person/keeper","person/third"],"notes":"Corrected"}`)
		if err != nil || !record.SameTime(m.HeldAt, first.HeldAt) || !record.SameTime(m.RecordedAt, first.RecordedAt) || m.Notes != "Corrected" {
			t.Errorf("corrected: %+v (%v), want it held and recorded as before", m, err)
		}
		// Whoever takes the minutes over and names themselves does not confirm them either.
		if err := set(`{"keeper":"person/dev"}`); err != nil {
			t.Fatal(err)
		}
		if _, err := move("dev", meetings.Held, `{"attendees":["person/owner","person/dev","person/third"]}`); err != nil {
			t.Fatal(err)
		}
		if err := set(`{"keeper":"person/owner"}`); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{"dev", "keeper"} {
			_, err = move(who, meetings.Confirmed)
			another("who kept the minutes confirms them", err)
		}
		if _, err := move("third", meetings.Confirmed); err != nil {
			t.Error(err)
		}
	})
}

// The agenda says what changed since the meeting of the series before, and no job makes
// it twice.
func TestTheAgendaIsOfWhatChangedSinceTheMeetingBefore(t *testing.T) {
	apptest.Each(t, func(t *testing.T, f *apptest.Folder) {
		keeper := act.Caller{ID: "person/keeper", Roles: []string{"compliance"}}
		night := act.JobCaller("register.watch")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		add := func(kind *record.Kind, documents ...string) {
			t.Helper()
			_, err := f.AddRecord(t.Context(), keeper, kind, apptest.Fields(t, documents...))
			must(err)
		}
		says := func(id string, wants ...string) {
			t.Helper()
			m, err := f.PrepareMeeting(t.Context(), keeper, id)
			must(err)
			var lines []string
			for _, one := range m.Agenda {
				lines = append(lines, one.Topic+": "+one.Text+" "+one.Owner+" "+one.Ref)
			}
			all := strings.Join(lines, "\n")
			for _, want := range wants {
				if no, absent := strings.CutPrefix(want, "!"); strings.Contains(all, no) == absent {
					t.Errorf("the agenda of %s, about %q:\n%s", id, want, all)
				}
			}
		}
		at := func(name string, after time.Duration) string {
			return `{"` + name + `":"` + f.Manual.Now().Add(after).Format(time.RFC3339) + `"}`
		}
		finding := `{"title":"A key without rotation","source":"audit","severity":"critical","owner":"person/dev"}`
		f.People(t, "owner", "keeper", "other", "third", "dev")
		if _, err := f.AddRecord(t.Context(), apptest.Operator, meetings.Register, apptest.Fields(t, meeting, `{"planned_for":"2019-01-01T09:00:00Z"}`)); err == nil || !strings.Contains(err.Error(), "planned_for: lies before") {
			t.Errorf("a meeting planned years ago: %v", err)
		}
		add(meetings.Register, meeting, at("planned_for", time.Hour))
		says("MTG-1", "Nothing new", "!The meeting before")
		add(findings.Register, finding, at("found_at", -2*time.Hour))
		says("MTG-1", "New findings: critical: A key without rotation (due 2026-03-09)", "person/dev finding/FND-1", "finding/FND-1", "!overdue")
		_, err := f.MoveRecord(t.Context(), keeper, meetings.Register, "MTG-1", record.AnyVersion, meetings.Held, apptest.Fields(t, held, at("held_at", -time.Hour), `{"topics":null}`))
		must(err)
		if _, err := f.PrepareMeeting(t.Context(), keeper, "MTG-1"); err == nil {
			t.Error("an agenda is made of a meeting that was held")
		}
		add(actions.Register, `{"title":"Rotate it","owner":"person/dev","meeting":"meeting/MTG-1"}`, at("due_at", 24*time.Hour))
		for range 25 {
			add(actions.Register, `{"title":"Look","owner":"person/dev","meeting":"meeting/MTG-1"}`, at("due_at", 48*time.Hour))
		}
		f.Manual.Advance(8 * 24 * time.Hour)
		add(findings.Register, finding, `{"title":"Another"}`, at("found_at", 0))
		add(meetings.Register, meeting, at("planned_for", 2*time.Hour))
		add(meetings.Register, meeting, at("planned_for", 48*time.Hour))
		add(meetings.Register, meeting, `{"series":"management review"}`)
		for i, want := range []int{1, 0} {
			if n, err := f.PrepareMeetings(t.Context(), night); err != nil || n != want {
				t.Errorf("night %d: %d agendas are made (%v), want %d", i, n, err, want)
			}
		}
		says("MTG-2", "The meeting before: It decided: Rotate the key  meeting/MTG-1", "Rotate it (due", "person/dev action/ACT-1", "overdue", "and 6 more",
			"New findings: critical: Another", "Overdue findings: critical: A key without rotation")
		says("MTG-4", "New findings: critical: A key without rotation", "!The meeting before")
	})
}
