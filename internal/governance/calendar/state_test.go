package calendar_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/calendar"
)

func TestStates(t *testing.T) {
	day := func(d, hour int) time.Time { return time.Date(2026, 3, d, hour, 0, 0, 0, time.UTC) }
	o := calendar.Occurrence{Opens: day(1, 0), Due: day(8, 0), Deadline: day(10, 0), Lost: day(15, 0)}
	once := o
	once.Lost = time.Time{}
	for name, test := range map[string]struct {
		o     calendar.Occurrence
		facts calendar.Facts
		now   time.Time
		want  calendar.State
	}{
		"before its due time":                   {o, calendar.Facts{}, day(7, 23), calendar.NotYetDue},
		"at its due time":                       {o, calendar.Facts{}, day(8, 0), calendar.Due},
		"at the end of the grace":               {o, calendar.Facts{}, day(10, 0), calendar.Due},
		"after the grace":                       {o, calendar.Facts{}, day(10, 1), calendar.Late},
		"when the next one falls due":           {o, calendar.Facts{}, day(15, 0), calendar.Late},
		"after the next one fell due":           {o, calendar.Facts{}, day(15, 1), calendar.Missed},
		"done early":                            {o, calendar.Facts{Done: day(2, 0)}, day(3, 0), calendar.Done},
		"done in the grace":                     {o, calendar.Facts{Done: day(9, 0)}, day(30, 0), calendar.Done},
		"done at the end of the grace":          {o, calendar.Facts{Done: day(10, 0)}, day(30, 0), calendar.Done},
		"done after the grace, and for ever":    {o, calendar.Facts{Done: day(10, 1)}, day(30, 0), calendar.Late},
		"done after the next one fell due":      {o, calendar.Facts{Done: day(16, 0)}, day(30, 0), calendar.Missed},
		"what is done later does not count yet": {o, calendar.Facts{Done: day(9, 0)}, day(8, 12), calendar.Due},
		"nothing to do":                         {o, calendar.Facts{NotOccurring: day(9, 0)}, day(30, 0), calendar.NotOccurring},
		"nothing to do, said too late":          {o, calendar.Facts{NotOccurring: day(11, 0)}, day(30, 0), calendar.Missed},
		"once, and never done":                  {once, calendar.Facts{}, day(30, 0), calendar.Late},
	} {
		if got := test.o.State(test.facts, test.now); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// Whatever is recorded, and whenever: once late or missed, never anything
// better again.
func TestLatenessIsForEver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rule(t, schedules(t))
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		o, ok := r.First(begin)
		if !ok {
			t.Fatal("nothing is due")
		}
		hour := func(name string) time.Time {
			return o.Opens.Add(time.Duration(rapid.IntRange(0, 2*400*24).Draw(t, name)) * time.Hour)
		}
		var facts calendar.Facts
		if rapid.Bool().Draw(t, "done") {
			facts.Done = hour("done")
		}
		if rapid.Bool().Draw(t, "not occurring") {
			facts.NotOccurring = hour("not occurring")
		}
		rank := map[calendar.State]int{calendar.NotYetDue: 0, calendar.Due: 1, calendar.Late: 2, calendar.Missed: 3}
		worst := 0
		final := calendar.State("")
		now := o.Opens
		for range 40 {
			state := o.State(facts, now)
			switch {
			case final != "" && state != final:
				t.Fatalf("%s became %s", final, state)
			case state == calendar.Done || state == calendar.NotOccurring:
				if worst > 1 {
					t.Fatalf("what was late is %s", state)
				}
				final = state
			case rank[state] < worst:
				t.Fatalf("%d became %s", worst, state)
			}
			worst = max(worst, rank[state])
			now = now.Add(time.Duration(rapid.IntRange(1, 40*24).Draw(t, "later")) * time.Hour)
		}
	})
}
