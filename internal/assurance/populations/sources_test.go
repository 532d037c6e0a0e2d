package populations_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"scaf.dev/scaf/internal/act"
	"scaf.dev/scaf/internal/assurance/controls"
	"scaf.dev/scaf/internal/assurance/populations"
	"scaf.dev/scaf/internal/governance/people"
	"scaf.dev/scaf/internal/operations/changes"
	"scaf.dev/scaf/internal/platform/store"
	"scaf.dev/scaf/internal/platform/store/storetest"
	"scaf.dev/scaf/internal/record"
	"scaf.dev/scaf/internal/trust/ledger"
	"scaf.dev/scaf/internal/trust/ledger/ledgertest"
)

// stopped takes one item and no more.
func stopped(t *testing.T, l *ledgertest.Ledger, from *controls.Population) {
	t.Helper()
	err := l.DB.Read(context.Background(), func(r *store.Reader) error {
		stream, err := populations.Open(populations.Stored(r), kinds, from, populations.Window{From: ledgertest.Begin, To: ledgertest.Begin.Add(time.Hour), Zone: time.UTC})
		if err != nil {
			return err
		}
		for _, err := range stream.Items() {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLeaversAreThoseWhoLeftInTheWindow(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		person := func(id, left string) record.Change {
			p := people.Person{ID: id, Name: "Somebody", Employment: people.Employee, State: people.Active, JoinedAt: pointer(at(t, "2020-01-01T00:00:00Z"))}
			if left != "" {
				p.State, p.LeftAt = people.Left, pointer(at(t, left))
			}
			return record.Change{Verb: "added", ID: id, Doc: p}
		}
		put(t, l, people.Register,
			person("stays", ""),
			person("before", "2026-01-31T23:59:59.999999Z"),
			person("first", "2026-02-01T00:00:00Z"),
			person("berlin", "2026-02-10T00:30:00+01:00"), // the ninth in UTC
			person("b", "2026-02-10T00:00:00Z"),
			person("B", "2026-02-10T00:00:00Z"),
			person("a", "2026-02-10T00:00:00Z"),
			person("end", "2026-03-01T00:00:00Z"),
		)
		window := populations.Window{From: at(t, "2026-02-01T00:00:00Z"), To: at(t, "2026-03-01T00:00:00Z")}
		for _, lines := range [][]string{
			{"from: people", "at: item.left_at"},
			{"from: people", "at: item.left_at", "where: has(item.left_at)"},
			{"from: people", "at: item.left_at", `where: item.state == "left"`},
		} {
			got := read(t, l.DB, population(t, lines...), window)
			if want := []string{"first", "berlin", "B", "a", "b"}; !slices.Equal(got.ids, want) {
				t.Errorf("%v: %v, want %v", lines, got.ids, want)
			}
		}
	})
}

// TestFilterThatFailsKeepsTheItem: an item about which the filter cannot say
// anything is not left out behind anybody's back.
func TestFilterThatFailsKeepsTheItem(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		put(t, l, changes.Register,
			record.Change{Verb: "added", ID: "a", Doc: map[string]any{"id": "a", "merged_at": l.Clock.Now(), "title": "10"}},
			record.Change{Verb: "added", ID: "b", Doc: map[string]any{"id": "b", "merged_at": l.Clock.Now(), "title": "x"}},
			record.Change{Verb: "added", ID: "c", Doc: map[string]any{"id": "c", "merged_at": l.Clock.Now(), "title": "1"}},
		)
		window := populations.Window{From: l.Clock.Now(), To: l.Clock.Now().Add(time.Microsecond)}
		for _, lines := range [][]string{
			{"from: changes", "where: int(item.title) > 5"},
			{"from: changes", "where: int(item.title) > 5", "at: timestamp(string(item.merged_at))"}, // not the database's order
		} {
			got := read(t, l.DB, population(t, lines...), window)
			if want := []string{"a", "b"}; !slices.Equal(got.ids, want) {
				t.Errorf("%v: %v, want %v", lines, got.ids, want)
			}
		}
	})
}

func TestEventsAreThoseOfTheWindowAsOfTheCheckpoint(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		event := func(source, id, time string, data any) []byte {
			doc := map[string]any{"specversion": "1.0", "id": id, "source": source, "type": "com.example.login", "data": data}
			if time != "" {
				doc["time"] = time
			}
			body, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
		l.Add(t,
			event("//b", "2", "2026-02-02T00:00:00Z", map[string]any{"user": "ann", "at": "2026-02-20T00:00:00Z"}),
			event("//a", "10", "2026-02-01T23:00:00-01:00", map[string]any{"user": "ben", "asserted": true}),
			event("//a", "2", "2026-02-02T00:00:00Z", 3),
			event("//a", "before", "2026-01-31T23:59:59.9999999Z", nil),
			event("//a", "end", "2026-03-01T00:00:00Z", map[string]any{"at": "2026-02-19T00:00:00Z"}),
			event("//a", "undated", "", nil), // when it was recorded: in March
		)
		checkpoint := int64(6)
		l.Add(t, event("//a", "later", "2026-02-05T00:00:00Z", nil))
		window := populations.Window{From: at(t, "2026-02-01T00:00:00Z"), To: at(t, "2026-03-01T00:00:00Z"), AsOf: checkpoint}

		all := read(t, l.DB, population(t, "from: events"), window)
		if want := []string{"10", "2", "2"}; !slices.Equal(all.ids, want) {
			t.Fatalf("%v, want %v", all.ids, want)
		}
		if !strings.Contains(all.docs[1], `"source":"//b"`) || !strings.Contains(all.docs[2], `"data":3`) {
			t.Errorf("events of one instant and id are not in the order of the ledger: %v", all.docs)
		}
		if all.asserted != 0 {
			t.Errorf("%d events count as asserted: only a register's field can say so", all.asserted)
		}
		some := read(t, l.DB, population(t, "from: events", `where: type(item.data) == map && has(item.data.user)`), window)
		if want := []string{"10", "2"}; !slices.Equal(some.ids, want) {
			t.Errorf("filtered: %v, want %v", some.ids, want)
		}
		// By another instant than the event's own time.
		other := read(t, l.DB, population(t, "from: events", `where: type(item.data) == map && has(item.data.at)`, "at: item.data.at"), window)
		if want := []string{"end", "2"}; !slices.Equal(other.ids, want) {
			t.Errorf("by an instant in the data: %v, want %v", other.ids, want)
		}
		window.AsOf = 0
		now := read(t, l.DB, population(t, "from: events"), window)
		if want := []string{"10", "2", "2", "later"}; !slices.Equal(now.ids, want) {
			t.Errorf("now: %v, want %v", now.ids, want)
		}
	})
}

// check is what a log check says.
type check struct {
	ID     string     `json:"id"`
	DueAt  time.Time  `json:"due_at"`
	DoneAt *time.Time `json:"done_at"`
	OK     bool       `json:"ok"`
	Event  *int64     `json:"event"`
}

func logChecks(t *testing.T, l *ledgertest.Ledger, window populations.Window) []check {
	t.Helper()
	var all []check
	for _, doc := range read(t, l.DB, population(t, "from: log_checks"), window).docs {
		var one check
		if err := json.Unmarshal([]byte(doc), &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one)
	}
	return all
}

func TestLogChecksAreDoneByTheFirstVerificationOfTheDay(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		berlin := zone(t, "Europe/Berlin")
		verified := func(when, outcome string) {
			l.Clock.Set(at(t, when))
			say(t, l, act.Event{Type: ledger.VerifiedType, Subject: "ledger", Outcome: outcome})
		}
		verified("2026-03-27T23:10:00Z", act.Success) // the 28th in Berlin
		verified("2026-03-28T12:00:00Z", act.Failure)
		verified("2026-03-29T21:59:59.999999Z", act.Failure) // the last microsecond of a day of 23 hours
		verified("2026-03-29T22:00:00Z", act.Success)        // the 30th
		say(t, l, act.Event{Type: "scaf.ledger.verified.v2", Subject: "ledger"})
		checkpoint := int64(5)
		verified("2026-03-31T10:00:00Z", act.Success)

		done := func(id, due, when string, ok bool, event int64) check {
			return check{id, at(t, due), pointer(at(t, when)), ok, &event}
		}
		want := []check{
			done("2026-03-28", "2026-03-28T22:59:59.999999Z", "2026-03-27T23:10:00Z", true, 0),
			done("2026-03-29", "2026-03-29T21:59:59.999999Z", "2026-03-29T21:59:59.999999Z", false, 2),
			done("2026-03-30", "2026-03-30T21:59:59.999999Z", "2026-03-29T22:00:00Z", true, 3),
			{ID: "2026-03-31", DueAt: at(t, "2026-03-31T21:59:59.999999Z")}, // verified after the checkpoint
		}
		for name, window := range map[string]populations.Window{
			"midnight to midnight": {From: time.Date(2026, 3, 28, 0, 0, 0, 0, berlin), To: time.Date(2026, 4, 1, 0, 0, 0, 0, berlin)},
			// The verification of the first day lies before the window, its duty in it.
			"from mid-day":                       {From: time.Date(2026, 3, 28, 13, 0, 0, 0, berlin), To: time.Date(2026, 4, 1, 12, 0, 0, 0, berlin)},
			"from the last due instant of a day": {From: at(t, "2026-03-28T22:59:59.999999Z"), To: time.Date(2026, 4, 1, 0, 0, 0, 0, berlin)},
		} {
			window.Zone, window.AsOf = berlin, checkpoint
			if diff := cmp.Diff(want, logChecks(t, l, window)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		short := populations.Window{From: time.Date(2026, 3, 28, 0, 0, 0, 0, berlin), To: at(t, "2026-03-30T21:59:59.999999Z"), Zone: berlin, AsOf: checkpoint}
		if diff := cmp.Diff(want[:2], logChecks(t, l, short)); diff != "" {
			t.Errorf("the due instant at the window's end is in it (-want +got):\n%s", diff)
		}
	})
}

func TestLogChecksHaveEveryDayOfTheCalendarOnce(t *testing.T) {
	l := ledgertest.New(t, storetest.SQLite(t), kinds...)
	for _, name := range []string{
		"UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Kiritimati",
		"America/Santiago", "America/Havana", "Africa/Cairo", "Asia/Beirut", // days without a midnight
		"Pacific/Apia", // no 30 December 2011
	} {
		where := zone(t, name)
		for _, year := range []int{2011, 2018, 2024, 2026} {
			window := populations.Window{
				From: time.Date(year, 1, 1, 0, 0, 0, 0, where), To: time.Date(year+1, 1, 1, 0, 0, 0, 0, where), Zone: where,
			}
			var want []string
			for day := time.Date(year, 1, 1, 12, 0, 0, 0, time.UTC); day.Year() == year; day = day.AddDate(0, 0, 1) {
				if name == "Pacific/Apia" && day.Format(time.DateOnly) == "2011-12-30" {
					continue
				}
				want = append(want, day.Format(time.DateOnly))
			}
			var got []string
			for _, one := range logChecks(t, l, window) {
				got = append(got, one.ID)
				if day := one.DueAt.In(where).Format(time.DateOnly); day != one.ID {
					t.Errorf("%s: the check of %s is due on %s", name, one.ID, day)
				}
				if next := one.DueAt.Add(time.Microsecond).In(where).Format(time.DateOnly); next == one.ID {
					t.Errorf("%s: the check of %s is due before the day's end, at %s", name, one.ID, one.DueAt)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s %d (-want +got):\n%s", name, year, diff)
			}
		}
	}
}

func TestSourcesThatTheStoreDoesNotKeep(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		if _, err := tryRead(l.DB, population(t, "from: items"), populations.Window{}); !errors.Is(err, populations.ErrSource) {
			t.Errorf("items of a file: %v, want ErrSource", err)
		}
		unknown := population(t, "from: changes")
		unknown.From = "vendors"
		if _, err := tryRead(l.DB, unknown, populations.Window{}); !errors.Is(err, record.ErrRegister) {
			t.Errorf("an unknown register: %v, want ErrRegister", err)
		}
	})
}

// emptyRoot is the root of a log without events (RFC 6962): SHA-256 of nothing.
const emptyRoot = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestBankedPopulationsAreNumberedAndListedInOrder(t *testing.T) {
	ledgertest.EachOf(t, kinds, func(t *testing.T, l *ledgertest.Ledger) {
		for i := range 11 { // POP-10 sorts before POP-9, and the clock stands still
			if i == 5 {
				l.Clock.Advance(-time.Hour) // or goes back
			}
			_, err := l.Do(context.Background(), ledgertest.Operator, "test", "test", func(tx *act.Tx) error {
				b, err := populations.Bank(tx, populations.Banked{Control: "C-1", Test: "one", Period: []string{"Q1", "Q2"}[i%2], Count: int64(i), Checkpoint: populations.Checkpoint{Root: emptyRoot}})
				if err == nil && (b.ID != fmt.Sprintf("POP-%d", i+1) || b.BankedBy != ledgertest.Operator.ID || !b.BankedAt.Equal(tx.Now())) {
					t.Errorf("banked: %+v", b)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		err := l.DB.Read(context.Background(), func(r *store.Reader) error {
			all, err := populations.List(r, "")
			if err != nil {
				return err
			}
			for i, b := range all {
				if b.ID != fmt.Sprintf("POP-%d", i+1) {
					t.Errorf("number %d of the list is %s", i+1, b.ID)
				}
			}
			odd, err := populations.List(r, "Q2")
			if err != nil || len(all) != 11 || len(odd) != 5 {
				t.Errorf("%d in all, %d of Q2, %v", len(all), len(odd), err)
			}
			got, err := populations.Get(r, "POP-7")
			if err != nil || got.Count != 6 {
				t.Errorf("POP-7: %+v, %v", got, err)
			}
			if _, err := populations.Get(r, "POP-99"); !errors.Is(err, record.ErrNone) {
				t.Errorf("POP-99: %v, want ErrNone", err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		l.Verify(t, kinds)
	})
}
