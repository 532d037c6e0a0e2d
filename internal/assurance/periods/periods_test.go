package periods_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/periods"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

var kinds = record.Kinds{periods.Register}

func day(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 0, 0, 0, 0, time.UTC)
}

func open(l *ledgertest.Ledger, name string, from, to time.Time) (*periods.Period, error) {
	return periods.OpenPeriod(context.Background(), l.Door, ledgertest.Operator, periods.Period{Name: name, From: from, To: to, Timezone: "UTC"})
}

func closePeriod(l *ledgertest.Ledger, name string) (*periods.Period, error) {
	return periods.Close(context.Background(), l.Door, ledgertest.Operator, name)
}

func list(t testing.TB, l *ledgertest.Ledger) []periods.Period {
	t.Helper()
	var all []periods.Period
	if err := l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
		all, err = periods.List(r)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPeriodsThatCannotBeOpened(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		if _, err := open(l, "Q1", day(1, 1), day(4, 1)); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what, name string
			from, to   time.Time
			want       error
			say        string
		}{
			{"the same interval", "other", day(1, 1), day(4, 1), periods.ErrOverlap, "Q1, 2026-01-01 up to, not including, 2026-04-01 (UTC)"},
			{"the last microsecond", "other", day(4, 1).Add(-time.Microsecond), day(5, 1), periods.ErrOverlap, "Q1"},
			{"the first microsecond", "other", day(1, 1).Add(-time.Hour), day(1, 1).Add(time.Microsecond), periods.ErrOverlap, "Q1"},
			{"within", "other", day(2, 1), day(3, 1), periods.ErrOverlap, "Q1"},
			{"around", "other", day(1, 1).Add(-time.Hour), day(5, 1), periods.ErrOverlap, "Q1"},
			{"ends before it starts", "other", day(5, 2), day(5, 1), periods.ErrInvalid, "it ends (2026-05-01T00:00:00Z) before it starts (2026-05-02T00:00:00Z)"},
			{"is empty", "other", day(5, 1), day(5, 1), periods.ErrInvalid, "or is empty"},
			{"less than a microsecond", "other", day(5, 1), day(5, 1).Add(999), periods.ErrInvalid, "or is empty"},
			{"a name that is taken", "Q1", day(5, 1), day(6, 1), record.ErrExists, "period Q1"},
			{"no name", "", day(5, 1), day(6, 1), periods.ErrInvalid, `""`},
			{"a slash in the name", "2026/Q1", day(5, 1), day(6, 1), periods.ErrInvalid, `"2026/Q1"`},
			{"a dash first", "-q", day(5, 1), day(6, 1), periods.ErrInvalid, `"-q"`},
			{"a long name", strings.Repeat("q", 65), day(5, 1), day(6, 1), periods.ErrInvalid, "at most 64"},
		} {
			if _, err := open(l, c.name, c.from, c.to); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%s: %v, want %v with %q", c.what, err, c.want, c.say)
			}
		}
		if _, err := periods.OpenPeriod(context.Background(), l.Door, ledgertest.Operator, periods.Period{Name: "q", From: day(5, 1), To: day(6, 1), Timezone: "Mars/Olympus"}); !errors.Is(err, periods.ErrInvalid) {
			t.Errorf("an unknown time zone: %v", err)
		}
		if _, err := periods.OpenPeriod(context.Background(), l.Door, act.Caller{ID: "token/none"}, periods.Period{Name: "q", From: day(5, 1), To: day(6, 1)}); !errors.Is(err, act.ErrDenied) {
			t.Errorf("a caller without a role: %v", err)
		}
		if all := list(t, l); len(all) != 1 {
			t.Errorf("what was refused left something behind: %+v", all)
		}
		// Neighbours share an instant and no item.
		for _, name := range []string{"before", "after"} {
			from, to := day(4, 1), day(7, 1)
			if name == "before" {
				from, to = day(1, 1).AddDate(0, -3, 0), day(1, 1)
			}
			if _, err := open(l, name, from, to); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		var names []string
		for _, p := range list(t, l) {
			names = append(names, p.Name)
		}
		if want := []string{"before", "Q1", "after"}; !slices.Equal(names, want) {
			t.Errorf("listed as %v, want %v", names, want)
		}
		l.Verify(t, kinds)
	})
}

func TestPeriodIsClosedOnceAfterItsEnd(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		end := day(4, 1)
		if _, err := open(l, "Q1", day(1, 1), end); err != nil {
			t.Fatal(err)
		}
		l.Clock.Set(end.Add(-time.Microsecond))
		if _, err := closePeriod(l, "Q1"); !errors.Is(err, periods.ErrRunning) || !strings.Contains(err.Error(), "runs up to 2026-04-01T00:00:00Z") {
			t.Errorf("before the end: %v", err)
		}
		l.Clock.Set(end)
		p, err := closePeriod(l, "Q1")
		if err != nil || p.State != periods.Closed || p.ClosedAt == nil || !p.ClosedAt.Equal(end) {
			t.Fatalf("at the end: %+v, %v", p, err)
		}
		if _, err := closePeriod(l, "Q1"); !errors.Is(err, record.ErrSame) || !strings.Contains(err.Error(), "closed since 2026-04-01T00:00:00Z") {
			t.Errorf("twice: %v", err)
		}
		if _, err := closePeriod(l, "Q9"); !errors.Is(err, periods.ErrNone) {
			t.Errorf("one that is not there: %v", err)
		}
		// A closed one is in the way of another like an open one.
		if _, err := open(l, "again", day(3, 1), day(5, 1)); !errors.Is(err, periods.ErrOverlap) {
			t.Errorf("over a closed one: %v", err)
		}
		if events := l.Events(t, "scaf.period.closed.v1"); len(events) != 1 {
			t.Errorf("%d events of the closing", len(events))
		}
		l.Verify(t, kinds)
	})
}

func TestLatestIsTheOneThatBeganLast(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		latest := func() (p *periods.Period, err error) {
			err = l.DB.Read(context.Background(), func(r *store.Reader) (err error) {
				p, err = periods.Latest(r)
				return err
			})
			return p, err
		}
		if _, err := latest(); !errors.Is(err, periods.ErrNone) || !strings.Contains(err.Error(), "scaf period open") {
			t.Errorf("none: %v", err)
		}
		for name, from := range map[string]time.Time{"a": day(7, 1), "b": day(4, 1), "c": day(1, 1)} {
			if _, err := open(l, name, from, from.AddDate(0, 3, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if p, err := latest(); err != nil || p.Name != "a" {
			t.Errorf("%+v, %v; want a", p, err)
		}
	})
}

// A closed period is never opened again: another one is examined in its place.
func TestAClosedPeriodIsCorrectedByAnotherOne(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		correct := func(name, corrects, reason string) error {
			_, err := periods.OpenPeriod(context.Background(), l.Door, ledgertest.Operator, periods.Period{
				Name: name, From: day(1, 1), To: day(2, 1), Timezone: "UTC", Corrects: corrects, Reason: reason,
			})
			return err
		}
		for _, p := range []struct {
			name     string
			from, to time.Time
		}{{"Q1", day(1, 1), day(2, 1)}, {"Q2", day(2, 1), day(2, 20)}, {"Q3", day(2, 20), day(12, 1)}} {
			if _, err := open(l, p.name, p.from, p.to); err != nil {
				t.Fatal(err)
			}
		}
		if err := correct("Q1b", "Q1", "the import had a hole"); !errors.Is(err, periods.ErrInvalid) || !strings.Contains(err.Error(), "Q1 is open") {
			t.Errorf("one that is open: %v", err)
		}
		before, err := closePeriod(l, "Q1")
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			corrects, reason string
			want             error
		}{
			{"Q1", " ", periods.ErrInvalid}, {"", "a reason", periods.ErrInvalid}, {"Q9", "a reason", periods.ErrNone}, {"Q2", "a reason", periods.ErrInvalid},
		} {
			if err := correct("Q1b", c.corrects, c.reason); !errors.Is(err, c.want) {
				t.Errorf("corrects %q because %q: %v, want %v", c.corrects, c.reason, err, c.want)
			}
		}
		if err := correct("Q1b", "Q1", "the import had a hole"); err != nil {
			t.Fatal(err)
		}
		if err := correct("Q1c", "Q1", "once more"); !errors.Is(err, periods.ErrInvalid) || !strings.Contains(err.Error(), "Q1b corrects Q1 already") {
			t.Errorf("corrected twice: %v", err)
		}
		if _, err := closePeriod(l, "Q1b"); err != nil {
			t.Fatal(err)
		}
		if err := correct("Q1c", "Q1b", "once more"); err != nil {
			t.Errorf("a correction of a correction: %v", err)
		}
		if _, err := open(l, "again", day(1, 1), day(2, 1)); !errors.Is(err, periods.ErrOverlap) {
			t.Errorf("over all of them: %v", err)
		}
		if after := list(t, l)[0]; after.Name != before.Name || after.State != periods.Closed || !after.ClosedAt.Equal(*before.ClosedAt) {
			t.Errorf("the corrected one is %+v, was %+v", after, before)
		}
		l.Verify(t, kinds)
	})
}

func TestPhases(t *testing.T) {
	p := periods.Period{From: day(1, 1), To: day(4, 1), State: periods.Open}
	for at, want := range map[time.Time]periods.Phase{
		day(1, 1).Add(-1): periods.NotBegun, day(1, 1): periods.Running, day(4, 1).Add(-1): periods.Running, day(4, 1): periods.Ended, day(9, 1): periods.Ended,
	} {
		if got := p.Phase(at); got != want || len(got.Now()) == 0 {
			t.Errorf("%s: %s, want %s", at, got, want)
		}
	}
	if p.State = periods.Closed; p.Phase(day(9, 1)) != periods.Fieldwork || len(periods.Fieldwork.Now()) == 0 {
		t.Errorf("closed: %s", p.Phase(day(9, 1)))
	}
}

// A state is captured for an instant until the period of that instant closes.
func TestNothingIsCapturedForAClosedPeriod(t *testing.T) {
	ledgertest.Each(t, func(t *testing.T, l *ledgertest.Ledger) {
		capture := func(at time.Time) error {
			return l.DB.Read(context.Background(), func(r *store.Reader) error { return periods.CheckCapture(r, at) })
		}
		if _, err := open(l, "P", day(1, 1), day(2, 1)); err != nil {
			t.Fatal(err)
		}
		if err := capture(day(1, 15)); err != nil { // the clock stands in March
			t.Errorf("ended and open: %v", err)
		}
		if _, err := closePeriod(l, "P"); err != nil {
			t.Fatal(err)
		}
		for at, refused := range map[time.Time]bool{
			day(1, 1).Add(-time.Microsecond): false, day(1, 1): true, day(2, 1).Add(-time.Microsecond): true, day(2, 1): false,
		} {
			if err := capture(at); errors.Is(err, periods.ErrClosed) != refused || !refused && err != nil {
				t.Errorf("%s: %v", at, err)
			}
		}
	})
}

// TestPeriodsNeverOverlap opens random intervals: what is taken never overlaps,
// and what is refused for an overlap does.
func TestPeriodsNeverOverlap(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t))
	var taken []periods.Period
	number := 0
	rapid.Check(t, func(rt *rapid.T) {
		number++
		p := periods.Period{
			Name: "p" + strings.Repeat("x", number%40) + time.Duration(number).String(),
			From: day(1, 1).Add(time.Duration(rapid.IntRange(0, 400).Draw(rt, "from")) * time.Hour), Timezone: "UTC",
		}
		p.To = p.From.Add(time.Duration(rapid.IntRange(1, 9).Draw(rt, "length")) * time.Hour)
		overlaps := slices.ContainsFunc(taken, func(o periods.Period) bool { return p.From.Before(o.To) && o.From.Before(p.To) })
		_, err := open(l, p.Name, p.From, p.To)
		switch {
		case overlaps && !errors.Is(err, periods.ErrOverlap):
			rt.Fatalf("%s to %s overlaps, and: %v", p.From, p.To, err)
		case !overlaps && err != nil:
			rt.Fatalf("%s to %s: %v", p.From, p.To, err)
		case err == nil:
			taken = append(taken, p)
		}
	})
}

func TestIntervalReadsInItsOwnTimeZone(t *testing.T) {
	for _, c := range []struct {
		zone, from, to, want string
	}{
		{"UTC", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z", "2026-01-01 up to, not including, 2026-04-01 (UTC)"},
		{"Europe/Berlin", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z", "2026-01-01 up to, not including, 2026-04-01 (Europe/Berlin)"},
		{"Europe/Berlin", "2026-01-01T00:00:00Z", "2026-03-31T22:00:00Z", "2026-01-01 01:00:00 up to, not including, 2026-04-01 (Europe/Berlin)"},
	} {
		p := periods.Period{Timezone: c.zone}
		for text, into := range map[string]*time.Time{c.from: &p.From, c.to: &p.To} {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.Interval(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
