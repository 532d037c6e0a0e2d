package tasks

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/governance/calendar"
)

// plans are schedules that a duty may have one after the other.
func plans(t *rapid.T) calendar.Schedule {
	zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Pacific/Apia"}).Draw(t, "zone")
	return rapid.SampledFrom([]calendar.Schedule{
		{Frequency: calendar.Daily, Timezone: zone},
		{Frequency: calendar.Daily, At: "09:00", Grace: "1d", Timezone: zone},
		{Frequency: calendar.Weekly, Weekday: "monday", Grace: "2d", Timezone: zone},
		{Frequency: calendar.Monthly, Day: 31, Grace: "5d", Timezone: zone},
		{Frequency: calendar.Quarterly, Month: 1, Day: 15, Timezone: zone},
		{Frequency: calendar.Annual, Month: 2, Day: 29, Timezone: zone},
		{Frequency: calendar.Once, Date: "2026-11-30", Timezone: zone},
	}).Draw(t, "schedule")
}

func whole(t *rapid.T, task *Task) []calendar.Occurrence {
	seq, err := task.between(time.Time{}, time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(seq)
}

// However often a schedule is changed: what was due before the change, and
// what was under way, stays; due times never double and leave no gap.
func TestAChangedScheduleNeverTouchesWhatWasDue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 6, 10, 8, 30, 0, 0, time.UTC)
		task := &Task{ID: "duty", Schedules: []Plan{{at, plans(t)}}}
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			before := whole(t, task)
			at = at.Add(time.Duration(rapid.IntRange(1, 200*24).Draw(t, "hours")) * time.Hour)
			task.Schedules = append(task.Schedules, Plan{at, plans(t)})
			after := whole(t, task)
			for i, o := range before {
				if o.Due.After(at) && !o.Opens.Before(at) {
					break // it was not under way
				}
				if i >= len(after) || after[i].Date != o.Date || !after[i].Due.Equal(o.Due) || !after[i].Opens.Equal(o.Opens) {
					t.Fatalf("%v was due, after the change at %v: %v", o, at, after)
				}
			}
			for i, o := range after {
				if o.Opens.After(o.Due) || o.Deadline.Before(o.Due) {
					t.Fatalf("%+v", o)
				}
				if i == 0 {
					continue
				}
				if last := after[i-1]; !last.Due.Before(o.Due) || last.Date >= o.Date || !o.Opens.Equal(last.Due) && !once(task) {
					t.Fatalf("%+v follows %+v", o, last)
				}
			}
			for _, part := range []int{97} { // where one looks does not matter
				var parts []calendar.Occurrence
				for from := task.Schedules[0].Since; from.Before(time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC)); from = from.AddDate(0, 0, part) {
					end := from.AddDate(0, 0, part)
					if last := time.Date(2028, 1, 1, 0, 0, 0, 0, time.UTC); end.After(last) {
						end = last
					}
					seq, err := task.between(from, end)
					if err != nil {
						t.Fatal(err)
					}
					parts = append(parts, slices.Collect(seq)...)
				}
				if fmt.Sprint(parts) != fmt.Sprint(after) {
					t.Fatalf("whole %v\nparts %v", after, parts)
				}
			}
		}
	})
}

// once: after what comes once there may be nothing for a time.
func once(task *Task) bool {
	return slices.ContainsFunc(task.Schedules, func(p Plan) bool { return p.Frequency == calendar.Once })
}

// A mistake that is put right before it took effect leaves nothing behind.
func TestAScheduleThatNeverTookEffectHasNoOccurrence(t *testing.T) {
	at := func(day int) time.Time { return time.Date(2026, 6, day, 8, 0, 0, 0, time.UTC) }
	monthly := func(day int) calendar.Schedule {
		return calendar.Schedule{Frequency: calendar.Monthly, Day: day, Timezone: "UTC"}
	}
	task := &Task{ID: "duty", Schedules: []Plan{{at(1), monthly(15)}, {at(2), monthly(16)}, {at(3), monthly(20)}}}
	seq, err := task.between(at(1), at(1).AddDate(0, 2, 0))
	if err != nil {
		t.Fatal(err)
	}
	var dates []string
	for o := range seq {
		dates = append(dates, o.Date)
	}
	if fmt.Sprint(dates) != "[2026-06-15 2026-06-20 2026-07-20]" {
		t.Error(dates)
	}
}
