package rounds_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/record/rounds"
)

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func TestARoundHasTheLastDayOfItsPart(t *testing.T) {
	for _, test := range []struct {
		every     rounds.Every
		name, due string
	}{
		{rounds.Quarter, "2026-Q1", "2026-03-31"}, {rounds.Quarter, "2026-Q2", "2026-06-30"}, {rounds.Quarter, "2026-Q3", "2026-09-30"},
		{rounds.Quarter, "2028-Q4", "2028-12-31"}, {rounds.Year, "2026", "2026-12-31"},
		{rounds.Quarter, "2026", ""}, {rounds.Year, "2026-Q1", ""}, {rounds.Quarter, "2026-Q5", ""}, {rounds.Quarter, "26-Q1", ""}, {rounds.Quarter, " 2026-Q1", ""}, {rounds.Year, "", ""},
	} {
		r, ok := test.every.Parse(test.name)
		if ok != (test.due != "") || ok && (r.Name != test.name || !r.DueAt.Equal(day(test.due))) {
			t.Errorf("%q: %+v %v, want %s", test.name, r, ok, test.due)
		}
	}
}

func TestWhichRoundsAreOwed(t *testing.T) {
	since, until := day("2026-02-10"), day("2026-12-31")
	for _, test := range []struct {
		since, until *time.Time
		from, to     string
		want         []string
	}{
		{nil, nil, "2026-01-01", "2027-01-01", nil},
		{&since, nil, "2025-01-01", "2026-04-01", []string{"2026-Q1"}},
		{&since, nil, "2026-03-31", "2026-06-30", []string{"2026-Q1"}}, // half-open
		{&since, nil, "2026-04-01", "2027-01-01", []string{"2026-Q2", "2026-Q3", "2026-Q4"}},
		{&since, &until, "0001-01-01", "2027-01-01", []string{"2026-Q1", "2026-Q2", "2026-Q3"}}, // it ended on the day
		{&until, nil, "2026-01-01", "2027-01-01", []string{"2026-Q4"}},
	} {
		var got []string
		for r := range rounds.Quarter.Due(test.since, test.until, day(test.from), day(test.to)) {
			got = append(got, r.Name)
		}
		if len(got) != len(test.want) {
			t.Errorf("%+v: %v", test, got)
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%+v: %v", test, got)
			}
		}
	}
}

// The rounds of two adjacent intervals are those of both together, in order, and
// each is named as it is read.
func TestNoRoundIsLostOrCountedTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.SampledFrom([]rounds.Every{rounds.Quarter, rounds.Year}).Draw(t, "every")
		at := rapid.Map(rapid.IntRange(0, 20000), func(hours int) time.Time { return day("2026-01-01").Add(time.Duration(hours) * time.Hour) })
		since, from, middle := at.Draw(t, "since"), at.Draw(t, "from"), at.Draw(t, "middle")
		if middle.Before(from) {
			from, middle = middle, from
		}
		to := middle.Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "to")) * time.Hour)
		var all, parts []rounds.Round
		for r := range every.Due(&since, nil, from, to) {
			all = append(all, r)
			if same, ok := every.Parse(r.Name); !ok || same != r || every.At(r.DueAt) != r {
				t.Fatalf("%+v is read as %+v", r, same)
			}
			if r.DueAt.Before(from) || !r.DueAt.Before(to) || r.DueAt.AddDate(0, 0, 1).Before(since) {
				t.Fatalf("%+v is not owed", r)
			}
		}
		for _, half := range [][2]time.Time{{from, middle}, {middle, to}} {
			for r := range every.Due(&since, nil, half[0], half[1]) {
				parts = append(parts, r)
			}
		}
		if len(all) != len(parts) {
			t.Fatalf("%v and %v", all, parts)
		}
		for i := range all {
			if all[i] != parts[i] || i > 0 && all[i] != every.Next(all[i-1]) {
				t.Fatalf("%v and %v", all, parts)
			}
		}
	})
}

// What is done takes each round once, in order, and none that has not begun, however
// often and when it is done.
func TestARoundIsTakenOnceAndNotAhead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := rapid.SampledFrom([]rounds.Every{rounds.Quarter, rounds.Year}).Draw(t, "every")
		now := day("2026-01-01").Add(time.Duration(rapid.IntRange(0, 20000).Draw(t, "since")) * time.Hour)
		due := every.First(now)
		if *due != every.At(now).DueAt {
			t.Fatalf("first due on %s", due)
		}
		for range rapid.IntRange(1, 12).Draw(t, "times") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "later")) * time.Hour)
			taken, next, ok := every.Take(due, now)
			if begun := !every.At(*due).DueAt.After(every.At(now).DueAt); ok != begun {
				t.Fatalf("due on %s: taken at %s is %t", due, now, ok)
			}
			if !ok && *next != *due || ok && (taken != every.At(*due) || *next != every.Next(taken).DueAt) {
				t.Fatalf("due on %s: %+v is taken at %s, next %s", due, taken, now, next)
			}
			due = next
		}
	})
	if _, next, ok := rounds.Quarter.Take(nil, day("2026-01-01")); ok || next != nil {
		t.Error("what is not due any more is taken")
	}
}
